/*
 * The end of what is doomed: its line in the erasure ledger, its wrap, its files, its rows, in this order, so that
 * a crash anywhere leaves what can be gone on with. Blocking: for the pool and threads of one's own.
 */
#ifndef SR_REMOVAL_H
#define SR_REMOVAL_H

#include "data/blob.h"
#include "data/index.h"
#include "data/ledger.h"
#include "keys/control_rows.h"

#define SR_REMOVE_AT_ONCE 1000 /* rows a batch */

/* What removing works on. Safe from several threads. */
struct sr_remover;

/* Over parts that outlive it. NULL when memory is used up. Freeing NULL is allowed. */
struct sr_remover *sr_remover_new(const struct sr_keyring *keyring, struct sr_index *index, struct sr_blobs *blobs,
				  struct sr_ledger *ledger) SR_MUST_USE;
void sr_remover_free(struct sr_remover *remover);

/* From now on it does what the ledger says already: no new lines, and no hold stops it. For a store being restored. */
void sr_remover_replay(struct sr_remover *remover);

/*
 * Between the two nothing is removed or erased by anybody: what is read of the clock and of the index is of one moment
 * as to that. Waits for the step that is under way.
 */
void sr_remover_pause(struct sr_remover *remover);
void sr_remover_resume(struct sr_remover *remover);

/* The key of a control row by its name. */
struct sr_index_key sr_key_doom(const struct sr_doom *doom);

/*
 * Write `line` into the ledger, durable, then run `op` (handed over; its checks may make it SR_CONFLICT) with the
 * ledger's new count put into it. SR_IO, SR_NO_SPACE: the ledger failed, and the operation was not run; SR_INTERNAL.
 */
enum sr_code sr_remover_note(struct sr_remover *remover, const struct sr_ledger_line *line, struct sr_op *op,
			     struct sr_error *err) SR_MUST_USE;

/*
 * Bring one recording's removal to its end, from wherever it stands: it becomes final, its line is written, the row
 * loses its wrap, files and rows go. Nothing is left but the ledger's line; a doomed row that no longer has its
 * recording goes as well. Whether a deleted one's window is over is for the caller to know. SR_CONFLICT: a hold stops
 * it, or somebody changed the row: to be tried another time; SR_CORRUPT, SR_UNAVAILABLE: its row cannot be read; SR_IO,
 * SR_NO_SPACE, SR_INTERNAL. What was done stands.
 */
enum sr_code sr_remove_recording(struct sr_remover *remover, const struct sr_doom *doom,
				 struct sr_error *err) SR_MUST_USE;

#endif
