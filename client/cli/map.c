/* A map of identities, checked as a whole. */
#include "cli/map.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cli/proof.h"

static enum sr_code wrong(struct sr_error *err, size_t line, const char *what)
{
	return SR_FAIL(err, SR_USAGE, "line %zu: %s", line, what);
}

static size_t count_lines(const char *text, size_t size)
{
	size_t lines = 0;
	for (size_t at = 0; at < size; at++)
		lines += text[at] == '\n';
	return size > 0 && text[size - 1] != '\n' ? lines + 1 : lines;
}

/* Cut one line into its two identities. */
static enum sr_code take_line(char *line, size_t size, size_t number, struct cli_pair *pair, struct sr_error *err)
{
	char *tab = memchr(line, '\t', size);
	if (!tab)
		return wrong(err, number, "there is no tab between two identities");
	size_t left = (size_t)(tab - line), right = size - left - 1;
	if (!cli_identity_valid(line, left) || !cli_identity_valid(tab + 1, right))
		return wrong(err, number, "an identity is 1 to 255 bytes of UTF-8 without control characters");
	if (left == right && memcmp(line, tab + 1, left) == 0)
		return wrong(err, number, "both identities are the same");
	*tab = '\0';
	tab[1 + right] = '\0';
	*pair = (struct cli_pair){line, tab + 1, number};
	return SR_OK;
}

static int by_from(const void *left, const void *right)
{
	const struct cli_pair *const *a = left, *const *b = right;
	int order = strcmp((*a)->from, (*b)->from);
	return order ? order : (*a)->line < (*b)->line ? -1 : 1;
}

static int by_to(const void *left, const void *right)
{
	const struct cli_pair *const *a = left, *const *b = right;
	int order = strcmp((*a)->to, (*b)->to);
	return order ? order : (*a)->line < (*b)->line ? -1 : 1;
}

/* Note a line that is wrong, if it is the first so far. */
static void note(const struct cli_pair **first, const char **why, const struct cli_pair *pair, const char *what)
{
	if (*first && (*first)->line <= pair->line)
		return;
	*first = pair;
	*why = what;
}

/* Walk both orders side by side: whoever stands first in one line and second in another stands in both. */
static enum sr_code compare(const struct cli_map *map, bool alone, const struct cli_pair **from,
			    const struct cli_pair **to, struct sr_error *err)
{
	const struct cli_pair *first = NULL;
	const char *why = NULL;
	size_t other = 0;
	for (size_t at = 0; at < map->count; at++) {
		if (at > 0 && strcmp(from[at - 1]->from, from[at]->from) == 0)
			note(&first, &why, from[at], "its first identity stands first in an earlier line too");
		if (alone && at > 0 && strcmp(to[at - 1]->to, to[at]->to) == 0)
			note(&first, &why, to[at],
			     "its second identity stands second in an earlier line too; use merge");
		while (other < map->count && strcmp(to[other]->to, from[at]->from) < 0)
			other++;
		if (other < map->count && strcmp(to[other]->to, from[at]->from) == 0)
			note(&first, &why, from[at]->line > to[other]->line ? from[at] : to[other],
			     "an identity stands first in one line and second in another");
	}
	return first ? wrong(err, first->line, why) : SR_OK;
}

static enum sr_code check_together(const struct cli_map *map, bool alone, struct sr_error *err)
{
	const struct cli_pair **from = calloc(map->count, sizeof *from);
	const struct cli_pair **to = calloc(map->count, sizeof *to);
	enum sr_code code = from && to ? SR_OK : SR_FAIL_MEMORY(err);
	for (size_t at = 0; code == SR_OK && at < map->count; at++)
		from[at] = to[at] = &map->pairs[at];
	if (code == SR_OK) {
		qsort(from, map->count, sizeof *from, by_from);
		qsort(to, map->count, sizeof *to, by_to);
		code = compare(map, alone, from, to, err);
	}
	free(from);
	free(to);
	return code;
}

enum sr_code cli_map_parse(char *text, size_t size, bool alone, struct cli_map *map, struct sr_error *err)
{
	size_t lines = count_lines(text, size), at = 0;
	*map = (struct cli_map){.text = text};
	if (lines == 0)
		return SR_FAIL(err, SR_USAGE, "the map has no line");
	map->pairs = calloc(lines, sizeof *map->pairs);
	if (!map->pairs)
		return SR_FAIL_MEMORY(err);
	for (; map->count < lines; map->count++) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t length = end ? (size_t)(end - text) - at : size - at;
		enum sr_code code = take_line(text + at, length, map->count + 1, &map->pairs[map->count], err);
		if (code != SR_OK)
			return code;
		at += length + 1;
	}
	return check_together(map, alone, err);
}

void cli_map_free(struct cli_map *map)
{
	free(map->pairs);
	free(map->text);
	*map = (struct cli_map){.count = 0};
}
