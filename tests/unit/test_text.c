/*
 * What counts as UTF-8 and as printable: every one- and two-byte text, and the edges of the longer forms.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "text.h"

static bool utf8(const char *bytes, size_t size)
{
	return sr_text_is_utf8((struct sr_span){(const uint8_t *)bytes, size});
}

Test(text, every_byte_and_pair)
{
	cr_expect(utf8("", 0));
	for (int one = 0; one < 256; one++) {
		char bytes[2] = {(char)one, 0};
		cr_expect_eq(utf8(bytes, 1), one > 0 && one < 0x80, "%02x", one);
		for (int two = 0; two < 256; two++) {
			bool both = one > 0 && one < 0x80 && two > 0 && two < 0x80;
			bool pair = one >= 0xc2 && one < 0xe0 && two >= 0x80 && two < 0xc0;
			bytes[1] = (char)two;
			cr_expect_eq(utf8(bytes, 2), both || pair, "%02x %02x", one, two);
		}
	}
}

Test(text, edges_of_the_longer_forms)
{
	static const struct {
		const char *bytes;
		bool fits;
	} cases[] = {
		{"\xe0\xa0\x80", true},
		{"\xe0\x9f\xbf", false}, /* U+0800, and a long form of U+07FF */
		{"\xed\x9f\xbf", true},
		{"\xed\xa0\x80", false}, /* U+D7FF, and a surrogate */
		{"\xed\xbf\xbf", false},
		{"\xee\x80\x80", true}, /* a surrogate, and U+E000 */
		{"\xef\xbf\xbf", true},
		{"\xf0\x90\x80\x80", true}, /* U+FFFF, U+10000 */
		{"\xf0\x8f\xbf\xbf", false},
		{"\xf4\x8f\xbf\xbf", true}, /* a long form of U+FFFF, and U+10FFFF */
		{"\xf4\x90\x80\x80", false},
		{"\xf8\x88\x80\x80\x80", false},
		{"\xe2\x82", false},
		{"\xf0\x9f\x98", false}, /* cut off */
		{"a\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", true},
	};
	for (size_t at = 0; at < sizeof cases / sizeof *cases; at++)
		cr_expect_eq(utf8(cases[at].bytes, strlen(cases[at].bytes)), cases[at].fits, "case %zu", at);
}

Test(text, printable)
{
	cr_expect_not(sr_text_is_printable((struct sr_span){(const uint8_t *)"", 0}));
	for (int byte = 0; byte < 256; byte++) {
		const uint8_t text[] = {'a', (uint8_t)byte};
		cr_expect_eq(sr_text_is_printable((struct sr_span){text, 2}), byte >= 0x20 && byte < 0x7f, "%02x",
			     byte);
	}
}
