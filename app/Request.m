// Talks to macOS through its delegate protocol, and turns that into one answer.
#import "Request.h"

#include <stdio.h>

@interface Answer ()
@property (nonatomic, readwrite) enum Ending ending;
@property (nonatomic, readwrite, nullable) NSError *error;
@property (nonatomic, readwrite) BOOL neededApproval;
@property (nonatomic, readwrite, nullable) NSString *declined;
@property (nonatomic, readwrite, nullable) NSArray<OSSystemExtensionProperties *> *found;
@end

@implementation Answer
@end

@implementation Request {
    Driver *_driver;
    BOOL _allowDowngrade;
    BOOL _asksForProperties;
    // Everything below is touched on this queue only.
    dispatch_queue_t _queue;
    dispatch_semaphore_t _finished;
    Answer *_answer;
}

+ (Answer *)activate:(Driver *)driver allowDowngrade:(BOOL)allowDowngrade seconds:(unsigned)seconds {
    Request *it = [[Request alloc] initAbout:driver];
    it->_allowDowngrade = allowDowngrade;
    return [it submit:[OSSystemExtensionRequest activationRequestForExtension:driver.identifier queue:it->_queue] seconds:seconds];
}

+ (Answer *)deactivate:(Driver *)driver seconds:(unsigned)seconds {
    Request *it = [[Request alloc] initAbout:driver];
    return [it submit:[OSSystemExtensionRequest deactivationRequestForExtension:driver.identifier queue:it->_queue] seconds:seconds];
}

+ (Answer *)properties:(Driver *)driver seconds:(unsigned)seconds {
    Request *it = [[Request alloc] initAbout:driver];
    it->_asksForProperties = YES;
    return [it submit:[OSSystemExtensionRequest propertiesRequestForExtension:driver.identifier queue:it->_queue] seconds:seconds];
}

- (instancetype)initAbout:(Driver *)driver {
    self = [super init];
    if (self == nil) return self;
    _driver = driver;
    _queue = dispatch_queue_create("system-extension-request", DISPATCH_QUEUE_SERIAL);
    _finished = dispatch_semaphore_create(0);
    _answer = [Answer new];
    _answer.ending = ENDING_TIMED_OUT;
    return self;
}

- (Answer *)submit:(OSSystemExtensionRequest *)request seconds:(unsigned)seconds {
    // The request holds its delegate weakly; this method's `self` keeps it alive until the answer is there.
    request.delegate = self;
    [OSSystemExtensionManager.sharedManager submitRequest:request];
    dispatch_semaphore_wait(_finished, dispatch_time(DISPATCH_TIME_NOW, (int64_t)(seconds * NSEC_PER_SEC)));
    // After a time-out macOS may still call; from here on its words go to an answer that nobody reads.
    __block Answer *answer = nil;
    dispatch_sync(_queue, ^{
        answer = self->_answer;
        self->_answer = [Answer new];
    });
    return answer;
}

- (OSSystemExtensionReplacementAction)request:(OSSystemExtensionRequest *)request
                  actionForReplacingExtension:(OSSystemExtensionProperties *)existing
                                withExtension:(OSSystemExtensionProperties *)extension {
    (void)request;
    const struct Version there = { existing.bundleShortVersion.UTF8String, existing.bundleVersion.UTF8String };
    const struct Version ours = { extension.bundleShortVersion.UTF8String, extension.bundleVersion.UTF8String };
    fprintf(stderr, "%s: macOS has %s (%s), this app brings %s (%s)\n", _driver.identifier.UTF8String, there.marketing, there.build,
            ours.marketing, ours.build);
    switch (replacement_decide(ours, there, _allowDowngrade)) {
    case REPLACEMENT_REPLACE: return OSSystemExtensionReplacementActionReplace;
    case REPLACEMENT_REFUSE_DOWNGRADE:
        _answer.declined = @"the driver that is there is newer; `--allow-downgrade` replaces it all the same";
        break;
    case REPLACEMENT_REFUSE_UNORDERED:
        _answer.declined = @"the two versions have no order, so this may be a downgrade; `--allow-downgrade` replaces all the same";
        break;
    }
    return OSSystemExtensionReplacementActionCancel;
}

- (void)requestNeedsUserApproval:(OSSystemExtensionRequest *)request {
    (void)request;
    _answer.neededApproval = YES;
    fprintf(stderr, "%s: waiting: %s\n", _driver.identifier.UTF8String, state_sentence(STATE_AWAITING_APPROVAL));
}

- (void)request:(OSSystemExtensionRequest *)request foundProperties:(NSArray<OSSystemExtensionProperties *> *)properties {
    (void)request;
    _answer.found = properties;
    [self finish:ENDING_COMPLETED];
}

- (void)request:(OSSystemExtensionRequest *)request didFinishWithResult:(OSSystemExtensionRequestResult)result {
    (void)request;
    // A properties request is over when it has told what it found. Whether macOS also calls this, and when, is not documented.
    if (_asksForProperties) return;
    [self finish:result == OSSystemExtensionRequestWillCompleteAfterReboot ? ENDING_AFTER_RESTART : ENDING_COMPLETED];
}

- (void)request:(OSSystemExtensionRequest *)request didFailWithError:(NSError *)error {
    (void)request;
    _answer.error = error;
    [self finish:ENDING_REFUSED];
}

- (void)finish:(enum Ending)ending {
    _answer.ending = ending;
    dispatch_semaphore_signal(_finished);
}

@end
