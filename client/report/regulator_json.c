/*
 * The regulator's copy for tools: JSON.
 */
#include "write.h"

#define PROVED "proved by the store"

static void put_stated(struct sr_report_out *out, const char *name, const struct sr_stated *note)
{
	if (!note) {
		sr_json_null(out, name);
		return;
	}
	sr_json_begin(out, name, '{');
	if (note->has_at)
		sr_json_time(out, "at", note->at_ms);
	if (note->text)
		sr_json_text(out, "text", note->text);
	sr_json_text(out, "stated_by", note->by);
	sr_json_time(out, "noted", note->time_ms);
	sr_json_number(out, "entry", note->number);
	sr_json_end(out, '}');
}

/* What was asked. Whom it names is not for this copy: that somebody is named is. */
static void put_arguments(const struct sr_report *report, struct sr_report_out *out)
{
	const struct sr_report_arguments *arguments = &report->request.arguments;
	const struct sr_report_filter *filter = &arguments->filter;
	sr_json_begin(out, "arguments", '{');
	sr_json_time(out, "from", arguments->from_ms);
	sr_json_time(out, "to", arguments->to_ms);
	sr_json_text(out, "service", filter->service);
	sr_json_text(out, "issuer", filter->issuer);
	sr_json_bool(out, "one_grant", filter->grant != NULL);
	sr_json_bool(out, "one_actor", filter->has_actor);
	sr_json_bool(out, "one_patient", filter->has_patient);
	sr_json_bool(out, "all_but_one_patient", filter->has_except);
	sr_json_bool(out, "one_recording", filter->has_recording);
	sr_json_end(out, '}');
}

static void put_figures(const struct sr_report *report, struct sr_report_out *out)
{
	sr_json_begin(out, "figures", '{');
	sr_json_text(out, "label", PROVED);
	for (unsigned row = 0; row < SR_REPORT_ROWS; row++) {
		sr_json_begin(out, sr_report_row_name((enum sr_report_row)row), '{');
		for (unsigned column = 0; column < SR_REPORT_COLUMNS; column++)
			sr_json_number(out, sr_report_column_name((enum sr_report_column)column),
				       report->figures[row][column]);
		sr_json_end(out, '}');
	}
	sr_json_number(out, "recordings_whose_person_is_not_known", report->ownerless);
	sr_json_number(out, "keys_released", report->keys_released);
	sr_json_number(out, "given_as_intended", report->intended);
	sr_json_end(out, '}');
}

static void put_nature(const struct sr_report *report, struct sr_report_out *out)
{
	const struct sr_report_freeze *freeze = sr_report_first_freeze(report);
	sr_json_begin(out, "nature", '{');
	sr_json_text(out, "records", "recordings of medical consultations");
	if (report->first_ms) {
		sr_json_time(out, "began", report->first_ms);
		sr_json_time(out, "ended", report->last_ms);
	} else {
		sr_json_null(out, "began");
		sr_json_null(out, "ended");
	}
	sr_json_begin(out, "contained", '{');
	put_stated(out, "stated", sr_report_stated(report, SR_INCIDENT_CONTAINED));
	if (freeze)
		sr_json_time(out, "first_freeze", freeze->time_ms);
	else
		sr_json_null(out, "first_freeze");
	sr_json_end(out, '}');
	put_stated(out, "cause", sr_report_stated(report, SR_INCIDENT_CAUSE));
	put_figures(report, out);
	sr_json_end(out, '}');
}

static void put_clock(const struct sr_report *report, struct sr_report_out *out)
{
	const struct sr_stated *aware = sr_report_stated(report, SR_INCIDENT_AWARE);
	const struct sr_stated *told = sr_report_stated(report, SR_INCIDENT_AUTHORITY);
	sr_json_begin(out, "clock", '{');
	put_stated(out, "aware_at", aware);
	if (aware && aware->has_at)
		sr_json_time(out, "due", sr_report_due(aware));
	else
		sr_json_null(out, "due");
	put_stated(out, "authority_notified", told);
	if (aware && aware->has_at && told && told->has_at)
		sr_json_bool(out, "within_72_hours", told->at_ms <= sr_report_due(aware));
	else
		sr_json_null(out, "within_72_hours");
	put_stated(out, "not_reported", sr_report_stated(report, SR_INCIDENT_NOT_REPORTED));
	put_stated(out, "people_contacted", sr_report_stated(report, SR_INCIDENT_PEOPLE));
	sr_json_end(out, '}');
}

static void put_spans(struct sr_report_out *out, const char *name, const struct sr_report_spans *spans)
{
	sr_json_begin(out, name, '[');
	for (size_t at = 0; at < spans->count; at++) {
		sr_json_begin(out, NULL, '[');
		sr_json_number(out, NULL, spans->list[at].from);
		sr_json_number(out, NULL, spans->list[at].to);
		sr_json_end(out, ']');
	}
	sr_json_end(out, ']');
}

static void put_track(const struct sr_report_track *track, struct sr_report_out *out)
{
	struct sr_report_amount amount;
	if (!sr_report_measure(track, &amount)) {
		out->failed = true;
		return;
	}
	sr_json_begin(out, NULL, '{');
	sr_json_number(out, "track", track->number);
	if (track->has_length)
		sr_json_number(out, "length", track->length);
	else
		sr_json_null(out, "length");
	sr_json_number(out, "authorised_bytes", amount.authorised);
	sr_json_number(out, "sent_bytes", amount.sent);
	sr_json_number(out, "confirmed_bytes", amount.confirmed);
	sr_json_number(out, "bytes_at_least", amount.confirmed);
	sr_json_number(out, "bytes_at_most", amount.possibly);
	put_spans(out, "confirmed_ranges", &track->confirmed);
	put_spans(out, "ranges_at_most", &amount.spans);
	sr_json_text(out, "extent", amount.possibly == 0 ? "none" : amount.whole ? "whole" : "part");
	if (amount.timed) {
		sr_json_number(out, "media_ms_at_least", amount.media_least);
		sr_json_number(out, "media_ms_at_most", amount.media_most);
	} else {
		sr_json_null(out, "media_ms_at_least");
		sr_json_null(out, "media_ms_at_most");
	}
	sr_json_end(out, '}');
	sr_report_spans_free(&amount.spans);
}

static void put_shown(const struct sr_report_pair *pair, struct sr_report_out *out)
{
	sr_json_begin(out, "shown", '[');
	for (size_t at = 0; at < pair->shown_count; at++) {
		const struct sr_report_shown *shown = &pair->shown[at];
		sr_json_begin(out, NULL, '{');
		sr_json_text(out, "stated_by", shown->service);
		sr_json_number(out, "track", shown->track);
		sr_json_number(out, "media_ms", sr_report_spans_size(&shown->media));
		put_spans(out, "media_ranges_ms", &shown->media);
		sr_json_end(out, '}');
	}
	sr_json_end(out, ']');
}

static void put_counts(const struct sr_report_pair *pair, struct sr_report_out *out)
{
	sr_json_number(out, "presented", pair->presented);
	sr_json_number(out, "opened", pair->opened);
	sr_json_number(out, "withheld", pair->withheld);
	sr_json_number(out, "denied", pair->denied);
	sr_json_number(out, "streams_not_closed", pair->unclosed);
}

/* Who, what, whose: numbers alone. */
static void put_names(const struct sr_report *report, const struct sr_report_pair *pair, struct sr_report_out *out)
{
	uint32_t owner = report->owners[pair->recording];
	sr_json_number(out, "recipient", report->recipient_numbers[pair->recipient]);
	sr_json_number(out, "recording", report->recording_numbers[pair->recording]);
	if (owner == SR_REPORT_NONE)
		sr_json_null(out, "person");
	else
		sr_json_number(out, "person", report->person_numbers[sr_report_root(report, owner)]);
}

static void put_access(const struct sr_report *report, const struct sr_report_pair *pair, struct sr_report_out *out)
{
	sr_json_begin(out, NULL, '{');
	put_names(report, pair, out);
	sr_json_text(out, "recipient_is",
		     sr_report_key(&report->recipients, pair->recipient)[0] == 'a' ? "who acted" : "a patient");
	sr_json_time(out, "first", pair->first_ms);
	sr_json_time(out, "last", pair->last_ms);
	put_counts(pair, out);
	sr_json_begin(out, "tracks", '[');
	for (size_t at = 0; at < pair->tracks.count; at++)
		put_track(&pair->tracks.list[at], out);
	sr_json_end(out, ']');
	put_shown(pair, out);
	sr_json_end(out, '}');
}

static void put_safeguards(const struct sr_report *report, struct sr_report_out *out)
{
	sr_json_begin(out, "alarms", '[');
	for (size_t at = 0; at < report->alarm_count; at++) {
		sr_json_begin(out, NULL, '{');
		sr_json_text(out, "kind", report->alarms[at].name);
		sr_json_number(out, "entries", report->alarms[at].entries);
		sr_json_time(out, "first", report->alarms[at].first_ms);
		sr_json_end(out, '}');
	}
	sr_json_end(out, ']');
	sr_json_begin(out, "freezes", '[');
	for (size_t at = 0; at < report->freeze_count; at++) {
		const struct sr_report_freeze *freeze = &report->freezes[at];
		if (!freeze->applied)
			continue;
		sr_json_begin(out, NULL, '{');
		sr_json_text(out, "what", freeze->thaw ? "thaw" : "freeze");
		sr_json_text(out, "scope", freeze->scope);
		sr_json_time(out, "time", freeze->time_ms);
		sr_json_text(out, "by", freeze->by ? freeze->by : "the store itself");
		sr_json_end(out, '}');
	}
	sr_json_end(out, ']');
}

static void put_notes(const struct sr_report *report, const char *name, uint64_t from, struct sr_report_out *out)
{
	const struct sr_incident *incident = report->request.incident;
	sr_json_begin(out, name, '[');
	for (size_t at = 0; at < incident->count; at++) {
		const struct sr_stated *note = &incident->notes[at];
		if (note->number < from || note->number >= report->checkpoint.size)
			continue;
		sr_json_begin(out, NULL, '{');
		sr_json_text(out, "what", sr_incident_what_name(note->what));
		put_stated(out, "note", note);
		sr_json_end(out, '}');
	}
	sr_json_end(out, ']');
}

static void put_log(const struct sr_report *report, struct sr_report_out *out)
{
	sr_json_begin(out, "log", '{');
	sr_json_text(out, "origin", report->checkpoint.origin);
	sr_json_number(out, "entries", report->checkpoint.size);
	sr_json_text(out, "checkpoint", report->request.checkpoint);
	sr_json_text(out, "verifier", report->request.verifier);
	sr_json_text(
		out, "how",
		"All entries that the checkpoint covers were read and hashed, and give its root. Check its signature "
		"with the verifier key that you keep, and the log with: sealreel audit verify. The same report is made "
		"again, to the byte, with: sealreel audit incident report NAME --again NUMBER.");
	sr_json_end(out, '}');
}

/* ---- since an earlier report ---- */

static void put_figures_since(const struct sr_report *report, const struct sr_report *then, struct sr_report_out *out)
{
	sr_json_begin(out, "figures", '[');
	for (unsigned row = 0; row < SR_REPORT_ROWS; row++)
		for (unsigned column = 0; column < SR_REPORT_COLUMNS; column++) {
			if (report->figures[row][column] == then->figures[row][column])
				continue;
			sr_json_begin(out, NULL, '{');
			sr_json_text(out, "of", sr_report_row_name((enum sr_report_row)row));
			sr_json_text(out, "figure", sr_report_column_name((enum sr_report_column)column));
			sr_json_number(out, "then", then->figures[row][column]);
			sr_json_number(out, "now", report->figures[row][column]);
			sr_json_end(out, '}');
		}
	sr_json_end(out, ']');
}

static void put_change(const struct sr_report_pair *pair, const char *name, struct sr_report_out *out)
{
	uint64_t confirmed, possibly;
	if (!pair) {
		sr_json_null(out, name);
		return;
	}
	sr_report_pair_bytes(pair, &confirmed, &possibly);
	sr_json_begin(out, name, '{');
	put_counts(pair, out);
	sr_json_number(out, "bytes_at_least", confirmed);
	sr_json_number(out, "bytes_at_most", possibly);
	sr_json_end(out, '}');
}

static void put_since(const struct sr_report *report, const struct sr_report *then, struct sr_report_out *out)
{
	uint64_t gone = 0;
	sr_json_begin(out, "since", '{');
	sr_json_number(out, "report", then->request.number);
	sr_json_number(out, "entries", then->checkpoint.size);
	put_figures_since(report, then, out);
	sr_json_begin(out, "accesses", '[');
	for (uint32_t at = 0; at < report->pair_keys.count; at++) {
		const struct sr_report_pair *pair = &report->pairs[at];
		const struct sr_report_pair *before = sr_report_pair_then(report, pair, then);
		if (!sr_report_pair_changed(pair, before))
			continue;
		sr_json_begin(out, NULL, '{');
		put_names(report, pair, out);
		put_change(before, "then", out);
		put_change(pair, "now", out);
		sr_json_end(out, '}');
	}
	sr_json_end(out, ']');
	for (uint32_t at = 0; at < then->pair_keys.count; at++)
		gone += sr_report_pair_then(then, &then->pairs[at], report) == NULL;
	sr_json_number(out, "accesses_no_longer_counted", gone);
	put_notes(report, "notes", then->checkpoint.size, out);
	sr_json_end(out, '}');
}

bool sr_report_json(const struct sr_report *report, const struct sr_report *since, struct sr_report_out *out)
{
	sr_json_begin(out, NULL, '{');
	sr_json_text(out, "format", "sealreel incident report 1");
	sr_json_text(out, "incident", report->request.incident->name);
	sr_json_number(out, "report", report->request.number);
	put_arguments(report, out);
	put_nature(report, out);
	put_clock(report, out);
	put_stated(out, "contact", sr_report_stated(report, SR_INCIDENT_CONTACT));
	put_stated(out, "consequences", sr_report_stated(report, SR_INCIDENT_CONSEQUENCES));
	put_stated(out, "measures", sr_report_stated(report, SR_INCIDENT_MEASURES));
	put_stated(out, "accesses_stated_to_be_unintended", sr_report_stated(report, SR_INCIDENT_WRONG));
	sr_json_begin(out, "accesses", '[');
	for (uint32_t at = 0; at < report->pair_keys.count; at++)
		put_access(report, &report->pairs[at], out);
	sr_json_end(out, ']');
	put_safeguards(report, out);
	put_notes(report, "notes", 0, out);
	if (since)
		put_since(report, since, out);
	put_log(report, out);
	sr_json_end(out, '}');
	return !out->failed;
}
