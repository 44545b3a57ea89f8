/*
 * Credential files: what is taken must be written again as the very same text.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sr_credential credential;
	struct sr_error err;
	char text[SR_CREDENTIAL_TEXT_MAX];
	size_t made;

	if (sr_credential_parse((const char *)data, size, &credential, &err) == SR_OK) {
		sr_credential_format(&credential, text, &made);
		if (made != size || memcmp(text, data, size) != 0)
			abort();
	} else if (err.code != SR_USAGE || err.text[0] == '\0') {
		abort();
	}
	sr_credential_wipe(&credential);
	return 0;
}
