/*
 * Recording ids: UUIDv7 (RFC 9562, 5.7) as 16 raw bytes and as canonical text.
 */
#ifndef SR_UUID_H
#define SR_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SR_UUID 16
#define SR_UUID_TEXT 37 /* 36 characters and a NUL */

/* Make a UUIDv7 from `milliseconds` since 1970 (the caller's clock; 48 bits are used) and fresh random bytes. */
void sr_uuid7(uint64_t milliseconds, uint8_t out[SR_UUID]);

/* True if the bytes carry version 7 and the RFC's variant: the only ids accepted for new recordings. */
bool sr_uuid_is_v7(const uint8_t id[SR_UUID]) SR_MUST_USE;

/* Lower-case canonical text, terminated. */
void sr_uuid_format(const uint8_t id[SR_UUID], char out[SR_UUID_TEXT]);

/* Parse exactly 36 characters, either case. False, with `id` zeroed, if they are no UUID. */
bool sr_uuid_parse(const char *text, size_t size, uint8_t id[SR_UUID]) SR_MUST_USE;

#endif
