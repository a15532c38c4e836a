/* Since when an interface exists. Calling one that is newer than the deployment target is a warning. */
#ifndef __AVAILABILITY__
#define __AVAILABILITY__

#define API_AVAILABLE_macos(version) __attribute__((availability(macos, introduced = version)))
#define API_AVAILABLE(platform) API_AVAILABLE_##platform
/* The introduced platform is written `macos(12.0)`: nothing else is in this subset. */

#endif
