/*
 * The crowd's clients of sealreel: libsealreel's blocking face, one to a thread. Connects as SEALREEL_SERVER,
 * SEALREEL_CREDENTIAL and SEALREEL_GRANT say.
 */
#include <stdlib.h>

#include "common.h"
#include "crowd.h"

#define TRACK 1 /* of the recording, which has no other */

struct connection {
	sr_blocking *blocking;
	sr_player *player;
	crowd_sink *sink;
	void *context;
	struct sr_result result;
	uint64_t bytes;
	bool done;
};

static uint8_t recording[SR_ID];

static void prepare(char **words)
{
	if (!sr_id_parse(words[0], recording))
		bench_die("%s is no recording", words[0]);
}

static void *open_connection(void)
{
	struct connection *connection = calloc(1, sizeof *connection);
	if (!connection)
		bench_die("memory is used up");
	connection->blocking = bench_connect();
	return connection;
}

static void close_connection(void *opaque)
{
	struct connection *connection = opaque;
	sr_blocking_close(connection->blocking);
	free(connection);
}

static void open_recording(void *opaque)
{
	struct connection *connection = opaque;
	struct sr_result result = {0};
	bench_must(sr_blocking_play_open(connection->blocking, recording, &connection->player, &result), "play",
		   &result);
	const struct sr_recording_info *info = sr_player_info(connection->player);
	if (info->track_count != 1 || info->tracks[0].track != TRACK)
		bench_die("the recording has not one track");
}

static void close_recording(void *opaque)
{
	struct connection *connection = opaque;
	sr_player_close(connection->player);
	connection->player = NULL;
}

static void on_data(void *opaque, const uint8_t *data, size_t size)
{
	struct connection *connection = opaque;
	connection->bytes += size;
	connection->sink(connection->context, data, size);
}

static void on_done(void *opaque, const struct sr_result *result, uint64_t bytes, bool finished)
{
	struct connection *connection = opaque;
	(void)bytes;
	(void)finished;
	connection->result = *result;
	connection->done = true;
}

static void expect(struct connection *connection, crowd_sink *sink, void *context)
{
	connection->sink = sink;
	connection->context = context;
	connection->bytes = 0;
	connection->done = false;
}

static void await(struct connection *connection, uint64_t length)
{
	while (!connection->done)
		(void)uv_run(sr_blocking_loop(connection->blocking), UV_RUN_ONCE);
	bench_must(connection->result.code, "read", &connection->result);
	if (connection->bytes != length)
		bench_die("not as many bytes came as were asked for");
}

static void read_range(void *opaque, uint64_t from, uint64_t length, crowd_sink *sink, void *context)
{
	struct connection *connection = opaque;
	const struct sr_read_options options = {.track = TRACK, .from = from, .length = length, .data = on_data};
	expect(connection, sink, context);
	bench_must(sr_play_read(connection->player, &options, on_done, connection, NULL), "read", &connection->result);
	await(connection, length);
}

static void on_started(void *opaque, const struct sr_result *result, sr_player *player)
{
	struct connection *connection = opaque;
	bench_must(result->code, "play", result);
	connection->player = player;
}

static void start(void *opaque, uint64_t from, uint64_t length, crowd_sink *sink, void *context)
{
	struct connection *connection = opaque;
	const struct sr_read_options options = {.track = TRACK, .from = from, .length = length, .data = on_data};
	expect(connection, sink, context);
	bench_must(sr_play_start(sr_blocking_client(connection->blocking), recording, &options, on_started, on_done,
				 connection, NULL),
		   "play", &connection->result);
	await(connection, length);
}

const struct crowd_server crowd_sealreel = {
	.name = "sealreel",
	.words = 1,
	.prepare = prepare,
	.connect = open_connection,
	.disconnect = close_connection,
	.open = open_recording,
	.close = close_recording,
	.read = read_range,
	.start = start,
};
