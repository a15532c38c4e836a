/* Asking macOS to install, replace, describe or remove a system extension. */
#ifndef __SYSTEM_EXTENSIONS_H__
#define __SYSTEM_EXTENSIONS_H__

#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

extern NSErrorDomain const OSSystemExtensionErrorDomain API_AVAILABLE(macos(10.15));

typedef NS_ENUM(NSInteger, OSSystemExtensionReplacementAction) {
    OSSystemExtensionReplacementActionCancel = 0,
    OSSystemExtensionReplacementActionReplace = 1,
};

typedef NS_ENUM(NSInteger, OSSystemExtensionRequestResult) {
    OSSystemExtensionRequestCompleted = 0,
    OSSystemExtensionRequestWillCompleteAfterReboot = 1,
};

@class OSSystemExtensionRequest;

/* One version of an extension: of the app's bundle, or one that macOS has. */
API_AVAILABLE(macos(10.15))
@interface OSSystemExtensionProperties : NSObject
@property (strong, readonly) NSURL *URL;
@property (strong, readonly) NSString *bundleIdentifier;
@property (strong, readonly) NSString *bundleVersion;
@property (strong, readonly) NSString *bundleShortVersion;
@property (readonly) BOOL isEnabled API_AVAILABLE(macos(12.0));
@property (readonly) BOOL isAwaitingUserApproval API_AVAILABLE(macos(12.0));
@property (readonly) BOOL isUninstalling API_AVAILABLE(macos(12.0));
@end

API_AVAILABLE(macos(10.15))
@protocol OSSystemExtensionRequestDelegate <NSObject>
@required
- (OSSystemExtensionReplacementAction)request:(OSSystemExtensionRequest *)request
                  actionForReplacingExtension:(OSSystemExtensionProperties *)existing
                                withExtension:(OSSystemExtensionProperties *)extension;
- (void)requestNeedsUserApproval:(OSSystemExtensionRequest *)request;
- (void)request:(OSSystemExtensionRequest *)request didFinishWithResult:(OSSystemExtensionRequestResult)result;
- (void)request:(OSSystemExtensionRequest *)request didFailWithError:(NSError *)error;
@optional
- (void)request:(OSSystemExtensionRequest *)request
    foundProperties:(NSArray<OSSystemExtensionProperties *> *)properties API_AVAILABLE(macos(12.0));
@end

API_AVAILABLE(macos(10.15))
@interface OSSystemExtensionRequest : NSObject
+ (instancetype)activationRequestForExtension:(NSString *)identifier queue:(dispatch_queue_t)queue;
+ (instancetype)deactivationRequestForExtension:(NSString *)identifier queue:(dispatch_queue_t)queue;
+ (instancetype)propertiesRequestForExtension:(NSString *)identifier queue:(dispatch_queue_t)queue API_AVAILABLE(macos(12.0));
@property (weak, nullable) id<OSSystemExtensionRequestDelegate> delegate;
@property (readonly) NSString *identifier;
@end

API_AVAILABLE(macos(10.15))
@interface OSSystemExtensionManager : NSObject
@property (class, readonly) OSSystemExtensionManager *sharedManager;
- (instancetype)init NS_UNAVAILABLE;
- (void)submitRequest:(OSSystemExtensionRequest *)request;
@end

NS_ASSUME_NONNULL_END

#endif
