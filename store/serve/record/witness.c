/*
 * Witnesses between two who write a track: a table of one place for each of a hash of their tracks.
 */
#include "serve/record/witness.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct sr_witnesses {
	pthread_mutex_t lock;
	struct sr_witness *places[SR_WITNESSES];
};

struct sr_witnesses *sr_witnesses_new(void)
{
	struct sr_witnesses *witnesses = calloc(1, sizeof *witnesses);
	if (witnesses && pthread_mutex_init(&witnesses->lock, NULL) != 0) {
		free(witnesses);
		return NULL;
	}
	return witnesses;
}

static void drop(struct sr_witness *witness)
{
	if (!witness)
		return;
	sr_extents_clear(&witness->extents);
	free(witness);
}

void sr_witnesses_free(struct sr_witnesses *witnesses)
{
	if (!witnesses)
		return;
	for (size_t at = 0; at < SR_WITNESSES; at++)
		drop(witnesses->places[at]);
	pthread_mutex_destroy(&witnesses->lock);
	free(witnesses);
}

/* The end of an id is random. Who chooses ids so that they meet has others' tracks read once more, and nothing else. */
static struct sr_witness **place_of(struct sr_witnesses *witnesses, const struct sr_blob_name *file)
{
	const uint8_t *end = file->recording + SR_UUID - 2;
	return &witnesses->places[(((unsigned)end[0] << 8 | end[1]) + file->track) % SR_WITNESSES];
}

void sr_witnesses_leave(struct sr_witnesses *witnesses, struct sr_witness *witness)
{
	struct sr_witness *left = malloc(sizeof *left);
	if (!left) {
		sr_extents_clear(&witness->extents);
		return;
	}
	*left = *witness;
	memset(&witness->extents, 0, sizeof witness->extents);
	pthread_mutex_lock(&witnesses->lock);
	struct sr_witness **place = place_of(witnesses, &left->file), *older = *place;
	*place = left;
	pthread_mutex_unlock(&witnesses->lock);
	drop(older);
}

static bool same_track(const struct sr_blob_name *one, const struct sr_blob_name *other)
{
	return one->track == other->track && memcmp(one->recording, other->recording, SR_UUID) == 0;
}

/* Whether it still tells the truth of the file. */
static bool holds(const struct sr_witness *witness, const struct sr_blob *blob)
{
	struct sr_blob_stamp now;
	return sr_blob_stamp(blob, &now) && sr_blob_stamp_same(&now, &witness->stamp) &&
	       now.size == sr_blob_position(blob);
}

bool sr_witnesses_take(struct sr_witnesses *witnesses, const struct sr_blob_name *file, const struct sr_blob *blob,
		       const uint8_t *chain, struct sr_witness *witness)
{
	struct sr_witness *found = NULL;
	pthread_mutex_lock(&witnesses->lock);
	struct sr_witness **place = place_of(witnesses, file);
	if (*place && same_track(&(*place)->file, file)) {
		found = *place;
		*place = NULL;
	}
	pthread_mutex_unlock(&witnesses->lock);
	if (found && found->file.file == file->file && memcmp(found->chain, chain, SR_CHAIN) == 0 &&
	    holds(found, blob)) {
		*witness = *found;
		free(found);
		return true;
	}
	drop(found);
	return false;
}
