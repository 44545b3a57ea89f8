/*
 * bench-sessions: so many sessions at once, first idle, then each with a stream from which it reads slowly. Says on
 * stdout when all are idle and when all stream, each time waiting for a line on stdin before it goes on: for a script
 * that looks at the daemon meanwhile. Connects as common.h says.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common.h"

/* One address may have 64 handshakes with the daemon under way, of which the last step is not waited for here. */
#define AT_ONCE 25
#define SLOWLY_MS 1000 /* between two pieces that a reader takes */

struct reader {
	sr_client *client;
	sr_player *player;
	uv_timer_t timer;
	uint64_t pieces;
};

static struct {
	uv_loop_t loop;
	struct reader *readers;
	unsigned count, begun, ready, streaming;
	uint8_t recording[SR_ID];
	bool asked; /* a line has come */
} run;

static const struct sr_result none;

/* ---- streaming ---- */

static void on_timer(uv_timer_t *timer)
{
	struct reader *reader = timer->data;
	sr_play_pause(reader->player, false);
}

static void on_data(void *context, const uint8_t *data, size_t size)
{
	struct reader *reader = context;
	(void)data;
	(void)size;
	if (reader->pieces++ == 0)
		run.streaming++;
	sr_play_pause(reader->player, true);
}

static void on_read(void *context, const struct sr_result *result, uint64_t bytes, bool finished)
{
	(void)context;
	(void)bytes;
	(void)finished;
	bench_must(result->code, "read", result);
	bench_die("the recording is too short: it was read to its end");
}

static void on_player(void *context, const struct sr_result *result, sr_player *player)
{
	struct reader *reader = context;
	bench_must(result->code, "play", result);
	reader->player = player;
	const struct sr_read_options options = {
		.track = sr_player_info(player)->tracks[0].track, .length = UINT64_MAX, .data = on_data};
	bench_must(sr_play_read(player, &options, on_read, reader, NULL), "read", &none);
	reader->timer.data = reader;
	(void)uv_timer_init(&run.loop, &reader->timer);
	/* Out of step with each other. */
	uint64_t first = (uint64_t)(reader - run.readers) * SLOWLY_MS / run.count;
	(void)uv_timer_start(&reader->timer, on_timer, SLOWLY_MS + first, SLOWLY_MS);
}

/* ---- sessions ---- */

static void connect_next(void);

static void on_lost(void *context, const struct sr_result *result)
{
	(void)context;
	bench_must(result->code, "session", result);
	bench_die("a session was ended");
}

static void on_connected(void *context, const struct sr_result *result)
{
	(void)context;
	bench_must(result->code, "connect", result);
	run.ready++;
	connect_next();
}

static void connect_next(void)
{
	const struct sr_client_options options = {
		.server = getenv("SEALREEL_SERVER"),
		.credential = getenv("SEALREEL_CREDENTIAL"),
		.grant = getenv("SEALREEL_GRANT"),
	};
	struct sr_result result = {0};
	if (run.begun == run.count)
		return;
	struct reader *reader = &run.readers[run.begun++];
	bench_must(sr_client_new(&run.loop, &options, &reader->client, &result), "client", &result);
	sr_client_on_lost(reader->client, on_lost, reader);
	bench_must(sr_connect(reader->client, on_connected, reader, NULL), "connect", &result);
}

/* ---- the run ---- */

static void on_input(uv_poll_t *poll, int status, int events)
{
	char line[64];
	(void)events;
	if (status != 0 || !fgets(line, sizeof line, stdin))
		(void)uv_poll_stop(poll);
	run.asked = true;
}

/* Say it, and let everything go on until a line comes. */
static void pause_at(const char *what)
{
	puts(what);
	(void)fflush(stdout);
	run.asked = false;
	while (!run.asked)
		(void)uv_run(&run.loop, UV_RUN_ONCE);
}

int main(int argc, char **argv)
{
	uv_poll_t input;
	unsigned long count = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	if (count == 0 || count > 10000 || !sr_id_parse(argv[2], run.recording))
		bench_die("usage: bench-sessions COUNT RECORDING");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setvbuf(stdin, NULL, _IONBF, 0);
	run.count = (unsigned)count;
	run.readers = calloc(run.count, sizeof *run.readers);
	if (!run.readers || uv_loop_init(&run.loop) != 0 || uv_poll_init(&run.loop, &input, 0) != 0)
		bench_die("the loop cannot be prepared");
	(void)uv_poll_start(&input, UV_READABLE, on_input);
	for (unsigned at = 0; at < AT_ONCE; at++)
		connect_next();
	while (run.ready < run.count)
		(void)uv_run(&run.loop, UV_RUN_ONCE);
	pause_at("idle");
	for (unsigned at = 0; at < run.count; at++)
		bench_must(sr_play_open(run.readers[at].client, run.recording, on_player, &run.readers[at], NULL),
			   "play", &none);
	while (run.streaming < run.count)
		(void)uv_run(&run.loop, UV_RUN_ONCE);
	pause_at("streaming");
	/* The end of the process ends the sessions. */
	return 0;
}
