/*
 * The messages of holds, of ending a row beyond repair, and of erasing a patient.
 */
#ifndef SR_MESSAGE_HOLD_H
#define SR_MESSAGE_HOLD_H

#include "message.h"

#define SR_IDENTITY_FIELD_MAX 255
#define SR_HOLDS_PAGE_MAX 64

/*
 * HOLD_PLACE: recording 16, identity (at most 255 bytes), reason (1 to 255 bytes): what is held is the recording, or
 * with an identity, and zeros for the recording, the patient. Answered by HOLDS with this one.
 */
struct sr_hold_place {
	uint8_t recording[SR_UUID];
	struct sr_span identity;
	struct sr_span reason;
};
void sr_hold_place_encode(struct sr_builder *out, const struct sr_hold_place *message);
void sr_hold_place_decode(struct sr_cursor *in, struct sr_hold_place *message);

/* HOLD_RELEASE: hold 16, reason (1 to 255). SCRUB_DISCARD: recording 16, reason (1 to 255). */
struct sr_reasoned {
	uint8_t id[SR_UUID];
	struct sr_span reason;
};
void sr_reasoned_encode(struct sr_builder *out, const struct sr_reasoned *message);
void sr_reasoned_decode(struct sr_cursor *in, struct sr_reasoned *message);

/* HOLD_LIST: from u32: holds already seen. */
void sr_hold_list_encode(struct sr_builder *out, uint32_t from);
void sr_hold_list_decode(struct sr_cursor *in, uint32_t *from);

/* HOLDS: total u32, from u32, count u16 (at most SR_HOLDS_PAGE_MAX, from + count at most total), then each hold. */
struct sr_holds_reply {
	uint32_t total;
	uint32_t from;
	uint16_t count;
};
void sr_holds_reply_encode(struct sr_builder *out, const struct sr_holds_reply *message);
void sr_holds_reply_decode(struct sr_cursor *in, struct sr_holds_reply *message);

/*
 * One hold: hold 16, recording 16 (zeros: of a patient), tag 32 (zeros: of a recording), placed_ms u64, service (at
 * most 63), reason (1 to 255).
 */
struct sr_hold_row {
	uint8_t id[SR_UUID];
	uint8_t recording[SR_UUID];
	uint8_t tag[32];
	uint64_t placed_ms;
	struct sr_span service;
	struct sr_span reason;
};
void sr_hold_row_encode(struct sr_builder *out, const struct sr_hold_row *row);
void sr_hold_row_decode(struct sr_cursor *in, struct sr_hold_row *row);

/*
 * PATIENT_ERASE: identity (1 to 255), look u8 (1: erase nothing, only say how it stands), reason (at most 255; not
 * empty unless it only looks).
 */
struct sr_patient_erase {
	struct sr_span identity;
	bool look;
	struct sr_span reason;
};
void sr_patient_erase_encode(struct sr_builder *out, const struct sr_patient_erase *message);
void sr_patient_erase_decode(struct sr_cursor *in, struct sr_patient_erase *message);

/* How an erasure stands. */
enum sr_erasure {
	SR_ERASURE_NONE = 0,    /* this patient was never erased */
	SR_ERASURE_PENDING = 1, /* keys that could open old copies are still in the keyring, or files are still going */
	SR_ERASURE_FINAL = 2
};

/*
 * PATIENT_ERASED: state u8, erased_ms u64, recordings u32 (that there were), waiting u32 (of those, not yet removed,
 * and 1 for the patient's own row), epoch u32 (all up to it must be retired), unretired u32 (how many are not),
 * returned u8 (1: there is a patient of this identity again), kept_until_ms u64 (when the last key of a retired one,
 * kept for recovery, goes; 0: none is kept), count u16 (at most SR_LOST_BACKUPS_MAX), then so many names of registered
 * backups that these keys open, each sr_lost_backup.
 */
struct sr_patient_erased {
	enum sr_erasure state;
	uint64_t erased_ms;
	uint32_t recordings;
	uint32_t waiting;
	uint32_t epoch;
	uint32_t unretired;
	bool returned;
	uint64_t kept_until_ms;
	uint16_t backups;
};
void sr_patient_erased_encode(struct sr_builder *out, const struct sr_patient_erased *message);
void sr_patient_erased_decode(struct sr_cursor *in, struct sr_patient_erased *message);

#endif
