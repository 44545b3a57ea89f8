/*
 * The forms in which entries of the audit log are printed. store/FORMAT.md, section 7, has the tables of the last two.
 */
#ifndef SR_CLI_AUDIT_FORM_H
#define SR_CLI_AUDIT_FORM_H

#include <stdbool.h>
#include <stdio.h>

#include "audit_entry.h"

/* A line each; as the log has it; a row for each recording; FHIR R4 AuditEvents; OCSF events. */
enum audit_form { AUDIT_TEXT, AUDIT_JSON, AUDIT_CSV, AUDIT_FHIR, AUDIT_OCSF };

/* The form of this name. False: there is none. */
bool audit_form_parse(const char *name, enum audit_form *form);

/* Entries on their way out. */
struct audit_printer {
	enum audit_form form;
	FILE *out;
	char store[33]; /* its id in hex */
};

/* What stands in front of all entries, if anything. */
void audit_print_front(const struct audit_printer *printer);

/* Print one entry; `json` as the log has it. False: `out` cannot be written, or memory is used up. */
bool audit_print(const struct audit_printer *printer, const struct sr_audit_entry *entry, struct sr_span json);

/* A value of a text line: in quotes, and escaped, where it has more than letters, digits and a few marks. */
void audit_put_value(FILE *out, const char *value);

/* ---- for the files of the forms ---- */

/* The row of names; and a row for each recording of an entry, one for an entry that has none. */
void audit_csv_front(FILE *out);
void audit_csv(FILE *out, const struct sr_audit_entry *entry);

/* One JSON object and a line's end for each event; false when memory is used up. */
bool audit_fhir(FILE *out, const char *store, const struct sr_audit_entry *entry);
bool audit_ocsf(FILE *out, const char *store, const struct sr_audit_entry *entry, struct sr_span json);

#endif
