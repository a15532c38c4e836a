// Reads the drivers of this app from disk: their Info.plist is what macOS will compare with, so it is what we compare with.
#import "Driver.h"

#include <stdbool.h>

@implementation Driver {
    NSString *_marketing;
    NSString *_build;
}

+ (NSArray<Driver *> *)bundled:(NSString **)problem {
    // Where macOS looks, and nowhere else.
    NSURL *app = NSBundle.mainBundle.bundleURL;
    NSURL *folder = [app URLByAppendingPathComponent:@"Contents/Library/SystemExtensions"];
    NSError *error = nil;
    NSArray<NSURL *> *entries = [NSFileManager.defaultManager contentsOfDirectoryAtURL:folder
                                                            includingPropertiesForKeys:nil
                                                                               options:NSDirectoryEnumerationSkipsHiddenFiles
                                                                                 error:&error];
    if (entries == nil) {
        *problem = [NSString stringWithFormat:@"cannot list the drivers of this app: %@", error.localizedDescription];
        return nil;
    }
    NSMutableArray<Driver *> *drivers = [NSMutableArray array];
    for (NSURL *entry in entries) {
        if (![entry.pathExtension isEqualToString:@"dext"]) continue;
        Driver *driver = [[Driver alloc] initAt:entry problem:problem];
        if (driver == nil) return nil;
        [drivers addObject:driver];
    }
    if (drivers.count == 0) {
        *problem = [NSString stringWithFormat:@"no driver (.dext) in `%@`", folder.path];
        return nil;
    }
    return [drivers sortedArrayUsingComparator:^(Driver *left, Driver *right) {
        return [left.identifier compare:right.identifier];
    }];
}

- (nullable instancetype)initAt:(NSURL *)location problem:(NSString **)problem {
    self = [super init];
    if (self == nil) return nil;
    // A dext is a shallow bundle: Info.plist and executable lie at its top.
    NSURL *description = [location URLByAppendingPathComponent:@"Info.plist"];
    NSError *error = nil;
    NSDictionary<NSString *, id> *keys = [NSDictionary dictionaryWithContentsOfURL:description error:&error];
    if (keys == nil) {
        *problem = [NSString stringWithFormat:@"cannot read `%@`: %@", description.path, error.localizedDescription];
        return nil;
    }
    NSString *wanted[] = { @"CFBundleIdentifier", @"CFBundleShortVersionString", @"CFBundleVersion", @"CFBundleExecutable" };
    for (int i = 0; i < 4; i++) {
        if (text(keys[wanted[i]]) != nil) continue;
        *problem = [NSString stringWithFormat:@"`%@` has no `%@`", description.path, wanted[i]];
        return nil;
    }
    _location = location;
    _identifier = keys[@"CFBundleIdentifier"];
    _marketing = keys[@"CFBundleShortVersionString"];
    _build = keys[@"CFBundleVersion"];
    _executable = keys[@"CFBundleExecutable"];
    _serviceNames = serviceNames(keys[@"IOKitPersonalities"]);
    return self;
}

- (struct Version)version {
    return (struct Version){ .marketing = _marketing.UTF8String, .build = _build.UTF8String };
}

// A property list may hold anything under a key.
static NSString *_Nullable text(id _Nullable value) {
    const bool isText = [value isKindOfClass:[NSString class]] && ((NSString *)value).length > 0;
    return isText ? value : nil;
}

static NSArray<NSString *> *serviceNames(id _Nullable personalities) {
    NSMutableArray<NSString *> *names = [NSMutableArray array];
    if (![personalities isKindOfClass:[NSDictionary class]]) return names;
    for (id personality in ((NSDictionary *)personalities).allValues) {
        if (![personality isKindOfClass:[NSDictionary class]]) continue;
        NSString *name = text(((NSDictionary *)personality)[@"IOUserClass"]);
        if (name != nil) [names addObject:name];
    }
    return [names sortedArrayUsingComparator:^(NSString *left, NSString *right) {
        return [left compare:right];
    }];
}

@end
