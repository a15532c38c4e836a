// Everything of USBDriverKit that this subset has. IOUSBHostDevice is only declared.
#ifndef OPEN_SDK_USBDRIVERKIT_H
#define OPEN_SDK_USBDRIVERKIT_H

#include <USBDriverKit/AppleUSBDefinitions.h>
#include <USBDriverKit/USBDriverKitDefs.h>
#include <USBDriverKit/IOUSBHostPipe.h>
#include <USBDriverKit/IOUSBHostInterface.h>

#endif
