/*
 * Which accesses a report is about: its arguments, and what was stated to have been unintended.
 */
#ifndef SR_REPORT_SCOPE_H
#define SR_REPORT_SCOPE_H

#include "incident.h"

/* Conditions that must all be met. Texts are borrowed, NULL: any. Zeros: everything. */
struct sr_report_filter {
	const char *service, *issuer, *grant; /* `grant`: its jti */
	bool has_actor, has_patient, has_except, has_recording;
	uint8_t actor[SR_TAG];   /* who acts, or who was shown something */
	uint8_t patient[SR_TAG]; /* for whom the grant was */
	uint8_t except[SR_TAG];  /* for whom it was not: the one for whom it would have been right */
	uint8_t recording[SR_UUID];
};

/* What a report is asked: all that happened in [from_ms, to_ms) and meets the filter. `since`: 0, or a report. */
struct sr_report_arguments {
	uint64_t from_ms, to_ms;
	struct sr_report_filter filter;
	uint64_t since;
};

/*
 * Set a condition by its word: service, issuer, grant, actor, patient, except_patient (tags in hex), recording (an id).
 * `value` is borrowed. False: there is no such word, or the value is not of its form.
 */
bool sr_report_filter_set(struct sr_report_filter *filter, const char *word, const char *value) SR_MUST_USE;

/* No condition at all? */
bool sr_report_filter_empty(const struct sr_report_filter *filter);

/* Does the entry meet all but the recording's condition? */
bool sr_report_filter_meets(const struct sr_report_filter *filter, const struct sr_audit_entry *entry);

/* Does this recording? */
bool sr_report_filter_meets_recording(const struct sr_report_filter *filter, const uint8_t id[SR_UUID]);

/*
 * The arguments of a report as its note has them: the facts from, to, since (decimal) and a filter's words. `note` is
 * borrowed from. False: it is not such a note.
 */
bool sr_report_arguments_of(const struct sr_stated *note, struct sr_report_arguments *arguments) SR_MUST_USE;

#endif
