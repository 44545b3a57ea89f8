/*
 * The messages of what becomes of a patient: a new key, another identity; and the name under a tag. One encoder and one
 * decoder each, by the rules of message.h.
 */
#ifndef SR_MESSAGE_PATIENT_H
#define SR_MESSAGE_PATIENT_H

#include "context.h"
#include "message.h"

#define SR_PERSON_BOX_MIN (1 + 48) /* an identity sealed to the auditor */
#define SR_PERSON_BOX_MAX (255 + 48)

/* PATIENT_REKEY: grant. */
void sr_patient_rekey_encode(struct sr_builder *out, struct sr_span grant);
void sr_patient_rekey_decode(struct sr_cursor *in, struct sr_span *grant);

/*
 * PATIENT_RENAME, PATIENT_MERGE: from (a grant for the identity whose recordings move), to (one for whose they become),
 * recording 16 (that one alone; zeros, and always of a rename: all).
 */
struct sr_patient_pair {
	struct sr_span from, to;
	uint8_t recording[SR_UUID];
};
void sr_patient_pair_encode(struct sr_builder *out, const struct sr_patient_pair *message);
void sr_patient_pair_decode(struct sr_cursor *in, struct sr_patient_pair *message);

/*
 * PATIENT_MOVED: recordings u32 (this request's: given a new wrap, or moved), left u32 (rows that stay where they are
 * because they do not open or are deleted; known when nothing more moves), root_version u32 (the patient's now), more
 * u8 (1: repeat the request to go on).
 */
struct sr_patient_moved {
	uint32_t recordings;
	uint32_t left;
	uint32_t root_version;
	bool more;
};
void sr_patient_moved_encode(struct sr_builder *out, const struct sr_patient_moved *message);
void sr_patient_moved_decode(struct sr_cursor *in, struct sr_patient_moved *message);

/* ROTATE_DEEP: grant, after 16: only recordings with a greater id (zeros: all). */
struct sr_rotate_deep {
	struct sr_span grant;
	uint8_t after[SR_UUID];
};
void sr_rotate_deep_encode(struct sr_builder *out, const struct sr_rotate_deep *message);
void sr_rotate_deep_decode(struct sr_cursor *in, struct sr_rotate_deep *message);

/*
 * ROTATE_DEEPENED: recordings u32 (sealed anew by this request), left u32 (looked at and left: not finished, deleted,
 * damaged, or somebody else's), bytes u64 (of media, sealed anew), place 16 (the last recording looked at), more u8 (1:
 * repeat the request with it as `after` to go on).
 */
struct sr_rotate_deepened {
	uint32_t recordings;
	uint32_t left;
	uint64_t bytes;
	uint8_t place[SR_UUID];
	bool more;
};
void sr_rotate_deepened_encode(struct sr_builder *out, const struct sr_rotate_deepened *message);
void sr_rotate_deepened_decode(struct sr_cursor *in, struct sr_rotate_deepened *message);

/* PERSON_READ: tag 32. PERSON: box (SR_PERSON_BOX_MIN to SR_PERSON_BOX_MAX): the identity, sealed to the auditor. */
void sr_person_read_encode(struct sr_builder *out, const uint8_t tag[SR_TAG]);
void sr_person_read_decode(struct sr_cursor *in, uint8_t tag[SR_TAG]);
void sr_person_box_encode(struct sr_builder *out, struct sr_span box);
void sr_person_box_decode(struct sr_cursor *in, struct sr_span *box);

/* ROOT_MADE: version u32, at least 1. */
void sr_root_made_encode(struct sr_builder *out, uint32_t version);
void sr_root_made_decode(struct sr_cursor *in, uint32_t *version);

#endif
