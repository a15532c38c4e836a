// Decorations that C headers use.
#ifndef OPEN_SDK_SYS_CDEFS_H
#define OPEN_SDK_SYS_CDEFS_H

#ifdef __cplusplus
#define __BEGIN_DECLS extern "C" {
#define __END_DECLS }
#else
#define __BEGIN_DECLS
#define __END_DECLS
#endif

#define __unused __attribute__((unused))
#define __printflike(at, first) __attribute__((format(printf, at, first)))

#endif
