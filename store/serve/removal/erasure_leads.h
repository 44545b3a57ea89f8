/*
 * What still leads to the keys of a patient who was erased: why an erasure is pending.
 */
#ifndef SR_ERASURE_LEADS_H
#define SR_ERASURE_LEADS_H

#include "message_epoch.h"
#include "message_hold.h"
#include "serve/removal/erasure.h"
#include "serve/request.h"

struct sr_erasure_leads {
	uint32_t unretired;     /* epochs up to the erasure's that are not retired */
	uint64_t kept_until_ms; /* when the last key of a retired one, kept for recovery, goes; 0: none is kept */
	uint16_t backups;       /* registered, from before the erasure, under an epoch whose key is still somewhere */
	char names[SR_LOST_BACKUPS_MAX][SR_BACKUP_LABEL_MAX + 1];
};

/* Find them, for an erasure that there was. SR_IO, SR_CORRUPT, SR_INTERNAL. Pool. */
enum sr_code sr_erasure_leads(struct sr_daemon *daemon, const struct sr_erased *erased, struct sr_erasure_leads *out,
			      struct sr_error *err) SR_MUST_USE;

/*
 * The state that follows: final once nothing of the patient is left to be removed, and no key that sealed anything of
 * theirs is in the keyring, be it for recovery alone.
 */
enum sr_erasure sr_erasure_verdict(const struct sr_erasure_state *state, const struct sr_erasure_leads *leads);

#endif
