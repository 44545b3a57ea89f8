/*
 * The `people` rows: every tag's identity, sealed to the auditor before the first entry that names the tag; and which
 * tags are known to have theirs.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "keys/control_rows.h"
#include "keys/opening.h"
#include "serve/accounting/accounting_internal.h"
#include "serve/epochs/epochs.h"

/* Tags are uniform, so that their first bytes are hash enough; one that is pushed out costs a read. */
#define PLACES 8192u
#define TRIES 8 /* while epochs change */

struct sr_people {
	pthread_mutex_t lock;
	uint64_t drops; /* how often somebody was dropped */
	uint8_t known[PLACES][SR_TAG];
};

struct sr_people *sr_people_new(void)
{
	struct sr_people *people = calloc(1, sizeof *people);
	if (people)
		pthread_mutex_init(&people->lock, NULL);
	return people;
}

void sr_people_free(struct sr_people *people)
{
	if (!people)
		return;
	pthread_mutex_destroy(&people->lock);
	free(people);
}

static uint8_t *place_of(struct sr_people *people, const uint8_t tag[SR_TAG])
{
	return people->known[(unsigned)(tag[0] << 8 | tag[1]) % PLACES];
}

/* *drops (out): those until now, for set_known. */
static bool is_known(struct sr_people *people, const uint8_t tag[SR_TAG], uint64_t *drops)
{
	pthread_mutex_lock(&people->lock);
	*drops = people->drops;
	bool known = memcmp(place_of(people, tag), tag, SR_TAG) == 0;
	pthread_mutex_unlock(&people->lock);
	return known;
}

/* Unless anybody was dropped since: it may be this one, whose row is gone again. The next request looks anew then. */
static void set_known(struct sr_people *people, const uint8_t tag[SR_TAG], uint64_t drops)
{
	pthread_mutex_lock(&people->lock);
	if (people->drops == drops)
		memcpy(place_of(people, tag), tag, SR_TAG);
	pthread_mutex_unlock(&people->lock);
}

void sr_people_drop(struct sr_people *people, const uint8_t tag[SR_TAG])
{
	pthread_mutex_lock(&people->lock);
	people->drops++;
	if (memcmp(place_of(people, tag), tag, SR_TAG) == 0)
		memset(place_of(people, tag), 0, SR_TAG);
	pthread_mutex_unlock(&people->lock);
}

/* What the index has of a tag. */
struct standing {
	bool row;                    /* the person's */
	bool is_gone;                /* erased, and no patient of this tag is there again */
	bool is_erased;              /* once, at least */
	uint8_t erasure[SR_ROW_MAC]; /* of the last one's row */
};

static bool is_there(struct sr_view *view, struct sr_index_key key, struct sr_span *value, enum sr_code *code)
{
	enum sr_code found = *code == SR_OK ? sr_view_get(view, &key, value) : *code;
	if (found != SR_OK && found != SR_NOT_FOUND)
		*code = found;
	return found == SR_OK;
}

/* A patient who is doomed goes; one who is a tombstone has gone elsewhere. */
static bool has_patient(const struct sr_accounting_parts *parts, const uint8_t tag[SR_TAG], struct sr_span value)
{
	struct sr_patient_row row;
	enum sr_code code = sr_patient_row_decode(parts->keyring, tag, value, &row);
	return code == SR_OK && (row.life == SR_LIFE_LIVE || row.life == SR_LIFE_MOVING);
}

static enum sr_code look(const struct sr_accounting_parts *parts, const uint8_t tag[SR_TAG], struct standing *standing,
			 struct sr_error *err)
{
	char name[SR_CONTROL_NAME];
	struct sr_view *view;
	struct sr_span value;
	*standing = (struct standing){.row = false};
	enum sr_code code = sr_view_begin(parts->index, &view, err);
	if (code != SR_OK)
		return code;
	standing->row = is_there(view, sr_key_person(tag), &value, &code);
	sr_erased_name(tag, name);
	standing->is_erased =
		!standing->row && is_there(view, sr_key_control(name), &value, &code) && value.size >= SR_ROW_MAC;
	if (standing->is_erased) {
		memcpy(standing->erasure, value.data + value.size - SR_ROW_MAC, SR_ROW_MAC);
		standing->is_gone =
			!is_there(view, sr_key_patient(tag), &value, &code) || !has_patient(parts, tag, value);
	}
	sr_view_end(view);
	return code == SR_OK ? SR_OK : SR_FAIL(err, code, "reading the index failed");
}

bool sr_people_named(struct sr_people *people, const struct sr_accounting_parts *parts, const uint8_t tag[SR_TAG])
{
	struct standing standing;
	struct sr_error err;
	uint64_t drops;
	if (is_known(people, tag, &drops))
		return true;
	if (look(parts, tag, &standing, &err) != SR_OK)
		return false;
	if (standing.row)
		set_known(people, tag, drops);
	return standing.row || standing.is_gone;
}

/* No erasure may come between looking and putting: its end would be that the name is there again. */
static bool demand_unerased(struct sr_op *op, const uint8_t tag[SR_TAG], const struct standing *standing)
{
	char name[SR_CONTROL_NAME];
	sr_erased_name(tag, name);
	struct sr_index_key key = sr_key_control(name);
	return standing->is_erased ? sr_op_check(op, SR_CHECK_SUFFIX, &key, standing->erasure, SR_ROW_MAC)
				   : sr_op_check(op, SR_CHECK_ABSENT, &key, NULL, 0);
}

/* One attempt. *again (out): it is to be looked at anew, because others have changed something. */
static enum sr_code put(const struct sr_accounting_parts *parts, const struct sr_person *person,
			const struct standing *standing, bool *again, struct sr_error *err)
{
	uint8_t row[SR_PERSON_MAX];
	size_t size, failed = 0;
	struct sr_epoch_hold hold;
	struct sr_index_key key = sr_key_person(person->tag);
	struct sr_span identity = {person->identity, person->size};
	sr_epoch_book_hold(parts->epochs, &hold);
	if (sr_person_seal(parts->keyring, hold.current, person->tag, identity, row, &size) != SR_OK)
		return SR_FAIL(err, SR_INTERNAL, "sealing an identity failed");
	struct sr_op *op = sr_op_new();
	if (!op || !sr_op_check(op, SR_CHECK_ABSENT, &key, NULL, 0) || !sr_op_put(op, &key, row, size) ||
	    !sr_epoch_guard(op, &hold) || !demand_unerased(op, person->tag, standing)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(err);
	}
	enum sr_code code = sr_index_run(parts->index, op, &failed);
	*again = code == SR_CONFLICT;
	return code == SR_OK || code == SR_CONFLICT ? SR_OK : SR_FAIL(err, code, "writing the index failed");
}

enum sr_code sr_people_ensure(struct sr_people *people, const struct sr_accounting_parts *parts,
			      const struct sr_person *person, struct sr_error *err)
{
	struct standing standing;
	bool again = true;
	uint64_t drops;
	if (is_known(people, person->tag, &drops))
		return SR_OK;
	for (int tries = 0; again && tries < TRIES; tries++) {
		enum sr_code code = look(parts, person->tag, &standing, err);
		if (code != SR_OK)
			return code;
		again = false;
		/* Who was erased has no name any more, whoever still asks for them with an older grant. */
		if (standing.is_gone && !person->comes)
			return SR_OK;
		if (!standing.row)
			code = put(parts, person, &standing, &again, err);
		if (code != SR_OK)
			return code;
	}
	if (again)
		return SR_FAIL(err, SR_BUSY, "others keep changing the same rows");
	set_known(people, person->tag, drops);
	return SR_OK;
}
