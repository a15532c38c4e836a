/* dispatch and os objects are Objective-C objects when Objective-C compiles them, so ARC counts them. */
#ifndef __OS_OBJECT__
#define __OS_OBJECT__

#include <sys/cdefs.h>

#if defined(__OBJC__)
#import <objc/NSObject.h>
#define OS_OBJECT_DECL(name)           \
    @protocol OS_##name <NSObject>     \
    @end                               \
    typedef NSObject<OS_##name> *name##_t
#define OS_OBJECT_RETURNS_RETAINED __attribute__((__ns_returns_retained__))
#else
#define OS_OBJECT_DECL(name) typedef struct name##_s *name##_t
#define OS_OBJECT_RETURNS_RETAINED
#endif

#endif
