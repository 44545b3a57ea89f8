/*
 * The backups that are registered, as their control rows say.
 */
#ifndef SR_REGISTERED_H
#define SR_REGISTERED_H

#include "data/index.h"
#include "keys/epochs.h"

/* One of them: its label, without the row's prefix, borrowed for the call. */
typedef void sr_registered_visit(void *context, const char *label, const struct sr_backup_row *row);

/*
 * Visit each in the order of their labels. One whose row does not verify is passed over: it vouches for nothing. SR_IO,
 * SR_CORRUPT: the index could not be read.
 */
enum sr_code sr_registered_walk(struct sr_index *index, const struct sr_keyring *keyring, sr_registered_visit *visit,
				void *context, struct sr_error *err) SR_MUST_USE;

#endif
