/*
 * A player that is opened and read from in one way to the store: what it asks and is given, where that ends, and what
 * it does not let itself be given. Against daemons that play wrongly otherwise: test_client_play.c.
 */
#include "fake_viewer.h"

static void count_script(struct fake *fake, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct heard *heard = (struct heard *)(void *)fake;
	heard->questions += head->type >= SR_MSG_PLAY_OPEN && head->type <= SR_MSG_PLAY_START;
	play_script(fake, head, fields);
}

Test(client_start, a_start_is_one_question_and_brings_its_range)
{
	struct heard heard;
	start(&heard);
	heard.fake.script = count_script;
	uint64_t length = heard.recording.tracks[1].length;
	for (int i = 0; i < 200; i++) {
		uint64_t from = randombytes_uniform((uint32_t)length);
		uint64_t most = 1 + randombytes_uniform(4 * SR_CHUNK);
		uint64_t want = most < length - from ? most : length - from;
		heard.questions = 0;
		heard.recording.page = (uint16_t)(1 + i % SEGMENTS);
		cr_assert_eq(start_player(&heard, 2, from, most, false), SR_OK, "%s", heard.fake.result.text);
		cr_assert_eq(heard.questions, 1);
		cr_assert_eq(heard.ready, 1);
		cr_assert_eq(heard.size, want);
		cr_assert_eq(heard.told, want);
		cr_assert_eq(heard.finished, from + want == length);
		cr_assert_eq(memcmp(heard.bytes, heard.recording.tracks[1].plain + from, want), 0);
		/* What follows is as of any player; its table is known. */
		cr_assert_eq(read_range(&heard, 2, 0, 10, false), SR_OK);
		cr_assert_eq(heard.size, 10);
		cr_assert_eq(heard.questions, 2);
		sr_player_close(heard.player);
		cr_assert_eq(open_player(&heard), SR_OK);
		sr_player_close(heard.player);
	}
	stop(&heard);
}

Test(client_start, a_start_at_or_past_the_end_brings_nothing)
{
	struct heard heard;
	start(&heard);
	uint64_t length = heard.recording.tracks[0].length;
	const uint64_t from[] = {length, length + 1, UINT64_C(1) << 62};
	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
		cr_assert_eq(start_player(&heard, 1, from[i], UINT64_MAX, true), SR_OK, "%s", heard.fake.result.text);
		cr_assert_eq(heard.size, 0);
		cr_assert(heard.finished);
		sr_player_close(heard.player);
	}
	stop(&heard);
}

Test(client_start, what_cannot_be_started_is_said_at_once)
{
	struct heard heard;
	start(&heard);
	const struct sr_read_options wrong[] = {
		{.track = 0, .length = 1, .data = on_data},
		{.track = 1, .length = 0, .data = on_data},
		{.track = 1, .from = (UINT64_C(1) << 62) + 1, .length = 1, .data = on_data},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		cr_assert_eq(sr_play_start(heard.fake.client, heard.recording.id, &wrong[i], on_started, on_read,
					   &heard, NULL),
			     SR_USAGE);
	stop(&heard);
}

Test(client_start, a_start_with_a_track_that_is_not_there_leaves_a_player)
{
	struct heard heard;
	start(&heard);
	cr_assert_eq(start_player(&heard, TRACKS + 1, 0, 10, false), SR_NOT_FOUND);
	cr_assert_eq(heard.ready, 1);
	cr_assert_eq(heard.size, 0);
	cr_assert_eq(read_range(&heard, 1, 0, UINT64_MAX, false), SR_OK);
	cr_assert_eq(heard.size, heard.recording.tracks[0].length);
	sr_player_close(heard.player);
	stop(&heard);
}

Test(client_start, a_start_on_a_growing_track_goes_on_by_itself)
{
	for (uint32_t visible = 0; visible < SEGMENTS; visible++) {
		for (unsigned grown = 0; visible + grown < SEGMENTS; grown++) {
			struct heard heard;
			start(&heard);
			heard.recording.visible = visible;
			heard.recording.grown_by = grown;
			heard.recording.finished = false;
			heard.recording.grows = true;
			cr_assert_eq(start_player(&heard, 1, 0, UINT64_MAX, true), SR_OK, "%s", heard.fake.result.text);
			cr_assert(heard.finished);
			cr_assert_eq(heard.size, heard.recording.tracks[0].length);
			cr_assert_eq(memcmp(heard.bytes, heard.recording.tracks[0].plain, heard.size), 0);
			stop(&heard);
		}
	}
}

/* It would be given keys that nothing it was told of at the opening needs. */
Test(client_start, a_start_is_not_given_what_came_since)
{
	struct heard heard;
	start(&heard);
	heard.recording.visible = 2;
	heard.recording.grown_by = 2;
	heard.recording.finished = false;
	heard.recording.start_beyond = true;
	cr_assert_eq(start_player(&heard, 1, 0, UINT64_MAX, false), SR_CORRUPT);
	cr_assert_eq(heard.size, heard.recording.tracks[0].segments[2].record.offset);
	stop(&heard);
}

Test(client_start, a_start_wants_its_table_whole)
{
	struct heard heard;
	start(&heard);
	heard.recording.page = 1;
	heard.recording.one_by_one = true;
	cr_assert_eq(start_player(&heard, 1, 0, UINT64_MAX, false), SR_CORRUPT);
	cr_assert_eq(heard.size, 0);
	stop(&heard);
}

static void refuse_start(struct fake *fake, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct heard *heard = (struct heard *)(void *)fake;
	if (heard->pause)
		play_opened(fake, head);
	if (head->type == SR_MSG_PLAY_START)
		fake_error(fake, head, SR_EXPIRED, true);
	else
		play_script(fake, head, fields);
}

Test(client_start, a_start_that_is_refused_says_so_once)
{
	struct heard heard;
	start(&heard);
	heard.fake.script = refuse_start;
	cr_assert_eq(start_player(&heard, 1, 0, 1, false), SR_EXPIRED);
	cr_assert_null(heard.player);
	cr_assert_eq(heard.ready, 1);
	/* And if it ends once it is open, its read does. */
	heard.pause = true;
	cr_assert_eq(start_player(&heard, 1, 0, 1, false), SR_EXPIRED);
	cr_assert_not_null(heard.player);
	sr_player_close(heard.player);
	stop(&heard);
}

static void turn_until_answered(struct heard *heard)
{
	/* The answer to what was asked last comes behind all that the start brings. */
	cr_assert_eq(sr_play_open(heard->fake.client, heard->recording.id, on_player, heard, NULL), SR_OK);
	cr_assert_eq(fake_wait(&heard->fake), SR_OK);
}

Test(client_start, a_started_player_may_be_closed_at_once_and_while_it_reads)
{
	struct heard heard;
	start(&heard);
	const struct sr_read_options options = {.track = 1, .length = UINT64_MAX, .data = on_data};
	heard.close = true;
	cr_assert_eq(sr_play_start(heard.fake.client, heard.recording.id, &options, on_started, on_read, &heard, NULL),
		     SR_OK);
	turn_until_answered(&heard);
	cr_assert_eq(heard.ready, 1);
	cr_assert_eq(heard.calls, 0);
	heard.close = false;
	cr_assert_eq(sr_play_start(heard.fake.client, heard.recording.id, &options, on_started, on_read, &heard, NULL),
		     SR_OK);
	while (heard.calls == 0)
		(void)uv_run(&heard.fake.loop, UV_RUN_ONCE);
	sr_player_close(heard.player);
	unsigned calls = heard.calls;
	turn_until_answered(&heard);
	cr_assert_eq(heard.calls, calls);
	stop(&heard);
}

Test(client_start, a_start_that_is_cancelled_is_silent)
{
	struct heard heard;
	sr_call *call;
	start(&heard);
	const struct sr_read_options options = {.track = 1, .length = UINT64_MAX, .data = on_data};
	cr_assert_eq(sr_play_start(heard.fake.client, heard.recording.id, &options, on_started, on_read, &heard, &call),
		     SR_OK);
	sr_cancel(call);
	turn_until_answered(&heard);
	cr_assert_eq(heard.ready + heard.calls, 0);
	stop(&heard);
}

Test(client_start, a_started_player_reads_one_thing_at_a_time)
{
	struct heard heard;
	start(&heard);
	const struct sr_read_options options = {.track = 1, .length = UINT64_MAX, .data = on_data};
	cr_assert_eq(sr_play_start(heard.fake.client, heard.recording.id, &options, on_started, on_read, &heard, NULL),
		     SR_OK);
	while (heard.ready == 0)
		(void)uv_run(&heard.fake.loop, UV_RUN_ONCE);
	if (!heard.fake.done)
		cr_assert_eq(sr_play_read(heard.player, &options, on_read, &heard, NULL), SR_BUSY);
	cr_assert_eq(fake_wait(&heard.fake), SR_OK);
	cr_assert_eq(heard.size, heard.recording.tracks[0].length);
	stop(&heard);
}
