/* What an entry of the audit log is about, whatever the form it is printed in. */
#include "cli/audit_about.h"

#include <stdbool.h>
#include <string.h>

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words && strcmp(word, *words) != 0)
		words++;
	return *words != NULL;
}

enum audit_doing audit_doing_of(const struct sr_audit_entry *entry)
{
	static const char *const creating[] = {"record.open", "service.add",  "hold.place",    "epoch.new", "root.new",
					       "freeze",      "backup.begin", "incident.note", NULL};
	static const char *const reading[] = {
		"list",       "info",         "check",       "play.open",   "play.read",   "shown",      "alarm.list",
		"audit.read", "audit.search", "person.read", "backup.rows", "backup.read", "backup.log", NULL};
	static const char *const deleting[] = {"delete",       "patient.erase", "service.remove", "hold.release",
					       "epoch.retire", "thaw",          "scrub.discard",  NULL};
	static const char *const updating[] = {"record.track",  "record.resume", "record.finish", "record.cut",
					       "grant.renew",   "undelete",      "patient.rekey", "patient.rename",
					       "patient.merge", "rotate.step",   "rotate.deep",   NULL};
	return is_one_of(entry->operation, reading)    ? AUDIT_READS
	       : is_one_of(entry->operation, creating) ? AUDIT_CREATES
	       : is_one_of(entry->operation, updating) ? AUDIT_UPDATES
	       : is_one_of(entry->operation, deleting) ? AUDIT_DELETES
						       : AUDIT_OTHER;
}

enum audit_result audit_result_of(const struct sr_audit_entry *entry)
{
	static const char *const failures[] = {"io",          "corrupt",     "no_space", "internal",
					       "unavailable", "not_applied", NULL};
	const char *code = entry->outcome ? entry->outcome : "";
	for (size_t at = 0; at < entry->fact_count && strcmp(code, "not_applied") == 0; at++)
		if (strcmp(entry->facts[at].name, "code") == 0)
			code = entry->facts[at].value;
	if (entry->kind == SR_AUDIT_INTENT)
		return AUDIT_INTENDED;
	if (is_one_of(code, failures))
		return AUDIT_FAILED;
	/* One that was intended and then not made, for a reason of the request's own, is as good as refused. */
	bool refused =
		entry->kind == SR_AUDIT_REFUSED || (entry->outcome && strcmp(entry->outcome, "not_applied") == 0);
	return refused ? AUDIT_DENIED : AUDIT_DONE_WELL;
}

const char *audit_alarm_of(const struct sr_audit_entry *entry)
{
	if (entry->kind == SR_AUDIT_ALARM)
		return entry->name ? entry->name : "alarm";
	for (size_t at = 0; at < entry->fact_count; at++)
		if (strcmp(entry->facts[at].name, "alarm") == 0)
			return entry->facts[at].value;
	return NULL;
}
