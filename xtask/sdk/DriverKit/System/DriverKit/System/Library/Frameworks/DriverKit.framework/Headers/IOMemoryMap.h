/* generated from IOMemoryMap.iig */
// Memory as the driver sees it in its own address space.
#ifndef OPEN_SDK_DRIVERKIT_IOMEMORYMAP_H
#define OPEN_SDK_DRIVERKIT_IOMEMORYMAP_H

#include <DriverKit/OSObject.h>

struct _IOMemoryMapPrivateState {
    uint64_t length;
    uint64_t offset;
    uint64_t options;
    uint64_t address;
};

/* class IOMemoryMap IOMemoryMap.iig:14 */

#if __DOCUMENTATION__
#define KERNEL IIG_KERNEL

class KERNEL IOMemoryMap : public OSObject
{
public:
    virtual bool init() override;
    virtual void free() override;

    uint64_t GetAddress() LOCALONLY;
    uint64_t GetLength() LOCALONLY;
    uint64_t GetOffset() LOCALONLY;
};

#undef KERNEL
#else /* __DOCUMENTATION__ */

#define IOMemoryMap__CopyState_ID            0xfc92b3d7f2d48ec7ULL

#define IOMemoryMap__CopyState_Args \
        _IOMemoryMapPrivateState * state

#define IOMemoryMap_Methods \
 \
public: \
 \
    virtual kern_return_t \
    Dispatch( \
        const IORPC rpc) APPLE_KEXT_OVERRIDE; \
 \
    static kern_return_t \
    _Dispatch( \
        IOMemoryMap * self, \
        const IORPC rpc); \
 \
    kern_return_t \
    _CopyState( \
        _IOMemoryMapPrivateState * state, \
        OSDispatchMethod supermethod = NULL); \
 \
    uint64_t \
    GetAddress(); \
 \
    uint64_t \
    GetLength(); \
 \
    uint64_t \
    GetOffset(); \
 \
protected: \
 \
public: \
 \
    typedef kern_return_t (*_CopyState_Handler)(OSMetaClassBase * target, IOMemoryMap__CopyState_Args); \
    static kern_return_t _CopyState_Invoke(const IORPC rpc, OSMetaClassBase * target, _CopyState_Handler func); \


#define IOMemoryMap_KernelMethods \
 \
protected: \
 \
    kern_return_t \
    _CopyState_Impl(IOMemoryMap__CopyState_Args); \


#define IOMemoryMap_VirtualMethods \
 \
public: \
 \
    virtual bool \
    init() APPLE_KEXT_OVERRIDE; \
 \
    virtual void \
    free() APPLE_KEXT_OVERRIDE; \


extern OSMetaClass * gIOMemoryMapMetaClass;
extern const OSClassLoadInformation IOMemoryMap_Class;

class IOMemoryMapMetaClass : public OSMetaClass
{
public:
    virtual kern_return_t New(OSObject * instance) override;
    virtual kern_return_t Dispatch(const IORPC rpc) override;
};

class IOMemoryMapInterface : public OSInterface
{
public:
};

struct IOMemoryMap_IVars;
struct IOMemoryMap_LocalIVars;

class IOMemoryMap : public OSObject, public IOMemoryMapInterface
{
    friend class IOMemoryMapMetaClass;

public:
#ifdef IOMemoryMap_DECLARE_IVARS
IOMemoryMap_DECLARE_IVARS
#else /* IOMemoryMap_DECLARE_IVARS */
    union
    {
        IOMemoryMap_IVars * ivars;
        IOMemoryMap_LocalIVars * lvars;
    };
#endif /* IOMemoryMap_DECLARE_IVARS */
    static OSMetaClass * sGetMetaClass() { return gIOMemoryMapMetaClass; }

    using super = OSObject;

    IOMemoryMap_Methods
    IOMemoryMap_VirtualMethods
};

#endif /* !__DOCUMENTATION__ */



#endif

