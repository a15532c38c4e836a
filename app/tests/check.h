// The smallest test harness: every check counts, a failed one says where, and the count is printed so that "no test ran" is visible.
#pragma once

#include <stdio.h>
#include <string.h>

static int checks, failures;

#define CHECK(truth)                                                           \
    do {                                                                       \
        checks++;                                                              \
        if (!(truth)) {                                                        \
            failures++;                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #truth); \
        }                                                                      \
    } while (0)

#define CHECK_TEXT(found, expected)                                                                                  \
    do {                                                                                                             \
        const char *const found_text = (found), *const expected_text = (expected);                                   \
        checks++;                                                                                                    \
        if (found_text == NULL || strcmp(found_text, expected_text) != 0) {                                          \
            failures++;                                                                                              \
            fprintf(stderr, "%s:%d: expected `%s`, found `%s`\n", __FILE__, __LINE__, expected_text,                 \
                    found_text == NULL ? "(null)" : found_text);                                                     \
        }                                                                                                            \
    } while (0)

// Ends `main`.
#define SUMMARY(subject) (printf("%s: %d checks, %d failed\n", subject, checks, failures), failures > 0 || checks == 0)
