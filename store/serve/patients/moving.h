/*
 * Moves under way: several recordings taken through the steps of move.h together, a commit for each step of all of
 * them; and at start, what a crash has left of such.
 */
#ifndef SR_MOVING_H
#define SR_MOVING_H

#include "serve/patients/move.h"

#define SR_MOVING_MOST 64 /* recordings at once */

/* One of them. `moved` (out): it is the new patient's now. */
struct sr_moving {
	struct sr_move move;
	bool moved, over;
};

/*
 * Give the wrap for a copy of `rows->from`, as it stands in `view`. SR_NOT_FOUND: this one is not to be moved; any
 * other failure ends them all.
 */
typedef enum sr_code sr_move_wrapper(void *context, struct sr_view *view, const struct sr_move *move,
				     const struct sr_move_rows *rows, struct sr_move_wrap *wrap);

/* Add to the operation that puts a copy what else it is to leave behind; false when memory is used up. */
typedef bool sr_move_marker(void *context, struct sr_op *op);

/* What they need. */
struct sr_moving_job {
	struct sr_index *index;
	const struct sr_keyring *keyring;
	struct sr_moving *list;
	size_t count;          /* at most SR_MOVING_MOST */
	sr_move_wrapper *wrap; /* NULL: what has no copy yet is not moved */
	sr_move_marker *mark;  /* or NULL */
	void *context;
	uint64_t now_ms;
};

/*
 * Begin the journal of each.  SR_OK: every one may be advanced. SR_IO, SR_INTERNAL; SR_CONFLICT: another move of one of
 * them is under way. What was begun is over with sr_moving_advance in any case.
 */
enum sr_code sr_moving_begin(struct sr_moving_job *job, struct sr_error *err) SR_MUST_USE;

/*
 * Take each as far as it goes. SR_OK: all are over, `moved` says how. SR_BUSY: others keep changing the rows;
 * SR_CORRUPT, SR_UNAVAILABLE, SR_IO, SR_INTERNAL: those that are not over stand in the journal, each listed and played
 * under exactly one of its patients, and go on here or at the next start. Blocks; pool or start-up.
 */
enum sr_code sr_moving_advance(struct sr_moving_job *job, struct sr_error *err) SR_MUST_USE;

/* Told of each move that a start has made up for: whether the recording is the new patient's now. */
typedef void sr_move_told(void *context, const struct sr_move *move, bool moved);

/*
 * At start: finish every move that the journal has, or take it back, and tell of each. What cannot be read stays and is
 * reported by SR_CORRUPT or SR_UNAVAILABLE once the others are through; SR_IO, SR_INTERNAL. Takes as long as there are
 * such moves, however large the store is.
 */
struct sr_moving_recovery {
	struct sr_index *index;
	const struct sr_keyring *keyring;
	uint64_t now_ms;
	sr_move_told *told;
	void *context;
};
enum sr_code sr_moving_recover(const struct sr_moving_recovery *recovery, struct sr_error *err) SR_MUST_USE;

#endif
