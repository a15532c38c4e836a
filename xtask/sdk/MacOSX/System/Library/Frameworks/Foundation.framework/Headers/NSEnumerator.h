/* What `for (… in …)` asks of a collection. The layout is ABI: the compiler fills and reads it. */
#ifndef _FOUNDATION_NSENUMERATOR_H
#define _FOUNDATION_NSENUMERATOR_H

#import <Foundation/NSObjCRuntime.h>

typedef struct {
    unsigned long state;
    id __unsafe_unretained _Nullable *_Nullable itemsPtr;
    unsigned long *_Nullable mutationsPtr;
    unsigned long extra[5];
} NSFastEnumerationState;

@protocol NSFastEnumeration
- (NSUInteger)countByEnumeratingWithState:(NSFastEnumerationState *_Nonnull)state
                                  objects:(id __unsafe_unretained _Nullable[_Nonnull])buffer
                                    count:(NSUInteger)count;
@end

#endif
