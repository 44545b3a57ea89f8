/*
 * Reads one track of a recording to its end through libsealreel, and says how long that took. Each byte has been
 * opened and checked when it gets here; it is then dropped, or written to stdout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

struct reading {
	bool put; /* write to stdout what comes */
	bool done;
	uint64_t bytes;
	struct sr_result result;
};

static void on_data(void *context, const uint8_t *data, size_t size)
{
	struct reading *reading = context;
	reading->bytes += size;
	if (reading->put)
		bench_put(data, size);
}

static void on_done(void *context, const struct sr_result *result, uint64_t bytes, bool finished)
{
	struct reading *reading = context;
	(void)bytes;
	(void)finished;
	reading->result = *result;
	reading->done = true;
}

static void read_track(sr_blocking *blocking, sr_player *player, uint16_t track, struct reading *reading)
{
	const struct sr_read_options options = {.track = track, .length = UINT64_MAX, .data = on_data};
	bench_must(sr_play_read(player, &options, on_done, reading, NULL), "read", &reading->result);
	while (!reading->done)
		(void)uv_run(sr_blocking_loop(blocking), UV_RUN_ONCE);
	bench_must(reading->result.code, "read", &reading->result);
}

int main(int argc, char **argv)
{
	struct reading reading = {.put = argc == 3 && strcmp(argv[2], "-") == 0};
	struct sr_result result = {0};
	uint8_t recording[SR_ID];
	sr_player *player = NULL;
	if (argc < 2 || argc > 3 || (argc == 3 && !reading.put) || !sr_id_parse(argv[1], recording))
		bench_die("usage: bench-read RECORDING [-]");

	struct bench_clock began = bench_now();
	sr_blocking *blocking = bench_connect();
	bench_must(sr_blocking_play_open(blocking, recording, &player, &result), "play", &result);
	const struct sr_recording_info *info = sr_player_info(player);
	if (info->track_count != 1)
		bench_die("the recording has %zu tracks, not one", info->track_count);
	uint64_t length = info->tracks[0].length;
	read_track(blocking, player, info->tracks[0].track, &reading);
	bench_tell(&began, reading.bytes, reading.put);

	sr_player_close(player);
	sr_blocking_close(blocking);
	if (reading.bytes != length)
		bench_die("the track has %llu bytes, but %llu came", (unsigned long long)length,
			  (unsigned long long)reading.bytes);
	return 0;
}
