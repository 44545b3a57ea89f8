/*
 * Checksums over stored ciphertext: one for every SR_EXTENT bytes of a blob file, kept up as it grows, so that a scrub
 * needs no grant.
 */
#include "serve/record/extent.h"

#include <stdlib.h>
#include <string.h>

#define READ_BACK 65536

enum sr_code sr_extents_take_up(struct sr_extents *extents, struct sr_blobs *blobs, const struct sr_blob_name *name,
				uint64_t committed, struct sr_error *err)
{
	uint64_t position = committed - committed % SR_EXTENT;
	enum sr_code code = SR_OK;
	sr_extents_clear(extents);
	extents->number = (uint32_t)(committed / SR_EXTENT);
	extents->digest = sr_digest_new();
	if (!extents->digest)
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
	_Static_assert(sizeof row->hash == SR_DIGEST, "an extent's hash is a whole digest");
	row->covered = extents->covered;
	return sr_digest_value(extents->digest, row->hash);
}

void sr_extents_clear(struct sr_extents *extents)
{
	free(extents->full);
	sr_digest_free(extents->digest);
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
	extents->covered = 0;
	return sr_digest_restart(extents->digest);
}

bool sr_extents_add(struct sr_extents *extents, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t left = SR_EXTENT - extents->covered;
		size_t now = size < left ? size : left;
		if (!sr_digest_add(extents->digest, data, now))
			return false;
		extents->covered += (uint32_t)now;
		data += now;
		size -= now;
		if (extents->covered == SR_EXTENT && !fill_up(extents))
			return false;
	}
	return true;
}

static bool put_row(const struct sr_keyring *keyring, const struct sr_blob_name *name, uint32_t number,
		    const struct sr_extent_row *row, struct sr_op *op)
{
	uint8_t bytes[SR_EXTENT_ROW];
	struct sr_index_key key = sr_key_extent(name->recording, name->track, name->file, number);
	size_t size = sr_extent_row_encode(keyring, name->recording, name->track, name->file, number, row, bytes);
	return sr_op_put(op, &key, bytes, size);
}

bool sr_extents_put(struct sr_extents *extents, const struct sr_keyring *keyring, const struct sr_blob_name *name,
		    struct sr_op *op)
{
	bool put = true;
	for (size_t at = 0; at < extents->full_count; at++)
		put = put && put_row(keyring, name, extents->full[at].number, &extents->full[at].row, op);
	extents->full_count = 0;
	if (extents->covered > 0) {
		struct sr_extent_row row;
		put = put && row_so_far(extents, &row) && put_row(keyring, name, extents->number, &row, op);
	}
	return put;
}
