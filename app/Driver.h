// A driver extension that lies in this app.
#import <Foundation/Foundation.h>

#include "version.h"

NS_ASSUME_NONNULL_BEGIN

@interface Driver : NSObject

// The folder inside the app: <identifier>.dext.
@property (nonatomic, readonly, strong) NSURL *location;
@property (nonatomic, readonly, copy) NSString *identifier;
@property (nonatomic, readonly, copy) NSString *executable;
// Borrowed from this object: valid as long as it is.
@property (nonatomic, readonly) struct Version version;
// The classes its personalities start (IOUserClass): the names its services have in the I/O registry.
@property (nonatomic, readonly, copy) NSArray<NSString *> *serviceNames;

// All drivers in the app that runs, in the order of their names; nil, with a reason, when one of them cannot be read or there is none.
+ (nullable NSArray<Driver *> *)bundled:(NSString *_Nullable *_Nonnull)problem;

@end

NS_ASSUME_NONNULL_END
