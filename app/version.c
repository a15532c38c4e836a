// Orders versions by the grammar of kernel extensions (xnu libkern/OSKextVersion.c): up to three numbers of up to four digits, then perhaps
// a stage (`d`, `a`, `b`, `f` or `fc`) with a level up to 255. "1.2" is "1.2.0"; "2.0b3" comes before "2.0".
#include "version.h"

#include <stddef.h>
#include <string.h>

enum { NUMBERS = 3, DIGITS_MAX = 4, LEVEL_MAX = 255 };

// A release comes after all its candidates, so it is the highest stage.
enum Stage { STAGE_DEVELOPMENT, STAGE_ALPHA, STAGE_BETA, STAGE_CANDIDATE, STAGE_RELEASE };

// Compared from the first to the last.
struct Parsed {
    unsigned parts[NUMBERS + 2];  // numbers, stage, level
};

static bool is_digit(char character) { return character >= '0' && character <= '9'; }

static bool number_of(const char **text, int digits_max, unsigned *number) {
    int digits = 0;
    for (*number = 0; is_digit(**text); (*text)++) {
        if (++digits > digits_max) return false;
        *number = *number * 10 + (unsigned)(**text - '0');
    }
    return digits > 0;
}

static bool stage_of(const char **text, enum Stage *stage) {
    switch (**text) {
    case 'd': *stage = STAGE_DEVELOPMENT; break;
    case 'a': *stage = STAGE_ALPHA; break;
    case 'b': *stage = STAGE_BETA; break;
    case 'f': *stage = STAGE_CANDIDATE; break;
    default: return false;
    }
    const bool is_fc = (*text)[0] == 'f' && (*text)[1] == 'c';
    *text += is_fc ? 2 : 1;
    return true;
}

static bool parse(const char *text, struct Parsed *parsed) {
    *parsed = (struct Parsed){ .parts = { [NUMBERS] = STAGE_RELEASE } };
    for (int i = 0; i < NUMBERS; i++) {
        if (!number_of(&text, DIGITS_MAX, &parsed->parts[i])) return false;
        if (*text != '.') break;
        if (i + 1 == NUMBERS) return false;
        text++;
    }
    if (*text == '\0') return true;
    enum Stage stage;
    unsigned level;
    if (!stage_of(&text, &stage) || !number_of(&text, 3, &level) || level > LEVEL_MAX) return false;
    parsed->parts[NUMBERS] = stage;
    parsed->parts[NUMBERS + 1] = level;
    return *text == '\0';
}

static enum Order order_of(const char *candidate, const char *existing) {
    struct Parsed left, right;
    if (strcmp(candidate, existing) == 0) return ORDER_SAME;
    if (!parse(candidate, &left) || !parse(existing, &right)) return ORDER_UNKNOWN;
    for (size_t i = 0; i < sizeof left.parts / sizeof left.parts[0]; i++) {
        if (left.parts[i] != right.parts[i]) return left.parts[i] > right.parts[i] ? ORDER_NEWER : ORDER_OLDER;
    }
    return ORDER_SAME;
}

enum Order version_order(struct Version candidate, struct Version existing) {
    const enum Order by_build = order_of(candidate.build, existing.build);
    return by_build == ORDER_SAME ? order_of(candidate.marketing, existing.marketing) : by_build;
}

bool version_is(struct Version one, struct Version other) {
    return strcmp(one.marketing, other.marketing) == 0 && strcmp(one.build, other.build) == 0;
}

enum Replacement replacement_decide(struct Version bundled, struct Version existing, bool allow_downgrade) {
    if (allow_downgrade) return REPLACEMENT_REPLACE;
    switch (version_order(bundled, existing)) {
    // macOS asks about the same version only in developer mode, where replacing it is the point.
    case ORDER_SAME:
    case ORDER_NEWER: return REPLACEMENT_REPLACE;
    case ORDER_OLDER: return REPLACEMENT_REFUSE_DOWNGRADE;
    case ORDER_UNKNOWN: return REPLACEMENT_REFUSE_UNORDERED;
    }
    return REPLACEMENT_REFUSE_UNORDERED;
}
