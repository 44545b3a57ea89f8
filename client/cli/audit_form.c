/* The forms of the audit log: which one it is, and a line of text for each entry. */
#include "cli/audit_form.h"

#include <sodium.h>
#include <string.h>

#include "cli/parse.h"

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+-|"

/* What could end the line or move the terminal is escaped, and what has blanks is quoted. */
void audit_put_value(FILE *out, const char *value)
{
	if (*value && strspn(value, PLAIN) == strlen(value)) {
		(void)fputs(value, out);
		return;
	}
	(void)fputc('"', out);
	for (const unsigned char *at = (const unsigned char *)value; *at; at++) {
		if (*at == '"' || *at == '\\')
			(void)fprintf(out, "\\%c", *at);
		else if (*at < 0x20 || *at >= 0x7f)
			(void)fprintf(out, "\\x%02x", *at);
		else
			(void)fputc(*at, out);
	}
	(void)fputc('"', out);
}

static void put_text(FILE *out, const char *name, const char *value)
{
	if (!value)
		return;
	(void)fprintf(out, " %s=", name);
	audit_put_value(out, value);
}

static void put_hex(FILE *out, const char *name, const uint8_t *bytes)
{
	char hex[2 * SR_TAG + 1];
	if (bytes)
		(void)fprintf(out, " %s=%s", name, sodium_bin2hex(hex, sizeof hex, bytes, SR_TAG));
}

/* The recording, and in brackets what is to be said of it. */
static void put_recording(FILE *out, const struct sr_audit_recording *recording)
{
	char id[SR_UUID_TEXT + 1];
	sr_uuid_format(recording->id, id);
	(void)fprintf(out, " recording=%s", id);
	put_text(out, "withheld", recording->withheld);
	put_hex(out, "owner", recording->owner);
	if (recording->has_own_tag)
		(void)fprintf(out, " own_tag=%s", recording->own_tag ? "yes" : "no");
	if (recording->has_track)
		(void)fprintf(out, " track=%u", recording->track);
	if (recording->has_range)
		(void)fprintf(out, " bytes=%llu-%llu", (unsigned long long)recording->from,
			      (unsigned long long)recording->to);
	if (recording->has_length)
		(void)fprintf(out, " length=%llu", (unsigned long long)recording->length);
	if (recording->has_media)
		(void)fprintf(out, " media=%llu-%llums", (unsigned long long)recording->media_from,
			      (unsigned long long)recording->media_to);
}

static void put_line(FILE *out, const struct sr_audit_entry *entry)
{
	char time[TIME_TEXT];
	format_time(entry->time_ms, time);
	(void)fprintf(out, "%llu %s %s %s", (unsigned long long)entry->number, time, sr_audit_kind_name(entry->kind),
		      entry->operation);
	if (entry->has_of)
		(void)fprintf(out, " of=%llu", (unsigned long long)entry->of);
	put_text(out, "outcome", entry->outcome);
	put_text(out, "service", entry->service);
	put_text(out, "name", entry->name);
	put_text(out, "role", entry->role);
	put_text(out, "purpose", entry->purpose);
	put_hex(out, "tag", entry->tag);
	put_hex(out, "actor", entry->actor);
	put_hex(out, "linked", entry->linked);
	for (size_t at = 0; at < entry->count_count; at++)
		(void)fprintf(out, " %s=%llu", entry->counts[at].name, (unsigned long long)entry->counts[at].value);
	for (size_t at = 0; at < entry->fact_count; at++)
		put_text(out, entry->facts[at].name, entry->facts[at].value);
	put_text(out, "reason", entry->reason);
	put_text(out, "text", entry->text);
	put_text(out, "issuer", entry->issuer);
	put_text(out, "jti", entry->jti);
	put_text(out, "session", entry->session);
	if (entry->request)
		(void)fprintf(out, " request=%016llx", (unsigned long long)entry->request);
	for (size_t at = 0; at < entry->recording_count; at++)
		put_recording(out, &entry->recordings[at]);
	(void)fputc('\n', out);
}

/* ---- which form ---- */

bool audit_form_parse(const char *name, enum audit_form *form)
{
	static const char *const names[] = {"text", "json", "csv", "fhir", "ocsf"};
	for (size_t at = 0; at < sizeof names / sizeof *names; at++)
		if (strcmp(name, names[at]) == 0) {
			*form = (enum audit_form)at;
			return true;
		}
	return false;
}

void audit_print_front(const struct audit_printer *printer)
{
	if (printer->form == AUDIT_CSV)
		audit_csv_front(printer->out);
}

bool audit_print(const struct audit_printer *printer, const struct sr_audit_entry *entry, struct sr_span json)
{
	bool well = true;
	switch (printer->form) {
	case AUDIT_JSON:
		(void)fwrite(json.data, 1, json.size, printer->out);
		(void)fputc('\n', printer->out);
		break;
	case AUDIT_TEXT:
		put_line(printer->out, entry);
		break;
	case AUDIT_CSV:
		audit_csv(printer->out, entry);
		break;
	case AUDIT_FHIR:
		well = audit_fhir(printer->out, printer->store, entry);
		break;
	case AUDIT_OCSF:
		well = audit_ocsf(printer->out, printer->store, entry, json);
		break;
	}
	return well && ferror(printer->out) == 0;
}
