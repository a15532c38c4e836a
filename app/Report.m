// Prints outcomes. JSON, schema 1:
//
//     {"schema":1,"command":"activate","exit":0,"problem":null,"drivers":[{"identifier":"…","exit":0,"state":"active",
//       "bundled":{"version":"1.2.0","build":"12"},"ending":"completed","needed_approval":false,"declined":null,"error":null,
//       "found":[{"version":"1.2.0","build":"12","enabled":true,"awaiting_approval":false,"uninstalling":false,"executable":"same",
//                 "path":"/Library/SystemExtensions/…"}]}]}
//
// With `--talk` a driver is {"identifier":"…","exit":0,"reach":"answered","service":"…","result":0,"statistics":{…}}; `statistics` is null
// unless it answered. `ending` is null when nothing was asked to change; `found` is null when macOS did not say.
#import "Report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "refusal.h"

static struct Found found_of(OSSystemExtensionProperties *properties, Driver *driver);
static const char *ending_name(enum Ending ending);

@implementation Outcome

- (instancetype)initFor:(Driver *)driver command:(enum Command)command answer:(Answer *)answer seen:(Answer *)seen {
    self = [super init];
    if (self == nil) return self;
    _driver = driver;
    _answer = answer;
    _seen = seen;
    _state = [Outcome stateOf:seen driver:driver];
    _code = verdict(command, answer != nil ? answer.ending : seen.ending, _state);
    return self;
}

+ (enum State)stateOf:(Answer *)seen driver:(Driver *)driver {
    NSArray<OSSystemExtensionProperties *> *properties = seen.found;
    if (properties == nil) return STATE_UNKNOWN;
    // One slot more than needed: calloc(0) may give NULL.
    struct Found *found = calloc(properties.count + 1, sizeof *found);
    if (found == NULL) return STATE_UNKNOWN;
    size_t count = 0;
    for (OSSystemExtensionProperties *it in properties) found[count++] = found_of(it, driver);
    const enum State state = state_of(driver.version, found, count);
    free(found);
    return state;
}

@end

static enum Sameness executable_sameness(OSSystemExtensionProperties *properties, Driver *driver) {
    NSString *bundled = [driver.location URLByAppendingPathComponent:driver.executable].path;
    NSString *staged = [properties.URL URLByAppendingPathComponent:driver.executable].path;
    NSFileManager *files = NSFileManager.defaultManager;
    if (bundled == nil || staged == nil) return SAMENESS_UNKNOWN;
    if (![files isReadableFileAtPath:bundled] || ![files isReadableFileAtPath:staged]) return SAMENESS_UNKNOWN;
    return [files contentsEqualAtPath:bundled andPath:staged] ? SAMENESS_SAME : SAMENESS_DIFFERENT;
}

// The texts are borrowed from `properties`.
static struct Found found_of(OSSystemExtensionProperties *properties, Driver *driver) {
    return (struct Found){
        .version = { properties.bundleShortVersion.UTF8String, properties.bundleVersion.UTF8String },
        .enabled = properties.isEnabled,
        .awaiting_approval = properties.isAwaitingUserApproval,
        .uninstalling = properties.isUninstalling,
        .executable = executable_sameness(properties, driver),
    };
}

static const char *ending_name(enum Ending ending) {
    switch (ending) {
    case ENDING_COMPLETED: return "completed";
    case ENDING_AFTER_RESTART: return "after-restart";
    case ENDING_REFUSED: return "refused";
    case ENDING_TIMED_OUT: return "timed-out";
    }
    return "unknown";
}

static const char *sameness_name(enum Sameness sameness) {
    switch (sameness) {
    case SAMENESS_UNKNOWN: return "unknown";
    case SAMENESS_SAME: return "same";
    case SAMENESS_DIFFERENT: return "different";
    }
    return "unknown";
}

static BOOL is_refusal(NSError *error) { return [error.domain isEqualToString:OSSystemExtensionErrorDomain]; }

// --- for machines

static void write_version(struct Json *json, struct Version version) {
    json_key(json, "version");
    json_string(json, version.marketing);
    json_key(json, "build");
    json_string(json, version.build);
}

static void write_error(struct Json *json, NSError *_Nullable error) {
    if (error == nil) {
        json_null(json);
        return;
    }
    json_open(json, '{');
    json_key(json, "domain");
    json_string(json, error.domain.UTF8String);
    json_key(json, "code");
    json_number(json, error.code);
    json_key(json, "message");
    json_string(json, error.localizedDescription.UTF8String);
    if (is_refusal(error)) {
        const struct Refusal refusal = refusal_of(error.code);
        json_key(json, "name");
        json_string(json, refusal.name);
        json_key(json, "meaning");
        json_string(json, refusal.meaning);
        json_key(json, "cause");
        json_string(json, refusal.cause);
        json_key(json, "way_out");
        json_string(json, refusal.way_out);
    }
    json_close(json, '}');
}

static void write_found(struct Json *json, NSArray<OSSystemExtensionProperties *> *_Nullable properties, Driver *driver) {
    if (properties == nil) {
        json_null(json);
        return;
    }
    json_open(json, '[');
    for (OSSystemExtensionProperties *it in properties) {
        const struct Found found = found_of(it, driver);
        json_open(json, '{');
        write_version(json, found.version);
        json_key(json, "enabled");
        json_bool(json, found.enabled);
        json_key(json, "awaiting_approval");
        json_bool(json, found.awaiting_approval);
        json_key(json, "uninstalling");
        json_bool(json, found.uninstalling);
        json_key(json, "executable");
        json_string(json, sameness_name(found.executable));
        json_key(json, "path");
        json_string(json, it.URL.path.UTF8String);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_outcome(struct Json *json, Outcome *outcome) {
    Answer *answer = outcome.answer;
    json_open(json, '{');
    json_key(json, "identifier");
    json_string(json, outcome.driver.identifier.UTF8String);
    json_key(json, "exit");
    json_number(json, outcome.code);
    json_key(json, "state");
    json_string(json, state_name(outcome.state));
    json_key(json, "bundled");
    json_open(json, '{');
    write_version(json, outcome.driver.version);
    json_close(json, '}');
    json_key(json, "ending");
    json_string(json, answer != nil ? ending_name(answer.ending) : NULL);
    json_key(json, "needed_approval");
    json_bool(json, answer.neededApproval);
    json_key(json, "declined");
    json_string(json, answer.declined.UTF8String);
    json_key(json, "error");
    write_error(json, answer.error != nil ? answer.error : outcome.seen.error);
    json_key(json, "found");
    write_found(json, outcome.seen.found, outcome.driver);
    json_close(json, '}');
}

static enum Exit conversation_code(Conversation *conversation) {
    return conversation.reach == REACH_ANSWERED ? EXIT_AS_ASKED : EXIT_REFUSED;
}

static void write_statistics(struct Json *json, const struct UsbInterfaceStatistics *statistics) {
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        { "bytes_read", statistics->bytesRead },
        { "bytes_written", statistics->bytesWritten },
        { "transfers_read", statistics->transfersRead },
        { "transfers_written", statistics->transfersWritten },
        { "errors", statistics->errors },
        { "stalls", statistics->stalls },
        { "aborts", statistics->aborts },
        { "pauses", statistics->pauses },
    };
    json_open(json, '{');
    json_key(json, "self_test");
    json_bool(json, statistics->isSelfTest != 0);
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        json_key(json, counters[i].name);
        json_unsigned(json, counters[i].value);
    }
    json_close(json, '}');
}

static void write_conversation(struct Json *json, Conversation *conversation) {
    const struct UsbInterfaceStatistics statistics = conversation.statistics;
    json_open(json, '{');
    json_key(json, "identifier");
    json_string(json, conversation.driver.identifier.UTF8String);
    json_key(json, "exit");
    json_number(json, conversation_code(conversation));
    json_key(json, "reach");
    json_string(json, reach_name(conversation.reach));
    json_key(json, "service");
    json_string(json, conversation.service.UTF8String);
    json_key(json, "result");
    json_unsigned(json, conversation.result);
    json_key(json, "statistics");
    if (conversation.reach == REACH_ANSWERED) write_statistics(json, &statistics);
    else json_null(json);
    json_close(json, '}');
}

// One of the two lists is empty: a command either asks macOS or talks to the driver.
static BOOL print_json(const struct Arguments *arguments, enum Exit code, NSArray<Outcome *> *outcomes,
                       NSArray<Conversation *> *conversations, NSString *_Nullable problem) {
    struct Json json = { 0 };
    json_open(&json, '{');
    json_key(&json, "schema");
    json_number(&json, 1);
    json_key(&json, "command");
    json_string(&json, command_name(arguments->command));
    json_key(&json, "exit");
    json_number(&json, code);
    json_key(&json, "problem");
    json_string(&json, problem.UTF8String);
    json_key(&json, "drivers");
    json_open(&json, '[');
    for (Outcome *it in outcomes) write_outcome(&json, it);
    for (Conversation *it in conversations) write_conversation(&json, it);
    json_close(&json, ']');
    json_close(&json, '}');
    const bool is_printed = !json.out_of_memory && fprintf(stdout, "%s\n", json.text) >= 0 && fflush(stdout) == 0;
    json_free(&json);
    return is_printed;
}

// --- for people

static void explain(NSError *error) {
    if (!is_refusal(error)) {
        printf("  error    %s (%s %ld)\n", error.localizedDescription.UTF8String, error.domain.UTF8String, (long)error.code);
        return;
    }
    const struct Refusal refusal = refusal_of(error.code);
    printf("  error    %s (code %ld, %s)\n", refusal.meaning, refusal.code, refusal.name);
    printf("  usually  %s\n", refusal.cause);
    printf("  way out  %s\n", refusal.way_out);
}

static BOOL print_text(NSArray<Outcome *> *outcomes) {
    for (Outcome *outcome in outcomes) {
        Answer *answer = outcome.answer;
        const struct Version bundled = outcome.driver.version;
        printf("%s %s (%s): %s\n", outcome.driver.identifier.UTF8String, bundled.marketing, bundled.build, state_sentence(outcome.state));
        if (answer.ending == ENDING_AFTER_RESTART) printf("  restart  macOS finishes this with the next restart\n");
        if (answer != nil && answer.ending == ENDING_TIMED_OUT) printf("  answer   none in time; the request ends with this program\n");
        if (answer.declined != nil) printf("  declined %s\n", answer.declined.UTF8String);
        if (answer.error != nil) explain(answer.error);
        if (outcome.seen.error != nil) explain(outcome.seen.error);
        for (OSSystemExtensionProperties *it in outcome.seen.found) {
            const struct Found found = found_of(it, outcome.driver);
            printf("  found    %s (%s)%s%s%s, executable %s: %s\n", found.version.marketing, found.version.build,
                   found.enabled ? ", enabled" : ", not enabled", found.awaiting_approval ? ", waiting for approval" : "",
                   found.uninstalling ? ", being removed" : "", sameness_name(found.executable), it.URL.path.UTF8String);
        }
    }
    return fflush(stdout) == 0 && !ferror(stdout);
}

enum Exit report_outcomes(const struct Arguments *arguments, NSArray<Outcome *> *outcomes) {
    enum Exit code = EXIT_AS_ASKED;
    for (Outcome *it in outcomes) code = graver(code, it.code);
    const BOOL is_printed = arguments->json ? print_json(arguments, code, outcomes, @[], nil) : print_text(outcomes);
    return is_printed ? code : graver(code, EXIT_CANNOT_ASK);
}

static BOOL print_conversations(NSArray<Conversation *> *conversations) {
    for (Conversation *it in conversations) {
        const struct UsbInterfaceStatistics statistics = it.statistics;
        printf("%s: %s\n", it.driver.identifier.UTF8String, reach_sentence(it.reach, it.result));
        if (it.reach != REACH_ANSWERED) {
            printf("  result   0x%08x\n", it.result);
            continue;
        }
        printf("  service  %s%s\n", it.service.UTF8String, statistics.isSelfTest ? " (self-test: its pipe is looped back)" : "");
        printf("  read     %llu bytes in %llu transfers\n", (unsigned long long)statistics.bytesRead,
               (unsigned long long)statistics.transfersRead);
        printf("  written  %llu bytes in %llu transfers\n", (unsigned long long)statistics.bytesWritten,
               (unsigned long long)statistics.transfersWritten);
        printf("  trouble  %llu errors, %llu stalls, %llu aborts, %llu pauses\n", (unsigned long long)statistics.errors,
               (unsigned long long)statistics.stalls, (unsigned long long)statistics.aborts, (unsigned long long)statistics.pauses);
    }
    return fflush(stdout) == 0 && !ferror(stdout);
}

enum Exit report_conversations(const struct Arguments *arguments, NSArray<Conversation *> *conversations) {
    enum Exit code = EXIT_AS_ASKED;
    for (Conversation *it in conversations) code = graver(code, conversation_code(it));
    const BOOL is_printed = arguments->json ? print_json(arguments, code, @[], conversations, nil) : print_conversations(conversations);
    return is_printed ? code : graver(code, EXIT_CANNOT_ASK);
}

enum Exit report_inability(const struct Arguments *arguments, NSString *problem) {
    fprintf(stderr, "error: %s\n", problem.UTF8String);
    if (arguments->json && !print_json(arguments, EXIT_CANNOT_ASK, @[], @[], problem)) fputs("error: cannot write the report\n", stderr);
    return EXIT_CANNOT_ASK;
}
