/* The words of Objective-C that are not the compiler's own. */
#ifndef _OBJC_OBJC_H_
#define _OBJC_OBJC_H_

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct objc_class *Class;
typedef struct objc_selector *SEL;
struct objc_object;
typedef struct objc_object *id;

/* `bool` on arm64, `signed char` on x86_64: part of every method's type encoding. */
#if defined(__arm64__)
typedef bool BOOL;
#else
typedef signed char BOOL;
#endif

#define YES __objc_yes
#define NO __objc_no
#define nil ((id)0)
#define Nil ((Class)0)

#endif
