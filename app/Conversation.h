// One conversation with a running driver: open its user client, ask for statistics, close.
#import <Foundation/Foundation.h>

#import "Driver.h"

#include "../driver/core/protocol.h"
#include "reach.h"

NS_ASSUME_NONNULL_BEGIN

@interface Conversation : NSObject

@property (nonatomic, readonly, strong) Driver *driver;
// The service that was found, or nil.
@property (nonatomic, readonly, copy, nullable) NSString *service;
@property (nonatomic, readonly) enum Reach reach;
// The IOReturn of the last call.
@property (nonatomic, readonly) uint32_t result;
// Filled when the driver answered.
@property (nonatomic, readonly) struct UsbInterfaceStatistics statistics;

// Tries every service of the driver's personalities until one answers; otherwise the farthest attempt counts.
- (instancetype)initWith:(Driver *)driver;

@end

NS_ASSUME_NONNULL_END
