/*
 * The `people` rows: every tag's identity, sealed to the auditor before the first entry that names the tag; and which
 * tags are known to have theirs.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "keys/opening.h"
#include "serve/accounting_internal.h"
#include "serve/epochs.h"

/* Tags are uniform, so that their first bytes are hash enough; one that is pushed out costs a read. */
#define PLACES 8192u
#define TRIES 8 /* while epochs change */

struct sr_people {
	pthread_mutex_t lock;
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

static bool is_known(struct sr_people *people, const uint8_t tag[SR_TAG])
{
	pthread_mutex_lock(&people->lock);
	bool known = memcmp(place_of(people, tag), tag, SR_TAG) == 0;
	pthread_mutex_unlock(&people->lock);
	return known;
}

static void set_known(struct sr_people *people, const uint8_t tag[SR_TAG])
{
	pthread_mutex_lock(&people->lock);
	memcpy(place_of(people, tag), tag, SR_TAG);
	pthread_mutex_unlock(&people->lock);
}

void sr_people_drop(struct sr_people *people, const uint8_t tag[SR_TAG])
{
	pthread_mutex_lock(&people->lock);
	if (memcmp(place_of(people, tag), tag, SR_TAG) == 0)
		memset(place_of(people, tag), 0, SR_TAG);
	pthread_mutex_unlock(&people->lock);
}

/* SR_OK: there is a row; SR_NOT_FOUND. */
static enum sr_code look(const struct sr_accounting_parts *parts, const struct sr_index_key *key, struct sr_error *err)
{
	struct sr_view *view;
	struct sr_span value;
	enum sr_code code = sr_view_begin(parts->index, &view, err);
	if (code != SR_OK)
		return code;
	code = sr_view_get(view, key, &value);
	sr_view_end(view);
	if (code != SR_OK && code != SR_NOT_FOUND)
		return SR_FAIL(err, code, "reading the index failed");
	return code;
}

/* One attempt. If somebody else puts it meanwhile it is there just as well; *again (out): the epoch has changed. */
static enum sr_code put(const struct sr_accounting_parts *parts, const struct sr_index_key *key,
			const struct sr_person *person, bool *again, struct sr_error *err)
{
	uint8_t row[SR_PERSON_MAX];
	size_t size, failed = 0;
	struct sr_epoch_hold hold;
	struct sr_span identity = {person->identity, person->size};
	sr_epoch_book_hold(parts->epochs, &hold);
	if (sr_person_seal(parts->keyring, hold.current, person->tag, identity, row, &size) != SR_OK)
		return SR_FAIL(err, SR_INTERNAL, "sealing an identity failed");
	struct sr_op *op = sr_op_new();
	if (!op || !sr_op_check(op, SR_CHECK_ABSENT, key, NULL, 0) || !sr_op_put(op, key, row, size) ||
	    !sr_epoch_guard(op, &hold)) {
		sr_op_free(op);
		return SR_FAIL(err, SR_INTERNAL, "memory is used up");
	}
	enum sr_code code = sr_index_run(parts->index, op, &failed);
	*again = code == SR_CONFLICT && failed != 0;
	return code == SR_OK || code == SR_CONFLICT ? SR_OK : SR_FAIL(err, code, "writing the index failed");
}

enum sr_code sr_people_ensure(struct sr_people *people, const struct sr_accounting_parts *parts,
			      const struct sr_person *person, struct sr_error *err)
{
	struct sr_index_key key = sr_key_person(person->tag);
	if (is_known(people, person->tag))
		return SR_OK;
	enum sr_code code = look(parts, &key, err);
	bool again = code == SR_NOT_FOUND;
	if (again)
		code = SR_OK;
	for (int tries = 0; code == SR_OK && again && tries < TRIES; tries++) {
		again = false;
		code = put(parts, &key, person, &again, err);
	}
	if (code == SR_OK && again)
		return SR_FAIL(err, SR_BUSY, "the epochs keep changing");
	if (code == SR_OK)
		set_known(people, person->tag);
	return code;
}
