/*
 * The rows of the index as they are sealed: fields to authenticated bytes and back. Each ends in 32 bytes of HMAC
 * under K_row. store/FORMAT.md gives every byte; the index itself sees opaque values.
 */
#ifndef SR_ROWS_H
#define SR_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "context.h"
#include "extent.h"
#include "keys/keyring.h"
#include "message.h"
#include "track.h"

#define SR_ROW_FORMAT 1 /* of all but extents' */
#define SR_ROW_MAC 32
#define SR_WRAP (SR_KEY + 2 * SR_SEALED_SMALL) /* a DEK under two seals: 176 bytes */
#define SR_GENERATION 16
#define SR_FILES_MAX 256 /* blob files of one track */
#define SR_ROW_MAX 16384

/* Life of a patient or of a recording's row. */
enum sr_life {
	SR_LIFE_LIVE = 1,
	SR_LIFE_DOOMED = 2,    /* being deleted, since `doomed_ms` */
	SR_LIFE_MOVING = 3,    /* arriving from `other`: live once the other is a tombstone */
	SR_LIFE_TOMBSTONE = 4, /* gone to `other` */
	SR_LIFE_FURTHER = 5    /* a further subject: the recording's home row is under `other` */
};

/* Whether a recording takes more. */
enum sr_writing { SR_WRITING_OPEN = 1, SR_WRITING_CLOSING = 2, SR_WRITING_FINISHED = 3 };

struct sr_patient_row {
	enum sr_life life;
	uint8_t generation[SR_GENERATION];
	uint32_t root;
	uint8_t salt[32];
	uint64_t created_ms;
	uint64_t doomed_ms;
	uint8_t other[SR_TAG]; /* the tag a moved patient went to; zeros */
};

/* A grant that may resume a recording past its expiry: hash of (iss, jti) and when it expires, in seconds. */
struct sr_grant_trace {
	uint8_t hash[SR_TAG];
	uint64_t expires;
};

struct sr_recording_row {
	enum sr_life life;
	enum sr_writing writing;
	uint64_t wrap_revision;
	uint64_t writer_revision;
	uint64_t life_revision;
	uint32_t epoch;
	uint8_t wrap[SR_WRAP];
	uint64_t opened_ms;
	uint64_t finished_ms;
	uint64_t doomed_ms;
	uint64_t retain_until_ms;
	bool held;
	uint8_t other[SR_TAG];
	uint8_t nonce[SR_NONCE];
	uint8_t consultation[SR_TAG]; /* zeros: none */
	struct sr_grant_trace opened_by;
	struct sr_grant_trace renewed_by;
	uint16_t tracks;                               /* how many track rows there are */
	uint8_t label[SR_LABEL_MAX + SR_SEALED_SMALL]; /* the sealed listing entry: the label */
	uint16_t label_size;
};

/*
 * A doomed recording without a wrap any more (epoch 0): its DEK is gone, and what is left of it is being removed. The
 * second asks a row as it is stored; one that does not verify is none.
 */
bool sr_recording_unwrapped(const struct sr_recording_row *row);
bool sr_recording_gone(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], struct sr_span value);

/* One blob file of a track: how much of it is committed. */
struct sr_track_file {
	uint16_t number;
	uint64_t committed; /* bytes */
};

struct sr_track_row {
	uint16_t track;
	uint32_t generation; /* of its writer: 1 at creation, one more with every resume */
	enum sr_writing writing;
	uint8_t nonce[SR_NONCE];
	uint64_t opened_ms;
	uint64_t start_ms;
	uint32_t segments; /* copies of the head's, so that listing and appending need no second look */
	uint64_t length;
	uint16_t file_count;
	struct sr_track_file files[SR_FILES_MAX];
	uint64_t manifest_position; /* in the last file; valid when FINISHED */
	uint32_t manifest_size;
	uint8_t manifest_hash[32]; /* SHA-256 of the sealed manifest */
	uint8_t head[SR_HEAD_SEALED];
	uint8_t entry[2 + SR_MEDIA_TYPE_MAX + 2 + SR_LABEL_MAX + SR_SEALED_SMALL]; /* sealed: media type, label */
	uint16_t entry_size;
};

/* A segment's record with where it lies: the index value while the recording is open. Not MACed: the head's chain is.
 */
#define SR_SEGMENT_ROW SR_MANIFEST_RECORD

/* A checksum over up to SR_EXTENT bytes of stored blob: made and compared by keys/extent_sum.h. */
struct sr_extent_row {
	enum sr_extent_format format;
	uint32_t covered; /* bytes from the extent's start */
	uint8_t sum[SR_EXTENT_SUM];
};
#define SR_EXTENT_ROW (1 + 4 + SR_EXTENT_SUM + SR_ROW_MAC)

/* A service's control row, under the name "service/NAME". */
struct sr_service_state {
	uint8_t key[32];
	uint16_t roles;
	uint64_t added_ms;
	uint64_t revision;
};

/*
 * Encode a row with its HMAC into `out` (SR_ROW_MAX bytes); returns its size. What the HMAC covers beside the bytes:
 * a patient row's tag; a recording row's id but not its tag, so that a copied row shows as misfiled and not as
 * corrupt; a track row's recording and number; an extent's place; a control row's name.
 */
size_t sr_patient_row_encode(const struct sr_keyring *keyring, const uint8_t tag[SR_TAG],
			     const struct sr_patient_row *row, uint8_t *out);
size_t sr_recording_row_encode(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID],
			       const struct sr_recording_row *row, uint8_t *out);
size_t sr_track_row_encode(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID],
			   const struct sr_track_row *row, uint8_t *out);
size_t sr_extent_row_encode(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], uint16_t track,
			    uint16_t file, uint32_t extent, const struct sr_extent_row *row, uint8_t *out);
size_t sr_service_row_seal(const struct sr_keyring *keyring, const char *name, const struct sr_service_state *row,
			   uint8_t *out);

/*
 * The life that a recording's row says it is in, before its HMAC is looked at; 0: it is no row of this format. A
 * tombstone has no wrap to open, so this says what to do with a row, and never what to believe of it.
 */
enum sr_life sr_row_life_told(struct sr_span value);

/* A control row of any other kind: `fields` (in) are all that lies between its format byte and its HMAC. */
size_t sr_control_row_seal(const struct sr_keyring *keyring, const char *name, struct sr_span fields, uint8_t *out);

/*
 * Verify a row's HMAC and decode it. SR_CORRUPT: HMAC or form does not fit; SR_UNAVAILABLE: a later format or a state
 * that does not exist in this one. The row is zeroed on failure.
 */
enum sr_code sr_patient_row_decode(const struct sr_keyring *keyring, const uint8_t tag[SR_TAG], struct sr_span value,
				   struct sr_patient_row *row) SR_MUST_USE;
enum sr_code sr_recording_row_decode(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID],
				     struct sr_span value, struct sr_recording_row *row) SR_MUST_USE;
enum sr_code sr_track_row_decode(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID],
				 struct sr_span value, struct sr_track_row *row) SR_MUST_USE;
enum sr_code sr_extent_row_decode(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], uint16_t track,
				  uint16_t file, uint32_t extent, struct sr_span value,
				  struct sr_extent_row *row) SR_MUST_USE;
enum sr_code sr_service_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
				 struct sr_service_state *row) SR_MUST_USE;

/* *fields (out) is then over the bytes within `value`; what they say is for the caller to judge. Failed: empty. */
enum sr_code sr_control_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
				 struct sr_cursor *fields) SR_MUST_USE;

#endif
