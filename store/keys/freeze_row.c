/*
 * A freeze as a control row: authenticated bytes under a name that is its subject's own.
 */
#include "keys/freeze_row.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#define FIELDS_MAX (1 + 2 + SR_FREEZE_SUBJECT_MAX + 1 + 8 + 2 + SR_SERVICE_NAME_MAX + 2 + SR_TEXT_MAX)

void sr_freeze_control_name(enum sr_freeze_scope scope, struct sr_span subject, char name[SR_FREEZE_NAME_MAX])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof hash + 1];

	crypto_hash_sha256(hash, subject.data, subject.size);
	sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
	snprintf(name, SR_FREEZE_NAME_MAX, SR_FREEZE_PREFIX "%s/%s", sr_freeze_scope_name(scope), hex);
}

size_t sr_freeze_row_seal(const struct sr_keyring *keyring, const char *name, const struct sr_freeze_row *row,
			  uint8_t *out)
{
	uint8_t bytes[FIELDS_MAX];
	struct sr_builder fields = sr_builder_over(bytes, sizeof bytes);

	sr_freeze_row_encode(&fields, row);
	if (fields.failed)
		sodium_misuse();
	return sr_control_row_seal(keyring, name, (struct sr_span){bytes, fields.used}, out);
}

enum sr_code sr_freeze_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
				struct sr_freeze_row *row)
{
	struct sr_cursor in;
	enum sr_code code = sr_control_row_open(keyring, name, value, &in);

	memset(row, 0, sizeof *row);
	if (code != SR_OK)
		return code;
	/* A scope of a later version is a state that is not known here, whatever follows it. */
	if (in.left > 0 && in.at[0] >= SR_FREEZE_SCOPES)
		return SR_UNAVAILABLE;
	sr_freeze_row_decode(&in, row);
	if (sr_take_done(&in))
		return SR_OK;
	memset(row, 0, sizeof *row);
	return SR_CORRUPT;
}
