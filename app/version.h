// Which of two versions of a driver is the newer one, and whether it may replace the other.
#pragma once

#include <stdbool.h>

// What macOS tells versions of one driver apart by: the pair, not either of them.
struct Version {
    const char *marketing;  // CFBundleShortVersionString
    const char *build;      // CFBundleVersion
};

enum Order { ORDER_OLDER, ORDER_SAME, ORDER_NEWER, ORDER_UNKNOWN };

// Where `candidate` stands, seen from `existing`. The build decides, as it does for the kernel; the marketing version only between equal
// builds. A build outside the kernel's grammar has no order (it is the same only if the text is).
enum Order version_order(struct Version candidate, struct Version existing);

// The same pair, letter by letter.
bool version_is(struct Version one, struct Version other);

enum Replacement { REPLACEMENT_REPLACE, REPLACEMENT_REFUSE_DOWNGRADE, REPLACEMENT_REFUSE_UNORDERED };

// Whether the bundled driver takes the place of the one macOS has.
enum Replacement replacement_decide(struct Version bundled, struct Version existing, bool allow_downgrade);
