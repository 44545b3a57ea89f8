/*
 * What can be found wrong with an audit log, how it is said, and what two checkpoints say of each other: for whoever
 * verifies a log, beside its files or far from them.
 */
#ifndef SR_AUDIT_FAULT_H
#define SR_AUDIT_FAULT_H

#include "checkpoint.h"
#include "error.h"

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

/* Is told of each finding, which is borrowed during the call. */
typedef void sr_audit_fault_found(void *context, const struct sr_audit_finding *finding);

/* Checkpoints that an auditor has kept, read with sr_checkpoint_read, of any sizes; and the log that is verified. */
struct sr_audit_kept {
	const struct sr_checkpoint *own; /* the log's latest */
	const struct sr_checkpoint *kept;
	size_t count;
	sr_audit_fault_found *found;
	void *context;
};

/* What the checkpoints say without a look at entries: DIVERGED, OTHER_LOG, SHORTER. How many findings. */
size_t sr_audit_kept_check(const struct sr_audit_kept *kept);

/* Has one of them been kept of the log's first `size` entries? Then their root has to be known. */
bool sr_audit_kept_has(const struct sr_audit_kept *kept, uint64_t size) SR_MUST_USE;

/* The first `size` entries give `root`: REWRITTEN if a kept one says otherwise. How many findings. */
size_t sr_audit_kept_compare(const struct sr_audit_kept *kept, uint64_t size, const uint8_t root[SR_HASH]);

#define SR_AUDIT_LINE_MAX 1024

/* The stable names, for --help. */
#define SR_AUDIT_VERIFY_FIELDS                                                                                         \
	"one object a line: for each finding \"finding\" (checkpoint, record, entry, tile, bundle, root, shorter, "    \
	"rewritten, diverged, other_log), \"number\" (of an entry, or a kept checkpoint's size) and \"text\"; at the " \
	"end \"verified\" (true or false), \"stopped\", \"origin\", \"size\", \"root\" (base 64), \"entries\" (that "  \
	"were read) and \"findings\" (their count)"

/* A finding as a line without its end: for people, or as one JSON object. */
void sr_audit_finding_line(const struct sr_audit_finding *finding, bool json, char out[SR_AUDIT_LINE_MAX]);

/* How a verification ended. */
struct sr_audit_end_line {
	const struct sr_checkpoint *checkpoint;
	uint64_t entries;
	uint64_t findings;
	bool stopped;
};
void sr_audit_end_line(const struct sr_audit_end_line *end, bool json, char out[SR_AUDIT_LINE_MAX]);

#endif
