// What keeps a program from talking to the driver.
#pragma once

#include <stdint.h>

// How far it came.
enum Reach {
    REACH_NO_SERVICE,     // no such service is registered
    REACH_NOT_OPENED,     // macOS or the driver refused the connection
    REACH_NO_STATISTICS,  // connected, and the question failed
    REACH_ODD_ANSWER,     // an answer of another size or version than this app knows
    REACH_ANSWERED,
};

// For machines: "not-opened".
const char *reach_name(enum Reach reach);

// For a person. `result` is the IOReturn of the call that failed.
const char *reach_sentence(enum Reach reach, uint32_t result);
