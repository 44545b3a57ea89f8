/*
 * The messages of backups: the index as it was at one instant, the bytes of data files, the records of the audit log.
 */
#include "message_backup.h"

#include "message_field.h"

/* A token is never 0. */
static uint64_t take_token(struct sr_cursor *in)
{
	uint64_t token = sr_take_u64(in);

	if (token == 0)
		sr_take_fail(in);
	return token;
}

void sr_backup_begin_encode(struct sr_builder *out, uint8_t newest)
{
	sr_put_u8(out, newest);
}

void sr_backup_begin_decode(struct sr_cursor *in, uint8_t *newest)
{
	*newest = sr_take_u8(in);
	if (*newest == 0)
		sr_take_fail(in);
}

void sr_backup_begun_encode(struct sr_builder *out, const struct sr_backup_begun *message)
{
	sr_put_u64(out, message->token);
	sr_put_u64(out, message->taken_ms);
}

void sr_backup_begun_decode(struct sr_cursor *in, struct sr_backup_begun *message)
{
	message->token = take_token(in);
	message->taken_ms = sr_take_u64(in);
}

void sr_backup_rows_encode(struct sr_builder *out, uint64_t token)
{
	sr_put_u64(out, token);
}

void sr_backup_rows_decode(struct sr_cursor *in, uint64_t *token)
{
	*token = take_token(in);
}

void sr_backup_page_encode(struct sr_builder *out, const struct sr_backup_page *message)
{
	sr_put_u8(out, message->more);
	sr_put_span(out, message->rows);
}

void sr_backup_page_decode(struct sr_cursor *in, struct sr_backup_page *message)
{
	message->more = sr_take_flag(in);
	message->rows = sr_take_field(in, SR_BACKUP_ROWS_MAX);
}

void sr_backup_item_encode(struct sr_builder *out, const struct sr_backup_item *item)
{
	sr_put_u8(out, item->table);
	sr_put_span(out, item->key);
	sr_put_span(out, item->value);
}

void sr_backup_item_decode(struct sr_cursor *in, struct sr_backup_item *item)
{
	item->table = sr_take_u8(in);
	item->key = sr_take_field(in, SR_BACKUP_KEY_MAX);
	item->value = sr_take_field(in, SR_BACKUP_ROWS_MAX);
	if (item->table < 1 || item->table >= SR_BACKUP_TABLES || item->key.size == 0)
		sr_take_fail(in);
}

void sr_backup_read_encode(struct sr_builder *out, const struct sr_backup_read *message)
{
	sr_put_u64(out, message->token);
	sr_put_bytes(out, message->recording, sizeof message->recording);
	sr_put_u16(out, message->track);
	sr_put_u16(out, message->file);
	sr_put_u64(out, message->position);
	sr_put_u32(out, message->length);
}

void sr_backup_read_decode(struct sr_cursor *in, struct sr_backup_read *message)
{
	message->token = take_token(in);
	sr_take_copy(in, message->recording, sizeof message->recording);
	message->track = sr_take_u16(in);
	message->file = sr_take_u16(in);
	message->position = sr_take_u64(in);
	message->length = sr_take_u32(in);
	if (message->length < 1 || message->length > SR_BACKUP_BYTES_MAX)
		sr_take_fail(in);
}

void sr_backup_bytes_encode(struct sr_builder *out, struct sr_span bytes)
{
	sr_put_span(out, bytes);
}

void sr_backup_bytes_decode(struct sr_cursor *in, struct sr_span *bytes)
{
	*bytes = sr_take_field(in, SR_BACKUP_BYTES_MAX);
}

void sr_backup_log_encode(struct sr_builder *out, const struct sr_backup_log *message)
{
	sr_put_u64(out, message->token);
	sr_put_u64(out, message->number);
	sr_put_u64(out, message->position);
}

void sr_backup_log_decode(struct sr_cursor *in, struct sr_backup_log *message)
{
	message->token = take_token(in);
	message->number = sr_take_u64(in);
	message->position = sr_take_u64(in);
}

void sr_backup_records_encode(struct sr_builder *out, const struct sr_backup_records *message)
{
	sr_put_u64(out, message->number);
	sr_put_u64(out, message->position);
	sr_put_u8(out, message->more);
	sr_put_span(out, message->records);
	sr_put_span(out, message->checkpoint);
}

void sr_backup_records_decode(struct sr_cursor *in, struct sr_backup_records *message)
{
	message->number = sr_take_u64(in);
	message->position = sr_take_u64(in);
	message->more = sr_take_flag(in);
	message->records = sr_take_field(in, SR_BACKUP_RECORDS_MAX);
	message->checkpoint = sr_take_field(in, SR_BACKUP_CHECKPOINT_MAX);
}

void sr_backup_end_encode(struct sr_builder *out, const struct sr_backup_end *message)
{
	sr_put_u64(out, message->token);
	sr_put_u8(out, message->complete);
}

void sr_backup_end_decode(struct sr_cursor *in, struct sr_backup_end *message)
{
	message->token = take_token(in);
	message->complete = sr_take_flag(in);
}
