/*
 * A recording as its patient is shown it: the opened row and tracks, encoded as one entry.
 */
#ifndef SR_ENTRY_H
#define SR_ENTRY_H

#include "serve/play/lookup.h"

/* The most bytes that one entry of `tracks` tracks can take. */
size_t sr_entry_room(uint16_t tracks);

/* Called for every track of an entry, after it is encoded. */
typedef void sr_entry_visit(void *context, const struct sr_track_row *row, const struct sr_head *head);

/* The keys under a recording's DEK that its entry opens with, taken in. Zeroed before the first; secret. */
struct sr_entry_keys {
	struct sr_input *head, *entry;
};
void sr_entry_keys_free(struct sr_entry_keys *keys);

/* A track's row as the index has it, under the track's number. */
struct sr_entry_row {
	uint16_t track;
	struct sr_span value;
};

/*
 * Encode the entry of an opened row and its tracks' rows into `out`: label, then every track with its words and its
 * head's figures. Who makes many entries one after the other hands over the same `keys`, used each time anew. `visit`
 * may be NULL. Reads nothing but what it is given, and sends no event: any thread. Adds to `work`.
 * SR_CORRUPT: *damaged (out; a static text) does not verify; SR_UNAVAILABLE: a track's row is of a later format;
 * SR_INTERNAL: memory is used up; SR_NO_SPACE: it does not fit. `out` is then back where it was.
 */
struct sr_entry_source {
	const struct sr_keyring *keyring;
	const uint8_t *recording;
	const struct sr_recording_row *row;
	const uint8_t *dek;
	const struct sr_entry_row *tracks;
	size_t track_count;
	struct sr_entry_keys *keys;
	sr_entry_visit *visit;
	void *context;
	struct sr_work *work;
};
enum sr_code sr_entry_put(const struct sr_entry_source *source, struct sr_builder *out,
			  const char **damaged) SR_MUST_USE;

/*
 * The same for a request's `found`, with the tracks of `view`; `visit` may be NULL. SR_CORRUPT, with its event: a
 * sealed part does not verify; SR_IO, SR_UNAVAILABLE, SR_INTERNAL. SR_NO_SPACE: it does not fit, request->error is
 * untouched. `out` is then back where it was. Pool.
 */
struct sr_entry_job {
	struct sr_request *request;
	struct sr_view *view;
	const uint8_t *recording;
	const struct sr_found *found;
	sr_entry_visit *visit;
	void *context;
};
enum sr_code sr_entry_make(const struct sr_entry_job *job, struct sr_builder *out) SR_MUST_USE;

#endif
