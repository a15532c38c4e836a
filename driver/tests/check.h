// The smallest test harness: every check counts, a failed one says where, and the count is printed so that "no test ran" is visible.
#pragma once

#include <stdio.h>

static int checks = 0;
static int failures = 0;

#define CHECK(truth)                                                              \
    do {                                                                          \
        checks += 1;                                                              \
        if (!(truth)) {                                                           \
            failures += 1;                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #truth); \
        }                                                                         \
    } while (0)

// Ends `main`.
inline int summary(const char * subject) {
    printf("%s: %d checks, %d failed\n", subject, checks, failures);
    return failures > 0 || checks == 0;
}
