/*
 * The keyring's file: from a source's secret to the key that seals it, writing it, and opening it again.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "hkdf.h"
#include "keys/guarded_file.h"
#include "keys/keyring_body.h"

#define LEAST (SR_KEYRING_FRONT + SR_SEALED_SMALL)

static const char *kind_name(enum sr_key_source_kind kind)
{
	switch (kind) {
	case SR_KEY_PASSPHRASE:
		return "passphrase";
	case SR_KEY_CREDENTIAL:
		return "credential";
	case SR_KEY_FILE:
		return "file";
	}
	return "unknown";
}

/* The key that seals the file: Argon2id of a passphrase, HKDF of what is key material already. */
static enum sr_code derive_key(const struct sr_key_source *source, const struct sr_keyring_front *front,
			       const uint8_t store[SR_UUID], uint8_t key[SR_KEY], struct sr_error *err)
{
	uint8_t prk[SR_HKDF_PRK];
	struct sr_context info;

	if (source->kind == SR_KEY_PASSPHRASE) {
		if (crypto_pwhash(key, SR_KEY, (const char *)source->secret, source->size, front->salt, front->opslimit,
				  (size_t)front->memlimit, crypto_pwhash_ALG_ARGON2ID13) != 0)
			return SR_FAIL(err, SR_INTERNAL, "not enough memory for Argon2id (it needs %zu MiB)",
				       (size_t)(front->memlimit >> 20));
		return SR_OK;
	}
	sr_context_keyring_key(&info, store);
	sr_hkdf_extract(NULL, 0, source->secret, source->size, prk);
	sr_hkdf_expand(prk, sizeof prk, info.bytes, info.size, key, SR_KEY);
	sodium_memzero(prk, sizeof prk);
	return SR_OK;
}

enum sr_code sr_keyring_save(const struct sr_keyring *keyring, const struct sr_keyring_lists *lists,
			     struct sr_error *err)
{
	struct sr_context context;
	struct sr_builder body;
	struct sr_builder file;
	uint8_t *plain = NULL;
	uint8_t *sealed = NULL;
	size_t sealed_size;
	enum sr_code code;

	if (keyring->path == NULL)
		return SR_FAIL(err, SR_IO, "the keyring has no file yet");
	plain = sodium_malloc(SR_KEYRING_FILE_MAX);
	if (plain == NULL) {
		code = SR_FAIL_MEMORY(err);
		goto out;
	}
	body = sr_builder_over(plain, SR_KEYRING_FILE_MAX);
	sr_keyring_body_encode(&body, keyring, lists);
	sealed_size = (size_t)sr_sealed_size(body.used);
	sealed = malloc(SR_KEYRING_FRONT + sealed_size);
	if (body.failed || sealed == NULL) {
		code = SR_FAIL_MEMORY(err);
		goto out;
	}
	file = sr_builder_over(sealed, SR_KEYRING_FRONT);
	sr_keyring_front_encode(&file, keyring, lists);
	sr_context_keyring(&context, keyring->fixed.store);
	code = sr_seal(keyring->sealing_key, context.bytes, context.size, plain, body.used, sealed + SR_KEYRING_FRONT);
	if (code != SR_OK) {
		code = SR_FAIL(err, code, "the keyring cannot be sealed");
		goto out;
	}
	code = sr_guarded_replace(keyring->path, sealed, SR_KEYRING_FRONT + sealed_size, err);
out:
	free(sealed);
	sodium_free(plain);
	return code;
}

enum sr_code sr_keyring_create(struct sr_keyring *keyring, const char *path, const struct sr_key_source *source,
			       struct sr_error *err)
{
	struct sr_keyring_front front = {.kind = source->kind};
	struct sr_keyring_front old_front;
	uint8_t key[SR_KEY];
	uint8_t old_key[SR_KEY];
	char *old_path;
	char *copy;
	enum sr_code code;

	if (source->kind == SR_KEY_PASSPHRASE) {
		front.opslimit = crypto_pwhash_OPSLIMIT_MODERATE;
		front.memlimit = crypto_pwhash_MEMLIMIT_MODERATE;
		randombytes_buf(front.salt, sizeof front.salt);
	}
	code = derive_key(source, &front, keyring->fixed.store, key, err);
	if (code != SR_OK)
		return code;
	pthread_mutex_lock(&keyring->change);
	old_front = keyring->front;
	old_path = keyring->path;
	memcpy(old_key, keyring->sealing_key, SR_KEY);
	copy = strdup(path);
	if (copy == NULL) {
		code = SR_FAIL_MEMORY(err);
		goto out;
	}
	keyring->front = front;
	keyring->path = copy;
	memcpy(keyring->sealing_key, key, SR_KEY);
	code = sr_keyring_save(keyring, &keyring->lists, err);
	if (code == SR_OK) {
		free(old_path);
		goto out;
	}
	keyring->front = old_front;
	keyring->path = old_path;
	memcpy(keyring->sealing_key, old_key, SR_KEY);
	free(copy);
out:
	pthread_mutex_unlock(&keyring->change);
	sodium_memzero(old_key, sizeof old_key);
	sodium_memzero(key, sizeof key);
	return code;
}

/* Open what follows the clear front, and hold the front to its copy inside. */
static enum sr_code open_body(struct sr_span front, struct sr_span sealed, const uint8_t store[SR_UUID],
			      const uint8_t key[SR_KEY], struct sr_keyring **out, struct sr_error *err)
{
	struct sr_context context;
	uint64_t size;
	uint8_t *plain;
	enum sr_code code;

	if (!sr_plain_size(sealed.size, &size))
		return SR_FAIL(err, SR_CORRUPT, "the keyring is damaged: no keyring has this length");
	plain = sodium_malloc((size_t)size);
	if (plain == NULL)
		return SR_FAIL_MEMORY(err);
	sr_context_keyring(&context, store);
	switch (sr_open(key, context.bytes, context.size, sealed.data, sealed.size, plain)) {
	case SR_OPENED:
		if (size < front.size || sodium_memcmp(plain, front.data, front.size) != 0)
			code = SR_FAIL(err, SR_CORRUPT, "the keyring's front is not the one it was sealed with");
		else
			code = sr_keyring_parse(plain, (size_t)size, out, err);
		break;
	case SR_OTHER_KEY:
		code = SR_FAIL(err, SR_UNAUTHENTICATED, "the passphrase or key does not fit the keyring");
		break;
	case SR_DAMAGED:
		code = SR_FAIL(err, SR_CORRUPT, "the key fits, but the keyring is damaged");
		break;
	default:
		code = SR_FAIL(err, SR_INTERNAL, "memory or libcrypto failed while the keyring was opened");
		break;
	}
	sodium_free(plain);
	return code;
}

/* From the whole file's bytes to a keyring that knows the key it was sealed under. */
static enum sr_code open_file(struct sr_span file, const struct sr_key_source *source, struct sr_keyring **out,
			      struct sr_error *err)
{
	struct sr_cursor in = sr_cursor_over(file.data, file.size);
	struct sr_span clear = {.data = file.data, .size = SR_KEYRING_FRONT};
	struct sr_keyring_front front;
	uint8_t store[SR_UUID];
	uint8_t key[SR_KEY];
	uint16_t format;
	enum sr_code code;

	code = sr_keyring_front_decode(&in, &front, store, &format, err);
	if (code != SR_OK)
		return code;
	if (front.kind != source->kind)
		return SR_FAIL(err, SR_USAGE, "the keyring was made with a key source of kind %s, not %s",
			       kind_name(front.kind), kind_name(source->kind));
	code = derive_key(source, &front, store, key, err);
	if (code == SR_OK)
		code = open_body(clear, sr_take_rest(&in), store, key, out, err);
	if (code == SR_OK)
		memcpy((*out)->sealing_key, key, SR_KEY);
	sodium_memzero(key, sizeof key);
	return code;
}

enum sr_code sr_keyring_load(const char *path, const struct sr_key_source *source, struct sr_keyring **out,
			     struct sr_error *err)
{
	static const struct sr_guard guard = {
		.what = "keyring", .least = 0, .most = SR_KEYRING_FILE_MAX, .forbidden = 0077};
	struct sr_keyring *keyring = NULL;
	struct sr_error inner = {.code = SR_OK};
	uint8_t *data;
	size_t size;
	enum sr_code code;

	*out = NULL;
	if (sodium_init() < 0)
		return SR_FAIL(err, SR_INTERNAL, "libsodium cannot be set up");
	code = sr_guarded_read(path, &guard, &data, &size, err);
	if (code != SR_OK)
		return code;
	if (size < LEAST)
		code = SR_FAIL(&inner, SR_CORRUPT, "shorter than any keyring");
	else
		code = open_file((struct sr_span){.data = data, .size = size}, source, &keyring, &inner);
	if (code != SR_OK) {
		code = SR_FAIL(err, code, "%s: %s", path, inner.text);
		goto out;
	}
	keyring->path = strdup(path);
	if (keyring->path == NULL) {
		code = SR_FAIL_MEMORY(err);
		goto out;
	}
	*out = keyring;
	keyring = NULL;
out:
	sr_keyring_free(keyring);
	sodium_free(data);
	return code;
}
