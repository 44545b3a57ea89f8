/*
 * Checksums over stored ciphertext: one for every SR_EXTENT bytes of a blob file, kept up as it grows, so that a scrub
 * needs no grant.
 */
#include "serve/record/extent.h"

#include <stdlib.h>
#include <string.h>

#define READ_BACK 65536

enum sr_code sr_extents_take_up(struct sr_extents *extents, const struct sr_keyring *keyring, struct sr_blobs *blobs,
				const struct sr_blob_name *name, uint64_t committed, struct sr_error *err)
{
	uint64_t position = committed - committed % SR_EXTENT;
	enum sr_code code = SR_OK;
	sr_extents_clear(extents);
	extents->number = (uint32_t)(committed / SR_EXTENT);
	extents->keyring = keyring;
	extents->file = *name;
	extents->sum = sr_extent_sum_new(keyring);
	if (!extents->sum)
		return SR_FAIL_MEMORY(err);
	if (position == committed)
		return SR_OK;
	uint8_t *bytes = malloc(READ_BACK);
	if (!bytes)
		return SR_FAIL_MEMORY(err);
	while (code == SR_OK && position < committed) {
		size_t size = committed - position < READ_BACK ? (size_t)(committed - position) : READ_BACK;
		code = sr_blob_read(blobs, name, position, bytes, size, err);
		if (code == SR_OK && !sr_extents_add(extents, bytes, size))
			code = SR_FAIL_MEMORY(err);
		position += size;
	}
	free(bytes);
	return code;
}

/* The row of the current extent as it is now. False when memory is used up. */
static bool row_so_far(const struct sr_extents *extents, struct sr_extent_row *row)
{
	const struct sr_blob_name *file = &extents->file;
	return sr_extent_sum_row(extents->sum, file->recording, file->track, file->file, extents->number, row);
}

void sr_extents_clear(struct sr_extents *extents)
{
	free(extents->full);
	sr_extent_sum_free(extents->sum);
	memset(extents, 0, sizeof *extents);
}

static bool make_room(struct sr_extents *extents)
{
	if (extents->full_count < extents->full_room)
		return true;
	size_t room = extents->full_room ? 2 * extents->full_room : 2;
	struct sr_full_extent *full = realloc(extents->full, room * sizeof *full);
	if (!full)
		return false;
	extents->full = full;
	extents->full_room = room;
	return true;
}

static bool fill_up(struct sr_extents *extents)
{
	if (!make_room(extents))
		return false;
	extents->full[extents->full_count].number = extents->number;
	if (!row_so_far(extents, &extents->full[extents->full_count].row))
		return false;
	extents->full_count++;
	extents->number++;
	return sr_extent_sum_restart(extents->sum, SR_EXTENT_POLY1305);
}

bool sr_extents_add(struct sr_extents *extents, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t left = SR_EXTENT - sr_extent_sum_covers(extents->sum);
		size_t now = size < left ? size : left;
		if (!sr_extent_sum_add(extents->sum, data, now))
			return false;
		data += now;
		size -= now;
		if (sr_extent_sum_covers(extents->sum) == SR_EXTENT && !fill_up(extents))
			return false;
	}
	return true;
}

static bool put_row(const struct sr_extents *extents, uint32_t number, const struct sr_extent_row *row,
		    struct sr_op *op)
{
	const struct sr_blob_name *file = &extents->file;
	uint8_t bytes[SR_EXTENT_ROW];
	struct sr_index_key key = sr_key_extent(file->recording, file->track, file->file, number);
	size_t size =
		sr_extent_row_encode(extents->keyring, file->recording, file->track, file->file, number, row, bytes);
	return sr_op_put(op, &key, bytes, size);
}

bool sr_extents_put(struct sr_extents *extents, struct sr_op *op)
{
	bool put = true;
	for (size_t at = 0; at < extents->full_count; at++)
		put = put && put_row(extents, extents->full[at].number, &extents->full[at].row, op);
	extents->full_count = 0;
	if (extents->sum && sr_extent_sum_covers(extents->sum) > 0) {
		struct sr_extent_row row;
		put = put && row_so_far(extents, &row) && put_row(extents, extents->number, &row, op);
	}
	return put;
}
