/*
 * A report's figures, once all entries have been taken.
 */
#include <stdlib.h>
#include <string.h>

#include "state.h"

/* Of whom something has been counted already, a bit for each column. */
struct seen {
	uint8_t *recordings, *people, *recipients;
};

static void count_once(struct sr_report *report, enum sr_report_row row, uint8_t *seen, uint8_t columns)
{
	for (unsigned column = 0; column < SR_REPORT_COLUMNS; column++)
		if (columns & ~*seen & 1u << column)
			report->figures[row][column]++;
	*seen |= columns;
}

/* Whether bytes left: what of a pair's tracks is told apart here. */
static void look_at_tracks(const struct sr_report_pair *pair, uint8_t *columns, bool *keys)
{
	for (size_t at = 0; at < pair->tracks.count; at++) {
		const struct sr_report_track *track = &pair->tracks.list[at];
		if (track->confirmed.count > 0)
			*columns |= 1u << SR_REPORT_DELIVERED | 1u << SR_REPORT_DELIVERED_POSSIBLY;
		if (track->sent.count > 0 || track->unclosed.count > 0)
			*columns |= 1u << SR_REPORT_DELIVERED_POSSIBLY;
		if (track->authorised.count > 0)
			*keys = true;
	}
}

static void number_once(uint32_t *number, uint32_t *count)
{
	if (*number == 0)
		*number = ++*count;
}

/* In the order of pairs, which is that of the log: an earlier report's numbers stay. */
static void count_pair(struct sr_report *report, const struct sr_report_pair *pair, struct seen *seen)
{
	uint32_t owner = report->owners[pair->recording];
	uint8_t columns = 0;
	bool keys = false;
	if (pair->presented > 0)
		columns |= 1u << SR_REPORT_PRESENTED;
	if (pair->opened > 0)
		columns |= 1u << SR_REPORT_OPENED;
	if (pair->withheld > 0)
		columns |= 1u << SR_REPORT_WITHHELD;
	if (pair->denied > 0)
		columns |= 1u << SR_REPORT_DENIED;
	look_at_tracks(pair, &columns, &keys);
	report->keys_released += keys;
	count_once(report, SR_REPORT_RECORDINGS, &seen->recordings[pair->recording], columns);
	count_once(report, SR_REPORT_RECIPIENTS, &seen->recipients[pair->recipient], columns);
	number_once(&report->recipient_numbers[pair->recipient], &report->recipient_count);
	if (report->recording_numbers[pair->recording] == 0 && owner == SR_REPORT_NONE)
		report->ownerless++;
	number_once(&report->recording_numbers[pair->recording], &report->recording_count);
	if (owner != SR_REPORT_NONE) {
		owner = sr_report_root(report, owner);
		count_once(report, SR_REPORT_PEOPLE, &seen->people[owner], columns);
		number_once(&report->person_numbers[owner], &report->person_count);
	}
	if (report->first_ms == 0 || pair->first_ms < report->first_ms)
		report->first_ms = pair->first_ms;
	if (pair->last_ms > report->last_ms)
		report->last_ms = pair->last_ms;
}

static enum sr_code count_all(struct sr_report *report, struct sr_error *err)
{
	struct seen seen = {.recordings = calloc(report->recordings.count + 1u, 1),
			    .people = calloc(report->people.count + 1u, 1),
			    .recipients = calloc(report->recipients.count + 1u, 1)};
	report->recording_numbers = calloc(report->recordings.count + 1u, sizeof(uint32_t));
	report->person_numbers = calloc(report->people.count + 1u, sizeof(uint32_t));
	report->recipient_numbers = calloc(report->recipients.count + 1u, sizeof(uint32_t));
	bool room = seen.recordings && seen.people && seen.recipients && report->recording_numbers &&
		    report->person_numbers && report->recipient_numbers;
	for (uint32_t at = 0; room && at < report->pair_keys.count; at++)
		count_pair(report, &report->pairs[at], &seen);
	free(seen.recordings);
	free(seen.people);
	free(seen.recipients);
	return room ? SR_OK : SR_FAIL_MEMORY(err);
}

enum sr_code sr_report_count(struct sr_report *report, struct sr_error *err)
{
	if (report->taken != report->checkpoint.size)
		return SR_FAIL(err, SR_CORRUPT, "the log has fewer entries than its checkpoint covers");
	if (report->strange_note || report->notes_met != report->notes_wanted)
		return SR_FAIL(err, SR_CORRUPT, "the log has other notes of this incident than a search of it gave");
	if (report->failed || !sr_report_streams_end(report))
		return SR_FAIL_MEMORY(err);
	return count_all(report, err);
}

uint64_t sr_report_figure(const struct sr_report *report, enum sr_report_row row, enum sr_report_column column)
{
	return report->figures[row][column];
}
