/* The blocking face, against a daemon on a thread of its own: what is written is what is read. */
#include "fake_playing.h"
#include "fake_taker.h"

/* A fake daemon whose loop turns on another thread until it is told to end. */
struct served {
	struct taker taker;
	struct fake_recording recording;
	uv_thread_t thread;
	uv_async_t end;
};

static void on_end(uv_async_t *end)
{
	uv_stop(end->loop);
}

static void serve(void *context)
{
	struct served *served = context;
	(void)uv_run(&served->taker.fake.loop, UV_RUN_DEFAULT);
}

static sr_blocking *start(struct served *served, fake_script *script, void *context)
{
	struct sr_result result;
	sr_blocking *blocking;
	struct sr_client_options options = {.grant = FAKE_GRANT};
	served->taker = (struct taker){.ack_every = SR_APPEND_MAX, .bytes = malloc(8u << 20)};
	make_recording(&served->recording);
	fake_start(&served->taker.fake, script, context, NULL);
	cr_assert_eq(uv_async_init(&served->taker.fake.loop, &served->end, on_end), 0);
	cr_assert_eq(uv_thread_create(&served->thread, serve, served), 0);
	options.credential = served->taker.fake.credential_path;
	cr_assert_eq(sr_blocking_open(&options, &blocking, &result), SR_OK, "%s", result.text);
	return blocking;
}

static void stop(struct served *served, sr_blocking *blocking)
{
	sr_blocking_close(blocking);
	cr_assert_eq(uv_async_send(&served->end), 0);
	cr_assert_eq(uv_thread_join(&served->thread), 0);
	uv_close((uv_handle_t *)&served->end, NULL);
	fake_stop(&served->taker.fake);
	free_recording(&served->recording);
	free(served->taker.bytes);
}

Test(client_blocking, a_write_of_many_windows_waits_for_room)
{
	struct served served;
	struct sr_result result;
	sr_writer *writer;
	size_t size = 5 * WINDOW + 77;
	uint8_t *data = malloc(size);
	sr_blocking *blocking = start(&served, taker_script, &served.taker);
	const struct sr_recording_options recording = {.label = "blocking"};
	const struct sr_track_options track = {.media_type = "audio/webm"};
	randombytes_buf(data, size);
	cr_assert_eq(sr_blocking_record_open(blocking, &recording, &result), SR_OK);
	cr_assert_eq(sr_blocking_track_open(blocking, &track, &writer, &result), SR_OK);
	cr_assert_eq(sr_blocking_write(blocking, writer, data, size, 5, &result), SR_OK);
	cr_assert_eq(sr_blocking_sync(blocking, writer, &result), SR_OK);
	cr_assert_eq(sr_writer_durable(writer), size);
	cr_assert_eq(sr_blocking_writer_close(blocking, writer, &result), SR_OK);
	stop(&served, blocking);
	free(data);
	cr_assert_eq(served.taker.got, size);
	cr_assert_eq(served.taker.first_media_time, 5);
}

Test(client_blocking, reads_equal_the_source)
{
	struct served served;
	struct sr_result result;
	sr_player *player;
	uint8_t out[3 * SR_CHUNK];
	size_t got;
	sr_blocking *blocking = start(&served, play_script, &served.recording);
	uint64_t length = served.recording.tracks[0].length;
	cr_assert_eq(sr_blocking_play_open(blocking, served.recording.id, &player, &result), SR_OK);
	for (uint64_t at = 0; at < length; at += sizeof out) {
		size_t want = length - at < sizeof out ? (size_t)(length - at) : sizeof out;
		cr_assert_eq(sr_blocking_read(blocking, player, 1, at, out, sizeof out, &got, &result), SR_OK);
		cr_assert_eq(got, want);
		cr_assert_eq(memcmp(out, served.recording.tracks[0].plain + at, got), 0);
	}
	cr_assert_eq(sr_blocking_read(blocking, player, 1, length, out, 1, &got, &result), SR_OK);
	cr_assert_eq(got, 0);
	cr_assert_eq(sr_blocking_read(blocking, player, 9, 0, out, 1, &got, &result), SR_NOT_FOUND);
	cr_assert_neq(result.text[0], '\0');
	stop(&served, blocking);
}

Test(client_blocking, a_start_opens_and_reads)
{
	struct served served;
	struct sr_result result;
	sr_player *player;
	uint8_t out[3 * SR_CHUNK];
	size_t got;
	sr_blocking *blocking = start(&served, play_script, &served.recording);
	struct sr_blocking_range range = {.track = 1, .from = 5, .out = out, .size = sizeof out};
	cr_assert_eq(sr_blocking_play_start(blocking, served.recording.id, &range, &player, &got, &result), SR_OK);
	cr_assert_eq(got, sizeof out);
	cr_assert_eq(memcmp(out, served.recording.tracks[0].plain + 5, got), 0);
	cr_assert_eq(sr_blocking_read(blocking, player, 1, 0, out, 5, &got, &result), SR_OK);
	cr_assert_eq(got, 5);
	sr_player_close(player);
	range.track = 9;
	cr_assert_eq(sr_blocking_play_start(blocking, served.recording.id, &range, &player, &got, &result),
		     SR_NOT_FOUND);
	cr_assert_not_null(player);
	cr_assert_eq(got, 0);
	sr_player_close(player);
	range.size = 0;
	cr_assert_eq(sr_blocking_play_start(blocking, served.recording.id, &range, &player, &got, &result), SR_USAGE);
	cr_assert_null(player);
	served.recording.mutant = OPENED_OTHER_ID;
	range.size = 1;
	cr_assert_eq(sr_blocking_play_start(blocking, served.recording.id, &range, &player, &got, &result), SR_CORRUPT);
	cr_assert_null(player);
	stop(&served, blocking);
}

static void cut_script(struct fake *fake, const struct sr_message_head *head, struct sr_cursor *fields)
{
	if (head->type == SR_MSG_APPEND)
		fake_cut(fake);
	else
		taker_script(fake, head, fields);
}

Test(client_blocking, a_cut_connection_ends_a_waiting_write)
{
	struct served served;
	struct sr_result result;
	sr_writer *writer;
	uint8_t *data = calloc(1, 2 * WINDOW);
	sr_blocking *blocking = start(&served, cut_script, &served.taker);
	const struct sr_track_options track = {.media_type = "audio/webm"};
	cr_assert_eq(sr_blocking_track_open(blocking, &track, &writer, &result), SR_OK);
	cr_assert_eq(sr_blocking_write(blocking, writer, data, 2 * WINDOW, 5, &result), SR_UNAVAILABLE);
	cr_assert_neq(result.text[0], '\0');
	cr_assert_eq(sr_blocking_writer_close(blocking, writer, &result), SR_UNAVAILABLE);
	stop(&served, blocking);
	free(data);
}
