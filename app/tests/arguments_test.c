// The command line: what is understood, and what is refused with which word.
#include "../arguments.h"

#include "check.h"

#define PARSE(arguments, misuse, ...)                                                  \
    arguments_parse((int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)), \
                    (const char *[]){ __VA_ARGS__ }, arguments, misuse)

static void commands_and_options_are_read(void) {
    struct Arguments read;
    struct Misuse misuse;
    CHECK(PARSE(&read, &misuse, "--activate"));
    CHECK(read.command == COMMAND_ACTIVATE && !read.json && !read.allow_downgrade && read.driver == NULL);
    CHECK(read.timeout_seconds == TIMEOUT_DEFAULT_SECONDS);
    CHECK(PARSE(&read, &misuse, "--json", "--status", "--driver", "com.example.a", "--timeout", "86400"));
    CHECK(read.command == COMMAND_STATUS && read.json && read.timeout_seconds == 86400);
    CHECK_TEXT(read.driver, "com.example.a");
    CHECK(PARSE(&read, &misuse, "--activate", "--allow-downgrade") && read.allow_downgrade);
    CHECK(PARSE(&read, &misuse, "--status", "--status"));
    CHECK(PARSE(&read, &misuse, "--talk") && read.command == COMMAND_TALK);
    CHECK(PARSE(&read, &misuse, "-h") && read.command == COMMAND_HELP);
}

static void no_command_is_refused(void) {
    struct Arguments read = { .timeout_seconds = 7 };
    struct Misuse misuse;
    CHECK(!arguments_parse(0, NULL, &read, &misuse));
    CHECK(misuse.word == NULL);
    CHECK(!PARSE(&read, &misuse, "--json"));
    CHECK(read.timeout_seconds == 7);
}

static void check_refused(const char *first, const char *second, const char *third, const char *word) {
    struct Arguments read;
    struct Misuse misuse = { 0 };
    const char *const words[] = { first, second, third };
    CHECK(!arguments_parse(third != NULL ? 3 : second != NULL ? 2 : 1, words, &read, &misuse));
    CHECK_TEXT(misuse.word, word);
}

static void words_without_sense_are_named(void) {
    check_refused("--activate", "--deactivate", NULL, "--deactivate");
    check_refused("--active", NULL, NULL, "--active");
    check_refused("", NULL, NULL, "");
    check_refused("--status", "--driver", NULL, "--driver");
    check_refused("--status", "--driver", "", "--driver");
    check_refused("--status", "--allow-downgrade", NULL, "--allow-downgrade");
    check_refused("--status", "--timeout", NULL, "--timeout");
    check_refused("--status", "--timeout", "0", "0");
    check_refused("--status", "--timeout", "-1", "-1");
    check_refused("--status", "--timeout", " 7", " 7");
    check_refused("--status", "--timeout", "7s", "7s");
    check_refused("--status", "--timeout", "", "");
    check_refused("--status", "--timeout", "86401", "86401");
    check_refused("--status", "--timeout", "99999999999999999999", "99999999999999999999");
}

static void help_names_every_command_and_code(void) {
    CHECK_TEXT(command_name(COMMAND_ACTIVATE), "activate");
    CHECK(strstr(USAGE, "--activate") && strstr(USAGE, "--deactivate") && strstr(USAGE, "--status") && strstr(USAGE, "--talk"));
    for (char code[] = "\n  0  "; code[3] <= '7'; code[3]++) CHECK(strstr(USAGE, code) != NULL);
}

int main(void) {
    commands_and_options_are_read();
    no_command_is_refused();
    words_without_sense_are_named();
    help_names_every_command_and_code();
    return SUMMARY("arguments");
}
