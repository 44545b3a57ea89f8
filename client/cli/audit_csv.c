/* Entries of the audit log as CSV (RFC 4180): a row for each recording that an entry names, or one. */
#include <sodium.h>
#include <string.h>

#include "cli/audit_form.h"
#include "cli/parse.h"

static const char *const columns[] = {
	"number",  "time",       "kind",      "operation",  "request",        "of",      "service", "issuer", "jti",
	"session", "tag",        "actor",     "linked",     "role",           "purpose", "outcome", "text",   "reason",
	"name",    "manifest",   "recording", "withheld",   "owner",          "own_tag", "track",   "from",   "to",
	"length",  "media_from", "media_to",  "generation", "track_manifest", "counts",  "facts",
};

/*
 * A cell in quotes. A spreadsheet takes what begins with one of these for a formula, quotes or none: an apostrophe in
 * front of it makes it text.
 */
static void put_cell(FILE *out, const char *value, bool first)
{
	(void)fputs(first ? "\"" : ",\"", out);
	if (*value && strchr("=+-@\t\r\n|%", *value))
		(void)fputc('\'', out);
	for (; *value; value++) {
		if (*value == '"')
			(void)fputc('"', out);
		(void)fputc(*value, out);
	}
	(void)fputc('"', out);
}

static void put_text(FILE *out, const char *value)
{
	put_cell(out, value ? value : "", false);
}

static void put_number(FILE *out, bool known, uint64_t value)
{
	char text[24] = "";
	if (known)
		(void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	put_cell(out, text, false);
}

static void put_hash(FILE *out, const uint8_t *bytes)
{
	char hex[2 * SR_TAG + 1] = "";
	if (bytes)
		(void)sodium_bin2hex(hex, sizeof hex, bytes, SR_TAG);
	put_cell(out, hex, false);
}

static void put_entry(FILE *out, const struct sr_audit_entry *entry)
{
	char number[24], time[TIME_TEXT], request[17] = "";
	(void)snprintf(number, sizeof number, "%llu", (unsigned long long)entry->number);
	format_time(entry->time_ms, time);
	if (entry->request)
		(void)snprintf(request, sizeof request, "%016llx", (unsigned long long)entry->request);
	put_cell(out, number, true);
	put_text(out, time);
	put_text(out, sr_audit_kind_name(entry->kind));
	put_text(out, entry->operation);
	put_text(out, request);
	put_number(out, entry->has_of, entry->of);
	put_text(out, entry->service);
	put_text(out, entry->issuer);
	put_text(out, entry->jti);
	put_text(out, entry->session);
	put_hash(out, entry->tag);
	put_hash(out, entry->actor);
	put_hash(out, entry->linked);
	put_text(out, entry->role);
	put_text(out, entry->purpose);
	put_text(out, entry->outcome);
	put_text(out, entry->text);
	put_text(out, entry->reason);
	put_text(out, entry->name);
	put_hash(out, entry->manifest);
}

static void put_recording(FILE *out, const struct sr_audit_recording *recording)
{
	static const struct sr_audit_recording none;
	char id[SR_UUID_TEXT] = "";
	const struct sr_audit_recording *one = recording ? recording : &none;
	if (recording)
		sr_uuid_format(recording->id, id);
	put_text(out, id);
	put_text(out, one->withheld);
	put_hash(out, one->owner);
	put_text(out, !one->has_own_tag ? "" : one->own_tag ? "true" : "false");
	put_number(out, one->has_track, one->track);
	put_number(out, one->has_range, one->from);
	put_number(out, one->has_range, one->to);
	put_number(out, one->has_length, one->length);
	put_number(out, one->has_media, one->media_from);
	put_number(out, one->has_media, one->media_to);
	put_number(out, one->has_generation, one->generation);
	put_hash(out, one->manifest);
}

/* Pairs as name=value with a blank between them. */
static void put_counts(FILE *out, const struct sr_audit_entry *entry)
{
	(void)fputs(",\"", out);
	for (size_t at = 0; at < entry->count_count; at++)
		(void)fprintf(out, "%s%s=%llu", at ? " " : "", entry->counts[at].name,
			      (unsigned long long)entry->counts[at].value);
	(void)fputs("\",\"", out);
	for (size_t at = 0; at < entry->fact_count; at++) {
		(void)fprintf(out, "%s%s=", at ? " " : "", entry->facts[at].name);
		for (const char *value = entry->facts[at].value; *value; value++) {
			if (*value == '"')
				(void)fputc('"', out);
			(void)fputc(*value, out);
		}
	}
	(void)fputs("\"\r\n", out);
}

void audit_csv_front(FILE *out)
{
	for (size_t at = 0; at < sizeof columns / sizeof *columns; at++)
		put_cell(out, columns[at], at == 0);
	(void)fputs("\r\n", out);
}

void audit_csv(FILE *out, const struct sr_audit_entry *entry)
{
	size_t rows = entry->recording_count > 0 ? entry->recording_count : 1;
	for (size_t at = 0; at < rows; at++) {
		put_entry(out, entry);
		put_recording(out, entry->recording_count > 0 ? &entry->recordings[at] : NULL);
		put_counts(out, entry);
	}
}
