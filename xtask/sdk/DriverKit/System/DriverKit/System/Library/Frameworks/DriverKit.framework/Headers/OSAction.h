/* generated from OSAction.iig */
// A callback: a method of an object, given away to be called later.
#ifndef OPEN_SDK_DRIVERKIT_OSACTION_H
#define OPEN_SDK_DRIVERKIT_OSACTION_H

#include <DriverKit/OSObject.h>

typedef void (^OSActionCancelHandler)(void);
typedef void (^OSActionAbortedHandler)(void);
struct OSActionWaitToken;
class OSString;

/* class OSAction OSAction.iig:12 */

#if __DOCUMENTATION__
#define KERNEL IIG_KERNEL

class NATIVE KERNEL OSAction : public OSObject
{
public:
    static kern_return_t Create(OSObject * target, uint64_t targetmsgid, uint64_t msgid, size_t referenceSize, OSAction ** action) LOCAL;
    static kern_return_t CreateWithTypeName(
        OSObject * target, uint64_t targetmsgid, uint64_t msgid, size_t referenceSize, OSString * typeName, OSAction ** action) LOCAL;

    virtual void free() override;

    // Memory of `referenceSize` bytes that belongs to the creator.
    void * GetReference() LOCALONLY;
    // No call starts any more; `handler` runs once those under way have ended.
    kern_return_t Cancel(OSActionCancelHandler handler) LOCALONLY;
    // `handler` runs when nobody else holds the action any more.
    kern_return_t SetAbortedHandler(OSActionAbortedHandler handler) LOCALONLY;
    kern_return_t WillWait(OSActionWaitToken ** token) LOCALONLY;
    kern_return_t EndWait(OSActionWaitToken * token) LOCALONLY;
    kern_return_t Wait(OSActionWaitToken * token, uint64_t options, uint64_t deadline) LOCALONLY;

    virtual void Aborted(void) LOCALHOST;
};

#undef KERNEL
#else /* __DOCUMENTATION__ */

#define OSAction_Create_ID            0xaa1fc3ce85ce5497ULL
#define OSAction_CreateWithTypeName_ID            0xa0c5b3ed5a8ea283ULL
#define OSAction_Aborted_ID            0xbfb95094c657d68fULL

#define OSAction_Create_Args \
        OSObject * target, \
        uint64_t targetmsgid, \
        uint64_t msgid, \
        size_t referenceSize, \
        OSAction ** action

#define OSAction_CreateWithTypeName_Args \
        OSObject * target, \
        uint64_t targetmsgid, \
        uint64_t msgid, \
        size_t referenceSize, \
        OSString * typeName, \
        OSAction ** action

#define OSAction_Aborted_Args

#define OSAction_Methods \
 \
public: \
 \
    virtual kern_return_t \
    Dispatch( \
        const IORPC rpc) APPLE_KEXT_OVERRIDE; \
 \
    static kern_return_t \
    _Dispatch( \
        OSAction * self, \
        const IORPC rpc); \
 \
    static kern_return_t \
    Create( \
        OSObject * target, \
        uint64_t targetmsgid, \
        uint64_t msgid, \
        size_t referenceSize, \
        OSAction ** action); \
 \
    static kern_return_t \
    CreateWithTypeName( \
        OSObject * target, \
        uint64_t targetmsgid, \
        uint64_t msgid, \
        size_t referenceSize, \
        OSString * typeName, \
        OSAction ** action); \
 \
    void * \
    GetReference(); \
 \
    kern_return_t \
    Cancel( \
        OSActionCancelHandler handler); \
 \
    kern_return_t \
    SetAbortedHandler( \
        OSActionAbortedHandler handler); \
 \
    kern_return_t \
    WillWait( \
        OSActionWaitToken ** token); \
 \
    kern_return_t \
    EndWait( \
        OSActionWaitToken * token); \
 \
    kern_return_t \
    Wait( \
        OSActionWaitToken * token, \
        uint64_t options, \
        uint64_t deadline); \
 \
    void \
    Aborted( \
        OSDispatchMethod supermethod = NULL); \
 \
protected: \
 \
    static kern_return_t \
    Create_Call(OSAction_Create_Args); \
 \
    static kern_return_t \
    CreateWithTypeName_Call(OSAction_CreateWithTypeName_Args); \
 \
    void \
    Aborted_Impl(OSAction_Aborted_Args); \
 \
public: \
 \
    typedef kern_return_t (*Create_Handler)(OSAction_Create_Args); \
    static kern_return_t Create_Invoke(const IORPC rpc, Create_Handler func); \
 \
    typedef kern_return_t (*CreateWithTypeName_Handler)(OSAction_CreateWithTypeName_Args); \
    static kern_return_t CreateWithTypeName_Invoke(const IORPC rpc, CreateWithTypeName_Handler func); \
 \
    typedef void (*Aborted_Handler)(OSMetaClassBase * target); \
    static kern_return_t Aborted_Invoke(const IORPC rpc, OSMetaClassBase * target, Aborted_Handler func); \


#define OSAction_KernelMethods \
 \
protected: \
 \
    static kern_return_t \
    Create_Impl(OSAction_Create_Args); \
 \
    static kern_return_t \
    CreateWithTypeName_Impl(OSAction_CreateWithTypeName_Args); \


#define OSAction_VirtualMethods \
 \
public: \
 \
    virtual void \
    free() APPLE_KEXT_OVERRIDE; \


extern OSMetaClass * gOSActionMetaClass;
extern const OSClassLoadInformation OSAction_Class;

class OSActionMetaClass : public OSMetaClass
{
public:
    virtual kern_return_t New(OSObject * instance) override;
    virtual kern_return_t Dispatch(const IORPC rpc) override;
};

class OSActionInterface : public OSInterface
{
public:
};

struct OSAction_IVars;
struct OSAction_LocalIVars;

class OSAction : public OSObject, public OSActionInterface
{
    friend class OSActionMetaClass;

public:
#ifdef OSAction_DECLARE_IVARS
OSAction_DECLARE_IVARS
#else /* OSAction_DECLARE_IVARS */
    union
    {
        OSAction_IVars * ivars;
        OSAction_LocalIVars * lvars;
    };
#endif /* OSAction_DECLARE_IVARS */
    static OSMetaClass * sGetMetaClass() { return gOSActionMetaClass; }
    virtual const OSMetaClass * getMetaClass() const APPLE_KEXT_OVERRIDE { return gOSActionMetaClass; }

    using super = OSObject;

    OSAction_Methods
    OSAction_VirtualMethods
};

#endif /* !__DOCUMENTATION__ */


#endif

