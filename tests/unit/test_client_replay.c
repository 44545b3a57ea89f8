/*
 * A player and a connection that is lost: wherever it is cut, each byte comes once and in order; and it ends where the
 * store then says something else, refuses, is gone for too long, or is let go of.
 */
#include "fake_playing.h"

#define PATIENCE_MS 15000u

/* First the parts that callbacks find. */
struct world {
	struct fake fake;
	struct fake_recording recording;
	sr_player *player;
	uint8_t *bytes;
	size_t size;
	size_t capacity;
	uint64_t told;
	unsigned losses;
	sr_call *read;
	/* What the store does. */
	unsigned cut_at;    /* number of the message, counted over all connections; 0: none */
	unsigned cut_every; /* so many messages; 0: not */
	bool before;        /* the answer: it is not given */
	enum mutant later;  /* what it does from the second opening on */
	enum sr_code refusal;
	bool busy;
	bool at_once; /* by sr_play_start */
	unsigned opens;
	uint64_t refused_at;
	uint64_t returned_at;
};

static struct world *world;

static void on_data(void *context, const uint8_t *data, size_t size)
{
	(void)context;
	cr_assert_leq(world->size + size, world->capacity, "more bytes than there are");
	memcpy(world->bytes + world->size, data, size);
	world->size += size;
}

static void on_read(void *context, const struct sr_result *result, uint64_t bytes, bool finished)
{
	(void)context, (void)finished;
	world->told = bytes;
	world->read = NULL;
	fake_on_done(&world->fake, result);
}

static void on_trying(void *context, const struct sr_result *result)
{
	(void)context;
	world->losses += result->code != SR_OK;
}

static void on_player(void *context, const struct sr_result *result, sr_player *player)
{
	(void)context;
	cr_assert_eq(player != NULL, result->code == SR_OK);
	world->player = player;
	fake_on_done(&world->fake, result);
}

static void on_never(void *context, const struct sr_result *result, uint64_t bytes, bool finished)
{
	(void)context, (void)bytes, (void)finished;
	cr_assert_fail("a callback ran that may not: %s", result->text);
}

static void refuse(struct fake *fake, const struct sr_message_head *head, enum sr_code code, uint32_t retry_ms)
{
	struct fake_message *message = fake_begin(SR_MSG_ERROR, head->stream, head->request);
	const struct sr_error_reply error = {
		.code = code, .ended = true, .retry_ms = retry_ms, .text = {(const uint8_t *)"no", 2}};
	sr_error_reply_encode(&message->fields, &error);
	fake_send(fake, message);
}

static void say_goodbye(struct fake *fake, enum sr_code code)
{
	struct fake_message *message = fake_begin(SR_MSG_GOODBYE, 0, 0);
	const struct sr_goodbye goodbye = {.code = code, .text = {(const uint8_t *)"bye", 3}};
	sr_goodbye_encode(&message->fields, &goodbye);
	fake_send(fake, message);
}

/* An opening that is not the first; true if it is answered otherwise than by the recording. */
static bool reopen(struct fake *fake, const struct sr_message_head *head)
{
	world->recording.mutant = world->later;
	if (world->refusal != SR_OK) {
		refuse(fake, head, world->refusal, 0);
		return true;
	}
	if (world->busy) {
		world->busy = false;
		world->refused_at = uv_now(&fake->loop);
		refuse(fake, head, SR_BUSY, 700);
		say_goodbye(fake, SR_BUSY);
		return true;
	}
	world->returned_at = uv_now(&fake->loop);
	return false;
}

static void script(struct fake *fake, const struct sr_message_head *head, struct sr_cursor *fields)
{
	bool now = fake->messages == world->cut_at || (world->cut_every && fake->messages % world->cut_every == 0);
	bool opens = head->type == SR_MSG_PLAY_OPEN || head->type == SR_MSG_PLAY_START;
	if (opens && ++world->opens > 1 && reopen(fake, head))
		return;
	if (!now || !world->before)
		play_script(fake, head, fields);
	if (now)
		fake_cut(fake);
}

static void start(uint32_t reconnect_ms)
{
	const struct sr_client_options options = {.grant = FAKE_GRANT, .reconnect_ms = reconnect_ms};
	world = calloc(1, sizeof *world);
	make_recording(&world->recording);
	world->capacity = world->recording.tracks[0].length;
	world->bytes = malloc(world->capacity);
	fake_start(&world->fake, script, &world->recording, &options);
	sr_client_on_trying(world->fake.client, on_trying, NULL);
	fake_connect(&world->fake);
}

static void stop(void)
{
	fake_stop(&world->fake);
	free_recording(&world->recording);
	free(world->bytes);
	free(world);
}

static void turn(void)
{
	(void)uv_run(&world->fake.loop, UV_RUN_ONCE);
}

static void lose(void)
{
	unsigned before = world->losses;
	fake_cut(&world->fake);
	while (world->losses == before)
		turn();
}

static enum sr_code open_player(void)
{
	cr_assert_eq(sr_play_open(world->fake.client, world->recording.id, on_player, NULL, NULL), SR_OK);
	return fake_wait(&world->fake);
}

static void begin_read(bool follow, sr_play_done *done)
{
	const struct sr_read_options options = {.track = 1, .length = UINT64_MAX, .follow = follow, .data = on_data};
	cr_assert_eq(sr_play_read(world->player, &options, done, NULL, &world->read), SR_OK);
}

static void expect_whole(void)
{
	cr_assert_eq(world->size, world->capacity);
	cr_assert_eq(world->told, world->capacity);
	cr_assert_eq(memcmp(world->bytes, world->recording.tracks[0].plain, world->size), 0, "other bytes");
}

static void on_started(void *context, const struct sr_result *result, sr_player *player)
{
	(void)context;
	world->player = player;
	cr_assert_not_null(player, "%s", result->text);
}

static void play(bool follow)
{
	const struct sr_read_options options = {.track = 1, .length = UINT64_MAX, .follow = follow, .data = on_data};
	if (world->at_once) {
		cr_assert_eq(sr_play_start(world->fake.client, world->recording.id, &options, on_started, on_read, NULL,
					   NULL),
			     SR_OK);
	} else {
		cr_assert_eq(open_player(), SR_OK, "%s", world->fake.result.text);
		begin_read(follow, on_read);
	}
	cr_assert_eq(fake_wait(&world->fake), SR_OK, "%s", world->fake.result.text);
	expect_whole();
}

static unsigned count_messages(void)
{
	start(0);
	world->recording.one_by_one = true;
	play(false);
	unsigned count = world->fake.messages;
	stop();
	return count;
}

Test(client_replay, a_read_is_whole_wherever_its_connection_is_cut, .timeout = 120)
{
	unsigned messages = count_messages();
	cr_assert_gt(messages, 3);
	for (unsigned at = 1; at <= messages; at++) {
		for (int before = 0; before < 2; before++) {
			start(PATIENCE_MS);
			world->recording.one_by_one = true;
			world->cut_at = at;
			world->before = before;
			play(false);
			cr_assert(world->fake.connections == 2 || (at == messages && !before));
			stop();
		}
	}
}

Test(client_replay, a_read_is_whole_if_its_connections_are_cut_again_and_again, .timeout = 120)
{
	for (unsigned every = 3; every <= 5; every++) {
		start(PATIENCE_MS);
		world->recording.page = 1;
		world->recording.one_by_one = true;
		world->cut_every = every;
		play(false);
		cr_assert_gt(world->fake.connections, 1);
		stop();
	}
}

static void start_patiently(void)
{
	start(PATIENCE_MS);
}

/* Its table comes in as many parts as it has records. */
static void start_by_parts(void)
{
	start_patiently();
	world->recording.page = 1;
}

static void expect_whole_if_cut(void (*begin)(void), enum mutant cut, uint32_t at)
{
	begin();
	world->recording.mutant = cut;
	world->recording.at = at;
	play(false);
	cr_assert_eq(world->fake.connections, 2);
}

Test(client_replay, a_read_is_whole_if_it_is_cut_between_the_parts_of_its_table)
{
	for (uint32_t at = 0; at + 1 < SEGMENTS; at++) {
		expect_whole_if_cut(start_by_parts, EOF_AFTER_PART, at);
		/* What was told before the cut is not asked for again. */
		cr_assert_eq(world->recording.tables, 2);
		stop();
	}
}

/* In the middle of keys, bodies and raw bytes. */
static void expect_whole_wherever_a_segment_is_cut(void (*begin)(void))
{
	static const enum mutant cuts[] = {EOF_AT_ONCE, EOF_BEFORE_BODY, EOF_IN_BODY, EOF_AFTER_BODY};
	for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
		for (uint32_t at = 0; at < SEGMENTS; at++) {
			expect_whole_if_cut(begin, cuts[i], at);
			stop();
		}
}

Test(client_replay, a_read_is_whole_wherever_in_a_segment_it_is_cut, .timeout = 120)
{
	expect_whole_wherever_a_segment_is_cut(start_patiently);
}

Test(client_replay, a_growing_recording_is_followed_across_cuts, .timeout = 120)
{
	for (unsigned every = 3; every <= 4; every++) {
		start(PATIENCE_MS);
		world->recording.visible = 1;
		world->recording.finished = false;
		world->recording.grows = true;
		world->cut_every = every;
		play(true);
		cr_assert_gt(world->fake.connections, 2);
		stop();
	}
}

Test(client_replay, a_store_that_then_says_something_else_is_not_believed)
{
	static const enum mutant later[] = {OPENED_OTHER_ID, OPENED_HEAD_TRACK, OPENED_CHAIN, OPENED_FEWER};
	for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
		start(PATIENCE_MS);
		world->recording.mutant = EOF_IN_BODY;
		world->recording.at = 4;
		world->later = later[i];
		cr_assert_eq(open_player(), SR_OK);
		begin_read(false, on_read);
		cr_expect_eq(fake_wait(&world->fake), SR_CORRUPT, "mutant %d", later[i]);
		cr_expect_eq(world->told, world->size);
		cr_expect_lt(world->size, world->capacity);
		cr_expect_eq(memcmp(world->bytes, world->recording.tracks[0].plain, world->size), 0);
		cr_expect_eq(world->fake.connections, 2);
		stop();
	}
}

Test(client_replay, what_the_store_refuses_for_good_ends_it)
{
	static const enum sr_code codes[] = {SR_UNAUTHENTICATED, SR_NOT_FOUND, SR_DENIED, SR_FROZEN};
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		start(PATIENCE_MS);
		world->recording.mutant = EOF_AFTER_BODY;
		world->refusal = codes[i];
		cr_assert_eq(open_player(), SR_OK);
		begin_read(false, on_read);
		cr_expect_eq(fake_wait(&world->fake), codes[i]);
		cr_expect_eq(world->told, world->size);
		cr_expect_eq(sr_play_read(world->player, &(struct sr_read_options){.track = 1}, on_read, NULL, NULL),
			     SR_UNAVAILABLE);
		stop();
	}
}

Test(client_replay, a_disk_that_fails_for_good_is_given_up)
{
	start(PATIENCE_MS);
	world->recording.mutant = EOF_AFTER_BODY;
	world->refusal = SR_IO;
	cr_assert_eq(open_player(), SR_OK);
	begin_read(false, on_read);
	cr_expect_eq(fake_wait(&world->fake), SR_IO);
	cr_expect_eq(world->opens, 1 + 6, "asked %u times", world->opens);
	stop();
}

Test(client_replay, a_daemon_that_never_returns_is_given_up)
{
	start(300);
	world->recording.mutant = EOF_AFTER_BODY;
	cr_assert_eq(open_player(), SR_OK);
	world->fake.admits = false;
	begin_read(false, on_read);
	cr_expect_neq(fake_wait(&world->fake), SR_OK);
	cr_expect_eq(world->told, world->size);
	cr_expect_gt(world->fake.connections, 1);
	stop();
}

Test(client_replay, a_store_that_says_goodbye_as_busy_is_left_alone_for_as_long_as_it_said)
{
	start(PATIENCE_MS);
	world->recording.mutant = EOF_IN_BODY;
	world->recording.at = 3;
	world->busy = true;
	play(false);
	cr_expect_eq(world->fake.connections, 3);
	/* It comes in on a clock of whole milliseconds. */
	cr_expect_geq(world->returned_at - world->refused_at, 699);
	stop();
}

Test(client_replay, a_read_paused_while_the_daemon_is_away_stays_so)
{
	start(PATIENCE_MS);
	world->recording.mutant = EOF_IN_BODY;
	world->recording.at = 4;
	cr_assert_eq(open_player(), SR_OK);
	begin_read(false, on_read);
	while (world->losses == 0)
		turn();
	sr_play_pause(world->player, true);
	size_t before = world->size;
	while (world->opens < 2)
		turn();
	for (int i = 0; i < 50; i++)
		(void)uv_run(&world->fake.loop, UV_RUN_NOWAIT);
	cr_expect_eq(world->size, before, "a paused player was given bytes");
	sr_play_pause(world->player, false);
	cr_assert_eq(fake_wait(&world->fake), SR_OK, "%s", world->fake.result.text);
	expect_whole();
	stop();
}

/* While nothing is read from it, a connection is not seen to be lost. */
Test(client_replay, a_paused_read_goes_on_across_a_loss_once_it_is_resumed)
{
	start(PATIENCE_MS);
	cr_assert_eq(open_player(), SR_OK);
	begin_read(false, on_read);
	sr_play_pause(world->player, true);
	fake_cut(&world->fake);
	for (int i = 0; i < 50; i++)
		(void)uv_run(&world->fake.loop, UV_RUN_NOWAIT);
	cr_expect_eq(world->size, 0);
	sr_play_pause(world->player, false);
	cr_assert_eq(fake_wait(&world->fake), SR_OK, "%s", world->fake.result.text);
	expect_whole();
	stop();
}

Test(client_replay, what_is_begun_while_the_daemon_is_away_waits_for_it)
{
	start(PATIENCE_MS);
	cr_assert_eq(open_player(), SR_OK);
	sr_player *first = world->player;
	lose();
	begin_read(false, on_read);
	cr_assert_eq(fake_wait(&world->fake), SR_OK, "%s", world->fake.result.text);
	expect_whole();
	lose();
	cr_assert_eq(open_player(), SR_OK);
	cr_assert_neq(world->player, first);
	world->size = 0;
	begin_read(false, on_read);
	cr_assert_eq(fake_wait(&world->fake), SR_OK);
	expect_whole();
	stop();
}

Test(client_replay, what_is_dropped_meanwhile_does_not_come_back)
{
	start(PATIENCE_MS);
	world->recording.mutant = EOF_AFTER_BODY;
	cr_assert_eq(open_player(), SR_OK);
	begin_read(false, on_never);
	while (world->fake.connections == 1 && !world->fake.cut)
		turn();
	sr_player_close(world->player);
	cr_assert_eq(sr_play_open(world->fake.client, world->recording.id, on_player, NULL, NULL), SR_OK);
	cr_assert_eq(fake_wait(&world->fake), SR_OK);
	cr_expect_eq(world->opens, 2);
	stop();
}

Test(client_replay, a_read_cancelled_meanwhile_is_silent_and_the_next_one_right)
{
	start(PATIENCE_MS);
	world->recording.mutant = EOF_AFTER_BODY;
	cr_assert_eq(open_player(), SR_OK);
	begin_read(false, on_never);
	while (world->fake.connections == 1 && !world->fake.cut)
		turn();
	sr_cancel(world->read);
	while (world->opens < 2)
		turn();
	world->size = 0;
	for (enum sr_code code = SR_BUSY; code != SR_OK; turn()) {
		const struct sr_read_options options = {.track = 1, .length = UINT64_MAX, .data = on_data};
		code = sr_play_read(world->player, &options, on_read, NULL, NULL);
		cr_assert(code == SR_OK || code == SR_BUSY);
	}
	cr_assert_eq(fake_wait(&world->fake), SR_OK);
	expect_whole();
	stop();
}

/* ---- opened and read at once ---- */

static void start_at_once(void)
{
	start(PATIENCE_MS);
	world->at_once = true;
}

static void start_at_once_by_parts(void)
{
	start_by_parts();
	world->at_once = true;
}

Test(client_replay, a_start_is_whole_if_its_answer_is_lost)
{
	for (int before = 0; before < 2; before++) {
		start_at_once();
		world->cut_at = 1;
		world->before = before;
		play(false);
		cr_assert_eq(world->fake.connections, 2);
		stop();
	}
}

Test(client_replay, a_start_is_whole_wherever_in_its_table_or_a_segment_it_is_cut, .timeout = 120)
{
	for (uint32_t at = 0; at + 1 < SEGMENTS; at++) {
		expect_whole_if_cut(start_at_once_by_parts, EOF_AFTER_PART, at);
		stop();
	}
	expect_whole_wherever_a_segment_is_cut(start_at_once_by_parts);
}

Test(client_replay, a_start_on_a_growing_recording_is_followed_across_cuts, .timeout = 120)
{
	for (unsigned every = 3; every <= 4; every++) {
		start_at_once();
		world->recording.visible = 1;
		world->recording.finished = false;
		world->recording.grows = true;
		world->cut_every = every;
		play(true);
		cr_assert_gt(world->fake.connections, 2);
		stop();
	}
}

Test(client_replay, a_start_while_the_daemon_is_away_waits_for_it)
{
	start_at_once();
	lose();
	play(false);
	stop();
}

Test(client_replay, a_start_that_the_store_is_too_busy_for_is_made_again)
{
	start_at_once();
	cr_assert_eq(open_player(), SR_OK);
	world->busy = true;
	play(false);
	cr_expect_geq(world->returned_at - world->refused_at, 699);
	stop();
}
