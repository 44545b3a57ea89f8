/*
 * UUIDv7 made, recognised, printed and read.
 */
#include "uuid.h"

#include <sodium.h>
#include <string.h>

static const char digits[] = "0123456789abcdef";

/* Where canonical text has a hyphen instead of a digit. */
static bool is_hyphen(size_t position)
{
	return position == 8 || position == 13 || position == 18 || position == 23;
}

void sr_uuid7(uint64_t milliseconds, uint8_t out[SR_UUID])
{
	randombytes_buf(out, SR_UUID);
	for (size_t i = 0; i < 6; i++)
		out[i] = (uint8_t)(milliseconds >> (40 - 8 * i));
	out[6] = (uint8_t)(0x70 | (out[6] & 0x0f));
	out[8] = (uint8_t)(0x80 | (out[8] & 0x3f));
}

bool sr_uuid_is_v7(const uint8_t id[SR_UUID])
{
	return (id[6] & 0xf0) == 0x70 && (id[8] & 0xc0) == 0x80;
}

void sr_uuid_format(const uint8_t id[SR_UUID], char out[SR_UUID_TEXT])
{
	size_t nibble = 0;

	for (size_t i = 0; i < SR_UUID_TEXT - 1; i++) {
		if (is_hyphen(i)) {
			out[i] = '-';
			continue;
		}
		out[i] = digits[nibble % 2 == 0 ? id[nibble / 2] >> 4 : id[nibble / 2] & 0x0f];
		nibble++;
	}
	out[SR_UUID_TEXT - 1] = '\0';
}

/* The value of one hexadecimal digit, or -1. */
static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool sr_uuid_parse(const char *text, size_t size, uint8_t id[SR_UUID])
{
	bool valid = size == SR_UUID_TEXT - 1;
	size_t nibble = 0;

	memset(id, 0, SR_UUID);
	for (size_t i = 0; valid && i < size; i++) {
		int value = digit_value(text[i]);

		if (is_hyphen(i)) {
			valid = text[i] == '-';
			continue;
		}
		valid = value >= 0;
		if (valid)
			id[nibble / 2] = (uint8_t)(id[nibble / 2] << 4 | value);
		nibble++;
	}
	if (!valid)
		memset(id, 0, SR_UUID);
	return valid;
}
