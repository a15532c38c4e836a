// Drivers name versions with `__attribute__((availability(driverkit, …)))`; no macros are needed for that.
#ifndef OPEN_SDK_AVAILABILITY_H
#define OPEN_SDK_AVAILABILITY_H
#endif
