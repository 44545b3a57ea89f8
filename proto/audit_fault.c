/*
 * What can be found wrong with an audit log, how it is said, and what two checkpoints say of each other.
 */
#include "audit_fault.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ROOT_TEXT 45

static const char *const names[SR_FAULTS] = {
	[SR_FAULT_CHECKPOINT] = "checkpoint", [SR_FAULT_RECORD] = "record",
	[SR_FAULT_ENTRY] = "entry",           [SR_FAULT_TILE] = "tile",
	[SR_FAULT_BUNDLE] = "bundle",         [SR_FAULT_ROOT] = "root",
	[SR_FAULT_SHORTER] = "shorter",       [SR_FAULT_REWRITTEN] = "rewritten",
	[SR_FAULT_DIVERGED] = "diverged",     [SR_FAULT_OTHER_LOG] = "other_log",
};

const char *sr_audit_fault_name(enum sr_audit_fault fault)
{
	return names[fault];
}

__attribute__((format(printf, 4, 5))) static void find(const struct sr_audit_kept *kept, enum sr_audit_fault fault,
						       uint64_t number, const char *format, ...)
{
	struct sr_audit_finding finding = {.fault = fault, .number = number};
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(finding.text, sizeof finding.text, format, arguments);
	va_end(arguments);
	kept->found(kept->context, &finding);
}

size_t sr_audit_kept_check(const struct sr_audit_kept *all)
{
	size_t findings = 0;
	for (size_t at = 0; at < all->count; at++) {
		const struct sr_checkpoint *kept = &all->kept[at];
		bool other_log = strcmp(kept->origin, all->own->origin) != 0;
		for (size_t other = 0; other < at; other++) {
			if (!sr_checkpoints_diverge(kept, &all->kept[other]))
				continue;
			findings++;
			find(all, SR_FAULT_DIVERGED, kept->size,
			     "two signed checkpoints of %llu entries have different roots",
			     (unsigned long long)kept->size);
		}
		if (other_log)
			find(all, SR_FAULT_OTHER_LOG, kept->size, "the kept checkpoint is of %s, the log is %s",
			     kept->origin, all->own->origin);
		else if (kept->size > all->own->size)
			find(all, SR_FAULT_SHORTER, kept->size,
			     "the kept checkpoint covers %llu entries, the log has %llu: entries were cut off",
			     (unsigned long long)kept->size, (unsigned long long)all->own->size);
		findings += other_log || kept->size > all->own->size;
	}
	return findings;
}

static bool is_of(const struct sr_audit_kept *all, const struct sr_checkpoint *kept, uint64_t size)
{
	return kept->size == size && strcmp(kept->origin, all->own->origin) == 0;
}

bool sr_audit_kept_has(const struct sr_audit_kept *all, uint64_t size)
{
	for (size_t at = 0; at < all->count; at++)
		if (is_of(all, &all->kept[at], size))
			return true;
	return false;
}

size_t sr_audit_kept_compare(const struct sr_audit_kept *all, uint64_t size, const uint8_t root[SR_HASH])
{
	size_t findings = 0;
	for (size_t at = 0; at < all->count; at++) {
		const struct sr_checkpoint *kept = &all->kept[at];
		if (!is_of(all, kept, size) || memcmp(root, kept->root, SR_HASH) == 0)
			continue;
		findings++;
		find(all, SR_FAULT_REWRITTEN, size,
		     "the first %llu entries are not those of the kept checkpoint: the log was changed and signed "
		     "again",
		     (unsigned long long)size);
	}
	return findings;
}

/* ---- lines ---- */

/* What could break a line or a string is a question mark. */
static void clean(const char *text, char out[SR_ERROR_TEXT_MAX])
{
	size_t at = 0;
	for (; text[at] && at < SR_ERROR_TEXT_MAX - 1; at++)
		out[at] = text[at] < ' ' || text[at] > '~' || text[at] == '"' || text[at] == '\\' ? '?' : text[at];
	out[at] = '\0';
}

void sr_audit_finding_line(const struct sr_audit_finding *finding, bool json, char out[SR_AUDIT_LINE_MAX])
{
	char text[SR_ERROR_TEXT_MAX];
	clean(finding->text, text);
	(void)snprintf(out, SR_AUDIT_LINE_MAX,
		       json ? "{\"finding\":\"%s\",\"number\":%llu,\"text\":\"%s\"}" : "%s %llu: %s",
		       sr_audit_fault_name(finding->fault), (unsigned long long)finding->number, text);
}

void sr_audit_end_line(const struct sr_audit_end_line *end, bool json, char out[SR_AUDIT_LINE_MAX])
{
	char origin[SR_ERROR_TEXT_MAX], root[ROOT_TEXT];
	bool verified = end->findings == 0 && !end->stopped;
	clean(end->checkpoint->origin, origin);
	(void)sodium_bin2base64(root, sizeof root, end->checkpoint->root, SR_HASH, sodium_base64_VARIANT_ORIGINAL);
	if (json)
		(void)snprintf(out, SR_AUDIT_LINE_MAX,
			       "{\"verified\":%s,\"stopped\":%s,\"origin\":\"%s\",\"size\":%llu,\"root\":\"%s\","
			       "\"entries\":%llu,\"findings\":%llu}",
			       verified ? "true" : "false", end->stopped ? "true" : "false", origin,
			       (unsigned long long)end->checkpoint->size, root, (unsigned long long)end->entries,
			       (unsigned long long)end->findings);
	else
		(void)snprintf(out, SR_AUDIT_LINE_MAX, "%s: %s, %llu entries, root %s, %llu findings",
			       end->stopped ? "stopped"
			       : verified   ? "verified"
					    : "NOT verified",
			       origin, (unsigned long long)end->entries, root, (unsigned long long)end->findings);
}
