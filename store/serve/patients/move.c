/*
 * One recording's move: the table of its steps, its journal's row, and the operation of each step.
 */
#include "serve/patients/move.h"

#include <string.h>

#include <sodium.h>

static const enum sr_move_step table[SR_TARGETS][SR_SOURCES] = {
	[SR_TARGET_NONE] = {[SR_SOURCE_NONE] = SR_MOVE_FORGET,
			    [SR_SOURCE_SAME] = SR_MOVE_COPY,
			    [SR_SOURCE_OTHER] = SR_MOVE_FORGET,
			    [SR_SOURCE_BURIED] = SR_MOVE_FORGET},
	[SR_TARGET_MOVING] = {[SR_SOURCE_NONE] = SR_MOVE_UNDO,
			      [SR_SOURCE_SAME] = SR_MOVE_BURY,
			      [SR_SOURCE_OTHER] = SR_MOVE_UNDO,
			      [SR_SOURCE_BURIED] = SR_MOVE_SETTLE},
	[SR_TARGET_UNLED] = {[SR_SOURCE_NONE] = SR_MOVE_FORGET,
			     [SR_SOURCE_SAME] = SR_MOVE_FORGET,
			     [SR_SOURCE_OTHER] = SR_MOVE_FORGET,
			     [SR_SOURCE_BURIED] = SR_MOVE_SETTLE},
	[SR_TARGET_HOME] = {[SR_SOURCE_NONE] = SR_MOVE_FORGET,
			    [SR_SOURCE_SAME] = SR_MOVE_FORGET,
			    [SR_SOURCE_OTHER] = SR_MOVE_FORGET,
			    [SR_SOURCE_BURIED] = SR_MOVE_FORGET},
};

enum sr_move_step sr_move_next(enum sr_move_source source, enum sr_move_target target)
{
	return table[target][source];
}

/* ---- the journal's row ---- */

void sr_move_name(const uint8_t recording[SR_UUID], char name[SR_MOVE_NAME])
{
	memcpy(name, SR_MOVE_PREFIX, sizeof SR_MOVE_PREFIX);
	sodium_bin2hex(name + sizeof SR_MOVE_PREFIX - 1, 2 * SR_UUID + 1, recording, SR_UUID);
}

bool sr_move_named(struct sr_span name, uint8_t recording[SR_UUID])
{
	size_t prefix = sizeof SR_MOVE_PREFIX - 1, size = 0;
	return name.size == prefix + 2 * SR_UUID && memcmp(name.data, SR_MOVE_PREFIX, prefix) == 0 &&
	       sodium_hex2bin(recording, SR_UUID, (const char *)name.data + prefix, 2 * SR_UUID, NULL, &size, NULL) ==
		       0 &&
	       size == SR_UUID;
}

size_t sr_move_row_seal(const struct sr_keyring *keyring, const struct sr_move *move, uint8_t *out)
{
	uint8_t fields[2 * SR_TAG];
	char name[SR_MOVE_NAME];
	memcpy(fields, move->from, SR_TAG);
	memcpy(fields + SR_TAG, move->to, SR_TAG);
	sr_move_name(move->recording, name);
	return sr_control_row_seal(keyring, name, (struct sr_span){fields, sizeof fields}, out);
}

enum sr_code sr_move_row_open(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], struct sr_span value,
			      struct sr_move *move)
{
	struct sr_cursor fields;
	char name[SR_MOVE_NAME];
	memset(move, 0, sizeof *move);
	sr_move_name(recording, name);
	enum sr_code code = sr_control_row_open(keyring, name, value, &fields);
	if (code != SR_OK)
		return code;
	memcpy(move->recording, recording, SR_UUID);
	sr_take_copy(&fields, move->from, SR_TAG);
	sr_take_copy(&fields, move->to, SR_TAG);
	if (sr_take_done(&fields))
		return SR_OK;
	memset(move, 0, sizeof *move);
	return SR_CORRUPT;
}

/* ---- the rows as they stand ---- */

bool sr_move_buried(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], struct sr_span value,
		    const uint8_t to[SR_TAG])
{
	struct sr_recording_row row;
	return value.size > 0 && sr_recording_row_decode(keyring, recording, value, &row) == SR_OK &&
	       row.life == SR_LIFE_TOMBSTONE && memcmp(row.other, to, SR_TAG) == 0;
}

/*
 * Whether the copy still says what the row says that it was made of. Left out is what differs by intent: life, other
 * tag, grants, and the wrap, which rotation may change in either.
 */
static bool is_copy(const struct sr_recording_row *from, const struct sr_recording_row *to)
{
	return from->writing == to->writing && from->writer_revision == to->writer_revision &&
	       from->opened_ms == to->opened_ms && from->finished_ms == to->finished_ms &&
	       from->doomed_ms == to->doomed_ms && from->retain_until_ms == to->retain_until_ms &&
	       from->held == to->held && from->tracks == to->tracks && from->label_size == to->label_size &&
	       memcmp(from->nonce, to->nonce, SR_NONCE) == 0 &&
	       memcmp(from->consultation, to->consultation, SR_TAG) == 0 &&
	       memcmp(from->label, to->label, from->label_size) == 0;
}

struct collecting {
	uint16_t *tracks;
	uint16_t count;
};

static bool collect(void *context, struct sr_span key, struct sr_span value)
{
	struct collecting *collecting = context;
	(void)value;
	if (collecting->count == SR_TRACKS_MAX)
		return false;
	collecting->tracks[collecting->count++] = (uint16_t)(key.data[key.size - 2] << 8 | key.data[key.size - 1]);
	return true;
}

/* Read and verify one side. SR_NOT_FOUND: no row. */
static enum sr_code read_row(const struct sr_keyring *keyring, struct sr_view *view, const uint8_t tag[SR_TAG],
			     const uint8_t recording[SR_UUID], struct sr_recording_row *row, uint8_t mac[SR_ROW_MAC])
{
	struct sr_index_key key = sr_key_recording(tag, recording);
	struct sr_span value;
	enum sr_code code = sr_view_get(view, &key, &value);
	memset(row, 0, sizeof *row);
	if (code == SR_OK)
		code = sr_recording_row_decode(keyring, recording, value, row);
	if (code == SR_OK)
		memcpy(mac, value.data + value.size - SR_ROW_MAC, SR_ROW_MAC);
	return code;
}

static enum sr_code read_lead(struct sr_view *view, struct sr_index_key key, struct sr_span *lead)
{
	enum sr_code code = sr_view_get(view, &key, lead);
	return code == SR_NOT_FOUND ? SR_OK : code;
}

/* Once a copy is there, the source counts as the same only while it still says the same. */
static enum sr_move_source judge_source(const struct sr_move *move, const struct sr_move_rows *rows, bool there)
{
	const struct sr_recording_row *from = &rows->from;
	if (!there)
		return SR_SOURCE_NONE;
	if (from->life == SR_LIFE_TOMBSTONE)
		return memcmp(from->other, move->to, SR_TAG) == 0 ? SR_SOURCE_BURIED : SR_SOURCE_OTHER;
	bool movable = from->life == SR_LIFE_LIVE && from->writing == SR_WRITING_FINISHED;
	if (movable && rows->target == SR_TARGET_MOVING)
		movable = is_copy(from, &rows->to);
	return movable ? SR_SOURCE_SAME : SR_SOURCE_OTHER;
}

static bool leads_to(struct sr_span lead, const uint8_t tag[SR_TAG])
{
	return lead.size == SR_TAG && memcmp(lead.data, tag, SR_TAG) == 0;
}

static enum sr_move_target judge_target(const struct sr_move *move, const struct sr_recording_row *to, bool there)
{
	if (!there || to->life == SR_LIFE_TOMBSTONE)
		return SR_TARGET_NONE;
	bool arriving = to->life == SR_LIFE_MOVING && memcmp(to->other, move->from, SR_TAG) == 0;
	return arriving ? SR_TARGET_MOVING : SR_TARGET_HOME;
}

enum sr_code sr_move_read(const struct sr_keyring *keyring, struct sr_view *view, const struct sr_move *move,
			  struct sr_move_rows *rows)
{
	memset(rows, 0, sizeof *rows);
	enum sr_code from = read_row(keyring, view, move->from, move->recording, &rows->from, rows->from_mac);
	enum sr_code to = read_row(keyring, view, move->to, move->recording, &rows->to, rows->to_mac);
	if (from != SR_OK && from != SR_NOT_FOUND)
		return from;
	if (to != SR_OK && to != SR_NOT_FOUND)
		return to;
	rows->target = judge_target(move, &rows->to, to == SR_OK);
	rows->source = judge_source(move, rows, from == SR_OK);
	/* What a step takes over or takes away is the source's while that stands, and else the target's. */
	bool stands = rows->source == SR_SOURCE_SAME;
	const uint8_t *home = stands ? move->from : move->to;
	const struct sr_recording_row *row = stands ? &rows->from : &rows->to;
	struct collecting collecting = {rows->tracks, 0};
	struct sr_index_key first = sr_key_track(home, move->recording, 1);
	enum sr_code code = sr_view_walk(view, &first, SR_TAG + SR_UUID, collect, &collecting);
	rows->track_count = collecting.count;
	if (code == SR_OK)
		code = read_lead(view, sr_key_hint(move->recording), &rows->hint);
	if (code == SR_OK && !sodium_is_zero(row->consultation, SR_TAG))
		code = read_lead(view, sr_key_consultation(row->consultation), &rows->consultation);
	if (rows->target == SR_TARGET_HOME &&
	    (leads_to(rows->hint, move->from) || leads_to(rows->consultation, move->from)))
		rows->target = SR_TARGET_UNLED;
	if (code == SR_OK && stands && rows->track_count != rows->from.tracks)
		code = SR_CORRUPT;
	return code;
}

/* ---- the operations ---- */

static struct sr_op *built(struct sr_op *op, bool whole)
{
	if (whole)
		return op;
	sr_op_free(op);
	return NULL;
}

static bool put_recording(struct sr_op *op, const struct sr_keyring *keyring, const struct sr_index_key *key,
			  const uint8_t recording[SR_UUID], const struct sr_recording_row *row)
{
	uint8_t bytes[SR_ROW_MAX];
	size_t size = sr_recording_row_encode(keyring, recording, row, bytes);
	return sr_op_put(op, key, bytes, size);
}

struct sr_op *sr_move_begin(const struct sr_keyring *keyring, const struct sr_move *move)
{
	uint8_t row[SR_ROW_MAX];
	char name[SR_MOVE_NAME];
	sr_move_name(move->recording, name);
	struct sr_index_key key = sr_key_control(name);
	size_t size = sr_move_row_seal(keyring, move, row);
	struct sr_op *op = sr_op_new();
	return built(op, op && sr_op_check(op, SR_CHECK_ABSENT_OR_EQUALS, &key, row, size) &&
				 sr_op_put(op, &key, row, size));
}

/* The rows of its tracks are bound to the recording, not to the tag: they go over as they are. */
static bool copy_tracks(struct sr_op *op, struct sr_view *view, const struct sr_move *move,
			const struct sr_move_rows *rows)
{
	bool whole = true;
	for (uint16_t at = 0; whole && at < rows->track_count; at++) {
		struct sr_index_key from = sr_key_track(move->from, move->recording, rows->tracks[at]);
		struct sr_index_key to = sr_key_track(move->to, move->recording, rows->tracks[at]);
		struct sr_span value;
		whole = sr_view_get(view, &from, &value) == SR_OK && sr_op_put(op, &to, value.data, value.size);
	}
	return whole;
}

struct sr_op *sr_move_copy(const struct sr_keyring *keyring, struct sr_view *view, const struct sr_move *move,
			   const struct sr_move_rows *rows, const struct sr_move_wrap *wrap)
{
	struct sr_index_key key = sr_key_recording(move->to, move->recording), patient = sr_key_patient(move->to);
	struct sr_recording_row row = rows->from;
	struct sr_op *op = sr_op_new();
	row.life = SR_LIFE_MOVING;
	row.life_revision++;
	row.wrap_revision++;
	row.epoch = wrap->hold.current;
	memcpy(row.wrap, wrap->wrap, SR_WRAP);
	memcpy(row.other, move->from, SR_TAG);
	/* The grants that could resume it were another identity's. */
	memset(&row.opened_by, 0, sizeof row.opened_by);
	memset(&row.renewed_by, 0, sizeof row.renewed_by);
	bool before = rows->to.life == SR_LIFE_TOMBSTONE;
	bool whole = op && sr_epoch_guard(op, &wrap->hold) &&
		     sr_op_check(op, SR_CHECK_SUFFIX, &patient, wrap->patient_mac, SR_ROW_MAC) &&
		     sr_op_check(op, before ? SR_CHECK_SUFFIX : SR_CHECK_ABSENT, &key, before ? rows->to_mac : NULL,
				 before ? SR_ROW_MAC : 0) &&
		     put_recording(op, keyring, &key, move->recording, &row) && copy_tracks(op, view, move, rows);
	return built(op, whole);
}

static bool erase_tracks(struct sr_op *op, const uint8_t tag[SR_TAG], const struct sr_move *move,
			 const struct sr_move_rows *rows)
{
	bool whole = true;
	for (uint16_t at = 0; whole && at < rows->track_count; at++) {
		struct sr_index_key key = sr_key_track(tag, move->recording, rows->tracks[at]);
		whole = sr_op_erase(op, &key);
	}
	return whole;
}

/* A tombstone says whose it is now and since when. It has no wrap: the old identity opens nothing any more. */
static bool bury(struct sr_op *op, const struct sr_keyring *keyring, const struct sr_move *move,
		 const struct sr_move_rows *rows, uint64_t now_ms)
{
	struct sr_index_key key = sr_key_recording(move->from, move->recording);
	struct sr_recording_row row = {
		.life = SR_LIFE_TOMBSTONE,
		.writing = SR_WRITING_FINISHED,
		.wrap_revision = rows->from.wrap_revision + 1,
		.writer_revision = rows->from.writer_revision,
		.life_revision = rows->from.life_revision + 1,
		.opened_ms = rows->from.opened_ms,
		.finished_ms = rows->from.finished_ms,
		.doomed_ms = now_ms,
	};
	memcpy(row.other, move->to, SR_TAG);
	return sr_op_check(op, SR_CHECK_SUFFIX, &key, rows->from_mac, SR_ROW_MAC) &&
	       put_recording(op, keyring, &key, move->recording, &row) && erase_tracks(op, move->from, move, rows);
}

/* Have a hint or a consultation that leads to the old tag, or nowhere, lead to the new one. */
static bool lead(struct sr_op *op, struct sr_index_key key, struct sr_span now, const struct sr_move *move)
{
	if (now.size > 0 && !leads_to(now, move->from))
		return true;
	return sr_op_check(op, now.size ? SR_CHECK_EQUALS : SR_CHECK_ABSENT, &key, now.data, now.size) &&
	       sr_op_put(op, &key, move->to, SR_TAG);
}

static bool settle(struct sr_op *op, const struct sr_keyring *keyring, const struct sr_move *move,
		   const struct sr_move_rows *rows)
{
	struct sr_index_key key = sr_key_recording(move->to, move->recording);
	struct sr_recording_row row = rows->to;
	if (row.life == SR_LIFE_MOVING) {
		row.life = SR_LIFE_LIVE;
		memset(row.other, 0, SR_TAG);
	}
	row.life_revision++;
	bool whole = sr_op_check(op, SR_CHECK_SUFFIX, &key, rows->to_mac, SR_ROW_MAC) &&
		     put_recording(op, keyring, &key, move->recording, &row) &&
		     lead(op, sr_key_hint(move->recording), rows->hint, move);
	if (whole && !sodium_is_zero(row.consultation, SR_TAG))
		whole = lead(op, sr_key_consultation(row.consultation), rows->consultation, move);
	return whole;
}

static bool undo(struct sr_op *op, const struct sr_move *move, const struct sr_move_rows *rows)
{
	struct sr_index_key key = sr_key_recording(move->to, move->recording);
	return sr_op_check(op, SR_CHECK_SUFFIX, &key, rows->to_mac, SR_ROW_MAC) && sr_op_erase(op, &key) &&
	       erase_tracks(op, move->to, move, rows);
}

static bool forget(struct sr_op *op, const struct sr_move *move)
{
	char name[SR_MOVE_NAME];
	sr_move_name(move->recording, name);
	struct sr_index_key key = sr_key_control(name);
	return sr_op_erase(op, &key);
}

struct sr_op *sr_move_op(const struct sr_keyring *keyring, const struct sr_move *move, enum sr_move_step step,
			 const struct sr_move_rows *rows, uint64_t now_ms)
{
	struct sr_op *op = sr_op_new();
	bool whole = op != NULL;
	switch (whole ? step : SR_MOVE_STEPS) {
	case SR_MOVE_BURY:
		whole = bury(op, keyring, move, rows, now_ms);
		break;
	case SR_MOVE_SETTLE:
		whole = settle(op, keyring, move, rows);
		break;
	case SR_MOVE_UNDO:
		whole = undo(op, move, rows);
		break;
	case SR_MOVE_FORGET:
		whole = forget(op, move);
		break;
	default:
		whole = false;
		break;
	}
	return built(op, whole);
}
