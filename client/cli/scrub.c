/* `sealreel scrub`: have the daemon check all it stores, or check a store that no daemon serves. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/discard.h"
#include "cli/parse.h"
#include "scrub_text.h"

#define LOOK_MS 200
#define RATE (UINT64_C(64) << 20)

enum { KEY_RATE = 1, KEY_RESUME, KEY_DISCARD, KEY_REASON };

struct scrub {
	struct cli *cli;
	char *directory; /* NULL: the store that a daemon serves */
	uint64_t rate;
	bool resumes;
	const char *resume; /* NULL: wherever the daemon is or was */
	bool discards;
	uint8_t discard[SR_ID];
	const char *reason;
	/* What was heard. */
	struct cli_answer answer;
	struct sr_scrub_info info; /* its findings are printed by then */
	uint32_t seen;
};

static volatile sig_atomic_t asked;

static void on_signal(int number)
{
	(void)number;
	asked = 1;
}

static const struct argp_option options[] = {
	{"rate", KEY_RATE, "BYTES", 0,
	 "At most so many bytes a second, with K, M or G behind it; 0: all it can. By default 64M", 1},
	{"resume", KEY_RESUME, "PLACE", OPTION_ARG_OPTIONAL,
	 "Go on behind the place that a stopped scrub gave; without PLACE where the daemon's last one stopped, or "
	 "along "
	 "with the one that runs",
	 1},
	{"discard", KEY_DISCARD, "ID", 0,
	 "Check nothing: end this recording, whose row is beyond repair, so that its epoch can be retired", 2},
	{"reason", KEY_REASON, "TEXT", 0, "Why; needed with --discard", 2},
	{0},
};

static error_t check(struct scrub *scrub)
{
	if (!scrub->discards)
		return scrub->reason ? cli_wrong(scrub->cli, "--reason goes with --discard") : 0;
	if (scrub->directory || scrub->resumes || scrub->rate != RATE)
		return cli_wrong(scrub->cli, "--discard stands alone with --reason");
	if (!scrub->reason || scrub->reason[0] == '\0' || strlen(scrub->reason) > 255)
		return cli_wrong(scrub->cli, "--discard needs a --reason, of 1 to 255 bytes");
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct scrub *scrub = state->input;
	switch (key) {
	case KEY_RATE:
		return parse_rate(value, &scrub->rate) ? 0 : cli_wrong(scrub->cli, "--rate is no number of bytes");
	case KEY_RESUME:
		scrub->resumes = true;
		scrub->resume = value;
		return 0;
	case KEY_DISCARD:
		scrub->discards = true;
		return sr_id_parse(value, scrub->discard) ? 0 : cli_wrong(scrub->cli, "%.64s is no id", value);
	case KEY_REASON:
		scrub->reason = value;
		return 0;
	case ARGP_KEY_END:
		return check(scrub);
	case ARGP_KEY_ARG:
		if (scrub->directory)
			return cli_wrong(scrub->cli, "there is more than one DIR");
		scrub->directory = value;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[DIR]\n--discard ID --reason TEXT",
	.doc = "Check all that a store holds against its checksums, without any patient's key, and name each recording "
	       "and place that does not fit; nothing is changed. The daemon does it beside its work. With DIR the "
	       "daemon must be stopped, and damage in the index's own pages is found as well.\v"
	       "Exits 1 on any finding, 6 when it was stopped before its end; an interrupt stops it.\n\n"
	       "What it cannot see: whether segments open (their keys need a grant; playing checks them), and a "
	       "recording whose rows and files were all rolled back together.\n\nJSON: " SR_SCRUB_JSON_FIELDS
	       ".\n\nExample:\n\n  sealreel --credential DIR/operator.cred scrub --rate 20M || page-somebody\n",
};

/* ---- a store that no daemon serves ---- */

static int become_daemon(const struct scrub *scrub)
{
	char rate[32], resume[SR_SCRUB_PLACE_TEXT + 16];
	struct cli_daemon daemon = {.words = {"--scrub"}, .count = 1};
	if (scrub->resumes && !scrub->resume)
		return cli_fail_text(SR_USAGE, "--resume needs the PLACE when there is a DIR");
	(void)snprintf(rate, sizeof rate, "--rate=%llu", (unsigned long long)scrub->rate);
	daemon.words[daemon.count++] = rate;
	if (scrub->resume) {
		(void)snprintf(resume, sizeof resume, "--resume=%s", scrub->resume);
		daemon.words[daemon.count++] = resume;
	}
	if (scrub->cli->json)
		daemon.words[daemon.count++] = "--json";
	if (scrub->cli->quiet)
		daemon.words[daemon.count++] = "--quiet";
	daemon.words[daemon.count++] = scrub->directory;
	return cli_become_daemon(&daemon);
}

/* ---- the daemon's ---- */

static void print_finding(const struct scrub *scrub, const struct sr_finding_info *info)
{
	char line[SR_SCRUB_LINE_MAX];
	struct sr_finding finding = {
		.kind = (enum sr_finding_kind)info->kind,
		.track = (uint16_t)info->track,
		.file = (uint16_t)info->file,
		.offset = info->offset,
		.length = info->length,
		.text = {(const uint8_t *)info->text, strlen(info->text)},
	};
	memcpy(finding.recording, info->recording, SR_ID);
	sr_finding_line(&finding, scrub->cli->json, line);
	puts(line);
}

static void on_told(void *context, const struct sr_result *result, const struct sr_scrub_info *info)
{
	struct scrub *scrub = context;
	cli_hear(&scrub->answer, result);
	if (!info)
		return;
	/* Somebody has begun another: what it finds is new. */
	if (info->started_ms != scrub->info.started_ms)
		scrub->seen = 0;
	scrub->info = *info;
	for (size_t at = 0; at < info->count; at++) {
		if (info->from + at < scrub->seen)
			continue;
		print_finding(scrub, &info->findings[at]);
		scrub->seen = info->from + (uint32_t)at + 1;
	}
	scrub->info.findings = NULL; /* the callback's alone */
}

static int ask(struct scrub *scrub, sr_blocking *blocking, uint32_t from)
{
	return cli_await_status(&scrub->answer, blocking,
				sr_scrub_status(sr_blocking_client(blocking), from, on_told, scrub, NULL));
}

static bool is(const struct scrub *scrub, const char *state)
{
	return strcmp(scrub->info.state, state) == 0;
}

/* The one that is to be followed, begun or found. */
static int begin(struct scrub *scrub, sr_blocking *blocking)
{
	uint8_t place[SR_SCRUB_PLACE];
	size_t size = 0;
	if (scrub->resume && !sr_scrub_place_parse(scrub->resume, place, &size))
		return cli_fail_text(SR_USAGE, "--resume is no place that a scrub gave");
	if (scrub->resumes && !scrub->resume) {
		int status = ask(scrub, blocking, UINT32_MAX);
		if (status != CLI_DONE || is(scrub, "running"))
			return status;
		if (!is(scrub, "stopped"))
			return cli_fail_text(SR_NOT_FOUND, "the daemon has no scrub that was stopped");
		size = scrub->info.place_size;
		memcpy(place, scrub->info.place, size);
	}
	return cli_await_status(
		&scrub->answer, blocking,
		sr_scrub_start(sr_blocking_client(blocking), scrub->rate, place, size, on_told, scrub, NULL));
}

/* Sleep a little, or until a signal. */
static void nap(void)
{
	const struct timespec pause = {0, LOOK_MS * 1000000L};
	(void)nanosleep(&pause, NULL);
}

static int follow(struct scrub *scrub, sr_blocking *blocking)
{
	bool progress = !scrub->cli->quiet && isatty(STDERR_FILENO);
	bool stopped = false;
	int status = CLI_DONE;
	uint32_t before;
	do {
		if (is(scrub, "running"))
			nap();
		if (asked && !stopped) {
			stopped = true;
			status = cli_await_status(&scrub->answer, blocking,
						  sr_scrub_stop(sr_blocking_client(blocking), on_told, scrub, NULL));
		}
		before = scrub->seen;
		if (status == CLI_DONE)
			status = ask(scrub, blocking, scrub->seen);
		if (progress)
			(void)fprintf(stderr, "\rscrub %llu rows, %.1f MiB, %u findings\033[K",
				      (unsigned long long)scrub->info.rows, (double)scrub->info.bytes / (1 << 20),
				      scrub->info.total);
	} while (status == CLI_DONE && (is(scrub, "running") || scrub->seen != before));
	if (progress)
		(void)fputs("\r\033[K", stderr);
	return status;
}

static int tell_end(const struct scrub *scrub)
{
	char line[SR_SCRUB_LINE_MAX];
	struct sr_scrub_report report = {
		.state = is(scrub, "done") ? SR_SCRUB_DONE : SR_SCRUB_STOPPED,
		.rows = scrub->info.rows,
		.bytes = scrub->info.bytes,
		.findings = scrub->info.total,
		.place = {scrub->info.place, scrub->info.place_size},
	};
	sr_scrub_end_line(&report, scrub->cli->json, line);
	if (scrub->cli->json || !scrub->cli->quiet)
		puts(line);
	if (fflush(stdout) != 0)
		return cli_fail_output();
	if (report.state == SR_SCRUB_STOPPED)
		return CLI_INCOMPLETE;
	return report.findings > 0 ? CLI_FAILED : CLI_DONE;
}

int cli_scrub(struct cli *cli, int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct scrub scrub = {.cli = cli, .rate = RATE, .info = {.state = "idle"}};
	int status = cli_parse_data(cli, &argp, argc, argv, &scrub);
	if (status >= 0)
		return status;
	if (scrub.discards)
		return cli_discard(cli, scrub.discard, scrub.reason);
	if (scrub.directory)
		return become_daemon(&scrub);
	sr_blocking *blocking = cli_connect(cli, &status);
	if (!blocking)
		return status;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	status = begin(&scrub, blocking);
	if (status == CLI_DONE)
		status = follow(&scrub, blocking);
	sr_blocking_close(blocking);
	return status == CLI_DONE ? tell_end(&scrub) : status;
}
