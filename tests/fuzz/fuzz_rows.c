/*
 * Fuzzes the rows of the index behind a right HMAC, which is made here. The first character chooses the row: `p`
 * patient, `r` recording, `t` track, `e` extent, `s` service, `f` freeze. What decodes must encode to the very bytes it
 * came from.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "keys/freeze_row.h"
#include "keys/rows.h"

#define NAME "service/x"

static struct sr_keyring *keyring;
static const uint8_t recording[SR_UUID] = {1};
static const uint8_t tag[SR_TAG] = {2};

static union {
	struct sr_patient_row patient;
	struct sr_recording_row recording;
	struct sr_track_row track;
	struct sr_extent_row extent;
	struct sr_service_state service;
	struct sr_freeze_row freeze;
} row;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t auditor[32] = {3};

	(void)argc;
	(void)argv;
	keyring = sr_keyring_new(recording, auditor);
	if (keyring == NULL)
		abort();
	return 0;
}

/* The HMAC's context of a row of kind `which`; false if there is no such kind. */
static bool context_of(uint8_t which, const uint8_t *bytes, size_t size, struct sr_context *context)
{
	switch (which) {
	case 'p':
		sr_context_patient_row(context, tag);
		return true;
	case 'r':
		sr_context_recording_row(context, recording);
		return true;
	case 't':
		sr_context_track_row(context, recording, size < 3 ? 0 : (uint16_t)(bytes[1] << 8 | bytes[2]));
		return true;
	case 'e':
		sr_context_extent_row(context, recording, 1, 2, 3);
		return true;
	case 's':
	case 'f':
		sr_context_control_row(context, NAME, strlen(NAME));
		return true;
	default:
		return false;
	}
}

/* Append the HMAC that K_row gives these bytes. */
static void seal(const struct sr_context *context, uint8_t *bytes, size_t size)
{
	const struct sr_span parts[] = {{context->bytes, context->size}, {bytes, size}};
	uint8_t mac[SR_HMAC];

	sr_hmac_of(sr_keyring_row_key(keyring), parts, 2, mac);
	memcpy(bytes + size, mac, SR_ROW_MAC);
}

static enum sr_code decode(uint8_t which, struct sr_span value)
{
	switch (which) {
	case 'p':
		return sr_patient_row_decode(keyring, tag, value, &row.patient);
	case 'r':
		return sr_recording_row_decode(keyring, recording, value, &row.recording);
	case 't':
		return sr_track_row_decode(keyring, recording, value, &row.track);
	case 'e':
		return sr_extent_row_decode(keyring, recording, 1, 2, 3, value, &row.extent);
	case 'f':
		return sr_freeze_row_open(keyring, NAME, value, &row.freeze);
	default:
		return sr_service_row_open(keyring, NAME, value, &row.service);
	}
}

static size_t encode(uint8_t which, uint8_t *out)
{
	switch (which) {
	case 'p':
		return sr_patient_row_encode(keyring, tag, &row.patient, out);
	case 'r':
		return sr_recording_row_encode(keyring, recording, &row.recording, out);
	case 't':
		return sr_track_row_encode(keyring, recording, &row.track, out);
	case 'e':
		return sr_extent_row_encode(keyring, recording, 1, 2, 3, &row.extent, out);
	case 'f':
		return sr_freeze_row_seal(keyring, NAME, &row.freeze, out);
	default:
		return sr_service_row_seal(keyring, NAME, &row.service, out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[SR_ROW_MAX];
	struct sr_context context;
	uint8_t *bytes;
	size_t all;
	enum sr_code code;

	if (size < 1 || size - 1 > SR_ROW_MAX - SR_ROW_MAC || !context_of(data[0], data + 1, size - 1, &context))
		return 0;
	all = size - 1 + SR_ROW_MAC;
	bytes = malloc(all);
	if (bytes == NULL)
		abort();
	memcpy(bytes, data + 1, size - 1);
	seal(&context, bytes, size - 1);
	code = decode(data[0], (struct sr_span){.data = bytes, .size = all});
	if (code != SR_OK && code != SR_CORRUPT && code != SR_UNAVAILABLE)
		abort();
	if (code == SR_OK && (encode(data[0], again) != all || memcmp(again, bytes, all) != 0))
		abort();
	free(bytes);
	return 0;
}
