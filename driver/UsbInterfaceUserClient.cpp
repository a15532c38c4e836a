// Checks what a program asks for, and passes it on.

#include "UsbInterfaceUserClient.h"
#include "UsbInterfaceDriver.h"

#include "core/protocol.h"
#include "core/request.h"

#include <DriverKit/DriverKit.h>

struct UsbInterfaceUserClient_IVars {
    UsbInterfaceDriver * driver;
};

bool UsbInterfaceUserClient::init() {
    if (!super::init()) {
        return false;
    }
    ivars = IONewZero(UsbInterfaceUserClient_IVars, 1);
    return ivars != nullptr;
}

void UsbInterfaceUserClient::free() {
    if (ivars != nullptr) {
        OSSafeReleaseNULL(ivars->driver);
    }
    IOSafeDeleteNULL(ivars, UsbInterfaceUserClient_IVars, 1);
    super::free();
}

kern_return_t UsbInterfaceUserClient::Start_Impl(IOService * provider) {
    kern_return_t ret = Start(provider, SUPERDISPATCH);
    if (ret != kIOReturnSuccess) {
        return ret;
    }
    ivars->driver = OSDynamicCast(UsbInterfaceDriver, provider);
    if (ivars->driver == nullptr) {
        Stop(provider, SUPERDISPATCH);
        return kIOReturnBadArgument;
    }
    ivars->driver->retain();
    // Calls run where the driver's completions run, which is why the driver needs no locks.
    IODispatchQueue * queue = nullptr;
    ret = ivars->driver->CopyDispatchQueue(kIOServiceDefaultQueueName, &queue);
    if (ret == kIOReturnSuccess) {
        ret = SetDispatchQueue(kIOUserClientQueueNameExternalMethod, queue);
    }
    OSSafeReleaseNULL(queue);
    if (ret != kIOReturnSuccess) {
        OSSafeReleaseNULL(ivars->driver);
        Stop(provider, SUPERDISPATCH);
    }
    return ret;
}

// A call may still be running on the driver's queue, so the driver is kept until this object goes; a stopped driver answers that it is not ready.
kern_return_t UsbInterfaceUserClient::Stop_Impl(IOService * provider) {
    return Stop(provider, SUPERDISPATCH);
}

kern_return_t UsbInterfaceUserClient::ExternalMethod(
    uint64_t selector, IOUserClientMethodArguments * arguments, const IOUserClientMethodDispatch *, OSObject *, void *) {
    if (arguments == nullptr) {
        return kIOReturnBadArgument;
    }
    if (ivars->driver == nullptr) {
        return kIOReturnNotReady;
    }
    Request request = {};
    request.selector = selector;
    request.scalarInputs = arguments->scalarInput != nullptr ? arguments->scalarInputCount : 0;
    request.scalarOutputs = arguments->scalarOutput != nullptr ? arguments->scalarOutputCount : 0;
    request.inputLength = arguments->structureInput != nullptr ? arguments->structureInput->getLength() : 0;
    request.outputLimit = arguments->structureOutputMaximumSize;
    request.hasExtras = arguments->structureInputDescriptor != nullptr || arguments->structureOutputDescriptor != nullptr ||
                        arguments->completion != nullptr;
    switch (judge(request)) {
        case Verdict::UnknownSelector:
            return kIOReturnUnsupported;
        case Verdict::BadArguments:
            return kIOReturnBadArgument;
        case Verdict::Good:
            break;
    }
    switch (selector) {
        case kUsbInterfaceRead:
            return Read(arguments);
        case kUsbInterfaceWrite:
            return Write(arguments);
        case kUsbInterfaceStatistics:
            return Statistics(arguments);
        default:
            return kIOReturnUnsupported;
    }
}

kern_return_t UsbInterfaceUserClient::Read(IOUserClientMethodArguments * arguments) {
    uint8_t bytes[kUsbInterfaceMaxTransfer];
    size_t given = 0;
    const size_t limit = readLimit(arguments->scalarInput[0], arguments->structureOutputMaximumSize);
    // Made first: bytes that have been taken out of the buffer must not be lost for want of memory.
    OSData * data = OSData::withCapacity(kUsbInterfaceMaxTransfer);
    if (data == nullptr) {
        return kIOReturnNoMemory;
    }
    kern_return_t ret = ivars->driver->GiveBytes(bytes, limit, &given);
    if (ret == kIOReturnSuccess && given > 0 && !data->appendBytes(bytes, given)) {
        ret = kIOReturnNoMemory;
    }
    if (ret != kIOReturnSuccess) {
        OSSafeReleaseNULL(data);
        return ret;
    }
    arguments->structureOutput = data;
    return kIOReturnSuccess;
}

kern_return_t UsbInterfaceUserClient::Write(IOUserClientMethodArguments * arguments) {
    const OSData * data = arguments->structureInput;
    const void * bytes = data->getBytesNoCopy();
    if (bytes == nullptr) {
        return kIOReturnBadArgument;
    }
    size_t taken = 0;
    const kern_return_t ret = ivars->driver->TakeBytes(bytes, data->getLength(), &taken);
    arguments->scalarOutput[0] = taken;
    return ret;
}

kern_return_t UsbInterfaceUserClient::Statistics(IOUserClientMethodArguments * arguments) {
    UsbInterfaceStatistics statistics = {};
    ivars->driver->GetStatistics(&statistics);
    arguments->structureOutput = OSData::withBytes(&statistics, sizeof(statistics));
    return arguments->structureOutput != nullptr ? kIOReturnSuccess : kIOReturnNoMemory;
}
