/* generated from IOUserClient.iig */
// A connection that a program has opened to a driver.
#ifndef OPEN_SDK_DRIVERKIT_IOUSERCLIENT_H
#define OPEN_SDK_DRIVERKIT_IOUSERCLIENT_H

#include <DriverKit/OSAction.h>
#include <DriverKit/IOService.h>
#include <DriverKit/IOBufferMemoryDescriptor.h>

enum { kIOUserClientScalarArrayCountMax = 16 };
typedef uint64_t IOUserClientScalarArray[kIOUserClientScalarArrayCountMax];

enum { kIOUserClientAsyncArgumentsCountMax = 16 };
typedef uint64_t IOUserClientAsyncArgumentsArray[kIOUserClientAsyncArgumentsCountMax];

enum { kIOUserClientMemoryReadOnly = 0x00000001 };

#define kIOUserClientQueueNameExternalMethod "IOUserClientQueueExternalMethod"

// In a dispatch entry: any size will do.
enum { kIOUserClientVariableStructureSize = 0xffffffff };

enum { kIOUserClientMethodArgumentsCurrentVersion = 2 };

struct IOUserClientMethodArguments {
    uint64_t version;
    uint64_t selector;
    OSAction * completion;
    const uint64_t * scalarInput;
    uint32_t scalarInputCount;
    OSData * structureInput;
    IOMemoryDescriptor * structureInputDescriptor;
    uint64_t * scalarOutput;
    uint32_t scalarOutputCount;
    OSData * structureOutput;
    IOMemoryDescriptor * structureOutputDescriptor;
    uint64_t structureOutputMaximumSize;
    uint64_t __reserved[30];
};

typedef kern_return_t (*IOUserClientMethodFunction)(OSObject * target, void * reference, IOUserClientMethodArguments * arguments);

// What `ExternalMethod` checks before it calls `function`.
struct IOUserClientMethodDispatch {
    IOUserClientMethodFunction function;
    uint32_t checkCompletionExists;
    uint32_t checkScalarInputCount;
    uint32_t checkStructureInputSize;
    uint32_t checkScalarOutputCount;
    uint32_t checkStructureOutputSize;
};

/* class IOUserClient IOUserClient.iig:52 */

#if __DOCUMENTATION__
#define KERNEL IIG_KERNEL

class KERNEL IOUserClient : public IOService
{
public:
    virtual bool init() override;
    virtual void free() override;

    virtual kern_return_t ExternalMethod(
        uint64_t selector, IOUserClientMethodArguments * arguments, const IOUserClientMethodDispatch * dispatch, OSObject * target,
        void * reference) LOCALONLY QUEUENAME(IOUserClientQueueExternalMethod);

    virtual void AsyncCompletion(
        OSAction * action TARGET, IOReturn status, const IOUserClientAsyncArgumentsArray asyncData, uint32_t asyncDataCount) = 0;

    virtual kern_return_t CopyClientMemoryForType(uint64_t type, uint64_t * options, IOMemoryDescriptor ** memory) = 0;

    virtual kern_return_t CreateMemoryDescriptorFromClient(
        uint64_t memoryDescriptorCreateOptions, uint32_t segmentsCount, const IOAddressSegment segments[32], IOMemoryDescriptor ** memory)
        __attribute__((availability(driverkit,introduced=20.0)));

    virtual kern_return_t CopyClientEntitlements(OSDictionary ** entitlements) LOCAL;

private:
    virtual kern_return_t _ExternalMethod(
        uint64_t selector, const IOUserClientScalarArray scalarInput, uint32_t scalarInputCount, OSData * structureInput,
        IOMemoryDescriptor * structureInputDescriptor, IOUserClientScalarArray scalarOutput, uint32_t * scalarOutputCount,
        uint64_t structureOutputMaximumSize, OSData ** structureOutput, IOMemoryDescriptor * structureOutputDescriptor,
        OSAction * completion TYPE(IOUserClient::AsyncCompletion)) LOCAL QUEUENAME(IOUserClientQueueExternalMethod);

    virtual void KernelCompletion(
        OSAction * action TARGET, IOReturn status, const IOUserClientAsyncArgumentsArray asyncData, uint32_t asyncDataCount)
        KERNEL TYPE(IOUserClient::AsyncCompletion);
};

#undef KERNEL
#else /* __DOCUMENTATION__ */

#define IOUserClient_AsyncCompletion_ID            0xdbc5b2e5d2b446f4ULL
#define IOUserClient_CopyClientMemoryForType_ID            0x8399bdb3d0b4f474ULL
#define IOUserClient_CreateMemoryDescriptorFromClient_ID            0xf2fa2faa5cc11191ULL
#define IOUserClient_CopyClientEntitlements_ID            0xcaf3bd8932c8486fULL
#define IOUserClient__ExternalMethod_ID            0xcfe0c99e739d92f9ULL
#define IOUserClient_KernelCompletion_ID            0xf609f134c9046444ULL

#define IOUserClient_AsyncCompletion_Args \
        OSAction * action, \
        IOReturn status, \
        const unsigned long long * asyncData, \
        uint32_t asyncDataCount

#define IOUserClient_CopyClientMemoryForType_Args \
        uint64_t type, \
        uint64_t * options, \
        IOMemoryDescriptor ** memory

#define IOUserClient_CreateMemoryDescriptorFromClient_Args \
        uint64_t memoryDescriptorCreateOptions, \
        uint32_t segmentsCount, \
        const IOAddressSegment * segments, \
        IOMemoryDescriptor ** memory

#define IOUserClient_CopyClientEntitlements_Args \
        OSDictionary ** entitlements

#define IOUserClient__ExternalMethod_Args \
        uint64_t selector, \
        const unsigned long long * scalarInput, \
        uint32_t scalarInputCount, \
        OSData * structureInput, \
        IOMemoryDescriptor * structureInputDescriptor, \
        unsigned long long * scalarOutput, \
        uint32_t * scalarOutputCount, \
        uint64_t structureOutputMaximumSize, \
        OSData ** structureOutput, \
        IOMemoryDescriptor * structureOutputDescriptor, \
        OSAction * completion

#define IOUserClient_KernelCompletion_Args \
        OSAction * action, \
        IOReturn status, \
        const unsigned long long * asyncData, \
        uint32_t asyncDataCount

#define IOUserClient_Methods \
 \
public: \
 \
    virtual kern_return_t \
    Dispatch( \
        const IORPC rpc) APPLE_KEXT_OVERRIDE; \
 \
    static kern_return_t \
    _Dispatch( \
        IOUserClient * self, \
        const IORPC rpc); \
 \
    void \
    AsyncCompletion( \
        OSAction * action, \
        IOReturn status, \
        const unsigned long long * asyncData, \
        uint32_t asyncDataCount, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    CopyClientMemoryForType( \
        uint64_t type, \
        uint64_t * options, \
        IOMemoryDescriptor ** memory, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    CreateMemoryDescriptorFromClient( \
        uint64_t memoryDescriptorCreateOptions, \
        uint32_t segmentsCount, \
        const IOAddressSegment * segments, \
        IOMemoryDescriptor ** memory, \
        OSDispatchMethod supermethod = NULL) __attribute__((availability(driverkit,introduced=20.0))); \
 \
    kern_return_t \
    CopyClientEntitlements( \
        OSDictionary ** entitlements, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    _ExternalMethod( \
        uint64_t selector, \
        const unsigned long long * scalarInput, \
        uint32_t scalarInputCount, \
        OSData * structureInput, \
        IOMemoryDescriptor * structureInputDescriptor, \
        unsigned long long * scalarOutput, \
        uint32_t * scalarOutputCount, \
        uint64_t structureOutputMaximumSize, \
        OSData ** structureOutput, \
        IOMemoryDescriptor * structureOutputDescriptor, \
        OSAction * completion, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    CreateActionKernelCompletion( \
        size_t referenceSize, \
        OSAction ** action) __attribute__((availability(driverkit,introduced=20))); \
 \
protected: \
 \
    kern_return_t \
    CopyClientEntitlements_Impl(IOUserClient_CopyClientEntitlements_Args); \
 \
    kern_return_t \
    _ExternalMethod_Impl(IOUserClient__ExternalMethod_Args); \
 \
public: \
 \
    typedef void (*AsyncCompletion_Handler)(OSMetaClassBase * target, IOUserClient_AsyncCompletion_Args); \
    static kern_return_t AsyncCompletion_Invoke(const IORPC rpc, OSMetaClassBase * target, AsyncCompletion_Handler func, const OSMetaClass * targetActionClass); \
    static kern_return_t AsyncCompletion_Invoke(const IORPC rpc, OSMetaClassBase * target, AsyncCompletion_Handler func); \
 \
    typedef kern_return_t (*CopyClientMemoryForType_Handler)(OSMetaClassBase * target, IOUserClient_CopyClientMemoryForType_Args); \
    static kern_return_t CopyClientMemoryForType_Invoke(const IORPC rpc, OSMetaClassBase * target, CopyClientMemoryForType_Handler func); \
 \
    typedef kern_return_t (*CreateMemoryDescriptorFromClient_Handler)(OSMetaClassBase * target, IOUserClient_CreateMemoryDescriptorFromClient_Args); \
    static kern_return_t CreateMemoryDescriptorFromClient_Invoke(const IORPC rpc, OSMetaClassBase * target, CreateMemoryDescriptorFromClient_Handler func); \
 \
    typedef kern_return_t (*CopyClientEntitlements_Handler)(OSMetaClassBase * target, IOUserClient_CopyClientEntitlements_Args); \
    static kern_return_t CopyClientEntitlements_Invoke(const IORPC rpc, OSMetaClassBase * target, CopyClientEntitlements_Handler func); \
 \
    typedef kern_return_t (*_ExternalMethod_Handler)(OSMetaClassBase * target, IOUserClient__ExternalMethod_Args); \
    static kern_return_t _ExternalMethod_Invoke(const IORPC rpc, OSMetaClassBase * target, _ExternalMethod_Handler func); \


#define IOUserClient_KernelMethods \
 \
protected: \
 \
    kern_return_t \
    CreateMemoryDescriptorFromClient_Impl(IOUserClient_CreateMemoryDescriptorFromClient_Args); \
 \
    void \
    KernelCompletion_Impl(IOUserClient_KernelCompletion_Args); \


#define IOUserClient_VirtualMethods \
 \
public: \
 \
    virtual bool \
    init() APPLE_KEXT_OVERRIDE; \
 \
    virtual void \
    free() APPLE_KEXT_OVERRIDE; \
 \
    virtual kern_return_t \
    ExternalMethod( \
        uint64_t selector, \
        IOUserClientMethodArguments * arguments, \
        const IOUserClientMethodDispatch * dispatch, \
        OSObject * target, \
        void * reference) APPLE_KEXT_OVERRIDE; \


extern OSMetaClass * gIOUserClientMetaClass;
extern const OSClassLoadInformation IOUserClient_Class;

class IOUserClientMetaClass : public OSMetaClass
{
public:
    virtual kern_return_t New(OSObject * instance) override;
    virtual kern_return_t Dispatch(const IORPC rpc) override;
};

class IOUserClientInterface : public OSInterface
{
public:
    virtual kern_return_t ExternalMethod(uint64_t selector, IOUserClientMethodArguments * arguments, const IOUserClientMethodDispatch * dispatch, OSObject * target, void * reference) = 0;
};

struct IOUserClient_IVars;
struct IOUserClient_LocalIVars;

class IOUserClient : public IOService, public IOUserClientInterface
{
    friend class IOUserClientMetaClass;

public:
#ifdef IOUserClient_DECLARE_IVARS
IOUserClient_DECLARE_IVARS
#else /* IOUserClient_DECLARE_IVARS */
    union
    {
        IOUserClient_IVars * ivars;
        IOUserClient_LocalIVars * lvars;
    };
#endif /* IOUserClient_DECLARE_IVARS */
    static OSMetaClass * sGetMetaClass() { return gIOUserClientMetaClass; }

    using super = IOService;

    IOUserClient_Methods
    IOUserClient_VirtualMethods
};

#define OSAction_IOUserClient_KernelCompletion_Methods \
 \
public: \
 \
    virtual kern_return_t \
    Dispatch( \
        const IORPC rpc) APPLE_KEXT_OVERRIDE; \
 \
    static kern_return_t \
    _Dispatch( \
        OSAction_IOUserClient_KernelCompletion * self, \
        const IORPC rpc); \


#define OSAction_IOUserClient_KernelCompletion_KernelMethods \


#define OSAction_IOUserClient_KernelCompletion_VirtualMethods \


extern OSMetaClass * gOSAction_IOUserClient_KernelCompletionMetaClass;
extern const OSClassLoadInformation OSAction_IOUserClient_KernelCompletion_Class;

class OSAction_IOUserClient_KernelCompletionMetaClass : public OSMetaClass
{
public:
    virtual kern_return_t New(OSObject * instance) override;
    virtual kern_return_t Dispatch(const IORPC rpc) override;
};

class __attribute__((availability(driverkit,introduced=20))) OSAction_IOUserClient_KernelCompletionInterface : public OSInterface
{
public:
};

struct OSAction_IOUserClient_KernelCompletion_IVars;
struct OSAction_IOUserClient_KernelCompletion_LocalIVars;

class __attribute__((availability(driverkit,introduced=20))) OSAction_IOUserClient_KernelCompletion : public OSAction, public OSAction_IOUserClient_KernelCompletionInterface
{
    friend class OSAction_IOUserClient_KernelCompletionMetaClass;

public:
#ifdef OSAction_IOUserClient_KernelCompletion_DECLARE_IVARS
OSAction_IOUserClient_KernelCompletion_DECLARE_IVARS
#else /* OSAction_IOUserClient_KernelCompletion_DECLARE_IVARS */
    union
    {
        OSAction_IOUserClient_KernelCompletion_IVars * ivars;
        OSAction_IOUserClient_KernelCompletion_LocalIVars * lvars;
    };
#endif /* OSAction_IOUserClient_KernelCompletion_DECLARE_IVARS */
    static OSMetaClass * sGetMetaClass() { return gOSAction_IOUserClient_KernelCompletionMetaClass; }
    virtual const OSMetaClass * getMetaClass() const APPLE_KEXT_OVERRIDE { return gOSAction_IOUserClient_KernelCompletionMetaClass; }

    using super = OSAction;

    OSAction_IOUserClient_KernelCompletion_Methods
    OSAction_IOUserClient_KernelCompletion_VirtualMethods
};

#endif /* !__DOCUMENTATION__ */


#endif

