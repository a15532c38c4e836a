/* Places, here always files. */
#ifndef _FOUNDATION_NSURL_H
#define _FOUNDATION_NSURL_H

#import <Foundation/NSString.h>

NS_ASSUME_NONNULL_BEGIN

typedef NSString *NSURLResourceKey;

@interface NSURL : NSObject
@property (nullable, readonly, copy) NSString *path;
@property (nullable, readonly, copy) NSString *lastPathComponent;
@property (nullable, readonly, copy) NSString *pathExtension;

- (nullable NSURL *)URLByAppendingPathComponent:(NSString *)component;
@end

NS_ASSUME_NONNULL_END

#endif
