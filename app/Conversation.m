// Talks to the driver through IOKit.
#import "Conversation.h"

#import <IOKit/IOKitLib.h>

#include <stddef.h>

@implementation Conversation

- (instancetype)initWith:(Driver *)driver {
    self = [super init];
    if (self == nil) return self;
    _driver = driver;
    _reach = REACH_NO_SERVICE;
    for (NSString *name in driver.serviceNames) {
        if (_reach == REACH_ANSWERED) break;
        [self tryServicesNamed:name];
    }
    return self;
}

// There is one service for each attached device.
- (void)tryServicesNamed:(NSString *)name {
    io_iterator_t services = IO_OBJECT_NULL;
    // A DriverKit service is registered under the name of its class. The look-up takes the dictionary over.
    const IOReturn result = IOServiceGetMatchingServices(MACH_PORT_NULL, IOServiceNameMatching(name.UTF8String), &services);
    if (result != kIOReturnSuccess) {
        [self came:REACH_NO_SERVICE result:result service:nil];
        return;
    }
    for (io_service_t service; _reach != REACH_ANSWERED && (service = IOIteratorNext(services)) != IO_OBJECT_NULL;) {
        [self ask:service named:name];
        IOObjectRelease(service);
    }
    IOObjectRelease(services);
}

- (void)ask:(io_service_t)service named:(NSString *)name {
    io_connect_t connection = IO_OBJECT_NULL;
    IOReturn result = IOServiceOpen(service, mach_task_self(), 0, &connection);
    if (result != kIOReturnSuccess) {
        [self came:REACH_NOT_OPENED result:result service:name];
        return;
    }
    struct UsbInterfaceStatistics statistics = { 0 };
    size_t size = sizeof statistics;
    result = IOConnectCallStructMethod(connection, kUsbInterfaceStatistics, NULL, 0, &statistics, &size);
    IOServiceClose(connection);
    if (result != kIOReturnSuccess) {
        [self came:REACH_NO_STATISTICS result:result service:name];
    } else if (size != sizeof statistics || statistics.version != kUsbInterfaceStatisticsVersion) {
        [self came:REACH_ODD_ANSWER result:result service:name];
    } else {
        _statistics = statistics;
        [self came:REACH_ANSWERED result:result service:name];
    }
}

- (void)came:(enum Reach)reach result:(IOReturn)result service:(nullable NSString *)name {
    if (reach < _reach) return;
    _reach = reach;
    _result = (uint32_t)result;
    _service = name;
}

@end
