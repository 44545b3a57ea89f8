/*
 * Checkpoints of the log as text: C2SP tlog-checkpoint in a C2SP signed-note with an Ed25519 signature.
 */
#ifndef SR_CHECKPOINT_H
#define SR_CHECKPOINT_H

#include "cursor.h"
#include "error.h"
#include "merkle.h"

#define SR_AUDIT_ORIGIN_MAX 96
#define SR_AUDIT_SEED 32
#define SR_CHECKPOINT_MAX 4096 /* bytes of a signed checkpoint's text that is read */
#define SR_AUDIT_KEY 32        /* bytes of an Ed25519 public key */
#define SR_VERIFIER_MAX 160    /* of a verifier key's text, with its end */
#define SR_NOTE_MAX (1 << 20)  /* bytes of a note that is read: ours, with many witnesses' signatures */

/* What a checkpoint states. */
struct sr_checkpoint {
	char origin[SR_AUDIT_ORIGIN_MAX];
	uint64_t size;
	uint8_t root[SR_HASH];
};

/* The public key of `seed`. */
void sr_checkpoint_key(const uint8_t seed[SR_AUDIT_SEED], uint8_t key[SR_AUDIT_KEY]);

/* The verifier key by the signed-note convention, ORIGIN+ID+KEY: what an auditor keeps. */
void sr_checkpoint_verifier(const char *origin, const uint8_t key[SR_AUDIT_KEY], char text[SR_VERIFIER_MAX]);

/* Read one: `text` without what stands around it. SR_CORRUPT: it is none of an Ed25519 key; `key`, `name` undefined. */
enum sr_code sr_checkpoint_verifier_read(struct sr_span text, uint8_t key[SR_AUDIT_KEY], char name[SR_AUDIT_ORIGIN_MAX],
					 struct sr_error *err) SR_MUST_USE;

/* Is `origin` the log that a verifier key of this name is for: itself, or one that goes on for it, NAME/2 and so on? */
bool sr_checkpoint_origin_fits(const char *origin, const char *name) SR_MUST_USE;

/* Write `checkpoint` and its signature under `seed` as text, terminated. Its origin is also the key's name. */
void sr_checkpoint_sign(const struct sr_checkpoint *checkpoint, const uint8_t seed[SR_AUDIT_SEED],
			char text[SR_CHECKPOINT_MAX]);

/*
 * Read a checkpoint that `key` has signed under its origin as the key's name. Extension lines and other signatures are
 * passed over; one of this key that does not verify refuses it all. SR_CORRUPT: it is no checkpoint, is not signed so,
 * or its origin is longer than ours can be; *out is then undefined.
 */
enum sr_code sr_checkpoint_read(struct sr_span text, const uint8_t key[SR_AUDIT_KEY], struct sr_checkpoint *out,
				struct sr_error *err) SR_MUST_USE;

/* The same without looking at signatures: what a text claims. For messages, and for whoever has no key. */
enum sr_code sr_checkpoint_claims(struct sr_span text, struct sr_checkpoint *out, struct sr_error *err) SR_MUST_USE;

/* Do these two, both signed, prove by themselves that the log has told two stories: same origin and size, other root?
 */
bool sr_checkpoints_diverge(const struct sr_checkpoint *one, const struct sr_checkpoint *other) SR_MUST_USE;

#endif
