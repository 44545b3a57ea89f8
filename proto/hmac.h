/*
 * HMAC-SHA-512 with a key that is taken in once. What is kept of it are the states of the two hashes behind the key's
 * block, so that each message under it saves hashing both again.
 */
#ifndef SR_HMAC_H
#define SR_HMAC_H

#include <stddef.h>
#include <stdint.h>

#include "cursor.h"

#define SR_HMAC 64

/* As secret as the key itself: whoever holds it wipes it. May be copied, and be used by several threads at once. */
struct sr_hmac_key {
	uint64_t inner[8];
	uint64_t outer[8];
};

/* Take in `size` bytes of key, any number; `out` (out) is overwritten. Cannot fail. Source: RFC 2104, 2 and 4. */
void sr_hmac_key(struct sr_hmac_key *out, const uint8_t *key, size_t size);

/*
 * The HMAC of `count` parts, one behind the other; a part of size 0 may have no data. `mac` (out) is SR_HMAC bytes, and
 * may be one of the parts. Cannot fail. Source: RFC 2104, 2; SHA-512: FIPS 180-4.
 */
void sr_hmac_of(const struct sr_hmac_key *key, const struct sr_span *parts, size_t count, uint8_t mac[SR_HMAC]);

#endif
