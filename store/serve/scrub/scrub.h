/*
 * The scrub: reads all that a store holds, without any grant, and says what does not fit. It changes nothing.
 */
#ifndef SR_SCRUB_H
#define SR_SCRUB_H

#include "data/blob.h"
#include "data/index.h"
#include "keys/keyring.h"
#include "message_scrub.h"

#define SR_FINDINGS_KEPT 10000

struct sr_scrub;

/* Told of each finding, on the scrub's thread; `number` counts from 0. The text is borrowed during the call. */
typedef void sr_scrub_hear(void *context, const struct sr_finding *finding, uint32_t number);

/* What a scrub works on: all outlive it. */
struct sr_scrub_parts {
	const struct sr_keyring *keyring;
	struct sr_index *index;
	struct sr_blobs *blobs;
	sr_scrub_hear *hear; /* may be NULL */
	void *context;
};

/* A scrub that is idle. NULL when memory is used up. Released with sr_scrub_free, which stops it and waits for it. */
struct sr_scrub *sr_scrub_new(const struct sr_scrub_parts *parts) SR_MUST_USE;
void sr_scrub_free(struct sr_scrub *scrub);

/*
 * Begin on a thread of its own, at most `order->rate` bytes a second, after the place `order->after`. SR_BUSY: one runs
 * already; SR_USAGE: no report gave that place; SR_INTERNAL: no thread. All of these leave things as they are.
 */
enum sr_code sr_scrub_begin(struct sr_scrub *scrub, const struct sr_scrub_start *order,
			    struct sr_error *err) SR_MUST_USE;

/* Ask it to end; returns at once. Nothing happens if none runs. */
void sr_scrub_stop(struct sr_scrub *scrub);

/* Wait until it has ended, but at most `milliseconds`; true if it has, or none ran. */
bool sr_scrub_wait(struct sr_scrub *scrub, unsigned milliseconds);

/* Most bytes that sr_scrub_report puts into a builder. */
#define SR_SCRUB_REPORT_MAX                                                                                            \
	(1 + 3 * 8 + 4 + 2 + SR_SCRUB_PLACE_MAX + 4 + 2 +                                                              \
	 SR_FINDINGS_PAGE_MAX * (1 + SR_UUID + 2 + 2 + 8 + 8 + 2 + SR_TEXT_MAX))

/* Encode a SCRUB_REPORT of how things stand, with findings from number `from` on. Any thread. */
void sr_scrub_report(struct sr_scrub *scrub, uint32_t from, struct sr_builder *out);

#endif
