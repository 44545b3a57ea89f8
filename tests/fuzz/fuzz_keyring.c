/*
 * Fuzzes the body of a keyring. What parses must encode to the very bytes it came from: there is one form of each.
 */
#include <stdlib.h>
#include <string.h>

#include "keys/keyring_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything a keyring is asked for must hold for whatever parses. */
static void use(const struct sr_keyring *keyring)
{
	uint8_t key[32];

	if (!sr_keyring_epoch_key(keyring, sr_keyring_epoch(keyring), key))
		abort();
	if (!sr_keyring_root_key(keyring, sr_keyring_root(keyring), key))
		abort();
	if (keyring->lists.service_count > 0 &&
	    !sr_keyring_service(keyring, keyring->lists.services[0].public_key, key))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[SR_KEYRING_FILE_MAX];
	struct sr_builder out = sr_builder_over(again, sizeof again);
	struct sr_keyring *keyring;
	enum sr_code code = sr_keyring_parse(data, size, &keyring, NULL);

	if (code != SR_OK) {
		if (code != SR_CORRUPT || keyring != NULL)
			abort();
		return 0;
	}
	use(keyring);
	sr_keyring_body_encode(&out, keyring, &keyring->lists);
	if (out.failed || out.used != size || memcmp(again, data, size) != 0)
		abort();
	sr_keyring_free(keyring);
	return 0;
}
