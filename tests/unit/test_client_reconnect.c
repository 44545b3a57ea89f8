/*
 * A writer and a connection that is lost: at every message of a small recording, with each part of what was under way
 * made durable; refused on its return, told something else, or never let in again. No byte is lost or comes twice.
 */
#include "fake_store.h"

#define PATIENCE_MS 15000u
#define PART (SR_APPEND_MAX / 2 + 11)
#define PARTS 6

struct world {
	struct store store;
	uint8_t *data;
	sr_writer *writer;
	uint64_t durable;
	unsigned rooms;
	unsigned losses;
	unsigned returns;
	unsigned lost;
	unsigned endings;
	struct sr_result ending;
	unsigned grants;
	unsigned no_grants; /* so many of the next askings are in vain */
};

static ssize_t grant_callback(void *context, bool renewal, char *token, size_t capacity)
{
	struct world *world = context;
	cr_assert_not(renewal);
	world->grants++;
	if (world->no_grants > 0) {
		world->no_grants--;
		return -1;
	}
	return snprintf(token, capacity, FAKE_GRANT);
}

static void on_trying(void *context, const struct sr_result *result)
{
	struct world *world = context;
	if (result->code == SR_OK)
		world->returns++;
	else
		world->losses++;
	cr_assert_leq(world->returns, world->losses);
}

static void on_lost(void *context, const struct sr_result *result)
{
	cr_assert_neq(result->code, SR_OK);
	((struct world *)context)->lost++;
}

static void on_room(void *context)
{
	((struct world *)context)->rooms++;
}

static void on_durable(void *context, uint64_t durable)
{
	struct world *world = context;
	cr_assert_geq(durable, world->durable, "the durable length has fallen");
	world->durable = durable;
}

static void on_ended(void *context, const struct sr_result *result)
{
	struct world *world = context;
	world->endings++;
	world->ending = *result;
}

static void on_never(void *context, const struct sr_result *result)
{
	(void)context;
	cr_assert_fail("a callback ran that may not: %s", result->text);
}

static void on_writer(void *context, const struct sr_result *result, sr_writer *writer)
{
	struct world *world = context;
	cr_assert_eq(writer != NULL, result->code == SR_OK);
	world->writer = writer;
	if (writer) {
		sr_writer_on_durable(writer, on_durable, world);
		sr_writer_on_room(writer, on_room, world);
		sr_writer_on_ended(writer, on_ended, world);
	}
	fake_on_done(&world->store.fake, result);
}

static void start(struct world *world, uint32_t reconnect_ms)
{
	const struct sr_client_options options = {
		.grant_callback = grant_callback, .grant_context = world, .reconnect_ms = reconnect_ms};
	*world = (struct world){.store = {.window = STORE_WINDOW, .resume_at = -1}};
	world->store.bytes = malloc(STORE_MOST);
	world->store.times = calloc(STORE_MOST, sizeof *world->store.times);
	world->data = malloc(STORE_MOST);
	randombytes_buf(world->data, STORE_MOST);
	fake_start(&world->store.fake, store_script, &world->store, &options);
	sr_client_on_trying(world->store.fake.client, on_trying, world);
	sr_client_on_lost(world->store.fake.client, on_lost, world);
	fake_connect(&world->store.fake);
}

static void stop(struct world *world)
{
	fake_stop(&world->store.fake);
	free(world->store.bytes);
	free(world->store.times);
	free(world->data);
}

static void turn(struct world *world)
{
	(void)uv_run(&world->store.fake.loop, UV_RUN_ONCE);
}

static enum sr_code open_track(struct world *world)
{
	const struct sr_track_options options = {.media_type = "audio/webm", .label = "left"};
	cr_assert_eq(sr_track_open(world->store.fake.client, &options, on_writer, world, NULL), SR_OK);
	return fake_wait(&world->store.fake);
}

static void sync_all(struct world *world)
{
	cr_assert_eq(sr_writer_sync(world->writer, fake_on_done, &world->store.fake, NULL), SR_OK);
	cr_assert_eq(fake_wait(&world->store.fake), SR_OK, "%s", world->store.fake.result.text);
}

/* A whole recording, whatever happens to its connections: every call ends well, and what is there is what was given. */
static void record(struct world *world)
{
	struct fake *fake = &world->store.fake;
	const struct sr_recording_options options = {.label = "small"};
	uint64_t at = 0;
	cr_assert_eq(sr_record_open(fake->client, &options, fake_on_done, fake, NULL), SR_OK);
	cr_assert_eq(fake_wait(fake), SR_OK, "%s", fake->result.text);
	cr_assert_eq(open_track(world), SR_OK, "%s", fake->result.text);
	for (unsigned i = 0; i < PARTS; i++) {
		while (sr_writer_room(world->writer) < PART)
			turn(world);
		cr_assert_eq(sr_write(world->writer, world->data + at, PART, 100 + i), SR_OK);
		at += PART;
		if (i == 2)
			sync_all(world);
	}
	cr_assert_eq(sr_writer_close(world->writer, fake_on_done, fake), SR_OK);
	cr_assert_eq(fake_wait(fake), SR_OK, "%s", fake->result.text);
	cr_assert_eq(sr_record_finish(fake->client, (const uint8_t[SR_ID]){0}, fake_on_done, fake, NULL), SR_OK);
	cr_assert_eq(fake_wait(fake), SR_OK, "%s", fake->result.text);
	cr_assert(world->store.finished);
	cr_assert_eq(world->store.durable, at);
	cr_assert_eq(memcmp(world->store.bytes, world->data, at), 0, "other bytes than were written");
	for (unsigned i = 0; i < PARTS; i++)
		cr_assert_eq(world->store.times[(uint64_t)i * PART], 100 + i, "a part's media time is lost");
	cr_assert_eq(world->endings, 0);
	cr_assert_eq(world->lost, 0);
}

static unsigned count_messages(void)
{
	struct world world;
	start(&world, 0);
	world.store.ack_every = PART;
	record(&world);
	unsigned count = world.store.fake.messages;
	stop(&world);
	return count;
}

Test(client_reconnect, a_recording_is_whole_wherever_its_connection_is_cut, .timeout = 240)
{
	unsigned messages = count_messages();
	cr_assert_gt(messages, 10);
	for (unsigned at = 1; at <= messages; at++) {
		for (unsigned way = 0; way < CUTTINGS * KEEPINGS; way++) {
			struct world world;
			start(&world, PATIENCE_MS);
			world.store.ack_every = PART;
			world.store.cut_at = at;
			world.store.cutting = (enum cutting)(way % CUTTINGS);
			world.store.keeping = (enum keeping)(way / CUTTINGS);
			record(&world);
			cr_assert_leq(world.losses, 1);
			cr_assert(world.losses == 1 || at + 2 >= messages, "message %u of %u", at, messages);
			stop(&world);
		}
	}
}

Test(client_reconnect, a_recording_is_whole_if_its_connections_are_cut_again_and_again, .timeout = 240)
{
	for (unsigned every = 3; every <= 9; every++) {
		for (unsigned way = 0; way < CUTTINGS * KEEPINGS; way++) {
			struct world world;
			start(&world, PATIENCE_MS);
			world.store.ack_every = 1;
			world.store.cut_every = every;
			world.store.cutting = (enum cutting)(way % CUTTINGS);
			world.store.keeping = (enum keeping)(way / CUTTINGS);
			record(&world);
			cr_assert_gt(world.losses, 0);
			stop(&world);
		}
	}
}

/* Fewer bytes than one message, none acknowledged, and the connection cut. */
static void lose_bytes(struct world *world, unsigned size)
{
	cr_assert_eq(open_track(world), SR_OK);
	cr_assert_eq(sr_write(world->writer, world->data, size, 7), SR_OK);
	while (world->store.got < size)
		turn(world);
	store_cut(&world->store);
}

Test(client_reconnect, it_goes_on_from_each_durable_length)
{
	enum { SIZE = 40 };
	for (unsigned durable = 0; durable <= SIZE; durable++) {
		struct world world;
		start(&world, PATIENCE_MS);
		lose_bytes(&world, SIZE);
		world.store.resume_at = durable;
		while (world.store.resumes == 0 || world.store.got < SIZE)
			turn(&world);
		world.store.resume_at = -1;
		sync_all(&world);
		cr_assert_eq(world.store.got, SIZE);
		cr_assert_eq(memcmp(world.store.bytes, world.data, SIZE), 0);
		cr_assert_eq(sr_writer_pending(world.writer), 0);
		cr_assert_eq(world.store.tracks, 1);
		cr_assert_eq(world.store.resumes, 1);
		stop(&world);
	}
}

/* A resume that cannot be gone on with ends the writer alone, once, and the store is told. */
static void expect_end(struct world *world, enum sr_code code)
{
	cr_assert_eq(sr_writer_sync(world->writer, fake_on_done, &world->store.fake, NULL), SR_OK);
	cr_assert_eq(fake_wait(&world->store.fake), code, "%s", world->store.fake.result.text);
	cr_assert_eq(world->endings, 1);
	cr_assert_eq(world->ending.code, code);
	cr_assert_eq(sr_write(world->writer, "x", 1, SR_NO_TIME), SR_UNAVAILABLE);
	cr_assert_eq(world->store.resumes, 1);
	cr_assert_eq(world->lost, 0);
	/* The connection stands, and takes another track. */
	struct sr_call *call;
	cr_assert_eq(sr_record_open(world->store.fake.client, &(struct sr_recording_options){.label = "other"},
				    fake_on_done, &world->store.fake, &call),
		     SR_OK);
	cr_assert_eq(fake_wait(&world->store.fake), SR_OK);
	cr_assert_eq(world->losses, 1);
	cr_assert_eq(world->returns, 1);
}

Test(client_reconnect, more_bytes_than_were_written_are_another_writers)
{
	struct world world;
	start(&world, PATIENCE_MS);
	lose_bytes(&world, 40);
	world.store.resume_at = 41;
	expect_end(&world, SR_CONFLICT);
	cr_assert_eq(world.store.closes, 1);
	stop(&world);
}

Test(client_reconnect, fewer_bytes_than_were_acknowledged_are_said_to_be_lost)
{
	struct world world;
	start(&world, PATIENCE_MS);
	world.store.ack_every = 40;
	lose_bytes(&world, 40);
	while (world.losses == 0)
		turn(&world);
	cr_assert_eq(world.durable, 40);
	world.store.resume_at = 39;
	expect_end(&world, SR_CORRUPT);
	cr_assert_eq(world.store.closes, 1);
	stop(&world);
}

Test(client_reconnect, a_generation_too_new_is_another_writers)
{
	struct world world;
	start(&world, PATIENCE_MS);
	lose_bytes(&world, 40);
	world.store.generation++;
	expect_end(&world, SR_CONFLICT);
	cr_assert_eq(world.store.closes, 1);
	stop(&world);
}

Test(client_reconnect, what_the_store_refuses_for_good_ends_it)
{
	static const enum sr_code codes[] = {SR_CONFLICT, SR_NOT_FOUND, SR_EXPIRED, SR_DENIED, SR_FROZEN};
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		struct world world;
		start(&world, PATIENCE_MS);
		world.store.refusals = 1;
		world.store.refusal = codes[i];
		lose_bytes(&world, 40);
		expect_end(&world, codes[i]);
		stop(&world);
	}
}

/* The resume that got no answer may take the track from the one that came after it: that is nobody else. */
Test(client_reconnect, a_conflict_with_its_own_lost_resume_does_not_end_it)
{
	struct world world;
	start(&world, PATIENCE_MS);
	lose_bytes(&world, 40);
	world.store.cut_at = world.store.fake.messages + 1;
	world.store.cutting = CUT_UNTOLD;
	while (world.store.resumes == 0)
		turn(&world);
	world.store.refusals = 1;
	world.store.refusal = SR_CONFLICT;
	sync_all(&world);
	cr_assert_eq(world.store.resumes, 3);
	cr_assert_eq(world.store.got, 40);
	cr_assert_eq(world.endings, 0);
	stop(&world);
}

Test(client_reconnect, a_store_that_is_busy_is_asked_again)
{
	static const enum sr_code codes[] = {SR_BUSY, SR_UNAVAILABLE, SR_IO};
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		struct world world;
		start(&world, PATIENCE_MS);
		world.store.refusals = 3;
		world.store.refusal = codes[i];
		lose_bytes(&world, 40);
		sync_all(&world);
		cr_assert_eq(world.store.resumes, 4);
		cr_assert_eq(world.store.got, 40);
		cr_assert_eq(world.losses, 1);
		cr_assert_eq(world.endings, 0);
		stop(&world);
	}
}

Test(client_reconnect, a_grant_that_is_not_to_be_had_now_is_asked_for_again)
{
	struct world world;
	start(&world, PATIENCE_MS);
	lose_bytes(&world, 40);
	world.no_grants = 2;
	sync_all(&world);
	cr_assert_eq(world.grants, 1 + 2 + 1);
	cr_assert_eq(world.store.resumes, 1);
	cr_assert_eq(world.store.got, 40);
	cr_assert_eq(world.endings, 0);
	stop(&world);
}

Test(client_reconnect, a_store_that_stays_busy_is_given_up)
{
	struct world world;
	start(&world, 300);
	world.store.refusals = UINT32_MAX;
	world.store.refusal = SR_BUSY;
	lose_bytes(&world, 40);
	cr_assert_eq(sr_writer_sync(world.writer, fake_on_done, &world.store.fake, NULL), SR_OK);
	cr_assert_eq(fake_wait(&world.store.fake), SR_BUSY);
	cr_assert_eq(world.endings, 1);
	cr_assert_gt(world.store.resumes, 2);
	cr_assert_eq(world.lost, 0);
	stop(&world);
}

/* The daemon is gone, and its socket with it. */
static void leave(struct world *world)
{
	char away[80];
	(void)snprintf(away, sizeof away, "%s.away", world->store.fake.socket_path);
	cr_assert_eq(rename(world->store.fake.socket_path, away), 0);
	store_cut(&world->store);
}

static void come_back(struct world *world)
{
	char away[80];
	(void)snprintf(away, sizeof away, "%s.away", world->store.fake.socket_path);
	cr_assert_eq(rename(away, world->store.fake.socket_path), 0);
}

Test(client_reconnect, a_daemon_that_never_returns_is_given_up)
{
	struct world world;
	start(&world, 300);
	world.store.ack_every = 10;
	cr_assert_eq(open_track(&world), SR_OK);
	cr_assert_eq(sr_write(world.writer, world.data, 10, SR_NO_TIME), SR_OK);
	while (world.durable < 10)
		turn(&world);
	uint64_t began = uv_hrtime();
	leave(&world);
	cr_assert_eq(sr_write(world.writer, world.data + 10, 5, SR_NO_TIME), SR_OK);
	cr_assert_eq(sr_writer_sync(world.writer, fake_on_done, &world.store.fake, NULL), SR_OK);
	cr_assert_eq(fake_wait(&world.store.fake), SR_UNAVAILABLE);
	while (world.lost == 0)
		turn(&world);
	cr_assert_geq(uv_hrtime() - began, 250u * 1000000u, "it did not try for its time");
	cr_assert_eq(world.endings, 1);
	cr_assert_eq(world.ending.code, SR_UNAVAILABLE);
	cr_assert_eq(world.losses, 1);
	cr_assert_eq(world.returns, 0);
	cr_assert_eq(sr_writer_durable(world.writer), 10);
	cr_assert_eq(sr_writer_pending(world.writer), 5);
	cr_assert_eq(sr_writer_close(world.writer, on_never, NULL), SR_UNAVAILABLE);
	/* The client is as new. */
	come_back(&world);
	fake_connect(&world.store.fake);
	stop(&world);
}

Test(client_reconnect, a_window_is_kept_while_the_daemon_is_away_and_no_more)
{
	struct world world;
	start(&world, PATIENCE_MS);
	cr_assert_eq(open_track(&world), SR_OK);
	leave(&world);
	while (world.losses == 0)
		turn(&world);
	for (size_t at = 0; at < STORE_WINDOW; at += STORE_WINDOW / 32)
		cr_assert_eq(sr_write(world.writer, world.data + at, STORE_WINDOW / 32, SR_NO_TIME), SR_OK);
	cr_assert_eq(sr_writer_room(world.writer), 0);
	cr_assert_eq(sr_write(world.writer, "x", 1, SR_NO_TIME), SR_BUSY);
	cr_assert_eq(world.rooms, 0);
	/* The daemon that returns has a smaller window: what is kept goes as that allows. */
	world.store.window = STORE_WINDOW / 4;
	world.store.ack_every = STORE_WINDOW / 8;
	come_back(&world);
	sync_all(&world);
	cr_assert_eq(world.rooms, 1);
	cr_assert_eq(sr_writer_room(world.writer), STORE_WINDOW / 4);
	cr_assert_eq(world.store.got, STORE_WINDOW);
	cr_assert_eq(memcmp(world.store.bytes, world.data, STORE_WINDOW), 0);
	stop(&world);
}

Test(client_reconnect, what_is_begun_while_the_daemon_is_away_waits_for_it)
{
	struct world world;
	struct fake *fake = &world.store.fake;
	const struct sr_recording_options options = {.label = "small"};
	start(&world, PATIENCE_MS);
	leave(&world);
	while (world.losses == 0)
		turn(&world);
	cr_assert_eq(sr_connect(fake->client, on_never, NULL, NULL), SR_CONFLICT);
	cr_assert_eq(sr_list_recordings(fake->client, &(struct sr_list_options){0}, NULL, NULL, NULL), SR_UNAVAILABLE);
	cr_assert_eq(sr_record_open(fake->client, &options, fake_on_done, fake, NULL), SR_OK);
	come_back(&world);
	cr_assert_eq(fake_wait(fake), SR_OK);
	cr_assert_eq(world.store.opens, 1);
	leave(&world);
	while (world.losses == 1)
		turn(&world);
	cr_assert_eq(sr_track_open(fake->client,
				   &(struct sr_track_options){.media_type = "audio/webm", .label = "left"}, on_writer,
				   &world, NULL),
		     SR_OK);
	come_back(&world);
	cr_assert_eq(fake_wait(fake), SR_OK);
	cr_assert_eq(world.store.tracks, 1);
	cr_assert_eq(world.returns, 2);
	stop(&world);
}

/* What is let go of while the daemon is away is let go of: no callback, no stream at the daemon's return. */
Test(client_reconnect, what_is_dropped_meanwhile_does_not_come_back)
{
	struct world world;
	struct fake *fake = &world.store.fake;
	sr_call *call;
	start(&world, PATIENCE_MS);
	cr_assert_eq(open_track(&world), SR_OK);
	cr_assert_eq(sr_write(world.writer, world.data, 5, SR_NO_TIME), SR_OK);
	leave(&world);
	while (world.losses == 0)
		turn(&world);
	cr_assert_eq(sr_writer_sync(world.writer, on_never, NULL, NULL), SR_OK);
	cr_assert_eq(sr_writer_close(world.writer, NULL, NULL), SR_OK);
	cr_assert_eq(sr_record_open(fake->client, &(struct sr_recording_options){0}, on_never, NULL, &call), SR_OK);
	sr_cancel(call);
	come_back(&world);
	while (world.returns == 0)
		turn(&world);
	world.store.has_track = false;
	cr_assert_eq(open_track(&world), SR_OK);
	cr_assert_eq(world.store.resumes, 0);
	cr_assert_eq(world.store.opens, 0);
	cr_assert_eq(world.endings, 0);
	stop(&world);
}

Test(client_reconnect, closing_the_client_while_the_daemon_is_away_drops_every_callback)
{
	struct world world;
	start(&world, PATIENCE_MS);
	cr_assert_eq(open_track(&world), SR_OK);
	cr_assert_eq(sr_write(world.writer, world.data, 5, SR_NO_TIME), SR_OK);
	leave(&world);
	while (world.losses == 0)
		turn(&world);
	sr_writer_on_ended(world.writer, on_never, NULL);
	cr_assert_eq(sr_writer_close(world.writer, on_never, NULL), SR_OK);
	cr_assert_eq(sr_record_finish(world.store.fake.client, (const uint8_t[SR_ID]){0}, on_never, NULL, NULL), SR_OK);
	come_back(&world);
	stop(&world);
}

Test(client_reconnect, a_broken_daemon_is_not_asked_again)
{
	struct world world;
	start(&world, PATIENCE_MS);
	cr_assert_eq(open_track(&world), SR_OK);
	fake_durable(&world.store.fake, SR_MSG_ACK, &(struct sr_message_head){.stream = world.store.writing}, 1);
	while (world.lost == 0)
		turn(&world);
	cr_assert_eq(world.endings, 1);
	cr_assert_eq(world.ending.code, SR_CORRUPT);
	cr_assert_eq(world.losses, 0);
	cr_assert_eq(world.store.fake.connections, 1);
	stop(&world);
}

Test(client_reconnect, without_patience_nothing_outlives_the_connection)
{
	struct world world;
	start(&world, 0);
	lose_bytes(&world, 40);
	while (world.lost == 0)
		turn(&world);
	cr_assert_eq(world.endings, 1);
	cr_assert_eq(world.losses, 0);
	cr_assert_eq(
		sr_track_resume(world.store.fake.client, (const uint8_t[SR_ID]){0}, TRACK, on_writer, &world, NULL),
		SR_UNAVAILABLE);
	cr_assert_eq(world.store.fake.connections, 1);
	stop(&world);
}
