// Every way a conversation can end has words of its own.
#include "../reach.h"

#include "check.h"

static void every_end_is_explained(void) {
    for (int reach = REACH_NO_SERVICE; reach <= REACH_ANSWERED; reach++) {
        CHECK(strcmp(reach_name((enum Reach)reach), "unknown") != 0);
        CHECK(strlen(reach_sentence((enum Reach)reach, 0)) > 0);
        for (int other = REACH_NO_SERVICE; other < reach; other++) {
            CHECK(strcmp(reach_name((enum Reach)reach), reach_name((enum Reach)other)) != 0);
            CHECK(strcmp(reach_sentence((enum Reach)reach, 0), reach_sentence((enum Reach)other, 0)) != 0);
        }
    }
}

static void a_missing_entitlement_is_named(void) {
    CHECK(strstr(reach_sentence(REACH_NOT_OPENED, 0xe00002e2), "userclient-access") != NULL);
    CHECK(strstr(reach_sentence(REACH_NOT_OPENED, 0xe00002c5), "userclient-access") == NULL);
    CHECK_TEXT(reach_sentence(REACH_NOT_OPENED, 0xe00002bc), "the connection was refused");
}

int main(void) {
    every_end_is_explained();
    a_missing_entitlement_is_named();
    return SUMMARY("reach");
}
