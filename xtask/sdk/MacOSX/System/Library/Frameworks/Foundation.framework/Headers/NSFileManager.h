/* Looking at folders and comparing files. */
#ifndef _FOUNDATION_NSFILEMANAGER_H
#define _FOUNDATION_NSFILEMANAGER_H

#import <Foundation/NSArray.h>
#import <Foundation/NSURL.h>

@class NSError;

NS_ASSUME_NONNULL_BEGIN

typedef NS_OPTIONS(NSUInteger, NSDirectoryEnumerationOptions) {
    NSDirectoryEnumerationSkipsHiddenFiles = 1 << 2,
};

@interface NSFileManager : NSObject
@property (class, readonly, strong) NSFileManager *defaultManager;

- (nullable NSArray<NSURL *> *)contentsOfDirectoryAtURL:(NSURL *)url
                             includingPropertiesForKeys:(nullable NSArray<NSURLResourceKey> *)keys
                                                options:(NSDirectoryEnumerationOptions)options
                                                  error:(NSError *_Nullable *_Nullable)error;
- (BOOL)isReadableFileAtPath:(NSString *)path;
- (BOOL)contentsEqualAtPath:(NSString *)left andPath:(NSString *)right;
@end

NS_ASSUME_NONNULL_END

#endif
