// What counts as done: only what macOS reports to be there.
#include "../verdict.h"

#include "check.h"

static const struct Version BUNDLED = { "1.2.0", "12" };

static const struct Found ENABLED = { .version = { "1.2.0", "12" }, .enabled = true, .executable = SAMENESS_SAME };
static const struct Found WAITING = { .version = { "1.2.0", "12" }, .awaiting_approval = true };
static const struct Found SWITCHED_OFF = { .version = { "1.2.0", "12" } };
static const struct Found LEFTOVER = { .version = { "1.1.0", "11" }, .enabled = true, .uninstalling = true };
static const struct Found OTHER = { .version = { "1.1.0", "11" }, .enabled = true };
static const struct Found OTHER_OFF = { .version = { "1.2.0", "13" } };

static void check_state(enum State expected, const struct Found *first, const struct Found *second) {
    struct Found found[2];
    size_t count = 0;
    if (first != NULL) found[count++] = *first;
    if (second != NULL) found[count++] = *second;
    CHECK_TEXT(state_name(state_of(BUNDLED, found, count)), state_name(expected));
    if (count < 2) return;
    const struct Found swapped[2] = { found[1], found[0] };
    CHECK_TEXT(state_name(state_of(BUNDLED, swapped, count)), state_name(expected));
}

static void the_state_comes_from_all_versions_together(void) {
    struct Found unread = ENABLED, changed = ENABLED, contradictory = ENABLED;
    unread.executable = SAMENESS_UNKNOWN;
    changed.executable = SAMENESS_DIFFERENT;
    contradictory.awaiting_approval = true;
    check_state(STATE_ABSENT, NULL, NULL);
    check_state(STATE_ACTIVE, &ENABLED, NULL);
    check_state(STATE_ACTIVE, &unread, NULL);
    check_state(STATE_ACTIVE, &ENABLED, &LEFTOVER);
    check_state(STATE_ACTIVE, &ENABLED, &OTHER_OFF);
    check_state(STATE_AWAITING_APPROVAL, &WAITING, NULL);
    check_state(STATE_AWAITING_APPROVAL, &contradictory, NULL);
    check_state(STATE_DISABLED, &SWITCHED_OFF, NULL);
    check_state(STATE_DISABLED, &SWITCHED_OFF, &OTHER_OFF);
    check_state(STATE_OTHER_VERSION, &OTHER, NULL);
    check_state(STATE_OTHER_VERSION, &OTHER_OFF, NULL);
    check_state(STATE_OTHER_VERSION, &ENABLED, &OTHER);  // two enabled: which one runs is not known
    check_state(STATE_OTHER_VERSION, &WAITING, &OTHER);  // the old one still drives the hardware
    check_state(STATE_OTHER_BYTES, &changed, NULL);
    check_state(STATE_OTHER_BYTES, &changed, &OTHER);
    check_state(STATE_UNINSTALLING, &LEFTOVER, NULL);
}

static void activation_is_done_only_when_the_bundled_version_is_seen(void) {
    CHECK(verdict(COMMAND_ACTIVATE, ENDING_COMPLETED, STATE_ACTIVE) == EXIT_AS_ASKED);
    CHECK(verdict(COMMAND_ACTIVATE, ENDING_COMPLETED, STATE_UNKNOWN) == EXIT_OTHERWISE);
    CHECK(verdict(COMMAND_ACTIVATE, ENDING_COMPLETED, STATE_ABSENT) == EXIT_OTHERWISE);
    CHECK(verdict(COMMAND_ACTIVATE, ENDING_COMPLETED, STATE_OTHER_VERSION) == EXIT_OTHERWISE);
    CHECK(verdict(COMMAND_ACTIVATE, ENDING_COMPLETED, STATE_OTHER_BYTES) == EXIT_OTHERWISE);
    CHECK(verdict(COMMAND_ACTIVATE, ENDING_COMPLETED, STATE_AWAITING_APPROVAL) == EXIT_APPROVAL);
    CHECK(verdict(COMMAND_ACTIVATE, ENDING_AFTER_RESTART, STATE_ACTIVE) == EXIT_RESTART);
    CHECK(verdict(COMMAND_ACTIVATE, ENDING_AFTER_RESTART, STATE_OTHER_BYTES) == EXIT_OTHERWISE);
    CHECK(verdict(COMMAND_ACTIVATE, ENDING_REFUSED, STATE_ACTIVE) == EXIT_REFUSED);
    CHECK(verdict(COMMAND_ACTIVATE, ENDING_TIMED_OUT, STATE_AWAITING_APPROVAL) == EXIT_APPROVAL);
    CHECK(verdict(COMMAND_ACTIVATE, ENDING_TIMED_OUT, STATE_ACTIVE) == EXIT_NO_ANSWER);
}

static void removal_is_done_only_when_nothing_is_left(void) {
    CHECK(verdict(COMMAND_DEACTIVATE, ENDING_COMPLETED, STATE_ABSENT) == EXIT_AS_ASKED);
    CHECK(verdict(COMMAND_DEACTIVATE, ENDING_COMPLETED, STATE_UNKNOWN) == EXIT_OTHERWISE);
    CHECK(verdict(COMMAND_DEACTIVATE, ENDING_COMPLETED, STATE_ACTIVE) == EXIT_OTHERWISE);
    CHECK(verdict(COMMAND_DEACTIVATE, ENDING_COMPLETED, STATE_UNINSTALLING) == EXIT_RESTART);
    CHECK(verdict(COMMAND_DEACTIVATE, ENDING_AFTER_RESTART, STATE_ABSENT) == EXIT_RESTART);
}

static void status_tells_how_it_stands(void) {
    CHECK(verdict(COMMAND_STATUS, ENDING_COMPLETED, STATE_ACTIVE) == EXIT_AS_ASKED);
    CHECK(verdict(COMMAND_STATUS, ENDING_COMPLETED, STATE_ABSENT) == EXIT_OTHERWISE);
    CHECK(verdict(COMMAND_STATUS, ENDING_TIMED_OUT, STATE_UNKNOWN) == EXIT_NO_ANSWER);
    CHECK(verdict(COMMAND_STATUS, ENDING_REFUSED, STATE_UNKNOWN) == EXIT_REFUSED);
}

static void the_gravest_of_several_counts(void) {
    CHECK(graver(EXIT_AS_ASKED, EXIT_AS_ASKED) == EXIT_AS_ASKED);
    CHECK(graver(EXIT_AS_ASKED, EXIT_RESTART) == EXIT_RESTART);
    CHECK(graver(EXIT_RESTART, EXIT_APPROVAL) == EXIT_APPROVAL);
    CHECK(graver(EXIT_APPROVAL, EXIT_OTHERWISE) == EXIT_OTHERWISE);
    CHECK(graver(EXIT_REFUSED, EXIT_NO_ANSWER) == EXIT_REFUSED);
}

int main(void) {
    the_state_comes_from_all_versions_together();
    activation_is_done_only_when_the_bundled_version_is_seen();
    removal_is_done_only_when_nothing_is_left();
    status_tells_how_it_stands();
    the_gravest_of_several_counts();
    return SUMMARY("verdict");
}
