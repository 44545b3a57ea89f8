/*
 * The messages of epochs and of rotation: generations of the master key, and moving rows from one to another. Encoders
 * and decoders as message.h says.
 */
#ifndef SR_MESSAGE_EPOCH_H
#define SR_MESSAGE_EPOCH_H

#include "message.h"

#define SR_EPOCHS_LISTED_MAX 512
#define SR_LOST_BACKUPS_MAX 64
#define SR_BACKUP_LABEL_MAX 63
#define SR_PROOF_NOTE_MAX 1024 /* bytes of a signed checkpoint of the log */
#define SR_ROTATE_PLACE_MAX 96
#define SR_ROTATE_STEP_MAX 1000   /* rows of one step */
#define SR_ROTATE_PROGRESS 10000u /* all of it */

/* EPOCH_LIST, EPOCH_NEW have no fields. */

/* EPOCHS: keyring_revision u64, current u32, count u16 (at most SR_EPOCHS_LISTED_MAX), then each as below. */
struct sr_epochs_reply {
	uint64_t keyring_revision;
	uint32_t current;
	uint16_t count;
};
void sr_epochs_reply_encode(struct sr_builder *out, const struct sr_epochs_reply *message);
void sr_epochs_reply_decode(struct sr_cursor *in, struct sr_epochs_reply *message);

/*
 * One epoch as EPOCHS gives it: number u32 (not 0), state u8 (1 open, 2 closing, 3 retired), made_ms u64 (0: not
 * known), changed_ms u64 (of the state), kept_until_ms u64 (its key is kept for recovery so long; 0: it is not).
 */
struct sr_epoch_item {
	uint32_t number;
	uint8_t state;
	uint64_t made_ms;
	uint64_t changed_ms;
	uint64_t kept_until_ms;
};
void sr_epoch_item_encode(struct sr_builder *out, const struct sr_epoch_item *item);
void sr_epoch_item_decode(struct sr_cursor *in, struct sr_epoch_item *item);

/* EPOCH_MADE: number u32 (not 0), keyring_revision u64. */
struct sr_epoch_made {
	uint32_t number;
	uint64_t keyring_revision;
};
void sr_epoch_made_encode(struct sr_builder *out, const struct sr_epoch_made *message);
void sr_epoch_made_decode(struct sr_cursor *in, struct sr_epoch_made *message);

/* EPOCH_RETIRE: number u32 (not 0), no_backup u8. */
struct sr_epoch_retire {
	uint32_t number;
	bool no_backup;
};
void sr_epoch_retire_encode(struct sr_builder *out, const struct sr_epoch_retire *message);
void sr_epoch_retire_decode(struct sr_cursor *in, struct sr_epoch_retire *message);

/*
 * EPOCH_RETIRED, the proof: number u32 (not 0), recordings u64 and people u64 (rows opened under their epochs, none of
 * them this), keyring_revision u64, kept_until_ms u64 (0: the key is gone), checkpoint field (of the log, which has the
 * same proof; empty: there is none), count u16 (at most SR_LOST_BACKUPS_MAX), then so many names of registered backups
 * that cannot be read any more without a copy of the keyring of their time, each sr_lost_backup.
 */
struct sr_epoch_retired {
	uint32_t number;
	uint64_t recordings;
	uint64_t people;
	uint64_t keyring_revision;
	uint64_t kept_until_ms;
	struct sr_span checkpoint;
	uint16_t lost;
};
void sr_epoch_retired_encode(struct sr_builder *out, const struct sr_epoch_retired *message);
void sr_epoch_retired_decode(struct sr_cursor *in, struct sr_epoch_retired *message);
void sr_lost_backup_encode(struct sr_builder *out, struct sr_span name);
void sr_lost_backup_decode(struct sr_cursor *in, struct sr_span *name);

/* ROTATE_STATUS: place (at most SR_ROTATE_PLACE_MAX bytes: where the last answer ended; empty: from the beginning). */
void sr_rotate_status_encode(struct sr_builder *out, struct sr_span place);
void sr_rotate_status_decode(struct sr_cursor *in, struct sr_span *place);

/*
 * ROTATE_CENSUS: current u32, place (empty: that was all), progress u16 (of SR_ROTATE_PROGRESS), damaged u64 (rows of
 * this part whose epoch cannot be told), count u16, then each: an epoch and its rows in this part.
 */
struct sr_rotate_census {
	uint32_t current;
	struct sr_span place;
	uint16_t progress;
	uint64_t damaged;
	uint16_t count;
};
void sr_rotate_census_encode(struct sr_builder *out, const struct sr_rotate_census *message);
void sr_rotate_census_decode(struct sr_cursor *in, struct sr_rotate_census *message);

/* number u32 (not 0), state u8, made_ms u64, recordings u64, people u64. */
struct sr_census_item {
	uint32_t number;
	uint8_t state;
	uint64_t made_ms;
	uint64_t recordings;
	uint64_t people;
};
void sr_census_item_encode(struct sr_builder *out, const struct sr_census_item *item);
void sr_census_item_decode(struct sr_cursor *in, struct sr_census_item *item);

/*
 * ROTATE_STEP: to u32 (0: the current epoch), first u32 and last u32 (rows of these epochs are moved; not 0, first at
 * most last), limit u16 (1 to SR_ROTATE_STEP_MAX rows), place as above.
 */
struct sr_rotate_step {
	uint32_t to;
	uint32_t first;
	uint32_t last;
	uint16_t limit;
	struct sr_span place;
};
void sr_rotate_step_encode(struct sr_builder *out, const struct sr_rotate_step *message);
void sr_rotate_step_decode(struct sr_cursor *in, struct sr_rotate_step *message);

/*
 * ROTATE_STEPPED: to u32, place (empty: the end), progress u16, passed u32 (rows looked at), moved u32 and left u32 (of
 * those; left: rows that are damaged, or changed whenever they were tried), recording 16 (the first of those left;
 * zeros: none, or a person's row).
 */
struct sr_rotate_stepped {
	uint32_t to;
	struct sr_span place;
	uint16_t progress;
	uint32_t passed;
	uint32_t moved;
	uint32_t left;
	uint8_t recording[SR_UUID];
};
void sr_rotate_stepped_encode(struct sr_builder *out, const struct sr_rotate_stepped *message);
void sr_rotate_stepped_decode(struct sr_cursor *in, struct sr_rotate_stepped *message);

#endif
