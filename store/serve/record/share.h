/*
 * What uploads may take beside calls: all that they bring while calls are in time, less at once when one is late, and
 * more again slowly. Numbers only: who looks and who takes is the writers' affair.
 */
#ifndef SR_SHARE_H
#define SR_SHARE_H

#include <stdint.h>

#define SR_SHARE_ALL UINT64_MAX
#define SR_SHARE_LEAST (4u << 20) /* bytes a second to which it shrinks at most */
#define SR_SHARE_SETTLE_MS 100    /* between one cut and the next: what is under way has to show */
#define SR_SHARE_CALM_MS 1000     /* for so long nobody has been late before it grows */

/* The share of all uploads together. `rate` is SR_SHARE_ALL at first, the rest 0. */
struct sr_share {
	uint64_t rate;   /* bytes a second, or SR_SHARE_ALL */
	uint64_t usual;  /* bytes a second that were taken lately */
	uint64_t taken;  /* bytes since the last look: added up by whoever takes */
	uint64_t looked; /* monotonic ms of the last look */
	uint64_t late;   /* and of the last at which a call was late */
	uint64_t cut;    /* and of the last cut */
};

/* What a look finds; monotonic ms and ms. */
struct sr_share_look {
	uint64_t now;
	unsigned calls;     /* how many are recorded at all: without any there is nothing to stand back for */
	uint64_t late;      /* how long the one waits that waits longest */
	uint64_t tolerated; /* how long none should */
};

/*
 * Time has passed. A call that waits for longer than tolerated halves the rate, or what was usual if that is less, at
 * most every SR_SHARE_SETTLE_MS; when none has for SR_SHARE_CALM_MS the rate grows, by a quarter and SR_SHARE_LEAST in
 * a second, until it is no limit any more.
 */
void sr_share_look(struct sr_share *share, const struct sr_share_look *look);

/* How many bytes one of `uploads` (0 is as 1) may take for the time since the last look; or SR_SHARE_ALL. */
uint64_t sr_share_part(const struct sr_share *share, uint64_t now, unsigned uploads);

#endif
