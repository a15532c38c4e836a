// A buffer of bytes, written at one end and read at the other.
//
// All bytes zero is a valid, empty ring, so it can live in memory from IONewZero. Not safe for several threads: the driver has one queue.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

template <size_t Capacity>
class Ring {
    static_assert(Capacity > 0 && (Capacity & (Capacity - 1)) == 0, "positions wrap with a mask");

public:
    size_t size() const { return written_ - read_; }
    size_t space() const { return Capacity - size(); }

    // Takes what fits; returns how much that was.
    size_t write(const void * bytes, size_t length) {
        const size_t taken = smaller(length, space());
        const size_t start = written_ & (Capacity - 1);
        const size_t first = smaller(taken, Capacity - start);
        if (first > 0) {
            memcpy(bytes_ + start, bytes, first);
        }
        if (taken > first) {
            memcpy(bytes_, static_cast<const uint8_t *>(bytes) + first, taken - first);
        }
        written_ += taken;
        return taken;
    }

    // Gives at most `length` bytes; returns how many.
    size_t read(void * bytes, size_t length) {
        const size_t given = smaller(length, size());
        const size_t start = read_ & (Capacity - 1);
        const size_t first = smaller(given, Capacity - start);
        if (first > 0) {
            memcpy(bytes, bytes_ + start, first);
        }
        if (given > first) {
            memcpy(static_cast<uint8_t *>(bytes) + first, bytes_, given - first);
        }
        read_ += given;
        return given;
    }

    void clear() { read_ = written_; }

private:
    static size_t smaller(size_t left, size_t right) { return left < right ? left : right; }

    // Counts of all bytes ever; their difference is right even after they wrap.
    size_t written_;
    size_t read_;
    uint8_t bytes_[Capacity];
};
