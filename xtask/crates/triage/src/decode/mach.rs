//! Mach return codes, from xnu's `osfmk/mach/kern_return.h` and `message.h`.

use super::Meaning;

/// kern_return_t and mach_msg_return_t, as far as the public headers name them.
pub(super) const CODES: &[(i64, Meaning)] = &[
    (0, Meaning { name: "KERN_SUCCESS", text: "success" }),
    (1, Meaning { name: "KERN_INVALID_ADDRESS", text: "specified address is not currently valid" }),
    (
        2,
        Meaning {
            name: "KERN_PROTECTION_FAILURE",
            text: "specified memory is valid, but does not permit the required forms of access",
        },
    ),
    (
        3,
        Meaning {
            name: "KERN_NO_SPACE",
            text: "the address range is already in use, or no range of the size could be found",
        },
    ),
    (4, Meaning { name: "KERN_INVALID_ARGUMENT", text: "the function was passed an invalid argument" }),
    (5, Meaning { name: "KERN_FAILURE", text: "the function could not be performed" }),
    (6, Meaning { name: "KERN_RESOURCE_SHORTAGE", text: "a system resource could not be allocated" }),
    (7, Meaning { name: "KERN_NOT_RECEIVER", text: "the task does not hold receive rights for the port" }),
    (8, Meaning { name: "KERN_NO_ACCESS", text: "bogus access restriction" }),
    (
        9,
        Meaning {
            name: "KERN_MEMORY_FAILURE",
            text: "the target address refers to a destroyed memory object",
        },
    ),
    (10, Meaning { name: "KERN_MEMORY_ERROR", text: "the memory object could not return the data" }),
    (
        11,
        Meaning {
            name: "KERN_ALREADY_IN_SET",
            text: "the receive right is already a member of the port set",
        },
    ),
    (12, Meaning { name: "KERN_NOT_IN_SET", text: "the receive right is not a member of a port set" }),
    (13, Meaning { name: "KERN_NAME_EXISTS", text: "the name already denotes a right in the task" }),
    (14, Meaning { name: "KERN_ABORTED", text: "the operation was aborted" }),
    (15, Meaning { name: "KERN_INVALID_NAME", text: "the name does not denote a right in the task" }),
    (16, Meaning { name: "KERN_INVALID_TASK", text: "target task is not an active task" }),
    (
        17,
        Meaning { name: "KERN_INVALID_RIGHT", text: "the name denotes a right, but not an appropriate one" },
    ),
    (18, Meaning { name: "KERN_INVALID_VALUE", text: "a blatant range error" }),
    (19, Meaning { name: "KERN_UREFS_OVERFLOW", text: "operation would overflow limit on user references" }),
    (20, Meaning { name: "KERN_INVALID_CAPABILITY", text: "the supplied port capability is improper" }),
    (
        21,
        Meaning {
            name: "KERN_RIGHT_EXISTS",
            text: "the task already has send or receive rights for the port under another name",
        },
    ),
    (22, Meaning { name: "KERN_INVALID_HOST", text: "target host is not a host" }),
    (
        23,
        Meaning {
            name: "KERN_MEMORY_PRESENT",
            text: "an attempt was made to supply precious data for memory that is already present",
        },
    ),
    (
        24,
        Meaning {
            name: "KERN_MEMORY_DATA_MOVED",
            text: "a page was requested of a memory manager for an object that uses a copy strategy",
        },
    ),
    (
        25,
        Meaning {
            name: "KERN_MEMORY_RESTART_COPY",
            text: "a strategic copy was attempted of an object upon which a quicker copy is now possible",
        },
    ),
    (
        26,
        Meaning {
            name: "KERN_INVALID_PROCESSOR_SET",
            text: "an argument applied to assert processor set privilege was not a processor set control port",
        },
    ),
    (
        27,
        Meaning {
            name: "KERN_POLICY_LIMIT",
            text: "the specified scheduling attributes exceed the thread's limits",
        },
    ),
    (
        28,
        Meaning {
            name: "KERN_INVALID_POLICY",
            text: "the specified scheduling policy is not currently enabled for the processor set",
        },
    ),
    (
        29,
        Meaning {
            name: "KERN_INVALID_OBJECT",
            text: "the external memory manager failed to initialize the memory object",
        },
    ),
    (
        30,
        Meaning {
            name: "KERN_ALREADY_WAITING",
            text: "a thread is attempting to wait for an event for which there is already a waiting thread",
        },
    ),
    (
        31,
        Meaning {
            name: "KERN_DEFAULT_SET",
            text: "an attempt was made to destroy the default processor set",
        },
    ),
    (
        32,
        Meaning {
            name: "KERN_EXCEPTION_PROTECTED",
            text: "an attempt was made to fetch an exception port that is protected",
        },
    ),
    (33, Meaning { name: "KERN_INVALID_LEDGER", text: "a ledger was required but not supplied" }),
    (
        34,
        Meaning { name: "KERN_INVALID_MEMORY_CONTROL", text: "the port was not a memory cache control port" },
    ),
    (
        35,
        Meaning {
            name: "KERN_INVALID_SECURITY",
            text: "an argument supplied to assert security privilege was not a host security port",
        },
    ),
    (
        36,
        Meaning {
            name: "KERN_NOT_DEPRESSED",
            text: "thread_depress_abort was called on a thread which was not currently depressed",
        },
    ),
    (37, Meaning { name: "KERN_TERMINATED", text: "object has been terminated and is no longer available" }),
    (38, Meaning { name: "KERN_LOCK_SET_DESTROYED", text: "lock set has been destroyed" }),
    (
        39,
        Meaning {
            name: "KERN_LOCK_UNSTABLE",
            text: "the thread holding the lock terminated before releasing it",
        },
    ),
    (40, Meaning { name: "KERN_LOCK_OWNED", text: "the lock is already owned by another thread" }),
    (41, Meaning { name: "KERN_LOCK_OWNED_SELF", text: "the lock is already owned by the calling thread" }),
    (42, Meaning { name: "KERN_SEMAPHORE_DESTROYED", text: "semaphore has been destroyed" }),
    (
        43,
        Meaning {
            name: "KERN_RPC_SERVER_TERMINATED",
            text: "the RPC server terminated before a reply was sent",
        },
    ),
    (44, Meaning { name: "KERN_RPC_TERMINATE_ORPHAN", text: "terminate an orphaned activation" }),
    (
        45,
        Meaning {
            name: "KERN_RPC_CONTINUE_ORPHAN",
            text: "allow an orphaned activation to continue executing",
        },
    ),
    (46, Meaning { name: "KERN_NOT_SUPPORTED", text: "empty thread activation, or not supported" }),
    (47, Meaning { name: "KERN_NODE_DOWN", text: "remote node down or inaccessible" }),
    (48, Meaning { name: "KERN_NOT_WAITING", text: "a signalled thread was not actually waiting" }),
    (49, Meaning { name: "KERN_OPERATION_TIMED_OUT", text: "some thread-oriented operation timed out" }),
    (
        50,
        Meaning {
            name: "KERN_CODESIGN_ERROR",
            text: "during a page fault, the page was rejected as a result of a signature check",
        },
    ),
    (
        51,
        Meaning { name: "KERN_POLICY_STATIC", text: "the requested property cannot be changed at this time" },
    ),
    (
        52,
        Meaning {
            name: "KERN_INSUFFICIENT_BUFFER_SIZE",
            text: "the provided buffer is of insufficient size for the requested data",
        },
    ),
    (53, Meaning { name: "KERN_DENIED", text: "denied by security policy" }),
    (54, Meaning { name: "KERN_MISSING_KC", text: "the kernel collection is missing" }),
    (55, Meaning { name: "KERN_INVALID_KC", text: "the kernel collection is not valid" }),
    (56, Meaning { name: "KERN_NOT_FOUND", text: "a search or query gave no result" }),
    (
        0x1000_0001,
        Meaning { name: "MACH_SEND_IN_PROGRESS", text: "thread is waiting to send (internal use only)" },
    ),
    (0x1000_0002, Meaning { name: "MACH_SEND_INVALID_DATA", text: "bogus in-line data" }),
    (
        0x1000_0003,
        Meaning { name: "MACH_SEND_INVALID_DEST", text: "invalid destination port: the server died" },
    ),
    (0x1000_0004, Meaning { name: "MACH_SEND_TIMED_OUT", text: "message not sent before timeout expired" }),
    (0x1000_0005, Meaning { name: "MACH_SEND_INVALID_VOUCHER", text: "bogus voucher port" }),
    (0x1000_0007, Meaning { name: "MACH_SEND_INTERRUPTED", text: "software interrupt" }),
    (
        0x1000_0008,
        Meaning { name: "MACH_SEND_MSG_TOO_SMALL", text: "data does not contain a complete message" },
    ),
    (0x1000_0009, Meaning { name: "MACH_SEND_INVALID_REPLY", text: "bogus reply port" }),
    (0x1000_000a, Meaning { name: "MACH_SEND_INVALID_RIGHT", text: "bogus port rights in the message body" }),
    (0x1000_000b, Meaning { name: "MACH_SEND_INVALID_NOTIFY", text: "bogus notify port argument" }),
    (0x1000_000c, Meaning { name: "MACH_SEND_INVALID_MEMORY", text: "invalid out-of-line memory pointer" }),
    (0x1000_000d, Meaning { name: "MACH_SEND_NO_BUFFER", text: "no message buffer is available" }),
    (0x1000_000e, Meaning { name: "MACH_SEND_TOO_LARGE", text: "send is too large for port" }),
    (0x1000_000f, Meaning { name: "MACH_SEND_INVALID_TYPE", text: "invalid msg-type specification" }),
    (
        0x1000_0010,
        Meaning { name: "MACH_SEND_INVALID_HEADER", text: "a field in the header had a bad value" },
    ),
    (
        0x1000_0011,
        Meaning {
            name: "MACH_SEND_INVALID_TRAILER",
            text: "the trailer to be sent does not match kernel format",
        },
    ),
    (
        0x1000_4001,
        Meaning { name: "MACH_RCV_IN_PROGRESS", text: "thread is waiting for receive (internal use only)" },
    ),
    (0x1000_4002, Meaning { name: "MACH_RCV_INVALID_NAME", text: "bogus name for receive port or port-set" }),
    (
        0x1000_4003,
        Meaning { name: "MACH_RCV_TIMED_OUT", text: "did not get a message within the timeout value" },
    ),
    (
        0x1000_4004,
        Meaning { name: "MACH_RCV_TOO_LARGE", text: "message buffer is not large enough for in-line data" },
    ),
    (0x1000_4005, Meaning { name: "MACH_RCV_INTERRUPTED", text: "software interrupt" }),
    (0x1000_4006, Meaning { name: "MACH_RCV_PORT_CHANGED", text: "the port moved into or out of a set" }),
    (0x1000_4007, Meaning { name: "MACH_RCV_INVALID_NOTIFY", text: "bogus notify port argument" }),
    (0x1000_4008, Meaning { name: "MACH_RCV_INVALID_DATA", text: "bogus message buffer for in-line data" }),
    (
        0x1000_4009,
        Meaning { name: "MACH_RCV_PORT_DIED", text: "port or set was sent away or died during receive" },
    ),
    (0x1000_400a, Meaning { name: "MACH_RCV_IN_SET", text: "compatibility: no longer a returned error" }),
    (0x1000_400b, Meaning { name: "MACH_RCV_HEADER_ERROR", text: "error receiving message header" }),
    (0x1000_400c, Meaning { name: "MACH_RCV_BODY_ERROR", text: "error receiving message body" }),
    (
        0x1000_400d,
        Meaning { name: "MACH_RCV_INVALID_TYPE", text: "invalid msg-type specification in scatter list" },
    ),
    (
        0x1000_400e,
        Meaning { name: "MACH_RCV_SCATTER_SMALL", text: "out-of-line overwrite region is not large enough" },
    ),
    (
        0x1000_400f,
        Meaning {
            name: "MACH_RCV_INVALID_TRAILER",
            text: "trailer type or number of trailer elements not supported",
        },
    ),
    (
        0x1000_4011,
        Meaning {
            name: "MACH_RCV_IN_PROGRESS_TIMED",
            text: "waiting for receive with timeout (internal use only)",
        },
    ),
    (
        0x1000_0012,
        Meaning {
            name: "MACH_SEND_INVALID_CONTEXT",
            text: "the sender's context is not the one of the destination port",
        },
    ),
    (
        0x1000_0013,
        Meaning { name: "MACH_SEND_INVALID_OPTIONS", text: "the options for sending are not valid" },
    ),
    (0x1000_0015, Meaning { name: "MACH_SEND_INVALID_RT_OOL_SIZE", text: "no longer returned" }),
    (
        0x1000_0016,
        Meaning {
            name: "MACH_SEND_NO_GRANT_DEST",
            text: "the destination port takes no ports in a message's body",
        },
    ),
    (0x1000_0017, Meaning { name: "MACH_SEND_MSG_FILTERED", text: "a message filter refused the message" }),
    (0x1000_0018, Meaning { name: "MACH_SEND_AUX_TOO_SMALL", text: "the auxiliary data is too small" }),
    (0x1000_0019, Meaning { name: "MACH_SEND_AUX_TOO_LARGE", text: "the auxiliary data is too large" }),
    (
        0x1000_4012,
        Meaning {
            name: "MACH_RCV_INVALID_REPLY",
            text: "the reply port does not suit a message with strict replies",
        },
    ),
    (
        0x1000_4013,
        Meaning {
            name: "MACH_RCV_INVALID_ARGUMENTS",
            text: "the arguments are not valid; nothing was received",
        },
    ),
];
