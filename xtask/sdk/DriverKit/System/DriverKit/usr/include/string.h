// Memory and strings: what a driver, and the code generated for it, calls.
#ifndef OPEN_SDK_STRING_H
#define OPEN_SDK_STRING_H

#include <stddef.h>
#include <sys/cdefs.h>

__BEGIN_DECLS

void * memchr(const void * bytes, int byte, size_t length);
int memcmp(const void * left, const void * right, size_t length);
void * memcpy(void * to, const void * from, size_t length);
void * memmove(void * to, const void * from, size_t length);
void * memset(void * to, int byte, size_t length);
int strcmp(const char * left, const char * right);
size_t strlcat(char * to, const char * from, size_t size);
size_t strlcpy(char * to, const char * from, size_t size);
size_t strlen(const char * text);
int strncmp(const char * left, const char * right, size_t length);
size_t strnlen(const char * text, size_t size);

// From <strings.h>, which a DriverKit <string.h> brings along.
void bcopy(const void * from, void * to, size_t length);
void bzero(void * to, size_t length);

__END_DECLS

#endif
