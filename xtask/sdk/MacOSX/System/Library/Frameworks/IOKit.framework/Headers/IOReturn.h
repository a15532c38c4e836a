/* The results of IOKit calls that the app tells apart. Numbers: xnu iokit/IOKit/IOReturn.h. */
#ifndef __IOKIT_IORETURN_H
#define __IOKIT_IORETURN_H

#include <mach/mach.h>

typedef kern_return_t IOReturn;

#define kIOReturnSuccess KERN_SUCCESS
#define kIOReturnNoDevice ((IOReturn)0xe00002c0)
#define kIOReturnNotPrivileged ((IOReturn)0xe00002c1)
#define kIOReturnBadArgument ((IOReturn)0xe00002c2)
#define kIOReturnExclusiveAccess ((IOReturn)0xe00002c5)
#define kIOReturnUnsupported ((IOReturn)0xe00002c7)
#define kIOReturnNotReady ((IOReturn)0xe00002d8)
#define kIOReturnNotPermitted ((IOReturn)0xe00002e2)
#define kIOReturnNotFound ((IOReturn)0xe00002f0)

#endif
