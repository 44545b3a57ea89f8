/*
 * The half of an extent's checksum that needs no key, in each format of its row.
 */
#include "extent.h"

#include <stdlib.h>
#include <string.h>

/* Known to everybody, so that this half finds what a disk did by itself, and not what an attacker does. */
static const char open_key[] = "sealreel v1 extent sum, open key";

_Static_assert(sizeof open_key == SR_POLY1305_KEY + 1, "the text is the key, without its NUL");

struct sr_extent_check {
	enum sr_extent_format format;
	struct sr_digest *digest; /* each made when it is first needed */
	struct sr_poly1305 *poly;
};

struct sr_extent_check *sr_extent_check_new(void)
{
	return calloc(1, sizeof(struct sr_extent_check));
}

void sr_extent_check_free(struct sr_extent_check *check)
{
	if (check == NULL)
		return;
	sr_digest_free(check->digest);
	sr_poly1305_free(check->poly);
	free(check);
}

bool sr_extent_check_begin(struct sr_extent_check *check, enum sr_extent_format format)
{
	check->format = format;
	if (format == SR_EXTENT_SHA256) {
		if (check->digest != NULL)
			return sr_digest_restart(check->digest);
		check->digest = sr_digest_new();
		return check->digest != NULL;
	}
	if (check->poly == NULL)
		check->poly = sr_poly1305_new();
	return check->poly != NULL && sr_poly1305_begin(check->poly, (const uint8_t *)open_key);
}

bool sr_extent_check_add(struct sr_extent_check *check, const uint8_t *data, size_t size)
{
	return check->format == SR_EXTENT_SHA256 ? sr_digest_add(check->digest, data, size)
						 : sr_poly1305_add(check->poly, data, size);
}

bool sr_extent_check_value(const struct sr_extent_check *check, uint8_t sum[SR_EXTENT_SUM], size_t *size)
{
	_Static_assert(SR_DIGEST <= SR_EXTENT_SUM && SR_POLY1305 <= SR_EXTENT_SUM, "both fit a sum");
	*size = check->format == SR_EXTENT_SHA256 ? SR_DIGEST : SR_POLY1305;
	return check->format == SR_EXTENT_SHA256 ? sr_digest_value(check->digest, sum)
						 : sr_poly1305_value(check->poly, sum);
}

enum sr_code sr_extent_check_judge(const struct sr_extent_check *check, const uint8_t sum[SR_EXTENT_SUM])
{
	uint8_t found[SR_EXTENT_SUM];
	size_t size;

	if (!sr_extent_check_value(check, found, &size))
		return SR_INTERNAL;
	return memcmp(found, sum, size) == 0 ? SR_OK : SR_CORRUPT;
}
