/*
 * Both halves of an extent's checksum, kept up together.
 */
#include "keys/extent_sum.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "equal.h"

struct sr_extent_sum {
	const struct sr_keyring *keyring;
	struct sr_extent_check *check;
	struct sr_poly1305 *keyed;
	enum sr_extent_format format;
	struct sr_context context; /* of the keyed half: the extent's place */
	uint32_t covers;
};

struct sr_extent_sum *sr_extent_sum_new(const struct sr_keyring *keyring)
{
	struct sr_extent_sum *sum = calloc(1, sizeof *sum);

	if (sum == NULL)
		return NULL;
	sum->keyring = keyring;
	sum->check = sr_extent_check_new();
	sum->keyed = sr_poly1305_new();
	if (sum->check == NULL || sum->keyed == NULL) {
		sr_extent_sum_free(sum);
		return NULL;
	}
	return sum;
}

void sr_extent_sum_free(struct sr_extent_sum *sum)
{
	if (sum == NULL)
		return;
	sr_extent_check_free(sum->check);
	sr_poly1305_free(sum->keyed);
	free(sum);
}

bool sr_extent_sum_begin(struct sr_extent_sum *sum, const uint8_t recording[SR_UUID], uint16_t track, uint16_t file,
			 uint32_t extent, enum sr_extent_format format)
{
	struct sr_context label;
	uint8_t key[SR_HMAC];
	bool begun;

	_Static_assert(SR_HMAC >= SR_POLY1305_KEY, "the key is how the HMAC begins");
	sum->format = format;
	sum->covers = 0;
	if (!sr_extent_check_begin(sum->check, format))
		return false;
	if (format == SR_EXTENT_SHA256)
		return true;
	sr_context_extent_sum(&sum->context, recording, track, file, extent);
	sr_context_extent_key(&label, recording, track, file, extent);
	sr_hmac_of(sr_keyring_row_key(sum->keyring), &(struct sr_span){label.bytes, label.size}, 1, key);
	begun = sr_poly1305_begin(sum->keyed, key);
	sodium_memzero(key, sizeof key);
	return begun;
}

bool sr_extent_sum_add(struct sr_extent_sum *sum, const uint8_t *data, size_t size)
{
	sum->covers += (uint32_t)size;
	return sr_extent_check_add(sum->check, data, size) &&
	       (sum->format == SR_EXTENT_SHA256 || sr_poly1305_add(sum->keyed, data, size));
}

uint32_t sr_extent_sum_covers(const struct sr_extent_sum *sum)
{
	return sum->covers;
}

/* The half that needs the keyring, to `out`. */
static bool keyed_half(const struct sr_extent_sum *sum, uint8_t out[SR_POLY1305])
{
	uint8_t bytes[4 + SR_POLY1305], whole[SR_HMAC];
	struct sr_builder builder = sr_builder_over(bytes, 4);
	const struct sr_span parts[] = {{sum->context.bytes, sum->context.size}, {bytes, sizeof bytes}};

	sr_put_u32(&builder, sum->covers);
	if (!sr_poly1305_value(sum->keyed, bytes + 4))
		return false;
	sr_hmac_of(sr_keyring_row_key(sum->keyring), parts, 2, whole);
	memcpy(out, whole, SR_POLY1305);
	sodium_memzero(bytes, sizeof bytes);
	return true;
}

bool sr_extent_sum_row(const struct sr_extent_sum *sum, struct sr_extent_row *row)
{
	size_t open;

	_Static_assert(2 * SR_POLY1305 == SR_EXTENT_SUM, "the two halves are the sum");
	memset(row, 0, sizeof *row);
	row->format = sum->format;
	row->covered = sum->covers;
	return sr_extent_check_value(sum->check, row->sum, &open) &&
	       (sum->format == SR_EXTENT_SHA256 || keyed_half(sum, row->sum + open));
}

enum sr_code sr_extent_sum_judge(const struct sr_extent_sum *sum, const struct sr_extent_row *row)
{
	struct sr_extent_row own;

	if (!sr_extent_sum_row(sum, &own))
		return SR_INTERNAL;
	return own.format == row->format && own.covered == row->covered && sr_equal(own.sum, row->sum, sizeof own.sum)
		       ? SR_OK
		       : SR_CORRUPT;
}

enum sr_code sr_extent_judge(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], uint16_t track,
			     uint16_t file, uint32_t extent, const struct sr_extent_row *row, const uint8_t *data,
			     size_t size)
{
	struct sr_extent_sum *sum = sr_extent_sum_new(keyring);
	enum sr_code code = SR_INTERNAL;

	if (sum != NULL && sr_extent_sum_begin(sum, recording, track, file, extent, row->format) &&
	    sr_extent_sum_add(sum, data, size))
		code = sr_extent_sum_judge(sum, row);
	sr_extent_sum_free(sum);
	return code;
}
