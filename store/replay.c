/*
 * The erasure ledger replayed into a restored store, before it may be served.
 */
#include "replay.h"

#include <string.h>

#include "data/ledger.h"
#include "keys/control_rows.h"
#include "ledger_check.h"
#include "serve/epochs/epochs.h"
#include "serve/removal/erasure.h"
#include "start.h"

/* The tag that a recording stands under by its hint; false if it does not stand there. */
static bool home_of(const struct sr_daemon_parts *parts, const uint8_t recording[SR_UUID], uint8_t tag[SR_TAG],
		    struct sr_recording_row *row, uint8_t mac[SR_ROW_MAC])
{
	struct sr_index_key key = sr_key_hint(recording);
	struct sr_error ignored;
	struct sr_view *view;
	struct sr_span value;
	if (sr_view_begin(parts->index, &view, &ignored) != SR_OK)
		return false;
	bool there = sr_view_get(view, &key, &value) == SR_OK && value.size == SR_TAG;
	if (there) {
		memcpy(tag, value.data, SR_TAG);
		key = sr_key_recording(tag, recording);
		there = sr_view_get(view, &key, &value) == SR_OK &&
			sr_recording_row_decode(parts->keyring, recording, value, row) == SR_OK;
	}
	if (there)
		memcpy(mac, value.data + value.size - SR_ROW_MAC, SR_ROW_MAC);
	sr_view_end(view);
	return there;
}

/* A recording that the backup has again is doomed again, for good. */
static enum sr_code replay_recording(const struct sr_daemon_parts *parts, struct sr_remover *remover,
				     const struct sr_ledger_line *line, struct sr_error *err)
{
	struct sr_doom doom = {.kind = SR_DOOM_FINAL};
	struct sr_recording_row row;
	uint8_t mac[SR_ROW_MAC], bytes[SR_ROW_MAX];
	size_t failed;
	if (!home_of(parts, line->subject, doom.tag, &row, mac))
		return SR_OK;
	memcpy(doom.recording, line->subject, SR_UUID);
	if (row.life != SR_LIFE_DOOMED)
		row.doomed_ms = line->erased_ms;
	row.life = SR_LIFE_DOOMED;
	doom.doomed_ms = row.doomed_ms;
	struct sr_index_key key = sr_key_recording(doom.tag, doom.recording), doomed = sr_key_doom(&doom);
	struct sr_op *op = sr_op_new();
	size_t size = sr_recording_row_encode(parts->keyring, doom.recording, &row, bytes);
	bool built = op && sr_op_check(op, SR_CHECK_SUFFIX, &key, mac, SR_ROW_MAC) && sr_op_put(op, &key, bytes, size);
	size = sr_doom_row_seal(parts->keyring, &doom, bytes);
	if (!built || !sr_op_put(op, &doomed, bytes, size)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(err);
	}
	enum sr_code code = sr_index_run(parts->index, op, &failed);
	return code == SR_OK ? sr_remove_recording(remover, &doom, err)
			     : SR_FAIL(err, code, "a row changed while the ledger was replayed");
}

/* Whether the patient of the tag is still the generation that was erased: one who came back since is another. */
static bool is_same(const struct sr_daemon_parts *parts, const struct sr_ledger_line *line)
{
	struct sr_index_key key = sr_key_patient(line->tag);
	struct sr_patient_row row;
	struct sr_error ignored;
	struct sr_view *view;
	struct sr_span value;
	if (sr_view_begin(parts->index, &view, &ignored) != SR_OK)
		return false;
	bool same = sr_view_get(view, &key, &value) == SR_OK &&
		    sr_patient_row_decode(parts->keyring, line->tag, value, &row) == SR_OK &&
		    memcmp(row.generation, line->subject, SR_GENERATION) == 0;
	sr_view_end(view);
	memset(&row, 0, sizeof row);
	return same;
}

static enum sr_code replay_line(const struct sr_daemon_parts *parts, struct sr_remover *remover,
				const struct sr_ledger_line *line, struct sr_error *err)
{
	if (line->kind == SR_LEDGER_RECORDING)
		return replay_recording(parts, remover, line, err);
	if (!is_same(parts, line))
		return SR_OK;
	enum sr_code code = sr_erasure_begin(remover, line->tag, line->erased_ms, NULL, NULL, err);
	if (code == SR_OK)
		code = sr_erasure_strip(remover, line->tag, sr_keyring_epoch(parts->keyring), err);
	return code == SR_OK ? sr_erasure_finish(remover, line->tag, NULL, NULL, err) : code;
}

static enum sr_code replay_all(const struct sr_daemon_parts *parts, struct sr_remover *remover, uint64_t count,
			       struct sr_error *err)
{
	enum sr_code code = SR_OK;
	for (uint64_t number = 0; code == SR_OK && number < count; number++) {
		uint8_t bytes[SR_LEDGER_LINE];
		struct sr_ledger_line line;
		code = sr_ledger_read(parts->ledger, number, bytes, err);
		if (code == SR_OK && sr_ledger_line_open(parts->keyring, number, bytes, &line) != SR_OK)
			code = SR_FAIL(err, SR_USAGE, "%s: line %llu is not one of this store's erasure ledger",
				       parts->config->ledger, (unsigned long long)number + 1);
		if (code == SR_OK)
			code = replay_line(parts, remover, &line, err);
	}
	return code;
}

/* All its lines are seen, and the mark goes. */
static enum sr_code unmark(const struct sr_daemon_parts *parts, uint64_t count, struct sr_error *err)
{
	struct sr_index_key mark = sr_key_control(SR_RESTORED_NAME), seen = sr_key_control(SR_LEDGER_NAME);
	uint8_t bytes[SR_ROW_MAX];
	size_t failed, size = sr_number_row_seal(parts->keyring, SR_LEDGER_NAME, count, bytes);
	struct sr_op *op = sr_op_new();
	if (!op || !sr_op_put(op, &seen, bytes, size) || !sr_op_erase(op, &mark)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(err);
	}
	enum sr_code code = sr_index_run(parts->index, op, &failed);
	return code == SR_OK ? SR_OK : SR_FAIL(err, code, "the mark of a restored store cannot be removed");
}

/* With a keyring older than the store it would not be served afterwards: that is said before anything is changed. */
static enum sr_code check_keyring(const struct sr_daemon_parts *parts, struct sr_error *err)
{
	struct sr_epoch_book *book;
	enum sr_code code = sr_epoch_book_open(parts->keyring, parts->index, sr_now_ms(), &book, err);
	if (code == SR_OK)
		sr_epoch_book_free(book);
	return code;
}

static enum sr_code replay_opened(struct sr_daemon_parts *parts, uint64_t *lines, struct sr_error *err)
{
	bool restored;
	enum sr_code code = sr_store_restored(parts, &restored, err);
	if (code == SR_OK && !restored)
		code = SR_FAIL(err, SR_CONFLICT,
			       "this store was not restored from a backup: there is nothing to replay");
	if (code == SR_OK)
		code = sr_store_open_ledger(parts, err);
	if (code == SR_OK)
		code = check_keyring(parts, err);
	if (code != SR_OK)
		return code;
	*lines = sr_ledger_count(parts->ledger);
	struct sr_remover *remover = sr_remover_new(parts->keyring, parts->index, parts->blobs, parts->ledger);
	if (!remover)
		return SR_FAIL_MEMORY(err);
	sr_remover_replay(remover);
	code = replay_all(parts, remover, *lines, err);
	sr_remover_free(remover);
	return code == SR_OK ? unmark(parts, *lines, err) : code;
}

enum sr_code sr_store_replay(const char *directory, uint64_t *lines, struct sr_error *err)
{
	struct sr_daemon_parts parts = {.config = NULL};
	bool development;
	int lock = -1;
	*lines = 0;
	enum sr_code code = sr_store_take(directory, &parts, &lock, &development, err);
	if (code == SR_OK)
		code = sr_store_open_data(&parts, err);
	if (code == SR_OK)
		code = replay_opened(&parts, lines, err);
	sr_store_close(&parts, lock);
	return code;
}
