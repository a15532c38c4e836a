// What to do when a transfer has ended: the rules of reading and writing, apart from DriverKit.
#pragma once

#include <stdint.h>

// How a transfer ended.
enum class Ending { Done, TimedOut, Stalled, Aborted, Gone, Failed };

// Numbers of IOReturn.h and IOUSBHostFamilyDefinitions.h.
inline Ending endingOf(int32_t status) {
    switch (static_cast<uint32_t>(status)) {
        case 0:
            return Ending::Done;
        case 0xe00002d6:  // kIOReturnTimeout
            return Ending::TimedOut;
        case 0xe0005000:  // kUSBHostReturnPipeStalled
            return Ending::Stalled;
        case 0xe00002eb:  // kIOReturnAborted
            return Ending::Aborted;
        case 0xe00002c0:  // kIOReturnNoDevice
        case 0xe00002d7:  // kIOReturnOffline
        case 0xe00002d9:  // kIOReturnNotAttached
        case 0xe00002cd:  // kIOReturnNotOpen
            return Ending::Gone;
        default:
            return Ending::Failed;
    }
}

// What the driver does next with a pipe.
enum class Next {
    // Starts another transfer.
    Submit,
    // Clears the stall, then starts another transfer.
    ClearStall,
    // Nothing, until there is room or data.
    Wait,
    // Nothing any more.
    Rest
};

// One direction of a pair of pipes. All zero is the state before the start.
class Lane {
public:
    // A pipe that fails this often in a row will not recover by being asked again.
    static constexpr uint32_t kMaxFailures = 8;

    bool isInFlight() const { return isInFlight_; }
    bool isResting() const { return isResting_; }

    // Whether a transfer may start now; if so, it counts as started.
    bool mayStart() {
        if (isInFlight_ || isResting_) {
            return false;
        }
        isInFlight_ = true;
        return true;
    }

    // A transfer that was to start did not, or one ended. `hasWork`: there is room to read into, or data to write.
    Next ended(Ending ending, bool hasWork) {
        isInFlight_ = false;
        switch (ending) {
            case Ending::Done:
            case Ending::TimedOut:
                failures_ = 0;
                break;
            case Ending::Stalled:
            case Ending::Failed:
                failures_ += 1;
                isResting_ = isResting_ || failures_ >= kMaxFailures;
                break;
            case Ending::Aborted:
            case Ending::Gone:
                isResting_ = true;
                break;
        }
        if (isResting_) {
            return Next::Rest;
        }
        if (ending == Ending::Stalled) {
            return Next::ClearStall;
        }
        return hasWork ? Next::Submit : Next::Wait;
    }

    // Nothing starts any more; what is in flight still ends.
    void rest() { isResting_ = true; }

private:
    bool isInFlight_;
    bool isResting_;
    uint32_t failures_;
};
