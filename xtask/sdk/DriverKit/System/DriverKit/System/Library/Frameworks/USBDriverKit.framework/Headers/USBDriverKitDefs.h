// Options of USB calls, and the release of copied descriptors.
#ifndef OPEN_SDK_USBDRIVERKIT_DEFS_H
#define OPEN_SDK_USBDRIVERKIT_DEFS_H

#include <USBDriverKit/AppleUSBDefinitions.h>

enum IOUSBAbortOptions {
    kIOUSBAbortAsynchronous = 0x0,
    // Return when what was aborted has completed.
    kIOUSBAbortSynchronous = 0x1
};

void IOUSBHostFreeDescriptor(const IOUSBDeviceDescriptor * descriptor);
void IOUSBHostFreeDescriptor(const IOUSBConfigurationDescriptor * descriptor);
void IOUSBHostFreeDescriptor(const IOUSBStringDescriptor * descriptor);

#endif
