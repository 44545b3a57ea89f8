/*
 * The checksum of an extent's stored bytes, whole: the half that anybody can check (proto/extent.h) and, since format 2
 * of its row, 16 bytes that only the keyring can make.
 *
 * These are the first bytes of an HMAC under K_row over the extent's place, how much it covers and Poly1305 of the
 * bytes under a key from K_row that is this extent's alone. Poly1305 by itself would give its key away to whoever sees
 * two values of it, as a growing extent has them; under the HMAC nothing of it is ever seen. Then whoever writes to the
 * disk without the keyring has one chance in 2^85 for each try to put other bytes in the place of these (8 times 2^18
 * blocks over 2^106: Bernstein, "The Poly1305-AES message-authentication code", theorem 3.3), however many sums of
 * other places and times they have.
 */
#ifndef SR_EXTENT_SUM_H
#define SR_EXTENT_SUM_H

#include "keys/rows.h"

struct sr_extent_sum;

/* Released with sr_extent_sum_free; the keyring must outlive it. NULL when memory is used up. */
struct sr_extent_sum *sr_extent_sum_new(const struct sr_keyring *keyring) SR_MUST_USE;

/* Wipes what it has of keys. NULL is allowed. */
void sr_extent_sum_free(struct sr_extent_sum *sum);

/*
 * Begin, or begin again: the sum of no bytes of extent `extent` of that file, in `format`. False when memory is used
 * up: it must begin again.
 */
bool sr_extent_sum_begin(struct sr_extent_sum *sum, const uint8_t recording[SR_UUID], uint16_t track, uint16_t file,
			 uint32_t extent, enum sr_extent_format format) SR_MUST_USE;

/* Take in `size` bytes, SR_EXTENT altogether; it has begun. False if libcrypto fails: it must begin again. */
bool sr_extent_sum_add(struct sr_extent_sum *sum, const uint8_t *data, size_t size) SR_MUST_USE;

/* How many bytes came. */
uint32_t sr_extent_sum_covers(const struct sr_extent_sum *sum);

/* The row that the extent has with those bytes, to *row (out). False when memory is used up. */
bool sr_extent_sum_row(const struct sr_extent_sum *sum, struct sr_extent_row *row) SR_MUST_USE;

/* SR_OK: those bytes are what the extent's `row` says, of whose format the sum is. SR_CORRUPT; SR_INTERNAL: memory. */
enum sr_code sr_extent_sum_judge(const struct sr_extent_sum *sum, const struct sr_extent_row *row) SR_MUST_USE;

/* The same of `size` bytes that are all there. */
enum sr_code sr_extent_judge(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], uint16_t track,
			     uint16_t file, uint32_t extent, const struct sr_extent_row *row, const uint8_t *data,
			     size_t size) SR_MUST_USE;

#endif
