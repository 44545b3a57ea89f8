/*
 * Proofs over a view's latest checkpoint: that an entry is in the log, as C2SP tlog-proof text, and that an earlier
 * checkpoint's log is where this one began.
 */
#ifndef SR_PROOF_H
#define SR_PROOF_H

#include "account/note.h"
#include "account/view.h"

#define SR_PROOF_TEXT_MAX (SR_CHECKPOINT_MAX + 4096)

/*
 * The tlog-proof that entry `number` is in the log, terminated, in `text` (out). SR_USAGE: the latest checkpoint does
 * not cover it; SR_CORRUPT: a tile is missing; SR_IO, SR_INTERNAL.
 */
enum sr_code sr_audit_prove(const struct sr_audit_view *view, uint64_t number, char text[SR_PROOF_TEXT_MAX],
			    struct sr_error *err) SR_MUST_USE;

/*
 * Does the tlog-proof `text` prove that the entry of `json` is in a log that `key` signs? *number and *checkpoint (out)
 * then say where. SR_CORRUPT: it is no tlog-proof, or proves something else.
 */
enum sr_code sr_audit_proof_check(struct sr_span text, struct sr_span json, const uint8_t key[SR_AUDIT_KEY],
				  uint64_t *number, struct sr_checkpoint *checkpoint, struct sr_error *err) SR_MUST_USE;

/*
 * The proof that the first `old` entries of the latest checkpoint's log are those of the tree of this size, for
 * sr_merkle_consistent. SR_USAGE: the checkpoint covers fewer; SR_CORRUPT, SR_IO, SR_INTERNAL as above.
 */
enum sr_code sr_audit_prove_consistency(const struct sr_audit_view *view, uint64_t old, struct sr_merkle_proof *proof,
					struct sr_error *err) SR_MUST_USE;

/* The root of the log's first `size` entries, from its tiles. The same codes. */
enum sr_code sr_audit_root(const struct sr_audit_view *view, uint64_t size, uint8_t root[SR_HASH],
			   struct sr_error *err) SR_MUST_USE;

#endif
