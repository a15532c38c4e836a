/* The bundle a program was started from. */
#ifndef _FOUNDATION_NSBUNDLE_H
#define _FOUNDATION_NSBUNDLE_H

#import <Foundation/NSString.h>

@class NSURL;

NS_ASSUME_NONNULL_BEGIN

@interface NSBundle : NSObject
@property (class, readonly, strong) NSBundle *mainBundle;
@property (readonly, copy) NSURL *bundleURL;
@end

NS_ASSUME_NONNULL_END

#endif
