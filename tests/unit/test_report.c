/*
 * An incident's report: what counts as presented, opened, delivered, withheld and denied, and for whom.
 */
#include "report_world.h"

static struct world world;

/* ---- what the store judged ---- */

Test(report, nothing_in_an_empty_log)
{
	struct made made;
	world_report(&world, NULL, &made);
	FIGURES(&made, RECORDINGS, 0, 0, 0, 0, 0, 0);
	FIGURES(&made, PEOPLE, 0, 0, 0, 0, 0, 0);
	FIGURES(&made, RECIPIENTS, 0, 0, 0, 0, 0, 0);
	made_free(&made);
}

Test(report, what_was_given_to_the_proved_identity_is_intended)
{
	struct made made;
	(void)world_answer(&world, "list", ALICE, CLERK, 1, NULL);
	(void)world_answer(&world, "play.open", ALICE, CLERK, 1, NULL);
	(void)world_range(&world, SR_AUDIT_AUTHORISED, 1, 1, 0, 100, 0, 0);
	(void)world_range(&world, SR_AUDIT_SENT, 1, 1, 0, 100, 0, 0);
	world_report(&world, NULL, &made);
	FIGURES(&made, RECORDINGS, 0, 0, 0, 0, 0, 0);
	made_free(&made);
}

Test(report, misfiled_rows_are_withheld_and_never_presented)
{
	struct made made;
	struct sr_audit_entry *list = world_answer(&world, "list", ALICE, CLERK, 1, NULL);
	world_name(&world, list, 2, "misfiled")->owner = BOB;
	world_name(&world, list, 3, "misfiled")->owner = BOB;
	(void)world_name(&world, list, 4, "misfiled");
	world_report(&world, NULL, &made);
	FIGURES(&made, RECORDINGS, 0, 0, 0, 0, 3, 0);
	FIGURES(&made, PEOPLE, 0, 0, 0, 0, 1, 0);
	FIGURES(&made, RECIPIENTS, 0, 0, 0, 0, 1, 0);
	made_free(&made);
}

Test(report, foreign_requests_are_denied_and_ids_that_never_were_are_nothing)
{
	struct made made;
	struct sr_audit_entry *refused = world_say(&world, SR_AUDIT_REFUSED, "play.open", ALICE, CLERK);
	world_name(&world, refused, 2, "foreign")->owner = BOB;
	refused = world_say(&world, SR_AUDIT_REFUSED, "play.open", ALICE, CLERK);
	(void)world_name(&world, refused, 3, "not_found");
	world_name(&world, world_answer(&world, "check", ALICE, CLERK, 1, NULL), 4, "foreign")->owner = CAROL;
	world_report(&world, NULL, &made);
	FIGURES(&made, RECORDINGS, 0, 0, 0, 0, 0, 2);
	FIGURES(&made, PEOPLE, 0, 0, 0, 0, 0, 2);
	FIGURES(&made, RECIPIENTS, 0, 0, 0, 0, 0, 1);
	made_free(&made);
}

Test(report, a_refused_binding_is_denied_to_the_patient_it_was_for)
{
	struct made made;
	struct sr_audit_entry *refused = world_say(&world, SR_AUDIT_REFUSED, "record.track", BOB, NURSE);
	world_name(&world, refused, 7, "consultation_conflict")->owner = ALICE;
	(void)world_name(&world, refused, 7, "conflict");
	struct sr_audit_entry *again = world_say(&world, SR_AUDIT_REFUSED, "record.track", BOB, CLERK);
	world_name(&world, again, 7, "consultation_conflict")->owner = ALICE;
	world_report(&world, NULL, &made);
	FIGURES(&made, RECORDINGS, 0, 0, 0, 0, 0, 1);
	FIGURES(&made, PEOPLE, 0, 0, 0, 0, 0, 1);
	FIGURES(&made, RECIPIENTS, 0, 0, 0, 0, 0, 1);
	made_free(&made);
}

Test(report, what_was_found_of_a_recording_counts_and_not_that_it_was_asked_for)
{
	static const char *const words[][2] = {{NULL, "consultation_conflict"},
					       {"consultation_conflict", NULL},
					       {"conflict", "consultation_conflict"},
					       {"consultation_conflict", "consultation_conflict"}};
	for (size_t at = 0; at < sizeof words / sizeof *words; at++) {
		struct made made;
		world.count = 0;
		struct sr_audit_entry *outcome = world_say(&world, SR_AUDIT_OUTCOME, "record.open", BOB, CLERK);
		outcome->outcome = "not_applied";
		(void)world_name(&world, outcome, 7, words[at][0]);
		(void)world_name(&world, outcome, 7, words[at][1]);
		(void)world_note(&world, "wrong", 0, NULL, "service", "portal");
		world_report(&world, NULL, &made);
		FIGURES(&made, RECORDINGS, 0, 0, 0, 0, 0, 1);
		FIGURES(&made, RECIPIENTS, 0, 0, 0, 0, 0, 1);
		struct sr_report_person *list;
		size_t count;
		cr_assert(sr_report_people(made.report, &list, &count));
		cr_expect(count == 1 && list[0].recipient && memcmp(list[0].tag, BOB, SR_TAG) == 0, "case %zu", at);
		free(list);
		made_free(&made);
	}
}

Test(report, refusals_of_nobody_in_particular_are_nothing)
{
	struct made made;
	(void)world_say(&world, SR_AUDIT_REFUSED, "list", NULL, NULL);
	struct sr_audit_entry *list = world_answer(&world, "list", ALICE, CLERK, 1, "corrupt");
	(void)world_name(&world, list, 2, "frozen");
	world_report(&world, NULL, &made);
	FIGURES(&made, RECORDINGS, 0, 0, 0, 0, 0, 0);
	made_free(&made);
}

/* ---- what was stated to be wrong ---- */

/* A clerk lists four recordings of three people, opens one and gets bytes of it; then their own patient's. */
static void vouch_wrongly(void)
{
	struct sr_audit_entry *list = world_answer(&world, "list", BOB, CLERK, 1, NULL);
	(void)world_name(&world, list, 2, NULL);
	(void)world_answer(&world, "info", CAROL, CLERK, 3, NULL);
	(void)world_answer(&world, "play.open", BOB, CLERK, 1, NULL); /* entry 2 */
	(void)world_range(&world, SR_AUDIT_AUTHORISED, 2, 1, 0, 500, 0, 5000);
	(void)world_range(&world, SR_AUDIT_CONFIRMED, 2, 1, 0, 500, 0, 0);
	(void)world_range(&world, SR_AUDIT_SENT, 2, 1, 0, 500, 0, 0);
	(void)world_answer(&world, "list", ALICE, CLERK, 9, NULL);
}

static void state_wrong(const char *word, const uint8_t *tag)
{
	static char hex[4][2 * SR_TAG + 1];
	static unsigned next;
	char *text = hex[next++ % 4];
	for (size_t at = 0; at < SR_TAG; at++)
		(void)sprintf(text + 2 * at, "%02x", tag[at]);
	(void)world_note(&world, "wrong", 0, NULL, word, text);
}

Test(report, what_a_note_states_is_counted_once_for_each)
{
	struct made made;
	vouch_wrongly();
	struct sr_audit_entry *note = world_note(&world, "wrong", 0, NULL, "issuer", "hospital");
	static char alice[2 * SR_TAG + 1];
	(void)snprintf(alice, sizeof alice, "01%062d", 0);
	world.facts[note->number][2] = world.facts[note->number][1];
	world.facts[note->number][1] = world.facts[note->number][0];
	world.facts[note->number][0] = (struct sr_audit_fact){"except_patient", alice};
	note->fact_count = 3;
	world_report(&world, NULL, &made);
	FIGURES(&made, RECORDINGS, 3, 1, 1, 1, 0, 0);
	FIGURES(&made, PEOPLE, 2, 1, 1, 1, 0, 0);
	FIGURES(&made, RECIPIENTS, 1, 1, 1, 1, 0, 0);
	made_free(&made);
}

Test(report, each_condition_of_a_note_counts)
{
	static const struct {
		const char *word, *value;
		uint64_t presented;
	} cases[] = {
		{"service", "portal", 4},
		{"service", "other", 0},
		{"issuer", "hospital", 4},
		{"issuer", "dev", 0},
		{"grant", "j-1", 4},
		{"grant", "j-2", 0},
		{"recording", "01000000-0000-0000-0000-000000000000", 1},
		{"recording", "no id", 0},
		{"actor", "c1", 0},
		{"nonsense", "portal", 0},
	};
	for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
		struct made made;
		world.count = 0;
		vouch_wrongly();
		(void)world_note(&world, "wrong", 0, NULL, cases[at].word, cases[at].value);
		world_report(&world, NULL, &made);
		cr_expect_eq(sr_report_figure(made.report, SR_REPORT_RECORDINGS, SR_REPORT_PRESENTED),
			     cases[at].presented, "%s %s", cases[at].word, cases[at].value);
		made_free(&made);
	}
}

Test(report, each_tag_of_a_note_counts)
{
	const struct {
		const char *word;
		const uint8_t *tag;
		uint64_t presented;
	} cases[] = {{"actor", CLERK, 4},   {"actor", NURSE, 0},        {"patient", BOB, 2},
		     {"patient", ALICE, 1}, {"except_patient", BOB, 2}, {"except_patient", NURSE, 4}};
	for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
		struct made made;
		world.count = 0;
		vouch_wrongly();
		state_wrong(cases[at].word, cases[at].tag);
		world_report(&world, NULL, &made);
		cr_expect_eq(sr_report_figure(made.report, SR_REPORT_RECORDINGS, SR_REPORT_PRESENTED),
			     cases[at].presented, "%s, case %zu", cases[at].word, at);
		made_free(&made);
	}
}

Test(report, each_filter_of_the_arguments_narrows_what_is_withheld_too)
{
	static const struct sr_report_filter filters[] = {
		{.service = "other"},
		{.issuer = "dev"},
		{.grant = "j-2"},
		{.has_actor = true, .actor = {0xc2}},
		{.has_patient = true, .patient = {2}},
		{.has_except = true, .except = {1}},
		{.has_recording = true, .recording = {9}},
	};
	static const struct sr_report_filter meeting[] = {
		{.service = "portal"},
		{.issuer = "hospital"},
		{.grant = "j-1"},
		{.has_actor = true, .actor = {0xc1}},
		{.has_patient = true, .patient = {1}},
		{.has_except = true, .except = {2}},
		{.has_recording = true, .recording = {2}},
	};
	for (size_t at = 0; at < sizeof filters / sizeof *filters; at++) {
		struct made made;
		world.count = 0;
		(void)world_answer(&world, "list", ALICE, CLERK, 2, "misfiled");
		world_report(&world, &filters[at], &made);
		FIGURES(&made, RECORDINGS, 0, 0, 0, 0, 0, 0);
		made_free(&made);
		world_report(&world, &meeting[at], &made);
		FIGURES(&made, RECORDINGS, 0, 0, 0, 0, 1, 0);
		made_free(&made);
	}
}

Test(report, what_was_kept_back_from_a_wrong_request_counts_as_well)
{
	struct made made;
	(void)world_answer(&world, "list", BOB, CLERK, 1, "frozen");
	(void)world_name(&world, world_say(&world, SR_AUDIT_REFUSED, "play.open", BOB, CLERK), 2, "frozen");
	(void)world_name(&world, world_say(&world, SR_AUDIT_REFUSED, "play.open", BOB, CLERK), 3, "not_found");
	(void)world_note(&world, "wrong", 0, NULL, "service", "portal");
	world_report(&world, NULL, &made);
	FIGURES(&made, RECORDINGS, 0, 0, 0, 0, 1, 1);
	FIGURES(&made, PEOPLE, 0, 0, 0, 0, 1, 1);
	made_free(&made);
}

/* ---- time ---- */

Test(report, only_what_lies_in_its_time_counts)
{
	struct made made;
	for (uint8_t id = 1; id <= 5; id++)
		(void)world_answer(&world, "list", ALICE, CLERK, id, "misfiled"); /* seconds 1 to 5 */
	world_report_to(&world, world.count, &(struct sr_report_arguments){.from_ms = 2000, .to_ms = 4000}, &made);
	FIGURES(&made, RECORDINGS, 0, 0, 0, 0, 2, 0);
	made_free(&made);
	world_report_to(&world, 3, &(struct sr_report_arguments){.from_ms = 2000, .to_ms = 9000}, &made);
	FIGURES(&made, RECORDINGS, 0, 0, 0, 0, 2, 0);
	made_free(&made);
}

Test(report, a_stream_that_goes_on_into_its_time_counts_whole)
{
	struct made made;
	vouch_wrongly(); /* opened in second 3, authorised in 4, sent in 6 */
	(void)world_note(&world, "wrong", 0, NULL, "service", "portal");
	world_report_to(&world, world.count, &(struct sr_report_arguments){.from_ms = 6000, .to_ms = 6500}, &made);
	FIGURES(&made, RECORDINGS, 1, 1, 1, 1, 0, 0);
	made_free(&made);
	world_report_to(&world, world.count, &(struct sr_report_arguments){.from_ms = 6500, .to_ms = 6600}, &made);
	FIGURES(&made, RECORDINGS, 0, 0, 0, 0, 0, 0);
	made_free(&made);
	world_report_to(&world, world.count, &(struct sr_report_arguments){.from_ms = 3000, .to_ms = 3500}, &made);
	FIGURES(&made, RECORDINGS, 1, 1, 1, 1, 0, 0);
	made_free(&made);
}

Test(report, its_time_must_not_end_before_it_begins)
{
	struct made made;
	struct sr_report *report;
	world_report(&world, NULL, &made);
	struct sr_report_request request = {
		.incident = &made.incident, .arguments = {.from_ms = 5, .to_ms = 5}, .checkpoint = made.note};
	cr_assert_eq(sr_report_new(&request, &report, NULL), SR_USAGE);
	request.arguments.to_ms = 6;
	request.checkpoint = "no checkpoint";
	cr_assert_eq(sr_report_new(&request, &report, NULL), SR_USAGE);
	cr_assert_null(report);
	made_free(&made);
}

/* ---- both bounds ---- */

Test(report, handed_over_but_not_confirmed_is_possibly_delivered)
{
	struct made made;
	(void)world_answer(&world, "play.open", BOB, CLERK, 1, NULL);
	(void)world_range(&world, SR_AUDIT_AUTHORISED, 0, 1, 0, 600, 0, 0);
	world_range(&world, SR_AUDIT_SENT, 0, 1, 0, 500, 0, 0)->outcome = "gone";
	(void)world_note(&world, "wrong", 0, NULL, "service", "portal");
	world_report(&world, NULL, &made);
	FIGURES(&made, RECORDINGS, 1, 1, 0, 1, 0, 0);
	made_free(&made);
}

/* The JSON of a report, which the caller frees. */
static char *json_of(const struct made *made, const struct made *since)
{
	struct sr_report_out out = {.data = NULL};
	cr_assert(sr_report_json(made->report, since ? since->report : NULL, &out));
	return out.data;
}

#define HAS(made, words)                                                                                               \
	do {                                                                                                           \
		char *json = json_of((made), NULL);                                                                    \
		cr_expect_not_null(strstr(json, (words)), "no %s in %s", (words), json);                               \
		free(json);                                                                                            \
	} while (0)

Test(report, a_stream_without_its_close_may_have_delivered_what_was_authorised)
{
	struct made made;
	(void)world_answer(&world, "play.open", BOB, CLERK, 1, NULL);
	(void)world_range(&world, SR_AUDIT_AUTHORISED, 0, 1, 0, 600, 0, 0);
	(void)world_range(&world, SR_AUDIT_CONFIRMED, 0, 1, 0, 100, 0, 0);
	(void)world_note(&world, "wrong", 0, NULL, "service", "portal");
	world_report(&world, NULL, &made);
	FIGURES(&made, RECORDINGS, 1, 1, 1, 1, 0, 0);
	HAS(&made, "\"bytes_at_least\": 100,");
	HAS(&made, "\"bytes_at_most\": 600,");
	HAS(&made, "\"streams_not_closed\": 1,");
	made_free(&made);
	/* A start says so in an entry of its own, which changes neither bound nor the time at which it ended. */
	struct sr_audit_entry *recovered = world_range(&world, SR_AUDIT_RECOVERED, 0, 1, 0, 600, 0, 0);
	recovered->time_ms = 3600000;
	recovered->outcome = "authorised";
	world_report(&world, NULL, &made);
	HAS(&made, "\"bytes_at_least\": 100,");
	HAS(&made, "\"bytes_at_most\": 600,");
	HAS(&made, "\"streams_not_closed\": 1,");
	HAS(&made, "\"ended\": \"1970-01-01T00:00:03.000Z\"");
	made_free(&made);
}

Test(report, bytes_seconds_and_the_whole_are_told)
{
	struct made made;
	(void)world_answer(&world, "play.open", BOB, CLERK, 1, NULL);
	(void)world_range(&world, SR_AUDIT_AUTHORISED, 0, 1, 0, 500, 0, 5000);
	(void)world_range(&world, SR_AUDIT_AUTHORISED, 0, 1, 500, 1000, 5000, 9000);
	(void)world_range(&world, SR_AUDIT_CONFIRMED, 0, 1, 0, 500, 0, 0);
	(void)world_range(&world, SR_AUDIT_SENT, 0, 1, 0, 500, 0, 0);
	(void)world_note(&world, "wrong", 0, NULL, "service", "portal");
	world_report(&world, NULL, &made);
	HAS(&made, "\"authorised_bytes\": 1000,");
	HAS(&made, "\"sent_bytes\": 500,");
	HAS(&made, "\"confirmed_bytes\": 500,");
	HAS(&made, "\"media_ms_at_least\": 5000,");
	HAS(&made, "\"media_ms_at_most\": 5000");
	HAS(&made, "\"extent\": \"part\"");
	HAS(&made, "\"keys_released\": 1,");
	made_free(&made);
	world.recordings[4][0].to = 1000;
	world_report(&world, NULL, &made);
	HAS(&made, "\"extent\": \"whole\"");
	HAS(&made, "\"media_ms_at_most\": 9000");
	made_free(&made);
}

Test(report, what_a_service_states_to_have_shown_is_its_word)
{
	struct made made;
	struct sr_audit_entry *shown = world_say(&world, SR_AUDIT_SHOWN, "shown", BOB, CLERK);
	struct sr_audit_recording *range = world_name(&world, shown, 1, NULL);
	range->has_track = range->has_media = true;
	range->track = 1;
	range->media_from = 1000;
	range->media_to = 6000;
	shown->linked = NURSE;
	state_wrong("actor", NURSE);
	world_report(&world, NULL, &made);
	HAS(&made, "\"stated_by\": \"portal\"");
	HAS(&made, "\"media_ms\": 5000,");
	FIGURES(&made, RECIPIENTS, 0, 0, 0, 0, 0, 0); /* nothing is proved of it */
	made_free(&made);
}

/* ---- people with several tags ---- */

static void move(const char *operation, const uint8_t *to, const uint8_t *from, bool only, const char *outcome)
{
	struct sr_audit_entry *intent = world_say(&world, SR_AUDIT_INTENT, operation, to, NURSE);
	intent->linked = from;
	if (only)
		world_fact(&world, intent, "only", "recording");
	struct sr_audit_entry *end = world_say(&world, SR_AUDIT_OUTCOME, operation, to, NURSE);
	end->linked = from;
	end->has_of = true;
	end->of = intent->number;
	end->outcome = outcome;
}

static uint64_t people_withheld(void)
{
	struct made made;
	world_report(&world, NULL, &made);
	uint64_t people = sr_report_figure(made.report, SR_REPORT_PEOPLE, SR_REPORT_WITHHELD);
	made_free(&made);
	return people;
}

Test(report, linked_tags_are_one_person)
{
	static const char *const operations[] = {"patient.rename", "patient.merge"};
	for (size_t at = 0; at < 2; at++) {
		world.count = 0;
		struct sr_audit_entry *list = world_answer(&world, "list", ALICE, CLERK, 1, "misfiled");
		world.recordings[0][0].owner = BOB;
		world_name(&world, list, 2, "misfiled")->owner = CAROL;
		cr_expect_eq(people_withheld(), 2);
		move(operations[at], CAROL, BOB, false, "applied");
		cr_expect_eq(people_withheld(), 1, "%s", operations[at]);
	}
}

Test(report, moves_that_failed_or_took_one_recording_link_nobody)
{
	struct sr_audit_entry *list = world_answer(&world, "list", ALICE, CLERK, 1, "misfiled");
	world.recordings[0][0].owner = BOB;
	world_name(&world, list, 2, "misfiled")->owner = CAROL;
	move("patient.merge", CAROL, BOB, false, "not_applied");
	cr_expect_eq(people_withheld(), 2);
	move("patient.merge", CAROL, BOB, true, "applied");
	cr_expect_eq(people_withheld(), 2);
}

/* ---- safeguards, notes, the clock ---- */

Test(report, alarms_and_freezes_in_its_time_are_told)
{
	struct made made;
	struct sr_audit_entry *list = world_answer(&world, "list", ALICE, CLERK, 1, "misfiled");
	world_fact(&world, list, "alarm", "misfiled unusual");
	struct sr_audit_entry *intent = world_say(&world, SR_AUDIT_INTENT, "freeze", NULL, NULL);
	world_fact(&world, intent, "scope", "patient");
	intent->service = NULL;
	struct sr_audit_entry *end = world_say(&world, SR_AUDIT_OUTCOME, "freeze", NULL, NULL);
	end->has_of = true;
	end->of = intent->number;
	end->outcome = "applied";
	world_report(&world, NULL, &made);
	HAS(&made, "\"kind\": \"misfiled\",\n      \"entries\": 1,");
	HAS(&made, "\"kind\": \"unusual\"");
	HAS(&made, "\"scope\": \"patient\",\n      \"time\": \"1970-01-01T00:00:03.000Z\",\n      \"by\": \"the store "
		   "itself\"");
	HAS(&made, "\"first_freeze\": \"1970-01-01T00:00:03.000Z\"");
	made_free(&made);
}

Test(report, seventy_two_hours_run_from_aware_at)
{
	struct made made;
	(void)world_note(&world, "opened", 0, "wrong recordings shown", NULL, NULL);
	(void)world_note(&world, "aware_at", 1591695000000, NULL, NULL, NULL);
	(void)world_note(&world, "authority_notified", 1591954200000, "by form 12", NULL, NULL);
	world_report(&world, NULL, &made);
	HAS(&made, "\"due\": \"2020-06-12T09:30:00.000Z\"");
	HAS(&made, "\"within_72_hours\": true");
	made_free(&made);
	world.counts[2][0].value++;
	world_report(&world, NULL, &made);
	HAS(&made, "\"within_72_hours\": false");
	made_free(&made);
}

Test(report, notes_that_were_not_handed_over_are_noticed)
{
	struct made made;
	struct sr_error err;
	struct sr_report *report;
	(void)world_note(&world, "opened", 0, NULL, NULL, NULL);
	world_report(&world, NULL, &made);
	struct sr_incident none = {.name = "june"};
	struct sr_report_request request = {
		.incident = &none, .arguments = {.from_ms = 0, .to_ms = 1}, .checkpoint = made.note};
	cr_assert_eq(sr_report_new(&request, &report, &err), SR_OK);
	cr_assert(sr_report_take(report, &world.entries[0]));
	cr_expect_eq(sr_report_count(report, &err), SR_CORRUPT);
	sr_report_free(report);
	request.incident = &made.incident;
	cr_assert_eq(sr_report_new(&request, &report, &err), SR_OK);
	cr_expect_eq(sr_report_count(report, &err), SR_CORRUPT, "an entry is missing");
	sr_report_free(report);
	made_free(&made);
}

/* ---- what is written ---- */

Test(report, no_tag_id_or_grant_stands_in_the_regulators_copy)
{
	struct made made;
	vouch_wrongly();
	state_wrong("actor", CLERK);
	world_report(&world, &(struct sr_report_filter){.grant = "j-1", .has_actor = true, .actor = {0xc1}}, &made);
	struct sr_report_out text = {.data = NULL};
	cr_assert(sr_report_text(made.report, NULL, &text));
	char *json = json_of(&made, NULL);
	static const char *const words[] = {"j-1", "c100000000", "0200000000", "01000000-0000", "03000000-0000"};
	for (size_t at = 0; at < sizeof words / sizeof *words; at++) {
		cr_expect_null(strstr(json, words[at]), "%s", words[at]);
		cr_expect_null(strstr(text.data, words[at]), "%s", words[at]);
	}
	free(json);
	sr_out_free(&text);
	made_free(&made);
}

Test(report, the_same_log_gives_the_same_bytes)
{
	char *first = NULL;
	vouch_wrongly();
	(void)world_note(&world, "wrong", 0, NULL, "service", "portal");
	for (int again = 0; again < 5; again++) {
		struct made made;
		world_report(&world, NULL, &made);
		char *json = json_of(&made, NULL);
		made_free(&made);
		if (first)
			cr_expect_str_eq(first, json);
		else
			first = strdup(json);
		free(json);
	}
	free(first);
}

Test(report, since_an_earlier_report_only_the_difference_is_told)
{
	struct made then, now;
	const struct sr_report_arguments all = {.from_ms = 0, .to_ms = UINT64_MAX};
	(void)world_answer(&world, "list", ALICE, CLERK, 1, "misfiled");
	(void)world_answer(&world, "list", ALICE, CLERK, 2, "misfiled");
	(void)world_answer(&world, "list", ALICE, CLERK, 2, "misfiled");
	world_report_to(&world, 2, &all, &then);
	world_report_to(&world, 3, &all, &now);
	char *json = json_of(&now, &then);
	char *since = strstr(json, "\"since\"");
	cr_assert_not_null(since);
	cr_expect_not_null(strstr(since, "\"figures\": [],"), "%s", since);
	cr_expect_not_null(strstr(since, "\"recording\": 2,"));
	cr_expect_null(strstr(since, "\"recording\": 1,"));
	free(json);
	made_free(&now);
	world_report_to(&world, 2, &all, &now);
	json = json_of(&now, &then);
	since = strstr(json, "\"since\"");
	cr_expect_not_null(strstr(since, "\"accesses\": [],"), "%s", since);
	free(json);
	made_free(&now);
	made_free(&then);
}

Test(report, the_contact_list_has_everybody_with_all_of_their_tags)
{
	struct made made;
	struct sr_report_person *list;
	size_t count;
	struct sr_audit_entry *answer = world_answer(&world, "list", ALICE, CLERK, 1, "misfiled");
	world.recordings[0][0].owner = BOB;
	(void)answer;
	move("patient.rename", CAROL, BOB, false, "applied");
	world_report(&world, NULL, &made);
	cr_assert(sr_report_people(made.report, &list, &count));
	cr_assert_eq(count, 3);
	cr_expect(list[0].recipient && memcmp(list[0].tag, CLERK, SR_TAG) == 0);
	cr_expect(!list[1].recipient && !list[2].recipient && list[1].number == 1 && list[2].number == 1);
	list[1].box = (const uint8_t *)"box";
	list[1].box_size = 3;
	struct sr_report_out out = {.data = NULL};
	cr_assert(sr_report_contacts(made.report, list, count, &out));
	cr_expect_not_null(strstr(out.data, "\"box\": \"626f78\""));
	cr_expect_not_null(strstr(out.data, "\"box\": null"));
	cr_expect_not_null(strstr(out.data, "\"id\": \"01000000-0000-0000-0000-000000000000\""));
	sr_out_free(&out);
	free(list);
	made_free(&made);
}
