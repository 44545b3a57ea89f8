/*
 * bench-lists: how long a patient's whole list takes, page after page, for patients in turn: one list after the other,
 * or so many each second, timed from when each is due. Reads tokens, one on a line, from a file; connects as
 * SEALREEL_SERVER and SEALREEL_CREDENTIAL say. Each patient is asked for once before, which is timed by itself: what it
 * reads of the index may lie on the disk alone. Prints rows, count, p50, p99, longest; p50 and longest of the first
 * ones.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common.h"
#include "data/thread.h"
#include "histogram.h"
#include "tokens.h"

struct grants {
	struct bench_tokens tokens;
	size_t at;
};

static ssize_t give_token(void *context, bool renewal, char *token, size_t capacity)
{
	struct grants *grants = context;
	(void)renewal;
	return bench_tokens_give(&grants->tokens, grants->at, token, capacity);
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

static void wait_until(double wall)
{
	double left = wall - bench_now().wall;
	if (left <= 0)
		return;
	const struct timespec pause = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
	(void)nanosleep(&pause, NULL);
}

/* One patient's list; its time, in ms, from `due` on. */
static double list_once(sr_blocking *blocking, size_t rows, double due)
{
	size_t got = list_all(blocking, (uint16_t)(rows < 100 ? rows : 100));
	if (got != rows)
		bench_die("a list has %zu recordings, not %zu", got, rows);
	return (bench_now().wall - due) * 1e3;
}

int main(int argc, char **argv)
{
	static struct grants grants;
	static struct bench_histogram first, times;
	size_t count = argc >= 4 && argc <= 5 ? strtoul(argv[2], NULL, 10) : 0;
	size_t rows = count > 0 ? strtoul(argv[3], NULL, 10) : 0;
	double pace = argc == 5 ? strtod(argv[4], NULL) : 0;
	struct sr_result result = {0};
	sr_blocking *blocking = NULL;
	if (count == 0 || rows == 0 || (argc == 5 && !(pace > 0)))
		bench_die("usage: bench-lists TOKENS-FILE COUNT ROWS [PER-SECOND]");
	sr_thread_prompt(); /* a wait for its own turn is not the daemon's */
	bench_tokens_read(&grants.tokens, argv[1]);
	const struct sr_client_options options = {
		.server = getenv("SEALREEL_SERVER"),
		.credential = getenv("SEALREEL_CREDENTIAL"),
		.grant_callback = give_token,
		.grant_context = &grants,
	};
	bench_must(sr_blocking_open(&options, &blocking, &result), "connect", &result);
	for (grants.at = 0; grants.at < grants.tokens.count; grants.at++)
		bench_histogram_add(&first, list_once(blocking, rows, bench_now().wall));
	double began = bench_now().wall;
	for (size_t turn = 0; turn < count; turn++) {
		double due = pace > 0 ? began + (double)turn / pace : bench_now().wall;
		wait_until(due);
		grants.at = turn % grants.tokens.count;
		bench_histogram_add(&times, list_once(blocking, rows, due));
	}
	sr_blocking_close(blocking);
	printf("%zu\t%" PRIu64 "\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\n", rows, times.count, bench_histogram_at(&times, 50),
	       bench_histogram_at(&times, 99), times.max, bench_histogram_at(&first, 50), first.max);
	bench_tokens_free(&grants.tokens);
	return 0;
}
