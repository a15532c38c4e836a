// The order of versions, and who may replace whom.
#include "../version.h"

#include "check.h"

static struct Version build(const char *text) { return (struct Version){ .marketing = "1.0", .build = text }; }

static void check_newer(const char *newer, const char *older) {
    CHECK(version_order(build(newer), build(older)) == ORDER_NEWER);
    CHECK(version_order(build(older), build(newer)) == ORDER_OLDER);
}

static void builds_are_compared_number_by_number(void) {
    check_newer("2", "1");
    check_newer("10", "9");  // not as text
    check_newer("1.10", "1.9.9999");
    check_newer("1.0.1", "1");
    CHECK(version_order(build("1.2"), build("1.2.0")) == ORDER_SAME);
    CHECK(version_order(build("007"), build("7")) == ORDER_SAME);
}

static void a_stage_comes_before_its_release(void) {
    check_newer("2.0", "2.0fc1");
    check_newer("2.0fc1", "2.0b9");
    check_newer("2.0b9", "2.0a255");
    check_newer("2.0a1", "2.0d1");
    check_newer("2.0b10", "2.0b9");
    CHECK(version_order(build("2.0f3"), build("2.0fc3")) == ORDER_SAME);
}

static void check_unordered(const char *text) {
    CHECK(version_order(build(text), build("1")) == ORDER_UNKNOWN);
    CHECK(version_order(build("1"), build(text)) == ORDER_UNKNOWN);
    CHECK(version_order(build(text), build(text)) == ORDER_SAME);
}

static void what_the_kernel_would_not_read_has_no_order(void) {
    check_unordered("500001");  // a real case: five digits and more are no kernel extension version
    check_unordered("");
    check_unordered(".1");
    check_unordered("1.");
    check_unordered("1.2.3.4");
    check_unordered("1.2x");
    check_unordered("1b");
    check_unordered("1b256");
    check_unordered("1b1000");
    check_unordered("1fd1");
    check_unordered("-1");
    check_unordered("1 ");
}

static void the_marketing_version_decides_between_equal_builds(void) {
    const struct Version old = { "1.2", "7" }, new = { "1.3", "7" }, newest = { "1.0", "8" };
    CHECK(version_order(new, old) == ORDER_NEWER);
    CHECK(version_order(newest, new) == ORDER_NEWER);
    CHECK(!version_is(new, old));
    CHECK(version_is(old, (struct Version){ "1.2", "7" }));
    CHECK(!version_is(old, (struct Version){ "1.2.0", "7" }));  // macOS compares text
}

static void only_a_deliberate_downgrade_happens(void) {
    CHECK(replacement_decide(build("2"), build("1"), false) == REPLACEMENT_REPLACE);
    CHECK(replacement_decide(build("2"), build("2"), false) == REPLACEMENT_REPLACE);
    CHECK(replacement_decide(build("1"), build("2"), false) == REPLACEMENT_REFUSE_DOWNGRADE);
    CHECK(replacement_decide(build("1"), build("2"), true) == REPLACEMENT_REPLACE);
    CHECK(replacement_decide(build("1"), build("x"), false) == REPLACEMENT_REFUSE_UNORDERED);
    CHECK(replacement_decide(build("1"), build("x"), true) == REPLACEMENT_REPLACE);
}

int main(void) {
    builds_are_compared_number_by_number();
    a_stage_comes_before_its_release();
    what_the_kernel_would_not_read_has_no_order();
    the_marketing_version_decides_between_equal_builds();
    only_a_deliberate_downgrade_happens();
    return SUMMARY("version");
}
