/* Streams and formatted text. */
#ifndef _STDIO_H_
#define _STDIO_H_

#include <stdarg.h>
#include <stddef.h>
#include <sys/cdefs.h>

typedef struct __sFILE FILE;

__BEGIN_DECLS
extern FILE *__stdinp;
extern FILE *__stdoutp;
extern FILE *__stderrp;

int printf(const char *format, ...) __printflike(1, 2);
int fprintf(FILE *stream, const char *format, ...) __printflike(2, 3);
int snprintf(char *text, size_t size, const char *format, ...) __printflike(3, 4);
int vsnprintf(char *text, size_t size, const char *format, va_list arguments) __printflike(3, 0);
int fputs(const char *text, FILE *stream);
int puts(const char *text);
int fputc(int character, FILE *stream);
int fflush(FILE *stream);
int ferror(FILE *stream);
__END_DECLS

#define stdin __stdinp
#define stdout __stdoutp
#define stderr __stderrp
#define EOF (-1)

#endif
