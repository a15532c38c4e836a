// One question to macOS about one driver, and its answer.
#import <Foundation/Foundation.h>
#import <SystemExtensions/SystemExtensions.h>

#import "Driver.h"

#include "verdict.h"

NS_ASSUME_NONNULL_BEGIN

// What came back, complete and unchanging.
@interface Answer : NSObject
@property (nonatomic, readonly) enum Ending ending;
// Set when the ending is a refusal.
@property (nonatomic, readonly, nullable) NSError *error;
// macOS said that a person has to approve.
@property (nonatomic, readonly) BOOL neededApproval;
// Why this app declined to replace the driver that is there; then the error is `requestCanceled`.
@property (nonatomic, readonly, nullable) NSString *declined;
// The versions macOS has: nil unless they were asked for and told.
@property (nonatomic, readonly, nullable) NSArray<OSSystemExtensionProperties *> *found;
@end

// Submits a request and waits. Call from any thread but the main one, which must be free for macOS.
@interface Request : NSObject <OSSystemExtensionRequestDelegate>

+ (Answer *)activate:(Driver *)driver allowDowngrade:(BOOL)allowDowngrade seconds:(unsigned)seconds;
+ (Answer *)deactivate:(Driver *)driver seconds:(unsigned)seconds;
// Asks which versions of the driver macOS has.
+ (Answer *)properties:(Driver *)driver seconds:(unsigned)seconds;

@end

NS_ASSUME_NONNULL_END
