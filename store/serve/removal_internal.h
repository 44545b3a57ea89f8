/*
 * What the files of removing share. Nobody else includes this.
 */
#ifndef SR_REMOVAL_INTERNAL_H
#define SR_REMOVAL_INTERNAL_H

#include <pthread.h>

#include "serve/removal.h"

struct sr_remover {
	const struct sr_keyring *keyring;
	struct sr_index *index;
	struct sr_blobs *blobs;
	struct sr_ledger *ledger;
	pthread_mutex_t noting; /* from the ledger's next line to its number in the index */
};

#endif
