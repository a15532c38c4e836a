/* The root class and its protocol. */
#ifndef _OBJC_NSOBJECT_H_
#define _OBJC_NSOBJECT_H_

#include <objc/objc.h>
#include <stdint.h>

typedef long NSInteger;
typedef unsigned long NSUInteger;

@class NSString;

#pragma clang assume_nonnull begin

@protocol NSObject
- (BOOL)isEqual:(nullable id)object;
- (NSUInteger)hash;
- (Class)class;
- (BOOL)isKindOfClass:(Class)aClass;
- (BOOL)respondsToSelector:(null_unspecified SEL)selector;
@property (readonly, copy) NSString *description;
@end

__attribute__((objc_root_class))
@interface NSObject <NSObject> {
    Class isa __attribute__((deprecated));
}
+ (instancetype)alloc;
+ (instancetype)new;
+ (Class)class;
- (instancetype)init;
- (void)dealloc;
@end

#pragma clang assume_nonnull end

#endif
