/*
 * What each entry of the log adds to a report.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

static const char *fact_of(const struct sr_audit_entry *entry, const char *name)
{
	for (size_t at = 0; at < entry->fact_count; at++)
		if (strcmp(entry->facts[at].name, name) == 0)
			return entry->facts[at].value;
	return NULL;
}

static bool is(const char *text, const char *wanted)
{
	return text && strcmp(text, wanted) == 0;
}

/* ---- notes ---- */

/* Whoever asked for the report has read the notes before: they must be the log's. */
static void meet_note(struct sr_report *report, const struct sr_audit_entry *entry)
{
	const struct sr_incident *incident = report->request.incident;
	if (!sr_incident_is(incident, entry))
		return;
	for (size_t at = 0; at < incident->count; at++)
		if (incident->notes[at].number == entry->number) {
			report->notes_met++;
			return;
		}
	report->strange_note = true;
}

/* Did a note state that this was unintended? */
static bool stated(const struct sr_report *report, const struct sr_audit_entry *entry, const uint8_t id[SR_UUID])
{
	const struct sr_incident *incident = report->request.incident;
	for (size_t at = 0; at < incident->count; at++) {
		const struct sr_stated *note = &incident->notes[at];
		struct sr_report_filter filter = {.service = NULL};
		bool reads = note->what == SR_INCIDENT_WRONG && note->number < report->checkpoint.size;
		for (size_t fact = 0; reads && fact < note->fact_count; fact++)
			reads = strcmp(note->facts[fact].name, "what") == 0 ||
				sr_report_filter_set(&filter, note->facts[fact].name, note->facts[fact].value);
		if (reads && !sr_report_filter_empty(&filter) && sr_report_filter_meets(&filter, entry) &&
		    sr_report_filter_meets_recording(&filter, id))
			return true;
	}
	return false;
}

/* ---- moves ---- */

static bool is_move(const struct sr_audit_entry *entry)
{
	return entry->tag && entry->linked &&
	       (is(entry->operation, "patient.rename") || is(entry->operation, "patient.merge"));
}

/* One recording that was filed wrongly goes to somebody else: they do not become one person. */
static bool take_move(struct sr_report *report, const struct sr_audit_entry *entry)
{
	if (!is_move(entry))
		return true;
	if (entry->kind == SR_AUDIT_INTENT)
		return !fact_of(entry, "only") || sr_report_number(&report->singles, &entry->number) != SR_REPORT_NONE;
	bool applied =
		is(entry->outcome, "applied") && (entry->kind == SR_AUDIT_OUTCOME || entry->kind == SR_AUDIT_RECOVERED);
	if (!applied || !entry->has_of || sr_report_find(&report->singles, &entry->of) != SR_REPORT_NONE)
		return true;
	return sr_report_link(report, entry->tag, entry->linked);
}

/* ---- freezes and alarms ---- */

static bool begin_freeze(struct sr_report *report, const struct sr_audit_entry *entry, bool thaw)
{
	const char *scope = fact_of(entry, "scope");
	struct sr_report_freeze *freezes =
		sr_report_grown(report->freezes, &report->freeze_room, report->freeze_count, sizeof *freezes);
	if (!freezes)
		return false;
	report->freezes = freezes;
	struct sr_report_freeze *freeze = &freezes[report->freeze_count++];
	*freeze = (struct sr_report_freeze){.number = entry->number,
					    .thaw = thaw,
					    .scope = strdup(scope ? scope : "all"),
					    .by = entry->service ? strdup(entry->service) : NULL};
	return freeze->scope && (freeze->by || !entry->service);
}

static bool take_freeze(struct sr_report *report, const struct sr_audit_entry *entry)
{
	bool thaw = strcmp(entry->operation, "thaw") == 0;
	if (!thaw && strcmp(entry->operation, "freeze") != 0)
		return true;
	if (entry->kind == SR_AUDIT_INTENT)
		return entry->time_ms < report->request.arguments.from_ms || begin_freeze(report, entry, thaw);
	bool ends = entry->kind == SR_AUDIT_OUTCOME || entry->kind == SR_AUDIT_RECOVERED;
	for (size_t at = report->freeze_count; ends && entry->has_of && at-- > 0;)
		if (report->freezes[at].number == entry->of) {
			report->freezes[at].applied = is(entry->outcome, "applied");
			report->freezes[at].time_ms = entry->time_ms;
			break;
		}
	return true;
}

static void count_alarm(struct sr_report *report, const struct sr_audit_entry *entry, const char *name, size_t size)
{
	size_t at = 0;
	if (size == 0 || size >= sizeof report->alarms[0].name)
		return;
	while (at < report->alarm_count &&
	       (strncmp(report->alarms[at].name, name, size) != 0 || report->alarms[at].name[size] != '\0'))
		at++;
	if (at == SR_REPORT_ALARMS_MAX)
		return; /* the design has fewer */
	if (at == report->alarm_count) {
		report->alarm_count++;
		report->alarms[at] = (struct sr_report_alarm){.first_ms = entry->time_ms};
		memcpy(report->alarms[at].name, name, size);
	}
	report->alarms[at].entries++;
}

static void take_alarms(struct sr_report *report, const struct sr_audit_entry *entry)
{
	const char *words = entry->kind == SR_AUDIT_ALARM ? entry->name : fact_of(entry, "alarm");
	while (words && *words) {
		size_t size = strcspn(words, " ");
		count_alarm(report, entry, words, size);
		words += size + (words[size] == ' ');
	}
}

/* ---- what was given and what was not ---- */

/* Which of a pair's counts goes up. */
enum met { MET_NOTHING, MET_GIVEN, MET_WITHHELD, MET_DENIED };

/* As the store judged it; with `wrong`, the whole request was stated to be unintended. */
static enum met judge(const struct sr_audit_entry *entry, const struct sr_audit_recording *recording, bool wrong)
{
	const char *why = recording->withheld;
	bool answered = entry->kind == SR_AUDIT_PRESENTED;
	if (!why)
		/* What a check confirms its asker knew; nothing of it was shown. */
		return answered && !is(entry->operation, "check") ? MET_GIVEN : MET_NOTHING;
	if (is(why, "misfiled"))
		return MET_WITHHELD;
	if (is(why, "foreign") || is(why, "consultation_conflict"))
		return MET_DENIED;
	if (is(why, "not_found") || !wrong)
		return MET_NOTHING; /* there is no such recording; or their own, which is damaged, frozen … */
	return answered ? MET_WITHHELD : MET_DENIED;
}

static bool add_given(struct sr_report *report, const struct sr_audit_entry *entry,
		      const struct sr_audit_recording *recording)
{
	uint8_t who[SR_WHO];
	bool opens = is(entry->operation, "play.open");
	bool inside = entry->time_ms >= report->request.arguments.from_ms;
	sr_report_who(entry, who);
	if (opens && !sr_report_follow(report, entry, recording, inside))
		return false;
	if (!inside)
		return true;
	struct sr_report_pair *pair = sr_report_touch(report, who, recording->id, entry->tag, entry->time_ms);
	if (!pair)
		return false;
	pair->presented++;
	pair->opened += opens;
	return true;
}

static bool add_kept(struct sr_report *report, const struct sr_audit_entry *entry,
		     const struct sr_audit_recording *recording, enum met met)
{
	uint8_t who[SR_WHO];
	bool wrong = !is(recording->withheld, "misfiled") && !is(recording->withheld, "foreign");
	const uint8_t *owner = recording->owner ? recording->owner : wrong && entry->tag ? entry->tag : NULL;
	sr_report_who(entry, who);
	if (is(recording->withheld, "consultation_conflict")) {
		/* Nobody asked to see anything: it would have come to stand in this patient's list. */
		who[0] = 'p';
		memcpy(who + 1, entry->tag, SR_TAG);
		owner = recording->owner;
	}
	struct sr_report_pair *pair = sr_report_touch(report, who, recording->id, owner, entry->time_ms);
	if (!pair)
		return false;
	pair->withheld += met == MET_WITHHELD;
	pair->denied += met == MET_DENIED;
	return true;
}

/* Words for rows that are somebody else's, as the store itself found. */
static bool is_judged(const char *why)
{
	return why && (is(why, "misfiled") || is(why, "foreign") || is(why, "consultation_conflict"));
}

/*
 * A refusal may name a recording twice, once because it was asked for, once for what was found of it: the second
 * counts, once.
 */
static bool said_better(const struct sr_audit_entry *entry, size_t at)
{
	const struct sr_audit_recording *own = &entry->recordings[at];
	if (entry->kind == SR_AUDIT_PRESENTED)
		return false;
	for (size_t other = 0; other < entry->recording_count; other++) {
		const struct sr_audit_recording *named = &entry->recordings[other];
		if (other == at || memcmp(named->id, own->id, SR_UUID) != 0)
			continue;
		if (is_judged(named->withheld) != is_judged(own->withheld) ? is_judged(named->withheld) : other < at)
			return true;
	}
	return false;
}

/* An answer or a refusal. Before the report's time only streams matter, which may go on into it. */
static bool take_answer(struct sr_report *report, const struct sr_audit_entry *entry)
{
	bool inside = entry->time_ms >= report->request.arguments.from_ms;
	if (!inside && !is(entry->operation, "play.open"))
		return true;
	for (size_t at = 0; at < entry->recording_count; at++) {
		const struct sr_audit_recording *recording = &entry->recordings[at];
		if (!sr_report_filter_meets_recording(&report->request.arguments.filter, recording->id) ||
		    said_better(entry, at))
			continue;
		bool wrong = stated(report, entry, recording->id);
		enum met met = judge(entry, recording, wrong);
		if (met == MET_GIVEN && !wrong)
			report->intended += inside;
		else if (met == MET_GIVEN && !add_given(report, entry, recording))
			return false;
		else if (inside && (met == MET_WITHHELD || met == MET_DENIED) &&
			 !add_kept(report, entry, recording, met))
			return false;
	}
	return true;
}

/* A viewer's session as its service stated it. */
static bool take_shown(struct sr_report *report, const struct sr_audit_entry *entry)
{
	uint8_t who[SR_WHO];
	sr_report_who(entry, who);
	if (entry->linked)
		memcpy(who + 1, entry->linked, SR_TAG);
	for (size_t at = 0; at < entry->recording_count; at++) {
		const struct sr_audit_recording *recording = &entry->recordings[at];
		if (!sr_report_filter_meets_recording(&report->request.arguments.filter, recording->id) ||
		    !stated(report, entry, recording->id))
			continue;
		struct sr_report_pair *pair = sr_report_touch(report, who, recording->id, entry->tag, entry->time_ms);
		if (!pair || !sr_report_state_shown(pair, entry->service, recording))
			return false;
	}
	return true;
}

static bool take_asked(struct sr_report *report, const struct sr_audit_entry *entry)
{
	const struct sr_report_arguments *arguments = &report->request.arguments;
	bool inside = entry->time_ms >= arguments->from_ms;
	if (entry->time_ms >= arguments->to_ms || !sr_report_filter_meets(&arguments->filter, entry))
		return true;
	if (inside)
		take_alarms(report, entry);
	if (!entry->tag || !entry->actor)
		return true; /* refused before anybody had proved anything: it named no recording */
	switch (entry->kind) {
	case SR_AUDIT_PRESENTED:
	case SR_AUDIT_REFUSED:
	case SR_AUDIT_OUTCOME:
		return take_answer(report, entry);
	case SR_AUDIT_SHOWN:
		return !inside || take_shown(report, entry);
	default:
		return true;
	}
}

bool sr_report_take(struct sr_report *report, const struct sr_audit_entry *entry)
{
	bool done = true;
	if (entry->number >= report->checkpoint.size || report->failed)
		return !report->failed;
	report->taken++;
	switch (entry->kind) {
	case SR_AUDIT_AUTHORISED:
	case SR_AUDIT_SENT:
	case SR_AUDIT_CONFIRMED:
		done = sr_report_stream_take(report, entry);
		break;
	case SR_AUDIT_RECOVERED:
		done = sr_report_stream_take(report, entry) && take_move(report, entry) && take_freeze(report, entry);
		break;
	case SR_AUDIT_CONTROL:
		meet_note(report, entry);
		break;
	case SR_AUDIT_INTENT:
	case SR_AUDIT_OUTCOME:
		done = take_move(report, entry) && take_freeze(report, entry) && take_asked(report, entry);
		break;
	default:
		done = take_asked(report, entry);
		break;
	}
	report->failed = !done;
	return done;
}
