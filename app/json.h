// Writes one JSON document, compact, into memory: it is printed whole or not at all.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Zeroed, it is an empty document. `json_free` gives the memory back.
struct Json {
    char *text;  // ends with '\0' once something was written
    size_t length, capacity;
    bool needs_comma;
    bool out_of_memory;  // from then on nothing is written
};

void json_open(struct Json *json, char bracket);   // '{' or '['
void json_close(struct Json *json, char bracket);  // '}' or ']'
void json_key(struct Json *json, const char *key);
// NULL becomes `null`. Bytes that are not UTF-8 become U+FFFD.
void json_string(struct Json *json, const char *text);
void json_number(struct Json *json, long long number);
void json_unsigned(struct Json *json, unsigned long long number);
void json_bool(struct Json *json, bool value);
void json_null(struct Json *json);
void json_free(struct Json *json);
