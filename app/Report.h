// What is told about each driver, to a person or to a machine.
#import <Foundation/Foundation.h>

#import "Conversation.h"
#import "Driver.h"
#import "Request.h"

#include "arguments.h"
#include "verdict.h"

NS_ASSUME_NONNULL_BEGIN

// One driver, what was asked for it, and what was seen afterwards.
@interface Outcome : NSObject
@property (nonatomic, readonly, strong) Driver *driver;
// NULL when nothing was changed (`--status`).
@property (nonatomic, readonly, strong, nullable) Answer *answer;
// The answer of the properties request made last.
@property (nonatomic, readonly, strong) Answer *seen;
@property (nonatomic, readonly) enum State state;
@property (nonatomic, readonly) enum Exit code;

- (instancetype)initFor:(Driver *)driver command:(enum Command)command answer:(nullable Answer *)answer seen:(Answer *)seen;
@end

// Prints the outcomes to standard output and returns the exit code: the gravest, or `EXIT_CANNOT_ASK` when they cannot be printed.
enum Exit report_outcomes(const struct Arguments *arguments, NSArray<Outcome *> *outcomes);

// The same for `--talk`: zero only when every driver answered.
enum Exit report_conversations(const struct Arguments *arguments, NSArray<Conversation *> *conversations);

// Prints why nothing could be asked, and returns the exit code for it.
enum Exit report_inability(const struct Arguments *arguments, NSString *problem);

NS_ASSUME_NONNULL_END
