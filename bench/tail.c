/*
 * bench-tail: recordings that are read while they are written. Each is written at the pace of a call on one connection
 * and followed on another; it says how long bytes took from being written until they came out, opened and checked, and
 * until they were acknowledged as durable. Every byte is compared. Connects as common.h says.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "histogram.h"

#define WRITE_MS 100
#define WRITE_SIZE 25000 /* 2 Mbit/s */
#define CALLS_MAX 64     /* as many streams as a session has */

struct call {
	unsigned number;
	uint8_t recording[SR_ID];
	sr_writer *writer;
	sr_player *player;
	uv_timer_t timer;
	uint64_t written, writes;
	uint64_t durable, read; /* bytes */
	double *at_ms;          /* when each write was */
};

static struct {
	sr_client *writing, *reading;
	uv_loop_t *loop;
	struct call *calls;
	unsigned count, over;
	uint64_t writes; /* of each call */
	struct bench_histogram read, durable;
} run;

static double now_ms(void)
{
	return bench_now().wall * 1e3;
}

/* The byte at a position: no two calls have the same, and no two pieces of one. */
static uint8_t content(const struct call *call, uint64_t at)
{
	return (uint8_t)((at * 2654435761u >> 8) ^ at ^ call->number);
}

/* Bytes up to `to` have come: the time of each write that ends among them. */
static void arrived(struct call *call, struct bench_histogram *times, uint64_t *from, uint64_t to)
{
	double now = now_ms();
	for (uint64_t write = *from / WRITE_SIZE; write < to / WRITE_SIZE; write++)
		bench_histogram_add(times, now - call->at_ms[write]);
	*from = to;
}

/* ---- following ---- */

static void on_data(void *context, const uint8_t *data, size_t size)
{
	struct call *call = context;
	for (size_t at = 0; at < size; at++)
		if (data[at] != content(call, call->read + at))
			bench_die("not the bytes that were written");
	arrived(call, &run.read, &call->read, call->read + size);
}

static void on_read(void *context, const struct sr_result *result, uint64_t bytes, bool finished)
{
	struct call *call = context;
	bench_must(result->code, "follow", result);
	if (!finished || bytes != run.writes * WRITE_SIZE || call->read != bytes)
		bench_die("not all that was written was read");
	sr_player_close(call->player);
	run.over++;
}

static void on_player(void *context, const struct sr_result *result, sr_player *player)
{
	struct call *call = context;
	const struct sr_result none = {0};
	const struct sr_read_options options = {
		.track = sr_writer_track(call->writer), .length = UINT64_MAX, .follow = true, .data = on_data};
	bench_must(result->code, "play", result);
	call->player = player;
	bench_must(sr_play_read(player, &options, on_read, call, NULL), "follow", &none);
}

/* ---- writing ---- */

static void on_finished(void *context, const struct sr_result *result)
{
	(void)context;
	bench_must(result->code, "finish", result);
}

static void on_closed(void *context, const struct sr_result *result)
{
	struct call *call = context;
	bench_must(result->code, "close", result);
	bench_must(sr_record_finish(run.writing, call->recording, on_finished, call, NULL), "finish", result);
}

static void on_durable(void *context, uint64_t durable)
{
	struct call *call = context;
	arrived(call, &run.durable, &call->durable, durable);
}

static void on_timer(uv_timer_t *timer)
{
	struct call *call = timer->data;
	const struct sr_result none = {0};
	uint8_t piece[WRITE_SIZE];
	for (size_t at = 0; at < sizeof piece; at++)
		piece[at] = content(call, call->written + at);
	call->at_ms[call->writes++] = now_ms();
	bench_must(sr_write(call->writer, piece, sizeof piece, SR_NO_TIME), "write", &none);
	call->written += sizeof piece;
	if (call->writes < run.writes)
		return;
	(void)uv_timer_stop(timer);
	uv_close((uv_handle_t *)timer, NULL);
	bench_must(sr_writer_close(call->writer, on_closed, call), "close", &none);
	call->writer = NULL;
}

static void on_ended(void *context, const struct sr_result *result)
{
	(void)context;
	bench_must(result->code, "stream", result);
}

static void on_writer(void *context, const struct sr_result *result, sr_writer *writer)
{
	struct call *call = context;
	const struct sr_result none = {0};
	bench_must(result->code, "track", result);
	call->writer = writer;
	sr_writer_on_durable(writer, on_durable, call);
	sr_writer_on_ended(writer, on_ended, call);
	bench_must(sr_play_open(run.reading, call->recording, on_player, call, NULL), "play", &none);
	/* Calls are out of step with each other, so that their segments close at different moments. */
	call->timer.data = call;
	(void)uv_timer_init(run.loop, &call->timer);
	(void)uv_timer_start(&call->timer, on_timer, call->number * WRITE_MS / run.count + WRITE_MS, WRITE_MS);
}

static void on_recording(void *context, const struct sr_result *result)
{
	struct call *call = context;
	const struct sr_result none = {0};
	struct sr_track_options track = {.media_type = "application/octet-stream"};
	bench_must(result->code, "record", result);
	memcpy(track.recording, call->recording, SR_ID);
	bench_must(sr_track_open(run.writing, &track, on_writer, call, NULL), "track", &none);
}

static void begin(struct call *call)
{
	struct sr_recording_options recording = {0};
	const struct sr_result none = {0};
	call->at_ms = calloc(run.writes, sizeof *call->at_ms);
	if (!call->at_ms)
		bench_die("memory is used up");
	sr_id_new(call->recording);
	memcpy(recording.recording, call->recording, SR_ID);
	bench_must(sr_record_open(run.writing, &recording, on_recording, call, NULL), "record", &none);
}

/* ---- the run ---- */

static void on_connected(void *context, const struct sr_result *result)
{
	(void)context;
	bench_must(result->code, "connect", result);
	for (unsigned at = 0; at < run.count; at++)
		begin(&run.calls[at]);
}

/* A second client on the loop of the first. */
static void connect_writing(void)
{
	struct sr_result result = {0};
	const struct sr_client_options options = {
		.server = getenv("SEALREEL_SERVER"),
		.credential = getenv("SEALREEL_CREDENTIAL"),
		.grant = getenv("SEALREEL_GRANT"),
	};
	bench_must(sr_client_new(run.loop, &options, &run.writing, &result), "client", &result);
	bench_must(sr_connect(run.writing, on_connected, NULL, NULL), "connect", &result);
}

static void on_client_closed(void *context)
{
	*(bool *)context = true;
}

int main(int argc, char **argv)
{
	unsigned long count = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long seconds = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	bool closed = false;
	if (count == 0 || count > CALLS_MAX || seconds == 0 || seconds > 3600)
		bench_die("usage: bench-tail CALLS SECONDS");
	sr_blocking *blocking = bench_connect();
	run.loop = sr_blocking_loop(blocking);
	run.reading = sr_blocking_client(blocking);
	run.count = (unsigned)count;
	run.writes = seconds * 1000 / WRITE_MS;
	run.calls = calloc(run.count, sizeof *run.calls);
	if (!run.calls)
		bench_die("memory is used up");
	for (unsigned at = 0; at < run.count; at++)
		run.calls[at].number = at;
	connect_writing();
	while (run.over < run.count)
		(void)uv_run(run.loop, UV_RUN_ONCE);
	printf("writes=%" PRIu64 " p50=%.1f p99=%.1f max=%.1f durable_p50=%.1f durable_p99=%.1f\n", run.read.count,
	       bench_histogram_at(&run.read, 50), bench_histogram_at(&run.read, 99), run.read.max,
	       bench_histogram_at(&run.durable, 50), bench_histogram_at(&run.durable, 99));
	sr_client_close(run.writing, on_client_closed, &closed);
	while (!closed)
		(void)uv_run(run.loop, UV_RUN_ONCE);
	sr_blocking_close(blocking);
	for (unsigned at = 0; at < run.count; at++)
		free(run.calls[at].at_ms);
	free(run.calls);
	return 0;
}
