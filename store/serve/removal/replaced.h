/*
 * Data files of a recording that its rows no longer name, or never did: what sealing it anew leaves.
 */
#ifndef SR_REPLACED_H
#define SR_REPLACED_H

#include "serve/removal/removal.h"

/*
 * Remove every file of `doom`'s recording that no track's row names, then the doomed row. Nothing of one that is still
 * written is touched. SR_CORRUPT, SR_UNAVAILABLE: a row cannot be read, so that nobody knows what it names; SR_IO,
 * SR_INTERNAL. For who has the remover's lock.
 */
enum sr_code sr_replaced_remove(struct sr_remover *remover, const struct sr_doom *doom,
				struct sr_error *err) SR_MUST_USE;

#endif
