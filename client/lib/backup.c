/* Backups: reading a store piece by piece. */
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "extent.h"
#include "message_backup.h"

_Static_assert(SR_BACKUP_PIECE == SR_BACKUP_BYTES_MAX, "the public header has the protocol's number");

/* The callback of a call, which is of no kind that other calls have. */
struct telling {
	sr_backup_told *told;
	sr_backup_taken *taken;
};

static void deliver_begun(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_backup_begun begun = {0};
	if (fields)
		sr_backup_begun_decode(fields, &begun);
	if (fields)
		(void)!sr_decoded(call, fields, &own);
	const struct sr_backup_info info = {.token = begun.token, .taken_ms = begun.taken_ms};
	((struct telling *)call->own)->told(call->context, &own, own.code == SR_OK ? &info : NULL);
}

static void tell_piece(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields,
		       const struct sr_backup_piece *piece)
{
	struct sr_result own = *result;
	if (fields)
		(void)!sr_decoded(call, fields, &own);
	((struct telling *)call->own)->taken(call->context, &own, own.code == SR_OK ? piece : NULL);
}

static void deliver_page(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_backup_page page = {.more = false};
	if (fields)
		sr_backup_page_decode(fields, &page);
	const struct sr_backup_piece piece = {.bytes = page.rows.data, .size = page.rows.size, .more = page.more};
	tell_piece(call, result, fields, &piece);
}

static void deliver_bytes(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_span bytes = {0};
	if (fields)
		sr_backup_bytes_decode(fields, &bytes);
	const struct sr_backup_piece piece = {.bytes = bytes.data, .size = bytes.size};
	tell_piece(call, result, fields, &piece);
}

static void deliver_records(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_backup_records records = {.more = false};
	char checkpoint[SR_BACKUP_CHECKPOINT_MAX + 1] = "";
	if (fields)
		sr_backup_records_decode(fields, &records);
	if (records.checkpoint.size > 0)
		memcpy(checkpoint, records.checkpoint.data, records.checkpoint.size);
	const struct sr_backup_piece piece = {
		.bytes = records.records.data,
		.size = records.records.size,
		.more = records.more,
		.number = records.number,
		.position = records.position,
		.checkpoint = records.more ? NULL : checkpoint,
	};
	tell_piece(call, result, fields, &piece);
}

/* A call and the message that it sends, whose fields the caller fills. NULL when memory is used up. */
static struct sr_call *make(struct sr_client *client, uint8_t type, uint8_t reply, sr_deliver *deliver, void *context,
			    struct sr_outgoing **out)
{
	const struct telling none = {.told = NULL};
	struct sr_call *call = sr_call_own(client, reply, deliver, context, &none, sizeof none);
	*out = sr_call_outgoing(call, type, 64);
	return *out ? call : NULL;
}

enum sr_code sr_backup_begin(sr_client *client, sr_backup_told *done, void *context, sr_call **handle)
{
	struct sr_outgoing *out;
	struct sr_call *call = make(client, SR_MSG_BACKUP_BEGIN, SR_MSG_BACKUP_BEGUN, deliver_begun, context, &out);
	if (!call)
		return SR_INTERNAL;
	((struct telling *)call->own)->told = done;
	sr_backup_begin_encode(&out->fields, SR_EXTENT_POLY1305);
	return sr_call_send(call, out, handle);
}

enum sr_code sr_backup_next_rows(sr_client *client, uint64_t token, sr_backup_taken *done, void *context,
				 sr_call **handle)
{
	struct sr_outgoing *out;
	struct sr_call *call = make(client, SR_MSG_BACKUP_ROWS, SR_MSG_BACKUP_PAGE, deliver_page, context, &out);
	if (!call)
		return SR_INTERNAL;
	((struct telling *)call->own)->taken = done;
	sr_backup_rows_encode(&out->fields, token);
	return sr_call_send(call, out, handle);
}

enum sr_code sr_backup_file(sr_client *client, uint64_t token, const struct sr_backup_place *place,
			    sr_backup_taken *done, void *context, sr_call **handle)
{
	struct sr_backup_read order = {.token = token,
				       .track = place->track,
				       .file = place->file,
				       .position = place->position,
				       .length = place->length};
	struct sr_outgoing *out;
	if (place->length < 1 || place->length > SR_BACKUP_PIECE)
		return SR_USAGE;
	struct sr_call *call = make(client, SR_MSG_BACKUP_READ, SR_MSG_BACKUP_BYTES, deliver_bytes, context, &out);
	if (!call)
		return SR_INTERNAL;
	((struct telling *)call->own)->taken = done;
	memcpy(order.recording, place->recording, SR_ID);
	sr_backup_read_encode(&out->fields, &order);
	return sr_call_send(call, out, handle);
}

enum sr_code sr_backup_records(sr_client *client, uint64_t token, uint64_t number, uint64_t position,
			       sr_backup_taken *done, void *context, sr_call **handle)
{
	const struct sr_backup_log order = {.token = token, .number = number, .position = position};
	struct sr_outgoing *out;
	struct sr_call *call = make(client, SR_MSG_BACKUP_LOG, SR_MSG_BACKUP_RECORDS, deliver_records, context, &out);
	if (!call)
		return SR_INTERNAL;
	((struct telling *)call->own)->taken = done;
	sr_backup_log_encode(&out->fields, &order);
	return sr_call_send(call, out, handle);
}

enum sr_code sr_backup_end(sr_client *client, uint64_t token, bool complete, sr_done *done, void *context,
			   sr_call **handle)
{
	const struct sr_backup_end order = {.token = token, .complete = complete};
	struct sr_outgoing *out;
	struct sr_call *call = make(client, SR_MSG_BACKUP_END, SR_MSG_DONE, sr_deliver_done, context, &out);
	if (!call)
		return SR_INTERNAL;
	call->callback.done = done;
	sr_backup_end_encode(&out->fields, &order);
	return sr_call_send(call, out, handle);
}
