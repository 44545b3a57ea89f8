/*
 * Opening a recording's row for a proven identity, in the one order that tells damage from misrouting
 * (design: crypto.md, "Opening a row"); and the wraps and sealed fields of new rows.
 */
#ifndef SR_OPENING_H
#define SR_OPENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/derive.h"
#include "keys/rows.h"
#include "message_patient.h"

/* How a row met a patient's key. */
enum sr_row_verdict {
	SR_ROW_OPEN = 0,      /* theirs: the DEK is out */
	SR_ROW_CORRUPT,       /* HMAC, outer wrap or inner tag damaged */
	SR_ROW_UNKNOWN_EPOCH, /* the keyring lacks its epoch: read again once, then unavailable */
	SR_ROW_NOT_THEIRS,    /* whole, but another patient's: misfiled or foreign */
	SR_ROW_UNAVAILABLE    /* not to be judged now: of a later format or state, or memory or libcrypto failed */
};

/* The static lower-case name of a verdict, for the account. */
const char *sr_row_verdict_name(enum sr_row_verdict verdict);

/*
 * Steps 1 to 5 for one recording row `value` of `recording` under patient key `patient_key`. Always one open of the
 * outer wrap and one look at the inner commitment once the HMAC fits (counted in `work`: each message key is a
 * derivation, each use of one an open). *row (out) is filled unless SR_ROW_CORRUPT or SR_ROW_UNAVAILABLE, which give
 * zeros; `dek` (out, SR_KEY, secret) only with SR_ROW_OPEN, zeros otherwise.
 */
enum sr_row_verdict sr_row_open(const struct sr_keyring *keyring, const uint8_t patient_key[SR_KEY],
				const uint8_t recording[SR_UUID], struct sr_span value, struct sr_recording_row *row,
				uint8_t dek[SR_KEY], struct sr_work *work) SR_MUST_USE;

/*
 * Many rows of one patient, opened one after the other: the patient's key is taken in once, an epoch's once while rows
 * of it follow each other. Begun with `patient_key`, which is copied, under `keyring` (borrowed); secret, not for two
 * threads at once; wiped with sr_row_opener_wipe, after which it can only begin again.
 */
struct sr_row_opener {
	const struct sr_keyring *keyring;
	struct sr_input *outer, *inner; /* under the epoch's key and the patient's; NULL: not taken in yet */
	uint32_t epoch;                 /* of `outer` */
	uint8_t patient_key[SR_KEY];
};
void sr_row_opener_begin(struct sr_row_opener *opener, const struct sr_keyring *keyring,
			 const uint8_t patient_key[SR_KEY]);
void sr_row_opener_wipe(struct sr_row_opener *opener);

/* sr_row_open with such an opener: the same verdicts, the same outs, the same work counted. */
enum sr_row_verdict sr_row_open_with(struct sr_row_opener *opener, const uint8_t recording[SR_UUID],
				     struct sr_span value, struct sr_recording_row *row, uint8_t dek[SR_KEY],
				     struct sr_work *work) SR_MUST_USE;

/*
 * Steps 2 and 3 alone, for who has no patient's key: whether the outer wrap of `row`, which sr_recording_row_decode
 * gave, opens under its epoch. SR_ROW_OPEN, SR_ROW_CORRUPT, SR_ROW_UNKNOWN_EPOCH or SR_ROW_UNAVAILABLE; what lies
 * beneath goes to nobody.
 */
enum sr_row_verdict sr_row_outer(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID],
				 const struct sr_recording_row *row) SR_MUST_USE;

/*
 * A recording row that no identity opens, made anew from random keys: what is opened in the place of a row that is
 * not there, so that a refusal costs the same. `out` takes SR_ROW_MAX bytes; returns the size. Its wraps are real; the
 * outer one is under SR_EPOCH_NONE, which this keyring opens in this process, and no epoch's end touches.
 * Returns 0 when libcrypto fails: an empty row, which opens as SR_ROW_CORRUPT.
 */
size_t sr_row_decoy(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], uint8_t *out);

/*
 * A fresh random DEK, wrapped under the patient's key and that under `epoch`: the current one of what the writer holds
 * (serve/epochs/epochs.h). SR_UNAVAILABLE: the keyring lacks that epoch; SR_INTERNAL when libcrypto fails; both outs
 * are zeroed.
 */
enum sr_code sr_dek_make(const struct sr_keyring *keyring, const uint8_t patient_key[SR_KEY],
			 const uint8_t recording[SR_UUID], uint32_t epoch, uint8_t wrap[SR_WRAP],
			 uint8_t dek[SR_KEY]) SR_MUST_USE;

/*
 * The same for a DEK that is already there: of a recording that comes to another patient's key, or whose patient gets a
 * new one. Codes as above; the wrap is zeroed on failure.
 */
enum sr_code sr_dek_wrap(const struct sr_keyring *keyring, const uint8_t patient_key[SR_KEY],
			 const uint8_t recording[SR_UUID], const uint8_t dek[SR_KEY], uint32_t epoch,
			 uint8_t wrap[SR_WRAP]) SR_MUST_USE;

/* Seal and open a recording's label (up to SR_LABEL_MAX bytes), and a track's media type and label, under the DEK. */
enum sr_code sr_label_seal(const uint8_t dek[SR_KEY], const uint8_t recording[SR_UUID], struct sr_span label,
			   struct sr_recording_row *row) SR_MUST_USE;
enum sr_opening sr_label_open(const uint8_t dek[SR_KEY], const uint8_t recording[SR_UUID],
			      const struct sr_recording_row *row, uint8_t label[SR_LABEL_MAX],
			      size_t *size) SR_MUST_USE;

/* A recording's label opened, as by sr_label_open, with the DEK's entry key (sr_entry_key) taken in as `entry`. */
enum sr_opening sr_label_open_with(struct sr_input *entry, const uint8_t recording[SR_UUID],
				   const struct sr_recording_row *row, uint8_t label[SR_LABEL_MAX],
				   size_t *size) SR_MUST_USE;

/* A track's sealed words, opened. */
struct sr_track_words {
	uint8_t media_type[SR_MEDIA_TYPE_MAX];
	size_t media_type_size;
	uint8_t label[SR_LABEL_MAX];
	size_t label_size;
};
enum sr_code sr_track_words_seal(const uint8_t dek[SR_KEY], const uint8_t recording[SR_UUID],
				 const struct sr_track_words *words, struct sr_track_row *row) SR_MUST_USE;
enum sr_opening sr_track_words_open(const uint8_t dek[SR_KEY], const uint8_t recording[SR_UUID],
				    const struct sr_track_row *row, struct sr_track_words *words) SR_MUST_USE;

/* The same with the DEK's entry key taken in as `entry`. */
enum sr_opening sr_track_words_open_with(struct sr_input *entry, const uint8_t recording[SR_UUID],
					 const struct sr_track_row *row, struct sr_track_words *words) SR_MUST_USE;

/*
 * The `people` row of an identity: seal(E_n; tag, n; box_seal(identity to the auditor)), where n is `epoch` as above.
 * `out` takes SR_PERSON_MAX bytes; *size (out). The epoch stands in front. SR_INTERNAL when libcrypto fails or the
 * keyring lacks the epoch.
 */
#define SR_PERSON_MAX (1 + 4 + 255 + 48 + SR_SEALED_SMALL)
enum sr_code sr_person_seal(const struct sr_keyring *keyring, uint32_t epoch, const uint8_t tag[SR_TAG],
			    struct sr_span identity, uint8_t *out, size_t *size) SR_MUST_USE;

/*
 * The box inside a `people` row `value` of `tag`, which is the auditor's alone: `box` (out, *size bytes of it; out).
 * SR_CORRUPT: the row does not open, or has no row's form; SR_UNAVAILABLE: a later format, or an epoch the keyring
 * lacks; SR_INTERNAL when memory or libcrypto fails. *size is 0 then. And whether it opens at all, with the same codes.
 */
enum sr_code sr_person_open(const struct sr_keyring *keyring, const uint8_t tag[SR_TAG], struct sr_span value,
			    uint8_t box[SR_PERSON_BOX_MAX], size_t *size) SR_MUST_USE;
enum sr_code sr_person_check(const struct sr_keyring *keyring, const uint8_t tag[SR_TAG],
			     struct sr_span value) SR_MUST_USE;

#endif
