/* generated from OSObject.iig */
// The class of all objects that are counted and can be called from elsewhere.
//
// Attributes such as KERNEL, LOCAL or TYPE() are known to the generator by name and never reach the compiler.
#ifndef OPEN_SDK_DRIVERKIT_OSOBJECT_H
#define OPEN_SDK_DRIVERKIT_OSOBJECT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <DriverKit/IOTypes.h>
#include <DriverKit/IOReturn.h>
#if !__IIG
#include <DriverKit/OSMetaClass.h>
#define IIG_SERIALIZABLE
#endif

class OSObject;
typedef OSObject * OSObjectPtr;

// Objects of these classes travel as bytes.
class IIG_SERIALIZABLE OSContainer;
class IIG_SERIALIZABLE OSData;
class IIG_SERIALIZABLE OSNumber;
class IIG_SERIALIZABLE OSString;
class IIG_SERIALIZABLE OSBoolean;
class IIG_SERIALIZABLE OSDictionary;
class IIG_SERIALIZABLE OSArray;
class IIG_SERIALIZABLE OSSet;
class IIG_SERIALIZABLE OSOrderedSet;

class OSMetaClass;
class IODispatchQueue;

typedef char IODispatchQueueName[256];

#if __IIG


#endif

/* class OSObject OSObject.iig:46 */

#if __DOCUMENTATION__
#define KERNEL IIG_KERNEL

class OSObject : public OSMetaClassBase
{
public:
    virtual bool init() LOCALONLY;
    virtual void free() LOCALONLY;
    virtual void retain() const override;
    virtual void release() const override;

    virtual kern_return_t SetDispatchQueue(const IODispatchQueueName name, IODispatchQueue * queue) KERNEL = 0;
    virtual kern_return_t CopyDispatchQueue(const IODispatchQueueName name, IODispatchQueue ** queue) KERNEL = 0;
};

#undef KERNEL
#else /* __DOCUMENTATION__ */

#define OSObject_SetDispatchQueue_ID            0xe608ae8273dae1bcULL
#define OSObject_CopyDispatchQueue_ID            0x95115b48fd29f7c9ULL

#define OSObject_SetDispatchQueue_Args \
        const char * name, \
        IODispatchQueue * queue

#define OSObject_CopyDispatchQueue_Args \
        const char * name, \
        IODispatchQueue ** queue

#define OSObject_Methods \
 \
public: \
 \
    virtual kern_return_t \
    Dispatch( \
        const IORPC rpc) APPLE_KEXT_OVERRIDE; \
 \
    static kern_return_t \
    _Dispatch( \
        OSObject * self, \
        const IORPC rpc); \
 \
    kern_return_t \
    SetDispatchQueue( \
        const char * name, \
        IODispatchQueue * queue, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    CopyDispatchQueue( \
        const char * name, \
        IODispatchQueue ** queue, \
        OSDispatchMethod supermethod = NULL); \
 \
protected: \
 \
public: \
 \
    typedef kern_return_t (*SetDispatchQueue_Handler)(OSMetaClassBase * target, OSObject_SetDispatchQueue_Args); \
    static kern_return_t SetDispatchQueue_Invoke(const IORPC rpc, OSMetaClassBase * target, SetDispatchQueue_Handler func); \
 \
    typedef kern_return_t (*CopyDispatchQueue_Handler)(OSMetaClassBase * target, OSObject_CopyDispatchQueue_Args); \
    static kern_return_t CopyDispatchQueue_Invoke(const IORPC rpc, OSMetaClassBase * target, CopyDispatchQueue_Handler func); \


#define OSObject_KernelMethods \
 \
protected: \


#define OSObject_VirtualMethods \
 \
public: \
 \
    virtual bool \
    init() APPLE_KEXT_OVERRIDE; \
 \
    virtual void \
    free() APPLE_KEXT_OVERRIDE; \
 \
    virtual void \
    retain() const APPLE_KEXT_OVERRIDE; \
 \
    virtual void \
    release() const APPLE_KEXT_OVERRIDE; \


extern OSMetaClass * gOSObjectMetaClass;
extern const OSClassLoadInformation OSObject_Class;

class OSObjectMetaClass : public OSMetaClass
{
public:
    virtual kern_return_t New(OSObject * instance) override;
    virtual kern_return_t Dispatch(const IORPC rpc) override;
};

class OSObjectInterface : public OSInterface
{
public:
    virtual bool init() = 0;
    virtual void free() = 0;
};

struct OSObject_IVars;
struct OSObject_LocalIVars;

class OSObject : public OSMetaClassBase, public OSObjectInterface
{
    friend class OSObjectMetaClass;

public:
#ifdef OSObject_DECLARE_IVARS
OSObject_DECLARE_IVARS
#else /* OSObject_DECLARE_IVARS */
    union
    {
        OSObject_IVars * ivars;
        OSObject_LocalIVars * lvars;
    };
#endif /* OSObject_DECLARE_IVARS */
    static OSMetaClass * sGetMetaClass() { return gOSObjectMetaClass; }

    using super = OSMetaClassBase;

    OSObject_Methods
    OSObject_VirtualMethods
};

#endif /* !__DOCUMENTATION__ */


// `kern_return_t IMPL(Driver, Start) { … }` is `kern_return_t Driver::Start_Impl(IOService * provider) { … }`.
#define DEFN(classname, name) name##_Impl(classname##_##name##_Args)
#define IMPL(classname, name) classname::DEFN(classname, name)

#endif

