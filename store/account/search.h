/*
 * Finding entries of the audit log by patient, actor, recording, service, kind and time.
 */
#ifndef SR_SEARCH_H
#define SR_SEARCH_H

#include "account/view.h"

/* What is searched: every condition that is set must be met. Borrowed. */
struct sr_audit_query {
	const uint8_t *tag;       /* SR_TAG: the patient of the request, the linked one, or a recording's owner */
	const uint8_t *actor;     /* SR_TAG */
	const uint8_t *recording; /* SR_UUID: among the entry's recordings */
	const char *service;
	unsigned kinds;   /* bits 1 << kind; 0: any */
	uint64_t from_ms; /* from this time on */
	uint64_t to_ms;   /* and before this one; 0: no end */
	uint64_t first;   /* numbers from this on: to go on behind a page */
	uint64_t limit;   /* at most so many; 0: all */
	bool scan;        /* read every record instead of trusting the search runs: what reports do */
};

/* Gets each entry found, in order, with its JSON; both borrowed during the call. False: that is enough. */
typedef bool sr_audit_found(void *context, const struct sr_audit_entry *entry, struct sr_span json);

/*
 * Search the view. Runs are used where they are sound; where one is missing or damaged, its entries are read instead,
 * and the daemon makes it anew. *next (out, may be NULL): where to go on, or the view's size when all was searched.
 * SR_CORRUPT: a record does not verify or read (those before it were given); SR_IO, SR_INTERNAL. Not on the event loop.
 */
enum sr_code sr_audit_search(const struct sr_audit_view *view, const struct sr_audit_query *query,
			     sr_audit_found *found, void *context, uint64_t *next, struct sr_error *err) SR_MUST_USE;

/* Does `entry` meet the query's conditions, `first` and `limit` aside? */
bool sr_audit_matches(const struct sr_audit_query *query, const struct sr_audit_entry *entry) SR_MUST_USE;

#endif
