// The unified log. Formats are kept apart in `__TEXT,__oslogstring`, arguments are packed by the compiler.
#ifndef OPEN_SDK_OS_LOG_H
#define OPEN_SDK_OS_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/cdefs.h>

__BEGIN_DECLS

typedef struct os_log_s * os_log_t;
typedef uint8_t os_log_type_t;

#define OS_LOG_TYPE_DEFAULT ((os_log_type_t) 0x00)
#define OS_LOG_TYPE_INFO ((os_log_type_t) 0x01)
#define OS_LOG_TYPE_DEBUG ((os_log_type_t) 0x02)
#define OS_LOG_TYPE_ERROR ((os_log_type_t) 0x10)
#define OS_LOG_TYPE_FAULT ((os_log_type_t) 0x11)

extern struct os_log_s _os_log_default;
#define OS_LOG_DEFAULT (&_os_log_default)

bool os_log_type_enabled(os_log_t log, os_log_type_t type);
void _os_log_impl(void * image, os_log_t log, os_log_type_t type, const char * format, uint8_t * arguments, uint32_t size);

// Provided by the linker: names the image that logs.
extern struct mach_header __dso_handle;

__END_DECLS

#define os_log_with_type(log, type, format, ...)                                                                                              \
    __extension__({                                                                                                                           \
        os_log_t _log = (log);                                                                                                                \
        if (os_log_type_enabled(_log, (type))) {                                                                                              \
            __attribute__((section("__TEXT,__oslogstring,cstring_literals"))) static const char _format[] = format;                           \
            uint8_t __attribute__((aligned(16))) _arguments[__builtin_os_log_format_buffer_size(format, ##__VA_ARGS__)];                      \
            _os_log_impl(&__dso_handle, _log, (type), _format, (uint8_t *) __builtin_os_log_format(_arguments, format, ##__VA_ARGS__),        \
                         (uint32_t) sizeof(_arguments));                                                                                      \
        }                                                                                                                                     \
    })

#define os_log(log, format, ...) os_log_with_type(log, OS_LOG_TYPE_DEFAULT, format, ##__VA_ARGS__)
#define os_log_info(log, format, ...) os_log_with_type(log, OS_LOG_TYPE_INFO, format, ##__VA_ARGS__)
#define os_log_debug(log, format, ...) os_log_with_type(log, OS_LOG_TYPE_DEBUG, format, ##__VA_ARGS__)
#define os_log_error(log, format, ...) os_log_with_type(log, OS_LOG_TYPE_ERROR, format, ##__VA_ARGS__)
#define os_log_fault(log, format, ...) os_log_with_type(log, OS_LOG_TYPE_FAULT, format, ##__VA_ARGS__)

#endif
