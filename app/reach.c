// Explains the results of IOKit. Numbers: xnu iokit/IOKit/IOReturn.h.
#include "reach.h"

const char *reach_name(enum Reach reach) {
    switch (reach) {
    case REACH_NO_SERVICE: return "no-service";
    case REACH_NOT_OPENED: return "not-opened";
    case REACH_NO_STATISTICS: return "no-statistics";
    case REACH_ODD_ANSWER: return "odd-answer";
    case REACH_ANSWERED: return "answered";
    }
    return "unknown";
}

static const char *open_sentence(uint32_t result) {
    switch (result) {
    case 0xe00002e2:  // kIOReturnNotPermitted
        return "macOS does not let this app open it: its signature lacks `com.apple.developer.driverkit.userclient-access` with the driver's "
               "identifier";
    case 0xe00002c1: return "the driver lets only privileged programs in";  // kIOReturnNotPrivileged
    case 0xe00002c5: return "another program has opened it exclusively";    // kIOReturnExclusiveAccess
    case 0xe00002c7: return "the driver offers no such connection";         // kIOReturnUnsupported
    default: return "the connection was refused";
    }
}

const char *reach_sentence(enum Reach reach, uint32_t result) {
    switch (reach) {
    case REACH_NO_SERVICE:
        return "no such service: the device is not attached, its numbers match no personality, or the driver did not start (see its log)";
    case REACH_NOT_OPENED: return open_sentence(result);
    case REACH_NO_STATISTICS: return "the driver is there and did not answer: it may have crashed or been unplugged this moment";
    case REACH_ODD_ANSWER: return "the driver speaks another version of the protocol than this app: an older driver may still be running";
    case REACH_ANSWERED: return "the driver answered";
    }
    return "unknown";
}
