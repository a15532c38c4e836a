// What the words on the command line ask for.
#pragma once

#include <stdbool.h>

enum Command {
    COMMAND_ACTIVATE,
    COMMAND_DEACTIVATE,
    COMMAND_STATUS,
    COMMAND_TALK,
    COMMAND_HELP,
};

struct Arguments {
    enum Command command;
    bool json;
    // Replace a newer driver by the bundled, older one. Nothing else lets that happen.
    bool allow_downgrade;
    // Bundle identifier of the one driver that is meant, or NULL for all in the app.
    const char *driver;
    // How long to wait for macOS, and for a person who has to approve, for each request.
    unsigned timeout_seconds;
};

// Why the words make no sense. `word` is the one at fault, or NULL when one is missing.
struct Misuse {
    const char *reason;
    const char *word;
};

// Waiting longer than a day helps nobody.
enum { TIMEOUT_DEFAULT_SECONDS = 300, TIMEOUT_MAX_SECONDS = 86400 };

// `words` are those after the program's name. True when `arguments` was filled, false when `misuse` was.
bool arguments_parse(int count, const char *const *words, struct Arguments *arguments, struct Misuse *misuse);

// The word of a command as reports write it: "activate".
const char *command_name(enum Command command);

// The text of `--help`, exit codes included.
extern const char *const USAGE;
