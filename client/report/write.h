/*
 * What the writers of the regulator's copy share. Internal to this room.
 */
#ifndef SR_REPORT_WRITE_H
#define SR_REPORT_WRITE_H

#include "state.h"

/* The words of a row and of a column; static. */
const char *sr_report_row_name(enum sr_report_row row);
const char *sr_report_column_name(enum sr_report_column column);

/* A pair's bytes on one track, and the seconds they play. */
struct sr_report_amount {
	uint64_t authorised, sent, confirmed, possibly; /* bytes */
	struct sr_report_spans spans;                   /* of `possibly` */
	bool whole;                                     /* `possibly` is all of the track */
	bool timed;                                     /* both of these are known */
	uint64_t media_least, media_most;               /* milliseconds: confirmed, possibly */
};

/* Measure a track. Its spans are freed with sr_report_spans_free. False when memory is used up. */
bool sr_report_measure(const struct sr_report_track *track, struct sr_report_amount *amount) SR_MUST_USE;

/* The same pair in an earlier report, NULL: it is not in that one. */
const struct sr_report_pair *sr_report_pair_then(const struct sr_report *report, const struct sr_report_pair *pair,
						 const struct sr_report *then);

/* Has what is said of a pair changed? `then` NULL: it is new. */
bool sr_report_pair_changed(const struct sr_report_pair *pair, const struct sr_report_pair *then);

/* The bytes confirmed, and possibly delivered, on all of a pair's tracks. */
void sr_report_pair_bytes(const struct sr_report_pair *pair, uint64_t *confirmed, uint64_t *possibly);

/* Milliseconds since 1970 at which the 72 hours from *aware at* are over. */
uint64_t sr_report_due(const struct sr_stated *aware);

/* When it was contained as the store knows it: its first freeze in force from the report's beginning on. NULL. */
const struct sr_report_freeze *sr_report_first_freeze(const struct sr_report *report);

/* The latest note of a kind below the report's checkpoint; NULL. */
const struct sr_stated *sr_report_stated(const struct sr_report *report, enum sr_incident_what what);

#endif
