/*
 * The end of what is doomed: its line in the erasure ledger, its wrap, its files, its rows.
 */
#include "serve/removal/removal.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "serve/removal/consultation.h"
#include "serve/removal/holding.h"
#include "serve/removal/removal_internal.h"
#include "serve/removal/replaced.h"

struct sr_remover *sr_remover_new(const struct sr_keyring *keyring, struct sr_index *index, struct sr_blobs *blobs,
				  struct sr_ledger *ledger)
{
	struct sr_remover *remover = calloc(1, sizeof *remover);
	if (!remover)
		return NULL;
	remover->keyring = keyring;
	remover->index = index;
	remover->blobs = blobs;
	remover->ledger = ledger;
	pthread_mutex_init(&remover->noting, NULL);
	pthread_mutex_init(&remover->working, NULL);
	return remover;
}

void sr_remover_free(struct sr_remover *remover)
{
	if (!remover)
		return;
	pthread_mutex_destroy(&remover->working);
	pthread_mutex_destroy(&remover->noting);
	free(remover);
}

void sr_remover_pause(struct sr_remover *remover)
{
	pthread_mutex_lock(&remover->working);
}

void sr_remover_resume(struct sr_remover *remover)
{
	pthread_mutex_unlock(&remover->working);
}

struct sr_index_key sr_key_doom(const struct sr_doom *doom)
{
	char name[SR_CONTROL_NAME];
	sr_doom_name(doom, name);
	return sr_key_control(name);
}

enum sr_code sr_remover_run(struct sr_remover *remover, struct sr_op *op, bool built, struct sr_error *err)
{
	size_t failed;
	if (!built) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(err);
	}
	enum sr_code code = sr_index_run(remover->index, op, &failed);
	return code == SR_OK ? SR_OK : SR_FAIL(err, code, "the row has changed meanwhile, or a hold stops it");
}

enum sr_code sr_remover_note(struct sr_remover *remover, const struct sr_ledger_line *line, struct sr_op *op,
			     struct sr_error *err)
{
	struct sr_index_key key = sr_key_control(SR_LEDGER_NAME);
	uint8_t bytes[SR_LEDGER_LINE], row[SR_ROW_MAX];
	if (remover->replays)
		return sr_remover_run(remover, op, true, err);
	pthread_mutex_lock(&remover->noting);
	uint64_t count = sr_ledger_count(remover->ledger);
	sr_ledger_line_seal(remover->keyring, count, line, bytes);
	enum sr_code code = sr_ledger_append(remover->ledger, count, bytes, err);
	if (code == SR_OK) {
		size_t size = sr_number_row_seal(remover->keyring, SR_LEDGER_NAME, count + 1, row);
		code = sr_remover_run(remover, op, sr_op_put(op, &key, row, size), err);
	} else {
		sr_op_free(op);
	}
	pthread_mutex_unlock(&remover->noting);
	return code;
}

/* ---- the row ---- */

/* What the index has of it. */
struct remains {
	const struct sr_doom *doom;
	enum sr_doom_kind kind; /* as of now: what is deleted becomes final on the way */
	bool row_there;
	struct sr_recording_row row;
	uint8_t mac[SR_ROW_MAC];
	bool hinted;    /* there is a hint, and it leads here */
	bool elsewhere; /* it leads to another patient's row: hint, files and extents are that one's */
};

static void look_for_hint(struct sr_view *view, struct remains *remains)
{
	const struct sr_doom *doom = remains->doom;
	struct sr_index_key key = sr_key_hint(doom->recording);
	struct sr_span hint, other;
	if (sr_view_get(view, &key, &hint) != SR_OK || hint.size != SR_TAG)
		return;
	remains->hinted = memcmp(hint.data, doom->tag, SR_TAG) == 0;
	struct sr_index_key row = sr_key_recording(hint.data, doom->recording);
	remains->elsewhere = !remains->hinted && sr_view_get(view, &row, &other) == SR_OK;
}

static enum sr_code look(struct sr_remover *remover, struct remains *remains, struct sr_error *err)
{
	const struct sr_doom *doom = remains->doom;
	struct sr_index_key key = sr_key_recording(doom->tag, doom->recording);
	struct sr_view *view;
	struct sr_span value;
	enum sr_code code = sr_view_begin(remover->index, &view, err);
	if (code != SR_OK)
		return code;
	code = sr_view_get(view, &key, &value);
	remains->row_there = code == SR_OK;
	look_for_hint(view, remains);
	if (code == SR_OK)
		code = sr_recording_row_decode(remover->keyring, doom->recording, value, &remains->row);
	if (code == SR_OK)
		memcpy(remains->mac, value.data + value.size - SR_ROW_MAC, SR_ROW_MAC);
	sr_view_end(view);
	if (code == SR_NOT_FOUND || (doom->kind == SR_DOOM_DISCARDED && (code == SR_CORRUPT || code == SR_UNAVAILABLE)))
		return SR_OK;
	return code == SR_OK ? SR_OK : SR_FAIL(err, code, "the row of a doomed recording cannot be read");
}

/* Put the row as it now is in memory, if nobody has changed it; `doom` as what it is now. */
static bool add_row(struct sr_remover *remover, struct remains *remains, struct sr_op *op)
{
	const struct sr_doom *doom = remains->doom;
	struct sr_index_key key = sr_key_recording(doom->tag, doom->recording);
	uint8_t bytes[SR_ROW_MAX];
	remains->row.life_revision++;
	size_t size = sr_recording_row_encode(remover->keyring, doom->recording, &remains->row, bytes);
	bool built = op && sr_op_check(op, SR_CHECK_SUFFIX, &key, remains->mac, SR_ROW_MAC) &&
		     sr_op_put(op, &key, bytes, size);
	memcpy(remains->mac, bytes + size - SR_ROW_MAC, SR_ROW_MAC);
	return built;
}

/* From here on it cannot come back, and only now may the ledger say so. */
static enum sr_code make_final(struct sr_remover *remover, struct remains *remains, struct sr_error *err)
{
	struct sr_doom final = *remains->doom;
	struct sr_index_key key = sr_key_doom(&final);
	uint8_t bytes[SR_ROW_MAX];
	final.kind = SR_DOOM_FINAL;
	size_t size = sr_doom_row_seal(remover->keyring, &final, bytes);
	struct sr_op *op = sr_op_new();
	bool built = add_row(remover, remains, op) && sr_op_put(op, &key, bytes, size) &&
		     (remover->replays || sr_op_demand_unheld(op, final.tag, final.recording));
	remains->kind = SR_DOOM_FINAL;
	return sr_remover_run(remover, op, built, err);
}

/* The DEK goes: the wrap, and the label that was sealed under it. */
static enum sr_code unwrap(struct sr_remover *remover, struct remains *remains, struct sr_error *err)
{
	struct sr_ledger_line line = {.kind = SR_LEDGER_RECORDING, .erased_ms = remains->row.doomed_ms};
	memcpy(line.tag, remains->doom->tag, SR_TAG);
	memcpy(line.subject, remains->doom->recording, SR_UUID);
	remains->row.epoch = SR_EPOCH_NONE;
	remains->row.wrap_revision++;
	sodium_memzero(remains->row.wrap, sizeof remains->row.wrap);
	sodium_memzero(remains->row.label, sizeof remains->row.label);
	remains->row.label_size = 0;
	struct sr_op *op = sr_op_new();
	if (!add_row(remover, remains, op)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(err);
	}
	return sr_remover_note(remover, &line, op, err);
}

/* ---- rows that go in batches ---- */

/* Keys of one table that begin alike. */
struct batch {
	struct sr_op *op;
	enum sr_table_name table;
	size_t count;
	bool failed;
};

static bool collect(void *context, struct sr_span key, struct sr_span value)
{
	struct batch *batch = context;
	struct sr_index_key own = {.table = batch->table, .size = key.size};
	(void)value;
	memcpy(own.bytes, key.data, key.size);
	batch->failed = !sr_op_erase(batch->op, &own);
	batch->count++;
	return !batch->failed && batch->count < SR_REMOVE_AT_ONCE;
}

/* Remove all rows from `from` on whose keys begin with its first `prefix` bytes. */
static enum sr_code remove_all(struct sr_remover *remover, const struct sr_index_key *from, size_t prefix,
			       struct sr_error *err)
{
	struct batch batch;
	do {
		struct sr_view *view;
		batch = (struct batch){.op = sr_op_new(), .table = from->table};
		if (!batch.op)
			return SR_FAIL_MEMORY(err);
		enum sr_code code = sr_view_begin(remover->index, &view, err);
		if (code == SR_OK) {
			code = sr_view_walk(view, from, prefix, collect, &batch);
			sr_view_end(view);
		}
		if (code != SR_OK || batch.count == 0) {
			sr_op_free(batch.op);
			return code == SR_OK ? SR_OK : SR_FAIL(err, code, "reading the index failed");
		}
		code = sr_remover_run(remover, batch.op, !batch.failed, err);
		if (code != SR_OK)
			return code;
	} while (batch.count == SR_REMOVE_AT_ONCE);
	return SR_OK;
}

static enum sr_code remove_parts(struct sr_remover *remover, const struct remains *remains, struct sr_error *err)
{
	const struct sr_doom *doom = remains->doom;
	struct sr_index_key segments = sr_key_segment(doom->tag, doom->recording, 0, 0);
	struct sr_index_key extents = sr_key_extent(doom->recording, 0, 0, 0);
	struct sr_index_key tracks = sr_key_track(doom->tag, doom->recording, 1);
	/* Tracks first: without its track's row no commit of a writer passes any more. */
	enum sr_code code = remove_all(remover, &tracks, SR_TAG + SR_UUID, err);
	if (code == SR_OK)
		code = remove_all(remover, &segments, SR_TAG + SR_UUID, err);
	if (code == SR_OK && !remains->elsewhere)
		code = remove_all(remover, &extents, SR_UUID, err);
	return code;
}

/* Last of all, and at once: its own row, the hint, and what said that it is doomed. */
static enum sr_code remove_last(struct sr_remover *remover, const struct remains *remains, struct sr_error *err)
{
	const struct sr_doom *doom = remains->doom;
	struct sr_index_key row = sr_key_recording(doom->tag, doom->recording), hint = sr_key_hint(doom->recording);
	struct sr_index_key doomed = sr_key_doom(doom);
	struct sr_op *op = sr_op_new();
	bool built = op && sr_op_erase(op, &row) && sr_op_erase(op, &doomed);
	if (built && remains->hinted)
		built = sr_op_check(op, SR_CHECK_EQUALS, &hint, doom->tag, SR_TAG) && sr_op_erase(op, &hint);
	return sr_remover_run(remover, op, built, err);
}

/* What was doomed is no longer so: it has come back, or is gone. */
static enum sr_code forget(struct sr_remover *remover, const struct sr_doom *doom, struct sr_error *err)
{
	struct sr_index_key doomed = sr_key_doom(doom);
	struct sr_op *op = sr_op_new();
	return sr_remover_run(remover, op, op && sr_op_erase(op, &doomed), err);
}

enum sr_code sr_remove_locked(struct sr_remover *remover, const struct sr_doom *doom, struct sr_error *err)
{
	struct remains remains = {.doom = doom, .kind = doom->kind};
	if (doom->kind == SR_DOOM_REPLACED)
		return sr_replaced_remove(remover, doom, err);
	enum sr_code code = look(remover, &remains, err);
	if (code != SR_OK)
		return code;
	bool discarded = doom->kind == SR_DOOM_DISCARDED;
	bool own = remains.row.life == SR_LIFE_DOOMED && remains.row.doomed_ms == doom->doomed_ms;
	if (!discarded && (!remains.row_there || !own))
		return forget(remover, doom, err);
	if (own && !sr_recording_unwrapped(&remains.row)) {
		if (remains.kind == SR_DOOM_DELETED)
			code = make_final(remover, &remains, err);
		if (code == SR_OK && !discarded)
			code = unwrap(remover, &remains, err);
	}
	if (code == SR_OK && !remains.elsewhere)
		code = sr_blobs_remove_recording(remover->blobs, doom->recording, err);
	if (code == SR_OK)
		code = sr_consultation_release(remover, doom, remains.row.consultation, err);
	if (code == SR_OK)
		code = remove_parts(remover, &remains, err);
	return code == SR_OK ? remove_last(remover, &remains, err) : code;
}

enum sr_code sr_remove_recording(struct sr_remover *remover, const struct sr_doom *doom, struct sr_error *err)
{
	pthread_mutex_lock(&remover->working);
	enum sr_code code = sr_remove_locked(remover, doom, err);
	pthread_mutex_unlock(&remover->working);
	return code;
}

void sr_remover_replay(struct sr_remover *remover)
{
	remover->replays = true;
}
