/* Memory, numbers, leaving. */
#ifndef _STDLIB_H_
#define _STDLIB_H_

#include <stddef.h>
#include <sys/cdefs.h>

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1

__BEGIN_DECLS
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *pointer, size_t size);
void free(void *pointer);
void exit(int status) __dead2;
void abort(void) __dead2;
char *getenv(const char *name);
unsigned long strtoul(const char *text, char **end, int base);
__END_DECLS

#endif
