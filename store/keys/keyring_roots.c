/*
 * The keyring's roots: making a new version. None is ever taken away, because patients are under it until each is
 * rekeyed.
 */
#include <sodium.h>

#include "keys/keyring.h"
#include "keys/keyring_body.h"

enum sr_code sr_keyring_root_add(struct sr_keyring *keyring, uint32_t *version, struct sr_error *err)
{
	struct sr_keyring_lists *lists = sr_keyring_change_begin(keyring, err);
	struct sr_root *root;
	enum sr_code code;

	if (lists == NULL)
		return SR_INTERNAL;
	if (lists->root_count == SR_ROOTS_MAX || lists->roots[lists->root_count - 1].version == UINT32_MAX) {
		code = SR_FAIL(err, SR_BUSY, "the keyring has %d root versions, as many as it takes", SR_ROOTS_MAX);
		goto out;
	}
	root = &lists->roots[lists->root_count++];
	root->version = root[-1].version + 1;
	randombytes_buf(root->key, SR_KEY);
	code = sr_keyring_change_commit(keyring, lists, err);
	if (code == SR_OK)
		*version = root->version;
out:
	sr_keyring_change_end(keyring, lists);
	return code;
}
