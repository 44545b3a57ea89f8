/* Strict base64url: every short text, held against the alphabet of RFC 4648, section 5. */
#include "access/base64url.h"

#include <criterion/criterion.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of a character, or -1. */
static int value_of(int c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

Test(base64url, every_text_of_two)
{
	size_t good = 0;
	for (unsigned i = 0; i < 65536; i++) {
		char text[2] = {(char)(i >> 8), (char)(i & 255)};
		int first = value_of((int)(i >> 8));
		int second = value_of((int)(i & 255));
		bool want = first >= 0 && second >= 0 && (second & 15) == 0;
		uint8_t out = 0;
		size_t used = 9;
		bool got = sr_base64url_decode(text, 2, &out, 1, &used);
		cr_assert_eq(got, want, "%04x", i);
		cr_assert_eq(used, want ? 1 : 0);
		if (want)
			cr_assert_eq(out, (first << 2 | second >> 4));
		good += got;
	}
	cr_expect_eq(good, 256);
}

Test(base64url, every_byte_in_every_place)
{
	for (size_t size = 1; size <= 8; size++) {
		for (size_t place = 0; place < size; place++) {
			for (int c = 0; c < 256; c++) {
				char text[8];
				uint8_t out[6];
				size_t used;
				memset(text, 'A', sizeof text);
				text[place] = (char)c;
				int spare = size % 4 == 2 ? 15 : size % 4 == 3 ? 3 : 0; /* bits that must be clear */
				bool last = place == size - 1;
				bool want = size % 4 != 1 && value_of(c) >= 0 && (!last || (value_of(c) & spare) == 0);
				cr_assert_eq(sr_base64url_decode(text, size, out, sizeof out, &used), want,
					     "%02x at %zu of %zu", (unsigned)c, place, size);
				cr_assert_eq(used, want ? size * 3 / 4 : 0);
			}
		}
	}
}

Test(base64url, capacity)
{
	uint8_t out[4] = {1, 2, 3, 4};
	size_t used = 9;
	cr_expect(sr_base64url_decode("", 0, out, 0, &used));
	cr_expect_eq(used, 0);
	cr_expect_not(sr_base64url_decode("AAAA", 4, out, 2, &used));
	cr_expect_eq(used, 0);
	cr_expect_eq(out[2], 3);
	cr_expect(sr_base64url_exact("____", 4, out, 3));
	cr_expect_eq(out[2], 255);
	cr_expect_eq(out[3], 4);
	cr_expect_not(sr_base64url_exact("____", 4, out, 4));
	cr_expect_not(sr_base64url_exact("____", 4, out, 2));
}
