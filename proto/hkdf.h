/*
 * HKDF-SHA-512 (RFC 5869).
 */
#ifndef SR_HKDF_H
#define SR_HKDF_H

#include <stddef.h>
#include <stdint.h>

#include "cursor.h"
#include "hmac.h"

#define SR_HKDF_PRK 64
#define SR_HKDF_OUT_MAX (255 * 64)
#define SR_HKDF_PARTS 4

/*
 * Extract (RFC 5869, 2.2). `salt`/`salt_size` may be NULL/0, which means 64 zero bytes. `prk` (out, SR_HKDF_PRK
 * bytes) is secret; the caller wipes it. Cannot fail.
 */
void sr_hkdf_extract(const uint8_t *salt, size_t salt_size, const uint8_t *ikm, size_t ikm_size,
		     uint8_t prk[SR_HKDF_PRK]);

/*
 * Expand (RFC 5869, 2.3). `prk` is `prk_size` bytes of uniform key (32 or more); `out` (out) receives `out_size`
 * bytes, 1 to SR_HKDF_OUT_MAX; more aborts, as only a fault in sealreel can ask for it. The caller wipes `out`.
 */
void sr_hkdf_expand(const uint8_t *prk, size_t prk_size, const uint8_t *info, size_t info_size, uint8_t *out,
		    size_t out_size);

/*
 * The same with `info` in `parts` pieces, at most SR_HKDF_PARTS, that are taken as one, so that a long context need not
 * be copied together; and with a key that was taken in before.
 */
void sr_hkdf_expand_parts(const uint8_t *prk, size_t prk_size, const struct sr_span *info, size_t parts, uint8_t *out,
			  size_t out_size);
void sr_hkdf_expand_keyed(const struct sr_hmac_key *prk, const struct sr_span *info, size_t parts, uint8_t *out,
			  size_t out_size);

#endif
