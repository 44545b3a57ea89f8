/*
 * Erasing a patient: doomed, written down, stripped, and then recording by recording removed.
 */
#include "serve/removal/erasure.h"

#include <string.h>

#include <sodium.h>

#include "serve/daemon.h"
#include "serve/removal/holding.h"
#include "serve/removal/removal_internal.h"

#define ROWS_AT_ONCE 400 /* a view ends within 1,000 reads, and each recording takes two more */

static struct sr_doom doom_of(const uint8_t tag[SR_TAG])
{
	struct sr_doom doom = {.kind = SR_DOOM_FINAL};
	memcpy(doom.tag, tag, SR_TAG);
	return doom;
}

/* ---- the patient's row ---- */

struct person {
	bool there;
	struct sr_patient_row row;
	uint8_t mac[SR_ROW_MAC];
};

static enum sr_code read_person(struct sr_remover *remover, const uint8_t tag[SR_TAG], struct person *person,
				struct sr_error *err)
{
	struct sr_index_key key = sr_key_patient(tag);
	struct sr_view *view;
	struct sr_span value;
	memset(person, 0, sizeof *person);
	enum sr_code code = sr_view_begin(remover->index, &view, err);
	if (code != SR_OK)
		return code;
	code = sr_view_get(view, &key, &value);
	if (code == SR_OK)
		code = sr_patient_row_decode(remover->keyring, tag, value, &person->row);
	if (code == SR_OK)
		memcpy(person->mac, value.data + value.size - SR_ROW_MAC, SR_ROW_MAC);
	sr_view_end(view);
	person->there = code == SR_OK;
	if (code == SR_OK || code == SR_NOT_FOUND)
		return SR_OK;
	return SR_FAIL(err, code, "the patient's row cannot be read");
}

/* The row as it now is in memory, if it still stands as it was read. */
static bool add_person(struct sr_remover *remover, const uint8_t tag[SR_TAG], const struct person *person,
		       struct sr_op *op)
{
	struct sr_index_key key = sr_key_patient(tag);
	uint8_t bytes[SR_ROW_MAX];
	size_t size = sr_patient_row_encode(remover->keyring, tag, &person->row, bytes);
	return op && sr_op_check(op, SR_CHECK_SUFFIX, &key, person->mac, SR_ROW_MAC) &&
	       sr_op_put(op, &key, bytes, size);
}

enum sr_code sr_erasure_begin(struct sr_remover *remover, const uint8_t tag[SR_TAG], uint64_t now_ms,
			      sr_erasure_mark *mark, void *context, struct sr_error *err)
{
	struct sr_doom doom = doom_of(tag);
	struct sr_index_key key = sr_key_doom(&doom), hold = sr_key_hold_patient(tag);
	struct person person;
	uint8_t bytes[SR_ROW_MAX];
	enum sr_code code = read_person(remover, tag, &person, err);
	if (code != SR_OK)
		return code;
	if (!person.there || person.row.life == SR_LIFE_TOMBSTONE)
		return SR_FAIL(err, SR_NOT_FOUND, "there is no patient of this identity");
	if (person.row.life == SR_LIFE_DOOMED)
		return SR_OK;
	if (person.row.life != SR_LIFE_LIVE)
		return SR_FAIL(err, SR_CONFLICT, "this patient is being renamed or merged; wait for its end");
	person.row.life = SR_LIFE_DOOMED;
	person.row.doomed_ms = now_ms;
	size_t size = sr_doom_row_seal(remover->keyring, &doom, bytes);
	struct sr_op *op = sr_op_new();
	bool built = add_person(remover, tag, &person, op) && sr_op_put(op, &key, bytes, size) &&
		     (remover->replays || sr_op_check(op, SR_CHECK_ABSENT, &hold, NULL, 0)) &&
		     (!mark || mark(context, op));
	code = sr_remover_run(remover, op, built, err);
	sodium_memzero(&person, sizeof person);
	return code == SR_CONFLICT ? SR_FAIL(err, code, "this patient is on hold; the operator can say why") : code;
}

/* ---- a walk over the patient's recordings ---- */

/* One of them, copied out of the view. */
struct member {
	struct sr_index_key key;
	uint8_t recording[SR_UUID];
	uint8_t value[SR_ROW_MAX];
	size_t size;
	bool hinted; /* the hint leads here: it is this patient's */
	bool held;
};

struct seeking {
	const uint8_t *tag;
	struct sr_view *view;
	struct sr_index_key after; /* size 0: from the first on */
	struct member *member;
	unsigned seen;
	bool found, more;
	enum sr_code code;
};

static bool visit(void *context, struct sr_span key, struct sr_span value)
{
	struct seeking *seeking = context;
	struct member *member = seeking->member;
	struct sr_span hint;
	if (seeking->after.size == key.size && memcmp(key.data, seeking->after.bytes, key.size) == 0)
		return true;
	seeking->after.size = key.size;
	memcpy(seeking->after.bytes, key.data, key.size);
	bool whole = key.size == SR_TAG + SR_UUID + 2 && key.data[key.size - 1] == 0 && key.data[key.size - 2] == 0;
	if (!whole || value.size > sizeof member->value) {
		seeking->more = ++seeking->seen == ROWS_AT_ONCE;
		return !seeking->more;
	}
	member->key = seeking->after;
	memcpy(member->recording, key.data + SR_TAG, SR_UUID);
	memcpy(member->value, value.data, value.size);
	member->size = value.size;
	struct sr_index_key own = sr_key_hint(member->recording);
	enum sr_code code = sr_view_get(seeking->view, &own, &hint);
	member->hinted = code == SR_OK && hint.size == SR_TAG && memcmp(hint.data, seeking->tag, SR_TAG) == 0;
	if (code == SR_OK || code == SR_NOT_FOUND)
		code = sr_holds_look(seeking->view, seeking->tag, member->recording, &member->held);
	seeking->code = code;
	seeking->found = true;
	return false;
}

/* The next recording's row behind seeking->after: SR_OK, SR_NOT_FOUND at the end, or a failure. */
static enum sr_code next_member(struct sr_remover *remover, struct seeking *seeking, struct sr_error *err)
{
	static const uint8_t first[SR_UUID];
	do {
		struct sr_index_key from = seeking->after.size ? seeking->after : sr_key_recording(seeking->tag, first);
		enum sr_code code = sr_view_begin(remover->index, &seeking->view, err);
		if (code != SR_OK)
			return code;
		seeking->after.table = SR_TABLE_RECORDINGS;
		seeking->found = seeking->more = false;
		seeking->seen = 0;
		code = sr_view_walk(seeking->view, &from, SR_TAG, visit, seeking);
		sr_view_end(seeking->view);
		if (code == SR_OK && seeking->found)
			code = seeking->code;
		if (code != SR_OK)
			return SR_FAIL(err, code, "reading the index failed");
	} while (!seeking->found && seeking->more);
	return seeking->found ? SR_OK : SR_NOT_FOUND;
}

/* ---- what makes it true ---- */

/* Whether one recording stops the erasure of its patient. */
static enum sr_code judge(struct sr_remover *remover, const struct member *member, struct sr_error *err)
{
	struct sr_recording_row row;
	struct sr_span value = {member->value, member->size};
	if (!member->hinted || remover->replays)
		return SR_OK;
	enum sr_code code = sr_recording_row_decode(remover->keyring, member->recording, value, &row);
	if (member->held || (code == SR_OK && row.held))
		return SR_FAIL(err, SR_CONFLICT, "a recording of this patient is on hold; hold list shows it");
	if (code == SR_OK && row.retain_until_ms > sr_now_ms())
		return SR_FAIL(err, SR_CONFLICT, "a recording of this patient is to be kept until a later time");
	if (code == SR_OK && row.life == SR_LIFE_MOVING)
		return SR_FAIL(err, SR_CONFLICT, "a recording of this patient is being moved; wait for its end");
	return SR_OK;
}

static enum sr_code judge_all(struct sr_remover *remover, const uint8_t tag[SR_TAG], uint32_t *count,
			      struct sr_error *err)
{
	struct member member;
	struct seeking seeking = {.tag = tag, .member = &member};
	enum sr_code code;
	*count = 0;
	while ((code = next_member(remover, &seeking, err)) == SR_OK) {
		code = judge(remover, &member, err);
		if (code != SR_OK)
			return code;
		*count += member.hinted;
	}
	return code == SR_NOT_FOUND ? SR_OK : code;
}

/* The patient is as before. */
static enum sr_code take_back(struct sr_remover *remover, const uint8_t tag[SR_TAG], struct person *person,
			      struct sr_error *err)
{
	struct sr_doom doom = doom_of(tag);
	struct sr_index_key key = sr_key_doom(&doom);
	person->row.life = SR_LIFE_LIVE;
	person->row.doomed_ms = 0;
	struct sr_op *op = sr_op_new();
	bool built = add_person(remover, tag, person, op) && sr_op_erase(op, &key);
	return sr_remover_run(remover, op, built, err);
}

/* The line first; then salt and name go, in the operation that says so. */
static enum sr_code strip(struct sr_remover *remover, const uint8_t tag[SR_TAG], struct person *person,
			  const struct sr_erased *erased, struct sr_error *err)
{
	struct sr_ledger_line line = {.kind = SR_LEDGER_PATIENT, .erased_ms = person->row.doomed_ms};
	struct sr_index_key people = sr_key_person(tag);
	char name[SR_CONTROL_NAME];
	uint8_t bytes[SR_ROW_MAX];
	memcpy(line.tag, tag, SR_TAG);
	memcpy(line.subject, person->row.generation, SR_GENERATION);
	sr_erased_name(tag, name);
	struct sr_index_key key = sr_key_control(name);
	size_t size = sr_erased_row_seal(remover->keyring, name, erased, bytes);
	sodium_memzero(person->row.salt, sizeof person->row.salt);
	struct sr_op *op = sr_op_new();
	if (!add_person(remover, tag, person, op) || !sr_op_erase(op, &people) || !sr_op_put(op, &key, bytes, size)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(err);
	}
	return sr_remover_note(remover, &line, op, err);
}

static enum sr_code strip_locked(struct sr_remover *remover, const uint8_t tag[SR_TAG], struct person *person,
				 uint32_t epoch, struct sr_error *err)
{
	struct sr_erased erased = {.epoch = epoch};
	enum sr_code code = read_person(remover, tag, person, err);
	if (code != SR_OK || !person->there || person->row.life != SR_LIFE_DOOMED ||
	    sodium_is_zero(person->row.salt, sizeof person->row.salt))
		return code;
	/* A backup's moment is taken between two of these: one that is not later may have the salt still. */
	uint64_t now = sr_now_ms();
	erased.erased_ms = remover->replays || now < person->row.doomed_ms ? person->row.doomed_ms : now;
	memcpy(erased.generation, person->row.generation, SR_GENERATION);
	code = judge_all(remover, tag, &erased.recordings, err);
	if (code == SR_OK)
		return strip(remover, tag, person, &erased, err);
	struct sr_error ignored;
	if (code == SR_CONFLICT && take_back(remover, tag, person, &ignored) != SR_OK)
		return SR_FAIL(err, ignored.code, "taking back an erasure that a hold stops failed; it is tried again");
	return code;
}

enum sr_code sr_erasure_strip(struct sr_remover *remover, const uint8_t tag[SR_TAG], uint32_t epoch,
			      struct sr_error *err)
{
	struct person person;
	pthread_mutex_lock(&remover->working);
	enum sr_code code = strip_locked(remover, tag, &person, epoch, err);
	pthread_mutex_unlock(&remover->working);
	sodium_memzero(&person, sizeof person);
	return code;
}

/* ---- the rest ---- */

static enum sr_code erase_row(struct sr_remover *remover, const struct member *member, struct sr_error *err)
{
	struct sr_op *op = sr_op_new();
	bool built = op && sr_op_check(op, SR_CHECK_EQUALS, &member->key, member->value, member->size) &&
		     sr_op_erase(op, &member->key);
	return sr_remover_run(remover, op, built, err);
}

/* Its wrap goes; the ledger's line is the patient's. What is still written fails by itself: its row is another now. */
static enum sr_code unwrap(struct sr_remover *remover, const struct member *member, struct sr_recording_row *row,
			   uint64_t doomed_ms, struct sr_error *err)
{
	uint8_t bytes[SR_ROW_MAX];
	if (row->life != SR_LIFE_DOOMED)
		row->doomed_ms = doomed_ms;
	row->life = SR_LIFE_DOOMED;
	row->epoch = SR_EPOCH_NONE;
	row->wrap_revision++;
	row->life_revision++;
	row->label_size = 0;
	sodium_memzero(row->wrap, sizeof row->wrap);
	size_t size = sr_recording_row_encode(remover->keyring, member->recording, row, bytes);
	struct sr_op *op = sr_op_new();
	bool built = op && sr_op_check(op, SR_CHECK_EQUALS, &member->key, member->value, member->size) &&
		     sr_op_put(op, &member->key, bytes, size);
	return sr_remover_run(remover, op, built, err);
}

static enum sr_code remove_member(struct sr_remover *remover, const struct member *member, const struct person *person,
				  struct sr_error *err)
{
	struct sr_recording_row row;
	struct sr_doom doom = {.kind = SR_DOOM_FINAL};
	struct sr_span value = {member->value, member->size};
	enum sr_code code = sr_recording_row_decode(remover->keyring, member->recording, value, &row);
	if (code == SR_OK && row.life == SR_LIFE_TOMBSTONE)
		return erase_row(remover, member, err);
	if (!member->hinted)
		return SR_OK; /* somebody else's, misfiled */
	memcpy(doom.tag, member->key.bytes, SR_TAG);
	memcpy(doom.recording, member->recording, SR_UUID);
	if (code != SR_OK) {
		doom.kind = SR_DOOM_DISCARDED;
		return sr_remove_locked(remover, &doom, err);
	}
	code = SR_OK;
	if (!sr_recording_unwrapped(&row))
		code = unwrap(remover, member, &row, person->row.doomed_ms, err);
	doom.doomed_ms = row.doomed_ms;
	return code == SR_OK ? sr_remove_locked(remover, &doom, err) : code;
}

/* ---- what is known of it afterwards ---- */

static enum sr_code read_erased(struct sr_remover *remover, const uint8_t tag[SR_TAG], struct sr_erasure_state *state,
				struct sr_error *err)
{
	char name[SR_CONTROL_NAME];
	struct sr_view *view;
	struct sr_span value;
	sr_erased_name(tag, name);
	struct sr_index_key key = sr_key_control(name);
	enum sr_code code = sr_view_begin(remover->index, &view, err);
	if (code != SR_OK)
		return code;
	code = sr_view_get(view, &key, &value);
	if (code == SR_OK)
		code = sr_erased_row_open(remover->keyring, name, value, &state->erased);
	sr_view_end(view);
	state->there = code == SR_OK;
	return code == SR_OK || code == SR_NOT_FOUND ? SR_OK
						     : SR_FAIL(err, code, "the row of the erasure cannot be read");
}

/*
 * A rotation may have moved wraps that were still waiting to be destroyed to a newer epoch: what copies of the disk
 * have from that time is under that one, and the erasure is not final before it is retired too.
 */
static bool add_last_epoch(struct sr_remover *remover, const uint8_t tag[SR_TAG], struct sr_erased *erased,
			   struct sr_op *op)
{
	char name[SR_CONTROL_NAME];
	uint8_t bytes[SR_ROW_MAX];
	uint32_t epoch = sr_keyring_epoch(remover->keyring);
	if (erased->epoch >= epoch)
		return true;
	erased->epoch = epoch;
	sr_erased_name(tag, name);
	struct sr_index_key key = sr_key_control(name);
	size_t size = sr_erased_row_seal(remover->keyring, name, erased, bytes);
	return sr_op_put(op, &key, bytes, size);
}

static enum sr_code remove_person(struct sr_remover *remover, const uint8_t tag[SR_TAG], const struct person *person,
				  struct sr_error *err)
{
	struct sr_doom doom = doom_of(tag);
	struct sr_index_key key = sr_key_patient(tag), doomed = sr_key_doom(&doom);
	struct sr_erasure_state state = {.there = false};
	enum sr_code code = read_erased(remover, tag, &state, err);
	if (code != SR_OK)
		return code;
	struct sr_op *op = sr_op_new();
	bool built = op && sr_op_erase(op, &doomed);
	if (built && person->there && person->row.life == SR_LIFE_DOOMED)
		built = sr_op_check(op, SR_CHECK_SUFFIX, &key, person->mac, SR_ROW_MAC) && sr_op_erase(op, &key) &&
			(!state.there || add_last_epoch(remover, tag, &state.erased, op));
	return sr_remover_run(remover, op, built, err);
}

enum sr_code sr_erasure_finish(struct sr_remover *remover, const uint8_t tag[SR_TAG], bool (*goes_on)(void *context),
			       void *context, struct sr_error *err)
{
	struct member member;
	struct seeking seeking = {.tag = tag, .member = &member};
	struct person person;
	enum sr_code code = read_person(remover, tag, &person, err);
	bool doomed = code == SR_OK && person.there && person.row.life == SR_LIFE_DOOMED;
	if (doomed && !sodium_is_zero(person.row.salt, sizeof person.row.salt))
		code = SR_FAIL(err, SR_CONFLICT, "the patient is not stripped yet");
	while (code == SR_OK && doomed) {
		if (goes_on && !goes_on(context))
			return SR_FAIL(err, SR_BUSY, "stopped");
		code = next_member(remover, &seeking, err);
		if (code != SR_OK)
			break;
		pthread_mutex_lock(&remover->working);
		code = remove_member(remover, &member, &person, err);
		pthread_mutex_unlock(&remover->working);
	}
	if (code == SR_OK || code == SR_NOT_FOUND)
		code = remove_person(remover, tag, &person, err);
	sodium_memzero(&person, sizeof person);
	return code;
}

/* ---- how it stands ---- */

enum sr_code sr_erasure_look(struct sr_remover *remover, const uint8_t tag[SR_TAG], struct sr_erasure_state *state,
			     struct sr_error *err)
{
	struct member member;
	struct seeking seeking = {.tag = tag, .member = &member};
	struct person person;
	memset(state, 0, sizeof *state);
	enum sr_code code = read_erased(remover, tag, state, err);
	if (code == SR_OK)
		code = read_person(remover, tag, &person, err);
	if (code != SR_OK)
		return code;
	state->pending = person.there && person.row.life == SR_LIFE_DOOMED;
	state->returned = person.there && person.row.life == SR_LIFE_LIVE;
	state->there |= state->pending;
	sodium_memzero(&person, sizeof person);
	while (state->pending && (code = next_member(remover, &seeking, err)) == SR_OK)
		state->waiting += member.hinted;
	/* Its own row goes last, and may raise the epoch: before that nobody is to take this for the end. */
	state->waiting += state->pending;
	return code == SR_NOT_FOUND ? SR_OK : code;
}
