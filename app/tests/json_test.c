// The JSON writer: commas, nesting, and every kind of byte that needs care.
#include "../json.h"

#include "check.h"

static void commas_stand_between_values_only(void) {
    struct Json json = { 0 };
    json_open(&json, '{');
    json_key(&json, "a");
    json_open(&json, '[');
    json_number(&json, -1);
    json_bool(&json, true);
    json_open(&json, '{');
    json_close(&json, '}');
    json_open(&json, '[');
    json_close(&json, ']');
    json_null(&json);
    json_close(&json, ']');
    json_key(&json, "b");
    json_string(&json, NULL);
    json_key(&json, "c");
    json_unsigned(&json, 18446744073709551615ull);
    json_key(&json, "d");
    json_number(&json, -9223372036854775807 - 1);
    json_close(&json, '}');
    CHECK_TEXT(json.text, "{\"a\":[-1,true,{},[],null],\"b\":null,\"c\":18446744073709551615,\"d\":-9223372036854775808}");
    json_free(&json);
    CHECK(json.text == NULL && json.length == 0);
}

static void check_string(const char *text, const char *expected) {
    struct Json json = { 0 };
    json_string(&json, text);
    CHECK_TEXT(json.text, expected);
    json_free(&json);
}

static void what_json_reserves_is_escaped(void) {
    check_string("", "\"\"");
    check_string("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
    check_string("\n\t\x01\x1f\x7f", "\"\\u000a\\u0009\\u0001\\u001f\x7f\"");
    check_string("%s%n", "\"%s%n\"");
}

static void well_formed_utf8_stays_and_the_rest_is_replaced(void) {
    check_string("é – 😀", "\"é – 😀\"");
    check_string("\xff", "\"\xef\xbf\xbd\"");
    check_string("\xc3", "\"\xef\xbf\xbd\"");                                              // cut short
    check_string("\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"");                              // overlong
    check_string("\xe0\x80\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");              // overlong
    check_string("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");              // surrogate
    check_string("\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");  // above U+10FFFF
    check_string("\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"");
}

static void long_documents_grow(void) {
    struct Json json = { 0 };
    json_open(&json, '[');
    for (int i = 0; i < 10000; i++) json_string(&json, "x");
    json_close(&json, ']');
    CHECK(!json.out_of_memory);
    CHECK(json.length == 2 + 10000 * 3 + 9999);
    CHECK(json.text[json.length] == '\0' && json.text[json.length - 1] == ']');
    json_free(&json);
}

int main(void) {
    commas_stand_between_values_only();
    what_json_reserves_is_escaped();
    well_formed_utf8_stays_and_the_rest_is_replaced();
    long_documents_grow();
    return SUMMARY("json");
}
