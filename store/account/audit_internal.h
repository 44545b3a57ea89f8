/*
 * The audit log's inside, shared by the files of this room that are its threads and its beginning.
 *
 * Two threads: the writer takes what was submitted, unless a thread that may wait for the disk does so itself; the
 * sealer derives tiles, search runs and checkpoints from durable records, and has the record file grow before there is
 * need, so that nobody waits for those. Who writes and finds no room waits for it, or has it grow at once.
 */
#ifndef SR_AUDIT_INTERNAL_H
#define SR_AUDIT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "account/audit.h"
#include "account/position.h"
#include "account/record.h"
#include "account/tile.h"

#define SR_RECORDS_FILE "records"

/* One entry on its way, or two of which the second is of the first. */
struct sr_audit_item {
	struct sr_audit_item *next;
	sr_audit_done *done;
	void *context;
	enum sr_audit_class class;
	enum sr_code result;
	uint64_t number;
	size_t size;   /* of its JSON but for number and time, with which `tail` begins */
	size_t behind; /* of the second's, but for `of` too, which is all that follows; 0: there is none */
	size_t of_at;  /* where in the second's that comes; 0 if there is none */
	uint8_t tail[];
};

struct sr_audit {
	char origin[SR_AUDIT_ORIGIN_MAX];
	uint8_t *seed; /* sodium_malloc */
	uint64_t reserve;
	uint32_t interval_ms;
	bool not_synced;
	int dir;
	int fd; /* of the record file */
	struct sr_positions positions;
	pthread_mutex_t lock;
	pthread_cond_t submitted; /* tells the writer */
	pthread_cond_t durable;   /* tells the sealer; of the monotonic clock, like `submitted` */
	pthread_cond_t sealed;    /* tells those who wait for a checkpoint */
	pthread_cond_t grown;     /* tells whoever writes that nobody grows the record file any more */
	/* Under the lock. */
	struct sr_audit_item *first;
	struct sr_audit_item **last;
	bool wanted; /* somebody waits for one of them */
	bool busy;   /* a group is on its way, on whichever thread: what the writer alone has is that thread's */
	bool writer_stops;
	bool sealer_stops;
	bool sealer_idle;   /* nothing durable is unsealed: whatever comes must wake it */
	uint64_t size;      /* durable entries */
	uint64_t end;       /* of the last durable record; changed by whoever writes alone */
	uint64_t allocated; /* zeros from `end` to here; changed by who has set `growing` alone */
	bool growing;
	bool ahead_failed; /* not tried again until somebody has found room who needed it */
	uint64_t sealed_size;
	uint64_t seal_wanted;
	uint64_t seal_failures;
	struct sr_error seal_error;
	char checkpoint[SR_CHECKPOINT_MAX];
	/* Written by the writer. */
	_Atomic bool failed;       /* a write or sync failed: nothing more until a restart */
	_Atomic bool full;         /* ordinary entries found no room */
	_Atomic bool runs_damaged; /* a search found one missing: all are looked at */
	/* Of whoever writes. */
	uint8_t *group;
	pthread_t writer;
	bool writing;
	/* The sealer's alone. */
	struct sr_tile_builder *builder;
	size_t positions_saved;
	uint64_t run; /* all search runs before this one are there */
	pthread_t sealer;
	bool sealing;
};

/* The text of DIR/checkpoint, terminated. SR_CORRUPT: it is missing; SR_IO. */
enum sr_code sr_audit_checkpoint_load(int dir, char text[SR_CHECKPOINT_MAX], struct sr_error *err) SR_MUST_USE;

/* Have the record file reach `to` with zeros from its end on. SR_NO_SPACE, SR_IO: it reaches as far as before. */
enum sr_code sr_records_grow(int fd, uint64_t *allocated, uint64_t to, struct sr_error *err) SR_MUST_USE;

/* Write `size` bytes at `at`, all of them. SR_IO, SR_NO_SPACE. */
enum sr_code sr_records_put(int fd, const void *bytes, size_t size, uint64_t at, struct sr_error *err) SR_MUST_USE;

/* Bytes by which the record file grows. */
#define SR_RECORDS_STEP (1u << 20)

/*
 * Have the record file reach `needs`, and a step further if it has to grow for that and the disk allows. Whoever
 * writes, without the lock. False, with `err`: there is no such room.
 */
bool sr_audit_room(struct sr_audit *audit, uint64_t needs, struct sr_error *err) SR_MUST_USE;

/* Is less than half a step left beyond the reserve, and it is worth trying to have more? Under the lock. */
bool sr_audit_room_short(const struct sr_audit *audit);

/* Have the record file a step longer, and the step on the disk. The sealer, under the lock, which is let go meanwhile.
 */
void sr_audit_room_ahead(struct sr_audit *audit);

/* Start and stop the threads. SR_INTERNAL. */
enum sr_code sr_audit_start(struct sr_audit *audit, struct sr_error *err) SR_MUST_USE;
void sr_audit_stop(struct sr_audit *audit);

/* What the sealer's thread does, and one round of it: tiles, runs, checkpoint for all entries below `size`. */
void *sr_audit_sealer(void *context);
enum sr_code sr_audit_seal_to(struct sr_audit *audit, uint64_t size, struct sr_error *err) SR_MUST_USE;

/*
 * Add the records from the builder's size up to `size` to it, and write the files of each tile that becomes full below
 * `dir`; -1: write nothing.
 * SR_CORRUPT, SR_IO, SR_NO_SPACE, SR_INTERNAL: the builder is of no further use.
 */
enum sr_code sr_audit_tiles_to(int dir, int records, struct sr_positions *positions, struct sr_tile_builder *builder,
			       uint64_t size, struct sr_error *err) SR_MUST_USE;

/* Write the partial tiles and the partial bundle of the builder's tree. SR_IO, SR_NO_SPACE, SR_CORRUPT, SR_INTERNAL. */
enum sr_code sr_audit_tiles_partial(int dir, int records, struct sr_positions *positions,
				    const struct sr_tile_builder *builder, struct sr_error *err) SR_MUST_USE;

#endif
