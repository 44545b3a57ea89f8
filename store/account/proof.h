/*
 * Proofs over a view's latest checkpoint: that an entry is in the log, as C2SP tlog-proof text, and that an earlier
 * checkpoint's log is where this one began.
 */
#ifndef SR_PROOF_H
#define SR_PROOF_H

#include "account/view.h"
#include "tlog_proof.h"

/*
 * The tlog-proof that entry `number` is in the log, terminated, in `text` (out). SR_USAGE: the latest checkpoint does
 * not cover it; SR_CORRUPT: a tile is missing; SR_IO, SR_INTERNAL.
 */
enum sr_code sr_audit_prove(const struct sr_audit_view *view, uint64_t number, char text[SR_PROOF_TEXT_MAX],
			    struct sr_error *err) SR_MUST_USE;

/* The same proof as hashes alone, for sr_merkle_included. The same codes. */
enum sr_code sr_audit_prove_inclusion(const struct sr_audit_view *view, uint64_t number, struct sr_merkle_proof *proof,
				      struct sr_error *err) SR_MUST_USE;

/*
 * The proof that the first `old` entries are where the first `size` begin, for sr_merkle_consistent; `size` 0: as many
 * as the latest checkpoint covers. SR_USAGE: it covers fewer, or `old` is more; SR_CORRUPT, SR_IO, SR_INTERNAL as
 * above.
 */
enum sr_code sr_audit_prove_consistency(const struct sr_audit_view *view, uint64_t old, uint64_t size,
					struct sr_merkle_proof *proof, struct sr_error *err) SR_MUST_USE;

/* The root of the log's first `size` entries, from its tiles. The same codes. */
enum sr_code sr_audit_root(const struct sr_audit_view *view, uint64_t size, uint8_t root[SR_HASH],
			   struct sr_error *err) SR_MUST_USE;

#endif
