/*
 * What each epoch may be used for: the control row "epochs", its bytes, and the one table of an epoch's life. Keys are
 * in the keyring; whether a key may wrap is said here, and read again in the transaction that writes a wrap.
 */
#ifndef SR_EPOCHS_H
#define SR_EPOCHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/rows.h"

#define SR_EPOCHS_ROW_NAME "epochs"
#define SR_EPOCHS_KNOWN_MAX 512 /* in the row; those that were retired longest ago are left out first */

struct sr_epoch_row {
	uint32_t number;
	enum sr_epoch_state state;
	uint64_t made_ms;    /* 0: before this was kept */
	uint64_t changed_ms; /* when the state was last changed */
	uint64_t back_ms;    /* when rows were last moved back to it; 0: never */
};

struct sr_epochs {
	uint64_t revision;         /* of this row: 1 when made, one more with every change */
	uint64_t keyring_revision; /* the keyring's at the last change: an older keyring is not the store's */
	uint16_t count;            /* in ascending order of number */
	struct sr_epoch_row list[SR_EPOCHS_KNOWN_MAX];
};

/* What can happen to an epoch. */
enum sr_epoch_event {
	SR_EPOCH_MAKE,   /* its key is in the keyring */
	SR_EPOCH_CLOSE,  /* it is to be retired: no new wraps from now on */
	SR_EPOCH_REOPEN, /* something still refers to it */
	SR_EPOCH_RETIRE, /* its key is no longer in the keyring */
	SR_EPOCH_EVENTS
};

/*
 * Let `event` happen to epoch `number` at `now_ms`; raises the revision. SR_NOT_FOUND: there is no such epoch;
 * SR_CONFLICT: its state, or its being the current one, does not allow it; SR_BUSY: there are too many that are not
 * retired. Nothing is changed on failure.
 */
enum sr_code sr_epochs_step(struct sr_epochs *epochs, uint32_t number, enum sr_epoch_event event, uint64_t now_ms,
			    struct sr_error *err) SR_MUST_USE;

/* The row of an epoch, NULL if there is none: borrowed. And the current one: the highest that is open. */
const struct sr_epoch_row *sr_epochs_find(const struct sr_epochs *epochs, uint32_t number);
uint32_t sr_epochs_current(const struct sr_epochs *epochs);

/* Whether a new wrap may be made under it: only an open epoch takes any. */
bool sr_epochs_takes_wraps(const struct sr_epochs *epochs, uint32_t number);

/* The lower-case name of a state, static; "retired" for one that is none. */
const char *sr_epoch_state_name(enum sr_epoch_state state);

/*
 * Bring the row up to the keyring, which is always changed first: what a crash between the two left undone. A row of
 * `revision` 0 is made anew from the keyring. *changed (out): it must be written. SR_USAGE: the keyring is older than
 * the store; SR_CORRUPT: it lacks the key of an epoch that is not retired.
 */
enum sr_code sr_epochs_settle(struct sr_epochs *epochs, const struct sr_keyring *keyring, uint64_t now_ms,
			      bool *changed, struct sr_error *err) SR_MUST_USE;

/* Encode with its HMAC into `out` (SR_ROW_MAX bytes); returns the size. Decode: codes as the rows of rows.h. */
size_t sr_epochs_row_seal(const struct sr_keyring *keyring, const struct sr_epochs *epochs, uint8_t *out);
enum sr_code sr_epochs_row_open(const struct sr_keyring *keyring, struct sr_span value,
				struct sr_epochs *epochs) SR_MUST_USE;

/*
 * A registered backup, under "backup/NAME": which epochs the rows of its index snapshot were wrapped under. Written by
 * whoever makes the backup, from a count over the snapshot.
 */
#define SR_BACKUP_PREFIX "backup/"
#define SR_BACKUP_NAME_MAX 63
#define SR_BACKUP_EPOCHS_MAX 64
struct sr_backup_epoch {
	uint32_t number;
	uint64_t rows; /* recordings' and people's, at least 1 */
};
struct sr_backup_row {
	uint64_t taken_ms; /* when its snapshot of the index was taken */
	uint64_t keyring_revision;
	uint32_t current; /* the current epoch at that time */
	uint16_t count;   /* in ascending order of number */
	struct sr_backup_epoch list[SR_BACKUP_EPOCHS_MAX];
};
size_t sr_backup_row_seal(const struct sr_keyring *keyring, const char *name, const struct sr_backup_row *row,
			  uint8_t *out);
enum sr_code sr_backup_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
				struct sr_backup_row *row) SR_MUST_USE;

/* Whether a backup has rows under an epoch; and whether it was taken after the last row had left it. */
bool sr_backup_needs(const struct sr_backup_row *backup, uint32_t epoch);
bool sr_backup_outlives(const struct sr_backup_row *backup, const struct sr_epoch_row *epoch);

#endif
