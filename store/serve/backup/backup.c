/*
 * Backups: the index at one instant, then data files, then the audit log, for a client that keeps them.
 */
#include "serve/backup/backup.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account/copy.h"
#include "account/log.h"
#include "data/index_snapshot.h"
#include "keys/epochs.h"
#include "message_backup.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/play/lookup.h"
#include "serve/removal/removal.h"
#include "serve/removal/sweeper.h"

#define GONE_TEXT "there is no such backup any more"
#define RECORDING_EPOCH 27 /* where a recording's row has the epoch of its wrap: FORMAT.md, section 4 */
#define PERSON_EPOCH 1     /* and a person's */

_Static_assert(SR_BACKUP_TABLES == SR_TABLES, "a backup holds all tables");
_Static_assert(SR_BACKUP_KEY_MAX == SR_INDEX_KEY_MAX, "and their keys");

struct sr_backups {
	pthread_mutex_t lock;
	/* Under the lock. */
	uint64_t token; /* 0: there is none */
	bool used;      /* a request is at it, which alone may touch what is below */
	uint64_t used_ms;
	/* The backup. */
	bool whole; /* all rows were read */
	bool ends;  /* how far the audit log belongs to it is fixed */
	struct sr_audit_end end;
	struct sr_snapshot *snapshot;
	struct sr_backup_row row; /* what it will be registered with */
};

struct sr_backups *sr_backups_new(void)
{
	struct sr_backups *backups = calloc(1, sizeof *backups);
	if (backups && pthread_mutex_init(&backups->lock, NULL) != 0) {
		free(backups);
		return NULL;
	}
	return backups;
}

/* Under the lock, and unused. */
static void give_up(struct sr_backups *backups, struct sr_daemon *daemon)
{
	if (backups->token == 0)
		return;
	sr_snapshot_end(backups->snapshot);
	sr_sweeper_release(daemon->sweeper);
	backups->snapshot = NULL;
	backups->token = 0;
}

void sr_backups_free(struct sr_backups *backups, struct sr_daemon *daemon)
{
	if (!backups)
		return;
	give_up(backups, daemon);
	pthread_mutex_destroy(&backups->lock);
	free(backups);
}

void sr_backups_tick(struct sr_daemon *daemon)
{
	struct sr_backups *backups = daemon->backups;
	/* A request that has the lock is proof enough that somebody comes. */
	if (pthread_mutex_trylock(&backups->lock) != 0)
		return;
	/* The clock is read under the lock: a moment from before would be earlier than what a request has just left. */
	if (backups->token != 0 && !backups->used && sr_monotonic_ms() > backups->used_ms + SR_BACKUP_LEASE_MS) {
		const struct sr_audit_count taken = {"taken_ms", backups->row.taken_ms};
		const struct sr_audit_fact complete = {"complete", "no"};
		const struct sr_audit_entry entry = {.kind = SR_AUDIT_CONTROL,
						     .operation = "backup.end",
						     .counts = &taken,
						     .count_count = 1,
						     .facts = &complete,
						     .fact_count = 1};
		give_up(backups, daemon);
		sr_account_say(daemon->accounting, &entry, SR_AUDIT_CLOSING);
		sr_log(SR_LOG_WARN, "backup_given_up", "nobody asked for more of it");
	}
	pthread_mutex_unlock(&backups->lock);
}

/* Is the backup `token` still there? Asking is a sign of life; several may ask at the same moment. */
static enum sr_code look(struct sr_request *request, uint64_t token)
{
	struct sr_backups *backups = request->daemon->backups;
	pthread_mutex_lock(&backups->lock);
	bool there = backups->token == token;
	if (there)
		backups->used_ms = sr_monotonic_ms();
	pthread_mutex_unlock(&backups->lock);
	return there ? SR_OK : SR_FAIL(&request->error, SR_NOT_FOUND, GONE_TEXT);
}

/* Have the backup `token` for this request alone. */
static enum sr_code use(struct sr_request *request, uint64_t token)
{
	struct sr_backups *backups = request->daemon->backups;
	enum sr_code code = SR_OK;
	pthread_mutex_lock(&backups->lock);
	if (backups->token != token)
		code = SR_FAIL(&request->error, SR_NOT_FOUND, GONE_TEXT);
	else if (backups->used)
		code = SR_FAIL(&request->error, SR_BUSY, "another request is at this backup");
	backups->used = backups->used || code == SR_OK;
	pthread_mutex_unlock(&backups->lock);
	return code;
}

static void let_go(struct sr_backups *backups)
{
	pthread_mutex_lock(&backups->lock);
	backups->used = false;
	backups->used_ms = sr_monotonic_ms();
	pthread_mutex_unlock(&backups->lock);
}

/* ---- begin ---- */

static enum sr_code claim(struct sr_request *request)
{
	struct sr_backups *backups = request->daemon->backups;
	enum sr_code code = SR_OK;
	pthread_mutex_lock(&backups->lock);
	if (backups->token != 0) {
		request->retry_ms = SR_BACKUP_LEASE_MS / 4;
		code = SR_FAIL(&request->error, SR_BUSY, "another backup is being taken");
	} else {
		while (backups->token == 0)
			randombytes_buf(&backups->token, sizeof backups->token);
		backups->used = true;
		backups->whole = backups->ends = false;
		memset(&backups->row, 0, sizeof backups->row);
	}
	pthread_mutex_unlock(&backups->lock);
	return code;
}

/*
 * Who does not know what the rows of extents name would leave out the data files, and take that for a backup: an older
 * client says nothing of what it knows.
 */
static bool knows_extents(struct sr_request *request)
{
	struct sr_cursor in = sr_request_fields(request);
	uint8_t newest = SR_EXTENT_SHA256;
	if (in.left > 0)
		sr_backup_begin_decode(&in, &newest);
	if (sr_request_decoded(request, &in) != SR_OK)
		return false;
	if (newest < SR_EXTENT_POLY1305)
		(void)SR_FAIL(&request->error, SR_USAGE,
			      "this client does not know the store's checksums: make the backup with a newer one");
	return newest >= SR_EXTENT_POLY1305;
}

static void begin(struct sr_request *request)
{
	struct sr_daemon *daemon = request->daemon;
	struct sr_backups *backups = daemon->backups;
	if (!knows_extents(request) || claim(request) != SR_OK)
		return;
	/* First, so that the files of what the snapshot has are there until the end. */
	sr_sweeper_hold(daemon->sweeper);
	/* No erasure comes between the two: whose is not later than this moment is, or may be, in the snapshot. */
	sr_remover_pause(daemon->remover);
	backups->row.taken_ms = sr_now_ms();
	enum sr_code code = sr_snapshot_begin(daemon->index, &backups->snapshot, &request->error);
	sr_remover_resume(daemon->remover);
	backups->row.keyring_revision = sr_keyring_revision(daemon->keyring);
	backups->row.current = sr_keyring_epoch(daemon->keyring);
	struct sr_backup_begun begun = {.token = backups->token, .taken_ms = backups->row.taken_ms};
	if (code == SR_OK && sr_request_reply(request, SR_MSG_BACKUP_BEGUN, 16)) {
		sr_backup_begun_encode(&request->reply.fields, &begun);
		sr_account_count(request, "taken_ms", begun.taken_ms);
		sr_log(SR_LOG_INFO, "backup_begun", request->caller.name);
	}
	let_go(backups);
	if (request->error.code == SR_OK)
		return;
	pthread_mutex_lock(&backups->lock);
	give_up(backups, daemon);
	pthread_mutex_unlock(&backups->lock);
}

/* ---- rows ---- */

/* Count a row under its epoch. False: there are more epochs than a backup's row can name. */
static bool count_epoch(struct sr_backup_row *row, uint32_t number)
{
	uint16_t at = 0;
	while (at < row->count && row->list[at].number < number)
		at++;
	if (at == row->count || row->list[at].number != number) {
		if (row->count == SR_BACKUP_EPOCHS_MAX)
			return false;
		memmove(&row->list[at + 1], &row->list[at], (size_t)(row->count - at) * sizeof row->list[0]);
		row->list[at] = (struct sr_backup_epoch){.number = number};
		row->count++;
	}
	row->list[at].rows++;
	return true;
}

static uint32_t epoch_at(struct sr_span value, size_t at)
{
	struct sr_cursor in = sr_cursor_over(value.data, value.size);
	(void)sr_take_span(&in, at);
	return sr_take_u32(&in);
}

struct paging {
	struct sr_backup_row *row;
	struct sr_builder out;
	bool too_long, too_many;
};

static bool put_row(void *context, enum sr_table_name table, struct sr_span key, struct sr_span value)
{
	struct paging *paging = context;
	struct sr_backup_item item = {.table = (uint8_t)table, .key = key, .value = value};
	struct sr_builder before = paging->out;
	sr_backup_item_encode(&paging->out, &item);
	if (paging->out.failed) {
		paging->too_long = before.used == 0;
		paging->out = before;
		return false;
	}
	bool own = table == SR_TABLE_RECORDINGS && key.size > 2 && !key.data[key.size - 1] && !key.data[key.size - 2];
	uint32_t epoch = own                        ? epoch_at(value, RECORDING_EPOCH)
			 : table == SR_TABLE_PEOPLE ? epoch_at(value, PERSON_EPOCH)
						    : 0;
	/* A row whose key was taken away is under none. */
	if (epoch != 0 && !count_epoch(paging->row, epoch))
		paging->too_many = true;
	return !paging->too_many;
}

static void rows(struct sr_request *request)
{
	struct sr_backups *backups = request->daemon->backups;
	struct paging paging = {.row = &backups->row};
	struct sr_backup_page page = {.more = false};
	uint64_t token;
	struct sr_cursor in = sr_request_fields(request);
	sr_backup_rows_decode(&in, &token);
	if (sr_request_decoded(request, &in) != SR_OK)
		return;
	uint8_t *bytes = malloc(SR_BACKUP_ROWS_MAX);
	if (!bytes) {
		(void)SR_FAIL_MEMORY(&request->error);
		return;
	}
	if (use(request, token) != SR_OK) {
		free(bytes);
		return;
	}
	paging.out = sr_builder_over(bytes, SR_BACKUP_ROWS_MAX);
	enum sr_code code =
		backups->whole ? SR_OK
			       : sr_snapshot_next(backups->snapshot, put_row, &paging, &page.more, &request->error);
	if (code == SR_OK && (paging.too_long || paging.too_many))
		code = SR_FAIL(&request->error, SR_INTERNAL, "a row of the index fits no page, or its epoch no list");
	page.rows = (struct sr_span){bytes, paging.out.used};
	if (code == SR_OK && sr_request_reply(request, SR_MSG_BACKUP_PAGE, 1 + 2 + page.rows.size))
		sr_backup_page_encode(&request->reply.fields, &page);
	if (code == SR_OK && !page.more) {
		/* Old rows need not be kept any longer. */
		sr_snapshot_end(backups->snapshot);
		backups->snapshot = NULL;
		backups->whole = true;
	}
	let_go(backups);
	free(bytes);
}

/* ---- data files and the audit log ---- */

static void read_file(struct sr_request *request)
{
	struct sr_backup_read order;
	struct sr_error why = {.text = ""};
	struct sr_cursor in = sr_request_fields(request);
	sr_backup_read_decode(&in, &order);
	if (sr_request_decoded(request, &in) != SR_OK)
		return;
	struct sr_blob_name name = {.track = order.track, .file = order.file};
	memcpy(name.recording, order.recording, SR_UUID);
	uint8_t *bytes = malloc(order.length);
	if (!bytes)
		(void)SR_FAIL_MEMORY(&request->error);
	if (bytes && look(request, order.token) == SR_OK) {
		if (sr_blob_read(request->daemon->blobs, &name, order.position, bytes, order.length, &why) != SR_OK)
			(void)sr_request_storage(request, &why);
		else if (sr_request_reply(request, SR_MSG_BACKUP_BYTES, 2 + order.length))
			sr_backup_bytes_encode(&request->reply.fields, (struct sr_span){bytes, order.length});
	}
	free(bytes);
}

/* The log goes on meanwhile: where the copy ends is fixed at its first piece. */
static enum sr_code copy_log(struct sr_request *request, struct sr_audit_piece *piece)
{
	struct sr_backups *backups = request->daemon->backups;
	enum sr_code code = SR_OK;
	if (!backups->ends)
		code = sr_audit_copy_end(request->daemon->audit, &backups->end, &request->error);
	backups->ends = code == SR_OK;
	return code == SR_OK ? sr_audit_copy(request->daemon->audit, &backups->end, piece, &request->error) : code;
}

/* The checkpoint goes alone, where both would be too long for a message. */
static void answer_log(struct sr_request *request, const struct sr_audit_piece *piece)
{
	const char *checkpoint = request->daemon->backups->end.checkpoint;
	struct sr_backup_records reply = {.number = piece->number,
					  .position = piece->position,
					  .more = piece->more || piece->size > 0,
					  .records = {piece->out, piece->size}};
	if (!reply.more)
		reply.checkpoint = (struct sr_span){(const uint8_t *)checkpoint, strlen(checkpoint)};
	if (sr_request_reply(request, SR_MSG_BACKUP_RECORDS, 24 + piece->size + reply.checkpoint.size))
		sr_backup_records_encode(&request->reply.fields, &reply);
}

static void read_log(struct sr_request *request)
{
	struct sr_backup_log order;
	struct sr_cursor in = sr_request_fields(request);
	sr_backup_log_decode(&in, &order);
	if (sr_request_decoded(request, &in) != SR_OK)
		return;
	struct sr_audit_piece *piece = calloc(1, sizeof *piece + SR_BACKUP_RECORDS_MAX);
	if (!piece) {
		(void)SR_FAIL_MEMORY(&request->error);
		return;
	}
	*piece = (struct sr_audit_piece){.number = order.number,
					 .position = order.position,
					 .out = (uint8_t *)(piece + 1),
					 .room = SR_BACKUP_RECORDS_MAX};
	if (use(request, order.token) == SR_OK) {
		if (copy_log(request, piece) == SR_OK)
			answer_log(request, piece);
		let_go(request->daemon->backups);
	}
	free(piece);
}

/* ---- end ---- */

/* The control row by which the end of an epoch knows what becomes unreadable. */
static enum sr_code register_it(struct sr_request *request, const struct sr_backup_row *row)
{
	char name[sizeof SR_BACKUP_PREFIX + 24];
	uint8_t bytes[SR_ROW_MAX];
	(void)snprintf(name, sizeof name, SR_BACKUP_PREFIX "%llu", (unsigned long long)row->taken_ms);
	struct sr_index_key key = sr_key_control(name);
	size_t size = sr_backup_row_seal(request->daemon->keyring, name, row, bytes);
	struct sr_op *op = sr_op_new();
	if (!op || !sr_op_check(op, SR_CHECK_ABSENT, &key, NULL, 0) || !sr_op_put(op, &key, bytes, size)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(&request->error);
	}
	enum sr_code code = sr_index_run(request->daemon->index, op, NULL);
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, code, "the backup could not be registered");
}

/* What was read between this and the entry of its begin. */
static void account_end(struct sr_request *request, const struct sr_backup_row *row, bool complete)
{
	uint64_t rows = 0;
	for (uint16_t at = 0; at < row->count; at++)
		rows += row->list[at].rows;
	sr_account_fact(request, "complete", complete ? "yes" : "no");
	sr_account_count(request, "rows", rows);
	sr_account_count(request, "taken_ms", row->taken_ms);
}

static void end(struct sr_request *request)
{
	struct sr_backups *backups = request->daemon->backups;
	struct sr_backup_end order;
	enum sr_code code = SR_OK;
	struct sr_cursor in = sr_request_fields(request);
	sr_backup_end_decode(&in, &order);
	if (sr_request_decoded(request, &in) != SR_OK)
		return;
	if (use(request, order.token) != SR_OK)
		return;
	if (order.complete && !backups->whole)
		code = SR_FAIL(&request->error, SR_CONFLICT, "not all rows of the index were read");
	else if (order.complete)
		code = register_it(request, &backups->row);
	let_go(backups);
	account_end(request, &backups->row, order.complete);
	if (code == SR_OK || !order.complete) {
		pthread_mutex_lock(&backups->lock);
		give_up(backups, request->daemon);
		pthread_mutex_unlock(&backups->lock);
		sr_log(SR_LOG_INFO, "backup_ended", order.complete ? "complete" : "given up");
	}
	if (code == SR_OK)
		(void)!sr_request_reply(request, SR_MSG_DONE, 0);
}

/* What is read of a backup has no entries but those of its begin and its end, unless it is refused. */
static void run(struct sr_request *request)
{
	if (request->head.type != SR_MSG_BACKUP_BEGIN && request->head.type != SR_MSG_BACKUP_END)
		sr_account_goes_on(request);
	switch (request->head.type) {
	case SR_MSG_BACKUP_BEGIN:
		begin(request);
		break;
	case SR_MSG_BACKUP_ROWS:
		rows(request);
		break;
	case SR_MSG_BACKUP_READ:
		read_file(request);
		break;
	case SR_MSG_BACKUP_LOG:
		read_log(request);
		break;
	default:
		end(request);
		break;
	}
}

void sr_serve_backup(struct sr_request *request)
{
	sr_request_start(request, run, NULL);
}
