// Every code of the error domain has its own, whole entry.
#include "../refusal.h"

#include "check.h"

static void every_code_is_explained(void) {
    for (long code = REFUSAL_FIRST; code <= REFUSAL_LAST; code++) {
        const struct Refusal refusal = refusal_of(code);
        CHECK(refusal.code == code);
        CHECK(strcmp(refusal.name, "unlisted") != 0);
        CHECK(strlen(refusal.meaning) > 0 && strlen(refusal.cause) > 0 && strlen(refusal.way_out) > 0);
        for (long other = REFUSAL_FIRST; other < code; other++) {
            CHECK(strcmp(refusal_of(other).name, refusal.name) != 0);
            CHECK(strcmp(refusal_of(other).meaning, refusal.meaning) != 0);
        }
    }
    CHECK_TEXT(refusal_of(8).name, "codeSignatureInvalid");
    CHECK_TEXT(refusal_of(REFUSAL_REQUEST_CANCELED).name, "requestCanceled");
}

static void an_unlisted_code_says_so(void) {
    const long codes[] = { 0, -1, REFUSAL_LAST + 1, 100000 };
    for (int i = 0; i < 4; i++) {
        CHECK(refusal_of(codes[i]).code == codes[i]);
        CHECK_TEXT(refusal_of(codes[i]).name, "unlisted");
    }
}

int main(void) {
    every_code_is_explained();
    an_unlisted_code_says_so();
    return SUMMARY("refusal");
}
