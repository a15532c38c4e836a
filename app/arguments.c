// Reads the command line. No command is a default: a double click must not change what drives the hardware.
#include "arguments.h"

#include <stddef.h>
#include <string.h>

const char *const USAGE =
    "usage: <app>/Contents/MacOS/<app> COMMAND [OPTION…]\n"
    "\n"
    "commands\n"
    "  --activate         ask macOS to install the bundled driver, then read back what it has\n"
    "  --deactivate       ask macOS to remove it, then read back what is left\n"
    "  --status           say which versions macOS has, and whether the bundled one is in use\n"
    "  --talk             open the running driver's user client and read its statistics\n"
    "  --help             this text\n"
    "\n"
    "options\n"
    "  --json             one JSON object on standard output instead of text\n"
    "  --driver ID        only the bundled driver with this bundle identifier\n"
    "  --allow-downgrade  replace a newer driver by the bundled, older one (with --activate)\n"
    "  --timeout SECONDS  how long to wait for macOS and for approval (1…86400, default 300)\n"
    "\n"
    "exit codes\n"
    "  0  seen to be as asked: the bundled version is in use, or none is left, or the driver answered\n"
    "  1  macOS refused the request, or the driver could not be talked to\n"
    "  2  the command line makes no sense\n"
    "  3  this app cannot ask: it is no bundle, or holds no such driver\n"
    "  4  a person has to approve it in System Settings\n"
    "  5  it is finished by the next restart\n"
    "  6  macOS reports something else than what was asked, or nothing\n"
    "  7  no answer in time\n"
    "With several drivers the gravest counts, in the order 1, 3, 6, 7, 4, 5.\n";

const char *command_name(enum Command command) {
    switch (command) {
    case COMMAND_ACTIVATE: return "activate";
    case COMMAND_DEACTIVATE: return "deactivate";
    case COMMAND_STATUS: return "status";
    case COMMAND_TALK: return "talk";
    case COMMAND_HELP: return "help";
    }
    return "unknown";
}

static bool misused(struct Misuse *misuse, const char *reason, const char *word) {
    *misuse = (struct Misuse){ .reason = reason, .word = word };
    return false;
}

static bool command_of(const char *word, enum Command *command) {
    static const struct { const char *word; enum Command command; } COMMANDS[] = {
        { "--activate", COMMAND_ACTIVATE }, { "--deactivate", COMMAND_DEACTIVATE }, { "--status", COMMAND_STATUS },
        { "--talk", COMMAND_TALK },         { "--help", COMMAND_HELP },             { "-h", COMMAND_HELP },
    };
    for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
        if (strcmp(word, COMMANDS[i].word) == 0) {
            *command = COMMANDS[i].command;
            return true;
        }
    }
    return false;
}

// Decimal digits only: strtoul would take "-1", " 7" and "7x".
static bool seconds_of(const char *word, unsigned *seconds) {
    unsigned value = 0;
    if (*word == '\0') return false;
    for (; *word != '\0'; word++) {
        if (*word < '0' || *word > '9') return false;
        value = value * 10 + (unsigned)(*word - '0');
        if (value > TIMEOUT_MAX_SECONDS) return false;
    }
    *seconds = value;
    return value > 0;
}

bool arguments_parse(int count, const char *const *words, struct Arguments *arguments, struct Misuse *misuse) {
    struct Arguments read = { .timeout_seconds = TIMEOUT_DEFAULT_SECONDS };
    bool has_command = false;
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        const bool is_last = i + 1 == count;
        enum Command command;
        if (command_of(word, &command)) {
            if (has_command && command != read.command) return misused(misuse, "only one command at a time", word);
            read.command = command;
            has_command = true;
        } else if (strcmp(word, "--json") == 0) {
            read.json = true;
        } else if (strcmp(word, "--allow-downgrade") == 0) {
            read.allow_downgrade = true;
        } else if (strcmp(word, "--driver") == 0) {
            if (is_last || words[i + 1][0] == '\0') return misused(misuse, "needs a bundle identifier after it", word);
            read.driver = words[++i];
        } else if (strcmp(word, "--timeout") == 0) {
            if (is_last) return misused(misuse, "needs a number of seconds after it", word);
            if (!seconds_of(words[++i], &read.timeout_seconds))
                return misused(misuse, "not a number of seconds from 1 to 86400", words[i]);
        } else {
            return misused(misuse, "unknown option", word);
        }
    }
    if (!has_command) return misused(misuse, "a command is missing: --activate, --deactivate, --status or --talk", NULL);
    if (read.allow_downgrade && read.command != COMMAND_ACTIVATE)
        return misused(misuse, "only --activate replaces anything", "--allow-downgrade");
    *arguments = read;
    return true;
}
