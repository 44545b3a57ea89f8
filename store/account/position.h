/*
 * Where every 256th record begins, so that reading can start anywhere. Derived from the records, and only a hint:
 * whoever follows a position checks the record it leads to.
 */
#ifndef SR_POSITION_H
#define SR_POSITION_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SR_POSITION_STEP 256

/* Positions in memory, used by several threads. */
struct sr_positions {
	pthread_mutex_t lock;
	uint64_t *at;
	size_t count;
	size_t room;
};

/* None yet; released with sr_positions_clear. */
void sr_positions_init(struct sr_positions *positions);
void sr_positions_clear(struct sr_positions *positions);

/* Note that record `number` begins at `at`; most are passed over, and so is one that does not come next. False when
 * memory is used up. */
bool sr_positions_add(struct sr_positions *positions, uint64_t number, uint64_t at) SR_MUST_USE;

/* The position `index` or the last one before it, of record *number (out, a multiple of 256). False: there is none. */
bool sr_positions_find(struct sr_positions *positions, uint64_t index, uint64_t *number, uint64_t *at) SR_MUST_USE;

/* Forget all from `count` on. */
void sr_positions_cut(struct sr_positions *positions, size_t count);

/*
 * Add what the file `positions` in directory `dir` has, at most `most` of them; what is missing or out of order there
 * ends them. False when memory is used up.
 */
bool sr_positions_load(struct sr_positions *positions, int dir, size_t most) SR_MUST_USE;

/* Write those from *saved (in and out, a count) on to that file, not synced. Failures only cost time later. */
void sr_positions_save(struct sr_positions *positions, int dir, size_t *saved);

#endif
