// The JSON writer. Escapes what RFC 8259 demands: quote, backslash, control characters; everything else stays UTF-8.
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append(struct Json *json, const char *bytes, size_t size) {
    if (json->out_of_memory) return;
    if (size >= json->capacity - json->length) {  // keeps one byte for '\0'
        // A report is some kilobytes; 4 KiB at first, then doubling.
        const size_t wanted = json->length + size + 1;
        size_t capacity = json->capacity > 0 ? json->capacity : 4096;
        while (capacity < wanted) capacity *= 2;
        char *text = realloc(json->text, capacity);
        if (text == NULL) {
            json->out_of_memory = true;
            return;
        }
        json->text = text;
        json->capacity = capacity;
    }
    memcpy(json->text + json->length, bytes, size);
    json->length += size;
    json->text[json->length] = '\0';
}

static void value(struct Json *json, const char *text) {
    if (json->needs_comma) append(json, ",", 1);
    append(json, text, strlen(text));
    json->needs_comma = true;
}

// Length of the well-formed UTF-8 sequence at `text`, or 0 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
static size_t sequence_length(const unsigned char *text) {
    const unsigned char lead = text[0];
    if (lead < 0x80) return 1;
    const size_t length = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) return 0;  // also stops at the final '\0'
    }
    if ((lead == 0xe0 && text[1] < 0xa0) || (lead == 0xed && text[1] > 0x9f)) return 0;
    if ((lead == 0xf0 && text[1] < 0x90) || (lead == 0xf4 && text[1] > 0x8f)) return 0;
    return length;
}

static void quoted(struct Json *json, const char *text) {
    append(json, "\"", 1);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        const size_t length = sequence_length(at);
        char escape[8];
        if (length == 0) {
            append(json, "\xef\xbf\xbd", 3);
        } else if (*at == '"' || *at == '\\') {
            append(json, "\\", 1);
            append(json, (const char *)at, 1);
        } else if (*at < 0x20) {
            append(json, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", *at));
        } else {
            append(json, (const char *)at, length);
        }
        at += length > 0 ? length : 1;
    }
    append(json, "\"", 1);
}

void json_open(struct Json *json, char bracket) {
    const char text[] = { bracket, '\0' };
    value(json, text);
    json->needs_comma = false;
}

void json_close(struct Json *json, char bracket) {
    append(json, &bracket, 1);
    json->needs_comma = true;
}

void json_key(struct Json *json, const char *key) {
    json_string(json, key);
    append(json, ":", 1);
    json->needs_comma = false;
}

void json_string(struct Json *json, const char *text) {
    if (text == NULL) {
        json_null(json);
        return;
    }
    if (json->needs_comma) append(json, ",", 1);
    quoted(json, text);
    json->needs_comma = true;
}

void json_number(struct Json *json, long long number) {
    char text[24];
    snprintf(text, sizeof text, "%lld", number);
    value(json, text);
}

void json_unsigned(struct Json *json, unsigned long long number) {
    char text[24];
    snprintf(text, sizeof text, "%llu", number);
    value(json, text);
}

void json_bool(struct Json *json, bool truth) { value(json, truth ? "true" : "false"); }

void json_null(struct Json *json) { value(json, "null"); }

void json_free(struct Json *json) {
    free(json->text);
    *json = (struct Json){ 0 };
}
