// Memory, time and messages for a driver.
#ifndef OPEN_SDK_DRIVERKIT_IOLIB_H
#define OPEN_SDK_DRIVERKIT_IOLIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/cdefs.h>
#include <DriverKit/IOReturn.h>

__BEGIN_DECLS

void IOLog(const char * format, ...) __printflike(1, 2);
void * IOMalloc(size_t length) __attribute__((alloc_size(1)));
void * IOMallocZero(size_t length) __attribute__((alloc_size(1)));
void IOFree(void * address, size_t length);
void IOSleep(uint64_t milliseconds);
void IODelay(uint64_t microseconds);
uint64_t mach_absolute_time(void);

__END_DECLS

// Arrays of `type`; NULL when there is no memory, or the size does not fit into a number.
#define IOOpenArray(allocate, type, count)                                                                                \
    ({                                                                                                                    \
        size_t _size = 0;                                                                                                 \
        __builtin_mul_overflow(sizeof(type), (size_t) (count), &_size) ? (type *) NULL : (type *) allocate(_size);        \
    })
#define IONew(type, count) IOOpenArray(IOMalloc, type, count)
#define IONewZero(type, count) IOOpenArray(IOMallocZero, type, count)
#define IODelete(pointer, type, count) IOFree((pointer), sizeof(type) * (size_t) (count))
#define IOSafeDeleteNULL(pointer, type, count)          \
    do {                                                \
        if ((pointer) != NULL) {                        \
            IODelete((pointer), type, (count));         \
            (pointer) = NULL;                           \
        }                                               \
    } while (0)

#endif
