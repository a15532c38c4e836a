// The bulk endpoints of an interface are found, and nothing that a device says can lead the search astray.
#include "../core/endpoints.h"
#include "check.h"

#include <stdlib.h>
#include <string.h>

// A configuration with a HID interface 0, and interface 1 with two alternate settings: empty, and bulk.
static const uint8_t kGood[] = {
    9, 2, 71, 0, 2, 1, 0, 0x80, 50,       // configuration, 71 bytes
    9, 4, 0, 0, 1, 3, 0, 0, 0,            // interface 0
    7, 5, 0x83, 3, 8, 0, 10,              // interrupt in
    9, 4, 1, 0, 0, 0xff, 0, 0, 0,         // interface 1, alternate 0: no endpoints
    9, 4, 1, 1, 3, 0xff, 0, 0, 0,         // interface 1, alternate 1
    7, 5, 0x81, 2, 0x00, 0x02, 0,         // bulk in, 512
    7, 5, 0x02, 2, 0x40, 0x00, 0,         // bulk out, 64
    7, 5, 0x84, 2, 0x40, 0x00, 0,         // a second bulk in
    7, 5, 0x05, 1, 0x40, 0x00, 1,         // isochronous out
};

static void the_first_bulk_endpoints_of_the_setting_are_found() {
    const BulkEndpoints found = findBulkEndpoints(kGood, sizeof(kGood), 1, 1);
    CHECK(found.areComplete());
    CHECK(found.in == 0x81 && found.inPacket == 512);
    CHECK(found.out == 0x02 && found.outPacket == 64);
}

static void other_interfaces_and_settings_do_not_count() {
    CHECK(findBulkEndpoints(kGood, sizeof(kGood), 0, 0).in == 0);
    CHECK(!findBulkEndpoints(kGood, sizeof(kGood), 1, 0).areComplete());
    CHECK(!findBulkEndpoints(kGood, sizeof(kGood), 2, 0).areComplete());
}

static void the_stated_length_is_a_limit() {
    uint8_t bytes[sizeof(kGood)];
    memcpy(bytes, kGood, sizeof(bytes));
    bytes[2] = 52;  // ends behind the first bulk endpoint
    const BulkEndpoints found = findBulkEndpoints(bytes, sizeof(bytes), 1, 1);
    CHECK(found.in == 0x81 && found.out == 0);
    bytes[2] = 0xff;  // more than there is
    CHECK(findBulkEndpoints(bytes, sizeof(bytes), 1, 1).areComplete());
}

static void what_is_no_configuration_has_no_endpoints() {
    CHECK(configurationLength(nullptr, 100) == 0);
    CHECK(configurationLength(kGood, 8) == 0);
    CHECK(configurationLength(kGood, 9) == 71);
    const uint8_t device[] = {18, 1, 0, 2, 0, 0, 0, 64, 0};
    CHECK(configurationLength(device, sizeof(device)) == 0);
    const uint8_t tiny[] = {9, 2, 8, 0, 0, 0, 0, 0, 0};
    CHECK(configurationLength(tiny, sizeof(tiny)) == 0);
    CHECK(!findBulkEndpoints(nullptr, 0, 0, 0).areComplete());
}

static void a_descriptor_of_length_zero_ends_the_search() {
    uint8_t bytes[sizeof(kGood)];
    memcpy(bytes, kGood, sizeof(bytes));
    bytes[18] = 0;
    CHECK(!findBulkEndpoints(bytes, sizeof(bytes), 1, 1).areComplete());
}

static void short_and_useless_endpoints_are_passed_over() {
    uint8_t bytes[sizeof(kGood)];
    memcpy(bytes, kGood, sizeof(bytes));
    bytes[43 + 2] = 0x80;  // bulk in, endpoint number 0
    CHECK(findBulkEndpoints(bytes, sizeof(bytes), 1, 1).in == 0x84);
    memcpy(bytes, kGood, sizeof(bytes));
    bytes[43 + 4] = bytes[43 + 5] = 0;  // packets of 0 bytes
    CHECK(findBulkEndpoints(bytes, sizeof(bytes), 1, 1).in == 0x84);
}

// Every cut and many damages of a good descriptor, each in memory of exactly its size, so that a sanitizer sees a step outside.
static void damaged_descriptors_are_survived() {
    uint32_t seed = 1;
    size_t n_complete = 0;
    for (size_t round = 0; round < 20000; round++) {
        const size_t length = round % (sizeof(kGood) + 1);
        uint8_t * bytes = static_cast<uint8_t *>(malloc(length > 0 ? length : 1));
        memcpy(bytes, kGood, length);
        for (size_t damage = 0; length > 0 && damage < round % 4; damage++) {
            seed = seed * 1664525 + 1013904223;
            bytes[(seed >> 8) % length] = static_cast<uint8_t>(seed >> 24);
        }
        const BulkEndpoints found = findBulkEndpoints(bytes, length, 1, 1);
        n_complete += found.areComplete();
        CHECK(!found.areComplete() || ((found.in & 0x80) != 0 && (found.out & 0x80) == 0));
        free(bytes);
    }
    CHECK(n_complete > 0);
}

int main() {
    the_first_bulk_endpoints_of_the_setting_are_found();
    other_interfaces_and_settings_do_not_count();
    the_stated_length_is_a_limit();
    what_is_no_configuration_has_no_endpoints();
    a_descriptor_of_length_zero_ends_the_search();
    short_and_useless_endpoints_are_passed_over();
    damaged_descriptors_are_survived();
    return summary("endpoints");
}
