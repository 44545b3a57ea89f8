/*
 * What the files of removing share. Nobody else includes this.
 */
#ifndef SR_REMOVAL_INTERNAL_H
#define SR_REMOVAL_INTERNAL_H

#include <pthread.h>

#include "serve/removal/removal.h"

struct sr_remover {
	const struct sr_keyring *keyring;
	struct sr_index *index;
	struct sr_blobs *blobs;
	struct sr_ledger *ledger;
	pthread_mutex_t noting;  /* from the ledger's next line to its number in the index */
	pthread_mutex_t working; /* one removal or erasure at a time */
	bool replays;            /* the ledger has its line already, and no hold is older than it */
};

/* Run an operation whose parts were added with `built`; frees it otherwise. SR_CONFLICT with a text of its own. */
enum sr_code sr_remover_run(struct sr_remover *remover, struct sr_op *op, bool built, struct sr_error *err) SR_MUST_USE;

/* sr_remove_recording for who has the lock. */
enum sr_code sr_remove_locked(struct sr_remover *remover, const struct sr_doom *doom, struct sr_error *err) SR_MUST_USE;

#endif
