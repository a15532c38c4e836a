// Remote calls between drivers and the kernel: layouts of messages and of class descriptions.
//
// Values and layouts as in xnu, iokit/DriverKit/IORPC.h.
#ifndef OPEN_SDK_DRIVERKIT_IORPC_H
#define OPEN_SDK_DRIVERKIT_IORPC_H

#include <stdint.h>
#include <mach/message.h>

typedef uint64_t OSObjectRef;

enum {
    kIORPCVersion190615 = (mach_msg_id_t) 0x4da2b68c,
    kIORPCVersion190615Reply = (mach_msg_id_t) 0x4da2b68d,
};

enum {
    kIORPCMessageRemote = 0x01,
    kIORPCMessageLocalHost = 0x02,
    kIORPCMessageKernel = 0x04,
    kIORPCMessageOneway = 0x08,
    kIORPCMessageObjectRefs = 0x10,
    kIORPCMessageOnqueue = 0x20,
    kIORPCMessageError = 0x40,
    kIORPCMessageSimpleReply = 0x80,
};

// Ids with this bit belong to methods of classes in the kernel.
enum { kIORPCMessageIDKernel = (1ULL << 63) };

typedef struct IORPCMessageMach {
    mach_msg_header_t msgh;
    mach_msg_body_t msgh_body;
    mach_msg_port_descriptor_t objects[0];
} IORPCMessageMach;

#pragma pack(push, 4)
typedef struct IORPCMessage {
    uint64_t msgid;
    uint64_t flags;
    uint64_t objectRefs;
    OSObjectRef objects[0];
} IORPCMessage;
#pragma pack(pop)

#ifdef __cplusplus
extern "C"
#endif
IORPCMessage * IORPCMessageFromMach(IORPCMessageMach * message, bool reply);

typedef struct IORPC {
    IORPCMessageMach * message;
    IORPCMessageMach * reply;
    uint32_t sendSize;
    uint32_t replySize;
} IORPC;

#ifdef __cplusplus
class OSMetaClassBase;
typedef kern_return_t (*OSDispatchMethod)(OSMetaClassBase * self, const IORPC rpc);
#endif

enum { kOSClassCanRemote = 0x01 };

// Sizes and offsets count from the start of the description, behind which the pieces lie.
struct OSClassDescription {
    uint32_t descriptionSize;
    char name[96];
    char superName[96];
    uint32_t methodOptionsSize;
    uint32_t methodOptionsOffset;
    uint32_t metaMethodOptionsSize;
    uint32_t metaMethodOptionsOffset;
    uint32_t queueNamesSize;
    uint32_t queueNamesOffset;
    uint32_t methodNamesSize;
    uint32_t methodNamesOffset;
    uint32_t metaMethodNamesSize;
    uint32_t metaMethodNamesOffset;
    uint64_t flags;
    uint64_t resv1[8];
    uint64_t methodOptions[0];
    uint64_t metaMethodOptions[0];
    char dispatchNames[0];
    char methodNames[0];
    char metaMethodNames[0];
};

#endif
