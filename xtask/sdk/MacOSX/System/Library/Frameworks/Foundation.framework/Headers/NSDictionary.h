/* Key and value collections, as property lists hold them. */
#ifndef _FOUNDATION_NSDICTIONARY_H
#define _FOUNDATION_NSDICTIONARY_H

#import <Foundation/NSEnumerator.h>

@class NSArray<ObjectType>, NSError, NSURL;

NS_ASSUME_NONNULL_BEGIN

@interface NSDictionary<__covariant KeyType, __covariant ObjectType> : NSObject <NSFastEnumeration>
/* Reads a property list whose root is a dictionary. */
+ (nullable NSDictionary<NSString *, ObjectType> *)dictionaryWithContentsOfURL:(NSURL *)url
                                                                          error:(NSError *_Nullable *_Nullable)error
    API_AVAILABLE(macos(10.13));

@property (readonly) NSUInteger count;
@property (readonly, copy) NSArray<ObjectType> *allValues;

- (nullable ObjectType)objectForKeyedSubscript:(KeyType)key;
@end

NS_ASSUME_NONNULL_END

#endif
