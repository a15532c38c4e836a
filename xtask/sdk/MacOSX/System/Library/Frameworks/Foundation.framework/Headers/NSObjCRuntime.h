/* Words shared by all headers of Foundation. */
#ifndef _FOUNDATION_NSOBJCRUNTIME_H
#define _FOUNDATION_NSOBJCRUNTIME_H

#include <Availability.h>
#include <TargetConditionals.h>
#include <objc/NSObject.h>

#define NS_ASSUME_NONNULL_BEGIN _Pragma("clang assume_nonnull begin")
#define NS_ASSUME_NONNULL_END _Pragma("clang assume_nonnull end")

#define NS_ENUM(type, name)                                             \
    enum __attribute__((enum_extensibility(open))) name : type name;    \
    enum name : type
#define NS_OPTIONS(type, name)                                                     \
    enum __attribute__((flag_enum, enum_extensibility(open))) name : type name;    \
    enum name : type
#define NS_FORMAT_FUNCTION(format, first) __attribute__((__format__(__NSString__, format, first)))
#define NS_UNAVAILABLE __attribute__((unavailable))

/* Values: NSOrderedAscending is -1 everywhere. */
typedef NS_ENUM(NSInteger, NSComparisonResult) { NSOrderedAscending = -1, NSOrderedSame = 0, NSOrderedDescending = 1 };

#endif
