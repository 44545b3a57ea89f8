/*
 * The file that a backup keeps of the index: its front, its end, and what a row says of a data file.
 */
#include "backup_file.h"

#include <stdio.h>
#include <string.h>

#include "message_field.h"

#define EXTENT_KEY (SR_UUID + 2 + 2 + 4)
#define EXTENT_ROW 69

static const uint8_t magic[16] = {'s', 'e', 'a', 'l', 'r', 'e', 'e', 'l', ' ', 'b', 'a', 'c', 'k', 'u', 'p', '\n'};

void sr_backup_front_encode(struct sr_builder *out, const struct sr_backup_front *front)
{
	sr_put_bytes(out, magic, sizeof magic);
	sr_put_u32(out, SR_BACKUP_FORMAT);
	sr_put_bytes(out, front->store, sizeof front->store);
	sr_put_u64(out, front->taken_ms);
}

void sr_backup_front_decode(struct sr_cursor *in, struct sr_backup_front *front)
{
	uint8_t found[sizeof magic] = {0};

	sr_take_copy(in, found, sizeof found);
	uint32_t format = sr_take_u32(in);
	if (memcmp(found, magic, sizeof magic) != 0 || format == 0 || format > SR_BACKUP_FORMAT)
		sr_take_fail(in);
	sr_take_copy(in, front->store, sizeof front->store);
	front->taken_ms = sr_take_u64(in);
}

void sr_backup_tail_encode(struct sr_builder *out, const struct sr_backup_tail *tail)
{
	sr_put_u8(out, SR_BACKUP_END_MARK);
	sr_put_u64(out, tail->rows);
	sr_put_u64(out, tail->number);
	sr_put_u64(out, tail->position);
	sr_put_bytes(out, tail->records, sizeof tail->records);
	sr_put_span(out, tail->checkpoint);
}

void sr_backup_tail_decode(struct sr_cursor *in, struct sr_backup_tail *tail)
{
	if (sr_take_u8(in) != SR_BACKUP_END_MARK)
		sr_take_fail(in);
	tail->rows = sr_take_u64(in);
	tail->number = sr_take_u64(in);
	tail->position = sr_take_u64(in);
	sr_take_copy(in, tail->records, sizeof tail->records);
	tail->checkpoint = sr_take_field(in, SR_BACKUP_CHECKPOINT_MAX);
}

bool sr_backup_extent_of(const struct sr_backup_item *item, struct sr_backup_extent *extent)
{
	struct sr_cursor key = sr_cursor_over(item->key.data, item->key.size);
	struct sr_cursor row = sr_cursor_over(item->value.data, item->value.size);

	if (item->table != SR_BACKUP_EXTENTS_TABLE || item->key.size != EXTENT_KEY || item->value.size != EXTENT_ROW)
		return false;
	sr_take_copy(&key, extent->recording, sizeof extent->recording);
	extent->track = sr_take_u16(&key);
	extent->file = sr_take_u16(&key);
	extent->position = (uint64_t)sr_take_u32(&key) * SR_EXTENT;
	extent->format = (enum sr_extent_format)sr_take_u8(&row);
	extent->size = sr_take_u32(&row);
	sr_take_copy(&row, extent->sum, sizeof extent->sum);
	return (extent->format == SR_EXTENT_SHA256 || extent->format == SR_EXTENT_POLY1305) && extent->size > 0 &&
	       extent->size <= SR_EXTENT;
}

enum sr_code sr_backup_extent_judge(const struct sr_backup_extent *extent, const uint8_t *bytes)
{
	struct sr_extent_check *check = sr_extent_check_new();
	enum sr_code code = SR_INTERNAL;

	if (check != NULL && sr_extent_check_begin(check, extent->format) &&
	    sr_extent_check_add(check, bytes, extent->size))
		code = sr_extent_check_judge(check, extent->sum);
	sr_extent_check_free(check);
	return code;
}

void sr_backup_extent_name(const struct sr_backup_extent *extent, char name[SR_BACKUP_PATH_MAX])
{
	char id[SR_UUID_TEXT];
	unsigned fan = (unsigned)(extent->recording[14] << 8 | extent->recording[15]) & 1023;

	sr_uuid_format(extent->recording, id);
	(void)snprintf(name, SR_BACKUP_PATH_MAX, "%03x/%s.%u.%u", fan, id, (unsigned)extent->track,
		       (unsigned)extent->file);
}
