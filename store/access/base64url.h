/*
 * Strict base64url (RFC 4648, section 5), as JOSE uses it: no padding, no white space, no loose trailing bits, so that
 * every byte string has exactly one text.
 */
#ifndef SR_BASE64URL_H
#define SR_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/*
 * Decode all `size` characters at `text` to at most `capacity` bytes at `out` (out); *used (out) is how many. False if
 * a single character does not belong, or the bytes do not fit: `out` is then partly written and *used is 0.
 */
bool sr_base64url_decode(const char *text, size_t size, uint8_t *out, size_t capacity, size_t *used) SR_MUST_USE;

/* As above, and true only if it is exactly `want` bytes. */
bool sr_base64url_exact(const char *text, size_t size, uint8_t *out, size_t want) SR_MUST_USE;

#endif
