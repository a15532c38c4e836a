// The command line of the host app: asks macOS to install or remove the bundled drivers, and believes only what macOS says afterwards.
//
//     "/Applications/USB Driver Host.app/Contents/MacOS/USB Driver Host" --activate --json
//
#import <Foundation/Foundation.h>

#import "Conversation.h"
#import "Driver.h"
#import "Report.h"
#import "Request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "verdict.h"

// Reading back is a question to a daemon that answers at once or not at all.
enum { READ_BACK_SECONDS = 30 };

static Outcome *handle(Driver *driver, const struct Arguments *arguments) {
    Answer *answer = nil;
    switch (arguments->command) {
    case COMMAND_ACTIVATE:
        answer = [Request activate:driver allowDowngrade:arguments->allow_downgrade seconds:arguments->timeout_seconds];
        break;
    case COMMAND_DEACTIVATE: answer = [Request deactivate:driver seconds:arguments->timeout_seconds]; break;
    case COMMAND_STATUS:
    case COMMAND_TALK:
    case COMMAND_HELP: break;
    }
    Answer *seen = [Request properties:driver seconds:READ_BACK_SECONDS];
    return [[Outcome alloc] initFor:driver command:arguments->command answer:answer seen:seen];
}

static enum Exit run(const struct Arguments *arguments) {
    NSString *problem = nil;
    NSArray<Driver *> *drivers = [Driver bundled:&problem];
    if (drivers == nil) return report_inability(arguments, problem);
    NSMutableArray<Outcome *> *outcomes = [NSMutableArray array];
    NSMutableArray<Conversation *> *conversations = [NSMutableArray array];
    for (Driver *driver in drivers) {
        const bool is_meant = arguments->driver == NULL || strcmp(arguments->driver, driver.identifier.UTF8String) == 0;
        if (!is_meant) continue;
        if (arguments->command == COMMAND_TALK) [conversations addObject:[[Conversation alloc] initWith:driver]];
        else [outcomes addObject:handle(driver, arguments)];
    }
    if (outcomes.count + conversations.count == 0)
        return report_inability(arguments, [NSString stringWithFormat:@"this app holds no driver `%s`", arguments->driver]);
    return arguments->command == COMMAND_TALK ? report_conversations(arguments, conversations) : report_outcomes(arguments, outcomes);
}

int main(int argc, const char *argv[]) {
    static struct Arguments arguments;  // outlives this frame: `dispatch_main` does not return
    struct Misuse misuse;
    if (!arguments_parse(argc - 1, argv + 1, &arguments, &misuse)) {
        fprintf(stderr, "%s%s%s\n\n%s", misuse.word ? misuse.word : "", misuse.word ? ": " : "", misuse.reason, USAGE);
        return EXIT_MISUSE;
    }
    if (arguments.command == COMMAND_HELP) {
        const bool is_printed = fputs(USAGE, stdout) >= 0 && fflush(stdout) == 0;
        return is_printed ? EXIT_AS_ASKED : EXIT_CANNOT_ASK;
    }
    // The work waits for macOS, so it leaves the main thread to it.
    dispatch_async(dispatch_queue_create("work", DISPATCH_QUEUE_SERIAL), ^{
        enum Exit code;
        @autoreleasepool {
            code = run(&arguments);
        }
        exit(code);
    });
    dispatch_main();
}
