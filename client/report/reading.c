/*
 * Reading a log for reports: its tree is made again, so that nobody who hands the entries over is believed.
 */
#include <stdlib.h>
#include <string.h>

#include "state.h"
#include "tree.h"

struct sr_report_reading {
	struct sr_report_tree tree;
	struct sr_report *reports[2];
	size_t count;
};

struct sr_report_reading *sr_report_reading_new(struct sr_report *const *reports, size_t count)
{
	struct sr_report_reading *reading = calloc(1, sizeof *reading);
	if (!reading)
		return NULL;
	for (size_t at = 0; at < count && at < 2; at++)
		reading->reports[reading->count++] = reports[at];
	return reading;
}

void sr_report_reading_free(struct sr_report_reading *reading)
{
	free(reading);
}

enum sr_code sr_report_reading_take(struct sr_report_reading *reading, const struct sr_audit_entry *entry,
				    struct sr_span json, struct sr_error *err)
{
	uint8_t root[SR_HASH];
	if (entry->number != reading->tree.size)
		return SR_FAIL(err, SR_CORRUPT, "entry %llu came where %llu belongs", (unsigned long long)entry->number,
			       (unsigned long long)reading->tree.size);
	if (!sr_report_tree_add(&reading->tree, json))
		return SR_FAIL_MEMORY(err);
	for (size_t at = 0; at < reading->count; at++) {
		struct sr_report *report = reading->reports[at];
		if (!sr_report_take(report, entry))
			return SR_FAIL_MEMORY(err);
		if (reading->tree.size != report->checkpoint.size)
			continue;
		sr_report_tree_root(&reading->tree, root);
		if (memcmp(root, report->checkpoint.root, SR_HASH) != 0)
			return SR_FAIL(err, SR_CORRUPT, "the entries are not those that the checkpoint signed");
	}
	return SR_OK;
}
