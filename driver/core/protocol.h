// What a program and the driver say to each other. C, so that the app can include it.
#ifndef USB_INTERFACE_DRIVER_PROTOCOL_H
#define USB_INTERFACE_DRIVER_PROTOCOL_H

#include <stdint.h>

// Selectors of IOConnectCallMethod.
enum {
    // Scalars in: the most bytes wanted. Structure out: the bytes that have arrived, possibly none; it never waits.
    kUsbInterfaceRead = 0,
    // Structure in: 1 to kUsbInterfaceMaxTransfer bytes. Scalars out: how many were taken; the rest is to be offered again.
    kUsbInterfaceWrite = 1,
    // Structure out: UsbInterfaceStatistics.
    kUsbInterfaceStatistics = 2,
    kUsbInterfaceSelectorCount = 3
};

// One call moves at most this much. Larger structures would arrive as memory descriptors instead of bytes.
enum { kUsbInterfaceMaxTransfer = 4096 };

enum { kUsbInterfaceStatisticsVersion = 1 };

// All numbers count from the driver's start. Fields are only ever added at the end, with a new version.
struct UsbInterfaceStatistics {
    uint32_t version;
    // 1 in the self-test flavour, whose pipe is looped back.
    uint32_t isSelfTest;
    uint64_t bytesRead;
    uint64_t bytesWritten;
    uint64_t transfersRead;
    uint64_t transfersWritten;
    // Transfers that ended in an error, stalls and aborts not counted.
    uint64_t errors;
    uint64_t stalls;
    // Transfers that were aborted, by us or by unplugging.
    uint64_t aborts;
    // Times that reading waited because nobody fetched what had arrived.
    uint64_t pauses;
};

#endif
