/*
 * What people have stated of an incident, as the audit log has it.
 */
#ifndef SR_REPORT_INCIDENT_H
#define SR_REPORT_INCIDENT_H

#include "audit_entry.h"
#include "message_incident.h"

/* The operation under which notes stand in the log. */
#define SR_INCIDENT_OPERATION "incident.note"

/* One fact of a note; both allocated. */
struct sr_stated_fact {
	char *name, *value;
};

/* One note. The texts are allocated; NULL: none. */
struct sr_stated {
	uint64_t number;  /* of the entry */
	uint64_t time_ms; /* when it was noted */
	enum sr_incident_what what;
	bool has_at;
	uint64_t at_ms;
	char *incident; /* the incident's name */
	char *by;       /* the service that noted it */
	char *text;
	struct sr_stated_fact *facts;
	size_t fact_count;
};

/* Notes in the order of the log. Zeros: none yet, of any incident. */
struct sr_incident {
	char name[SR_INCIDENT_NAME_MAX + 1]; /* only of this one; "": of all */
	struct sr_stated *notes;
	size_t count, room;
};

/* Is the entry a note of this incident? One whose word is not known is none. */
bool sr_incident_is(const struct sr_incident *incident, const struct sr_audit_entry *entry) SR_MUST_USE;

/* Take the entry if it is a note of this incident; entries come in the order of their numbers. False when memory is
 * used up. */
bool sr_incident_take(struct sr_incident *incident, const struct sr_audit_entry *entry) SR_MUST_USE;

/* The value of a note's fact, NULL: it has none of this name. */
const char *sr_stated_fact(const struct sr_stated *note, const char *name);

/* The latest note of this kind among those with numbers below `size`; NULL: there is none. */
const struct sr_stated *sr_incident_latest(const struct sr_incident *incident, enum sr_incident_what what,
					   uint64_t size);

/* The latest note of the report with this number; NULL. And the greatest number of a report noted below `size`. */
const struct sr_stated *sr_incident_report(const struct sr_incident *incident, uint64_t report);
uint64_t sr_incident_reports(const struct sr_incident *incident, uint64_t size);

void sr_incident_free(struct sr_incident *incident);

#endif
