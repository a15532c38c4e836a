// Judges what was seen. A request that macOS calls completed proves nothing; what it reports afterwards does.
#include "verdict.h"

enum State state_of(struct Version bundled, const struct Found *found, size_t count) {
    bool has_bundled = false, bundled_enabled = false, bundled_waits = false, bundled_differs = false;
    bool has_other = false, other_enabled = false, has_leftovers = false;
    for (size_t i = 0; i < count; i++) {
        const struct Found *it = &found[i];
        if (it->uninstalling) {
            has_leftovers = true;
        } else if (version_is(it->version, bundled)) {
            has_bundled = true;
            bundled_enabled |= it->enabled && !it->awaiting_approval;
            bundled_waits |= it->awaiting_approval;
            bundled_differs |= it->executable == SAMENESS_DIFFERENT;
        } else {
            has_other = true;
            other_enabled |= it->enabled;
        }
    }
    if (has_bundled && bundled_differs) return STATE_OTHER_BYTES;
    if (other_enabled) return STATE_OTHER_VERSION;
    if (bundled_enabled) return STATE_ACTIVE;
    if (bundled_waits) return STATE_AWAITING_APPROVAL;
    if (has_bundled) return STATE_DISABLED;
    if (has_other) return STATE_OTHER_VERSION;
    return has_leftovers ? STATE_UNINSTALLING : STATE_ABSENT;
}

const char *state_name(enum State state) {
    switch (state) {
    case STATE_UNKNOWN: return "unknown";
    case STATE_ABSENT: return "absent";
    case STATE_ACTIVE: return "active";
    case STATE_AWAITING_APPROVAL: return "awaiting-approval";
    case STATE_DISABLED: return "disabled";
    case STATE_OTHER_VERSION: return "other-version";
    case STATE_OTHER_BYTES: return "other-bytes";
    case STATE_UNINSTALLING: return "uninstalling";
    }
    return "unknown";
}

const char *state_sentence(enum State state) {
    switch (state) {
    case STATE_UNKNOWN: return "macOS did not say which versions it has";
    case STATE_ABSENT: return "macOS has no version of this driver";
    case STATE_ACTIVE: return "the bundled version is enabled";
    case STATE_AWAITING_APPROVAL:
        return "the bundled version waits for approval: System Settings > General > Login Items & Extensions > Driver Extensions "
               "(before macOS 15: Privacy & Security)";
    case STATE_DISABLED: return "the bundled version is there and not enabled: switched off in System Settings, or not yet in place";
    case STATE_OTHER_VERSION: return "another version than the bundled one is there";
    case STATE_OTHER_BYTES:
        return "macOS has this version with another executable, and keeps it while the version is the same: raise the driver's build number";
    case STATE_UNINSTALLING: return "what is left goes with the next restart";
    }
    return "macOS did not say which versions it has";
}

static enum Exit exit_for_bundled(enum State state) {
    switch (state) {
    case STATE_ACTIVE: return EXIT_AS_ASKED;
    case STATE_AWAITING_APPROVAL: return EXIT_APPROVAL;
    case STATE_UNINSTALLING: return EXIT_RESTART;
    case STATE_UNKNOWN:
    case STATE_ABSENT:
    case STATE_DISABLED:
    case STATE_OTHER_VERSION:
    case STATE_OTHER_BYTES: return EXIT_OTHERWISE;
    }
    return EXIT_OTHERWISE;
}

static enum Exit exit_for_removal(enum State state) {
    switch (state) {
    case STATE_ABSENT: return EXIT_AS_ASKED;
    case STATE_UNINSTALLING: return EXIT_RESTART;
    case STATE_UNKNOWN:
    case STATE_ACTIVE:
    case STATE_AWAITING_APPROVAL:
    case STATE_DISABLED:
    case STATE_OTHER_VERSION:
    case STATE_OTHER_BYTES: return EXIT_OTHERWISE;
    }
    return EXIT_OTHERWISE;
}

enum Exit verdict(enum Command command, enum Ending ending, enum State state) {
    switch (ending) {
    case ENDING_REFUSED: return EXIT_REFUSED;
    case ENDING_TIMED_OUT: return state == STATE_AWAITING_APPROVAL ? EXIT_APPROVAL : EXIT_NO_ANSWER;
    // The old version may still be the one that runs, so whatever is seen now is not yet what was asked.
    case ENDING_AFTER_RESTART: return state == STATE_OTHER_BYTES ? EXIT_OTHERWISE : EXIT_RESTART;
    case ENDING_COMPLETED: break;
    }
    return command == COMMAND_DEACTIVATE ? exit_for_removal(state) : exit_for_bundled(state);
}

enum Exit graver(enum Exit one, enum Exit other) {
    // Most grave first. A refusal hides everything; a restart is only a delay.
    static const enum Exit GRAVITY[] = { EXIT_MISUSE,    EXIT_REFUSED,  EXIT_CANNOT_ASK, EXIT_OTHERWISE,
                                         EXIT_NO_ANSWER, EXIT_APPROVAL, EXIT_RESTART };
    for (size_t i = 0; i < sizeof GRAVITY / sizeof GRAVITY[0]; i++) {
        if (one == GRAVITY[i] || other == GRAVITY[i]) return GRAVITY[i];
    }
    return EXIT_AS_ASKED;
}
