/*
 * What the regulator's copy says of a pair, and how it differs from an earlier report.
 */
#include <string.h>

#include "write.h"

#define HOURS_72 (72ull * 3600 * 1000)

const char *sr_report_row_name(enum sr_report_row row)
{
	static const char *const names[] = {"recordings", "people", "recipients"};
	return names[row];
}

const char *sr_report_column_name(enum sr_report_column column)
{
	static const char *const names[] = {"presented",         "opened",   "delivered",
					    "delivered_at_most", "withheld", "denied"};
	return names[column];
}

bool sr_report_measure(const struct sr_report_track *track, struct sr_report_amount *amount)
{
	uint64_t ignored;
	*amount = (struct sr_report_amount){.authorised = sr_report_spans_size(&track->authorised),
					    .sent = sr_report_spans_size(&track->sent),
					    .confirmed = sr_report_spans_size(&track->confirmed)};
	if (!sr_report_possibly(track, &amount->spans))
		return false;
	amount->possibly = sr_report_spans_size(&amount->spans);
	amount->whole = track->has_length && sr_report_spans_whole(&amount->spans, track->length);
	amount->timed = track->points.count > 0 &&
			sr_report_media(&track->points, &amount->spans, &ignored, &amount->media_most);
	(void)!sr_report_media(&track->points, &track->confirmed, &amount->media_least, &ignored);
	return true;
}

const struct sr_report_pair *sr_report_pair_then(const struct sr_report *report, const struct sr_report_pair *pair,
						 const struct sr_report *then)
{
	uint32_t key[2] = {sr_report_find(&then->recipients, sr_report_key(&report->recipients, pair->recipient)),
			   sr_report_find(&then->recordings, sr_report_key(&report->recordings, pair->recording))};
	uint32_t number = sr_report_find(&then->pair_keys, key);
	return number == SR_REPORT_NONE ? NULL : &then->pairs[number];
}

void sr_report_pair_bytes(const struct sr_report_pair *pair, uint64_t *confirmed, uint64_t *possibly)
{
	*confirmed = *possibly = 0;
	for (size_t at = 0; at < pair->tracks.count; at++) {
		struct sr_report_spans spans;
		*confirmed += sr_report_spans_size(&pair->tracks.list[at].confirmed);
		if (!sr_report_possibly(&pair->tracks.list[at], &spans))
			continue;
		*possibly += sr_report_spans_size(&spans);
		sr_report_spans_free(&spans);
	}
}

static uint64_t shown_of(const struct sr_report_pair *pair)
{
	uint64_t media = 0;
	for (size_t at = 0; at < pair->shown_count; at++)
		media += sr_report_spans_size(&pair->shown[at].media);
	return media;
}

bool sr_report_pair_changed(const struct sr_report_pair *pair, const struct sr_report_pair *then)
{
	uint64_t confirmed, possibly, confirmed_then, possibly_then;
	if (!then || pair->presented != then->presented || pair->opened != then->opened ||
	    pair->withheld != then->withheld || pair->denied != then->denied || pair->unclosed != then->unclosed ||
	    shown_of(pair) != shown_of(then))
		return true;
	sr_report_pair_bytes(pair, &confirmed, &possibly);
	sr_report_pair_bytes(then, &confirmed_then, &possibly_then);
	return confirmed != confirmed_then || possibly != possibly_then;
}

uint64_t sr_report_due(const struct sr_stated *aware)
{
	return aware->at_ms > UINT64_MAX - HOURS_72 ? UINT64_MAX : aware->at_ms + HOURS_72;
}

const struct sr_report_freeze *sr_report_first_freeze(const struct sr_report *report)
{
	for (size_t at = 0; at < report->freeze_count; at++)
		if (report->freezes[at].applied && !report->freezes[at].thaw)
			return &report->freezes[at];
	return NULL;
}

const struct sr_stated *sr_report_stated(const struct sr_report *report, enum sr_incident_what what)
{
	return sr_incident_latest(report->request.incident, what, report->checkpoint.size);
}
