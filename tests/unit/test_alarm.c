/* Alarms: which events make one, when each is told, tried again and given up; what the command is given. */
#include "account/alarm.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const struct sr_alarm_rules rules = {.told = true, .window_ms = 60000, .tries_max = 4};
static const struct sr_alarm_rules silent = {.told = false, .window_ms = 60000, .tries_max = 4};
static const uint8_t tag[2][SR_TAG] = {{1}, {2}};
static const uint8_t recording[2][SR_UUID] = {{3}, {4}};
static struct sr_alarms *alarms;

static void set_up(void)
{
	cr_assert_geq(sodium_init(), 0);
	alarms = sr_alarms_new();
	cr_assert_not_null(alarms);
}

static void tear_down(void)
{
	sr_alarms_free(alarms);
}

TestSuite(alarm, .init = set_up, .fini = tear_down);

static struct sr_alarm alarm_of(enum sr_event_kind kind, const uint8_t *patient, const uint8_t *id)
{
	struct sr_event event = {
		.kind = kind, .operation = "list", .service = "portal", .tag = patient, .recording = id, .request = 9};
	struct sr_alarm alarm;

	cr_assert(sr_alarm_of(&event, &alarm));
	return alarm;
}

static uint64_t note(const struct sr_alarm *alarm, uint64_t now)
{
	return sr_alarms_note(alarms, alarm, &rules, 1000000 + now, now);
}

/* What is told now, taken as begun; 0: nothing. */
static uint64_t begun(uint64_t now)
{
	const struct sr_alarm *next = sr_alarms_next(alarms, now);

	return next ? next->number : 0;
}

static const struct sr_alarm *kept(uint64_t number)
{
	const struct sr_alarm *found = sr_alarms_after(alarms, number - 1);

	cr_assert(found && found->number == number);
	return found;
}

static bool ended(uint64_t number, bool done, uint64_t now)
{
	bool given_up;

	sr_alarms_told(alarms, number, done, &rules, now, &given_up);
	return given_up;
}

Test(alarm, what_is_no_alarm_makes_none)
{
	for (int kind = 0; kind < SR_EVENT_KINDS; kind++) {
		struct sr_event event = {.kind = (enum sr_event_kind)kind};
		struct sr_alarm alarm;
		bool is_one = kind != SR_EVENT_FOREIGN_CHECK && kind != SR_EVENT_REFUSED;

		cr_expect_eq(sr_alarm_of(&event, &alarm), is_one, "kind %d", kind);
		if (is_one)
			cr_expect_not_null(sr_alarm_kind_name(alarm.kind));
	}
}

Test(alarm, the_first_is_told_at_once_and_the_rest_of_its_window_as_one)
{
	struct sr_alarm alarm = alarm_of(SR_EVENT_MISFILED, tag[0], recording[0]);

	cr_assert_eq(note(&alarm, 100), 1u);
	cr_assert_eq(begun(100), 1u);
	cr_expect_eq(begun(100), 0u, "it is under way");
	cr_expect_not(ended(1, true, 150));
	cr_expect_eq(kept(1)->delivery, SR_ALARM_TOLD);
	cr_expect_eq(begun(1000000), 0u, "nothing is left to say");
	for (unsigned i = 0; i < 49; i++)
		cr_assert_eq(note(&alarm, 200 + i), 1u);
	cr_expect_eq(kept(1)->count, 50u);
	cr_expect_eq(kept(1)->last_ms, 1000248u);
	cr_expect_eq(begun(60099), 0u);
	cr_assert_eq(begun(60100), 1u);
	cr_expect_eq(kept(1)->telling_count, 50u);
	(void)ended(1, true, 60200);
	cr_expect_eq(begun(UINT64_MAX - 1), 0u);
	/* The window is over: the next is a new one, told at once. */
	cr_assert_eq(note(&alarm, 60300), 2u);
	cr_expect_eq(begun(60300), 2u);
}

/* An event that comes while the first is being told must not be lost from the count. */
Test(alarm, what_comes_during_the_telling_is_told_at_the_end)
{
	struct sr_alarm alarm = alarm_of(SR_EVENT_MISFILED, tag[0], recording[0]);

	(void)note(&alarm, 0);
	cr_assert_eq(begun(0), 1u);
	(void)note(&alarm, 10);
	(void)ended(1, true, 20);
	cr_expect_eq(begun(59999), 0u);
	cr_expect_eq(begun(60000), 1u);
	cr_expect_eq(kept(1)->telling_count, 2u);
}

Test(alarm, another_kind_or_subject_is_another_alarm)
{
	struct sr_alarm first = alarm_of(SR_EVENT_MISFILED, tag[0], recording[0]), other;

	cr_assert_eq(note(&first, 0), 1u);
	other = alarm_of(SR_EVENT_MISFILED, tag[0], recording[1]);
	cr_expect_eq(note(&other, 0), 1u, "another row of the same list");
	other = alarm_of(SR_EVENT_MISFILED, tag[1], recording[0]);
	cr_expect_eq(note(&other, 0), 2u);
	other = alarm_of(SR_EVENT_FOREIGN, tag[0], recording[0]);
	cr_expect_eq(note(&other, 0), 3u);
	other = first;
	strcpy(other.service, "other");
	cr_expect_eq(note(&other, 0), 4u);
	other = first;
	other.actor[0] = 1;
	cr_expect_eq(note(&other, 0), 5u);
	other = alarm_of(SR_EVENT_CORRUPT, tag[0], recording[0]);
	cr_expect_eq(note(&other, 0), 6u);
	other = alarm_of(SR_EVENT_CORRUPT, tag[0], recording[1]);
	cr_expect_eq(note(&other, 0), 7u, "damage of another recording");
	other = alarm_of(SR_EVENT_TEST, NULL, NULL);
	cr_expect_eq(note(&other, 0), 8u);
	cr_expect_eq(note(&other, 0), 9u, "a test is always told");
}

Test(alarm, failures_are_tried_again_with_longer_pauses_and_then_given_up)
{
	struct sr_alarm alarm = alarm_of(SR_EVENT_FOREIGN, tag[0], recording[0]);
	static const uint64_t pauses[] = {200, 400, 800};
	uint64_t now = 5;

	(void)note(&alarm, now);
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(begun(now), 1u);
		cr_expect_not(ended(1, false, now));
		cr_expect_eq(kept(1)->delivery, SR_ALARM_WAITING);
		cr_expect_eq(begun(now + pauses[i] - 1), 0u);
		now += pauses[i];
	}
	cr_assert_eq(begun(now), 1u);
	cr_expect(ended(1, false, now));
	cr_expect_eq(kept(1)->delivery, SR_ALARM_GIVEN_UP);
	cr_expect_eq(kept(1)->tries, 4u);
	cr_expect_eq(begun(UINT64_MAX - 1), 0u);
}

Test(alarm, twice_failed_and_then_told)
{
	struct sr_alarm alarm = alarm_of(SR_EVENT_FOREIGN, tag[0], recording[0]);

	(void)note(&alarm, 0);
	cr_assert_eq(begun(0), 1u);
	(void)ended(1, false, 0);
	(void)note(&alarm, 100); /* the repetition carries it */
	cr_assert_eq(begun(200), 1u);
	(void)ended(1, false, 200);
	cr_assert_eq(begun(600), 1u);
	cr_expect_eq(kept(1)->telling_count, 2u);
	cr_expect_not(ended(1, true, 600));
	cr_expect_eq(kept(1)->delivery, SR_ALARM_TOLD);
	cr_expect_eq(begun(60000), 0u, "both were told of");
}

Test(alarm, no_pause_is_longer_than_a_minute)
{
	struct sr_alarm_rules patient = {.told = true, .window_ms = 0, .tries_max = 1000};
	struct sr_alarm alarm = alarm_of(SR_EVENT_FOREIGN, tag[0], recording[0]);
	uint64_t now = 0;
	bool given_up;

	(void)sr_alarms_note(alarms, &alarm, &patient, 0, 0);
	for (unsigned i = 0; i < 100; i++) {
		cr_assert_eq(begun(now), 1u, "try %u", i);
		sr_alarms_told(alarms, 1, false, &patient, now, &given_up);
		cr_assert_not(given_up);
		now += 60000;
	}
}

Test(alarm, without_a_command_they_are_kept_and_never_due)
{
	struct sr_alarm alarm = alarm_of(SR_EVENT_MISFILED, tag[0], recording[0]);

	for (unsigned i = 0; i < 3; i++)
		(void)sr_alarms_note(alarms, &alarm, &silent, i, i);
	cr_expect_eq(begun(UINT64_MAX - 1), 0u);
	cr_expect_eq(kept(1)->delivery, SR_ALARM_UNTOLD);
	cr_expect_eq(kept(1)->count, 3u);
}

Test(alarm, the_oldest_settled_one_makes_room)
{
	struct sr_alarm alarm = alarm_of(SR_EVENT_TEST, NULL, NULL);
	const struct sr_alarm *at;
	uint64_t after = 0, seen = 0;

	for (unsigned i = 0; i < SR_ALARMS_KEPT; i++)
		(void)note(&alarm, i);
	cr_assert_eq(begun(1000), 1u);
	cr_assert_eq(begun(1000), 2u);
	(void)ended(2, true, 1000);
	cr_assert_eq(note(&alarm, 2000), SR_ALARMS_KEPT + 1u);
	cr_expect_eq(sr_alarms_lost(alarms), 1u);
	cr_expect_eq(sr_alarms_lost_untold(alarms), 0u, "the second had been told");
	cr_assert_eq(note(&alarm, 2000), SR_ALARMS_KEPT + 2u);
	cr_expect_eq(sr_alarms_lost_untold(alarms), 1u, "none is settled any more");
	cr_expect_not(ended(1, true, 3000), "one that had to make room is told in vain");
	for (; (at = sr_alarms_after(alarms, after)) != NULL; after = at->number)
		seen++;
	cr_expect_eq(seen, (uint64_t)SR_ALARMS_KEPT);
	cr_expect_eq(after, SR_ALARMS_KEPT + 2u);
}

Test(alarm, the_command_gets_one_line_of_json)
{
	struct sr_event event = {.kind = SR_EVENT_FOREIGN,
				 .operation = "info",
				 .request = 0x1234,
				 .service = "portal",
				 .issuer = "clinic",
				 .jti = "a\"b\\c\n\xc3\xa9",
				 .tag = tag[0],
				 .recording = recording[0],
				 .has_own_tag = true};
	char json[SR_ALARM_JSON_MAX];
	struct sr_alarm alarm;

	cr_assert(sr_alarm_of(&event, &alarm));
	(void)sr_alarms_note(alarms, &alarm, &rules, 1605875405123, 0);
	size_t size = sr_alarm_json(kept(1), "00ff", json);
	cr_expect_eq(size, strlen(json));
	cr_expect_str_eq(json, "{\"store\":\"00ff\",\"number\":1,\"kind\":\"foreign\",\"severity\":\"high\","
			       "\"first\":\"2020-11-20T12:30:05.123Z\",\"last\":\"2020-11-20T12:30:05.123Z\","
			       "\"count\":1,\"request\":\"0000000000001234\",\"operation\":\"info\","
			       "\"service\":\"portal\",\"issuer\":\"clinic\","
			       "\"jti\":\"a\\u0022b\\u005cc\\u000a\\u00c3\\u00a9\","
			       "\"patient_tag\":\"01000000000000000000000000000000"
			       "00000000000000000000000000000000\","
			       "\"recording\":\"03000000-0000-0000-0000-000000000000\",\"own_tag\":\"no\"}\n");
}

/* The longest of everything, each byte escaped, still fits whole. */
Test(alarm, the_longest_json_is_whole)
{
	struct sr_alarm alarm = alarm_of(SR_EVENT_UNUSUAL, tag[0], recording[0]);
	char json[SR_ALARM_JSON_MAX];

	memset(alarm.operation, 1, sizeof alarm.operation - 1);
	memset(alarm.service, 1, sizeof alarm.service - 1);
	memset(alarm.issuer, 1, sizeof alarm.issuer - 1);
	memset(alarm.jti, 1, sizeof alarm.jti - 1);
	memset(alarm.what, 1, sizeof alarm.what - 1);
	memset(alarm.actor, 0xff, sizeof alarm.actor);
	alarm.has_own_tag = true;
	alarm.number = alarm.request = UINT64_MAX;
	size_t size = sr_alarm_json(&alarm, "00112233445566778899aabbccddeeff", json);
	cr_expect_lt(size, sizeof json - 1);
	cr_expect_str_eq(json + size - 2, "}\n");
	cr_expect_not_null(strstr(json, "\"own_tag\":\"no\"}\n"));
}

Test(alarm, what_was_before_the_start_is_kept_counted_and_never_told)
{
	struct sr_alarm alarm = alarm_of(SR_EVENT_FOREIGN, tag[0], recording[0]);
	struct sr_alarm other = alarm_of(SR_EVENT_FOREIGN, tag[1], recording[0]);

	sr_alarms_recall(alarms, &alarm, 60000, 500000);
	sr_alarms_recall(alarms, &alarm, 60000, 559999);
	sr_alarms_recall(alarms, &other, 60000, 559999);
	sr_alarms_recall(alarms, &alarm, 60000, 560000);
	cr_expect_eq(kept(1)->count, 2u);
	cr_expect_eq(kept(1)->first_ms, 500000u);
	cr_expect_eq(kept(1)->last_ms, 559999u);
	cr_expect_eq(kept(2)->count, 1u);
	cr_expect_eq(kept(3)->count, 1u);
	cr_expect_eq(kept(3)->delivery, SR_ALARM_EARLIER);
	cr_expect_eq(begun(UINT64_MAX - 1), 0u);
	/* One that comes now is another, and is told. */
	cr_expect_eq(note(&alarm, 10), 4u);
	cr_expect_eq(begun(10), 4u);
}
