/* Text. */
#ifndef _FOUNDATION_NSSTRING_H
#define _FOUNDATION_NSSTRING_H

#import <Foundation/NSObjCRuntime.h>

NS_ASSUME_NONNULL_BEGIN

@interface NSString : NSObject
+ (instancetype)stringWithFormat:(NSString *)format, ... NS_FORMAT_FUNCTION(1, 2);
+ (nullable instancetype)stringWithUTF8String:(const char *)text;

@property (readonly) NSUInteger length;
/* Lives as long as the autorelease pool around the call. NULL when the text has no UTF-8 form. */
@property (nullable, readonly) const char *UTF8String;

- (BOOL)isEqualToString:(NSString *)other;
- (NSComparisonResult)compare:(NSString *)other;
- (NSString *)stringByAppendingPathComponent:(NSString *)component;
@end

/* What @"…" makes. */
@interface NSConstantString : NSString
@end

NS_ASSUME_NONNULL_END

#endif
