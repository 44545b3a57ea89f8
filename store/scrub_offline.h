/*
 * Scrubbing a store that no daemon serves.
 */
#ifndef SR_SCRUB_OFFLINE_H
#define SR_SCRUB_OFFLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/* What to scrub, and how to say it. */
struct sr_scrub_offline {
	const char *directory;
	uint64_t rate;      /* bytes a second, 0: unthrottled */
	const char *resume; /* a place in hex, or NULL */
	bool json;
	bool quiet; /* no progress and no last line */
};

/* How it came out. */
enum sr_scrub_outcome {
	SR_SCRUB_CLEAN,
	SR_SCRUB_FOUND,     /* damage, which may be what ended it */
	SR_SCRUB_INCOMPLETE /* a signal stopped it */
};

/*
 * Take the store's lock and scrub it in a child process, because damage in the index's own pages can be fatal; findings
 * go to standard output as they come. Codes and texts are those of the part that failed: SR_BUSY while a daemon has the
 * store; SR_USAGE: `resume` is no place. *outcome (out) is valid with SR_OK.
 */
enum sr_code sr_store_scrub(const struct sr_scrub_offline *order, enum sr_scrub_outcome *outcome,
			    struct sr_error *err) SR_MUST_USE;

#endif
