/* The opaque types that IOKit's calls trade in, and how to give them back. */
#ifndef __COREFOUNDATION_COREFOUNDATION__
#define __COREFOUNDATION_COREFOUNDATION__

#include <stdbool.h>
#include <stdint.h>
#include <sys/cdefs.h>

typedef const void *CFTypeRef;
typedef const struct __attribute__((objc_bridge(id))) __CFDictionary *CFDictionaryRef;
typedef struct __attribute__((objc_bridge_mutable(id))) __CFDictionary *CFMutableDictionaryRef;

#define CF_RELEASES_ARGUMENT __attribute__((__cf_consumed__))
#define CF_RETURNS_RETAINED __attribute__((__cf_returns_retained__))

__BEGIN_DECLS
void CFRelease(CFTypeRef object);
__END_DECLS

#endif
