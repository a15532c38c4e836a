// Whether the arguments of a call are what its selector asks for.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

// What came with a call; counts of things that are absent are 0.
struct Request {
    uint64_t selector;
    uint32_t scalarInputs;
    uint32_t scalarOutputs;
    // Bytes of the structure that came in.
    size_t inputLength;
    // The most bytes that may go out.
    uint64_t outputLimit;
    // A memory descriptor or a completion came along: no selector of ours takes one.
    bool hasExtras;
};

enum class Verdict { Good, UnknownSelector, BadArguments };

inline Verdict judge(const Request & request) {
    if (request.selector >= kUsbInterfaceSelectorCount) {
        return Verdict::UnknownSelector;
    }
    bool isGood = !request.hasExtras;
    switch (request.selector) {
        case kUsbInterfaceRead:
            isGood = isGood && request.scalarInputs == 1 && request.scalarOutputs == 0 && request.inputLength == 0 && request.outputLimit > 0;
            break;
        case kUsbInterfaceWrite:
            isGood = isGood && request.scalarInputs == 0 && request.scalarOutputs == 1 && request.inputLength > 0 &&
                     request.inputLength <= kUsbInterfaceMaxTransfer;
            break;
        case kUsbInterfaceStatistics:
            isGood = isGood && request.scalarInputs == 0 && request.scalarOutputs == 0 && request.inputLength == 0 &&
                     request.outputLimit >= sizeof(UsbInterfaceStatistics);
            break;
        default:
            isGood = false;
            break;
    }
    return isGood ? Verdict::Good : Verdict::BadArguments;
}

// How many bytes a read may give: what was asked for, what the caller can take, and no more than one transfer.
inline size_t readLimit(uint64_t wanted, uint64_t outputLimit) {
    constexpr uint64_t transfer = kUsbInterfaceMaxTransfer;
    const uint64_t limit = wanted < outputLimit ? wanted : outputLimit;
    return static_cast<size_t>(limit < transfer ? limit : transfer);
}
