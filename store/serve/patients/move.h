/*
 * One finished recording on its way from one patient to another: a journal of operations that each touch one patient,
 * so that at every moment it is listed and played under exactly one of them (design: lifecycle.md, "Identity changes").
 */
#ifndef SR_MOVE_H
#define SR_MOVE_H

#include "data/index.h"
#include "keys/rows.h"
#include "serve/epochs/epochs.h"

#define SR_MOVE_PREFIX "move/"
#define SR_MOVE_NAME (sizeof SR_MOVE_PREFIX - 1 + 2 * SR_UUID + 1)

/* Whose it was and whose it becomes. */
struct sr_move {
	uint8_t recording[SR_UUID];
	uint8_t from[SR_TAG];
	uint8_t to[SR_TAG];
};

/* The row under `from`. */
enum sr_move_source {
	SR_SOURCE_NONE,   /* there is none */
	SR_SOURCE_SAME,   /* live, and what the copy was made of */
	SR_SOURCE_OTHER,  /* of another content or state: it has changed since, or was never copied */
	SR_SOURCE_BURIED, /* a tombstone that leads to `to` */
	SR_SOURCES
};

/* The row under `to`. */
enum sr_move_target {
	SR_TARGET_NONE,   /* none, or a tombstone of an earlier move */
	SR_TARGET_MOVING, /* arriving from `from` */
	SR_TARGET_UNLED,  /* of any other state, but hint or consultation still lead to `from` */
	SR_TARGET_HOME,   /* of any other state: it has arrived, or was there before */
	SR_TARGETS
};

/* What is to be done next. */
enum sr_move_step {
	SR_MOVE_COPY,   /* put the row under `to` as moving: only who has both patients' keys can */
	SR_MOVE_BURY,   /* make the row under `from` a tombstone: from here on it is `to`'s */
	SR_MOVE_SETTLE, /* make a moving row under `to` live, and have hint and consultation lead to it */
	SR_MOVE_UNDO,   /* take the copy away again: nothing has been moved */
	SR_MOVE_FORGET, /* take the journal's row away: it is over */
	SR_MOVE_STEPS
};

/* The one table of it. */
enum sr_move_step sr_move_next(enum sr_move_source source, enum sr_move_target target);

/* Its name among the control rows, SR_MOVE_NAME bytes with the terminator; and back: false if `name` is no such. */
void sr_move_name(const uint8_t recording[SR_UUID], char name[SR_MOVE_NAME]);
bool sr_move_named(struct sr_span name, uint8_t recording[SR_UUID]) SR_MUST_USE;

/* The journal's row: encode into `out` (SR_ROW_MAX bytes), returning its size; decode, codes as in rows.h. */
size_t sr_move_row_seal(const struct sr_keyring *keyring, const struct sr_move *move, uint8_t *out);
enum sr_code sr_move_row_open(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], struct sr_span value,
			      struct sr_move *move) SR_MUST_USE;

/*
 * Whether `value` (empty: no row) is a verified tombstone of `recording` that leads to `to`: a row that is moving there
 * counts as live exactly then.
 */
bool sr_move_buried(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], struct sr_span value,
		    const uint8_t to[SR_TAG]) SR_MUST_USE;

/* Both rows as they stand, read in one view. */
struct sr_move_rows {
	enum sr_move_source source;
	enum sr_move_target target;
	struct sr_recording_row from, to;
	uint8_t from_mac[SR_ROW_MAC], to_mac[SR_ROW_MAC];
	uint16_t tracks[SR_TRACKS_MAX]; /* numbers of the tracks' rows: the source's while it is the same, else the
					   target's */
	uint16_t track_count;
	struct sr_span hint, consultation; /* borrowed from the view: what they lead to; empty: there is none */
};

/*
 * Read them. SR_CORRUPT, SR_UNAVAILABLE: a row that does not verify, or of a later format; SR_IO. `rows` (out) is then
 * not to be used.
 */
enum sr_code sr_move_read(const struct sr_keyring *keyring, struct sr_view *view, const struct sr_move *move,
			  struct sr_move_rows *rows) SR_MUST_USE;

/*
 * The operation of a step over `rows`, whose view must still be open; SR_MOVE_COPY has sr_move_copy instead. It demands
 * that what it changes still stands as read. NULL when memory is used up. `now_ms` goes into a tombstone.
 */
struct sr_op *sr_move_op(const struct sr_keyring *keyring, const struct sr_move *move, enum sr_move_step step,
			 const struct sr_move_rows *rows, uint64_t now_ms) SR_MUST_USE;

/*
 * The operation that puts the copy: `rows->from` with the wrap given, under `to`, with its tracks' rows; only while the
 * patient's row there is the one that `patient_mac` names, and the epochs are those held when the wrap was made.
 */
struct sr_move_wrap {
	struct sr_epoch_hold hold;
	uint8_t wrap[SR_WRAP];
	const uint8_t *patient_mac; /* SR_ROW_MAC */
};
struct sr_op *sr_move_copy(const struct sr_keyring *keyring, struct sr_view *view, const struct sr_move *move,
			   const struct sr_move_rows *rows, const struct sr_move_wrap *wrap) SR_MUST_USE;

/* The operation that begins the journal. NULL when memory is used up. */
struct sr_op *sr_move_begin(const struct sr_keyring *keyring, const struct sr_move *move) SR_MUST_USE;

#endif
