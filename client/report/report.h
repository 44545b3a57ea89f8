/*
 * An incident's report: a pure function of the audit log's entries up to a checkpoint, of what was stated of the
 * incident there, and of its arguments. No clock, no locale, no file: the same bytes for the same checkpoint.
 *
 * Two ways lead into it. What the store itself judged as wrong counts always: a row that was misfiled is *withheld*, a
 * request for somebody else's recording and a consultation bound for a second patient are *denied*. What the store gave
 * to who proved an identity counts, as *presented*, *opened*, *delivered*, only where a note of the incident states
 * that it was unintended (SR_INCIDENT_WRONG): the store cannot know that an issuer vouched for the wrong person.
 */
#ifndef SR_REPORT_H
#define SR_REPORT_H

#include "checkpoint.h"
#include "scope.h"
#include "text_out.h"

struct sr_report;

struct sr_report_request {
	const struct sr_incident *incident;   /* all of its notes, with its name; borrowed until the report is freed */
	struct sr_report_arguments arguments; /* its texts borrowed likewise */
	uint64_t number;                      /* of the report, from 1 */
	const char *checkpoint;               /* the signed checkpoint up to which; borrowed likewise */
	const char *verifier;                 /* the log's verifier key as text; NULL: not known; borrowed likewise */
};

/* Begin. SR_USAGE: `checkpoint` is none, or from is not before to; SR_INTERNAL. */
enum sr_code sr_report_new(const struct sr_report_request *request, struct sr_report **out,
			   struct sr_error *err) SR_MUST_USE;
void sr_report_free(struct sr_report *report);

/* Take the next entry; those that its checkpoint does not cover are passed over. False when memory is used up. */
bool sr_report_take(struct sr_report *report, const struct sr_audit_entry *entry) SR_MUST_USE;

/*
 * All entries have been taken: count. SR_CORRUPT: the log has notes of this incident that the request had not; there
 * were fewer entries than the checkpoint covers. SR_INTERNAL when memory is used up.
 */
enum sr_code sr_report_count(struct sr_report *report, struct sr_error *err) SR_MUST_USE;

/* What its checkpoint states. */
const struct sr_checkpoint *sr_report_checkpoint(const struct sr_report *report);

/* What is counted of recordings, of people recorded and of unintended recipients. */
enum sr_report_column {
	SR_REPORT_PRESENTED,
	SR_REPORT_OPENED,
	SR_REPORT_DELIVERED,          /* at least: a later request confirmed bytes of it */
	SR_REPORT_DELIVERED_POSSIBLY, /* at most: bytes were handed over, or may have been before a crash */
	SR_REPORT_WITHHELD,
	SR_REPORT_DENIED,
	SR_REPORT_COLUMNS
};
enum sr_report_row { SR_REPORT_RECORDINGS, SR_REPORT_PEOPLE, SR_REPORT_RECIPIENTS, SR_REPORT_ROWS };

/* A figure, once counted. */
uint64_t sr_report_figure(const struct sr_report *report, enum sr_report_row row, enum sr_report_column column);

/* ---- reading a log ---- */

/* Takes a log's entries as they stand there, checks that they are its entries, and hands them to reports. */
struct sr_report_reading;

/*
 * Read for `count` reports (1 or 2; borrowed), each of which ends at a checkpoint of its own. NULL when memory is used
 * up.
 */
struct sr_report_reading *sr_report_reading_new(struct sr_report *const *reports, size_t count) SR_MUST_USE;
void sr_report_reading_free(struct sr_report_reading *reading);

/*
 * Take the next entry, parsed, and its JSON as the log has it; they come from number 0 on without a gap. SR_CORRUPT: it
 * is another one, or the entries so far are not those that a report's checkpoint signed. SR_INTERNAL when memory is
 * used up.
 */
enum sr_code sr_report_reading_take(struct sr_report_reading *reading, const struct sr_audit_entry *entry,
				    struct sr_span json, struct sr_error *err) SR_MUST_USE;

/* ---- what is written ---- */

/*
 * The regulator's copy: neither identities nor tags, labels, recording ids or grants; people, recipients and recordings
 * are numbered in the order in which they were met. `since`: the earlier report with the same names, counted; what has
 * changed since then is added. NULL: none. False when memory is used up.
 */
bool sr_report_json(const struct sr_report *report, const struct sr_report *since,
		    struct sr_report_out *out) SR_MUST_USE;
bool sr_report_text(const struct sr_report *report, const struct sr_report *since,
		    struct sr_report_out *out) SR_MUST_USE;

/* ---- contacts ---- */

/* Somebody of the report, under one tag. Those who were recorded and have several have several of these. */
struct sr_report_person {
	bool recipient;  /* who unintendedly got or asked for something; else: who is recorded */
	uint64_t number; /* as the regulator's copy has it */
	const uint8_t *tag;
	const uint8_t *box; /* the identity, sealed to the auditor; NULL: nobody is known under the tag any more */
	size_t box_size;
};

/* All of them, recipients first, boxes left out: *list (out) is allocated. False when memory is used up. */
bool sr_report_people(const struct sr_report *report, struct sr_report_person **list, size_t *count) SR_MUST_USE;

/* The contact list as JSON, before it is sealed: `list` as sr_report_people gives it, with boxes. */
bool sr_report_contacts(const struct sr_report *report, const struct sr_report_person *list, size_t count,
			struct sr_report_out *out) SR_MUST_USE;

#endif
