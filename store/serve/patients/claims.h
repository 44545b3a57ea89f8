/*
 * Who is changing a patient as a whole: operations that touch all rows of a patient keep each other out, and keep out
 * whoever would add a row meanwhile.
 */
#ifndef SR_CLAIMS_H
#define SR_CLAIMS_H

#include <stdbool.h>

#include "context.h"
#include "error.h"

/* All claims of a daemon. Any thread. */
struct sr_claims;
struct sr_claims *sr_claims_new(void) SR_MUST_USE;

/* Nothing may be claimed any more. NULL is allowed. */
void sr_claims_free(struct sr_claims *claims);

enum sr_claim_kind {
	SR_CLAIM_ADDING,  /* adds a row: beside others of its kind, not beside one that changes all */
	SR_CLAIM_CHANGING /* changes all of the patient's rows: alone */
};

/*
 * Claim the patient of `tag` until sr_claim_end; never waits. SR_BUSY: a claim that does not go with this one stands;
 * SR_INTERNAL when memory is used up. Nothing is claimed then.
 */
enum sr_code sr_claim(struct sr_claims *claims, const uint8_t tag[SR_TAG], enum sr_claim_kind kind) SR_MUST_USE;

/* End a claim that was got with these very arguments. */
void sr_claim_end(struct sr_claims *claims, const uint8_t tag[SR_TAG], enum sr_claim_kind kind);

#endif
