// A ring gives back what it took, in order, across its seam.
#include "../core/ring.h"
#include "check.h"

static void an_empty_ring_gives_nothing() {
    Ring<8> ring = {};
    uint8_t bytes[8] = {};
    CHECK(ring.size() == 0 && ring.space() == 8);
    CHECK(ring.read(bytes, sizeof(bytes)) == 0);
}

static void a_full_ring_takes_what_fits() {
    Ring<8> ring = {};
    CHECK(ring.write("abcdefghij", 10) == 8);
    CHECK(ring.space() == 0);
    CHECK(ring.write("x", 1) == 0);
    char out[9] = {};
    CHECK(ring.read(out, 8) == 8);
    CHECK(strcmp(out, "abcdefgh") == 0);
}

static void bytes_keep_their_order_across_the_seam() {
    Ring<8> ring = {};
    uint8_t next_in = 0;
    uint8_t next_out = 0;
    for (size_t round = 0; round < 1000; round++) {
        uint8_t bytes[8];
        const size_t offered = round % 7 + 1;
        for (size_t i = 0; i < offered; i++) {
            bytes[i] = static_cast<uint8_t>(next_in + i);
        }
        next_in = static_cast<uint8_t>(next_in + ring.write(bytes, offered));
        const size_t given = ring.read(bytes, round % 5 + 1);
        for (size_t i = 0; i < given; i++) {
            CHECK(bytes[i] == next_out);
            next_out = static_cast<uint8_t>(next_out + 1);
        }
        CHECK(ring.size() + ring.space() == 8);
    }
}

static void clearing_forgets() {
    Ring<8> ring = {};
    ring.write("abc", 3);
    ring.clear();
    CHECK(ring.size() == 0 && ring.space() == 8);
}

int main() {
    an_empty_ring_gives_nothing();
    a_full_ring_takes_what_fits();
    bytes_keep_their_order_across_the_seam();
    clearing_forgets();
    return summary("ring");
}
