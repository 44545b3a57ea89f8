/*
 * bench-lists: how long a patient's whole list takes, page after page, for patients in turn. Reads tokens, one on a
 * line, from a file; connects as SEALREEL_SERVER and SEALREEL_CREDENTIAL say.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "histogram.h"

#define TOKENS_MAX 1000
#define WARM_UP 20

struct tokens {
	size_t count, at;
	char *text[TOKENS_MAX];
};

static void read_tokens(const char *path, struct tokens *tokens)
{
	char *line = NULL;
	size_t room = 0;
	FILE *file = fopen(path, "re");
	if (!file)
		bench_die("%s cannot be read", path);
	while (tokens->count < TOKENS_MAX && getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		tokens->text[tokens->count++] = line;
		line = NULL;
		room = 0;
	}
	free(line);
	(void)fclose(file);
	if (tokens->count == 0)
		bench_die("%s holds no token", path);
}

static ssize_t give_token(void *context, bool renewal, char *token, size_t capacity)
{
	const struct tokens *tokens = context;
	const char *text = tokens->text[tokens->at];
	size_t size = strlen(text);
	(void)renewal;
	if (size > capacity)
		return -1;
	memcpy(token, text, size);
	return (ssize_t)size;
}

/* All of the list; how many recordings it has. */
static size_t list_all(sr_blocking *blocking, uint16_t limit)
{
	struct sr_list_options page = {.limit = limit};
	static const uint8_t none[SR_ID];
	size_t rows = 0;
	bool more = true;
	while (more) {
		struct sr_listing_info *listing = NULL;
		struct sr_result result = {0};
		bench_must(sr_blocking_list(blocking, &page, &listing, &result), "list", &result);
		rows += listing->count;
		memcpy(page.after, listing->next, SR_ID);
		more = memcmp(listing->next, none, SR_ID) != 0;
		sr_listing_free(listing);
	}
	return rows;
}

int main(int argc, char **argv)
{
	static struct tokens tokens;
	static struct bench_histogram times;
	size_t count = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	unsigned long rows = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	struct sr_result result = {0};
	sr_blocking *blocking = NULL;
	if (count == 0 || rows == 0)
		bench_die("usage: bench-lists TOKENS-FILE COUNT ROWS");
	read_tokens(argv[1], &tokens);
	const struct sr_client_options options = {
		.server = getenv("SEALREEL_SERVER"),
		.credential = getenv("SEALREEL_CREDENTIAL"),
		.grant_callback = give_token,
		.grant_context = &tokens,
	};
	bench_must(sr_blocking_open(&options, &blocking, &result), "connect", &result);
	for (size_t turn = 0; turn < count + WARM_UP; turn++) {
		tokens.at = turn % tokens.count;
		struct bench_clock began = bench_now();
		size_t got = list_all(blocking, (uint16_t)(rows < 100 ? rows : 100));
		if (got != rows)
			bench_die("a list has %zu recordings, not %lu", got, rows);
		if (turn >= WARM_UP)
			bench_histogram_add(&times, (bench_now().wall - began.wall) * 1e3);
	}
	sr_blocking_close(blocking);
	printf("%lu\t%" PRIu64 "\t%.2f\t%.2f\t%.2f\n", rows, times.count, bench_histogram_at(&times, 50),
	       bench_histogram_at(&times, 99), times.max);
	for (size_t at = 0; at < tokens.count; at++)
		free(tokens.text[at]);
	return 0;
}
