/*
 * libsealreel's part for operators and for key rotation: services, figures, backups, freezes, alarms, identities and
 * keys of patients, scrubs, epochs, holds, erasure. The asynchronous rules are those of sealreel.h. What each needs of
 * roles and grants is in PROTOCOL.md; without it the answer is SR_DENIED.
 */
#ifndef SEALREEL_OPERATE_H
#define SEALREEL_OPERATE_H

#include "sealreel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- services, figures, backups ---- */

#define SR_SERVICE_INGEST 1
#define SR_SERVICE_PLAYBACK 2
#define SR_SERVICE_ROTATE 4
#define SR_SERVICE_OPERATE 8
#define SR_SERVICE_AUDIT 16

/*
 * Make a service: a key pair here, a PSK there, and a new credential file (0600, exclusive, synced) at `path`.
 * SR_CONFLICT: the name or the file exists. If the file cannot be written the service is removed again.
 */
SR_PUBLIC enum sr_code sr_service_create(sr_client *client, const char *name, unsigned roles, const char *path,
					 sr_done *done, void *context, sr_call **call);

/* Remove a service: its connections end at once. SR_NOT_FOUND. */
SR_PUBLIC enum sr_code sr_service_remove(sr_client *client, const char *name, sr_done *done, void *context,
					 sr_call **call);

struct sr_service_info {
	char name[64];
	unsigned roles;
	uint8_t key[32];
	uint64_t added_ms;
};
typedef void sr_services_listed(void *context, const struct sr_result *result, const struct sr_service_info *services,
				size_t count);
SR_PUBLIC enum sr_code sr_service_list(sr_client *client, sr_services_listed *done, void *context, sr_call **call);

struct sr_stat_info {
	char name[64];
	uint64_t value;
};
typedef void sr_stats_told(void *context, const struct sr_result *result, const struct sr_stat_info *stats,
			   size_t count);
SR_PUBLIC enum sr_code sr_stats(sr_client *client, sr_stats_told *done, void *context, sr_call **call);

/*
 * Backups, for a service with the role operate: the index as it was at one instant, the bytes of the data files that it
 * names, the audit log; all of it sealed as it lies in the store. One at a time: SR_BUSY. Nothing that was deleted is
 * removed meanwhile; a backup that asks for nothing for a minute is given up, and its token is then SR_NOT_FOUND.
 * SR_USAGE: the store names its data files in a way that this library is too old to know.
 */
struct sr_backup_info {
	uint64_t token; /* names this backup from now on */
	uint64_t taken_ms;
};
typedef void sr_backup_told(void *context, const struct sr_result *result, const struct sr_backup_info *info);
SR_PUBLIC enum sr_code sr_backup_begin(sr_client *client, sr_backup_told *done, void *context, sr_call **call);

/*
 * What a piece of a backup has: bytes, and whether more follow. Rows come as PROTOCOL.md has them, whole in each piece,
 * in as many calls as there is more. SR_BUSY: the index changes too fast to be read.
 */
struct sr_backup_piece {
	const uint8_t *bytes;
	size_t size;
	bool more;
	uint64_t number, position; /* of the audit log: where to go on */
	const char *checkpoint;    /* of the audit log, once there is no more; else NULL */
};
typedef void sr_backup_taken(void *context, const struct sr_result *result, const struct sr_backup_piece *piece);
SR_PUBLIC enum sr_code sr_backup_next_rows(sr_client *client, uint64_t token, sr_backup_taken *done, void *context,
					   sr_call **call);

/* `length` bytes (1 to SR_BACKUP_PIECE) at `position` of a track's file. Several may be under way at once. */
#define SR_BACKUP_PIECE 57344
struct sr_backup_place {
	uint8_t recording[SR_ID];
	uint16_t track, file;
	uint64_t position;
	uint32_t length;
};
SR_PUBLIC enum sr_code sr_backup_file(sr_client *client, uint64_t token, const struct sr_backup_place *place,
				      sr_backup_taken *done, void *context, sr_call **call);

/* Records of the audit log from `number` on, which begins at `position` of its file; zeros: from the beginning. */
SR_PUBLIC enum sr_code sr_backup_records(sr_client *client, uint64_t token, uint64_t number, uint64_t position,
					 sr_backup_taken *done, void *context, sr_call **call);

/* The end: with `complete` the store registers it, so that the end of an epoch knows of it. */
SR_PUBLIC enum sr_code sr_backup_end(sr_client *client, uint64_t token, bool complete, sr_done *done, void *context,
				     sr_call **call);

/* The daemon's own view of itself: `code` SR_OK if it can do everything, else what it lacks, in `text`. */
typedef void sr_health_told(void *context, const struct sr_result *result, enum sr_code code, const char *text);
SR_PUBLIC enum sr_code sr_health(sr_client *client, sr_health_told *done, void *context, sr_call **call);

/* ---- stopping, and being told ---- */

#define SR_FROZEN_ALL 1
#define SR_FROZEN_PATIENT 2   /* an identity, or with `tagged` its tag of 32 bytes */
#define SR_FROZEN_RECORDING 3 /* SR_ID bytes */
#define SR_FROZEN_SERVICE 4   /* its name */
#define SR_FROZEN_ISSUER 5    /* its name in the daemon's configuration */
#define SR_FROZEN_GRANT 6     /* its jti */
#define SR_FROZEN_ACTOR 7     /* who acts, or with `tagged` their tag */

/* What to stop, or to let go again. Borrowed during the call. */
struct sr_freeze_options {
	unsigned scope;
	bool tagged;
	const uint8_t *subject; /* nothing for SR_FROZEN_ALL */
	size_t subject_size;
	bool ingest;        /* recording stops as well; not for a thaw */
	const char *reason; /* 1 to 255 bytes; name nobody in it: it is stored in the clear */
};

/* `unknown`: it is a patient of whom the store has nothing; false if the call failed. */
typedef void sr_freeze_made(void *context, const struct sr_result *result, bool unknown);

/*
 * Freeze: when `made` is called it is durable and in force, and what it stops has ended or will within a second. Of
 * what is frozen already, `ingest` and the reason are replaced. SR_USAGE: no such scope or subject; SR_NOT_FOUND: no
 * such recording, service or issuer; SR_BUSY: too many. Thaw: SR_NOT_FOUND: it is not frozen.
 */
SR_PUBLIC enum sr_code sr_freeze(sr_client *client, const struct sr_freeze_options *options, sr_freeze_made *made,
				 void *context, sr_call **call);
SR_PUBLIC enum sr_code sr_thaw(sr_client *client, const struct sr_freeze_options *options, sr_done *done, void *context,
			       sr_call **call);

struct sr_freeze_info {
	unsigned scope;
	char scope_name[16];
	uint8_t subject[255]; /* of a patient and an actor the tag */
	size_t subject_size;
	bool ingest;
	uint64_t frozen_ms;
	char by[64]; /* the service that asked; "": the store itself, as its configuration says */
	char reason[256];
};

/* A page of them in the order made, from number `from` of `total` on. Ask again with from + count while that is less.
 */
struct sr_freezes_info {
	uint32_t total;
	uint32_t from;
	size_t count;
	const struct sr_freeze_info *freezes;
};
typedef void sr_freezes_told(void *context, const struct sr_result *result, const struct sr_freezes_info *page);
SR_PUBLIC enum sr_code sr_freeze_list(sr_client *client, uint32_t from, sr_freezes_told *told, void *context,
				      sr_call **call);

/* An alarm that the daemon still has. Tags and recording are zeros, texts "" where there is nothing to say. */
struct sr_alarm_info {
	uint64_t number; /* from 1, ascending */
	char kind[32]; /* "misfiled", "foreign", "consultation_conflict", "corrupt", "break_glass", "unusual", "test" */
	char severity[16]; /* "critical", "high", "notice", "test" */
	char delivery[16]; /* "untold" (no command is configured), "waiting", "told", "given_up", "earlier" (than the
			      daemon's start) */
	unsigned tries;    /* of the command */
	uint64_t first_ms; /* of the events that it stands for */
	uint64_t last_ms;
	uint32_t count;
	uint64_t request; /* of the first */
	char operation[64];
	char service[64];
	char issuer[64];
	char jti[256];
	char what[256];
	uint8_t patient[32]; /* tag */
	uint8_t actor[32];   /* tag */
	uint8_t recording[SR_ID];
};

/* A page of them, oldest first. Ask again with the last number until count is 0. */
struct sr_alarms_info {
	uint64_t lost; /* alarms that the daemon has no more */
	size_t count;
	const struct sr_alarm_info *alarms;
};
typedef void sr_alarms_told(void *context, const struct sr_result *result, const struct sr_alarms_info *page);
SR_PUBLIC enum sr_code sr_alarm_list(sr_client *client, uint64_t after, sr_alarms_told *told, void *context,
				     sr_call **call);

/*
 * Raise an alarm and have the configured command told of it. SR_OK: the command ended with 0. SR_UNAVAILABLE: none is
 * configured; SR_IO: it failed, and is tried again. Log, counters and list have the alarm in any case.
 */
SR_PUBLIC enum sr_code sr_alarm_test(sr_client *client, sr_done *done, void *context, sr_call **call);

/* ---- identities and keys of patients ---- */

/* What a request has done; `left` is known when `more` is false. */
struct sr_patient_info {
	uint32_t recordings;   /* moved, or wrapped anew, by this request */
	uint32_t left;         /* stay as they are: they do not open for the patient, or are deleted */
	uint32_t root_version; /* the patient's, or of whom the recordings went to */
	bool more;             /* ask again to go on */
};
typedef void sr_patient_changed(void *context, const struct sr_result *result, const struct sr_patient_info *info);

/*
 * Give the patient of `grant` (scope `manage`) a new key under the newest root version: all at once, or not at all.
 * SR_NOT_FOUND: they have nothing; SR_UNAVAILABLE: a key is missing; SR_BUSY.
 */
SR_PUBLIC enum sr_code sr_patient_rekey(sr_client *client, const char *grant, sr_patient_changed *done, void *context,
					sr_call **call);

/*
 * Seal the next finished recording of the patient of `grant` (scope `manage`) behind `after` (NULL: the first) anew,
 * media and all, under a data key that nobody has had. Asked again behind `place` until `more` is false, that is every
 * one. SR_NOT_FOUND: they have nothing; SR_NO_SPACE; SR_BUSY; SR_UNAVAILABLE: a key is missing.
 */
struct sr_deep_info {
	uint32_t recordings; /* sealed anew by this request */
	uint32_t left;       /* looked at, and left: not finished, deleted, damaged, or somebody else's */
	uint64_t bytes;      /* of media */
	uint8_t place[SR_ID];
	bool more;
};
typedef void sr_deep_told(void *context, const struct sr_result *result, const struct sr_deep_info *info);
SR_PUBLIC enum sr_code sr_rotate_deep(sr_client *client, const char *grant, const uint8_t *after, sr_deep_told *told,
				      void *context, sr_call **call);

/*
 * Move recordings from the patient of grant `from` to that of `to` (both with scope `manage`): a rename all of them, to
 * one who has none; a merge all of them, or `recording` alone (NULL: all). Each is listed and played under exactly one
 * of the two at every moment. Ask again while there is more; repeating what is done does nothing. SR_USAGE: both are
 * one; SR_CONFLICT: one is not finished, or a rename's target has recordings; SR_NOT_FOUND, SR_BUSY.
 */
SR_PUBLIC enum sr_code sr_patient_rename(sr_client *client, const char *from, const char *to, sr_patient_changed *done,
					 void *context, sr_call **call);
SR_PUBLIC enum sr_code sr_patient_merge(sr_client *client, const char *from, const char *to,
					const uint8_t recording[SR_ID], sr_patient_changed *done, void *context,
					sr_call **call);

/* Make a new root version, for patients who come or are rekeyed from now on. */
typedef void sr_root_made(void *context, const struct sr_result *result, uint32_t version);
SR_PUBLIC enum sr_code sr_root_new(sr_client *client, sr_root_made *done, void *context, sr_call **call);

/* The identity under a tag of 32 bytes, in the box that only the auditor's key opens. SR_NOT_FOUND. */
typedef void sr_person_told(void *context, const struct sr_result *result, const uint8_t *box, size_t size);
SR_PUBLIC enum sr_code sr_person_read(sr_client *client, const uint8_t tag[32], sr_person_told *done, void *context,
				      sr_call **call);

/* ---- scrubbing: the daemon checks all it stores ---- */

#define SR_SCRUB_PLACE 96

/* One thing that does not fit. */
struct sr_finding_info {
	unsigned kind;            /* as the protocol numbers them, from 1 */
	char name[32];            /* of the kind: "row", "checksum", … */
	uint8_t recording[SR_ID]; /* zeros: of none */
	unsigned track;           /* 0: of none */
	unsigned file;
	uint64_t offset; /* bytes of the file */
	uint64_t length; /* 0: no place in it */
	char text[256];
};

/* How the store's scrub stands. */
struct sr_scrub_info {
	const char *state; /* "idle", "running", "stopped" or "done" */
	uint64_t started_ms;
	uint64_t rows;
	uint64_t bytes;
	uint32_t total;                /* findings in all */
	uint8_t place[SR_SCRUB_PLACE]; /* what lies before it is checked */
	size_t place_size;
	uint32_t from; /* number of the first of these findings */
	const struct sr_finding_info *findings;
	size_t count;
};
typedef void sr_scrub_told(void *context, const struct sr_result *result, const struct sr_scrub_info *info);

/*
 * Begin a scrub of at most `rate` bytes a second (0: unthrottled), behind `place` (`place_size` 0: from the beginning).
 * SR_BUSY: one is running. Then look how it stands, with findings from number `from` on; or have it stop.
 */
SR_PUBLIC enum sr_code sr_scrub_start(sr_client *client, uint64_t rate, const uint8_t *place, size_t place_size,
				      sr_scrub_told *told, void *context, sr_call **call);
SR_PUBLIC enum sr_code sr_scrub_status(sr_client *client, uint32_t from, sr_scrub_told *told, void *context,
				       sr_call **call);
SR_PUBLIC enum sr_code sr_scrub_stop(sr_client *client, sr_scrub_told *told, void *context, sr_call **call);

/* ---- epochs: generations of the master key, and moving rows between them ---- */

#define SR_ROTATE_PLACE 96

struct sr_epoch_info {
	uint32_t number;
	const char *state;                  /* "open", "closing" or "retired" */
	uint64_t made_ms;                   /* 0: not known */
	uint64_t changed_ms, kept_until_ms; /* sr_epoch_list only */
	uint64_t recordings, people;        /* sr_rotate_census only: rows of this part */
};
struct sr_epochs_info {
	uint32_t current;
	const struct sr_epoch_info *epochs;
	size_t count;
	uint64_t keyring_revision; /* sr_epoch_list only; the rest is sr_rotate_census's */
	uint64_t damaged;          /* rows of this part whose epoch cannot be told */
	uint8_t place[SR_ROTATE_PLACE];
	size_t place_size; /* 0: that was all */
	double progress;   /* 0 to 1 */
};
typedef void sr_epochs_told(void *context, const struct sr_result *result, const struct sr_epochs_info *info);
SR_PUBLIC enum sr_code sr_epoch_list(sr_client *client, sr_epochs_told *told, void *context, sr_call **call);

/* Make the next epoch, which is the current one from then on. */
typedef void sr_epoch_told(void *context, const struct sr_result *result, uint32_t number);
SR_PUBLIC enum sr_code sr_epoch_new(sr_client *client, sr_epoch_told *told, void *context, sr_call **call);

/*
 * Retire an epoch: SR_CONFLICT if it is the current one, or retired, or a row refers to it, or no registered backup
 * outlives it and `no_backup` is false; SR_CORRUPT if a row cannot be judged; SR_BUSY if another is being retired.
 * Takes as long as reading all rows.
 */
struct sr_retired_info {
	uint32_t number;
	uint64_t recordings, people; /* rows that were opened; none was this epoch's */
	uint64_t keyring_revision;
	uint64_t kept_until_ms; /* 0: its key is gone */
	char checkpoint[1025];  /* of the audit log; "": none */
	const char (*lost)[64]; /* names of backups that need its key */
	size_t lost_count;
};
typedef void sr_retired_told(void *context, const struct sr_result *result, const struct sr_retired_info *info);
SR_PUBLIC enum sr_code sr_epoch_retire(sr_client *client, uint32_t number, bool no_backup, sr_retired_told *told,
				       void *context, sr_call **call);

/* Count one part of all rows by epoch, behind `place` (`place_size` 0: from the beginning). */
SR_PUBLIC enum sr_code sr_rotate_census(sr_client *client, const uint8_t *place, size_t place_size,
					sr_epochs_told *told, void *context, sr_call **call);

/*
 * Move up to `limit` rows of the epochs `first` to `last`, behind `place`, to epoch `to`. SR_BUSY: another rotation is
 * under way; SR_CONFLICT: `to` takes no new seals; SR_USAGE.
 */
struct sr_rotate_options {
	uint32_t to; /* 0: the current one */
	uint32_t first, last;
	uint16_t limit; /* 1 to 1,000; 0: 1,000 */
	const uint8_t *place;
	size_t place_size; /* 0: from the beginning */
};
struct sr_rotated_info {
	uint32_t to;
	uint8_t place[SR_ROTATE_PLACE];
	size_t place_size; /* 0: the end was reached */
	double progress;   /* 0 to 1 */
	uint32_t passed, moved;
	uint32_t left;            /* rows that could not be moved */
	uint8_t recording[SR_ID]; /* the first of them; zeros: none, or a person's row */
};
typedef void sr_rotated_told(void *context, const struct sr_result *result, const struct sr_rotated_info *info);
SR_PUBLIC enum sr_code sr_rotate_step(sr_client *client, const struct sr_rotate_options *options, sr_rotated_told *told,
				      void *context, sr_call **call);

/* ---- holds, erasure, rows beyond repair: role operate ---- */

/* One hold: of a recording, or of a patient, who is shown by their tag. */
struct sr_hold_info {
	uint8_t hold[SR_ID];
	uint8_t recording[SR_ID]; /* zeros: of a patient */
	uint8_t tag[32];          /* zeros: of a recording */
	uint64_t placed_ms;
	char service[64]; /* that placed it */
	char reason[256];
};
struct sr_holds_info {
	uint32_t total;
	uint32_t from; /* number of the first of these */
	const struct sr_hold_info *holds;
	size_t count;
};
typedef void sr_holds_told(void *context, const struct sr_result *result, const struct sr_holds_info *info);

/*
 * Hold a recording, or with `identity` (not NULL; `recording` is then NULL) all recordings of a patient, later ones
 * included: while any hold stands they cannot be deleted or erased. `reason` has 1 to 255 bytes of UTF-8. The hold is
 * told. SR_NOT_FOUND; SR_CONFLICT: too many, or being erased; SR_USAGE: no reason, both or neither.
 */
SR_PUBLIC enum sr_code sr_hold_place(sr_client *client, const uint8_t *recording, const char *identity,
				     const char *reason, sr_holds_told *told, void *context, sr_call **call);
/* Release one hold; others of the same recording or patient stand. SR_NOT_FOUND. */
SR_PUBLIC enum sr_code sr_hold_release(sr_client *client, const uint8_t hold[SR_ID], const char *reason, sr_done *done,
				       void *context, sr_call **call);
/* A page of holds from number `from` on. */
SR_PUBLIC enum sr_code sr_hold_list(sr_client *client, uint32_t from, sr_holds_told *told, void *context,
				    sr_call **call);

/*
 * End a recording whose row is beyond repair, so that its epoch can be retired. SR_CONFLICT: the row is whole, or on
 * hold; SR_NOT_FOUND.
 */
SR_PUBLIC enum sr_code sr_scrub_discard(sr_client *client, const uint8_t recording[SR_ID], const char *reason,
					sr_done *done, void *context, sr_call **call);

/* How a patient's last erasure stands. */
struct sr_erasure_info {
	const char *state; /* "none", "pending" or "final" */
	uint64_t erased_ms;
	uint32_t recordings; /* that there were */
	uint32_t waiting;    /* of those, not yet removed, and 1 for the patient's own row, which goes last */
	uint32_t epoch;      /* final when all epochs up to it are retired */
	uint32_t unretired;  /* how many are not */
	bool returned;       /* there is a patient of this identity again */
	/* When the last key of a retired epoch up to it, kept for recovery, goes; 0: none is kept. */
	uint64_t kept_until_ms;
	const char (*backups)[64]; /* names of registered backups that these keys open, while told */
	size_t backups_count;
};
typedef void sr_erasure_told(void *context, const struct sr_result *result, const struct sr_erasure_info *info);

/*
 * Erase a patient, with all of their recordings; or with `reason` NULL only say how it stands. Once more for one who is
 * gone says how it stands. SR_NOT_FOUND: there is no such patient; SR_CONFLICT: something of theirs is on hold or must
 * be kept, and nothing was done.
 */
SR_PUBLIC enum sr_code sr_patient_erase(sr_client *client, const char *identity, const char *reason,
					sr_erasure_told *told, void *context, sr_call **call);

#ifdef __cplusplus
}
#endif

#endif
