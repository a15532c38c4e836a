/* Which platform is compiled for: always macOS here. */
#ifndef __TARGETCONDITIONALS__
#define __TARGETCONDITIONALS__

/* clang may define some of these itself (-fdefine-target-os-macros, on by default for Darwin). */
#ifndef TARGET_OS_MAC
#define TARGET_OS_MAC 1
#endif
#ifndef TARGET_OS_OSX
#define TARGET_OS_OSX 1
#endif
#ifndef TARGET_OS_IPHONE
#define TARGET_OS_IPHONE 0
#endif
#ifndef TARGET_OS_SIMULATOR
#define TARGET_OS_SIMULATOR 0
#endif
#ifndef TARGET_OS_DRIVERKIT
#define TARGET_OS_DRIVERKIT 0
#endif

#endif
