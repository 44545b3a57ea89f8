/*
 * The keyring in memory: making one, reading keys out, and changing its list of services.
 */
#include "keys/keyring.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "keys/keyring_body.h"

/* Readers that come one after another must not keep a change waiting: a removed service would stay. */
static int init_lock(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attributes;
	int rc = pthread_rwlockattr_init(&attributes);

	if (rc != 0)
		return rc;
	rc = pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	if (rc == 0)
		rc = pthread_rwlock_init(lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	return rc;
}

struct sr_keyring *sr_keyring_alloc(void)
{
	struct sr_keyring *keyring;

	if (sodium_init() < 0)
		return NULL;
	keyring = sodium_malloc(sizeof *keyring);
	if (keyring == NULL)
		return NULL;
	memset(keyring, 0, sizeof *keyring);
	randombytes_buf(keyring->decoy_key, SR_KEY);
	if (init_lock(&keyring->lock) != 0)
		goto fail;
	if (pthread_mutex_init(&keyring->change, NULL) != 0)
		goto fail_lock;
	return keyring;
fail_lock:
	pthread_rwlock_destroy(&keyring->lock);
fail:
	sodium_free(keyring);
	return NULL;
}

void sr_keyring_take_in(struct sr_keyring *keyring)
{
	sr_hmac_key(&keyring->tag_key, keyring->fixed.tag_key, SR_KEY);
	sr_hmac_key(&keyring->row_key, keyring->fixed.row_key, SR_KEY);
}

void sr_keyring_free(struct sr_keyring *keyring)
{
	if (keyring == NULL)
		return;
	pthread_mutex_destroy(&keyring->change);
	pthread_rwlock_destroy(&keyring->lock);
	free(keyring->path);
	sodium_free(keyring);
}

struct sr_keyring *sr_keyring_new(const uint8_t store[SR_UUID], const uint8_t auditor_key[32])
{
	struct sr_keyring *keyring = sr_keyring_alloc();

	if (keyring == NULL)
		return NULL;
	memcpy(keyring->fixed.store, store, SR_UUID);
	memcpy(keyring->fixed.auditor_key, auditor_key, 32);
	randombytes_buf(keyring->fixed.tag_key, SR_KEY);
	randombytes_buf(keyring->fixed.row_key, SR_KEY);
	sr_keyring_take_in(keyring);
	randombytes_buf(keyring->fixed.server_secret, 32);
	randombytes_buf(keyring->fixed.audit_seed, 32);
	keyring->lists.revision = 1;
	keyring->lists.root_count = 1;
	keyring->lists.roots[0].version = 1;
	randombytes_buf(keyring->lists.roots[0].key, SR_KEY);
	keyring->lists.epoch_count = 1;
	keyring->lists.epochs[0].number = 1;
	keyring->lists.epochs[0].state = SR_EPOCH_OPEN;
	randombytes_buf(keyring->lists.epochs[0].key, SR_KEY);
	return keyring;
}

/* The lock is part of how reading works, not of what a keyring holds: hence from a const keyring. */
const struct sr_keyring_lists *sr_keyring_read_begin(const struct sr_keyring *keyring)
{
	pthread_rwlock_rdlock((pthread_rwlock_t *)&keyring->lock);
	return &keyring->lists;
}

void sr_keyring_read_end(const struct sr_keyring *keyring)
{
	pthread_rwlock_unlock((pthread_rwlock_t *)&keyring->lock);
}

const uint8_t *sr_keyring_store(const struct sr_keyring *keyring)
{
	return keyring->fixed.store;
}

const uint8_t *sr_keyring_server_secret(const struct sr_keyring *keyring)
{
	return keyring->fixed.server_secret;
}

void sr_keyring_server_public(const struct sr_keyring *keyring, uint8_t key[32])
{
	/* Only refuses a result of zeros, which no secret gives with the base point. */
	if (crypto_scalarmult_base(key, keyring->fixed.server_secret) != 0)
		sodium_misuse();
}

const uint8_t *sr_keyring_audit_seed(const struct sr_keyring *keyring)
{
	return keyring->fixed.audit_seed;
}

const uint8_t *sr_keyring_auditor(const struct sr_keyring *keyring)
{
	return keyring->fixed.auditor_key;
}

uint64_t sr_keyring_revision(const struct sr_keyring *keyring)
{
	uint64_t revision = sr_keyring_read_begin(keyring)->revision;

	sr_keyring_read_end(keyring);
	return revision;
}

uint32_t sr_keyring_epoch(const struct sr_keyring *keyring)
{
	const struct sr_keyring_lists *lists = sr_keyring_read_begin(keyring);
	uint32_t current = 0;

	for (size_t i = 0; i < lists->epoch_count; i++) {
		if (lists->epochs[i].state == SR_EPOCH_OPEN)
			current = lists->epochs[i].number;
	}
	sr_keyring_read_end(keyring);
	return current;
}

uint32_t sr_keyring_root(const struct sr_keyring *keyring)
{
	const struct sr_keyring_lists *lists = sr_keyring_read_begin(keyring);
	uint32_t current = lists->roots[lists->root_count - 1].version;

	sr_keyring_read_end(keyring);
	return current;
}

bool sr_keyring_epoch_key(const struct sr_keyring *keyring, uint32_t epoch, uint8_t key[SR_KEY])
{
	const struct sr_keyring_lists *lists = sr_keyring_read_begin(keyring);
	bool found = false;

	for (size_t i = 0; i < lists->epoch_count && !found; i++) {
		found = lists->epochs[i].number == epoch && lists->epochs[i].state != SR_EPOCH_RETIRED;
		if (found)
			memcpy(key, lists->epochs[i].key, SR_KEY);
	}
	sr_keyring_read_end(keyring);
	return found;
}

bool sr_keyring_root_key(const struct sr_keyring *keyring, uint32_t version, uint8_t key[SR_KEY])
{
	const struct sr_keyring_lists *lists = sr_keyring_read_begin(keyring);
	bool found = false;

	for (size_t i = 0; i < lists->root_count && !found; i++) {
		found = lists->roots[i].version == version;
		if (found)
			memcpy(key, lists->roots[i].key, SR_KEY);
	}
	sr_keyring_read_end(keyring);
	return found;
}

const struct sr_hmac_key *sr_keyring_tag_key(const struct sr_keyring *keyring)
{
	return &keyring->tag_key;
}

const struct sr_hmac_key *sr_keyring_row_key(const struct sr_keyring *keyring)
{
	return &keyring->row_key;
}

bool sr_keyring_service(const struct sr_keyring *keyring, const uint8_t public_key[32], uint8_t psk[32])
{
	const struct sr_keyring_lists *lists = sr_keyring_read_begin(keyring);
	uint8_t found = 0;

	/* Every entry is looked at and masked in, so that time tells neither which one fits nor whether one does. */
	sodium_memzero(psk, 32);
	for (size_t i = 0; i < lists->service_count; i++) {
		int differs = sodium_memcmp(lists->services[i].public_key, public_key, 32);
		uint8_t mask = (uint8_t)~differs;

		for (size_t j = 0; j < 32; j++)
			psk[j] |= (uint8_t)(lists->services[i].psk[j] & mask);
		found |= mask;
	}
	sr_keyring_read_end(keyring);
	return found != 0;
}

/* Where `public_key` is or belongs in the ascending list; *there says which. */
static size_t place_of(const struct sr_keyring_lists *lists, const uint8_t public_key[32], bool *there)
{
	size_t at = 0;
	int order = -1;

	while (at < lists->service_count) {
		order = memcmp(lists->services[at].public_key, public_key, 32);
		if (order >= 0)
			break;
		at++;
	}
	*there = order == 0;
	return at;
}

struct sr_keyring_lists *sr_keyring_change_begin(struct sr_keyring *keyring, struct sr_error *err)
{
	struct sr_keyring_lists *lists = sodium_malloc(sizeof *lists);

	if (lists == NULL) {
		SR_FAIL_MEMORY(err);
		return NULL;
	}
	pthread_mutex_lock(&keyring->change);
	/* Nobody else writes them meanwhile. */
	*lists = keyring->lists;
	return lists;
}

enum sr_code sr_keyring_change_commit(struct sr_keyring *keyring, struct sr_keyring_lists *lists, struct sr_error *err)
{
	enum sr_code code;

	lists->revision++;
	code = sr_keyring_save(keyring, lists, err);
	if (code == SR_OK) {
		pthread_rwlock_wrlock(&keyring->lock);
		keyring->lists = *lists;
		pthread_rwlock_unlock(&keyring->lock);
	}
	return code;
}

void sr_keyring_change_end(struct sr_keyring *keyring, struct sr_keyring_lists *lists)
{
	pthread_mutex_unlock(&keyring->change);
	sodium_free(lists);
}

enum sr_code sr_keyring_service_add(struct sr_keyring *keyring, const uint8_t public_key[32], uint8_t psk[32],
				    struct sr_error *err)
{
	struct sr_keyring_lists *lists;
	struct sr_keyring_service *service;
	enum sr_code code;
	size_t at;
	bool there;

	sodium_memzero(psk, 32);
	lists = sr_keyring_change_begin(keyring, err);
	if (lists == NULL)
		return SR_INTERNAL;
	at = place_of(lists, public_key, &there);
	if (there) {
		code = SR_FAIL(err, SR_CONFLICT, "a service with this public key is there already");
		goto out;
	}
	if (lists->service_count == SR_KEYRING_SERVICES_MAX) {
		code = SR_FAIL(err, SR_BUSY, "the keyring has %d services, as many as it takes",
			       SR_KEYRING_SERVICES_MAX);
		goto out;
	}
	service = &lists->services[at];
	memmove(service + 1, service, (lists->service_count - at) * sizeof *service);
	memcpy(service->public_key, public_key, 32);
	randombytes_buf(service->psk, sizeof service->psk);
	lists->service_count++;
	code = sr_keyring_change_commit(keyring, lists, err);
	if (code == SR_OK)
		memcpy(psk, service->psk, 32);
out:
	sr_keyring_change_end(keyring, lists);
	return code;
}

enum sr_code sr_keyring_service_remove(struct sr_keyring *keyring, const uint8_t public_key[32], struct sr_error *err)
{
	struct sr_keyring_lists *lists;
	struct sr_keyring_service *service;
	enum sr_code code;
	size_t at;
	bool there;

	lists = sr_keyring_change_begin(keyring, err);
	if (lists == NULL)
		return SR_INTERNAL;
	at = place_of(lists, public_key, &there);
	if (!there) {
		code = SR_FAIL(err, SR_NOT_FOUND, "no service has this public key");
		goto out;
	}
	service = &lists->services[at];
	lists->service_count--;
	memmove(service, service + 1, (lists->service_count - at) * sizeof *service);
	/* The place left over at the end still holds a PSK. */
	sodium_memzero(&lists->services[lists->service_count], sizeof *service);
	code = sr_keyring_change_commit(keyring, lists, err);
out:
	sr_keyring_change_end(keyring, lists);
	return code;
}
