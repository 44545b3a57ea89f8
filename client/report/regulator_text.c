/*
 * The regulator's copy for reading.
 */
#include "write.h"

static const char *time_or(const struct sr_stated *note, char text[SR_OUT_TIME])
{
	return note && note->has_at ? sr_out_time(note->at_ms, text) : "not stated";
}

static void put_stated(struct sr_report_out *out, const char *title, const struct sr_stated *note)
{
	char at[SR_OUT_TIME];
	if (!note) {
		sr_out_text(out, "  %-24s not stated\n", title);
		return;
	}
	sr_out_text(out, "  %-24s", title);
	if (note->has_at)
		sr_out_text(out, " %s", sr_out_time(note->at_ms, at));
	if (note->text) {
		sr_out_text(out, " ");
		sr_out_stated(out, note->text);
	}
	sr_out_text(out, "  [stated by %s]\n", note->by ? note->by : "nobody");
}

static void put_front(const struct sr_report *report, struct sr_report_out *out)
{
	const struct sr_report_arguments *arguments = &report->request.arguments;
	const struct sr_report_filter *filter = &arguments->filter;
	char from[SR_OUT_TIME], to[SR_OUT_TIME];
	sr_out_text(out, "Incident %s, report %llu\n\n", report->request.incident->name,
		    (unsigned long long)report->request.number);
	sr_out_text(out, "About %s to %s", sr_out_time(arguments->from_ms, from), sr_out_time(arguments->to_ms, to));
	if (filter->service)
		sr_out_text(out, ", service %s", filter->service);
	if (filter->issuer)
		sr_out_text(out, ", issuer %s", filter->issuer);
	sr_out_text(out, "%s%s%s%s%s.\n", filter->grant ? ", one grant" : "", filter->has_actor ? ", one actor" : "",
		    filter->has_patient ? ", one patient" : "", filter->has_except ? ", all patients but one" : "",
		    filter->has_recording ? ", one recording" : "");
	sr_out_text(out,
		    "Figures are proved by the store, unless they say by whom they are stated. Nobody is named: "
		    "people, recipients and\nrecordings have numbers, which the sealed contact list resolves.\n\n");
}

static void put_nature(const struct sr_report *report, struct sr_report_out *out)
{
	const struct sr_report_freeze *freeze = sr_report_first_freeze(report);
	char began[SR_OUT_TIME], ended[SR_OUT_TIME], frozen[SR_OUT_TIME];
	sr_out_text(out, "1. What happened\n\n");
	sr_out_text(out, "  %-24s %s\n", "began",
		    report->first_ms ? sr_out_time(report->first_ms, began) : "nothing unintended was found");
	if (report->first_ms)
		sr_out_text(out, "  %-24s %s\n", "ended", sr_out_time(report->last_ms, ended));
	put_stated(out, "contained", sr_report_stated(report, SR_INCIDENT_CONTAINED));
	sr_out_text(out, "  %-24s %s\n", "first freeze in force",
		    freeze ? sr_out_time(freeze->time_ms, frozen) : "none");
	put_stated(out, "cause", sr_report_stated(report, SR_INCIDENT_CAUSE));
	put_stated(out, "noticed by", sr_report_stated(report, SR_INCIDENT_NOTICED));
	sr_out_text(out, "\n  %-12s %10s %10s %20s %10s %10s\n", "", "presented", "opened", "delivered", "withheld",
		    "denied");
	for (unsigned row = 0; row < SR_REPORT_ROWS; row++) {
		const uint64_t *figures = report->figures[row];
		sr_out_text(
			out, "  %-12s %10llu %10llu %9llu to %7llu %10llu %10llu\n",
			sr_report_row_name((enum sr_report_row)row), (unsigned long long)figures[SR_REPORT_PRESENTED],
			(unsigned long long)figures[SR_REPORT_OPENED], (unsigned long long)figures[SR_REPORT_DELIVERED],
			(unsigned long long)figures[SR_REPORT_DELIVERED_POSSIBLY],
			(unsigned long long)figures[SR_REPORT_WITHHELD], (unsigned long long)figures[SR_REPORT_DENIED]);
	}
	sr_out_text(out,
		    "\n  Delivered: at least what a later request confirmed, at most what was handed over or, where a "
		    "stream was not\n  closed, authorised. Keys were released %llu times (a recording, a recipient). "
		    "Of %llu recordings it is not known whose\n  they are. %llu other answers gave a recording as "
		    "intended.\n\n",
		    (unsigned long long)report->keys_released, (unsigned long long)report->ownerless,
		    (unsigned long long)report->intended);
}

static void put_clock(const struct sr_report *report, struct sr_report_out *out)
{
	const struct sr_stated *aware = sr_report_stated(report, SR_INCIDENT_AWARE);
	const struct sr_stated *told = sr_report_stated(report, SR_INCIDENT_AUTHORITY);
	char due[SR_OUT_TIME];
	sr_out_text(out, "2. The clock\n\n");
	put_stated(out, "aware at", aware);
	sr_out_text(out, "  %-24s %s\n", "72 hours are over",
		    aware && aware->has_at ? sr_out_time(sr_report_due(aware), due) : time_or(NULL, due));
	put_stated(out, "authority notified", told);
	if (aware && aware->has_at && told && told->has_at)
		sr_out_text(out, "  %-24s %s\n", "in time", told->at_ms <= sr_report_due(aware) ? "yes" : "no");
	put_stated(out, "not reported", sr_report_stated(report, SR_INCIDENT_NOT_REPORTED));
	put_stated(out, "people contacted", sr_report_stated(report, SR_INCIDENT_PEOPLE));
	put_stated(out, "contact", sr_report_stated(report, SR_INCIDENT_CONTACT));
	put_stated(out, "likely consequences", sr_report_stated(report, SR_INCIDENT_CONSEQUENCES));
	put_stated(out, "measures", sr_report_stated(report, SR_INCIDENT_MEASURES));
	sr_out_text(out, "\n");
}

static void put_track(const struct sr_report_track *track, struct sr_report_out *out)
{
	struct sr_report_amount amount;
	if (!sr_report_measure(track, &amount)) {
		out->failed = true;
		return;
	}
	sr_out_text(out, "      track %u: %llu to %llu bytes", (unsigned)track->number,
		    (unsigned long long)amount.confirmed, (unsigned long long)amount.possibly);
	if (track->has_length)
		sr_out_text(out, " of %llu", (unsigned long long)track->length);
	sr_out_text(out, ", %s", amount.possibly == 0 ? "none of it" : amount.whole ? "the whole" : "a part");
	if (amount.timed)
		sr_out_text(out, ", %llu.%03u to %llu.%03u s of media", (unsigned long long)amount.media_least / 1000,
			    (unsigned)(amount.media_least % 1000), (unsigned long long)amount.media_most / 1000,
			    (unsigned)(amount.media_most % 1000));
	sr_out_text(out, "; ranges");
	for (size_t at = 0; at < amount.spans.count; at++)
		sr_out_text(out, " %llu-%llu", (unsigned long long)amount.spans.list[at].from,
			    (unsigned long long)amount.spans.list[at].to);
	sr_out_text(out, "%s\n", amount.spans.count ? "" : " none");
	sr_report_spans_free(&amount.spans);
}

/* Which recording of whom, to whom. */
static void put_names(const struct sr_report *report, const struct sr_report_pair *pair, struct sr_report_out *out)
{
	uint32_t owner = report->owners[pair->recording];
	sr_out_text(out, "recipient %u, recording %u of ", report->recipient_numbers[pair->recipient],
		    report->recording_numbers[pair->recording]);
	if (owner == SR_REPORT_NONE)
		sr_out_text(out, "a person not known");
	else
		sr_out_text(out, "person %u", report->person_numbers[sr_report_root(report, owner)]);
}

static void put_access(const struct sr_report *report, const struct sr_report_pair *pair, struct sr_report_out *out)
{
	char first[SR_OUT_TIME], last[SR_OUT_TIME];
	sr_out_text(out, "  ");
	put_names(report, pair, out);
	sr_out_text(out, ", %s to %s:\n    presented %llu, opened %llu, withheld %llu, denied %llu times",
		    sr_out_time(pair->first_ms, first), sr_out_time(pair->last_ms, last),
		    (unsigned long long)pair->presented, (unsigned long long)pair->opened,
		    (unsigned long long)pair->withheld, (unsigned long long)pair->denied);
	if (pair->unclosed)
		sr_out_text(out, "; %llu streams were not closed", (unsigned long long)pair->unclosed);
	sr_out_text(out, "\n");
	for (size_t at = 0; at < pair->tracks.count; at++)
		put_track(&pair->tracks.list[at], out);
	for (size_t at = 0; at < pair->shown_count; at++) {
		uint64_t media = sr_report_spans_size(&pair->shown[at].media);
		sr_out_text(out, "      track %u: %llu.%03u s shown  [stated by %s]\n", (unsigned)pair->shown[at].track,
			    (unsigned long long)media / 1000, (unsigned)(media % 1000), pair->shown[at].service);
	}
}

static void put_safeguards(const struct sr_report *report, struct sr_report_out *out)
{
	char time[SR_OUT_TIME];
	const uint64_t *recordings = report->figures[SR_REPORT_RECORDINGS];
	sr_out_text(out, "\n4. What held\n\n");
	sr_out_text(out, "  %llu recordings were withheld: their keys do not come from the identity that was proved\n",
		    (unsigned long long)recordings[SR_REPORT_WITHHELD]);
	sr_out_text(out,
		    "  %llu recordings were denied: somebody else's, asked for by name or about to be filed wrongly\n",
		    (unsigned long long)recordings[SR_REPORT_DENIED]);
	for (size_t at = 0; at < report->alarm_count; at++)
		sr_out_text(out, "  %s  alarm %s, %llu entries\n", sr_out_time(report->alarms[at].first_ms, time),
			    report->alarms[at].name, (unsigned long long)report->alarms[at].entries);
	for (size_t at = 0; at < report->freeze_count; at++) {
		const struct sr_report_freeze *freeze = &report->freezes[at];
		if (freeze->applied)
			sr_out_text(out, "  %s  %s of %s, by %s\n", sr_out_time(freeze->time_ms, time),
				    freeze->thaw ? "thaw" : "freeze", freeze->scope,
				    freeze->by ? freeze->by : "the store itself");
	}
}

static void put_notes(const struct sr_report *report, uint64_t from, struct sr_report_out *out)
{
	const struct sr_incident *incident = report->request.incident;
	char time[SR_OUT_TIME], at_time[SR_OUT_TIME];
	for (size_t at = 0; at < incident->count; at++) {
		const struct sr_stated *note = &incident->notes[at];
		if (note->number < from || note->number >= report->checkpoint.size)
			continue;
		sr_out_text(out, "  %s  %s%s%s%s", sr_out_time(note->time_ms, time), sr_incident_what_name(note->what),
			    note->has_at ? " " : "", note->has_at ? sr_out_time(note->at_ms, at_time) : "",
			    note->text ? ": " : "");
		sr_out_stated(out, note->text ? note->text : "");
		sr_out_text(out, "  [stated by %s, entry %llu]\n", note->by ? note->by : "nobody",
			    (unsigned long long)note->number);
	}
}

static void put_since(const struct sr_report *report, const struct sr_report *then, struct sr_report_out *out)
{
	sr_out_text(out, "\nSince report %llu (%llu entries)\n\n", (unsigned long long)then->request.number,
		    (unsigned long long)then->checkpoint.size);
	for (unsigned row = 0; row < SR_REPORT_ROWS; row++)
		for (unsigned column = 0; column < SR_REPORT_COLUMNS; column++)
			if (report->figures[row][column] != then->figures[row][column])
				sr_out_text(out, "  %s %s: %llu, was %llu\n",
					    sr_report_row_name((enum sr_report_row)row),
					    sr_report_column_name((enum sr_report_column)column),
					    (unsigned long long)report->figures[row][column],
					    (unsigned long long)then->figures[row][column]);
	for (uint32_t at = 0; at < report->pair_keys.count; at++) {
		const struct sr_report_pair *pair = &report->pairs[at];
		const struct sr_report_pair *before = sr_report_pair_then(report, pair, then);
		if (!sr_report_pair_changed(pair, before))
			continue;
		sr_out_text(out, "  %s: ", before ? "changed" : "new");
		put_names(report, pair, out);
		sr_out_text(out, "\n");
	}
	put_notes(report, then->checkpoint.size, out);
}

bool sr_report_text(const struct sr_report *report, const struct sr_report *since, struct sr_report_out *out)
{
	put_front(report, out);
	put_nature(report, out);
	put_clock(report, out);
	sr_out_text(out, "3. Each recipient and recording\n\n");
	for (uint32_t at = 0; at < report->pair_keys.count; at++)
		put_access(report, &report->pairs[at], out);
	if (report->pair_keys.count == 0)
		sr_out_text(out, "  none\n");
	put_safeguards(report, out);
	sr_out_text(out, "\n5. What was stated\n\n");
	put_notes(report, 0, out);
	if (since)
		put_since(report, since, out);
	sr_out_text(
		out,
		"\n6. How to verify this\n\n"
		"  Every entry of the audit log that this checkpoint covers was read and hashed, and gives its "
		"root:\n\n"
		"%s\n  The log's key is %s; compare it with the one that you keep.\n"
		"  `sealreel audit verify` checks the log; `sealreel audit incident report %s --again %llu` makes this "
		"report again, to the\n  byte, on any copy of the store.\n",
		report->request.checkpoint, report->request.verifier ? report->request.verifier : "not known",
		report->request.incident->name, (unsigned long long)report->request.number);
	return !out->failed;
}
