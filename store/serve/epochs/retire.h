/*
 * Retiring an epoch: no new seals, proof that nothing in the store is sealed under it, its key out of the keyring.
 */
#ifndef SR_RETIRE_H
#define SR_RETIRE_H

#include "message_epoch.h"
#include "serve/daemon.h"

/*
 * How the account hears of it, with `context`: before anything is changed (SR_OK, or why not); what goes with the row
 * that ends the epoch; and once it has ended. Pool.
 */
struct sr_retiring;
struct sr_op;
struct sr_retiring_account {
	enum sr_code (*intend)(void *context, struct sr_error *err);
	bool (*mark)(void *context, struct sr_op *op);
	void (*prove)(void *context, const struct sr_retiring *retiring);
	void *context;
};

/* What was asked for, and what came of it. */
struct sr_retiring {
	struct sr_daemon *daemon;
	struct sr_retiring_account account;
	uint32_t number;
	bool no_backup;
	uint64_t horizon_ms; /* how long the key is kept for recovery; 0: not at all */
	/* The proof; and the backups that need the key. */
	uint64_t recordings;
	uint64_t people;
	uint64_t keyring_revision;
	uint64_t kept_until_ms;
	uint16_t lost;
	char lost_names[SR_LOST_BACKUPS_MAX][SR_BACKUP_LABEL_MAX + 1];
	struct sr_error error; /* its code SR_OK: retired */
};

/*
 * Retire as asked, from wherever an earlier attempt has left it. Refusals, which leave the epoch as it was:
 * SR_NOT_FOUND; SR_CONFLICT: it is the current one, or retired, or a row is sealed under it, or no backup outlives it;
 * SR_CORRUPT: a row cannot be judged; SR_USAGE: its key is to be kept, and there is no recovery key. SR_UNAVAILABLE:
 * the daemon ends; SR_IO, SR_NO_SPACE, SR_INTERNAL: the keyring could not be written; in these cases the epoch stays
 * closing, and is gone on with at the next start or by asking again. Pool; takes as long as reading all rows. One at a
 * time.
 */
void sr_retire(struct sr_retiring *retiring);

#endif
