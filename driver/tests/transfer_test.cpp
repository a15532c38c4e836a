// Transfers follow each other, pause, recover and end as they should.
#include "../core/transfer.h"
#include "check.h"

static void statuses_have_their_meaning() {
    CHECK(endingOf(0) == Ending::Done);
    CHECK(endingOf(static_cast<int32_t>(0xe00002d6)) == Ending::TimedOut);
    CHECK(endingOf(static_cast<int32_t>(0xe0005000)) == Ending::Stalled);
    CHECK(endingOf(static_cast<int32_t>(0xe00002eb)) == Ending::Aborted);
    CHECK(endingOf(static_cast<int32_t>(0xe00002c0)) == Ending::Gone);
    CHECK(endingOf(static_cast<int32_t>(0xe00002bc)) == Ending::Failed);
    CHECK(endingOf(1) == Ending::Failed);
}

static void one_transfer_at_a_time() {
    Lane lane = {};
    CHECK(lane.mayStart());
    CHECK(!lane.mayStart() && lane.isInFlight());
    CHECK(lane.ended(Ending::Done, true) == Next::Submit);
    CHECK(!lane.isInFlight() && lane.mayStart());
}

static void without_work_it_waits() {
    Lane lane = {};
    CHECK(lane.mayStart());
    CHECK(lane.ended(Ending::Done, false) == Next::Wait);
    CHECK(lane.mayStart());
}

static void a_stall_is_cleared() {
    Lane lane = {};
    CHECK(lane.mayStart());
    CHECK(lane.ended(Ending::Stalled, false) == Next::ClearStall);
    CHECK(lane.mayStart());
}

static void failures_in_a_row_end_it() {
    Lane lane = {};
    for (uint32_t i = 1; i < Lane::kMaxFailures; i++) {
        CHECK(lane.mayStart());
        CHECK(lane.ended(i % 2 == 0 ? Ending::Stalled : Ending::Failed, true) != Next::Rest);
    }
    CHECK(lane.mayStart());
    CHECK(lane.ended(Ending::Failed, true) == Next::Rest);
    CHECK(lane.isResting() && !lane.mayStart());
}

static void a_success_forgives_failures() {
    Lane lane = {};
    for (uint32_t i = 0; i < 10 * Lane::kMaxFailures; i++) {
        CHECK(lane.mayStart());
        CHECK(lane.ended(i % 2 == 0 ? Ending::Failed : Ending::Done, true) == Next::Submit);
    }
}

static void unplugging_and_aborting_end_it() {
    const Ending endings[] = {Ending::Gone, Ending::Aborted};
    for (const Ending ending : endings) {
        Lane lane = {};
        CHECK(lane.mayStart());
        CHECK(lane.ended(ending, true) == Next::Rest);
        CHECK(!lane.mayStart());
    }
}

static void a_completion_after_the_stop_starts_nothing() {
    Lane lane = {};
    CHECK(lane.mayStart());
    lane.rest();
    CHECK(lane.isInFlight());
    CHECK(lane.ended(Ending::Done, true) == Next::Rest);
    CHECK(!lane.isInFlight() && !lane.mayStart());
}

int main() {
    statuses_have_their_meaning();
    one_transfer_at_a_time();
    without_work_it_waits();
    a_stall_is_cleared();
    failures_in_a_row_end_it();
    a_success_forgives_failures();
    unplugging_and_aborting_end_it();
    a_completion_after_the_stop_starts_nothing();
    return summary("transfer");
}
