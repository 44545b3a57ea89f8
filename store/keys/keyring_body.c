/*
 * The bytes of a keyring's clear front and of its body, both ways. FORMAT.md, "Keyring".
 */
#include "keys/keyring_body.h"

#include <sodium.h>
#include <string.h>

/* Above these a file is not believed: they bound what opening one may cost. */
#define OPSLIMIT_MOST 20
#define MEMLIMIT_MOST (UINT64_C(1) << 30)

static const uint8_t magic[SR_KEYRING_MAGIC] = "sealreel keyring";

void sr_keyring_front_encode(struct sr_builder *out, const struct sr_keyring *keyring,
			     const struct sr_keyring_lists *lists)
{
	const struct sr_keyring_front *front = &keyring->front;

	sr_put_bytes(out, magic, sizeof magic);
	sr_put_u16(out, lists->kept_count > 0 ? SR_KEYRING_FORMAT : SR_KEYRING_FORMAT - 1);
	sr_put_u8(out, (uint8_t)front->kind);
	sr_put_u64(out, front->opslimit);
	sr_put_u64(out, front->memlimit);
	sr_put_bytes(out, front->salt, sizeof front->salt);
	sr_put_bytes(out, keyring->fixed.store, SR_UUID);
}

/* Argon2id's numbers are in range for a passphrase, and zeros for everything else. */
static bool limits_fit(const struct sr_keyring_front *front)
{
	if (front->kind != SR_KEY_PASSPHRASE)
		return front->opslimit == 0 && front->memlimit == 0 &&
		       sodium_is_zero(front->salt, sizeof front->salt) == 1;
	return front->opslimit >= crypto_pwhash_OPSLIMIT_MIN && front->opslimit <= OPSLIMIT_MOST &&
	       front->memlimit >= crypto_pwhash_MEMLIMIT_MIN && front->memlimit <= MEMLIMIT_MOST;
}

enum sr_code sr_keyring_front_decode(struct sr_cursor *in, struct sr_keyring_front *front, uint8_t store[SR_UUID],
				     uint16_t *format, struct sr_error *err)
{
	struct sr_span start = sr_take_span(in, sizeof magic);
	uint8_t kind;

	*format = sr_take_u16(in);
	kind = sr_take_u8(in);
	*front = (struct sr_keyring_front){.kind = (enum sr_key_source_kind)kind};
	front->opslimit = sr_take_u64(in);
	front->memlimit = sr_take_u64(in);
	sr_take_copy(in, front->salt, sizeof front->salt);
	sr_take_copy(in, store, SR_UUID);
	if (start.data == NULL || memcmp(start.data, magic, sizeof magic) != 0)
		return SR_FAIL(err, SR_CORRUPT, "not a keyring");
	if (!in->failed && *format > SR_KEYRING_FORMAT)
		return SR_FAIL(err, SR_USAGE, "keyring format %u is newer than this sealreel's %u", (unsigned)*format,
			       SR_KEYRING_FORMAT);
	if (in->failed || *format == 0 || kind < SR_KEY_PASSPHRASE || kind > SR_KEY_FILE || !limits_fit(front))
		return SR_FAIL(err, SR_CORRUPT, "the keyring's front is damaged");
	return SR_OK;
}

static void put_roots(struct sr_builder *out, const struct sr_keyring_lists *lists)
{
	sr_put_u16(out, lists->root_count);
	for (size_t i = 0; i < lists->root_count; i++) {
		sr_put_u32(out, lists->roots[i].version);
		sr_put_bytes(out, lists->roots[i].key, SR_KEY);
	}
}

static void put_epochs(struct sr_builder *out, const struct sr_keyring_lists *lists)
{
	sr_put_u16(out, lists->epoch_count);
	for (size_t i = 0; i < lists->epoch_count; i++) {
		sr_put_u32(out, lists->epochs[i].number);
		sr_put_u8(out, (uint8_t)lists->epochs[i].state);
		sr_put_bytes(out, lists->epochs[i].key, SR_KEY);
	}
}

static void put_services(struct sr_builder *out, const struct sr_keyring_lists *lists)
{
	sr_put_u16(out, lists->service_count);
	for (size_t i = 0; i < lists->service_count; i++) {
		sr_put_bytes(out, lists->services[i].public_key, 32);
		sr_put_bytes(out, lists->services[i].psk, 32);
	}
}

static void put_kept(struct sr_builder *out, const struct sr_keyring_lists *lists)
{
	sr_put_u16(out, lists->kept_count);
	for (size_t i = 0; i < lists->kept_count; i++) {
		sr_put_u32(out, lists->kept[i].epoch);
		sr_put_u64(out, lists->kept[i].until_ms);
		sr_put_bytes(out, lists->kept[i].box, SR_KEPT_BOX);
	}
}

void sr_keyring_body_encode(struct sr_builder *out, const struct sr_keyring *keyring,
			    const struct sr_keyring_lists *lists)
{
	const struct sr_keyring_fixed *fixed = &keyring->fixed;

	sr_keyring_front_encode(out, keyring, lists);
	sr_put_u64(out, lists->revision);
	sr_put_bytes(out, fixed->tag_key, sizeof fixed->tag_key);
	sr_put_bytes(out, fixed->row_key, sizeof fixed->row_key);
	sr_put_bytes(out, fixed->server_secret, sizeof fixed->server_secret);
	sr_put_bytes(out, fixed->audit_seed, sizeof fixed->audit_seed);
	sr_put_bytes(out, fixed->recovery_key, sizeof fixed->recovery_key);
	sr_put_bytes(out, fixed->auditor_key, sizeof fixed->auditor_key);
	put_roots(out, lists);
	put_epochs(out, lists);
	put_services(out, lists);
	if (lists->kept_count > 0)
		put_kept(out, lists);
}

static void take_roots(struct sr_cursor *in, struct sr_keyring_lists *lists)
{
	uint16_t count = sr_take_u16(in);
	uint32_t before = 0;

	if (count == 0 || count > SR_ROOTS_MAX) {
		sr_take_fail(in);
		return;
	}
	lists->root_count = count;
	for (size_t i = 0; i < count; i++) {
		struct sr_root *root = &lists->roots[i];

		root->version = sr_take_u32(in);
		sr_take_copy(in, root->key, SR_KEY);
		if (root->version <= before)
			sr_take_fail(in);
		before = root->version;
	}
}

static void take_epochs(struct sr_cursor *in, struct sr_keyring_lists *lists)
{
	uint16_t count = sr_take_u16(in);
	uint32_t before = 0;
	bool open = false;

	if (count > SR_EPOCHS_MAX) {
		sr_take_fail(in);
		return;
	}
	lists->epoch_count = count;
	for (size_t i = 0; i < count; i++) {
		struct sr_epoch *epoch = &lists->epochs[i];
		uint8_t state;

		epoch->number = sr_take_u32(in);
		state = sr_take_u8(in);
		sr_take_copy(in, epoch->key, SR_KEY);
		if (epoch->number <= before || state < SR_EPOCH_OPEN || state > SR_EPOCH_RETIRED)
			sr_take_fail(in);
		epoch->state = (enum sr_epoch_state)state;
		/* A key of zeros is no key; a retired epoch must have no other. */
		if ((state == SR_EPOCH_RETIRED) != (sodium_is_zero(epoch->key, SR_KEY) == 1))
			sr_take_fail(in);
		open = open || state == SR_EPOCH_OPEN;
		before = epoch->number;
	}
	if (!open)
		sr_take_fail(in);
}

static void take_services(struct sr_cursor *in, struct sr_keyring_lists *lists)
{
	uint16_t count = sr_take_u16(in);

	if (count > SR_KEYRING_SERVICES_MAX) {
		sr_take_fail(in);
		return;
	}
	lists->service_count = count;
	for (size_t i = 0; i < count; i++) {
		struct sr_keyring_service *service = &lists->services[i];

		sr_take_copy(in, service->public_key, 32);
		sr_take_copy(in, service->psk, 32);
		if (i > 0 && memcmp(lists->services[i - 1].public_key, service->public_key, 32) >= 0)
			sr_take_fail(in);
	}
}

/* Only a retired epoch's key is kept, as an open one's needs no box. */
static bool is_retired(const struct sr_keyring_lists *lists, uint32_t epoch)
{
	for (size_t i = 0; i < lists->epoch_count; i++) {
		if (lists->epochs[i].number == epoch)
			return lists->epochs[i].state == SR_EPOCH_RETIRED;
	}
	return false;
}

static void take_kept(struct sr_cursor *in, struct sr_keyring_lists *lists)
{
	uint16_t count = sr_take_u16(in);
	uint32_t before = 0;

	if (count == 0 || count > SR_KEPT_KEYS_MAX) {
		sr_take_fail(in);
		return;
	}
	lists->kept_count = count;
	for (size_t i = 0; i < count; i++) {
		struct sr_kept_key *kept = &lists->kept[i];

		kept->epoch = sr_take_u32(in);
		kept->until_ms = sr_take_u64(in);
		sr_take_copy(in, kept->box, SR_KEPT_BOX);
		if (kept->epoch <= before || !is_retired(lists, kept->epoch))
			sr_take_fail(in);
		before = kept->epoch;
	}
}

enum sr_code sr_keyring_parse(const uint8_t *body, size_t size, struct sr_keyring **out, struct sr_error *err)
{
	struct sr_cursor in = sr_cursor_over(body, size);
	struct sr_keyring *keyring = sr_keyring_alloc();
	struct sr_keyring_fixed *fixed;
	enum sr_code code;
	uint16_t format;

	*out = NULL;
	if (keyring == NULL)
		return SR_FAIL_MEMORY(err);
	fixed = &keyring->fixed;
	code = sr_keyring_front_decode(&in, &keyring->front, fixed->store, &format, err);
	if (code != SR_OK) {
		code = SR_FAIL(err, SR_CORRUPT, "the keyring's body is damaged");
		goto out;
	}
	keyring->lists.revision = sr_take_u64(&in);
	sr_take_copy(&in, fixed->tag_key, sizeof fixed->tag_key);
	sr_take_copy(&in, fixed->row_key, sizeof fixed->row_key);
	sr_take_copy(&in, fixed->server_secret, sizeof fixed->server_secret);
	sr_take_copy(&in, fixed->audit_seed, sizeof fixed->audit_seed);
	sr_take_copy(&in, fixed->recovery_key, sizeof fixed->recovery_key);
	sr_take_copy(&in, fixed->auditor_key, sizeof fixed->auditor_key);
	take_roots(&in, &keyring->lists);
	take_epochs(&in, &keyring->lists);
	take_services(&in, &keyring->lists);
	if (format == SR_KEYRING_FORMAT)
		take_kept(&in, &keyring->lists);
	if (!sr_take_done(&in)) {
		code = SR_FAIL(err, SR_CORRUPT, "the keyring's body is damaged");
		goto out;
	}
	sr_keyring_take_in(keyring);
	*out = keyring;
	keyring = NULL;
out:
	sr_keyring_free(keyring);
	return code;
}
