// Only calls with exactly the arguments of their selector pass.
#include "../core/request.h"
#include "check.h"

static Request readRequest() {
    Request request = {};
    request.selector = kUsbInterfaceRead;
    request.scalarInputs = 1;
    request.outputLimit = 4096;
    return request;
}

static Request writeRequest() {
    Request request = {};
    request.selector = kUsbInterfaceWrite;
    request.scalarOutputs = 1;
    request.inputLength = 1;
    return request;
}

static Request statisticsRequest() {
    Request request = {};
    request.selector = kUsbInterfaceStatistics;
    request.outputLimit = sizeof(UsbInterfaceStatistics);
    return request;
}

static void good_calls_pass() {
    CHECK(judge(readRequest()) == Verdict::Good);
    CHECK(judge(writeRequest()) == Verdict::Good);
    CHECK(judge(statisticsRequest()) == Verdict::Good);
}

static void unknown_selectors_are_named() {
    Request request = readRequest();
    request.selector = kUsbInterfaceSelectorCount;
    CHECK(judge(request) == Verdict::UnknownSelector);
    request.selector = ~0ull;
    CHECK(judge(request) == Verdict::UnknownSelector);
}

static void counts_must_fit() {
    Request request = readRequest();
    request.scalarInputs = 0;
    CHECK(judge(request) == Verdict::BadArguments);
    request = readRequest();
    request.scalarOutputs = 1;
    CHECK(judge(request) == Verdict::BadArguments);
    request = writeRequest();
    request.scalarOutputs = 0;
    CHECK(judge(request) == Verdict::BadArguments);
    request = statisticsRequest();
    request.scalarInputs = 1;
    CHECK(judge(request) == Verdict::BadArguments);
}

static void sizes_have_limits() {
    Request request = writeRequest();
    request.inputLength = 0;
    CHECK(judge(request) == Verdict::BadArguments);
    request.inputLength = kUsbInterfaceMaxTransfer;
    CHECK(judge(request) == Verdict::Good);
    request.inputLength = kUsbInterfaceMaxTransfer + 1;
    CHECK(judge(request) == Verdict::BadArguments);
    request = statisticsRequest();
    request.outputLimit -= 1;
    CHECK(judge(request) == Verdict::BadArguments);
    request = readRequest();
    request.outputLimit = 0;
    CHECK(judge(request) == Verdict::BadArguments);
}

static void nothing_may_come_along() {
    Request request = readRequest();
    request.hasExtras = true;
    CHECK(judge(request) == Verdict::BadArguments);
    request = readRequest();
    request.inputLength = 1;
    CHECK(judge(request) == Verdict::BadArguments);
}

static void a_read_is_cut_to_the_smallest_limit() {
    CHECK(readLimit(10, 4096) == 10);
    CHECK(readLimit(5000, 100) == 100);
    CHECK(readLimit(~0ull, ~0ull) == kUsbInterfaceMaxTransfer);
    CHECK(readLimit(0, 100) == 0);
}

static void statistics_have_their_layout() {
    CHECK(sizeof(UsbInterfaceStatistics) == 72);
    CHECK(offsetof(UsbInterfaceStatistics, pauses) == 64);
}

int main() {
    good_calls_pass();
    unknown_selectors_are_named();
    counts_must_fit();
    sizes_have_limits();
    nothing_may_come_along();
    a_read_is_cut_to_the_smallest_limit();
    statistics_have_their_layout();
    return summary("request");
}
