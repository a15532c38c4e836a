// Formatting into memory. A driver has no files.
#ifndef OPEN_SDK_STDIO_H
#define OPEN_SDK_STDIO_H

#include <stddef.h>
#include <sys/cdefs.h>

__BEGIN_DECLS

int snprintf(char * to, size_t size, const char * format, ...) __printflike(3, 4);

__END_DECLS

#endif
