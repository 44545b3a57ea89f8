/*
 * An epoch's life as one table, and the control rows that remember it.
 */
#include "keys/epochs.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_BYTES (4 + 1 + 8 + 8 + 8)
#define ROW_BYTES (8 + 8 + 2 + SR_EPOCHS_KNOWN_MAX * EPOCH_BYTES)
#define ABSENT 0 /* the state of an epoch that is not there */
#define STATES (SR_EPOCH_RETIRED + 1)

_Static_assert(1 + ROW_BYTES + SR_ROW_MAC <= SR_ROW_MAX, "the row of all epochs fits");

const char *sr_epoch_state_name(enum sr_epoch_state state)
{
	return state == SR_EPOCH_OPEN ? "open" : state == SR_EPOCH_CLOSING ? "closing" : "retired";
}

/* ---- the table ---- */

/* The state that follows, or the reason why not. */
struct step {
	int next;
	enum sr_code refused;
	const char *why;
};

#define TO(state)                                                                                                      \
	{                                                                                                              \
		.next = (state)                                                                                        \
	}
#define NO(code, text)                                                                                                 \
	{                                                                                                              \
		.refused = (code), .why = (text)                                                                       \
	}

static const struct step steps[STATES][SR_EPOCH_EVENTS] = {
	[ABSENT] = {[SR_EPOCH_MAKE] = TO(SR_EPOCH_OPEN),
		    [SR_EPOCH_CLOSE] = NO(SR_NOT_FOUND, "there is none"),
		    [SR_EPOCH_REOPEN] = NO(SR_NOT_FOUND, "there is none"),
		    [SR_EPOCH_RETIRE] = NO(SR_NOT_FOUND, "there is none")},
	[SR_EPOCH_OPEN] = {[SR_EPOCH_MAKE] = NO(SR_CONFLICT, "it is there already"),
			   [SR_EPOCH_CLOSE] = TO(SR_EPOCH_CLOSING),
			   [SR_EPOCH_REOPEN] = NO(SR_CONFLICT, "it is open"),
			   [SR_EPOCH_RETIRE] = NO(SR_CONFLICT, "it takes new wraps")},
	[SR_EPOCH_CLOSING] = {[SR_EPOCH_MAKE] = NO(SR_CONFLICT, "it is there already"),
			      [SR_EPOCH_CLOSE] = NO(SR_CONFLICT, "it is being retired"),
			      [SR_EPOCH_REOPEN] = TO(SR_EPOCH_OPEN),
			      [SR_EPOCH_RETIRE] = TO(SR_EPOCH_RETIRED)},
	[SR_EPOCH_RETIRED] = {[SR_EPOCH_MAKE] = NO(SR_CONFLICT, "it was retired"),
			      [SR_EPOCH_CLOSE] = NO(SR_CONFLICT, "it is retired"),
			      [SR_EPOCH_REOPEN] = NO(SR_CONFLICT, "it is retired"),
			      [SR_EPOCH_RETIRE] = NO(SR_CONFLICT, "it is retired")},
};

static struct sr_epoch_row *find(struct sr_epochs *epochs, uint32_t number)
{
	for (size_t at = 0; at < epochs->count; at++)
		if (epochs->list[at].number == number)
			return &epochs->list[at];
	return NULL;
}

const struct sr_epoch_row *sr_epochs_find(const struct sr_epochs *epochs, uint32_t number)
{
	for (size_t at = 0; at < epochs->count; at++)
		if (epochs->list[at].number == number)
			return &epochs->list[at];
	return NULL;
}

uint32_t sr_epochs_current(const struct sr_epochs *epochs)
{
	uint32_t current = SR_EPOCH_NONE;

	for (size_t at = 0; at < epochs->count; at++)
		if (epochs->list[at].state == SR_EPOCH_OPEN)
			current = epochs->list[at].number;
	return current;
}

bool sr_epochs_takes_wraps(const struct sr_epochs *epochs, uint32_t number)
{
	const struct sr_epoch_row *epoch = sr_epochs_find(epochs, number);

	return epoch != NULL && epoch->state == SR_EPOCH_OPEN;
}

/* Room for one more: the first that is retired gives its place up. */
static bool make_room(struct sr_epochs *epochs)
{
	size_t at = 0;

	if (epochs->count < SR_EPOCHS_KNOWN_MAX)
		return true;
	while (at < epochs->count && epochs->list[at].state != SR_EPOCH_RETIRED)
		at++;
	if (at == epochs->count)
		return false;
	memmove(&epochs->list[at], &epochs->list[at + 1], (--epochs->count - at) * sizeof epochs->list[0]);
	return true;
}

/* Put a new epoch where its number belongs; there is room. */
static struct sr_epoch_row *insert(struct sr_epochs *epochs, uint32_t number, uint64_t now_ms)
{
	size_t at = epochs->count;

	while (at > 0 && epochs->list[at - 1].number > number)
		at--;
	memmove(&epochs->list[at + 1], &epochs->list[at], (epochs->count - at) * sizeof epochs->list[0]);
	epochs->list[at] = (struct sr_epoch_row){.number = number, .made_ms = now_ms};
	epochs->count++;
	return &epochs->list[at];
}

enum sr_code sr_epochs_step(struct sr_epochs *epochs, uint32_t number, enum sr_epoch_event event, uint64_t now_ms,
			    struct sr_error *err)
{
	struct sr_epoch_row *epoch = find(epochs, number);
	const struct step *step = &steps[epoch == NULL ? ABSENT : (int)epoch->state][event];

	if (step->refused != SR_OK)
		return SR_FAIL(err, step->refused, "epoch %u: %s", number, step->why);
	if (event == SR_EPOCH_CLOSE && number == sr_epochs_current(epochs))
		return SR_FAIL(err, SR_CONFLICT, "epoch %u is the current one: make a new one first, and rotate",
			       number);
	if (epoch == NULL && !make_room(epochs))
		return SR_FAIL(err, SR_BUSY, "there are %d epochs that are not retired, as many as a store takes",
			       SR_EPOCHS_KNOWN_MAX);
	if (epoch == NULL)
		epoch = insert(epochs, number, now_ms);
	epoch->state = (enum sr_epoch_state)step->next;
	epoch->changed_ms = now_ms;
	epochs->revision++;
	return SR_OK;
}

/* ---- after the keyring ---- */

/* One epoch as the keyring has it: the row follows. */
static enum sr_code follow(struct sr_epochs *epochs, const struct sr_keyring_epoch_fact *fact, uint64_t now_ms,
			   struct sr_error *err)
{
	const struct sr_epoch_row *row = sr_epochs_find(epochs, fact->number);
	bool gone = fact->state == SR_EPOCH_RETIRED;
	enum sr_code code = SR_OK;

	if (row == NULL && gone)
		return SR_OK;
	if (row != NULL && row->state == SR_EPOCH_RETIRED && !gone)
		return SR_FAIL(err, SR_USAGE,
			       "the keyring is older than the store: it has the key of epoch %u, which was retired",
			       fact->number);
	if (row == NULL) {
		code = sr_epochs_step(epochs, fact->number, SR_EPOCH_MAKE, now_ms, err);
		if (code == SR_OK)
			find(epochs, fact->number)->state = fact->state;
		return code;
	}
	if (row->state == SR_EPOCH_OPEN && gone)
		code = sr_epochs_step(epochs, fact->number, SR_EPOCH_CLOSE, now_ms, err);
	if (code == SR_OK && row->state == SR_EPOCH_CLOSING && gone)
		code = sr_epochs_step(epochs, fact->number, SR_EPOCH_RETIRE, now_ms, err);
	return code;
}

static bool has_key(const struct sr_keyring_epoch_fact *facts, size_t count, uint32_t number)
{
	for (size_t at = 0; at < count; at++)
		if (facts[at].number == number)
			return true;
	return false;
}

/* Later epochs first, so that none that closes is the current one. */
static enum sr_code follow_all(struct sr_epochs *epochs, const struct sr_keyring_epoch_fact *facts, size_t count,
			       uint64_t now_ms, struct sr_error *err)
{
	enum sr_code code = SR_OK;

	for (size_t at = 0; at < epochs->count; at++)
		if (epochs->list[at].state != SR_EPOCH_RETIRED && !has_key(facts, count, epochs->list[at].number))
			return SR_FAIL(err, SR_USAGE, "the keyring is older than the store: it lacks epoch %u",
				       epochs->list[at].number);
	for (size_t at = count; code == SR_OK && at > 0; at--)
		if (facts[at - 1].state == SR_EPOCH_OPEN)
			code = follow(epochs, &facts[at - 1], now_ms, err);
	for (size_t at = count; code == SR_OK && at > 0; at--)
		if (facts[at - 1].state != SR_EPOCH_OPEN)
			code = follow(epochs, &facts[at - 1], now_ms, err);
	return code;
}

enum sr_code sr_epochs_settle(struct sr_epochs *epochs, const struct sr_keyring *keyring, uint64_t now_ms,
			      bool *changed, struct sr_error *err)
{
	struct sr_keyring_epoch_fact *facts = calloc(SR_EPOCHS_MAX, sizeof *facts);
	uint64_t before = epochs->revision, revision = 0;
	enum sr_code code;

	*changed = false;
	if (facts == NULL)
		return SR_FAIL_MEMORY(err);
	size_t count = sr_keyring_epochs(keyring, facts, &revision);
	if (revision < epochs->keyring_revision)
		code = SR_FAIL(err, SR_USAGE,
			       "the keyring is older than the store: it is of revision %llu, and the store has seen "
			       "%llu; put the newest copy in its place",
			       (unsigned long long)revision, (unsigned long long)epochs->keyring_revision);
	else
		code = follow_all(epochs, facts, count, now_ms, err);
	*changed = code == SR_OK && epochs->revision != before;
	if (*changed)
		epochs->keyring_revision = revision;
	free(facts);
	return code;
}

/* ---- bytes ---- */

size_t sr_epochs_row_seal(const struct sr_keyring *keyring, const struct sr_epochs *epochs, uint8_t *out)
{
	uint8_t bytes[ROW_BYTES];
	struct sr_builder fields = sr_builder_over(bytes, sizeof bytes);

	sr_put_u64(&fields, epochs->revision);
	sr_put_u64(&fields, epochs->keyring_revision);
	sr_put_u16(&fields, epochs->count);
	for (size_t at = 0; at < epochs->count; at++) {
		sr_put_u32(&fields, epochs->list[at].number);
		sr_put_u8(&fields, (uint8_t)epochs->list[at].state);
		sr_put_u64(&fields, epochs->list[at].made_ms);
		sr_put_u64(&fields, epochs->list[at].changed_ms);
		sr_put_u64(&fields, epochs->list[at].back_ms);
	}
	if (fields.failed)
		sodium_misuse();
	return sr_control_row_seal(keyring, SR_EPOCHS_ROW_NAME, (struct sr_span){bytes, fields.used}, out);
}

/* A state that is not known is told apart from a malformed row: *known (in, out). */
static void take_epoch(struct sr_cursor *in, struct sr_epoch_row *epoch, uint32_t before, bool *known)
{
	uint8_t state;

	epoch->number = sr_take_u32(in);
	state = sr_take_u8(in);
	epoch->made_ms = sr_take_u64(in);
	epoch->changed_ms = sr_take_u64(in);
	epoch->back_ms = sr_take_u64(in);
	if (epoch->number <= before)
		sr_take_fail(in);
	*known = *known && state >= SR_EPOCH_OPEN && state <= SR_EPOCH_RETIRED;
	epoch->state = (enum sr_epoch_state)state;
}

enum sr_code sr_epochs_row_open(const struct sr_keyring *keyring, struct sr_span value, struct sr_epochs *epochs)
{
	struct sr_cursor in;
	bool known = true;
	uint32_t before = SR_EPOCH_NONE;
	enum sr_code code = sr_control_row_open(keyring, SR_EPOCHS_ROW_NAME, value, &in);

	memset(epochs, 0, sizeof *epochs);
	if (code != SR_OK)
		return code;
	epochs->revision = sr_take_u64(&in);
	epochs->keyring_revision = sr_take_u64(&in);
	epochs->count = sr_take_u16(&in);
	if (epochs->revision == 0 || epochs->count == 0 || epochs->count > SR_EPOCHS_KNOWN_MAX)
		sr_take_fail(&in);
	for (size_t at = 0; !in.failed && at < epochs->count; at++) {
		take_epoch(&in, &epochs->list[at], before, &known);
		before = epochs->list[at].number;
	}
	if (!sr_take_done(&in) || (known && sr_epochs_current(epochs) == SR_EPOCH_NONE))
		code = SR_CORRUPT;
	else if (!known)
		code = SR_UNAVAILABLE;
	if (code != SR_OK)
		memset(epochs, 0, sizeof *epochs);
	return code;
}

/* ---- backups ---- */

size_t sr_backup_row_seal(const struct sr_keyring *keyring, const char *name, const struct sr_backup_row *row,
			  uint8_t *out)
{
	uint8_t bytes[8 + 8 + 4 + 2 + SR_BACKUP_EPOCHS_MAX * 12];
	struct sr_builder fields = sr_builder_over(bytes, sizeof bytes);

	sr_put_u64(&fields, row->taken_ms);
	sr_put_u64(&fields, row->keyring_revision);
	sr_put_u32(&fields, row->current);
	sr_put_u16(&fields, row->count);
	for (size_t at = 0; at < row->count; at++) {
		sr_put_u32(&fields, row->list[at].number);
		sr_put_u64(&fields, row->list[at].rows);
	}
	if (fields.failed)
		sodium_misuse();
	return sr_control_row_seal(keyring, name, (struct sr_span){bytes, fields.used}, out);
}

enum sr_code sr_backup_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
				struct sr_backup_row *row)
{
	struct sr_cursor in;
	uint32_t before = SR_EPOCH_NONE;
	enum sr_code code = sr_control_row_open(keyring, name, value, &in);

	memset(row, 0, sizeof *row);
	if (code != SR_OK)
		return code;
	row->taken_ms = sr_take_u64(&in);
	row->keyring_revision = sr_take_u64(&in);
	row->current = sr_take_u32(&in);
	row->count = sr_take_u16(&in);
	if (row->current == SR_EPOCH_NONE || row->count > SR_BACKUP_EPOCHS_MAX)
		sr_take_fail(&in);
	for (size_t at = 0; !in.failed && at < row->count; at++) {
		struct sr_backup_epoch *epoch = &row->list[at];

		epoch->number = sr_take_u32(&in);
		epoch->rows = sr_take_u64(&in);
		if (epoch->number <= before || epoch->number > row->current || epoch->rows == 0)
			sr_take_fail(&in);
		before = epoch->number;
	}
	if (sr_take_done(&in))
		return SR_OK;
	memset(row, 0, sizeof *row);
	return SR_CORRUPT;
}

bool sr_backup_needs(const struct sr_backup_row *backup, uint32_t epoch)
{
	for (size_t at = 0; at < backup->count; at++)
		if (backup->list[at].number == epoch)
			return true;
	return false;
}

bool sr_backup_outlives(const struct sr_backup_row *backup, const struct sr_epoch_row *epoch)
{
	return backup->current > epoch->number && backup->taken_ms > epoch->back_ms &&
	       !sr_backup_needs(backup, epoch->number);
}
