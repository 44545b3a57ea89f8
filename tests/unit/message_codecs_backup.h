/*
 * Least and greatest of the messages of a backup: a part of message_codecs.h, which includes it.
 */
#ifndef SR_TEST_MESSAGE_CODECS_BACKUP_H
#define SR_TEST_MESSAGE_CODECS_BACKUP_H

static void make_backup_begin(struct sr_builder *out, bool greatest)
{
	sr_backup_begin_encode(out, greatest ? UINT8_MAX : 1);
}

static void again_backup_begin(struct sr_cursor *in, struct sr_builder *out)
{
	uint8_t newest;

	sr_backup_begin_decode(in, &newest);
	sr_backup_begin_encode(out, newest);
}

static void fill_backup_begun(struct sr_backup_begun *m, bool greatest)
{
	m->token = greatest ? UINT64_MAX : 1;
	m->taken_ms = greatest ? UINT64_MAX : 0;
}
PAIR(backup_begun, sr_backup_begun_decode)

static void make_backup_rows(struct sr_builder *out, bool greatest)
{
	sr_backup_rows_encode(out, greatest ? UINT64_MAX : 1);
}

static void again_backup_rows(struct sr_cursor *in, struct sr_builder *out)
{
	uint64_t token;

	sr_backup_rows_decode(in, &token);
	sr_backup_rows_encode(out, token);
}

static void fill_backup_page(struct sr_backup_page *m, bool greatest)
{
	m->more = greatest;
	m->rows = span(greatest ? SR_BACKUP_ROWS_MAX : 0);
}
PAIR(backup_page, sr_backup_page_decode)

static void fill_backup_item(struct sr_backup_item *m, bool greatest)
{
	m->table = greatest ? SR_BACKUP_TABLES - 1 : 1;
	m->key = span(greatest ? SR_BACKUP_KEY_MAX : 1);
	m->value = span(greatest ? SR_BACKUP_ROWS_MAX : 0);
}
PAIR(backup_item, sr_backup_item_decode)

static void fill_backup_read(struct sr_backup_read *m, bool greatest)
{
	m->token = m->position = greatest ? UINT64_MAX : 1;
	fill(m->recording, sizeof m->recording, 0x11);
	m->track = m->file = greatest ? UINT16_MAX : 0;
	m->length = greatest ? SR_BACKUP_BYTES_MAX : 1;
}
PAIR(backup_read, sr_backup_read_decode)

static void make_backup_bytes(struct sr_builder *out, bool greatest)
{
	sr_backup_bytes_encode(out, span(greatest ? SR_BACKUP_BYTES_MAX : 0));
}

static void again_backup_bytes(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_span bytes;

	sr_backup_bytes_decode(in, &bytes);
	sr_backup_bytes_encode(out, bytes);
}

static void fill_backup_log(struct sr_backup_log *m, bool greatest)
{
	m->token = greatest ? UINT64_MAX : 1;
	m->number = m->position = greatest ? UINT64_MAX : 0;
}
PAIR(backup_log, sr_backup_log_decode)

static void fill_backup_records(struct sr_backup_records *m, bool greatest)
{
	m->number = m->position = greatest ? UINT64_MAX : 0;
	m->more = greatest;
	m->records = span(greatest ? SR_BACKUP_RECORDS_MAX : 0);
	m->checkpoint = span(greatest ? SR_BACKUP_CHECKPOINT_MAX : 0);
}
PAIR(backup_records, sr_backup_records_decode)

static void fill_backup_end(struct sr_backup_end *m, bool greatest)
{
	m->token = greatest ? UINT64_MAX : 1;
	m->complete = greatest;
}
PAIR(backup_end, sr_backup_end_decode)

#endif
