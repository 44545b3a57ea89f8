/*
 * The audit log: entries appended to it durably, from any thread, and read back.
 */
#ifndef SR_AUDIT_H
#define SR_AUDIT_H

#include "audit_entry.h"
#include "checkpoint.h"

/* The log of one store. One process has it open for appending; the store's lock sees to that. */
struct sr_audit;

struct sr_audit_options {
	const char *directory; /* absolute; borrowed during the call, like the rest */
	const char *origin;    /* first line of checkpoints: sealreel/<store id in hex> */
	const uint8_t *seed;   /* SR_AUDIT_SEED: the Ed25519 seed that signs checkpoints; copied, wiped at close */
	uint64_t reserve;      /* bytes of the record file that only closing entries may use */
	uint32_t interval_ms;  /* at most one checkpoint in so long; 0: after every group */
	bool not_synced;       /* for measuring alone: call a group durable that is not synced */
};

/*
 * Make an empty log: `directory` and all in it, with the reserve and a signed checkpoint of no entries, synced.
 * SR_CONFLICT: something is there already; SR_IO, SR_NO_SPACE, SR_USAGE (its path or origin is too
 * long): nothing is left. It is made beside its place and then named, so that a crash leaves no half of it.
 */
enum sr_code sr_audit_create(const struct sr_audit_options *options, struct sr_error *err) SR_MUST_USE;

/*
 * Open the log and start its threads. What stands behind the last checkpoint and is torn is cut off, with the event
 * `audit_cut`. Derived files that are missing or damaged are made anew from the records. The time it takes depends on
 * what was written since the last checkpoint, not on the log's size, unless derived files are damaged.
 * SR_NOT_FOUND: there is no log in `directory`. SR_CORRUPT: the records are fewer than the checkpoint covers, or give
 * another tree, or the checkpoint is not of this origin and key; nothing is changed then, and the text says what to do.
 * SR_IO, SR_INTERNAL. *out (out) is NULL on failure.
 */
enum sr_code sr_audit_open(const struct sr_audit_options *options, struct sr_audit **out,
			   struct sr_error *err) SR_MUST_USE;

/* Finish what was submitted, checkpoint it, stop, release. Nobody may use it any more. NULL is allowed. */
void sr_audit_close(struct sr_audit *audit);

/* May an entry use the reserve? CLOSING: outcomes and closes, freeze, thaw, delete, erase, alarms. */
enum sr_audit_class { SR_AUDIT_ORDINARY, SR_AUDIT_CLOSING };

/*
 * Append `entry` (in; its number and time are given by the log) and return when it is durable, with its number in
 * *number (out, may be NULL). The entry that it has behind it, if any, is appended with it, both or neither: but a
 * crash before either is durable may leave the first alone. Entries that come together share one write and one sync.
 * Never on the event loop. SR_USAGE: as sr_audit_entry_write, for both together. SR_NO_SPACE: the disk is full and only
 * the reserve is left (ORDINARY), or that is used up too. SR_IO: a write or a sync failed now or before, so that every
 * entry is refused until a restart: whatever the entry was to describe must not happen. SR_INTERNAL when memory is used
 * up. After a failure the entry may or may not be in the log after a restart.
 */
enum sr_code sr_audit_append(struct sr_audit *audit, const struct sr_audit_entry *entry, enum sr_audit_class class,
			     uint64_t *number, struct sr_error *err) SR_MUST_USE;

/*
 * The same without waiting: if this gives SR_OK, `done` is called once, later, on another thread, with what
 * append would have returned, its number, and its error (meaningful unless SR_OK, borrowed during the call). `done`
 * must not block and must not append; it may submit. Entries become durable, and are told of, in the order submitted.
 * SR_USAGE, SR_INTERNAL: `done` is never called. `entry` is not used after this returns.
 */
typedef void sr_audit_done(void *context, enum sr_code result, uint64_t number, const struct sr_error *err);
enum sr_code sr_audit_submit(struct sr_audit *audit, const struct sr_audit_entry *entry, enum sr_audit_class class,
			     sr_audit_done *done, void *context, struct sr_error *err) SR_MUST_USE;

/*
 * The same on a thread that may wait for the disk: where nobody writes just then, it writes what waits itself, so that
 * no other thread has to wake first; `done` may have been called when this returns, on this thread.
 */
enum sr_code sr_audit_submit_here(struct sr_audit *audit, const struct sr_audit_entry *entry, enum sr_audit_class class,
				  sr_audit_done *done, void *context, struct sr_error *err) SR_MUST_USE;

/*
 * The same for an entry that nobody waits for: it takes no sync of its own, which the next entry would have to wait
 * for, but goes with the next one submitted or appended, or after sr_audit_hurry.
 */
enum sr_code sr_audit_leave(struct sr_audit *audit, const struct sr_audit_entry *entry, enum sr_audit_class class,
			    sr_audit_done *done, void *context, struct sr_error *err) SR_MUST_USE;

/* Have what was left so go to the disk now; it is not waited for. Any thread. */
void sr_audit_hurry(struct sr_audit *audit);

/* May ordinary entries be written? SR_OK, SR_NO_SPACE or SR_IO as the next append would, as far as is known. Any
 * thread. */
enum sr_code sr_audit_ready(const struct sr_audit *audit);

/* How many entries are durable: numbers below this can be read. Any thread. */
uint64_t sr_audit_size(const struct sr_audit *audit);

/*
 * Give every durable entry from number `from` up to the size at the time of the call to `visit`, in order: its number,
 * and its JSON, borrowed during the call. `visit` gives false to stop. SR_CORRUPT: a record does not verify (those
 * before it were given); SR_IO; SR_INTERNAL. Any thread but the event loop, while others append. To find the entries of
 * a patient, an actor, a recording or a time: account/search.h.
 */
typedef bool sr_audit_visit(void *context, uint64_t number, struct sr_span json);
enum sr_code sr_audit_read(struct sr_audit *audit, uint64_t from, sr_audit_visit *visit, void *context,
			   struct sr_error *err) SR_MUST_USE;

/* The latest signed checkpoint's text, terminated. Any thread. */
void sr_audit_checkpoint(struct sr_audit *audit, char text[SR_CHECKPOINT_MAX]);

/*
 * Make a checkpoint that covers every entry durable now, and wait for it: for reports, which stand on one. SR_OK also
 * if there is one already; SR_IO, SR_NO_SPACE as its files failed. Never on the event loop.
 */
enum sr_code sr_audit_seal(struct sr_audit *audit, struct sr_error *err) SR_MUST_USE;

#endif
