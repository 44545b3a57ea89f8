/*
 * A log in memory for tests of reports: entries as the daemon writes them, and the notes of an incident.
 */
#ifndef SR_TEST_REPORT_WORLD_H
#define SR_TEST_REPORT_WORLD_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

#define WORLD_MAX 128

/* Zeros: an empty log of which every entry is one second after the one before it, from second 1 on. */
struct world {
	struct sr_audit_entry entries[WORLD_MAX];
	struct sr_audit_recording recordings[WORLD_MAX][4];
	struct sr_audit_fact facts[WORLD_MAX][4];
	struct sr_audit_count counts[WORLD_MAX][1];
	size_t count;
};

/* Patients, and those who act. */
static const uint8_t world_tags[5][SR_TAG] = {{1}, {2}, {3}, {0xc1}, {0xc2}};
#define ALICE world_tags[0]
#define BOB world_tags[1]
#define CAROL world_tags[2]
#define CLERK world_tags[3]
#define NURSE world_tags[4]

/* An entry for patient `tag` through `actor`; NULL: of nobody. */
static inline struct sr_audit_entry *world_say(struct world *world, enum sr_audit_kind kind, const char *operation,
					       const uint8_t *tag, const uint8_t *actor)
{
	cr_assert_lt(world->count, WORLD_MAX);
	struct sr_audit_entry *entry = &world->entries[world->count];
	*entry = (struct sr_audit_entry){.number = world->count,
					 .time_ms = 1000 * (world->count + 1),
					 .kind = kind,
					 .operation = operation,
					 .request = 1,
					 .service = "portal",
					 .issuer = "hospital",
					 .jti = "j-1",
					 .tag = tag,
					 .actor = actor,
					 .recordings = world->recordings[world->count],
					 .facts = world->facts[world->count],
					 .counts = world->counts[world->count]};
	world->count++;
	return entry;
}

/* Name recording `id` in an entry, withheld for `why` (NULL: not). */
static inline struct sr_audit_recording *world_name(struct world *world, struct sr_audit_entry *entry, uint8_t id,
						    const char *why)
{
	struct sr_audit_recording *recording = &world->recordings[entry->number][entry->recording_count++];
	*recording = (struct sr_audit_recording){.id = {id}, .withheld = why};
	return recording;
}

static inline void world_fact(struct world *world, struct sr_audit_entry *entry, const char *name, const char *value)
{
	world->facts[entry->number][entry->fact_count++] = (struct sr_audit_fact){name, value};
}

/* One recording presented, or withheld for `why`, by `operation`. */
static inline struct sr_audit_entry *world_answer(struct world *world, const char *operation, const uint8_t *tag,
						  const uint8_t *actor, uint8_t id, const char *why)
{
	struct sr_audit_entry *entry = world_say(world, SR_AUDIT_PRESENTED, operation, tag, actor);
	(void)world_name(world, entry, id, why);
	return entry;
}

/* A range of track 1 under stream `of`; with media times if `media_to` is not 0. */
static inline struct sr_audit_entry *world_range(struct world *world, enum sr_audit_kind kind, uint64_t of, uint8_t id,
						 uint64_t from, uint64_t to, uint64_t media_from, uint64_t media_to)
{
	struct sr_audit_entry *entry =
		world_say(world, kind, "play.read", world->entries[of].tag, world->entries[of].actor);
	struct sr_audit_recording *range = world_name(world, entry, id, NULL);
	entry->has_of = true;
	entry->of = of;
	range->has_track = range->has_range = true;
	range->track = 1;
	range->from = from;
	range->to = to;
	range->has_length = kind == SR_AUDIT_AUTHORISED;
	range->length = 1000;
	range->has_media = media_to > 0;
	range->media_from = media_from;
	range->media_to = media_to;
	entry->outcome = kind == SR_AUDIT_SENT ? "closed" : NULL;
	return entry;
}

/* A note of the incident "june"; `word` and `value` are one fact of it, NULL: none. */
static inline struct sr_audit_entry *world_note(struct world *world, const char *what, uint64_t at_ms, const char *text,
						const char *word, const char *value)
{
	struct sr_audit_entry *entry = world_say(world, SR_AUDIT_CONTROL, SR_INCIDENT_OPERATION, NULL, NULL);
	entry->service = "auditor";
	entry->name = "june";
	entry->reason = text;
	if (word && strcmp(word, "what") < 0)
		world_fact(world, entry, word, value);
	world_fact(world, entry, "what", what);
	if (word && strcmp(word, "what") > 0)
		world_fact(world, entry, word, value);
	if (at_ms) {
		world->counts[entry->number][0] = (struct sr_audit_count){"at", at_ms};
		entry->count_count = 1;
	}
	return entry;
}

/* A report over the world, counted; what it borrows. */
struct made {
	struct sr_incident incident;
	struct sr_report *report;
	char note[SR_CHECKPOINT_MAX];
};

/* Report on the world's first `size` entries. `incident` has its notes up to any size. */
static inline void world_report_to(struct world *world, uint64_t size, const struct sr_report_arguments *arguments,
				   struct made *made)
{
	struct sr_error err = {.text = ""};
	struct sr_report_request request = {.incident = &made->incident, .arguments = *arguments, .number = 1};
	memset(made, 0, sizeof *made);
	(void)snprintf(made->incident.name, sizeof made->incident.name, "june");
	for (size_t at = 0; at < world->count; at++)
		cr_assert(sr_incident_take(&made->incident, &world->entries[at]));
	(void)snprintf(made->note, sizeof made->note, "sealreel/test\n%llu\n%s=\n\n\xe2\x80\x94 x AAAAAAA=\n",
		       (unsigned long long)size, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	request.checkpoint = made->note;
	cr_assert_eq(sr_report_new(&request, &made->report, &err), SR_OK, "%s", err.text);
	for (size_t at = 0; at < world->count; at++)
		cr_assert(sr_report_take(made->report, &world->entries[at]));
	cr_assert_eq(sr_report_count(made->report, &err), SR_OK, "%s", err.text);
}

static inline void world_report(struct world *world, const struct sr_report_filter *filter, struct made *made)
{
	struct sr_report_arguments arguments = {.from_ms = 0, .to_ms = UINT64_MAX};
	if (filter)
		arguments.filter = *filter;
	world_report_to(world, world->count, &arguments, made);
}

static inline void made_free(struct made *made)
{
	sr_report_free(made->report);
	sr_incident_free(&made->incident);
}

/* The figures of a row, in the order of the columns. */
static inline void assert_figures(const struct made *made, enum sr_report_row row, const uint64_t *wanted)
{
	for (unsigned column = 0; column < SR_REPORT_COLUMNS; column++)
		cr_expect_eq(sr_report_figure(made->report, row, (enum sr_report_column)column), wanted[column],
			     "row %u, column %u: %llu instead of %llu", row, column,
			     (unsigned long long)sr_report_figure(made->report, row, (enum sr_report_column)column),
			     (unsigned long long)wanted[column]);
}
#define FIGURES(made, row, ...)                                                                                        \
	assert_figures((made), SR_REPORT_##row, (const uint64_t[SR_REPORT_COLUMNS]){__VA_ARGS__})

#endif
