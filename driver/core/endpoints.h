// Which endpoints of an interface carry bulk data.
//
// Reads a configuration descriptor (USB 2.0 §9.6.3 to §9.6.6) as bytes from outside: nothing in it is believed before it is checked.
#pragma once

#include <stddef.h>
#include <stdint.h>

// The first bulk endpoint of each direction; address 0 (the control endpoint) means none.
struct BulkEndpoints {
    uint8_t in;
    uint8_t out;
    uint16_t inPacket;
    uint16_t outPacket;

    bool areComplete() const { return in != 0 && out != 0; }
};

namespace endpoints {

// Descriptor types, USB 2.0 table 9-5.
constexpr uint8_t kConfiguration = 2;
constexpr uint8_t kInterface = 4;
constexpr uint8_t kEndpoint = 5;
// Sizes, USB 2.0 tables 9-10, 9-12 and 9-13.
constexpr size_t kConfigurationSize = 9;
constexpr size_t kInterfaceSize = 9;
constexpr size_t kEndpointSize = 7;
constexpr uint8_t kDirectionIn = 0x80;
constexpr uint8_t kNumberMask = 0x0f;
constexpr uint8_t kTransferMask = 0x03;
constexpr uint8_t kBulk = 0x02;
// Bits 0 to 10 of wMaxPacketSize; those above are for high-bandwidth isochronous endpoints.
constexpr uint16_t kPacketMask = 0x07ff;

inline uint16_t little16(const uint8_t * bytes) {
    return static_cast<uint16_t>(bytes[0] | bytes[1] << 8);
}

}  // namespace endpoints

// The total length a configuration descriptor states, or 0 if its header is not one. `length` bytes can be read.
inline size_t configurationLength(const uint8_t * bytes, size_t length) {
    using namespace endpoints;
    if (bytes == nullptr || length < kConfigurationSize || bytes[0] < kConfigurationSize || bytes[1] != kConfiguration) {
        return 0;
    }
    const size_t stated = little16(bytes + 2);
    return stated < kConfigurationSize ? 0 : stated;
}

// Finds the bulk endpoints of one alternate setting of one interface. A descriptor that does not fit ends the search.
inline BulkEndpoints findBulkEndpoints(const uint8_t * bytes, size_t length, uint8_t interface, uint8_t alternate) {
    using namespace endpoints;
    BulkEndpoints found = {};
    const size_t stated = configurationLength(bytes, length);
    const size_t end = stated < length ? stated : length;
    bool isOurs = false;
    size_t at = 0;
    while (end - at >= 2) {
        const uint8_t * descriptor = bytes + at;
        const size_t size = descriptor[0];
        if (size < 2 || size > end - at) {
            break;
        }
        if (descriptor[1] == kInterface) {
            isOurs = size >= kInterfaceSize && descriptor[2] == interface && descriptor[3] == alternate;
        } else if (isOurs && descriptor[1] == kEndpoint && size >= kEndpointSize && (descriptor[3] & kTransferMask) == kBulk) {
            const uint8_t address = descriptor[2];
            const uint16_t packet = little16(descriptor + 4) & kPacketMask;
            const bool isUsable = (address & kNumberMask) != 0 && packet != 0;
            if (isUsable && (address & kDirectionIn) != 0 && found.in == 0) {
                found.in = address;
                found.inPacket = packet;
            } else if (isUsable && (address & kDirectionIn) == 0 && found.out == 0) {
                found.out = address;
                found.outPacket = packet;
            }
        }
        at += size;
    }
    return found;
}
