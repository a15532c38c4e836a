// What was asked, what macOS answered and what it has now: the state, and the exit code.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "arguments.h"
#include "version.h"

// Whether the executable macOS staged has the bytes of the bundled one. With an unchanged version pair macOS keeps its old copy, so the
// pair alone does not prove it.
enum Sameness { SAMENESS_UNKNOWN, SAMENESS_SAME, SAMENESS_DIFFERENT };

// One version of a driver that macOS has.
struct Found {
    struct Version version;
    bool enabled;
    bool awaiting_approval;
    bool uninstalling;
    enum Sameness executable;
};

enum State {
    STATE_UNKNOWN,            // macOS did not say
    STATE_ABSENT,             // it has none
    STATE_ACTIVE,             // the bundled one, and only that, is enabled
    STATE_AWAITING_APPROVAL,  // the bundled one waits for a person
    STATE_DISABLED,           // the bundled one is there and not in use: switched off, or on its way in
    STATE_OTHER_VERSION,      // another version is there
    STATE_OTHER_BYTES,        // the bundled version, made of other bytes
    STATE_UNINSTALLING,       // only leftovers that go with the next restart
};

// What `found` amounts to, for an app that carries `bundled`.
enum State state_of(struct Version bundled, const struct Found *found, size_t count);

// The state in words for machines: "awaiting-approval".
const char *state_name(enum State state);

// The state as a sentence for a person.
const char *state_sentence(enum State state);

// How the request itself ended.
enum Ending { ENDING_COMPLETED, ENDING_AFTER_RESTART, ENDING_REFUSED, ENDING_TIMED_OUT };

enum Exit {
    EXIT_AS_ASKED = 0,
    EXIT_REFUSED = 1,
    EXIT_MISUSE = 2,
    EXIT_CANNOT_ASK = 3,
    EXIT_APPROVAL = 4,
    EXIT_RESTART = 5,
    EXIT_OTHERWISE = 6,
    EXIT_NO_ANSWER = 7,
};

// The exit code for one driver. Zero only for a state that was seen.
enum Exit verdict(enum Command command, enum Ending ending, enum State state);

// The graver of two exit codes.
enum Exit graver(enum Exit one, enum Exit other);
