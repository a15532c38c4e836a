/* generated from IOBufferMemoryDescriptor.iig */
// Memory that the driver has allocated for transfers.
#ifndef OPEN_SDK_DRIVERKIT_IOBUFFERMEMORYDESCRIPTOR_H
#define OPEN_SDK_DRIVERKIT_IOBUFFERMEMORYDESCRIPTOR_H

#include <DriverKit/IOMemoryDescriptor.h>

/* class IOBufferMemoryDescriptor IOBufferMemoryDescriptor.iig:7 */

#if __DOCUMENTATION__
#define KERNEL IIG_KERNEL

class KERNEL IOBufferMemoryDescriptor : public IOMemoryDescriptor
{
public:
    static kern_return_t Create(uint64_t options, uint64_t capacity, uint64_t alignment, IOBufferMemoryDescriptor ** memory);

    virtual bool init() override;
    virtual void free() override;

    kern_return_t GetAddressRange(IOAddressSegment * range) LOCALONLY;

    virtual kern_return_t SetLength(uint64_t length);
};

#undef KERNEL
#else /* __DOCUMENTATION__ */

#define IOBufferMemoryDescriptor_Create_ID            0xb78de684e17d5a4bULL
#define IOBufferMemoryDescriptor_SetLength_ID            0xc115230c191a6a9aULL

#define IOBufferMemoryDescriptor_Create_Args \
        uint64_t options, \
        uint64_t capacity, \
        uint64_t alignment, \
        IOBufferMemoryDescriptor ** memory

#define IOBufferMemoryDescriptor_SetLength_Args \
        uint64_t length

#define IOBufferMemoryDescriptor_Methods \
 \
public: \
 \
    virtual kern_return_t \
    Dispatch( \
        const IORPC rpc) APPLE_KEXT_OVERRIDE; \
 \
    static kern_return_t \
    _Dispatch( \
        IOBufferMemoryDescriptor * self, \
        const IORPC rpc); \
 \
    static kern_return_t \
    Create( \
        uint64_t options, \
        uint64_t capacity, \
        uint64_t alignment, \
        IOBufferMemoryDescriptor ** memory); \
 \
    kern_return_t \
    GetAddressRange( \
        IOAddressSegment * range); \
 \
    kern_return_t \
    SetLength( \
        uint64_t length, \
        OSDispatchMethod supermethod = NULL); \
 \
protected: \
 \
public: \
 \
    typedef kern_return_t (*Create_Handler)(IOBufferMemoryDescriptor_Create_Args); \
    static kern_return_t Create_Invoke(const IORPC rpc, Create_Handler func); \
 \
    typedef kern_return_t (*SetLength_Handler)(OSMetaClassBase * target, IOBufferMemoryDescriptor_SetLength_Args); \
    static kern_return_t SetLength_Invoke(const IORPC rpc, OSMetaClassBase * target, SetLength_Handler func); \


#define IOBufferMemoryDescriptor_KernelMethods \
 \
protected: \
 \
    static kern_return_t \
    Create_Impl(IOBufferMemoryDescriptor_Create_Args); \
 \
    kern_return_t \
    SetLength_Impl(IOBufferMemoryDescriptor_SetLength_Args); \


#define IOBufferMemoryDescriptor_VirtualMethods \
 \
public: \
 \
    virtual bool \
    init() APPLE_KEXT_OVERRIDE; \
 \
    virtual void \
    free() APPLE_KEXT_OVERRIDE; \


extern OSMetaClass * gIOBufferMemoryDescriptorMetaClass;
extern const OSClassLoadInformation IOBufferMemoryDescriptor_Class;

class IOBufferMemoryDescriptorMetaClass : public OSMetaClass
{
public:
    virtual kern_return_t New(OSObject * instance) override;
    virtual kern_return_t Dispatch(const IORPC rpc) override;
};

class IOBufferMemoryDescriptorInterface : public OSInterface
{
public:
};

struct IOBufferMemoryDescriptor_IVars;
struct IOBufferMemoryDescriptor_LocalIVars;

class IOBufferMemoryDescriptor : public IOMemoryDescriptor, public IOBufferMemoryDescriptorInterface
{
    friend class IOBufferMemoryDescriptorMetaClass;

public:
#ifdef IOBufferMemoryDescriptor_DECLARE_IVARS
IOBufferMemoryDescriptor_DECLARE_IVARS
#else /* IOBufferMemoryDescriptor_DECLARE_IVARS */
    union
    {
        IOBufferMemoryDescriptor_IVars * ivars;
        IOBufferMemoryDescriptor_LocalIVars * lvars;
    };
#endif /* IOBufferMemoryDescriptor_DECLARE_IVARS */
    static OSMetaClass * sGetMetaClass() { return gIOBufferMemoryDescriptorMetaClass; }

    using super = IOMemoryDescriptor;

    IOBufferMemoryDescriptor_Methods
    IOBufferMemoryDescriptor_VirtualMethods
};

#endif /* !__DOCUMENTATION__ */


#endif

