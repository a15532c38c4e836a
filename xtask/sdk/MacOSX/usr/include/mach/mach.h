/* What a Mach call returns, and the port of this task. */
#ifndef _MACH_MACH_H_
#define _MACH_MACH_H_

#include <stdint.h>
#include <sys/cdefs.h>

typedef int kern_return_t;
typedef unsigned int mach_port_t;
typedef mach_port_t task_port_t;

#define KERN_SUCCESS 0
#define MACH_PORT_NULL 0

__BEGIN_DECLS
extern mach_port_t mach_task_self_;
__END_DECLS

#define mach_task_self() mach_task_self_

#endif
