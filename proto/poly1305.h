/*
 * Poly1305 over bytes that come in pieces, on libcrypto, whose code for it uses the processor's widest registers: a
 * seventh of what SHA-256 costs. It is no hash. Under a secret key nobody can make other bytes with the same value who
 * has not seen one; under a known key anybody can, and it finds only what happened by chance.
 */
#ifndef SR_POLY1305_H
#define SR_POLY1305_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SR_POLY1305 16
#define SR_POLY1305_KEY 32

struct sr_poly1305;

/* Without a key yet; released with sr_poly1305_free. NULL when memory is used up. */
struct sr_poly1305 *sr_poly1305_new(void) SR_MUST_USE;

/* Wipes what it has of a key. NULL is allowed. */
void sr_poly1305_free(struct sr_poly1305 *poly);

/*
 * Begin, or begin again: of no bytes, under `key`, of which no copy is kept but what libcrypto computes with. False
 * when memory is used up: until it has begun again nothing can be added, and it has no value.
 */
bool sr_poly1305_begin(struct sr_poly1305 *poly, const uint8_t key[SR_POLY1305_KEY]) SR_MUST_USE;

/* Take in `size` bytes, 0 or more. False if libcrypto fails, and then as above. */
bool sr_poly1305_add(struct sr_poly1305 *poly, const uint8_t *data, size_t size) SR_MUST_USE;

/*
 * Poly1305 (RFC 8439, 2.5) of all that came since it began, to `value` (out); more may be added afterwards. One key for
 * many messages, which the RFC forbids, is safe only if no value under a secret key is ever shown: keys/extent_sum.h.
 * False when memory is used up: `value` is undefined, the rest as it was.
 */
bool sr_poly1305_value(const struct sr_poly1305 *poly, uint8_t value[SR_POLY1305]) SR_MUST_USE;

#endif
