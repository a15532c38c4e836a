// Everything of DriverKit that this subset has.
#ifndef OPEN_SDK_DRIVERKIT_H
#define OPEN_SDK_DRIVERKIT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <DriverKit/IOTypes.h>
#include <DriverKit/IOReturn.h>
#include <DriverKit/IORPC.h>
#include <DriverKit/OSMetaClass.h>
#include <DriverKit/OSObject.h>
#include <DriverKit/OSAction.h>
#include <DriverKit/OSCollections.h>
#include <DriverKit/IODispatchSource.h>
#include <DriverKit/IODispatchQueue.h>
#include <DriverKit/IOMemoryDescriptor.h>
#include <DriverKit/IOMemoryMap.h>
#include <DriverKit/IOBufferMemoryDescriptor.h>
#include <DriverKit/IOService.h>
#include <DriverKit/IOUserClient.h>
#include <DriverKit/IOLib.h>

#endif
