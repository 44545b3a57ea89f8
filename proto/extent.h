/*
 * The checksums of stored bytes, as far as they can be checked without a key: what the rows of extents (FORMAT.md,
 * section 4) and whoever verifies a backup share.
 */
#ifndef SR_EXTENT_H
#define SR_EXTENT_H

#include "digest.h"
#include "poly1305.h"

/* A checksum is over up to 4 MiB of a data file. */
#define SR_EXTENT (4u << 20)

/* Format of an extent's row, which says what its checksum is. */
enum sr_extent_format {
	SR_EXTENT_SHA256 = 1,  /* read, no longer written */
	SR_EXTENT_POLY1305 = 2 /* 16 bytes that anybody can check, and 16 that need the keyring: keys/extent_sum.h */
};
#define SR_EXTENT_SUM 32

struct sr_extent_check;

/* Released with sr_extent_check_free. NULL when memory is used up. */
struct sr_extent_check *sr_extent_check_new(void) SR_MUST_USE;

/* NULL is allowed. */
void sr_extent_check_free(struct sr_extent_check *check);

/* Begin, or begin again: of no bytes, in `format`. False when memory is used up: it must begin again. */
bool sr_extent_check_begin(struct sr_extent_check *check, enum sr_extent_format format) SR_MUST_USE;

/* Take in `size` bytes, 0 or more; it has begun. False if libcrypto fails: it must begin again. */
bool sr_extent_check_add(struct sr_extent_check *check, const uint8_t *data, size_t size) SR_MUST_USE;

/*
 * What can be checked of the sum of all that came since it began: its first *size (out) bytes, to `sum` (out). More
 * may be added afterwards. False when memory is used up: both are undefined.
 */
bool sr_extent_check_value(const struct sr_extent_check *check, uint8_t sum[SR_EXTENT_SUM], size_t *size) SR_MUST_USE;

/* SR_OK: that is how `sum` begins, which must be of the same format; SR_CORRUPT; SR_INTERNAL: memory is used up. */
enum sr_code sr_extent_check_judge(const struct sr_extent_check *check, const uint8_t sum[SR_EXTENT_SUM]) SR_MUST_USE;

#endif
