/* Queues, semaphores and time, as far as a command line that waits for one answer needs them. */
#ifndef __DISPATCH_PUBLIC__
#define __DISPATCH_PUBLIC__

#include <os/object.h>
#include <stdint.h>
#include <sys/types.h>

__BEGIN_DECLS

OS_OBJECT_DECL(dispatch_queue);
OS_OBJECT_DECL(dispatch_queue_attr);
OS_OBJECT_DECL(dispatch_semaphore);

typedef void (^dispatch_block_t)(void);
typedef uint64_t dispatch_time_t;

#define NSEC_PER_SEC 1000000000ull
#define DISPATCH_TIME_NOW (0ull)
#define DISPATCH_TIME_FOREVER (~0ull)
/* A queue made with no attribute runs one block after the other. */
#define DISPATCH_QUEUE_SERIAL ((dispatch_queue_attr_t)0)

dispatch_queue_t dispatch_queue_create(const char *label, dispatch_queue_attr_t attribute) OS_OBJECT_RETURNS_RETAINED;
void dispatch_async(dispatch_queue_t queue, dispatch_block_t block);
void dispatch_sync(dispatch_queue_t queue, dispatch_block_t block);
void dispatch_main(void) __dead2;

dispatch_semaphore_t dispatch_semaphore_create(intptr_t value) OS_OBJECT_RETURNS_RETAINED;
intptr_t dispatch_semaphore_signal(dispatch_semaphore_t semaphore);
intptr_t dispatch_semaphore_wait(dispatch_semaphore_t semaphore, dispatch_time_t timeout);
dispatch_time_t dispatch_time(dispatch_time_t when, int64_t nanoseconds);

__END_DECLS

#endif
