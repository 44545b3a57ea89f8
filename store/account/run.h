/*
 * Search runs: for each 16,384 entries one file that says which of them name a patient, an actor or a recording, and
 * when they were written. Derived from the records and only a hint: what it leads to is read and judged.
 */
#ifndef SR_RUN_H
#define SR_RUN_H

#include "account/view.h"

#define SR_RUN_BITS 14
#define SR_RUN_ENTRIES (1u << SR_RUN_BITS)
#define SR_RUN_BLOCK 256 /* entries that share a pair of times */
#define SR_RUN_BLOCKS (SR_RUN_ENTRIES / SR_RUN_BLOCK)

/* What a run can be asked for. */
enum sr_run_key { SR_RUN_TAG = 't', SR_RUN_ACTOR = 'a', SR_RUN_RECORDING = 'r' };

/* The earliest and the latest time of a block's entries. */
struct sr_run_times {
	uint64_t least;
	uint64_t most;
};

/* A run opened for reading. */
struct sr_run {
	int fd;
	uint64_t index; /* its first entry is index * SR_RUN_ENTRIES */
	uint32_t count; /* of postings */
	struct sr_run_times times[SR_RUN_BLOCKS];
};

/* search/NNNNNNNN, the path of run `index` below the log's directory. */
void sr_run_path(char out[SR_TILE_PATH_MAX], uint64_t index);

/*
 * Make run `index` from the view, which has all its entries. SR_CORRUPT: an entry does not read; SR_IO, SR_NO_SPACE,
 * SR_INTERNAL: it is not there, or the one before it is.
 */
enum sr_code sr_run_make(const struct sr_audit_view *view, uint64_t index, struct sr_error *err) SR_MUST_USE;

/* Open run `index` below `dir`. SR_NOT_FOUND: there is none, or not a sound one; SR_IO. Closed with sr_run_close. */
enum sr_code sr_run_open(int dir, uint64_t index, struct sr_run *run) SR_MUST_USE;
void sr_run_close(struct sr_run *run);

/*
 * Mark in `marks` (in and out, SR_RUN_ENTRIES bits, lowest first) the entries that may name this key. SR_NOT_FOUND: a
 * page is not sound, and the marks are of no use.
 */
enum sr_code sr_run_find(const struct sr_run *run, enum sr_run_key kind, const uint8_t *key, size_t size,
			 uint8_t marks[SR_RUN_ENTRIES / 8]) SR_MUST_USE;

#endif
