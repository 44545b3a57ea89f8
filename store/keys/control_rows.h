/*
 * The control rows of deleting, holding and erasing: their names, and their fields to authenticated bytes and back;
 * and the lines of the erasure ledger, which are made alike. store/FORMAT.md gives every byte.
 */
#ifndef SR_CONTROL_ROWS_H
#define SR_CONTROL_ROWS_H

#include "keys/rows.h"

#define SR_CONTROL_NAME 129 /* the longest name there can be, and its end */
#define SR_REASON_MAX SR_TEXT_MAX
#define SR_HOLDS_MAX 16 /* of one recording or one patient */

/* ---- what is doomed, in the order of time ---- */

/* What its end is for. */
enum sr_doom_kind {
	SR_DOOM_DELETED = 1,   /* a recording: it can come back while its window lasts */
	SR_DOOM_FINAL = 2,     /* a recording whose window is over, or a patient being erased: it goes for good */
	SR_DOOM_DISCARDED = 3, /* a recording whose row is beyond repair: at once, whatever the row says */
	SR_DOOM_REPLACED = 4   /* no recording, but those files of one that no row names: it was sealed anew */
};

/*
 * What the name of a doomed row says: `recording` is zeros for a patient. What goes at once, whatever the window, has
 * time 0 there, so that it comes first.
 */
struct sr_doom {
	enum sr_doom_kind kind; /* the row's only field */
	uint64_t doomed_ms;
	uint8_t tag[SR_TAG];
	uint8_t recording[SR_UUID];
};
#define SR_DOOM_PREFIX "doomed/"

/* The row's name: "doomed/", and time, tag and recording in hex with slashes between. */
void sr_doom_name(const struct sr_doom *doom, char name[SR_CONTROL_NAME]);

/* Encode into `out` (SR_ROW_MAX bytes); returns the size. */
size_t sr_doom_row_seal(const struct sr_keyring *keyring, const struct sr_doom *doom, uint8_t *out);

/*
 * Read a name (`size` bytes, not terminated) and its value. SR_CORRUPT: the name has another form, or the HMAC does not
 * fit; SR_UNAVAILABLE: a later format, or a kind that is not known here. *doom (out) is zeroed on failure.
 */
enum sr_code sr_doom_row_open(const struct sr_keyring *keyring, struct sr_span name, struct sr_span value,
			      struct sr_doom *doom) SR_MUST_USE;

/* ---- holds ---- */

struct sr_hold {
	uint8_t id[SR_UUID];
	uint64_t placed_ms;
	uint8_t service[SR_SERVICE_NAME_MAX]; /* who placed it */
	size_t service_size;
	uint8_t reason[SR_REASON_MAX];
	size_t reason_size;
};

/* All holds of one recording, or of one patient. */
struct sr_holds {
	size_t count; /* 1 to SR_HOLDS_MAX: a row without any is removed */
	struct sr_hold list[SR_HOLDS_MAX];
};
#define SR_HOLD_PREFIX "hold/"

/* The row's name: "hold/r/" and the recording's id, or "hold/p/" and the tag, in hex. */
void sr_hold_recording_name(const uint8_t recording[SR_UUID], char name[SR_CONTROL_NAME]);
void sr_hold_patient_name(const uint8_t tag[SR_TAG], char name[SR_CONTROL_NAME]);

/* Which of both a name is, and of whom: `subject` gets 16 or 32 bytes. False: it is neither. */
bool sr_hold_name_parse(struct sr_span name, bool *patient, uint8_t subject[SR_TAG]) SR_MUST_USE;

/* Encode into `out` (SR_ROW_MAX bytes); returns the size. Decode: as the rows of rows.h; zeroed on failure. */
size_t sr_holds_row_seal(const struct sr_keyring *keyring, const char *name, const struct sr_holds *holds,
			 uint8_t *out);
enum sr_code sr_holds_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
			       struct sr_holds *holds) SR_MUST_USE;

/* ---- erasure ---- */

/* What is known of a tag's last erasure, under "erased/" and the tag in hex. */
struct sr_erased {
	uint8_t generation[SR_GENERATION];
	uint64_t erased_ms;
	uint32_t epoch;      /* the current one at that time: final when it and all before it are retired */
	uint32_t recordings; /* how many there were */
};
#define SR_ERASED_PREFIX "erased/"
void sr_erased_name(const uint8_t tag[SR_TAG], char name[SR_CONTROL_NAME]);
size_t sr_erased_row_seal(const struct sr_keyring *keyring, const char *name, const struct sr_erased *row,
			  uint8_t *out);
enum sr_code sr_erased_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
				struct sr_erased *row) SR_MUST_USE;

/* A number alone, with its HMAC: under SR_LEDGER_NAME how many lines of the ledger this store has seen; under
 * SR_RESTORED_NAME when it was restored, until the ledger has been replayed. */
#define SR_LEDGER_NAME "ledger"
#define SR_RESTORED_NAME "restored"
size_t sr_number_row_seal(const struct sr_keyring *keyring, const char *name, uint64_t number, uint8_t *out);
enum sr_code sr_number_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
				uint64_t *number) SR_MUST_USE;

/* ---- the ledger's lines ---- */

#define SR_LEDGER_LINE (1 + 1 + SR_TAG + SR_UUID + 8 + SR_ROW_MAC) /* 90 */

enum sr_ledger_kind { SR_LEDGER_PATIENT = 1, SR_LEDGER_RECORDING = 2 };

/* What is erased, and when: a patient's generation, or a recording wherever it stands. No identity. */
struct sr_ledger_line {
	enum sr_ledger_kind kind;
	uint8_t tag[SR_TAG];
	uint8_t subject[SR_UUID]; /* generation id, or recording id */
	uint64_t erased_ms;
};

/*
 * A line as number `number` (from 0) of this store's ledger. Sealing fills `out`; opening fails with SR_CORRUPT if the
 * HMAC does not fit this place, SR_UNAVAILABLE for a later format or kind; *line (out) is zeroed then.
 */
void sr_ledger_line_seal(const struct sr_keyring *keyring, uint64_t number, const struct sr_ledger_line *line,
			 uint8_t out[SR_LEDGER_LINE]);
enum sr_code sr_ledger_line_open(const struct sr_keyring *keyring, uint64_t number, const uint8_t bytes[SR_LEDGER_LINE],
				 struct sr_ledger_line *line) SR_MUST_USE;

#endif
