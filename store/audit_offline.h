/*
 * What can be done with an audit log that no daemon writes: verify it, wherever it lies; begin it anew.
 */
#ifndef SR_AUDIT_OFFLINE_H
#define SR_AUDIT_OFFLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define SR_AUDIT_OFFLINE_KEPT_MAX 16

/* What to verify, and how to say it. */
struct sr_audit_offline {
	const char *directory;                       /* a store's, or that of a log or of a copy of one */
	const char *verifier;                        /* the verifier key's text */
	const char *kept[SR_AUDIT_OFFLINE_KEPT_MAX]; /* paths of checkpoints that were kept */
	size_t kept_count;
	bool json;
	bool quiet; /* no progress, and no last line if nothing was found */
};

/*
 * Verify the log in order->directory, without a lock and without any secret; findings go to standard output as they
 * come. *clean (out): nothing was found. SR_USAGE: the key is none, or a kept checkpoint is not signed by it;
 * SR_NOT_FOUND: there is no log; SR_IO, SR_CORRUPT (so damaged that it cannot be begun), SR_INTERNAL.
 */
enum sr_code sr_store_verify_audit(const struct sr_audit_offline *order, bool *clean, struct sr_error *err) SR_MUST_USE;

/*
 * Put the log of the store `directory` aside and begin a new one that names it, because the store was restored and its
 * log is behind `kept` (in: the path of the latest checkpoint that anybody has). Takes the store's lock: SR_BUSY while
 * a daemon has it. Else as sr_audit_restart.
 */
enum sr_code sr_store_restart_audit(const char *directory, const char *kept, struct sr_error *err) SR_MUST_USE;

#endif
