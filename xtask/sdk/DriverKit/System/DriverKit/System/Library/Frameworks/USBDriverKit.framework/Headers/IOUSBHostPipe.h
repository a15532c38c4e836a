/* generated from IOUSBHostPipe.iig */
// One endpoint of an interface.
#ifndef OPEN_SDK_USBDRIVERKIT_IOUSBHOSTPIPE_H
#define OPEN_SDK_USBDRIVERKIT_IOUSBHOSTPIPE_H

#include <USBDriverKit/AppleUSBDefinitions.h>
#include <DriverKit/OSAction.h>
#include <DriverKit/IOMemoryDescriptor.h>

class IOService;

struct IOUSBStandardEndpointDescriptors {
    uint16_t bcdUSB;
    IOUSBEndpointDescriptor descriptor;
    IOUSBSuperSpeedEndpointCompanionDescriptor ssCompanionDescriptor;
    IOUSBSuperSpeedPlusIsochronousEndpointCompanionDescriptor sspCompanionDescriptor;
};

enum IOUSBGetEndpointDescriptorOptions {
    // As the device reported it.
    kIOUSBGetEndpointDescriptorOriginal = 0,
    // As `AdjustPipe` has changed it.
    kIOUSBGetEndpointDescriptorCurrentPolicy = 1
};

struct IOUSBIsochronousFrame {
    IOReturn status;
    uint32_t requestCount;
    uint32_t completeCount;
    uint32_t reserved;
    uint64_t timeStamp;
} __attribute__((packed));

enum { kIOUSBHostPipeBundlingMax = 16 };

/* class IOUSBHostPipe IOUSBHostPipe.iig:35 */

#if __DOCUMENTATION__
#define KERNEL IIG_KERNEL

class KERNEL IOUSBHostPipe : public OSObject
{
public:
    virtual kern_return_t GetSpeed(uint8_t * speed) const;
    virtual kern_return_t GetDeviceAddress(uint8_t * address) const;
    virtual kern_return_t Abort(IOOptionBits options, kern_return_t withError, IOService * forClient);
    virtual kern_return_t AdjustPipe(const IOUSBStandardEndpointDescriptors * descriptors);
    virtual kern_return_t GetDescriptors(IOUSBStandardEndpointDescriptors * descriptors, IOUSBGetEndpointDescriptorOptions type);
    virtual kern_return_t SetIdlePolicy(uint32_t idleTimeoutMs);
    virtual kern_return_t GetIdlePolicy(uint32_t * idleTimeoutMS);
    virtual kern_return_t ClearStall(bool withRequest);

    virtual void CompleteAsyncIO(OSAction * action TARGET, IOReturn status, uint32_t actualByteCount, uint64_t completionTimestamp) = 0;
    virtual kern_return_t AsyncIO(
        IOMemoryDescriptor * dataBuffer, uint32_t dataBufferLength, OSAction * completion TYPE(CompleteAsyncIO), uint32_t completionTimeoutMs);
    virtual kern_return_t IO(
        IOMemoryDescriptor * dataBuffer, uint32_t dataBufferLength, uint32_t * bytesTransferred, uint32_t completionTimeoutMs);

    virtual void CompleteAsyncIsochIO(OSAction * action TARGET, IOReturn status) = 0;
    virtual kern_return_t IsochIO(
        IOMemoryDescriptor * dataBuffer, IOMemoryDescriptor * frameList, uint64_t firstFrameNumber, OSAction * completion TYPE(CompleteAsyncIsochIO));

    virtual kern_return_t CreateMemoryDescriptorRing(uint32_t size);
    virtual kern_return_t SetMemoryDescriptor(IOMemoryDescriptor * memoryDescriptor, uint32_t index);
    virtual kern_return_t AsyncIOBundled(
        uint32_t ioTransferIndex, uint32_t ioTransferCount, uint32_t * ioTransferAcceptedCount,
        const unsigned int dataBufferLengthArray[kIOUSBHostPipeBundlingMax], int dataBufferLengthArrayCount,
        OSAction * completion TYPE(CompleteAsyncIOBundled), uint32_t completionTimeoutMs);
    virtual void CompleteAsyncIOBundled(
        OSAction * action TARGET, uint32_t ioCompletionIndex, uint32_t ioCompletionCount,
        const unsigned int actualByteCountArray[kIOUSBHostPipeBundlingMax], int actualByteCountArrayCount,
        const int statusArray[kIOUSBHostPipeBundlingMax], int statusArrayCount) = 0;
};

#undef KERNEL
#else /* __DOCUMENTATION__ */

#define IOUSBHostPipe_GetSpeed_ID            0xe1fe37db83c583acULL
#define IOUSBHostPipe_GetDeviceAddress_ID            0x87ac5eade26f9ccaULL
#define IOUSBHostPipe_Abort_ID            0xef24b2fbd2882133ULL
#define IOUSBHostPipe_AdjustPipe_ID            0xdcaaa80dbed30817ULL
#define IOUSBHostPipe_GetDescriptors_ID            0xce8972691e0c689fULL
#define IOUSBHostPipe_SetIdlePolicy_ID            0x9aeab42e58e7bf62ULL
#define IOUSBHostPipe_GetIdlePolicy_ID            0xd980a0f13532038dULL
#define IOUSBHostPipe_ClearStall_ID            0x9d34b4ab73444133ULL
#define IOUSBHostPipe_CompleteAsyncIO_ID            0xc320a3eea932c04aULL
#define IOUSBHostPipe_AsyncIO_ID            0xe566bead3d13d7e0ULL
#define IOUSBHostPipe_IO_ID            0x825d3f5b7ac4351eULL
#define IOUSBHostPipe_CompleteAsyncIsochIO_ID            0xd6c5e31fcec49c24ULL
#define IOUSBHostPipe_IsochIO_ID            0xe50e498877f210d7ULL
#define IOUSBHostPipe_CreateMemoryDescriptorRing_ID            0x96299f8363f330f3ULL
#define IOUSBHostPipe_SetMemoryDescriptor_ID            0xe0ce30d41957b747ULL
#define IOUSBHostPipe_AsyncIOBundled_ID            0xa67fb499d6f65f30ULL
#define IOUSBHostPipe_CompleteAsyncIOBundled_ID            0xdd0623caa00a3c04ULL

#define IOUSBHostPipe_GetSpeed_Args \
        uint8_t * speed

#define IOUSBHostPipe_GetDeviceAddress_Args \
        uint8_t * address

#define IOUSBHostPipe_Abort_Args \
        IOOptionBits options, \
        kern_return_t withError, \
        IOService * forClient

#define IOUSBHostPipe_AdjustPipe_Args \
        const IOUSBStandardEndpointDescriptors * descriptors

#define IOUSBHostPipe_GetDescriptors_Args \
        IOUSBStandardEndpointDescriptors * descriptors, \
        IOUSBGetEndpointDescriptorOptions type

#define IOUSBHostPipe_SetIdlePolicy_Args \
        uint32_t idleTimeoutMs

#define IOUSBHostPipe_GetIdlePolicy_Args \
        uint32_t * idleTimeoutMS

#define IOUSBHostPipe_ClearStall_Args \
        bool withRequest

#define IOUSBHostPipe_CompleteAsyncIO_Args \
        OSAction * action, \
        IOReturn status, \
        uint32_t actualByteCount, \
        uint64_t completionTimestamp

#define IOUSBHostPipe_AsyncIO_Args \
        IOMemoryDescriptor * dataBuffer, \
        uint32_t dataBufferLength, \
        OSAction * completion, \
        uint32_t completionTimeoutMs

#define IOUSBHostPipe_IO_Args \
        IOMemoryDescriptor * dataBuffer, \
        uint32_t dataBufferLength, \
        uint32_t * bytesTransferred, \
        uint32_t completionTimeoutMs

#define IOUSBHostPipe_CompleteAsyncIsochIO_Args \
        OSAction * action, \
        IOReturn status

#define IOUSBHostPipe_IsochIO_Args \
        IOMemoryDescriptor * dataBuffer, \
        IOMemoryDescriptor * frameList, \
        uint64_t firstFrameNumber, \
        OSAction * completion

#define IOUSBHostPipe_CreateMemoryDescriptorRing_Args \
        uint32_t size

#define IOUSBHostPipe_SetMemoryDescriptor_Args \
        IOMemoryDescriptor * memoryDescriptor, \
        uint32_t index

#define IOUSBHostPipe_AsyncIOBundled_Args \
        uint32_t ioTransferIndex, \
        uint32_t ioTransferCount, \
        uint32_t * ioTransferAcceptedCount, \
        const unsigned int * dataBufferLengthArray, \
        int dataBufferLengthArrayCount, \
        OSAction * completion, \
        uint32_t completionTimeoutMs

#define IOUSBHostPipe_CompleteAsyncIOBundled_Args \
        OSAction * action, \
        uint32_t ioCompletionIndex, \
        uint32_t ioCompletionCount, \
        const unsigned int * actualByteCountArray, \
        int actualByteCountArrayCount, \
        const int * statusArray, \
        int statusArrayCount

#define IOUSBHostPipe_Methods \
 \
public: \
 \
    virtual kern_return_t \
    Dispatch( \
        const IORPC rpc) APPLE_KEXT_OVERRIDE; \
 \
    static kern_return_t \
    _Dispatch( \
        IOUSBHostPipe * self, \
        const IORPC rpc); \
 \
    kern_return_t \
    GetSpeed( \
        uint8_t * speed, \
        OSDispatchMethod supermethod = NULL) const; \
 \
    kern_return_t \
    GetDeviceAddress( \
        uint8_t * address, \
        OSDispatchMethod supermethod = NULL) const; \
 \
    kern_return_t \
    Abort( \
        IOOptionBits options, \
        kern_return_t withError, \
        IOService * forClient, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    AdjustPipe( \
        const IOUSBStandardEndpointDescriptors * descriptors, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    GetDescriptors( \
        IOUSBStandardEndpointDescriptors * descriptors, \
        IOUSBGetEndpointDescriptorOptions type, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    SetIdlePolicy( \
        uint32_t idleTimeoutMs, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    GetIdlePolicy( \
        uint32_t * idleTimeoutMS, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    ClearStall( \
        bool withRequest, \
        OSDispatchMethod supermethod = NULL); \
 \
    void \
    CompleteAsyncIO( \
        OSAction * action, \
        IOReturn status, \
        uint32_t actualByteCount, \
        uint64_t completionTimestamp, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    AsyncIO( \
        IOMemoryDescriptor * dataBuffer, \
        uint32_t dataBufferLength, \
        OSAction * completion, \
        uint32_t completionTimeoutMs, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    IO( \
        IOMemoryDescriptor * dataBuffer, \
        uint32_t dataBufferLength, \
        uint32_t * bytesTransferred, \
        uint32_t completionTimeoutMs, \
        OSDispatchMethod supermethod = NULL); \
 \
    void \
    CompleteAsyncIsochIO( \
        OSAction * action, \
        IOReturn status, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    IsochIO( \
        IOMemoryDescriptor * dataBuffer, \
        IOMemoryDescriptor * frameList, \
        uint64_t firstFrameNumber, \
        OSAction * completion, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    CreateMemoryDescriptorRing( \
        uint32_t size, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    SetMemoryDescriptor( \
        IOMemoryDescriptor * memoryDescriptor, \
        uint32_t index, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    AsyncIOBundled( \
        uint32_t ioTransferIndex, \
        uint32_t ioTransferCount, \
        uint32_t * ioTransferAcceptedCount, \
        const unsigned int * dataBufferLengthArray, \
        int dataBufferLengthArrayCount, \
        OSAction * completion, \
        uint32_t completionTimeoutMs, \
        OSDispatchMethod supermethod = NULL); \
 \
    void \
    CompleteAsyncIOBundled( \
        OSAction * action, \
        uint32_t ioCompletionIndex, \
        uint32_t ioCompletionCount, \
        const unsigned int * actualByteCountArray, \
        int actualByteCountArrayCount, \
        const int * statusArray, \
        int statusArrayCount, \
        OSDispatchMethod supermethod = NULL); \
 \
protected: \
 \
public: \
 \
    typedef kern_return_t (*GetSpeed_Handler)(OSMetaClassBase * target, IOUSBHostPipe_GetSpeed_Args); \
    static kern_return_t GetSpeed_Invoke(const IORPC rpc, OSMetaClassBase * target, GetSpeed_Handler func); \
 \
    typedef kern_return_t (*GetDeviceAddress_Handler)(OSMetaClassBase * target, IOUSBHostPipe_GetDeviceAddress_Args); \
    static kern_return_t GetDeviceAddress_Invoke(const IORPC rpc, OSMetaClassBase * target, GetDeviceAddress_Handler func); \
 \
    typedef kern_return_t (*Abort_Handler)(OSMetaClassBase * target, IOUSBHostPipe_Abort_Args); \
    static kern_return_t Abort_Invoke(const IORPC rpc, OSMetaClassBase * target, Abort_Handler func); \
 \
    typedef kern_return_t (*AdjustPipe_Handler)(OSMetaClassBase * target, IOUSBHostPipe_AdjustPipe_Args); \
    static kern_return_t AdjustPipe_Invoke(const IORPC rpc, OSMetaClassBase * target, AdjustPipe_Handler func); \
 \
    typedef kern_return_t (*GetDescriptors_Handler)(OSMetaClassBase * target, IOUSBHostPipe_GetDescriptors_Args); \
    static kern_return_t GetDescriptors_Invoke(const IORPC rpc, OSMetaClassBase * target, GetDescriptors_Handler func); \
 \
    typedef kern_return_t (*SetIdlePolicy_Handler)(OSMetaClassBase * target, IOUSBHostPipe_SetIdlePolicy_Args); \
    static kern_return_t SetIdlePolicy_Invoke(const IORPC rpc, OSMetaClassBase * target, SetIdlePolicy_Handler func); \
 \
    typedef kern_return_t (*GetIdlePolicy_Handler)(OSMetaClassBase * target, IOUSBHostPipe_GetIdlePolicy_Args); \
    static kern_return_t GetIdlePolicy_Invoke(const IORPC rpc, OSMetaClassBase * target, GetIdlePolicy_Handler func); \
 \
    typedef kern_return_t (*ClearStall_Handler)(OSMetaClassBase * target, IOUSBHostPipe_ClearStall_Args); \
    static kern_return_t ClearStall_Invoke(const IORPC rpc, OSMetaClassBase * target, ClearStall_Handler func); \
 \
    typedef void (*CompleteAsyncIO_Handler)(OSMetaClassBase * target, IOUSBHostPipe_CompleteAsyncIO_Args); \
    static kern_return_t CompleteAsyncIO_Invoke(const IORPC rpc, OSMetaClassBase * target, CompleteAsyncIO_Handler func, const OSMetaClass * targetActionClass); \
    static kern_return_t CompleteAsyncIO_Invoke(const IORPC rpc, OSMetaClassBase * target, CompleteAsyncIO_Handler func); \
 \
    typedef kern_return_t (*AsyncIO_Handler)(OSMetaClassBase * target, IOUSBHostPipe_AsyncIO_Args); \
    static kern_return_t AsyncIO_Invoke(const IORPC rpc, OSMetaClassBase * target, AsyncIO_Handler func); \
 \
    typedef kern_return_t (*IO_Handler)(OSMetaClassBase * target, IOUSBHostPipe_IO_Args); \
    static kern_return_t IO_Invoke(const IORPC rpc, OSMetaClassBase * target, IO_Handler func); \
 \
    typedef void (*CompleteAsyncIsochIO_Handler)(OSMetaClassBase * target, IOUSBHostPipe_CompleteAsyncIsochIO_Args); \
    static kern_return_t CompleteAsyncIsochIO_Invoke(const IORPC rpc, OSMetaClassBase * target, CompleteAsyncIsochIO_Handler func, const OSMetaClass * targetActionClass); \
    static kern_return_t CompleteAsyncIsochIO_Invoke(const IORPC rpc, OSMetaClassBase * target, CompleteAsyncIsochIO_Handler func); \
 \
    typedef kern_return_t (*IsochIO_Handler)(OSMetaClassBase * target, IOUSBHostPipe_IsochIO_Args); \
    static kern_return_t IsochIO_Invoke(const IORPC rpc, OSMetaClassBase * target, IsochIO_Handler func); \
 \
    typedef kern_return_t (*CreateMemoryDescriptorRing_Handler)(OSMetaClassBase * target, IOUSBHostPipe_CreateMemoryDescriptorRing_Args); \
    static kern_return_t CreateMemoryDescriptorRing_Invoke(const IORPC rpc, OSMetaClassBase * target, CreateMemoryDescriptorRing_Handler func); \
 \
    typedef kern_return_t (*SetMemoryDescriptor_Handler)(OSMetaClassBase * target, IOUSBHostPipe_SetMemoryDescriptor_Args); \
    static kern_return_t SetMemoryDescriptor_Invoke(const IORPC rpc, OSMetaClassBase * target, SetMemoryDescriptor_Handler func); \
 \
    typedef kern_return_t (*AsyncIOBundled_Handler)(OSMetaClassBase * target, IOUSBHostPipe_AsyncIOBundled_Args); \
    static kern_return_t AsyncIOBundled_Invoke(const IORPC rpc, OSMetaClassBase * target, AsyncIOBundled_Handler func); \
 \
    typedef void (*CompleteAsyncIOBundled_Handler)(OSMetaClassBase * target, IOUSBHostPipe_CompleteAsyncIOBundled_Args); \
    static kern_return_t CompleteAsyncIOBundled_Invoke(const IORPC rpc, OSMetaClassBase * target, CompleteAsyncIOBundled_Handler func, const OSMetaClass * targetActionClass); \
    static kern_return_t CompleteAsyncIOBundled_Invoke(const IORPC rpc, OSMetaClassBase * target, CompleteAsyncIOBundled_Handler func); \


#define IOUSBHostPipe_KernelMethods \
 \
protected: \
 \
    kern_return_t \
    GetSpeed_Impl(IOUSBHostPipe_GetSpeed_Args); \
 \
    kern_return_t \
    GetDeviceAddress_Impl(IOUSBHostPipe_GetDeviceAddress_Args); \
 \
    kern_return_t \
    Abort_Impl(IOUSBHostPipe_Abort_Args); \
 \
    kern_return_t \
    AdjustPipe_Impl(IOUSBHostPipe_AdjustPipe_Args); \
 \
    kern_return_t \
    GetDescriptors_Impl(IOUSBHostPipe_GetDescriptors_Args); \
 \
    kern_return_t \
    SetIdlePolicy_Impl(IOUSBHostPipe_SetIdlePolicy_Args); \
 \
    kern_return_t \
    GetIdlePolicy_Impl(IOUSBHostPipe_GetIdlePolicy_Args); \
 \
    kern_return_t \
    ClearStall_Impl(IOUSBHostPipe_ClearStall_Args); \
 \
    kern_return_t \
    AsyncIO_Impl(IOUSBHostPipe_AsyncIO_Args); \
 \
    kern_return_t \
    IO_Impl(IOUSBHostPipe_IO_Args); \
 \
    kern_return_t \
    IsochIO_Impl(IOUSBHostPipe_IsochIO_Args); \
 \
    kern_return_t \
    CreateMemoryDescriptorRing_Impl(IOUSBHostPipe_CreateMemoryDescriptorRing_Args); \
 \
    kern_return_t \
    SetMemoryDescriptor_Impl(IOUSBHostPipe_SetMemoryDescriptor_Args); \
 \
    kern_return_t \
    AsyncIOBundled_Impl(IOUSBHostPipe_AsyncIOBundled_Args); \


#define IOUSBHostPipe_VirtualMethods \
 \
public: \


extern OSMetaClass * gIOUSBHostPipeMetaClass;
extern const OSClassLoadInformation IOUSBHostPipe_Class;

class IOUSBHostPipeMetaClass : public OSMetaClass
{
public:
    virtual kern_return_t New(OSObject * instance) override;
    virtual kern_return_t Dispatch(const IORPC rpc) override;
};

class IOUSBHostPipeInterface : public OSInterface
{
public:
};

struct IOUSBHostPipe_IVars;
struct IOUSBHostPipe_LocalIVars;

class IOUSBHostPipe : public OSObject, public IOUSBHostPipeInterface
{
    friend class IOUSBHostPipeMetaClass;

public:
#ifdef IOUSBHostPipe_DECLARE_IVARS
IOUSBHostPipe_DECLARE_IVARS
#else /* IOUSBHostPipe_DECLARE_IVARS */
    union
    {
        IOUSBHostPipe_IVars * ivars;
        IOUSBHostPipe_LocalIVars * lvars;
    };
#endif /* IOUSBHostPipe_DECLARE_IVARS */
    static OSMetaClass * sGetMetaClass() { return gIOUSBHostPipeMetaClass; }

    using super = OSObject;

    IOUSBHostPipe_Methods
    IOUSBHostPipe_VirtualMethods
};

#endif /* !__DOCUMENTATION__ */


#endif

