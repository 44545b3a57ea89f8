/*
 * What a keyring is made of, in memory and in the body of its file. For keyring*.c (and the fuzzer of the body) alone.
 */
#ifndef SR_KEYRING_BODY_H
#define SR_KEYRING_BODY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunked.h"
#include "cursor.h"
#include "keys/keyring.h"
#include "uuid.h"

#define SR_KEYRING_FORMAT 2 /* of a body that keeps retired keys; one that keeps none is of format 1 */
#define SR_KEYRING_MAGIC 16
#define SR_KEYRING_SALT 16 /* of Argon2id */
#define SR_KEYRING_FRONT (SR_KEYRING_MAGIC + 2 + 1 + 8 + 8 + SR_KEYRING_SALT + SR_UUID)

/* The clear front of the file; `store` is in the keyring's fixed part. Limits and salt are zeros without Argon2id. */
struct sr_keyring_front {
	enum sr_key_source_kind kind;
	uint64_t opslimit;
	uint64_t memlimit; /* bytes */
	uint8_t salt[SR_KEYRING_SALT];
};

/* What never changes while a keyring lives, so that pointers into it can be handed out. */
struct sr_keyring_fixed {
	uint8_t store[SR_UUID];
	uint8_t tag_key[SR_KEY];
	uint8_t row_key[SR_KEY];
	uint8_t server_secret[32]; /* X25519 */
	uint8_t audit_seed[32];    /* Ed25519 */
	uint8_t recovery_key[32];  /* X25519, public; zeros: none */
	uint8_t auditor_key[32];   /* X25519, public */
};

struct sr_root {
	uint32_t version;
	uint8_t key[SR_KEY];
};

struct sr_epoch {
	uint32_t number;
	enum sr_epoch_state state;
	uint8_t key[SR_KEY];
};

struct sr_keyring_service {
	uint8_t public_key[32];
	uint8_t psk[32];
};

/* A retired epoch's key, sealed to the recovery key, until its time has passed. */
#define SR_KEPT_BOX (SR_KEY + 48) /* libsodium's sealed box of E_n */
struct sr_kept_key {
	uint32_t epoch;
	uint64_t until_ms;
	uint8_t box[SR_KEPT_BOX];
};

/* What changes, under the keyring's lock. Each list is in strictly ascending order and has no entry twice. */
struct sr_keyring_lists {
	uint64_t revision;
	uint16_t root_count;
	uint16_t epoch_count;
	uint16_t service_count;
	uint16_t kept_count;
	struct sr_root roots[SR_ROOTS_MAX];
	struct sr_epoch epochs[SR_EPOCHS_MAX];
	struct sr_keyring_service services[SR_KEYRING_SERVICES_MAX];
	struct sr_kept_key kept[SR_KEPT_KEYS_MAX];
};

struct sr_keyring {
	struct sr_keyring_fixed fixed;
	struct sr_keyring_lists lists;
	struct sr_keyring_front front;
	struct sr_hmac_key tag_key; /* `fixed`'s, taken in */
	struct sr_hmac_key row_key;
	uint8_t decoy_key[SR_KEY];   /* of SR_EPOCH_NONE: random, this process's alone, never saved */
	uint8_t sealing_key[SR_KEY]; /* what the file is sealed under; valid with `path` */
	char *path;                  /* NULL: the keyring has no file yet */
	pthread_rwlock_t lock;       /* of `lists`: held for memory's time, never a disk's */
	pthread_mutex_t change;      /* of whoever changes and saves, one at a time */
};

/* Zeroed, locks made, in memory of its own. NULL when memory is used up. Released with sr_keyring_free. */
struct sr_keyring *sr_keyring_alloc(void) SR_MUST_USE;

/* Take in the keys of `fixed` that many messages come under. Once, when it is set. */
void sr_keyring_take_in(struct sr_keyring *keyring);

/* Encode the clear front of a file of these lists: SR_KEYRING_FRONT bytes. */
void sr_keyring_front_encode(struct sr_builder *out, const struct sr_keyring *keyring,
			     const struct sr_keyring_lists *lists);

/*
 * Decode it; *format (out) is how the body is written. SR_USAGE: a newer format. SR_CORRUPT: no keyring, or limits that
 * no keyring has; they are checked here so that nothing is allocated by the word of a file.
 */
enum sr_code sr_keyring_front_decode(struct sr_cursor *in, struct sr_keyring_front *front, uint8_t store[SR_UUID],
				     uint16_t *format, struct sr_error *err) SR_MUST_USE;

/* Encode the body, with `lists` in the place of the keyring's own: at most SR_KEYRING_FILE_MAX bytes. */
void sr_keyring_body_encode(struct sr_builder *out, const struct sr_keyring *keyring,
			    const struct sr_keyring_lists *lists);

/*
 * Save with `lists` in the place of the keyring's own, to its path, durably. SR_IO, SR_NO_SPACE, SR_INTERNAL; nothing
 * in memory changes. The caller holds `change`.
 */
enum sr_code sr_keyring_save(const struct sr_keyring *keyring, const struct sr_keyring_lists *lists,
			     struct sr_error *err) SR_MUST_USE;

/*
 * A change: begin takes `change` and gives a copy of the lists to be changed, NULL (SR_INTERNAL in *err, nothing taken)
 * when memory is used up. Commit raises the revision, saves, and only then lets readers see it; codes as
 * sr_keyring_save. End wipes the copy and lets others change; always called after a begin that gave one.
 */
struct sr_keyring_lists *sr_keyring_change_begin(struct sr_keyring *keyring, struct sr_error *err) SR_MUST_USE;
enum sr_code sr_keyring_change_commit(struct sr_keyring *keyring, struct sr_keyring_lists *lists,
				      struct sr_error *err) SR_MUST_USE;
void sr_keyring_change_end(struct sr_keyring *keyring, struct sr_keyring_lists *lists);

/* Read the lists under their lock: between the two calls nothing may block, nor read again. */
const struct sr_keyring_lists *sr_keyring_read_begin(const struct sr_keyring *keyring);
void sr_keyring_read_end(const struct sr_keyring *keyring);

#endif
