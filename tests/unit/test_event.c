/*
 * Events: each kind's line field by field, its level, and the one counter it moves.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "account/event.h"
#include "account/log.h"

#define TAG_HEX "7a010203000000000000000000000000000000000000000000000000000000ff"
#define ACTOR_HEX "ac00000000000000000000000000000000000000000000000000000000000001"
#define ID "018f0203-0405-7007-8009-0a0b0c0d0e0f"

static int said[2]; /* what goes to standard error comes out here */
static const uint8_t tag[SR_TAG] = {0x7a, 1, 2, 3, [31] = 0xff};
static const uint8_t actor[SR_TAG] = {0xac, [31] = 1};
static const uint8_t recording[SR_UUID] = {0x01, 0x8f, 2, 3, 4, 5, 0x70, 7, 0x80, 9, 10, 11, 12, 13, 14, 15};

static void set_up(void)
{
	cr_assert_eq(pipe(said), 0);
	cr_assert_neq(fcntl(said[0], F_SETFL, O_NONBLOCK), -1);
	cr_assert_neq(dup2(said[1], STDERR_FILENO), -1);
}

TestSuite(event, .init = set_up);

/* The one line that an event wrote, behind its time. */
static const char *line_of(const struct sr_event *event)
{
	static char text[4096];
	ssize_t size;

	sr_event(event);
	size = read(said[0], text, sizeof text - 1);
	text[size > 0 ? size : 0] = '\0';
	const char *level = strstr(text, " level=");
	cr_assert_not_null(level, "%s", text);
	return level + 1;
}

#define LEAST "operation=play.open request=0102030405060708 service=app"

static struct sr_event least(enum sr_event_kind kind)
{
	return (struct sr_event){
		.kind = kind, .operation = "play.open", .request = 0x0102030405060708, .service = "app"};
}

/* Everything is known: what the kinds themselves tell is among it. */
static struct sr_event most(enum sr_event_kind kind)
{
	struct sr_event event = least(kind);

	event.issuer = "clinic";
	event.jti = "grant one";
	event.tag = tag;
	event.actor = actor;
	event.recording = recording;
	return event;
}

#define WHO " tag=" TAG_HEX " actor=" ACTOR_HEX " issuer=clinic jti=\"grant one\"\n"

static const struct {
	const char *front;
	enum sr_counter counter;
} kinds[SR_EVENT_KINDS] = {
	[SR_EVENT_MISFILED] = {"level=alarm event=misfiled ", SR_COUNT_MISFILED},
	[SR_EVENT_FOREIGN] = {"level=alarm event=foreign ", SR_COUNT_FOREIGN},
	[SR_EVENT_CONSULTATION_CONFLICT] = {"level=alarm event=consultation_conflict ", SR_COUNT_CONSULTATION_CONFLICT},
	[SR_EVENT_CORRUPT] = {"level=alarm event=corrupt ", SR_COUNT_CORRUPT},
	[SR_EVENT_BREAK_GLASS] = {"level=alarm event=break_glass ", SR_COUNT_BREAK_GLASS},
	[SR_EVENT_FOREIGN_CHECK] = {"level=warn event=foreign_check ", SR_COUNT_FOREIGN_CHECK},
	[SR_EVENT_REFUSED] = {"level=warn event=refused ", SR_COUNT_REFUSED},
	[SR_EVENT_UNUSUAL] = {"level=alarm event=unusual ", SR_COUNT_UNUSUAL},
	[SR_EVENT_TEST] = {"level=alarm event=test ", SR_COUNT_ALARM_TESTS},
};

Test(event, each_kind_has_its_level_its_fields_in_order_and_no_more)
{
	for (int kind = 0; kind < SR_EVENT_KINDS; kind++) {
		const char *code = kind == SR_EVENT_REFUSED ? " code=expired" : "";
		struct sr_event event = least((enum sr_event_kind)kind);
		char want[1024];

		event.code = SR_EXPIRED; /* told of a refusal only */
		(void)snprintf(want, sizeof want, "%s" LEAST "%s\n", kinds[kind].front, code);
		cr_expect_str_eq(line_of(&event), want);
		event = most((enum sr_event_kind)kind);
		event.code = SR_EXPIRED;
		(void)snprintf(want, sizeof want, "%s" LEAST " recording=" ID "%s" WHO, kinds[kind].front, code);
		cr_expect_str_eq(line_of(&event), want);
	}
}

Test(event, particulars_stand_between_the_recording_and_who_it_was)
{
	struct sr_event event = most(SR_EVENT_FOREIGN);

	event.has_own_tag = true;
	cr_expect_str_eq(line_of(&event), "level=alarm event=foreign " LEAST " recording=" ID " own_tag=no" WHO);
	event.own_tag = true;
	cr_expect_str_eq(line_of(&event), "level=alarm event=foreign " LEAST " recording=" ID " own_tag=yes" WHO);
	event = most(SR_EVENT_CORRUPT);
	event.what = "track row";
	cr_expect_str_eq(line_of(&event),
			 "level=alarm event=corrupt " LEAST " recording=" ID " what=\"track row\"" WHO);
	event = most(SR_EVENT_REFUSED);
	event.code = SR_DENIED;
	event.text = "no\nplay";
	cr_expect_str_eq(line_of(&event),
			 "level=warn event=refused " LEAST " recording=" ID " code=denied text=\"no\\x0aplay\"" WHO);
}

Test(event, a_kind_moves_its_own_counter_alone)
{
	for (int kind = 0; kind < SR_EVENT_KINDS; kind++) {
		struct sr_event event = most((enum sr_event_kind)kind);
		uint64_t before[SR_COUNTERS];

		for (int counter = 0; counter < SR_COUNTERS; counter++)
			before[counter] = sr_counted((enum sr_counter)counter);
		(void)line_of(&event);
		for (int counter = 0; counter < SR_COUNTERS; counter++)
			cr_expect_eq(sr_counted((enum sr_counter)counter),
				     before[counter] + (counter == (int)kinds[kind].counter));
	}
}

Test(event, an_alarm_is_written_and_counted_at_every_level)
{
	struct sr_event event = most(SR_EVENT_MISFILED);
	struct sr_event quiet = least(SR_EVENT_REFUSED);
	char text[16];

	sr_log_level_set(SR_LOG_ERROR);
	cr_expect_eq(strncmp(line_of(&event), "level=alarm", 11), 0);
	sr_event(&quiet);
	cr_expect_eq(read(said[0], text, sizeof text), -1, "a warning below the level was written");
	cr_expect_eq(sr_counted(SR_COUNT_REFUSED), 1u, "what is not written still counts");
}

Test(event, counters_go_up_and_down_and_have_names_of_their_own)
{
	sr_count(SR_COUNT_WRITERS_NOW, 5);
	sr_count(SR_COUNT_WRITERS_NOW, -3);
	cr_expect_eq(sr_counted(SR_COUNT_WRITERS_NOW), 2u);
	for (int one = 0; one < SR_COUNTERS; one++) {
		cr_assert_not_null(sr_counter_name((enum sr_counter)one));
		for (int other = 0; other < one; other++)
			cr_expect_str_neq(sr_counter_name((enum sr_counter)one),
					  sr_counter_name((enum sr_counter)other));
	}
}
