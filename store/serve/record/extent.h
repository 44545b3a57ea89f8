/*
 * Checksums over stored ciphertext: one for every SR_EXTENT bytes of a blob file, kept up as it grows, so that a scrub
 * needs no grant.
 */
#ifndef SR_EXTENTS_H
#define SR_EXTENTS_H

#include "data/blob.h"
#include "data/index.h"
#include "keys/extent_sum.h"

struct sr_full_extent {
	uint32_t number;
	struct sr_extent_row row;
};

struct sr_extents {
	const struct sr_keyring *keyring;
	struct sr_blob_name file;
	uint32_t number;             /* of the current extent in its file */
	struct sr_extent_sum *sum;   /* of what that has so far */
	struct sr_full_extent *full; /* filled up since the last commit */
	size_t full_count, full_room;
};

/* Free what it holds and leave it empty. */
void sr_extents_clear(struct sr_extents *extents);

/* Where its rows and bytes are; the keyring must outlive it. */
struct sr_extents_parts {
	const struct sr_keyring *keyring;
	struct sr_index *index;
	struct sr_blobs *blobs;
};

/*
 * Begin at `committed` bytes of a file: reads the current extent's bytes back, and its row. SR_CORRUPT: they do not fit
 * each other, so that damage is never summed as if it were what was committed; SR_CORRUPT, SR_IO as sr_blob_read;
 * SR_UNAVAILABLE: a row of a later format; SR_INTERNAL when memory is used up. Released with sr_extents_clear in any
 * case.
 */
enum sr_code sr_extents_take_up(struct sr_extents *extents, const struct sr_extents_parts *parts,
				const struct sr_blob_name *name, uint64_t committed, struct sr_error *err) SR_MUST_USE;

/* The row of an extent of that file. SR_NOT_FOUND; as sr_extent_row_decode and sr_view_get. */
enum sr_code sr_extent_find(struct sr_view *view, const struct sr_keyring *keyring, const struct sr_blob_name *name,
			    uint32_t number, struct sr_extent_row *row) SR_MUST_USE;

/* Bytes were appended to the file. False when memory is used up. */
bool sr_extents_add(struct sr_extents *extents, const uint8_t *data, size_t size) SR_MUST_USE;

/* Put the rows of all extents that changed since the last call into `op`. False when memory is used up. */
bool sr_extents_put(struct sr_extents *extents, struct sr_op *op) SR_MUST_USE;

#endif
