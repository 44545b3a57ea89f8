/*
 * The proof that an entry is in the log, as text that anybody can keep and check: C2SP tlog-proof.
 */
#ifndef SR_TLOG_PROOF_H
#define SR_TLOG_PROOF_H

#include "checkpoint.h"

#define SR_PROOF_TEXT_MAX (SR_CHECKPOINT_MAX + 4096)

/*
 * Write the tlog-proof of entry `number` under `checkpoint` (in: its signed text, terminated) into `text` (out),
 * terminated. SR_INTERNAL: it does not fit, which no proof of a tree of 2^64 leaves does.
 */
enum sr_code sr_tlog_proof_write(uint64_t number, const struct sr_merkle_proof *proof, const char *checkpoint,
				 char text[SR_PROOF_TEXT_MAX], struct sr_error *err) SR_MUST_USE;

/*
 * Does the tlog-proof `text` prove that the entry of `json` is in a log that `key` signs? *number and *checkpoint (out)
 * then say where. SR_CORRUPT: it is no tlog-proof, or proves something else.
 */
enum sr_code sr_tlog_proof_check(struct sr_span text, struct sr_span json, const uint8_t key[SR_AUDIT_KEY],
				 uint64_t *number, struct sr_checkpoint *checkpoint, struct sr_error *err) SR_MUST_USE;

#endif
