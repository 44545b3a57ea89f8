/*
 * What may stand where people will read it: labels and media types, judged before they are stored.
 */
#include "text.h"

/* How many bytes follow a leading byte, and the least code point that needs them; -1: it leads nothing. */
static int follows(uint8_t lead, uint32_t *point, uint32_t *least)
{
	if (lead < 0x80) {
		*point = lead;
		*least = 1; /* no NUL */
		return 0;
	}
	if (lead >= 0xc0 && lead < 0xe0) {
		*point = lead & 0x1fu;
		*least = 0x80;
		return 1;
	}
	if (lead >= 0xe0 && lead < 0xf0) {
		*point = lead & 0x0fu;
		*least = 0x800;
		return 2;
	}
	if (lead >= 0xf0 && lead < 0xf8) {
		*point = lead & 0x07u;
		*least = 0x10000;
		return 3;
	}
	return -1;
}

bool sr_text_is_utf8(struct sr_span text)
{
	size_t at = 0;
	while (at < text.size) {
		uint32_t point = 0, least = 0;
		int left = follows(text.data[at++], &point, &least);
		if (left < 0 || (size_t)left > text.size - at)
			return false;
		for (; left > 0; left--, at++) {
			if ((text.data[at] & 0xc0) != 0x80)
				return false;
			point = point << 6 | (text.data[at] & 0x3fu);
		}
		if (point < least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
			return false;
	}
	return true;
}

bool sr_text_is_printable(struct sr_span text)
{
	for (size_t at = 0; at < text.size; at++)
		if (text.data[at] < 0x20 || text.data[at] > 0x7e)
			return false;
	return text.size > 0;
}
