/*
 * The keyring: the daemon's long-lived secrets, in memory while it runs and in one sealed file at rest.
 * The only place that holds them.
 */
#ifndef SR_KEYRING_H
#define SR_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunked.h"
#include "error.h"
#include "hmac.h"
#include "uuid.h"

#define SR_KEYRING_FILE_MAX (1u << 20)
#define SR_EPOCHS_MAX 1024
#define SR_EPOCH_NONE 0 /* no epoch's number: of decoys, and of rows that have no wrap any more */
#define SR_KEPT_KEYS_MAX 64
#define SR_ROOTS_MAX 256
#define SR_KEYRING_SERVICES_MAX 256

/* All secrets; opaque, in sodium_malloc memory. Reads are safe from several threads; changes take a lock inside. */
struct sr_keyring;

/* An epoch's life, in the keyring and in the control row that the store has of it (keys/epochs.h). */
enum sr_epoch_state {
	SR_EPOCH_OPEN = 1,
	SR_EPOCH_CLOSING = 2, /* no new wraps */
	SR_EPOCH_RETIRED = 3  /* its key is gone: zeros */
};

/* Where the key that seals the keyring's file comes from. */
enum sr_key_source_kind {
	SR_KEY_PASSPHRASE = 1, /* Argon2id */
	SR_KEY_CREDENTIAL = 2, /* a file in the service manager's credential directory */
	SR_KEY_FILE = 3        /* a 0600 file: development only, announced at start */
};

/* An unlocking secret, as read. Wipe with sr_key_source_wipe. */
struct sr_key_source {
	enum sr_key_source_kind kind;
	uint8_t *secret; /* sodium_malloc: passphrase bytes, or 32 bytes or more of key-file content */
	size_t size;
};

/*
 * Read the secret that `text` names: "passphrase:FILE" (first line of FILE; "passphrase:-" or "passphrase" asks the
 * terminal, or takes a line of standard input), "credential:NAME" ($CREDENTIALS_DIRECTORY/NAME), "file:PATH". Relative
 * paths are under `directory`. Files must be regular, owned by this user or root, and not readable or writable by
 * group or others (for passphrase and file): SR_USAGE says which rule failed. SR_IO if it cannot be read.
 * `confirm` asks a terminal twice (for a new store).
 */
enum sr_code sr_key_source_read(const char *text, const char *directory, bool confirm, struct sr_key_source *out,
				struct sr_error *err) SR_MUST_USE;
void sr_key_source_wipe(struct sr_key_source *source);

/* Make a fresh file key of 32 random bytes at `path` (exclusive, 0600, synced). SR_IO; SR_CONFLICT if it exists. */
enum sr_code sr_key_file_create(const char *path, struct sr_error *err) SR_MUST_USE;

/*
 * A new keyring: random K_tag, K_row, server key, audit signing key; root version 1; epoch 1; no services; the given
 * auditor's public key. Revision 1. Nothing is written. NULL when memory is used up. Released with sr_keyring_free.
 */
struct sr_keyring *sr_keyring_new(const uint8_t store[SR_UUID], const uint8_t auditor_key[32]) SR_MUST_USE;
void sr_keyring_free(struct sr_keyring *keyring);

/*
 * Write the keyring to `path`: sealed under a key from `source` with a new salt, to a temporary file, synced, renamed,
 * directory synced; 0600. The source's derived key is kept so that later saves need no passphrase.
 * SR_IO or SR_NO_SPACE: the old file stands (or, if only the directory's sync failed, perhaps the new one).
 * SR_INTERNAL when memory or libcrypto fails.
 */
enum sr_code sr_keyring_create(struct sr_keyring *keyring, const char *path, const struct sr_key_source *source,
			       struct sr_error *err) SR_MUST_USE;

/*
 * Read and open the file at `path`. SR_USAGE: permissions, a newer format, or another kind of source than the file
 * was made with; SR_UNAUTHENTICATED: the passphrase or key does not fit; SR_CORRUPT: it fits but the bytes are
 * damaged; SR_IO. *out (out) is NULL on failure.
 */
enum sr_code sr_keyring_load(const char *path, const struct sr_key_source *source, struct sr_keyring **out,
			     struct sr_error *err) SR_MUST_USE;

/* The body's encoding, for tests and fuzzers: parse what a file holds once it is open. SR_CORRUPT if malformed. */
enum sr_code sr_keyring_parse(const uint8_t *body, size_t size, struct sr_keyring **out,
			      struct sr_error *err) SR_MUST_USE;

/* Facts. Pointers live as long as the keyring. */
const uint8_t *sr_keyring_store(const struct sr_keyring *keyring);         /* 16 */
const uint8_t *sr_keyring_server_secret(const struct sr_keyring *keyring); /* 32 */
void sr_keyring_server_public(const struct sr_keyring *keyring, uint8_t key[32]);
const uint8_t *sr_keyring_audit_seed(const struct sr_keyring *keyring); /* 32, Ed25519: signs checkpoints */
const uint8_t *sr_keyring_auditor(const struct sr_keyring *keyring);    /* 32, public */
uint64_t sr_keyring_revision(const struct sr_keyring *keyring);
uint32_t sr_keyring_epoch(const struct sr_keyring *keyring); /* the current one: the highest that is open */
uint32_t sr_keyring_root(const struct sr_keyring *keyring);  /* the current root version: the highest */

/*
 * Copy a key out for a derivation: E_n, R_v (SR_KEY bytes). False if the keyring has no such epoch or root. The caller
 * wipes. Only keys/ calls these.
 */
bool sr_keyring_epoch_key(const struct sr_keyring *keyring, uint32_t epoch, uint8_t key[SR_KEY]) SR_MUST_USE;
bool sr_keyring_root_key(const struct sr_keyring *keyring, uint32_t version, uint8_t key[SR_KEY]) SR_MUST_USE;
void sr_keyring_decoy_key(const struct sr_keyring *keyring, uint8_t key[SR_KEY]); /* of SR_EPOCH_NONE, for decoys */

/* K_tag and K_row, taken in; for as long as the keyring lives. Only keys/ calls these. */
const struct sr_hmac_key *sr_keyring_tag_key(const struct sr_keyring *keyring);
const struct sr_hmac_key *sr_keyring_row_key(const struct sr_keyring *keyring);

/* The pre-shared key of the service with X25519 key `public_key`; false if none. Constant time in the table's content.
 */
bool sr_keyring_service(const struct sr_keyring *keyring, const uint8_t public_key[32], uint8_t psk[32]) SR_MUST_USE;

/*
 * Add a service's public key with a fresh random PSK (out), or remove one, and save the file before returning.
 * SR_CONFLICT: the key is there already; SR_NOT_FOUND; SR_BUSY: the table is full; SR_IO (also for a keyring that has
 * no file), SR_NO_SPACE, SR_INTERNAL: nothing changed in memory, and on disk as for sr_keyring_create; the next save
 * writes what memory holds. Readers wait for none of this.
 */
enum sr_code sr_keyring_service_add(struct sr_keyring *keyring, const uint8_t public_key[32], uint8_t psk[32],
				    struct sr_error *err) SR_MUST_USE;
enum sr_code sr_keyring_service_remove(struct sr_keyring *keyring, const uint8_t public_key[32],
				       struct sr_error *err) SR_MUST_USE;

/*
 * Epochs. What an epoch may be used for is said by the store's control row, which keys/epochs.h decides by; the keyring
 * has their keys, and is changed first when one comes and before the row when one goes (design: crypto.md).
 */
struct sr_keyring_epoch_fact {
	uint32_t number;
	enum sr_epoch_state state;
	uint64_t kept_until_ms; /* of a retired one whose key is kept for recovery; else 0 */
};

/* All of them in order, into `out` (room for SR_EPOCHS_MAX), as of the revision *revision (out); returns how many. */
size_t sr_keyring_epochs(const struct sr_keyring *keyring, struct sr_keyring_epoch_fact *out, uint64_t *revision);

/*
 * Make the next epoch, with a fresh random key, and save the file before returning; *number (out). SR_BUSY: the keyring
 * has as many as it takes; SR_IO, SR_NO_SPACE, SR_INTERNAL as sr_keyring_service_add.
 */
enum sr_code sr_keyring_epoch_add(struct sr_keyring *keyring, uint32_t *number, struct sr_error *err) SR_MUST_USE;

/*
 * Take an epoch's key away and save the file, under a new salt, before returning; SR_OK at once if it is gone already.
 * `keep_until_ms` not 0: it stays in the file until then, sealed to the recovery key alone. SR_NOT_FOUND: no such
 * epoch; SR_CONFLICT: it is the current one; SR_USAGE: it is to be kept, and the keyring has no recovery key; SR_BUSY:
 * too many are kept; else as sr_keyring_epoch_add.
 */
enum sr_code sr_keyring_epoch_retire(struct sr_keyring *keyring, uint32_t number, uint64_t keep_until_ms,
				     struct sr_error *err) SR_MUST_USE;

/*
 * Take every kept key away whose time is at or before `now_ms`, and save the file if there was one; *gone (out): how
 * many. Codes as sr_keyring_epoch_add.
 */
enum sr_code sr_keyring_kept_expire(struct sr_keyring *keyring, uint64_t now_ms, size_t *gone,
				    struct sr_error *err) SR_MUST_USE;

/* Whether there is a recovery key, and set its public half in a keyring that is being made (NULL: none). */
bool sr_keyring_recovers(const struct sr_keyring *keyring);
void sr_keyring_set_recovery(struct sr_keyring *keyring, const uint8_t public_key[32]);

/*
 * Make the next root version, with a fresh random key, and save the file before returning; *version (out). Patients
 * come under it when they are made or get a new key. SR_BUSY: the keyring has as many as it takes; SR_IO, SR_NO_SPACE,
 * SR_INTERNAL as sr_keyring_service_add.
 */
enum sr_code sr_keyring_root_add(struct sr_keyring *keyring, uint32_t *version, struct sr_error *err) SR_MUST_USE;

#endif
