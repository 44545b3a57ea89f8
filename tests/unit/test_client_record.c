/* A writer against a scripted daemon: its window, its splitting, its syncs, its ends; and the rules of callbacks. */
#include <sys/stat.h>

#include "fake_taker.h"

static void on_writer(void *context, const struct sr_result *result, sr_writer *writer)
{
	struct taker *taker = context;
	cr_assert_eq(writer != NULL, result->code == SR_OK);
	taker->writer = writer;
	fake_on_done(&taker->fake, result);
}

static void on_room(void *context)
{
	((struct taker *)context)->rooms++;
}

static void on_durable(void *context, uint64_t durable)
{
	struct taker *taker = context;
	taker->durables++;
	cr_assert_eq(durable, sr_writer_durable(taker->writer));
}

static void on_ended(void *context, const struct sr_result *result)
{
	struct taker *taker = context;
	taker->endings++;
	taker->ending = *result;
}

static void on_counted(void *context, const struct sr_result *result)
{
	struct taker *taker = context;
	cr_assert_eq(result->code, SR_OK, "%s", result->text);
	taker->dones++;
}

static void on_never(void *context, const struct sr_result *result)
{
	(void)context;
	cr_assert_fail("a callback ran that may not: %s", result->text);
}

static void start(struct taker *taker, const struct sr_client_options *options)
{
	*taker = (struct taker){.ack_every = SR_APPEND_MAX};
	taker->bytes = malloc(8u << 20);
	fake_start(&taker->fake, taker_script, taker, options);
	fake_connect(&taker->fake);
}

static void stop(struct taker *taker)
{
	fake_stop(&taker->fake);
	free(taker->bytes);
}

static enum sr_code open_track(struct taker *taker)
{
	const struct sr_track_options options = {.media_type = "audio/webm", .label = "left"};
	cr_assert_eq(sr_track_open(taker->fake.client, &options, on_writer, taker, NULL), SR_OK);
	enum sr_code code = fake_wait(&taker->fake);
	if (code == SR_OK) {
		sr_writer_on_room(taker->writer, on_room, taker);
		sr_writer_on_durable(taker->writer, on_durable, taker);
		sr_writer_on_ended(taker->writer, on_ended, taker);
	}
	return code;
}

static void turn_until_durable(struct taker *taker, uint64_t durable)
{
	while (sr_writer_durable(taker->writer) < durable)
		(void)uv_run(&taker->fake.loop, UV_RUN_ONCE);
}

Test(client_record, what_is_written_arrives_split_and_in_order)
{
	struct taker taker;
	uint8_t data[2 * SR_APPEND_MAX + 7];
	start(&taker, NULL);
	randombytes_buf(data, sizeof data);
	cr_assert_eq(open_track(&taker), SR_OK);
	cr_assert_eq(sr_writer_track(taker.writer), 3);
	cr_assert_eq(sr_write(taker.writer, data, sizeof data, 1234), SR_OK);
	cr_assert_eq(sr_writer_pending(taker.writer), sizeof data);
	cr_assert_eq(sr_writer_room(taker.writer), WINDOW - sizeof data);
	cr_assert_eq(sr_writer_sync(taker.writer, fake_on_done, &taker.fake, NULL), SR_OK);
	cr_assert_eq(fake_wait(&taker.fake), SR_OK);
	cr_assert_eq(taker.appends, 3);
	cr_assert_eq(taker.first_media_time, 1234);
	cr_assert_eq(taker.last_media_time, SR_NO_MEDIA_TIME);
	cr_assert_eq(taker.got, sizeof data);
	cr_assert_eq(memcmp(taker.bytes, data, sizeof data), 0);
	cr_assert_eq(sr_writer_durable(taker.writer), sizeof data);
	cr_assert_eq(sr_writer_pending(taker.writer), 0);
	cr_assert_eq(taker.durables, 3);
	stop(&taker);
}

Test(client_record, the_window_holds_and_tells_when_it_opens)
{
	struct taker taker;
	uint8_t *data = calloc(1, WINDOW + 1);
	start(&taker, NULL);
	taker.ack_every = NEVER_ACKS;
	cr_assert_eq(open_track(&taker), SR_OK);
	cr_assert_eq(sr_write(taker.writer, data, WINDOW + 1, SR_NO_TIME), SR_BUSY);
	cr_assert_eq(sr_writer_pending(taker.writer), 0, "part of what did not fit was taken");
	cr_assert_eq(sr_write(taker.writer, data, WINDOW, SR_NO_TIME), SR_OK);
	cr_assert_eq(sr_writer_room(taker.writer), 0);
	cr_assert_eq(sr_write(taker.writer, data, 1, SR_NO_TIME), SR_BUSY);
	cr_assert_eq(sr_write(taker.writer, data, 0, SR_NO_TIME), SR_OK);
	cr_assert_eq(taker.rooms, 0);
	cr_assert_eq(sr_writer_sync(taker.writer, on_counted, &taker, NULL), SR_OK);
	turn_until_durable(&taker, WINDOW);
	cr_assert_eq(taker.rooms, 1);
	cr_assert_eq(taker.dones, 1);
	cr_assert_eq(sr_writer_room(taker.writer), WINDOW);
	taker.ack_every = 1;
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(sr_write(taker.writer, data, 1, SR_NO_TIME), SR_OK);
		turn_until_durable(&taker, WINDOW + 1 + (uint64_t)i);
	}
	cr_assert_eq(taker.rooms, 1, "there was room all along");
	stop(&taker);
	free(data);
}

/* Have the kernel take no more than so much at a time from whoever is connected. */
static void make_narrow(uv_handle_t *handle, void *room)
{
	uv_os_fd_t fd;
	if (handle->type == UV_NAMED_PIPE && uv_fileno(handle, &fd) == 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, room, sizeof(int));
}

static void note_waiting(uv_handle_t *handle, void *waits)
{
	if (handle->type == UV_NAMED_PIPE && uv_stream_get_write_queue_size((uv_stream_t *)handle) > 0)
		*(bool *)waits = true;
}

Test(client_record, what_the_kernel_takes_in_pieces_arrives_whole)
{
	struct taker taker;
	uint8_t *data = malloc(WINDOW);
	randombytes_buf(data, WINDOW);
	for (int room = 4096; room <= 65536; room *= 2) {
		bool waits = false;
		start(&taker, NULL);
		cr_assert_eq(open_track(&taker), SR_OK);
		uv_walk(&taker.fake.loop, make_narrow, &room);
		cr_assert_eq(sr_write(taker.writer, data, WINDOW, SR_NO_TIME), SR_OK);
		uv_walk(&taker.fake.loop, note_waiting, &waits);
		cr_assert(waits, "the kernel took all of it at once");
		turn_until_durable(&taker, WINDOW);
		cr_assert_eq(memcmp(taker.bytes, data, WINDOW), 0);
		stop(&taker);
	}
	free(data);
}

Test(client_record, who_was_refused_hears_of_room_although_there_was_some)
{
	struct taker taker;
	uint8_t *data = calloc(1, WINDOW);
	start(&taker, NULL);
	taker.ack_every = NEVER_ACKS;
	cr_assert_eq(open_track(&taker), SR_OK);
	cr_assert_eq(sr_write(taker.writer, data, WINDOW - 5, SR_NO_TIME), SR_OK);
	cr_assert_eq(sr_write(taker.writer, data, 6, SR_NO_TIME), SR_BUSY);
	cr_assert_eq(sr_writer_room(taker.writer), 5);
	cr_assert_eq(sr_writer_sync(taker.writer, on_counted, &taker, NULL), SR_OK);
	turn_until_durable(&taker, WINDOW - 5);
	cr_assert_eq(taker.rooms, 1);
	/* Whoever writes less instead waits no more. */
	cr_assert_eq(sr_write(taker.writer, data, WINDOW + 1, SR_NO_TIME), SR_BUSY);
	cr_assert_eq(sr_write(taker.writer, data, 6, SR_NO_TIME), SR_OK);
	cr_assert_eq(sr_writer_sync(taker.writer, on_counted, &taker, NULL), SR_OK);
	turn_until_durable(&taker, WINDOW + 1);
	cr_assert_eq(taker.rooms, 1);
	stop(&taker);
	free(data);
}

Test(client_record, syncs_go_one_at_a_time_and_all_are_answered)
{
	struct taker taker;
	start(&taker, NULL);
	taker.holds_syncs = true;
	cr_assert_eq(open_track(&taker), SR_OK);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(sr_writer_sync(taker.writer, on_counted, &taker, NULL), SR_OK);
	for (unsigned i = 0; i < 3; i++) {
		while (taker.syncs == i)
			(void)uv_run(&taker.fake.loop, UV_RUN_ONCE);
		cr_assert_eq(taker.syncs, i + 1);
		cr_assert_eq(taker.dones, i);
		fake_durable(&taker.fake, SR_MSG_SYNCED, &taker.pending_sync, taker.got);
		while (taker.dones == i)
			(void)uv_run(&taker.fake.loop, UV_RUN_ONCE);
	}
	stop(&taker);
}

Test(client_record, closing_syncs_first_and_drops_nothing)
{
	struct taker taker;
	start(&taker, NULL);
	taker.ack_every = NEVER_ACKS;
	cr_assert_eq(open_track(&taker), SR_OK);
	cr_assert_eq(sr_write(taker.writer, "four", 4, SR_NO_TIME), SR_OK);
	cr_assert_eq(sr_writer_sync(taker.writer, on_counted, &taker, NULL), SR_OK);
	cr_assert_eq(sr_writer_close(taker.writer, fake_on_done, &taker.fake), SR_OK);
	cr_assert_eq(fake_wait(&taker.fake), SR_OK);
	cr_assert_eq(taker.dones, 1);
	cr_assert_eq(taker.syncs, 2);
	cr_assert_eq(taker.acked, 4);
	while (taker.closes == 0)
		(void)uv_run(&taker.fake.loop, UV_RUN_ONCE);
	cr_assert_eq(taker.endings, 0);
	stop(&taker);
}

Test(client_record, a_refused_track_gives_no_writer)
{
	struct taker taker;
	start(&taker, NULL);
	taker.refuses = true;
	cr_assert_eq(open_track(&taker), SR_CONFLICT);
	cr_assert_str_eq(taker.fake.result.text, "scripted");
	taker.refuses = false;
	cr_assert_eq(open_track(&taker), SR_OK);
	stop(&taker);
}

Test(client_record, a_stream_that_ends_says_why_once)
{
	struct taker taker;
	start(&taker, NULL);
	cr_assert_eq(open_track(&taker), SR_OK);
	taker.holds_syncs = true;
	cr_assert_eq(sr_writer_sync(taker.writer, fake_on_done, &taker.fake, NULL), SR_OK);
	while (taker.syncs == 0)
		(void)uv_run(&taker.fake.loop, UV_RUN_ONCE);
	fake_error(&taker.fake, &taker.opened, SR_FROZEN, true);
	cr_assert_eq(fake_wait(&taker.fake), SR_FROZEN, "the sync under way ends with the stream");
	cr_assert_eq(taker.endings, 1);
	cr_assert_eq(taker.ending.code, SR_FROZEN);
	cr_assert_eq(sr_write(taker.writer, "x", 1, SR_NO_TIME), SR_UNAVAILABLE);
	cr_assert_eq(sr_writer_sync(taker.writer, on_never, &taker, NULL), SR_UNAVAILABLE);
	cr_assert_eq(sr_writer_close(taker.writer, on_never, &taker), SR_UNAVAILABLE);
	stop(&taker);
}

Test(client_record, a_cut_connection_fails_everything_once)
{
	struct taker taker;
	start(&taker, NULL);
	taker.ack_every = NEVER_ACKS;
	taker.holds_syncs = true;
	sr_client_on_lost(taker.fake.client, on_ended, &taker);
	cr_assert_eq(open_track(&taker), SR_OK);
	sr_writer_on_ended(taker.writer, NULL, NULL);
	cr_assert_eq(sr_write(taker.writer, "lost", 4, SR_NO_TIME), SR_OK);
	cr_assert_eq(sr_writer_sync(taker.writer, fake_on_done, &taker.fake, NULL), SR_OK);
	while (taker.syncs == 0)
		(void)uv_run(&taker.fake.loop, UV_RUN_ONCE);
	fake_cut(&taker.fake);
	cr_assert_eq(fake_wait(&taker.fake), SR_UNAVAILABLE);
	while (taker.endings == 0)
		(void)uv_run(&taker.fake.loop, UV_RUN_ONCE);
	cr_assert_eq(taker.endings, 1);
	cr_assert_eq(sr_writer_pending(taker.writer), 4);
	cr_assert_eq(sr_write(taker.writer, "x", 1, SR_NO_TIME), SR_UNAVAILABLE);
	cr_assert_eq(sr_writer_close(taker.writer, NULL, NULL), SR_OK);
	stop(&taker);
}

Test(client_record, an_acknowledgement_of_what_was_not_written_ends_it)
{
	struct taker taker;
	start(&taker, NULL);
	taker.lies = 1;
	taker.ack_every = 1;
	cr_assert_eq(open_track(&taker), SR_OK);
	cr_assert_eq(sr_write(taker.writer, "x", 1, SR_NO_TIME), SR_OK);
	while (taker.endings == 0)
		(void)uv_run(&taker.fake.loop, UV_RUN_ONCE);
	cr_assert_eq(taker.ending.code, SR_CORRUPT);
	cr_assert_eq(sr_writer_durable(taker.writer), 0);
	stop(&taker);
}

Test(client_record, cancelled_calls_stay_silent)
{
	struct taker taker;
	sr_call *call;
	const struct sr_track_options options = {.media_type = "audio/webm"};
	start(&taker, NULL);
	cr_assert_eq(sr_record_open(taker.fake.client, &(struct sr_recording_options){0}, on_never, NULL, &call),
		     SR_OK);
	sr_cancel(call);
	cr_assert_eq(sr_track_open(taker.fake.client, &options, (sr_writer_ready *)NULL, NULL, &call), SR_OK);
	sr_cancel(call);
	while (taker.closes == 0)
		(void)uv_run(&taker.fake.loop, UV_RUN_ONCE);
	cr_assert_eq(open_track(&taker), SR_OK);
	cr_assert_eq(sr_writer_sync(taker.writer, on_never, NULL, &call), SR_OK);
	sr_cancel(call);
	cr_assert_eq(sr_writer_sync(taker.writer, fake_on_done, &taker.fake, NULL), SR_OK);
	cr_assert_eq(fake_wait(&taker.fake), SR_OK);
	stop(&taker);
}

Test(client_record, closing_the_client_drops_every_callback)
{
	struct taker taker;
	start(&taker, NULL);
	cr_assert_eq(open_track(&taker), SR_OK);
	cr_assert_eq(sr_writer_sync(taker.writer, on_never, NULL, NULL), SR_OK);
	cr_assert_eq(sr_record_open(taker.fake.client, &(struct sr_recording_options){0}, on_never, NULL, NULL), SR_OK);
	sr_writer_on_ended(taker.writer, on_never, NULL);
	sr_client_on_lost(taker.fake.client, on_never, NULL);
	stop(&taker);
}

/* A token whose claims say no more than when it ends. */
static ssize_t grant_callback(void *context, bool renewal, char *token, size_t capacity)
{
	struct taker *taker = context;
	char claims[64];
	char encoded[128];
	cr_assert_eq(renewal, taker->grants > 0);
	taker->grants++;
	int size = snprintf(claims, sizeof claims, "{\"exp\": %lld}", (long long)time(NULL) + taker->grant_life);
	sodium_bin2base64(encoded, sizeof encoded, (const uint8_t *)claims, (size_t)size,
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return snprintf(token, capacity, "e30.%s.c2ln", encoded);
}

Test(client_record, a_grant_is_renewed_before_it_ends)
{
	struct taker taker;
	const struct sr_client_options options = {.grant_callback = grant_callback, .grant_context = &taker};
	start(&taker, &options);
	taker.grant_life = 2;
	cr_assert_eq(open_track(&taker), SR_OK);
	cr_assert_eq(taker.grants, 1);
	while (taker.renewals == 0)
		(void)uv_run(&taker.fake.loop, UV_RUN_ONCE);
	cr_assert_eq(taker.grants, 2);
	cr_assert_eq(sr_writer_sync(taker.writer, fake_on_done, &taker.fake, NULL), SR_OK);
	cr_assert_eq(fake_wait(&taker.fake), SR_OK);
	cr_assert_eq(taker.renewals, 1, "the next one is half an hour away");
	stop(&taker);
}

Test(client_record, what_makes_no_sense_is_refused_before_it_is_sent)
{
	struct taker taker;
	char long_label[SR_LABEL_MAX + 2];
	const struct sr_client_options none = {0};
	start(&taker, &none);
	memset(long_label, 'x', sizeof long_label - 1);
	long_label[sizeof long_label - 1] = '\0';
	const struct sr_recording_options labelled = {.label = long_label};
	const struct sr_track_options untyped = {.media_type = ""};
	const struct sr_track_options typed = {.media_type = "audio/webm"};
	cr_assert_eq(sr_record_open(taker.fake.client, &labelled, on_never, NULL, NULL), SR_USAGE);
	cr_assert_eq(sr_track_open(taker.fake.client, &untyped, on_writer, NULL, NULL), SR_USAGE);
	cr_assert_eq(sr_track_open(taker.fake.client, &typed, on_writer, NULL, NULL), SR_UNAUTHENTICATED);
	cr_assert_eq(sr_connect(taker.fake.client, on_never, NULL, NULL), SR_CONFLICT);
	stop(&taker);
}

Test(client_record, an_unknown_caller_and_a_bad_credential_are_told)
{
	struct taker taker = {0};
	struct sr_result result;
	sr_client *client;
	fake_start(&taker.fake, taker_script, &taker, NULL);
	taker.fake.admits = false;
	cr_assert_eq(sr_connect(taker.fake.client, fake_on_done, &taker.fake, NULL), SR_OK);
	cr_assert_eq(fake_wait(&taker.fake), SR_UNAUTHENTICATED);
	struct sr_client_options options = {.credential = taker.fake.credential_path, .server = "udp:1"};
	cr_assert_eq(sr_client_new(&taker.fake.loop, &options, &client, &result), SR_USAGE);
	cr_assert_null(client);
	options.server = "unix:/nonexistent/sock";
	cr_assert_eq(chmod(taker.fake.credential_path, 0640), 0);
	cr_assert_eq(sr_client_new(&taker.fake.loop, &options, &client, &result), SR_USAGE);
	cr_assert_eq(chmod(taker.fake.credential_path, 0600), 0);
	cr_assert_eq(sr_client_new(&taker.fake.loop, &options, &client, &result), SR_OK);
	cr_assert_eq(sr_connect(client, fake_on_done, &taker.fake, NULL), SR_OK);
	cr_assert_eq(fake_wait(&taker.fake), SR_UNAVAILABLE);
	sr_client_close(client, NULL, NULL);
	fake_stop(&taker.fake);
}
