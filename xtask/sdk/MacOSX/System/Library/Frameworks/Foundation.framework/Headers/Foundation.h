/* The part of Foundation that app/ uses. */
#import <Foundation/NSObjCRuntime.h>
#import <objc/NSObject.h>

#import <Foundation/NSArray.h>
#import <Foundation/NSBundle.h>
#import <Foundation/NSDictionary.h>
#import <Foundation/NSEnumerator.h>
#import <Foundation/NSError.h>
#import <Foundation/NSFileManager.h>
#import <Foundation/NSString.h>
#import <Foundation/NSURL.h>

#import <dispatch/dispatch.h>
