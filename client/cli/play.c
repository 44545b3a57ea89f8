/* `sealreel play`: a track's bytes, each checked before it is written. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/parse.h"
#include "cli/progress.h"

#define RETRY_S 60

enum { KEY_TRACK = 1, KEY_RANGE, KEY_FOLLOW, KEY_RETRY };

struct play {
	struct cli *cli;
	uint8_t recording[SR_ID];
	bool named;
	struct sr_read_options read;
	const char *output; /* NULL or "-": standard output */
	char *part;         /* what is written until all is there */
	int fd;
	int failed; /* errno of a write */
	uint64_t written;
	bool done;
	sr_call *call;
	struct sr_result result;
	struct progress progress;
};

static const struct argp_option options[] = {
	{"track", KEY_TRACK, "N", 0, "Which track; by default 1", 1},
	{"range", KEY_RANGE, "A-B", 0, "Only bytes A to B, both included; \"A-\" is from A to the end", 1},
	{"follow", KEY_FOLLOW, NULL, 0, "At the end of an unfinished track wait for more, until it is finished", 1},
	{"retry", KEY_RETRY, "DURATION", 0,
	 "How long to try again when the connection is lost or the daemon goes away (default 1m; 0: give up at once)",
	 1},
	{"output", 'o', "FILE", 0, "Where to; FILE appears only when it is whole. \"-\" is standard output", 1},
	{0},
};

static error_t take_track(struct play *play, const char *value)
{
	uint64_t track;
	if (!parse_number(value, UINT16_MAX, &track) || track == 0)
		return cli_wrong(play->cli, "--track is a number from 1 on");
	play->read.track = (uint16_t)track;
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct play *play = state->input;
	switch (key) {
	case KEY_TRACK:
		return take_track(play, value);
	case KEY_RANGE:
		return parse_range(value, &play->read.from, &play->read.length)
			       ? 0
			       : cli_wrong(play->cli, "--range is A-B or A-, in bytes");
	case KEY_FOLLOW:
		play->read.follow = true;
		return 0;
	case KEY_RETRY:
		return cli_take_retry(play->cli, value);
	case 'o':
		play->output = strcmp(value, "-") == 0 ? NULL : value;
		play->fd = STDOUT_FILENO;
		return 0;
	case ARGP_KEY_ARG:
		if (play->named || !sr_id_parse(value, play->recording))
			return cli_wrong(play->cli, "play takes one recording's id");
		play->named = true;
		return 0;
	case ARGP_KEY_END:
		if (!play->named)
			return cli_wrong(play->cli, "there is no RECORDING");
		if (play->fd < 0 && isatty(STDOUT_FILENO))
			return cli_wrong(play->cli, "media is not for a terminal: say -o FILE, or -o -");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "RECORDING",
	.doc = "Write a track's bytes to a file or pipe, each checked before it is written. When the connection is "
	       "lost, it is made again, and playing goes on behind the last byte.\vExample:\n\n"
	       "  sealreel play 01936f6e-8c3a-7000-8000-000000000001 -o - | ffplay -\n",
};

/* The consumer sets the pace: while it takes nothing, nothing is read from the store. */
static void on_data(void *context, const uint8_t *data, size_t size)
{
	struct play *play = context;
	size_t done = 0;
	while (play->failed == 0 && done < size) {
		ssize_t put = write(play->fd, data + done, size - done);
		if (put > 0)
			done += (size_t)put;
		else if (put == 0 || errno != EINTR)
			play->failed = put == 0 ? EIO : errno;
	}
	play->written += done;
	progress_show(&play->progress, play->written);
	if (play->failed != 0) {
		sr_cancel(play->call);
		play->done = true;
	}
}

static void on_done(void *context, const struct sr_result *result, uint64_t bytes, bool finished)
{
	struct play *play = context;
	(void)bytes;
	(void)finished;
	play->result = *result;
	play->done = true;
}

static void on_trying(void *context, const struct sr_result *result)
{
	struct play *play = context;
	if (play->cli->quiet)
		return;
	progress_clear(&play->progress);
	cli_say_trying(result);
}

static int open_output(struct play *play)
{
	if (!play->output) {
		play->fd = STDOUT_FILENO;
		return CLI_DONE;
	}
	if (asprintf(&play->part, "%s.part", play->output) < 0) {
		play->part = NULL;
		return cli_fail_memory();
	}
	play->fd = open(play->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (play->fd < 0) {
		free(play->part);
		play->part = NULL;
		return cli_fail_text(SR_IO, "the output cannot be written: %s", strerror(errno));
	}
	return CLI_DONE;
}

/* The file appears under its name, or not at all. */
static int close_output(struct play *play, int status)
{
	if (!play->part)
		return status;
	bool ok = status == CLI_DONE && fsync(play->fd) == 0;
	ok = close(play->fd) == 0 && ok;
	ok = ok && rename(play->part, play->output) == 0;
	if (!ok && status == CLI_DONE)
		status = cli_fail_text(SR_IO, "the output cannot be written: %s", strerror(errno));
	if (!ok)
		(void)unlink(play->part);
	free(play->part);
	return status;
}

/* What is to come, as far as it is known. */
static uint64_t expected(const struct play *play, const struct sr_recording_info *info)
{
	for (size_t i = 0; i < info->track_count; i++) {
		uint64_t length = info->tracks[i].length;
		if (info->tracks[i].track == play->read.track && length > play->read.from)
			return length - play->read.from < play->read.length ? length - play->read.from
									    : play->read.length;
	}
	return 0;
}

static int play_track(struct play *play, sr_blocking *blocking)
{
	struct sr_result result;
	sr_player *player;
	if (sr_blocking_play_open(blocking, play->recording, &player, &result) != SR_OK)
		return cli_fail(&result);
	progress_start(&play->progress, "playing", expected(play, sr_player_info(player)), play->cli->quiet);
	enum sr_code code = sr_play_read(player, &play->read, on_done, play, &play->call);
	if (code != SR_OK)
		return cli_fail_text(code, "the recording has no track %u", (unsigned)play->read.track);
	while (!play->done)
		(void)uv_run(sr_blocking_loop(blocking), UV_RUN_ONCE);
	progress_end(&play->progress);
	/* Said once all of it has been opened and checked: the store's account can then call it delivered. */
	if (play->result.code == SR_OK && play->failed == 0)
		sr_player_close(player);
	if (play->failed != 0)
		return cli_fail_text(SR_IO, "the output cannot be written: %s", strerror(play->failed));
	return cli_fail(&play->result);
}

int cli_play(struct cli *cli, int argc, char **argv)
{
	struct play play = {.cli = cli, .fd = -1, .read = {.track = 1, .length = UINT64_MAX, .data = on_data}};
	cli->reconnect_ms = RETRY_S * 1000u;
	int status = cli_parse(cli, &argp, argc, argv, &play);
	if (status >= 0)
		return status;
	sr_blocking *blocking = cli_connect(cli, &status);
	if (!blocking)
		return status;
	sr_client_on_trying(sr_blocking_client(blocking), on_trying, &play);
	status = open_output(&play);
	if (status == CLI_DONE)
		status = play_track(&play, blocking);
	status = close_output(&play, status);
	sr_blocking_close(blocking);
	return status;
}
