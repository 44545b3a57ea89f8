/* `sealreel rotate`: move recordings from old epochs of the master key to the current one, a step at a time. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/pace.h"
#include "cli/parse.h"
#include "cli/rotating.h"

#define BAR 30
#define REDRAW_S 0.2
#define STEP_MAX 1000
#define PASSES 3 /* over the rows that others changed whenever they were tried */
#define BUSY_TRIES 60

enum { KEY_DRY_RUN = 1, KEY_RATE, KEY_IF_OLDER_THAN, KEY_BACK, KEY_DEEP, KEY_AFTER, KEY_ISSUER };

static volatile sig_atomic_t asked; /* to stop */

static void on_signal(int number)
{
	(void)number;
	asked = 1;
}

static const struct argp_option options[] = {
	{"dry-run", KEY_DRY_RUN, NULL, 0, "Count the rows of each epoch, say how long it would take, and move none", 1},
	{"rate", KEY_RATE, "N", 0, "At most so many rows a second; by default all that recording and playback leave",
	 1},
	{"if-older-than", KEY_IF_OLDER_THAN, "TIME", 0,
	 "Only from epochs that were made so long ago (90d, 12h, 5m); if there is none, exit 0", 1},
	{"back", KEY_BACK, "N", 0,
	 "The other way: from all epochs after N to N, while N is open. What is recorded meanwhile is still sealed "
	 "under the current epoch",
	 1},
	{"deep", KEY_DEEP, "ID", 0,
	 "Something else: seal every finished recording of this patient anew, media and all, under data keys that "
	 "nobody "
	 "has had. Needs the role operate and a grant with scope manage",
	 2},
	{"after", KEY_AFTER, "RECORDING", 0, "deep: only recordings behind this one, to go on where it stopped", 2},
	{"issuer-key", KEY_ISSUER, "FILE", 0, "deep: sign the grants with this issuer's private key (development)", 2},
	{0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct rotate *rotate = state->input;
	uint64_t number;
	switch (key) {
	case KEY_DRY_RUN:
		rotate->dry_run = true;
		return 0;
	case KEY_RATE:
		if (!parse_number(value, 1000000000, &rotate->rate) || rotate->rate == 0)
			return cli_wrong(rotate->cli, "--rate is no number of rows");
		return 0;
	case KEY_IF_OLDER_THAN:
		return parse_duration(value, &rotate->older_than)
			       ? 0
			       : cli_wrong(rotate->cli, "--if-older-than is no time like 90d, 12h or 5m");
	case KEY_BACK:
		if (!parse_number(value, UINT32_MAX, &number) || number == 0)
			return cli_wrong(rotate->cli, "--back needs an epoch's number");
		rotate->back = (uint32_t)number;
		return 0;
	case KEY_DEEP:
		rotate->deep.identity = value;
		return cli_identity_valid(value, strlen(value)) ? 0
								: cli_wrong(rotate->cli, "--deep needs an identity");
	case KEY_AFTER:
		rotate->deep.resumes = sr_id_parse(value, rotate->deep.after);
		return rotate->deep.resumes ? 0 : cli_wrong(rotate->cli, "--after is not an id");
	case KEY_ISSUER:
		rotate->deep.proofs.issuer_key = value;
		return 0;
	case ARGP_KEY_END:
		if (rotate->deep.identity ? rotate->dry_run || rotate->rate || rotate->older_than || rotate->back
					  : rotate->deep.resumes || rotate->deep.proofs.issuer_key)
			return cli_wrong(rotate->cli,
					 "--deep stands alone but for --after and where its grant is from");
		if (rotate->back && rotate->older_than)
			return cli_wrong(rotate->cli, "--back and --if-older-than do not go together");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* clang-format off */
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc =
	"Move all recordings and people to the current epoch of the master key (see sealreel epoch). Needs a credential with "
	"the role rotate, which can do nothing else; no key ever comes here. Reading and recording go on meanwhile, and come "
	"first.\v"
	"It can be interrupted at any time, by a loss of either side as well, and run again; it then passes over what was "
	"moved. Exits 6 when there is more to do, 5 while another rotation is under way.\n\n"
	"JSON: an object with \"to\", \"moved\", \"passed\", \"left\" (rows that could not be moved), \"seconds\", "
	"\"complete\"; of --dry-run: \"current\", \"epochs\", each with \"epoch\", \"state\", \"made\", \"recordings\", "
	"\"people\", and \"to_move\", \"damaged\", \"estimate_s\"; of --deep: \"recordings\", \"bytes\" (sealed anew), "
	"\"left\", \"after\" (the last one looked at, or null), \"complete\".\n\n"
	"rotate changes the key that wraps data keys; --deep the data keys themselves, so that who once had one opens nothing "
	"that is there now. Each recording has its old key until all of it is sealed anew, whatever is killed; what is being "
	"played of it ends. Exits 4 when some were left: not finished, deleted, or damaged.\n\n"
	"Example, for a nightly timer:\n\n"
	"  sealreel --credential rotate.cred rotate --rate 5000 --if-older-than 90d\n"
	"  sealreel --credential DIR/operator.cred rotate --deep 'urn:ward|7' --issuer-key DIR/dev-issuer.jwk\n",
};
/* clang-format on */

static void on_stepped(void *context, const struct sr_result *result, const struct sr_rotated_info *info)
{
	struct rotate *rotate = context;
	cli_hear(&rotate->answer, result);
	if (info)
		rotate->stepped = *info;
}

static bool shows_bar(const struct rotate *rotate)
{
	return !rotate->cli->quiet && isatty(STDERR_FILENO);
}

static void draw(struct rotate *rotate)
{
	static const char full[BAR + 1] = "##############################";
	double passed = cli_now() - rotate->began, part = rotate->stepped.progress;
	if (!shows_bar(rotate) || passed < rotate->drawn + REDRAW_S)
		return;
	rotate->drawn = passed;
	double rate = (double)rotate->moved / passed;
	unsigned long left = part > 0 ? (unsigned long)(passed / part * (1 - part)) : 0;
	(void)fprintf(stderr, "\rrotate [%-*.*s] %3.0f %% %llu rows, %.0f rows/s, %lu:%02lu left\033[K", BAR,
		      (int)(part * BAR), full, part * 100, (unsigned long long)rotate->moved, rate, left / 60,
		      left % 60);
}

/* A signal ends it early, which is what is wanted. */
/* Keep to the rate: wait until as much time has passed as what was moved may take. */
static void throttle(const struct rotate *rotate)
{
	double ahead = cli_ahead(rotate->began, rotate->moved, rotate->rate);
	if (ahead > 0 && !asked)
		cli_nap(ahead);
}

/* Fifty steps a second where there is a rate: who reads meanwhile waits for a small one, not for a second's worth. */
static uint16_t step_limit(const struct rotate *rotate)
{
	uint64_t limit = rotate->rate / 50 + (rotate->rate < 50);
	return rotate->rate && limit < STEP_MAX ? (uint16_t)limit : STEP_MAX;
}

/* One step, tried again while the daemon is busy with others than another rotation. */
static bool step(struct rotate *rotate, sr_blocking *blocking, bool first)
{
	struct sr_rotate_options order = {.to = rotate->back,
					  .first = rotate->first,
					  .last = rotate->last,
					  .limit = step_limit(rotate),
					  .place = rotate->place,
					  .place_size = rotate->place_size};
	for (int tries = 0; tries < BUSY_TRIES && !asked; tries++) {
		if (cli_await(&rotate->answer, blocking,
			      sr_rotate_step(sr_blocking_client(blocking), &order, on_stepped, rotate, NULL)))
			return true;
		if (rotate->answer.result.code != SR_BUSY || first)
			return false;
		cli_nap(rotate->answer.result.retry_ms ? rotate->answer.result.retry_ms / 1000.0 : 0.05);
	}
	return false;
}

/* All rows once; rotate->left (out) counts those that could not be moved. False: it ended before. */
static bool pass(struct rotate *rotate, sr_blocking *blocking, bool *first)
{
	const struct sr_rotated_info *info = &rotate->stepped;
	rotate->place_size = 0;
	rotate->left = 0;
	do {
		if (asked || !step(rotate, blocking, *first))
			return false;
		*first = false;
		if (info->left && rotate->left == 0)
			memcpy(rotate->left_first, info->recording, SR_ID);
		rotate->moved += info->moved;
		rotate->passed += info->passed;
		rotate->left += info->left;
		rotate->place_size = info->place_size;
		memcpy(rotate->place, info->place, sizeof rotate->place);
		draw(rotate);
		throttle(rotate);
	} while (rotate->place_size > 0);
	return true;
}

/* How it ended, in one line, unless all is moved. */
static int tell_end(struct rotate *rotate, bool ended, bool first)
{
	char id[SR_ID_TEXT];
	struct sr_result result = rotate->answer.result;
	if (!ended && first && !asked)
		return cli_fail(&result);
	rotate_tell(rotate, ended && rotate->left == 0);
	if (ended && rotate->left == 0)
		return CLI_DONE;
	if (ended) {
		sr_id_format(rotate->left_first, id);
		result = (struct sr_result){.code = SR_CORRUPT};
		(void)snprintf(result.text, sizeof result.text,
			       "%llu rows could not be moved, the first of recording %s",
			       (unsigned long long)rotate->left, id);
		return cli_fail_incomplete(&result, "scrub, then run it again");
	}
	if (asked)
		result = (struct sr_result){.code = SR_UNAVAILABLE, .text = "stopped before the end"};
	return cli_fail_incomplete(&result, "run it again to go on");
}

static int move(struct rotate *rotate, sr_blocking *blocking)
{
	bool first = true, ended = true;
	uint64_t before = 0;
	rotate->began = cli_now();
	for (int passes = 0; passes < PASSES && ended; passes++) {
		before = rotate->moved;
		ended = pass(rotate, blocking, &first);
		if (rotate->left == 0 || (passes > 0 && rotate->moved == before))
			break;
	}
	if (shows_bar(rotate))
		(void)fputs("\r\033[K", stderr);
	return tell_end(rotate, ended, first);
}

int cli_rotate(struct cli *cli, int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct rotate *rotate = calloc(1, sizeof *rotate);
	if (!rotate)
		return cli_fail_memory();
	rotate->cli = cli;
	rotate->began = cli_now();
	rotate->deep.proofs.cli = cli;
	int status = cli_parse_data(cli, &argp, argc, argv, rotate);
	sr_blocking *blocking = status < 0 ? cli_connect(cli, &status) : NULL;
	if (blocking && rotate->deep.identity) {
		status = cli_deepen(&rotate->deep, blocking);
		sr_blocking_close(blocking);
	} else if (blocking) {
		(void)sigaction(SIGINT, &action, NULL);
		(void)sigaction(SIGTERM, &action, NULL);
		status = rotate_census(rotate, blocking) ? rotate_choose(rotate) : cli_fail(&rotate->answer.result);
		if (status < 0)
			status = rotate->dry_run ? rotate_dry_run(rotate, blocking) : move(rotate, blocking);
		sr_blocking_close(blocking);
	}
	free(rotate);
	return cli_flush(status);
}
