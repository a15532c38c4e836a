/* generated from IODispatchSource.iig */
// Something that produces work for a queue.
#ifndef OPEN_SDK_DRIVERKIT_IODISPATCHSOURCE_H
#define OPEN_SDK_DRIVERKIT_IODISPATCHSOURCE_H

#include <DriverKit/OSObject.h>

typedef void (^IODispatchSourceCancelHandler)(void);

/* class IODispatchSource IODispatchSource.iig:9 */

#if __DOCUMENTATION__
#define KERNEL IIG_KERNEL

class NATIVE KERNEL IODispatchSource : public OSObject
{
public:
    virtual bool init() override;
    virtual void free() override;

    virtual kern_return_t Cancel(IODispatchSourceCancelHandler handler) = 0;
    virtual kern_return_t SetEnableWithCompletion(bool enable, IODispatchSourceCancelHandler handler) = 0;
    virtual kern_return_t CheckForWork(bool synchronous) INVOKEREPLY = 0;
    virtual kern_return_t SetEnable(bool enable) LOCAL;
};

#undef KERNEL
#else /* __DOCUMENTATION__ */

#define IODispatchSource_Cancel_ID            0xd963bb196f70bb93ULL
#define IODispatchSource_SetEnableWithCompletion_ID            0xbb42c489fe4dee8eULL
#define IODispatchSource_CheckForWork_ID            0xef19d38d4f945fd0ULL
#define IODispatchSource_SetEnable_ID            0xbbc036b4c2a26c45ULL

#define IODispatchSource_Cancel_Args \
        IODispatchSourceCancelHandler handler

#define IODispatchSource_SetEnableWithCompletion_Args \
        bool enable, \
        IODispatchSourceCancelHandler handler

#define IODispatchSource_CheckForWork_Args \
        const IORPC rpc, \
        bool synchronous

#define IODispatchSource_SetEnable_Args \
        bool enable

#define IODispatchSource_Methods \
 \
public: \
 \
    virtual kern_return_t \
    Dispatch( \
        const IORPC rpc) APPLE_KEXT_OVERRIDE; \
 \
    static kern_return_t \
    _Dispatch( \
        IODispatchSource * self, \
        const IORPC rpc); \
 \
    kern_return_t \
    Cancel( \
        IODispatchSourceCancelHandler handler, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    SetEnableWithCompletion( \
        bool enable, \
        IODispatchSourceCancelHandler handler, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    CheckForWork( \
        bool synchronous, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    SetEnable( \
        bool enable, \
        OSDispatchMethod supermethod = NULL); \
 \
protected: \
 \
    kern_return_t \
    SetEnable_Impl(IODispatchSource_SetEnable_Args); \
 \
public: \
 \
    typedef kern_return_t (*Cancel_Handler)(OSMetaClassBase * target, IODispatchSource_Cancel_Args); \
    static kern_return_t Cancel_Invoke(const IORPC rpc, OSMetaClassBase * target, Cancel_Handler func); \
 \
    typedef kern_return_t (*SetEnableWithCompletion_Handler)(OSMetaClassBase * target, IODispatchSource_SetEnableWithCompletion_Args); \
    static kern_return_t SetEnableWithCompletion_Invoke(const IORPC rpc, OSMetaClassBase * target, SetEnableWithCompletion_Handler func); \
 \
    typedef kern_return_t (*CheckForWork_Handler)(OSMetaClassBase * target, IODispatchSource_CheckForWork_Args); \
    static kern_return_t CheckForWork_Invoke(const IORPC rpc, OSMetaClassBase * target, CheckForWork_Handler func); \
 \
    typedef kern_return_t (*SetEnable_Handler)(OSMetaClassBase * target, IODispatchSource_SetEnable_Args); \
    static kern_return_t SetEnable_Invoke(const IORPC rpc, OSMetaClassBase * target, SetEnable_Handler func); \


#define IODispatchSource_KernelMethods \
 \
protected: \


#define IODispatchSource_VirtualMethods \
 \
public: \
 \
    virtual bool \
    init() APPLE_KEXT_OVERRIDE; \
 \
    virtual void \
    free() APPLE_KEXT_OVERRIDE; \


extern OSMetaClass * gIODispatchSourceMetaClass;
extern const OSClassLoadInformation IODispatchSource_Class;

class IODispatchSourceMetaClass : public OSMetaClass
{
public:
    virtual kern_return_t New(OSObject * instance) override;
    virtual kern_return_t Dispatch(const IORPC rpc) override;
};

class IODispatchSourceInterface : public OSInterface
{
public:
};

struct IODispatchSource_IVars;
struct IODispatchSource_LocalIVars;

class IODispatchSource : public OSObject, public IODispatchSourceInterface
{
    friend class IODispatchSourceMetaClass;

public:
#ifdef IODispatchSource_DECLARE_IVARS
IODispatchSource_DECLARE_IVARS
#else /* IODispatchSource_DECLARE_IVARS */
    union
    {
        IODispatchSource_IVars * ivars;
        IODispatchSource_LocalIVars * lvars;
    };
#endif /* IODispatchSource_DECLARE_IVARS */
    static OSMetaClass * sGetMetaClass() { return gIODispatchSourceMetaClass; }
    virtual const OSMetaClass * getMetaClass() const APPLE_KEXT_OVERRIDE { return gIODispatchSourceMetaClass; }

    using super = OSObject;

    IODispatchSource_Methods
    IODispatchSource_VirtualMethods
};

#endif /* !__DOCUMENTATION__ */


#endif

