/* generated from IOMemoryDescriptor.iig */
// Memory that can be transferred to and from, wherever it is.
#ifndef OPEN_SDK_DRIVERKIT_IOMEMORYDESCRIPTOR_H
#define OPEN_SDK_DRIVERKIT_IOMEMORYDESCRIPTOR_H

#include <DriverKit/OSObject.h>

class IOService;
class IOMemoryMap;

enum {
    kIOMemoryDirectionNone = 0x00000000,
    kIOMemoryDirectionIn = 0x00000001,
    kIOMemoryDirectionOut = 0x00000002,
    kIOMemoryDirectionOutIn = kIOMemoryDirectionIn | kIOMemoryDirectionOut,
    kIOMemoryDirectionInOut = kIOMemoryDirectionOutIn,
};

enum {
    kIOMemoryMapFixedAddress = 0x00000001,
    kIOMemoryMapReadOnly = 0x00000002,
};

struct IOAddressSegment {
    uint64_t address;
    uint64_t length;
};

struct _IOMDPrivateState {
    uint64_t length;
    uint64_t options;
};

/* class IOMemoryDescriptor IOMemoryDescriptor.iig:33 */

#if __DOCUMENTATION__
#define KERNEL IIG_KERNEL

class KERNEL IOMemoryDescriptor : public OSObject
{
public:
    virtual bool init() override;
    virtual void free() override;

    kern_return_t GetLength(uint64_t * returnLength) LOCALONLY;

    virtual kern_return_t CreateMapping(
        uint64_t options, uint64_t address, uint64_t offset, uint64_t length, uint64_t alignment, IOMemoryMap ** map);

    static kern_return_t CreateSubMemoryDescriptor(
        uint64_t memoryDescriptorCreateOptions, uint64_t offset, uint64_t length, IOMemoryDescriptor * ofDescriptor, IOMemoryDescriptor ** memory)
        __attribute__((availability(driverkit,introduced=20.0)));

    static kern_return_t CreateWithMemoryDescriptors(
        uint64_t memoryDescriptorCreateOptions, uint32_t withDescriptorsCount, IOMemoryDescriptor * const withDescriptors[32],
        IOMemoryDescriptor ** memory) __attribute__((availability(driverkit,introduced=20.0)));

private:
    kern_return_t Map(
        uint64_t options, uint64_t address, uint64_t length, uint64_t alignment, uint64_t * returnAddress, uint64_t * returnLength) LOCALONLY;
};

#undef KERNEL
#else /* __DOCUMENTATION__ */

#define IOMemoryDescriptor__CopyState_ID            0xa2c0861d4118ce5eULL
#define IOMemoryDescriptor_CreateMapping_ID            0xc5e69b0414ff6ee5ULL
#define IOMemoryDescriptor_CreateSubMemoryDescriptor_ID            0xb085b5ee60ac732fULL
#define IOMemoryDescriptor_CreateWithMemoryDescriptors_ID            0xba1530c996c4febcULL

#define IOMemoryDescriptor__CopyState_Args \
        _IOMDPrivateState * state

#define IOMemoryDescriptor_CreateMapping_Args \
        uint64_t options, \
        uint64_t address, \
        uint64_t offset, \
        uint64_t length, \
        uint64_t alignment, \
        IOMemoryMap ** map

#define IOMemoryDescriptor_CreateSubMemoryDescriptor_Args \
        uint64_t memoryDescriptorCreateOptions, \
        uint64_t offset, \
        uint64_t length, \
        IOMemoryDescriptor * ofDescriptor, \
        IOMemoryDescriptor ** memory

#define IOMemoryDescriptor_CreateWithMemoryDescriptors_Args \
        uint64_t memoryDescriptorCreateOptions, \
        uint32_t withDescriptorsCount, \
        IOMemoryDescriptor ** const withDescriptors, \
        IOMemoryDescriptor ** memory

#define IOMemoryDescriptor_Methods \
 \
public: \
 \
    virtual kern_return_t \
    Dispatch( \
        const IORPC rpc) APPLE_KEXT_OVERRIDE; \
 \
    static kern_return_t \
    _Dispatch( \
        IOMemoryDescriptor * self, \
        const IORPC rpc); \
 \
    kern_return_t \
    _CopyState( \
        _IOMDPrivateState * state, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    GetLength( \
        uint64_t * returnLength); \
 \
    kern_return_t \
    CreateMapping( \
        uint64_t options, \
        uint64_t address, \
        uint64_t offset, \
        uint64_t length, \
        uint64_t alignment, \
        IOMemoryMap ** map, \
        OSDispatchMethod supermethod = NULL); \
 \
    static kern_return_t \
    CreateSubMemoryDescriptor( \
        uint64_t memoryDescriptorCreateOptions, \
        uint64_t offset, \
        uint64_t length, \
        IOMemoryDescriptor * ofDescriptor, \
        IOMemoryDescriptor ** memory) __attribute__((availability(driverkit,introduced=20.0))); \
 \
    static kern_return_t \
    CreateWithMemoryDescriptors( \
        uint64_t memoryDescriptorCreateOptions, \
        uint32_t withDescriptorsCount, \
        IOMemoryDescriptor ** const withDescriptors, \
        IOMemoryDescriptor ** memory) __attribute__((availability(driverkit,introduced=20.0))); \
 \
    kern_return_t \
    Map( \
        uint64_t options, \
        uint64_t address, \
        uint64_t length, \
        uint64_t alignment, \
        uint64_t * returnAddress, \
        uint64_t * returnLength); \
 \
protected: \
 \
public: \
 \
    typedef kern_return_t (*_CopyState_Handler)(OSMetaClassBase * target, IOMemoryDescriptor__CopyState_Args); \
    static kern_return_t _CopyState_Invoke(const IORPC rpc, OSMetaClassBase * target, _CopyState_Handler func); \
 \
    typedef kern_return_t (*CreateMapping_Handler)(OSMetaClassBase * target, IOMemoryDescriptor_CreateMapping_Args); \
    static kern_return_t CreateMapping_Invoke(const IORPC rpc, OSMetaClassBase * target, CreateMapping_Handler func); \
 \
    typedef kern_return_t (*CreateSubMemoryDescriptor_Handler)(IOMemoryDescriptor_CreateSubMemoryDescriptor_Args); \
    static kern_return_t CreateSubMemoryDescriptor_Invoke(const IORPC rpc, CreateSubMemoryDescriptor_Handler func); \
 \
    typedef kern_return_t (*CreateWithMemoryDescriptors_Handler)(IOMemoryDescriptor_CreateWithMemoryDescriptors_Args); \
    static kern_return_t CreateWithMemoryDescriptors_Invoke(const IORPC rpc, CreateWithMemoryDescriptors_Handler func); \


#define IOMemoryDescriptor_KernelMethods \
 \
protected: \
 \
    kern_return_t \
    _CopyState_Impl(IOMemoryDescriptor__CopyState_Args); \
 \
    kern_return_t \
    CreateMapping_Impl(IOMemoryDescriptor_CreateMapping_Args); \
 \
    static kern_return_t \
    CreateSubMemoryDescriptor_Impl(IOMemoryDescriptor_CreateSubMemoryDescriptor_Args); \
 \
    static kern_return_t \
    CreateWithMemoryDescriptors_Impl(IOMemoryDescriptor_CreateWithMemoryDescriptors_Args); \


#define IOMemoryDescriptor_VirtualMethods \
 \
public: \
 \
    virtual bool \
    init() APPLE_KEXT_OVERRIDE; \
 \
    virtual void \
    free() APPLE_KEXT_OVERRIDE; \


extern OSMetaClass * gIOMemoryDescriptorMetaClass;
extern const OSClassLoadInformation IOMemoryDescriptor_Class;

class IOMemoryDescriptorMetaClass : public OSMetaClass
{
public:
    virtual kern_return_t New(OSObject * instance) override;
    virtual kern_return_t Dispatch(const IORPC rpc) override;
};

class IOMemoryDescriptorInterface : public OSInterface
{
public:
};

struct IOMemoryDescriptor_IVars;
struct IOMemoryDescriptor_LocalIVars;

class IOMemoryDescriptor : public OSObject, public IOMemoryDescriptorInterface
{
    friend class IOMemoryDescriptorMetaClass;

public:
#ifdef IOMemoryDescriptor_DECLARE_IVARS
IOMemoryDescriptor_DECLARE_IVARS
#else /* IOMemoryDescriptor_DECLARE_IVARS */
    union
    {
        IOMemoryDescriptor_IVars * ivars;
        IOMemoryDescriptor_LocalIVars * lvars;
    };
#endif /* IOMemoryDescriptor_DECLARE_IVARS */
    static OSMetaClass * sGetMetaClass() { return gIOMemoryDescriptorMetaClass; }

    using super = OSObject;

    IOMemoryDescriptor_Methods
    IOMemoryDescriptor_VirtualMethods
};

#endif /* !__DOCUMENTATION__ */



#endif

