/*
 * The sweeper: a thread that brings to its end what is doomed, in the order of time, when its window is over.
 */
#ifndef SR_SWEEPER_H
#define SR_SWEEPER_H

#include "serve/accounting/accounting.h"
#include "serve/removal/removal.h"

struct sr_sweeper;

/*
 * Start it: it begins at once with what is due, and with what an earlier process left half done, a recording at a time
 * at low priority. `window_s`: how long a deletion can be undone. What it has removed it tells `accounting`. The parts
 * outlive it. NULL when memory or threads are used up. Freeing it waits for the recording it is at; NULL is allowed.
 */
struct sr_sweeper *sr_sweeper_new(struct sr_remover *remover, uint32_t window_s,
				  struct sr_accounting *accounting) SR_MUST_USE;
void sr_sweeper_free(struct sr_sweeper *sweeper);

/* Something has become doomed, or a hold has been released: have it look. Any thread. */
void sr_sweeper_wake(struct sr_sweeper *sweeper);

/* How long a deletion can be undone, in milliseconds. Any thread. */
uint64_t sr_sweeper_window_ms(const struct sr_sweeper *sweeper);

/*
 * Keep it from removing anything until as many releases, for who reads index and files and needs both to fit. Holding
 * waits for the recording it is at. Any thread but the loop's.
 */
void sr_sweeper_hold(struct sr_sweeper *sweeper);
void sr_sweeper_release(struct sr_sweeper *sweeper);

/*
 * One pass: removes what is due at `now_ms` with that window, while `goes_on` (NULL: always) allows. *next_ms (out):
 * when the next becomes due, 0 if nothing waits; *left (out): how many could not be removed now. For the sweeper and
 * for tests.
 */
struct sr_sweep {
	uint64_t now_ms;
	uint64_t window_ms;
	bool (*goes_on)(void *context);
	void *context;
	struct sr_accounting *accounting; /* or NULL */
	uint64_t next_ms;
	unsigned removed;
	unsigned left;
};
void sr_sweep(struct sr_remover *remover, struct sr_sweep *sweep);

#endif
