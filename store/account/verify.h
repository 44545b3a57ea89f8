/*
 * Verifying a whole log: every record against the tree, the tree against its checkpoint, and that against what an
 * auditor has kept.
 */
#ifndef SR_VERIFY_H
#define SR_VERIFY_H

#include "account/view.h"
#include "audit_fault.h"

/* A verification. Everything is borrowed. */
struct sr_audit_verification {
	const struct sr_audit_view *view; /* of the latest checkpoint, or the daemon's own */
	const uint8_t *key;               /* SR_AUDIT_KEY: the log's public key, from where the auditor trusts it */
	const struct sr_checkpoint *kept; /* read with sr_checkpoint_read; of any sizes */
	size_t kept_count;
	sr_audit_fault_found *found;
	/* Called now and then; false stops it. May be NULL. */
	bool (*progress)(void *context, uint64_t done, uint64_t all);
	void *context;
};

struct sr_audit_verdict {
	struct sr_checkpoint checkpoint; /* what was verified */
	uint64_t entries;                /* that were read */
	uint64_t findings;
	bool stopped;
};

/*
 * Verify. SR_OK: it was done, or stopped; *verdict (out) says what came of it. SR_IO, SR_INTERNAL: it could not go on.
 * Not on the event loop.
 */
enum sr_code sr_audit_verify(const struct sr_audit_verification *work, struct sr_audit_verdict *verdict,
			     struct sr_error *err) SR_MUST_USE;

#endif
