/*
 * The keyring's epochs: making one, taking one's key away, keeping that for recovery until its time has passed.
 */
#include <sodium.h>
#include <string.h>

#include "keys/keyring.h"
#include "keys/keyring_body.h"

_Static_assert(SR_KEPT_BOX == SR_KEY + crypto_box_SEALBYTES, "the header names libsodium's number");

void sr_keyring_decoy_key(const struct sr_keyring *keyring, uint8_t key[SR_KEY])
{
	memcpy(key, keyring->decoy_key, SR_KEY);
}

bool sr_keyring_recovers(const struct sr_keyring *keyring)
{
	return sodium_is_zero(keyring->fixed.recovery_key, sizeof keyring->fixed.recovery_key) == 0;
}

void sr_keyring_set_recovery(struct sr_keyring *keyring, const uint8_t public_key[32])
{
	if (public_key != NULL)
		memcpy(keyring->fixed.recovery_key, public_key, sizeof keyring->fixed.recovery_key);
}

static uint64_t kept_until(const struct sr_keyring_lists *lists, uint32_t epoch)
{
	for (size_t i = 0; i < lists->kept_count; i++) {
		if (lists->kept[i].epoch == epoch)
			return lists->kept[i].until_ms;
	}
	return 0;
}

size_t sr_keyring_epochs(const struct sr_keyring *keyring, struct sr_keyring_epoch_fact *out, uint64_t *revision)
{
	const struct sr_keyring_lists *lists = sr_keyring_read_begin(keyring);
	size_t count = lists->epoch_count;

	*revision = lists->revision;
	for (size_t i = 0; i < count; i++)
		out[i] = (struct sr_keyring_epoch_fact){.number = lists->epochs[i].number,
							.state = lists->epochs[i].state,
							.kept_until_ms = kept_until(lists, lists->epochs[i].number)};
	sr_keyring_read_end(keyring);
	return count;
}

enum sr_code sr_keyring_epoch_add(struct sr_keyring *keyring, uint32_t *number, struct sr_error *err)
{
	struct sr_keyring_lists *lists = sr_keyring_change_begin(keyring, err);
	struct sr_epoch *epoch;
	enum sr_code code;

	if (lists == NULL)
		return SR_INTERNAL;
	if (lists->epoch_count == SR_EPOCHS_MAX || lists->epochs[lists->epoch_count - 1].number == UINT32_MAX) {
		code = SR_FAIL(err, SR_BUSY, "the keyring has had %d epochs, as many as it takes", SR_EPOCHS_MAX);
		goto out;
	}
	epoch = &lists->epochs[lists->epoch_count++];
	epoch->number = epoch[-1].number + 1;
	epoch->state = SR_EPOCH_OPEN;
	randombytes_buf(epoch->key, SR_KEY);
	code = sr_keyring_change_commit(keyring, lists, err);
	if (code == SR_OK)
		*number = epoch->number;
out:
	sr_keyring_change_end(keyring, lists);
	return code;
}

/* Seal an epoch's key to the recovery key, in the order of epochs. */
static enum sr_code keep(const struct sr_keyring *keyring, struct sr_keyring_lists *lists, const struct sr_epoch *epoch,
			 uint64_t until_ms, struct sr_error *err)
{
	size_t at = 0;

	if (!sr_keyring_recovers(keyring))
		return SR_FAIL(err, SR_USAGE, "the keyring has no recovery key that a retired key could be kept for");
	if (lists->kept_count == SR_KEPT_KEYS_MAX)
		return SR_FAIL(err, SR_BUSY, "%d retired keys are kept, as many as the keyring takes",
			       SR_KEPT_KEYS_MAX);
	while (at < lists->kept_count && lists->kept[at].epoch < epoch->number)
		at++;
	memmove(&lists->kept[at + 1], &lists->kept[at], (lists->kept_count - at) * sizeof lists->kept[0]);
	lists->kept[at] = (struct sr_kept_key){.epoch = epoch->number, .until_ms = until_ms};
	if (crypto_box_seal(lists->kept[at].box, epoch->key, SR_KEY, keyring->fixed.recovery_key) != 0)
		return SR_FAIL(err, SR_INTERNAL, "the retired key cannot be sealed to the recovery key");
	lists->kept_count++;
	return SR_OK;
}

static enum sr_code retire(const struct sr_keyring *keyring, struct sr_keyring_lists *lists, uint32_t number,
			   uint64_t keep_until_ms, struct sr_error *err)
{
	struct sr_epoch *epoch = NULL;
	uint32_t current = 0;
	enum sr_code code = SR_OK;

	for (size_t i = 0; i < lists->epoch_count; i++) {
		if (lists->epochs[i].number == number)
			epoch = &lists->epochs[i];
		if (lists->epochs[i].state == SR_EPOCH_OPEN)
			current = lists->epochs[i].number;
	}
	if (epoch == NULL)
		return SR_FAIL(err, SR_NOT_FOUND, "the keyring has no epoch %u", number);
	if (number == current)
		return SR_FAIL(err, SR_CONFLICT, "epoch %u is the current one", number);
	if (keep_until_ms != 0)
		code = keep(keyring, lists, epoch, keep_until_ms, err);
	sodium_memzero(epoch->key, SR_KEY);
	epoch->state = SR_EPOCH_RETIRED;
	return code;
}

enum sr_code sr_keyring_epoch_retire(struct sr_keyring *keyring, uint32_t number, uint64_t keep_until_ms,
				     struct sr_error *err)
{
	struct sr_keyring_lists *lists = sr_keyring_change_begin(keyring, err);
	enum sr_code code = SR_OK;
	bool gone = false;

	if (lists == NULL)
		return SR_INTERNAL;
	for (size_t i = 0; i < lists->epoch_count; i++)
		gone = gone || (lists->epochs[i].number == number && lists->epochs[i].state == SR_EPOCH_RETIRED);
	if (!gone) {
		code = retire(keyring, lists, number, keep_until_ms, err);
		if (code == SR_OK)
			code = sr_keyring_change_commit(keyring, lists, err);
	}
	sr_keyring_change_end(keyring, lists);
	return code;
}

enum sr_code sr_keyring_kept_expire(struct sr_keyring *keyring, uint64_t now_ms, size_t *gone, struct sr_error *err)
{
	struct sr_keyring_lists *lists = sr_keyring_change_begin(keyring, err);
	enum sr_code code = SR_OK;
	uint16_t left = 0;

	*gone = 0;
	if (lists == NULL)
		return SR_INTERNAL;
	for (uint16_t i = 0; i < lists->kept_count; i++) {
		if (lists->kept[i].until_ms > now_ms)
			lists->kept[left++] = lists->kept[i];
	}
	if (left != lists->kept_count) {
		*gone = (size_t)(lists->kept_count - left);
		/* The places left over still hold boxes. */
		sodium_memzero(&lists->kept[left], *gone * sizeof lists->kept[0]);
		lists->kept_count = left;
		code = sr_keyring_change_commit(keyring, lists, err);
	}
	if (code != SR_OK)
		*gone = 0;
	sr_keyring_change_end(keyring, lists);
	return code;
}
