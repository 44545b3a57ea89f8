/* What there is to rotate: the census, the choice of epochs, and telling of both. */
#include "cli/rotating.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/pace.h"
#include "cli/parse.h"
#include "cli/show.h"

/* What moving a row takes of the daemon, as a multiple of what counting it takes: for estimates. */
#define MOVE_COST 5.0

/* ---- the census ---- */

static void on_census(void *context, const struct sr_result *result, const struct sr_epochs_info *info)
{
	struct rotate *rotate = context;
	cli_hear(&rotate->answer, result);
	if (!info)
		return;
	rotate->current = info->current;
	rotate->damaged += info->damaged;
	memcpy(rotate->place, info->place, sizeof rotate->place);
	rotate->place_size = info->place_size;
	/* An epoch made between two parts has no place in the sums, and nothing of its own to be moved. */
	if (rotate->count == 0)
		rotate->count = info->count < ROTATE_EPOCHS_MAX ? info->count : ROTATE_EPOCHS_MAX;
	for (size_t at = 0; at < rotate->count && at < info->count; at++) {
		struct sr_epoch_info *sum = &rotate->epochs[at];
		uint64_t recordings = sum->recordings, people = sum->people;
		*sum = info->epochs[at];
		sum->recordings += recordings;
		sum->people += people;
	}
}

bool rotate_census(struct rotate *rotate, sr_blocking *blocking)
{
	return cli_await(&rotate->answer, blocking,
			 sr_rotate_census(sr_blocking_client(blocking), rotate->place, rotate->place_size, on_census,
					  rotate, NULL));
}

/* ---- which epochs ---- */

static const struct sr_epoch_info *find(const struct rotate *rotate, uint32_t number)
{
	for (size_t at = 0; at < rotate->count; at++)
		if (rotate->epochs[at].number == number)
			return &rotate->epochs[at];
	return NULL;
}

static int choose_back(struct rotate *rotate)
{
	const struct sr_epoch_info *to = find(rotate, rotate->back);
	if (!to || strcmp(to->state, "open") != 0)
		return cli_fail_text(SR_CONFLICT, "epoch %u is not open: nothing can be moved back to it",
				     rotate->back);
	if (rotate->back == rotate->current)
		return cli_fail_text(SR_CONFLICT, "epoch %u is the current one", rotate->back);
	rotate->first = rotate->back + 1;
	rotate->last = rotate->current;
	return -1;
}

static bool is_old(const struct rotate *rotate, const struct sr_epoch_info *epoch)
{
	return epoch->made_ms + (uint64_t)rotate->older_than * 1000 <= (uint64_t)time(NULL) * 1000 ||
	       rotate->older_than == 0;
}

int rotate_choose(struct rotate *rotate)
{
	bool older = false;
	if (rotate->back)
		return choose_back(rotate);
	for (size_t at = 0; at < rotate->count; at++) {
		const struct sr_epoch_info *epoch = &rotate->epochs[at];
		if (epoch->number >= rotate->current || strcmp(epoch->state, "retired") == 0)
			continue;
		older = true;
		if (is_old(rotate, epoch))
			rotate->last = epoch->number;
	}
	rotate->first = 1;
	if (rotate->last)
		return -1;
	if (rotate->older_than) {
		if (!rotate->cli->quiet)
			puts(older ? "no epoch that recordings could be moved from is that old"
				   : "there is no epoch before the current one");
		return CLI_DONE;
	}
	return cli_fail_text(SR_CONFLICT, "there is no epoch before the current one, %u; sealreel epoch new makes one",
			     rotate->current);
}

/* ---- telling ---- */

static void print_census(const struct rotate *rotate, uint64_t to_move, double estimate)
{
	for (size_t at = 0; at < rotate->count; at++) {
		const struct sr_epoch_info *epoch = &rotate->epochs[at];
		printf("%6u  %-8s %12llu recordings %12llu people%s\n", epoch->number, epoch->state,
		       (unsigned long long)epoch->recordings, (unsigned long long)epoch->people,
		       epoch->number == rotate->current ? "  current" : "");
	}
	if (rotate->damaged)
		printf("%llu rows are damaged: sealreel scrub names them\n", (unsigned long long)rotate->damaged);
	printf("%llu rows would be moved, in about %.0f s\n", (unsigned long long)to_move, estimate);
}

static void print_census_json(const struct rotate *rotate, uint64_t to_move, double estimate)
{
	json_t *array = json_array();
	for (size_t at = 0; at < rotate->count; at++) {
		const struct sr_epoch_info *epoch = &rotate->epochs[at];
		char made[TIME_TEXT];
		format_time(epoch->made_ms, made);
		(void)json_array_append_new(
			array, json_pack("{s:I, s:s, s:o, s:I, s:I}", "epoch", (json_int_t)epoch->number, "state",
					 epoch->state, "made", made[0] ? json_string(made) : json_null(), "recordings",
					 (json_int_t)epoch->recordings, "people", (json_int_t)epoch->people));
	}
	(void)show_json(json_pack("{s:I, s:o, s:I, s:I, s:f}", "current", (json_int_t)rotate->current, "epochs", array,
				  "to_move", (json_int_t)to_move, "damaged", (json_int_t)rotate->damaged, "estimate_s",
				  estimate));
}

int rotate_dry_run(struct rotate *rotate, sr_blocking *blocking)
{
	uint64_t to_move = 0, all = 0;
	while (rotate->place_size > 0)
		if (!rotate_census(rotate, blocking))
			return cli_fail(&rotate->answer.result);
	double took = cli_now() - rotate->began;
	for (size_t at = 0; at < rotate->count; at++) {
		const struct sr_epoch_info *epoch = &rotate->epochs[at];
		uint64_t rows = epoch->recordings + epoch->people;
		all += rows;
		if (epoch->number >= rotate->first && epoch->number <= rotate->last)
			to_move += rows;
	}
	double estimate = all > 0 ? took / (double)all * (double)to_move * MOVE_COST : 0;
	if (rotate->rate && (double)to_move / (double)rotate->rate > estimate)
		estimate = (double)to_move / (double)rotate->rate;
	if (rotate->cli->json)
		print_census_json(rotate, to_move, estimate);
	else
		print_census(rotate, to_move, estimate);
	return CLI_DONE;
}

void rotate_tell(const struct rotate *rotate, bool complete)
{
	double took = cli_now() - rotate->began;
	uint32_t to = rotate->back ? rotate->back : rotate->current;
	if (rotate->cli->json)
		(void)show_json(json_pack("{s:I, s:I, s:I, s:I, s:f, s:b}", "to", (json_int_t)to, "moved",
					  (json_int_t)rotate->moved, "passed", (json_int_t)rotate->passed, "left",
					  (json_int_t)rotate->left, "seconds", took, "complete", complete));
	else if (!rotate->cli->quiet)
		printf("%llu rows moved to epoch %u in %.1f s (%.0f rows/s)\n", (unsigned long long)rotate->moved, to,
		       took, took > 0 ? (double)rotate->moved / took : 0);
}
