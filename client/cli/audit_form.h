/*
 * The forms in which entries of the audit log are printed.
 */
#ifndef SR_CLI_AUDIT_FORM_H
#define SR_CLI_AUDIT_FORM_H

#include <stdbool.h>
#include <stdio.h>

#include "audit_entry.h"

enum audit_form { AUDIT_TEXT, AUDIT_JSON };

/* Entries on their way out. */
struct audit_printer {
	enum audit_form form;
	FILE *out;
};

/* Print one entry; `json` as the log has it. False: `out` cannot be written. */
bool audit_print(struct audit_printer *printer, const struct sr_audit_entry *entry, struct sr_span json);

#endif
