/*
 * Checksums over stored ciphertext: one for every SR_EXTENT bytes of a blob file, kept up as it grows, so that a scrub
 * needs no grant.
 */
#include "serve/record/extent.h"

#include <stdlib.h>
#include <string.h>

#define READ_BACK 65536

/* The sum of no bytes of the current extent. False when memory is used up. */
static bool begin(struct sr_extents *extents)
{
	const struct sr_blob_name *file = &extents->file;
	return sr_extent_sum_begin(extents->sum, file->recording, file->track, file->file, extents->number,
				   SR_EXTENT_POLY1305);
}

enum sr_code sr_extent_find(struct sr_view *view, const struct sr_keyring *keyring, const struct sr_blob_name *name,
			    uint32_t number, struct sr_extent_row *row)
{
	struct sr_index_key key = sr_key_extent(name->recording, name->track, name->file, number);
	struct sr_span value;
	enum sr_code code = sr_view_get(view, &key, &value);
	return code == SR_OK
		       ? sr_extent_row_decode(keyring, name->recording, name->track, name->file, number, value, row)
		       : code;
}

static enum sr_code find_row(const struct sr_extents *extents, struct sr_index *index, struct sr_extent_row *row,
			     struct sr_error *err)
{
	struct sr_view *view = NULL;
	enum sr_code code = sr_view_begin(index, &view, err);
	if (code != SR_OK)
		return code;
	code = sr_extent_find(view, extents->keyring, &extents->file, extents->number, row);
	sr_view_end(view);
	if (code == SR_NOT_FOUND || code == SR_CORRUPT)
		return SR_FAIL(err, SR_CORRUPT, "the checksum of its end is missing or damaged");
	return code == SR_OK ? SR_OK : SR_FAIL(err, code, "reading the index failed");
}

/* The current extent's bytes into its sum, and into `older` if that is not NULL. */
static enum sr_code read_back(struct sr_extents *extents, struct sr_extent_sum *older, struct sr_blobs *blobs,
			      uint64_t committed, struct sr_error *err)
{
	uint8_t *bytes = malloc(READ_BACK);
	enum sr_code code = bytes ? SR_OK : SR_FAIL_MEMORY(err);
	uint64_t position = committed - committed % SR_EXTENT;
	while (code == SR_OK && position < committed) {
		size_t size = committed - position < READ_BACK ? (size_t)(committed - position) : READ_BACK;
		code = sr_blob_read(blobs, &extents->file, position, bytes, size, err);
		if (code == SR_OK &&
		    (!sr_extents_add(extents, bytes, size) || (older && !sr_extent_sum_add(older, bytes, size))))
			code = SR_FAIL_MEMORY(err);
		position += size;
	}
	free(bytes);
	return code;
}

/* The current extent, which has bytes: they go into its sum only if they are what its row says. */
static enum sr_code go_on(struct sr_extents *extents, struct sr_index *index, struct sr_blobs *blobs,
			  uint64_t committed, struct sr_error *err)
{
	const struct sr_blob_name *file = &extents->file;
	struct sr_extent_row row;
	struct sr_extent_sum *older = NULL;
	enum sr_code code = find_row(extents, index, &row, err);
	if (code != SR_OK)
		return code;
	if (row.format != SR_EXTENT_POLY1305) {
		older = sr_extent_sum_new(extents->keyring);
		if (!older ||
		    !sr_extent_sum_begin(older, file->recording, file->track, file->file, extents->number, row.format))
			code = SR_FAIL_MEMORY(err);
	}
	if (code == SR_OK)
		code = read_back(extents, older, blobs, committed, err);
	enum sr_code fits = code == SR_OK ? sr_extent_sum_judge(older ? older : extents->sum, &row) : SR_OK;
	sr_extent_sum_free(older);
	if (fits == SR_CORRUPT)
		return SR_FAIL(err, SR_CORRUPT, "the bytes at its end are not those that were committed");
	return fits == SR_INTERNAL ? SR_FAIL_MEMORY(err) : code;
}

enum sr_code sr_extents_take_up(struct sr_extents *extents, const struct sr_extents_parts *parts,
				const struct sr_blob_name *name, uint64_t committed, struct sr_error *err)
{
	sr_extents_clear(extents);
	extents->keyring = parts->keyring;
	extents->file = *name;
	extents->number = (uint32_t)(committed / SR_EXTENT);
	extents->sum = sr_extent_sum_new(parts->keyring);
	if (!extents->sum || !begin(extents))
		return SR_FAIL_MEMORY(err);
	return committed % SR_EXTENT == 0 ? SR_OK : go_on(extents, parts->index, parts->blobs, committed, err);
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
	if (!sr_extent_sum_row(extents->sum, &extents->full[extents->full_count].row))
		return false;
	extents->full_count++;
	extents->number++;
	return begin(extents);
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
		put = put && sr_extent_sum_row(extents->sum, &row) && put_row(extents, extents->number, &row, op);
	}
	return put;
}
