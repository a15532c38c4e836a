// Moves bytes between the bulk pipes of an interface and two buffers. All of it runs on the driver's default queue, so there are no locks.

#include "UsbInterfaceDriver.h"
#include "UsbInterfaceUserClient.h"

#include "core/endpoints.h"
#include "core/protocol.h"
#include "core/ring.h"
#include "core/transfer.h"

#include <DriverKit/DriverKit.h>
#include <USBDriverKit/USBDriverKit.h>
#include <os/log.h>

#define LOG(format, ...) os_log(OS_LOG_DEFAULT, "UsbInterfaceDriver: " format, ##__VA_ARGS__)

// One transfer; a multiple of every bulk packet size, so that a device can never send more than was asked for.
static constexpr uint32_t kTransferSize = kUsbInterfaceMaxTransfer;
static constexpr size_t kBufferSize = 64 * 1024;
// A device that does not take data for this long has failed.
static constexpr uint32_t kWriteTimeoutMs = 5000;

struct UsbInterfaceDriver_IVars {
    IOUSBHostInterface * interface;
    bool isOpen;
    bool isSelfTest;
    IOUSBHostPipe * inPipe;
    IOUSBHostPipe * outPipe;
    IOBufferMemoryDescriptor * inMemory;
    IOBufferMemoryDescriptor * outMemory;
    // Where the two lie in our address space.
    uint8_t * inBytes;
    uint8_t * outBytes;
    OSAction * readAction;
    OSAction * writeAction;
    Lane reading;
    Lane writing;
    Ring<kBufferSize> arrived;
    Ring<kBufferSize> leaving;
    UsbInterfaceStatistics statistics;
    // Actions that may still be running while the driver stops; the last one to end finishes the stop.
    uint32_t openActions;
};

bool UsbInterfaceDriver::init() {
    if (!super::init()) {
        return false;
    }
    ivars = IONewZero(UsbInterfaceDriver_IVars, 1);
    if (ivars == nullptr) {
        return false;
    }
    ivars->statistics.version = kUsbInterfaceStatisticsVersion;
    return true;
}

void UsbInterfaceDriver::free() {
    if (ivars != nullptr) {
        CloseInterface();
    }
    IOSafeDeleteNULL(ivars, UsbInterfaceDriver_IVars, 1);
    super::free();
}

kern_return_t UsbInterfaceDriver::Start_Impl(IOService * provider) {
    kern_return_t ret = Start(provider, SUPERDISPATCH);
    if (ret != kIOReturnSuccess) {
        return ret;
    }
    // Our personalities match interfaces, and I/O Kit's own resources for the self-test.
    ivars->interface = OSDynamicCast(IOUSBHostInterface, provider);
    ivars->isSelfTest = ivars->interface == nullptr;
    ivars->statistics.isSelfTest = ivars->isSelfTest;
    if (ivars->interface != nullptr) {
        ivars->interface->retain();
        ret = OpenInterface(provider);
    }
    if (ret == kIOReturnSuccess) {
        ret = RegisterService();
    }
    if (ret != kIOReturnSuccess) {
        LOG("cannot start: 0x%x", ret);
        CloseInterface();
        Stop(provider, SUPERDISPATCH);
        return ret;
    }
    LOG("started%{public}s", ivars->isSelfTest ? " as a self-test" : "");
    if (!ivars->isSelfTest) {
        StartRead();
    }
    return kIOReturnSuccess;
}

// Finds the pipes, and makes what a transfer needs. What it leaves half made, CloseInterface undoes.
kern_return_t UsbInterfaceDriver::OpenInterface(IOService *) {
    IOUSBHostInterface * interface = ivars->interface;
    kern_return_t ret = interface->Open(this, 0, nullptr);
    if (ret != kIOReturnSuccess) {
        return ret;
    }
    ivars->isOpen = true;

    const IOUSBConfigurationDescriptor * configuration = interface->CopyConfigurationDescriptor();
    if (configuration == nullptr) {
        return kIOReturnNoResources;
    }
    const IOUSBInterfaceDescriptor * descriptor = interface->GetInterfaceDescriptor(configuration);
    BulkEndpoints found = {};
    if (descriptor != nullptr) {
        const uint8_t * bytes = reinterpret_cast<const uint8_t *>(configuration);
        // What is copied has the length its header states.
        const size_t length = configurationLength(bytes, sizeof(*configuration));
        found = findBulkEndpoints(bytes, length, descriptor->bInterfaceNumber, descriptor->bAlternateSetting);
    }
    IOUSBHostFreeDescriptor(configuration);
    if (!found.areComplete()) {
        LOG("the interface has no pair of bulk endpoints");
        return kIOReturnNotFound;
    }

    ret = interface->CopyPipe(found.in, &ivars->inPipe);
    if (ret == kIOReturnSuccess) {
        ret = interface->CopyPipe(found.out, &ivars->outPipe);
    }
    if (ret == kIOReturnSuccess) {
        ret = interface->CreateIOBuffer(kIOMemoryDirectionIn, kTransferSize, &ivars->inMemory);
    }
    if (ret == kIOReturnSuccess) {
        ret = interface->CreateIOBuffer(kIOMemoryDirectionOut, kTransferSize, &ivars->outMemory);
    }
    IOAddressSegment in = {};
    IOAddressSegment out = {};
    if (ret == kIOReturnSuccess) {
        ret = ivars->inMemory->GetAddressRange(&in);
    }
    if (ret == kIOReturnSuccess) {
        ret = ivars->outMemory->GetAddressRange(&out);
    }
    if (ret == kIOReturnSuccess && (in.length < kTransferSize || out.length < kTransferSize)) {
        ret = kIOReturnNoMemory;
    }
    if (ret == kIOReturnSuccess) {
        ivars->inBytes = reinterpret_cast<uint8_t *>(in.address);
        ivars->outBytes = reinterpret_cast<uint8_t *>(out.address);
        ret = CreateActionReadComplete(0, &ivars->readAction);
    }
    if (ret == kIOReturnSuccess) {
        ret = CreateActionWriteComplete(0, &ivars->writeAction);
    }
    return ret;
}

// Gives back everything of the interface. Nothing may be in flight any more.
void UsbInterfaceDriver::CloseInterface() {
    ivars->reading.rest();
    ivars->writing.rest();
    OSSafeReleaseNULL(ivars->readAction);
    OSSafeReleaseNULL(ivars->writeAction);
    OSSafeReleaseNULL(ivars->inPipe);
    OSSafeReleaseNULL(ivars->outPipe);
    OSSafeReleaseNULL(ivars->inMemory);
    OSSafeReleaseNULL(ivars->outMemory);
    ivars->inBytes = nullptr;
    ivars->outBytes = nullptr;
    if (ivars->isOpen) {
        ivars->isOpen = false;
        ivars->interface->Close(this, 0);
    }
    OSSafeReleaseNULL(ivars->interface);
}

// Unplugging, replacement and deactivation all come here, with transfers in flight. Their actions are cancelled; when no completion can arrive any
// more, the interface is closed and the stop goes on.
kern_return_t UsbInterfaceDriver::Stop_Impl(IOService * provider) {
    ivars->reading.rest();
    ivars->writing.rest();
    if (ivars->inPipe != nullptr) {
        ivars->inPipe->Abort(kIOUSBAbortAsynchronous, kIOReturnAborted, this);
    }
    if (ivars->outPipe != nullptr) {
        ivars->outPipe->Abort(kIOUSBAbortAsynchronous, kIOReturnAborted, this);
    }
    OSAction * const actions[] = {ivars->readAction, ivars->writeAction};
    // One count is ours, so that the stop cannot finish before both cancellations are under way.
    uint32_t * const open = &ivars->openActions;
    __atomic_store_n(open, 3, __ATOMIC_RELEASE);
    retain();
    provider->retain();
    void (^ended)(void) = ^{
        if (__atomic_sub_fetch(open, 1, __ATOMIC_ACQ_REL) > 0) {
            return;
        }
        CloseInterface();
        LOG("stopped");
        Stop(provider, SUPERDISPATCH);
        provider->release();
        release();
    };
    for (OSAction * action : actions) {
        // Without an action, or when it cannot be cancelled, nobody else will call.
        if (action == nullptr || action->Cancel(ended) != kIOReturnSuccess) {
            ended();
        }
    }
    ended();
    return kIOReturnSuccess;
}

kern_return_t UsbInterfaceDriver::NewUserClient_Impl(uint32_t type, IOUserClient ** userClient) {
    if (type != 0 || userClient == nullptr) {
        return kIOReturnBadArgument;
    }
    IOService * client = nullptr;
    const kern_return_t ret = Create(this, "UserClientProperties", &client);
    if (ret != kIOReturnSuccess) {
        return ret;
    }
    *userClient = OSDynamicCast(UsbInterfaceUserClient, client);
    if (*userClient == nullptr) {
        OSSafeReleaseNULL(client);
        return kIOReturnUnsupported;
    }
    return kIOReturnSuccess;
}

// A submission that failed never ends by itself, and asking again at once must have an end.
static Ending endingOfSubmission(kern_return_t ret) {
    const Ending ending = endingOf(ret);
    return ending == Ending::TimedOut ? Ending::Failed : ending;
}

void UsbInterfaceDriver::StartRead() {
    while (ivars->arrived.space() >= kTransferSize && ivars->reading.mayStart()) {
        const kern_return_t ret = ivars->inPipe->AsyncIO(ivars->inMemory, kTransferSize, ivars->readAction, 0);
        if (ret == kIOReturnSuccess) {
            return;
        }
        ivars->statistics.errors += 1;
        if (ivars->reading.ended(endingOfSubmission(ret), true) == Next::ClearStall) {
            ivars->inPipe->ClearStall(false);
        }
    }
}

void UsbInterfaceDriver::ReadComplete_Impl(OSAction *, IOReturn status, uint32_t actualByteCount, uint64_t) {
    ReadEnded(status, actualByteCount);
}

void UsbInterfaceDriver::ReadEnded(IOReturn status, uint32_t length) {
    UsbInterfaceStatistics & statistics = ivars->statistics;
    Ending ending = endingOf(status);
    if (length > kTransferSize) {
        ending = Ending::Failed;
    } else if (ending == Ending::Done && ivars->inBytes != nullptr) {
        // There is room: a read starts only when there is.
        statistics.bytesRead += ivars->arrived.write(ivars->inBytes, length);
        statistics.transfersRead += 1;
    }
    statistics.errors += ending == Ending::Failed || ending == Ending::TimedOut;
    statistics.stalls += ending == Ending::Stalled;
    statistics.aborts += ending == Ending::Aborted || ending == Ending::Gone;
    switch (ivars->reading.ended(ending, ivars->arrived.space() >= kTransferSize)) {
        case Next::ClearStall:
            ivars->inPipe->ClearStall(false);
            StartRead();
            break;
        case Next::Submit:
            StartRead();
            break;
        case Next::Wait:
            statistics.pauses += 1;
            break;
        case Next::Rest:
            break;
    }
}

void UsbInterfaceDriver::StartWrite() {
    while (ivars->leaving.size() > 0 && ivars->writing.mayStart()) {
        const uint32_t length = static_cast<uint32_t>(ivars->leaving.read(ivars->outBytes, kTransferSize));
        const kern_return_t ret = ivars->outPipe->AsyncIO(ivars->outMemory, length, ivars->writeAction, kWriteTimeoutMs);
        if (ret == kIOReturnSuccess) {
            return;
        }
        ivars->statistics.errors += 1;
        if (ivars->writing.ended(endingOfSubmission(ret), true) == Next::ClearStall) {
            ivars->outPipe->ClearStall(false);
        }
    }
}

void UsbInterfaceDriver::WriteComplete_Impl(OSAction *, IOReturn status, uint32_t actualByteCount, uint64_t) {
    ivars->statistics.bytesWritten += actualByteCount <= kTransferSize ? actualByteCount : 0;
    WriteEnded(status);
}

void UsbInterfaceDriver::WriteEnded(IOReturn status) {
    UsbInterfaceStatistics & statistics = ivars->statistics;
    const Ending ending = endingOf(status);
    statistics.transfersWritten += ending == Ending::Done;
    statistics.errors += ending == Ending::Failed || ending == Ending::TimedOut;
    statistics.stalls += ending == Ending::Stalled;
    statistics.aborts += ending == Ending::Aborted || ending == Ending::Gone;
    const Next next = ivars->writing.ended(ending, ivars->leaving.size() > 0);
    if (next == Next::ClearStall) {
        ivars->outPipe->ClearStall(false);
    }
    if (next == Next::ClearStall || next == Next::Submit) {
        StartWrite();
    }
}

// The self-test's pipe: what leaves arrives, in transfers, by the same rules.
void UsbInterfaceDriver::LoopBack() {
    uint8_t bytes[kTransferSize];
    while (ivars->leaving.size() > 0 && ivars->arrived.space() >= kTransferSize && ivars->writing.mayStart()) {
        const size_t length = ivars->leaving.read(bytes, sizeof(bytes));
        ivars->statistics.bytesWritten += length;
        ivars->statistics.transfersWritten += 1;
        ivars->statistics.bytesRead += ivars->arrived.write(bytes, length);
        ivars->statistics.transfersRead += 1;
        ivars->writing.ended(Ending::Done, ivars->leaving.size() > 0);
    }
}

kern_return_t UsbInterfaceDriver::TakeBytes(const void * bytes, size_t length, size_t * taken) {
    *taken = 0;
    if (ivars->writing.isResting()) {
        return kIOReturnNotReady;
    }
    *taken = ivars->leaving.write(bytes, length);
    ivars->isSelfTest ? LoopBack() : StartWrite();
    return kIOReturnSuccess;
}

kern_return_t UsbInterfaceDriver::GiveBytes(void * bytes, size_t length, size_t * given) {
    *given = ivars->arrived.read(bytes, length);
    if (*given == 0 && ivars->reading.isResting()) {
        return kIOReturnNotReady;
    }
    if (ivars->isSelfTest) {
        LoopBack();
    } else if (!ivars->reading.isInFlight()) {
        StartRead();
    }
    return kIOReturnSuccess;
}

void UsbInterfaceDriver::GetStatistics(UsbInterfaceStatistics * statistics) {
    *statistics = ivars->statistics;
}
