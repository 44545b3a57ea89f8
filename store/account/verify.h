/*
 * Verifying a whole log: every record against the tree, the tree against its checkpoint, and that against what an
 * auditor has kept.
 */
#ifndef SR_VERIFY_H
#define SR_VERIFY_H

#include "account/view.h"
#include "checkpoint.h"

/* What can be found wrong. */
enum sr_audit_fault {
	SR_FAULT_CHECKPOINT, /* the latest is not one that the key has signed, or of another log */
	SR_FAULT_RECORD,     /* a record does not verify, or is missing: nothing behind it can be told */
	SR_FAULT_ENTRY,      /* a record's JSON is not of the form, or has another number */
	SR_FAULT_TILE,       /* a tile is missing, or is not what the records give */
	SR_FAULT_BUNDLE,     /* a bundle of entries, the same */
	SR_FAULT_ROOT,       /* the records give another tree than the checkpoint signed */
	SR_FAULT_SHORTER,    /* a kept checkpoint covers more than the log has: entries were cut off */
	SR_FAULT_REWRITTEN,  /* the log does not begin as a kept checkpoint says: it was changed, and signed again */
	SR_FAULT_DIVERGED,   /* two kept checkpoints contradict each other: the log has told two stories */
	SR_FAULT_OTHER_LOG,  /* a kept checkpoint is of another log of this store; see RESTARTED */
	SR_FAULTS
};

/* The word of a fault, static: checkpoint, record, entry, … */
const char *sr_audit_fault_name(enum sr_audit_fault fault);

struct sr_audit_finding {
	enum sr_audit_fault fault;
	uint64_t number; /* of the entry, or of a tile's or bundle's first; a kept checkpoint's size */
	char text[SR_ERROR_TEXT_MAX];
};

/* A verification. Everything is borrowed. */
struct sr_audit_verification {
	const struct sr_audit_view *view; /* of the latest checkpoint, or the daemon's own */
	const uint8_t *key;               /* SR_AUDIT_KEY: the log's public key, from where the auditor trusts it */
	const struct sr_checkpoint *kept; /* read with sr_checkpoint_read; of any sizes */
	size_t kept_count;
	void (*found)(void *context, const struct sr_audit_finding *finding);
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
