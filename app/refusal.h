// What the codes of OSSystemExtensionErrorDomain mean to a person.
#pragma once

struct Refusal {
    long code;
    const char *name;     // as Apple's documentation spells it
    const char *meaning;  // what macOS says
    const char *cause;    // what it usually was, in observed practice
    const char *way_out;  // what to do next
};

// The entry of a code. A code that is not in the table has an entry of its own, which says so: never NULL.
struct Refusal refusal_of(long code);

enum { REFUSAL_FIRST = 1, REFUSAL_LAST = 13, REFUSAL_REQUEST_CANCELED = 11 };
