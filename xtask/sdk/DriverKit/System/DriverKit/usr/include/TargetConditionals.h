// What is compiled for: DriverKit, and nothing else.
#ifndef OPEN_SDK_TARGETCONDITIONALS_H
#define OPEN_SDK_TARGETCONDITIONALS_H

#ifndef TARGET_OS_DRIVERKIT
#define TARGET_OS_DRIVERKIT 1
#endif
#ifndef TARGET_OS_OSX
#define TARGET_OS_OSX 0
#endif
#ifndef TARGET_OS_MAC
#define TARGET_OS_MAC 1
#endif

#endif
