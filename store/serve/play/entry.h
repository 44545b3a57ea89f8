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

/*
 * Encode the entry of `found` into `out`: label, then every track with its words and its head's figures. `visit` may
 * be NULL. `keys` may be: who makes many entries one after the other hands over the same, used each time anew.
 * SR_CORRUPT, with its event: a sealed part does not verify; `out` is then back where it was. SR_IO,
 * SR_UNAVAILABLE. SR_NO_SPACE: it does not fit, `out` is back where it was and request->error is untouched. Pool.
 */
struct sr_entry_job {
	struct sr_request *request;
	struct sr_view *view;
	const uint8_t *recording;
	const struct sr_found *found;
	struct sr_entry_keys *keys;
	sr_entry_visit *visit;
	void *context;
};
enum sr_code sr_entry_make(const struct sr_entry_job *job, struct sr_builder *out) SR_MUST_USE;

#endif
