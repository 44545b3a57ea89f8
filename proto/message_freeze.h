/*
 * The messages of freezes: what is stopped, by whom, why. Encoders and decoders as message.h says.
 */
#ifndef SR_MESSAGE_FREEZE_H
#define SR_MESSAGE_FREEZE_H

#include "context.h"
#include "message.h"

#define SR_FREEZE_SUBJECT_MAX 255 /* bytes of what a freeze names */
#define SR_FREEZES_PAGE_MAX 64

/* What a freeze stops (design: access.md, "Freeze"). The numbers are those of the wire and of the disk. */
enum sr_freeze_scope {
	SR_FREEZE_ALL = 1,
	SR_FREEZE_PATIENT = 2,
	SR_FREEZE_RECORDING = 3,
	SR_FREEZE_SERVICE = 4,
	SR_FREEZE_ISSUER = 5,
	SR_FREEZE_GRANT = 6,
	SR_FREEZE_ACTOR = 7
};
#define SR_FREEZE_SCOPES 8 /* one more than the greatest */

/* The name of a scope ("all", "patient", …; static), or NULL for a number that is none. */
const char *sr_freeze_scope_name(enum sr_freeze_scope scope);

/*
 * True if `size` bytes at `subject` may name what a freeze of `scope` stops: nothing for all; 16 bytes of a recording;
 * a name of a service or issuer; 1 to 255 bytes of an identity, actor or jti; with `tagged` the SR_TAG bytes of a
 * patient's or actor's tag.
 */
bool sr_freeze_subject_valid(enum sr_freeze_scope scope, bool tagged, struct sr_span subject) SR_MUST_USE;

/* FREEZE: scope u8, tagged u8 (1: the subject is a tag), subject field, ingest u8 (1: recording stops too), reason. */
struct sr_freeze {
	enum sr_freeze_scope scope;
	bool tagged;
	struct sr_span subject;
	bool ingest;
	struct sr_span reason; /* 1 to SR_TEXT_MAX bytes */
};
void sr_freeze_encode(struct sr_builder *out, const struct sr_freeze *message);
void sr_freeze_decode(struct sr_cursor *in, struct sr_freeze *message);

/* FREEZE_MADE: unknown u8 (1: it is a patient of whom the store has nothing; it is frozen all the same). */
void sr_freeze_made_encode(struct sr_builder *out, bool unknown);
void sr_freeze_made_decode(struct sr_cursor *in, bool *unknown);

/* THAW: scope u8, tagged u8, subject field, reason; `ingest` is false. */
void sr_thaw_encode(struct sr_builder *out, const struct sr_freeze *message);
void sr_thaw_decode(struct sr_cursor *in, struct sr_freeze *message);

/* FREEZE_LIST: from u32 (freezes already seen). */
void sr_freeze_list_encode(struct sr_builder *out, uint32_t from);
void sr_freeze_list_decode(struct sr_cursor *in, uint32_t *from);

/* FREEZES: total u32, from u32, count u16 (at most SR_FREEZES_PAGE_MAX), then that many rows, in the order made. */
struct sr_freezes_reply {
	uint32_t total;
	uint32_t from;
	uint16_t count;
};
void sr_freezes_reply_encode(struct sr_builder *out, const struct sr_freezes_reply *message);
void sr_freezes_reply_decode(struct sr_cursor *in, struct sr_freezes_reply *message);

/*
 * One freeze as FREEZES gives it: scope u8, subject field (a patient and an actor by their tag), ingest u8, frozen_ms
 * u64, by field (the service that asked; empty: the store itself, as its configuration says), reason.
 */
struct sr_freeze_row {
	enum sr_freeze_scope scope;
	struct sr_span subject;
	bool ingest;
	uint64_t frozen_ms;
	struct sr_span by;
	struct sr_span reason;
};
void sr_freeze_row_encode(struct sr_builder *out, const struct sr_freeze_row *row);
void sr_freeze_row_decode(struct sr_cursor *in, struct sr_freeze_row *row);

#endif
