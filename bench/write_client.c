/*
 * Records a file as one track through libsealreel, and says how long that took: from before connecting until the
 * daemon has acknowledged the finish, when all of it is durable. With PIECE, each so many bytes are a segment of their
 * own, as half a second of a call is. The first line of output is the recording's id.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

#define PIECE ((size_t)1 << 20) /* as dd's bs=1M */

/* Write the whole file to the track, in segments of `segment` bytes if that is not 0; the number of its bytes. */
static uint64_t write_file(sr_blocking *blocking, sr_writer *writer, int file, size_t segment)
{
	struct sr_result result = {0};
	uint64_t bytes = 0;
	ssize_t got;
	uint8_t *piece = malloc(PIECE);
	if (!piece)
		bench_die("memory is used up");
	while ((got = read(file, piece, segment ? segment : PIECE)) > 0) {
		bench_must(sr_blocking_write(blocking, writer, piece, (size_t)got, SR_NO_TIME, &result), "write",
			   &result);
		if (segment)
			bench_must(sr_blocking_sync(blocking, writer, &result), "sync", &result);
		bytes += (uint64_t)got;
	}
	if (got < 0)
		bench_die("the file cannot be read");
	free(piece);
	return bytes;
}

int main(int argc, char **argv)
{
	struct sr_recording_options recording = {0};
	struct sr_track_options track = {.media_type = "application/octet-stream"};
	struct sr_result result = {0};
	char text[SR_ID_TEXT];
	sr_writer *writer = NULL;
	int file = argc == 2 || argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	size_t segment = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	if (file < 0 || segment > PIECE || (argc == 3 && segment == 0))
		bench_die("usage: bench-write FILE [PIECE]: a file that can be read, and 1 to %zu bytes", PIECE);
	sr_id_new(recording.recording);
	memcpy(track.recording, recording.recording, SR_ID);

	struct bench_clock began = bench_now();
	sr_blocking *blocking = bench_connect();
	bench_must(sr_blocking_record_open(blocking, &recording, &result), "record", &result);
	bench_must(sr_blocking_track_open(blocking, &track, &writer, &result), "track", &result);
	uint64_t bytes = write_file(blocking, writer, file, segment);
	bench_must(sr_blocking_writer_close(blocking, writer, &result), "close", &result);
	bench_must(sr_blocking_finish(blocking, recording.recording, &result), "finish", &result);
	sr_id_format(recording.recording, text);
	puts(text);
	bench_tell(&began, bytes, false);

	sr_blocking_close(blocking);
	(void)close(file);
	return 0;
}
