/* What went wrong, as a domain and a number in it. */
#ifndef _FOUNDATION_NSERROR_H
#define _FOUNDATION_NSERROR_H

#import <Foundation/NSString.h>

NS_ASSUME_NONNULL_BEGIN

typedef NSString *NSErrorDomain;

@interface NSError : NSObject
@property (readonly, copy) NSErrorDomain domain;
@property (readonly) NSInteger code;
@property (readonly, copy) NSString *localizedDescription;
@end

NS_ASSUME_NONNULL_END

#endif
