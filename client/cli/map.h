/*
 * A map of identities: a file of pairs, a line each, checked as a whole before any of it is used.
 */
#ifndef SR_MAP_H
#define SR_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* One line: both terminated, inside the map's own text. */
struct cli_pair {
	char *from, *to;
	size_t line; /* counted from 1 */
};

struct cli_map {
	char *text;
	struct cli_pair *pairs;
	size_t count;
};

/*
 * Parse `size` bytes at `text` (taken over, terminated behind them): on each line two identities with a tab between.
 * SR_USAGE, with the number of the first wrong line in *err: a line without exactly one tab, or with something that is
 * no identity; the same identity twice; one that stands first in two lines; one that stands first in a line and second
 * in another, because then the order would matter; with `alone`, one that stands second in two lines; or no line at
 * all. SR_INTERNAL when memory is used up. Released with cli_map_free in any case.
 */
enum sr_code cli_map_parse(char *text, size_t size, bool alone, struct cli_map *map, struct sr_error *err) SR_MUST_USE;
void cli_map_free(struct cli_map *map);

#endif
