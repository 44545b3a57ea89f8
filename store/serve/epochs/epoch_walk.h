/*
 * Going over every row that has a seal under an epoch, recordings' first and then people's, a short view at a time.
 */
#ifndef SR_EPOCH_WALK_H
#define SR_EPOCH_WALK_H

#include "data/index.h"
#include "message_epoch.h"

/* The parts of the walk; told to clients in places, so that the numbers keep their meaning. */
enum sr_epoch_part { SR_PART_RECORDINGS = 1, SR_PART_PEOPLE = 2, SR_PART_END = 3 };

/* All up to and including `after` (its size 0: nothing) of `part` has been visited. */
struct sr_epoch_place {
	enum sr_epoch_part part;
	struct sr_index_key after;
};

/* The place before everything. */
struct sr_epoch_place sr_epoch_place_start(void);

/* From the bytes that a client gives (none: the start), and to those it is told (none: the end). False: no place. */
bool sr_epoch_place_parse(struct sr_span bytes, struct sr_epoch_place *place) SR_MUST_USE;
size_t sr_epoch_place_encode(const struct sr_epoch_place *place, uint8_t out[SR_ROTATE_PLACE_MAX]);

/* How far it is in all, of SR_ROTATE_PROGRESS: tags are spread evenly. */
uint16_t sr_epoch_place_progress(const struct sr_epoch_place *place);

/* A row met on the way. Borrowed during the call. */
struct sr_epoch_met {
	enum sr_epoch_part part;
	const struct sr_index_key *key;
	const uint8_t *tag;       /* SR_INDEX_TAG; NULL: the key is malformed */
	const uint8_t *recording; /* SR_UUID; NULL for a person's row */
	struct sr_span value;
};

/* Returns true to go on; after false the walk ends, and the place is behind this row (`before` set: in front of it). */
typedef bool sr_epoch_visit(void *context, const struct sr_epoch_met *met, bool *before);

/*
 * Visit the rows behind *place (in, out) in one view: at most 1,000 rows of the index or 20 ms, or until `visit` stops.
 * Rows of tracks are passed over. *passed (in, out) counts recordings' and people's rows. SR_OK also when there are
 * more: the place is at SR_PART_END when there are none. SR_BUSY, SR_IO, SR_CORRUPT from the index. Pool.
 */
enum sr_code sr_epoch_walk(struct sr_index *index, struct sr_epoch_place *place, sr_epoch_visit *visit, void *context,
			   uint32_t *passed, struct sr_error *err) SR_MUST_USE;

#endif
