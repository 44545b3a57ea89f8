/*
 * Derivations: from an identity to its tag and patient key, from a DEK to the keys under it.
 * Counts what it does, because equal refusals must cost equal work (design: access.md, "Protocol").
 */
#ifndef SR_DERIVE_H
#define SR_DERIVE_H

#include <stddef.h>
#include <stdint.h>

#include "context.h"
#include "keys/keyring.h"

/* How much work a request cost. Added to by whoever is given one; NULL is allowed everywhere. */
struct sr_work {
	uint64_t index_reads;
	uint64_t derivations;
	uint64_t opens;
};

/* The tag of an identity (1 to 255 bytes), and of an actor: HMAC-SHA-512 under K_tag, first 32 bytes. */
void sr_patient_tag(const struct sr_keyring *keyring, const uint8_t *identity, size_t size, uint8_t tag[SR_TAG],
		    struct sr_work *work);
void sr_actor_tag(const struct sr_keyring *keyring, const uint8_t *actor, size_t size, uint8_t tag[SR_TAG]);

/* The hash a consultation is bound by: HMAC-SHA-512 under K_tag over issuer and consultation, first 32 bytes. */
void sr_consultation_hash(const struct sr_keyring *keyring, const char *iss, const char *consultation,
			  uint8_t hash[SR_TAG]);

/* The hash of (`iss`, `jti`) that a row keeps of a grant: HMAC under K_tag as above, with its own label. */
void sr_grant_hash(const struct sr_keyring *keyring, const char *iss, const char *jti, uint8_t hash[SR_TAG]);

/*
 * The patient key of an identity, with the patient's own salt and root version from their row. SR_UNAVAILABLE if the
 * keyring lacks that root. `key` (out, SR_KEY) is secret; the caller wipes it.
 */
enum sr_code sr_patient_key(const struct sr_keyring *keyring, uint32_t root, const uint8_t salt[32],
			    const uint8_t *identity, size_t size, uint8_t key[SR_KEY],
			    struct sr_work *work) SR_MUST_USE;

/* Keys under a recording's DEK (all SR_KEY bytes, secret): listing entries, heads, manifests, one track's segments. */
void sr_entry_key(const uint8_t dek[SR_KEY], uint8_t key[SR_KEY]);
void sr_head_key(const uint8_t dek[SR_KEY], uint8_t key[SR_KEY]);
void sr_manifest_key(const uint8_t dek[SR_KEY], uint8_t key[SR_KEY]);
void sr_track_key(const uint8_t dek[SR_KEY], uint16_t track, uint8_t key[SR_KEY]);

/* sr_entry_key and sr_head_key at once, with the DEK taken in once: what a recording is shown with. */
void sr_shown_keys(const uint8_t dek[SR_KEY], uint8_t entry[SR_KEY], uint8_t head[SR_KEY]);

#endif
