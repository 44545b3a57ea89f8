/*
 * Maps of identities: taken whole or refused with the line that is wrong, wherever it stands.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/map.h"

static struct sr_error err;

static enum sr_code parse(const char *text, size_t size, bool alone, struct cli_map *map)
{
	char *copy = malloc(size + 1);

	cr_assert_not_null(copy);
	memcpy(copy, text, size);
	copy[size] = '\0';
	return cli_map_parse(copy, size, alone, map, &err);
}

Test(cli_map, pairs_in_their_order_with_or_without_a_last_line_end)
{
	static const char *const texts[] = {"a\tb\nurn:x|7\tz \xc3\xa4\n", "a\tb\nurn:x|7\tz \xc3\xa4"};

	for (size_t at = 0; at < 2; at++) {
		struct cli_map map;

		cr_assert_eq(parse(texts[at], strlen(texts[at]), true, &map), SR_OK, "%s", err.text);
		cr_assert_eq(map.count, 2);
		cr_expect_str_eq(map.pairs[0].from, "a");
		cr_expect_str_eq(map.pairs[1].to, "z \xc3\xa4");
		cr_expect_eq(map.pairs[1].line, 2);
		cli_map_free(&map);
	}
}

Test(cli_map, what_is_wrong_is_named_by_its_line)
{
	static const struct {
		const char *text;
		bool alone;
		const char *told;
	} cases[] = {
		{"", false, "the map has no line"},
		{"a b\n", false, "line 1: there is no tab"},
		{"a\tb\n\nc\td\n", false, "line 2: there is no tab"},
		{"a\tb\nc\td\te\n", false, "line 2: an identity is"},
		{"a\tb\n\td\n", false, "line 2: an identity is"},
		{"a\tb\nc\t\n", false, "line 2: an identity is"},
		{"a\tb\r\n", false, "line 1: an identity is"},
		{"a\t\xff\n", false, "line 1: an identity is"},
		{"a\ta\n", false, "line 1: both identities are the same"},
		{"a\tb\nx\ty\na\tc\n", false, "line 3: its first identity stands first in an earlier line"},
		{"a\tb\nb\tc\n", false, "line 2: an identity stands first in one line and second in another"},
		{"b\tc\na\tb\n", false, "line 2: an identity stands first in one line and second in another"},
		{"a\tx\nb\tx\n", true, "line 2: its second identity stands second in an earlier line too"},
	};

	for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
		struct cli_map map;

		cr_expect_eq(parse(cases[at].text, strlen(cases[at].text), cases[at].alone, &map), SR_USAGE, "%s",
			     cases[at].text);
		cr_expect_eq(strncmp(err.text, cases[at].told, strlen(cases[at].told)), 0, "%s", err.text);
		cli_map_free(&map);
	}
}

Test(cli_map, several_go_to_one_in_a_merge)
{
	struct cli_map map;

	cr_expect_eq(parse("a\tx\nb\tx\n", 8, false, &map), SR_OK, "%s", err.text);
	cli_map_free(&map);
}

Test(cli_map, line_7001_of_ten_thousand)
{
	size_t room = 10000 * 32, used = 0;
	char *text = malloc(room);
	struct cli_map map;

	cr_assert_not_null(text);
	for (int line = 1; line <= 10000; line++)
		used += (size_t)snprintf(text + used, room - used, line == 7001 ? "only-%d\n" : "from-%d\tto\n", line);
	cr_expect_eq(parse(text, used, false, &map), SR_USAGE);
	cr_expect_str_eq(err.text, "line 7001: there is no tab between two identities");
	cli_map_free(&map);
	free(text);
}

Test(cli_map, identities_have_1_to_255_bytes)
{
	char text[300];
	struct cli_map map;

	for (size_t size = 254; size <= 256; size++) {
		memset(text, 'a', size);
		memcpy(text + size, "\tb\n", 3);
		cr_expect_eq(parse(text, size + 3, false, &map), size <= 255 ? SR_OK : SR_USAGE, "%zu", size);
		cli_map_free(&map);
	}
}
