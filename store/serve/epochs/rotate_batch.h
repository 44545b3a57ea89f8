/*
 * The rows of one step of a rotation: read and sealed anew by the pool, for a step that was asked for or for the one
 * that will be asked for next. Nothing is written here.
 */
#ifndef SR_ROTATE_BATCH_H
#define SR_ROTATE_BATCH_H

#include <stdatomic.h>

#include "serve/daemon.h"
#include "serve/epochs/epoch_walk.h"
#include "serve/epochs/epochs.h"
#include "serve/workers.h"

#define SR_ROTATE_LANES_MAX 8

struct sr_rotate_batch;

/* A row on its way. */
struct sr_rotate_item {
	struct sr_rotate_batch *batch;
	struct sr_index_key key;
	enum sr_epoch_part part;
	size_t at, size;   /* its copy in batch->bytes; size 0: it needs no more */
	struct sr_op *op;  /* of this item and the next ones, `together` in all; NULL: an earlier item's, or none */
	unsigned together; /* the rows of one patient that one operation puts, or none of them */
	bool sealed;       /* it is one of those */
	enum sr_code
		code; /* what became of it: SR_OK moved, SR_CONFLICT not yet, SR_NOT_FOUND gone or moved by others */
};

enum sr_rotate_state {
	SR_ROTATE_NEW,
	SR_ROTATE_READING,
	SR_ROTATE_SEALING,
	SR_ROTATE_SEALED, /* or it has failed: see `error` */
};

struct sr_rotate_lane {
	struct sr_workers_job job;
	struct sr_rotate_batch *batch;
};

/* The loop's, but that `items` and what follows is the pool's while it reads or seals. */
struct sr_rotate_batch {
	struct sr_daemon *daemon;
	struct sr_rotate_step order; /* as asked for; its place is `from` */
	struct sr_epoch_place from;
	struct sr_epoch_hold known; /* the epochs when it was made */
	bool begins;                /* the first of its rotation */
	enum sr_rotate_state state;
	size_t memory; /* its share of the budget */
	/* Called on the loop when it has read, and when it has sealed or failed; NULL: nobody has asked for it yet. */
	void (*told)(struct sr_rotate_batch *batch);
	void *owner;
	bool dropped; /* nobody will ask for it: it frees itself */
	unsigned at_work;
	struct sr_workers_job reading;
	struct sr_rotate_lane lanes[SR_ROTATE_LANES_MAX];
	_Atomic size_t next; /* the first item that no lane has taken */

	uint32_t to; /* the epoch that its rows go to */
	struct sr_epoch_hold hold;
	struct sr_epoch_place place; /* behind the last row that was read */
	uint32_t passed;
	struct sr_rotate_item *items;
	size_t count;
	uint8_t *bytes; /* the rows' copies */
	size_t used, room;
	unsigned round; /* 0 at first, then one more whenever rows are tried again */
	struct sr_error error;
};

/* A batch for the rows that `order` names behind `from`. NULL when memory is used up. Loop. */
struct sr_rotate_batch *sr_rotate_batch_new(struct sr_daemon *daemon, const struct sr_rotate_step *order,
					    const struct sr_epoch_place *from) SR_MUST_USE;

/* Free it, or have it free itself as soon as no job works on it; NULL is allowed. Operations left in it go as well.
 * Loop. */
void sr_rotate_batch_drop(struct sr_rotate_batch *batch);

/* Read, then seal: once. It goes on by itself; batch->told is called at the end of either. Loop. */
void sr_rotate_batch_start(struct sr_rotate_batch *batch);

/* Read those items anew whose code is SR_CONFLICT, and seal them, each in an operation of its own. As above. */
void sr_rotate_batch_again(struct sr_rotate_batch *batch);

/*
 * Is it what a step of `order` from `from` would do now? False also once it has failed, or when the epochs have changed
 * since it was made; that rows have changed is left to the operations' checks. Loop.
 */
bool sr_rotate_batch_fits(const struct sr_rotate_batch *batch, const struct sr_rotate_step *order,
			  const struct sr_epoch_place *from) SR_MUST_USE;

#endif
