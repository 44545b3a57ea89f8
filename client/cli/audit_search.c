/* `sealreel audit search` and `audit export`: entries that meet conditions, in one of several forms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit.h"
#include "cli/audit_form.h"
#include "cli/parse.h"

#define SUBJECT_MAX 255

enum {
	KEY_PATIENT = 1,
	KEY_PATIENT_TAG,
	KEY_ACTOR,
	KEY_ACTOR_TAG,
	KEY_RECORDING,
	KEY_SERVICE,
	KEY_KIND,
	KEY_FROM,
	KEY_TO,
	KEY_FORMAT,
	KEY_LIMIT
};

struct search {
	struct cli *cli;
	struct sr_auditor_search query;
	bool asked; /* a condition was given */
	uint8_t patient_tag[32], actor_tag[32], recording[SR_ID];
	uint64_t limit; /* 0: all */
	uint64_t given;
	const char *path; /* of export; NULL: standard output */
	struct audit_printer printer;
	bool failed;
};

#define CONDITIONS                                                                                                     \
	{"patient", KEY_PATIENT, "IDENTITY", 0, "Of this patient: asked for, linked, or the owner of a recording", 1}, \
		{"patient-tag", KEY_PATIENT_TAG, "HEX", 0, "The same by the tag", 1},                                  \
		{"actor", KEY_ACTOR, "ACTOR", 0, "By whom: the act.sub of grants", 1},                                 \
		{"actor-tag", KEY_ACTOR_TAG, "HEX", 0, "The same by the tag", 1},                                      \
		{"recording", KEY_RECORDING, "ID", 0, "That names this recording", 1},                                 \
		{"service", KEY_SERVICE, "NAME", 0, "Through this service", 1},                                        \
		{"kind", KEY_KIND, "KIND,…", 0, "Of these kinds: presented, refused, sent, alarm …", 1},               \
		{"from", KEY_FROM, "TIME", 0, "Written from then on: 2026-11-21 or RFC 3339", 1},                      \
	{                                                                                                              \
		"to", KEY_TO, "TIME", 0, "Written before then", 1                                                      \
	}

static const struct argp_option search_options[] = {
	CONDITIONS,
	{"limit", KEY_LIMIT, "N", 0, "At most N entries", 2},
	{0},
};

static const struct argp_option export_options[] = {
	CONDITIONS,
	{"format", KEY_FORMAT, "FORM", 0, "text, json (the default), csv, fhir or ocsf", 2},
	{"output", 'o', "FILE", 0, "Write to FILE, which must not exist", 2},
	{0},
};

static error_t take_kinds(struct search *search, const char *value)
{
	while (*value) {
		size_t size = strcspn(value, ",");
		enum sr_audit_kind kind = sr_audit_kind_parse(value, size);
		if (kind == 0)
			return cli_wrong(search->cli, "%.*s is no kind of entry", (int)(size < 32 ? size : 32), value);
		search->query.kinds = (uint16_t)(search->query.kinds | 1u << kind);
		value += size + (value[size] == ',');
	}
	return search->query.kinds != 0 ? 0 : cli_wrong(search->cli, "--kind names none");
}

static error_t take_person(struct search *search, int key, const char *value)
{
	bool tagged = key == KEY_PATIENT_TAG || key == KEY_ACTOR_TAG;
	bool patient = key == KEY_PATIENT || key == KEY_PATIENT_TAG;
	uint8_t *tag = patient ? search->patient_tag : search->actor_tag;
	size_t size = tagged ? 32 : strlen(value);
	if (tagged && !parse_key(value, tag))
		return cli_wrong(search->cli, "a tag is 64 hex digits");
	if (size == 0 || size > SUBJECT_MAX)
		return cli_wrong(search->cli, "an identity is 1 to %d bytes", SUBJECT_MAX);
	if (patient) {
		search->query.patient = tagged ? (const void *)tag : value;
		search->query.patient_size = size;
		search->query.patient_tagged = tagged;
	} else {
		search->query.actor = tagged ? (const void *)tag : value;
		search->query.actor_size = size;
		search->query.actor_tagged = tagged;
	}
	return 0;
}

static error_t take_condition(struct search *search, int key, const char *value)
{
	search->asked = true;
	switch (key) {
	case KEY_RECORDING:
		search->query.recording = search->recording;
		return sr_id_parse(value, search->recording) ? 0 : cli_wrong(search->cli, "%.64s is no id", value);
	case KEY_SERVICE:
		search->query.service = value;
		return 0;
	case KEY_KIND:
		return take_kinds(search, value);
	case KEY_FROM:
		return parse_time(value, &search->query.from_ms) ? 0 : cli_wrong(search->cli, "--from is no time");
	case KEY_TO:
		return parse_time(value, &search->query.to_ms) ? 0 : cli_wrong(search->cli, "--to is no time");
	default:
		return take_person(search, key, value);
	}
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct search *search = state->input;
	switch (key) {
	case KEY_FORMAT:
		return audit_form_parse(value, &search->printer.form)
			       ? 0
			       : cli_wrong(search->cli, "--format is text, json, csv, fhir or ocsf");
	case KEY_LIMIT:
		return parse_number(value, UINT64_MAX, &search->limit) && search->limit > 0
			       ? 0
			       : cli_wrong(search->cli, "--limit is no number");
	case 'o':
		search->path = value;
		return 0;
	case KEY_PATIENT:
	case KEY_PATIENT_TAG:
	case KEY_ACTOR:
	case KEY_ACTOR_TAG:
	case KEY_RECORDING:
	case KEY_SERVICE:
	case KEY_KIND:
	case KEY_FROM:
	case KEY_TO:
		return take_condition(search, key, value);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

#define EXITS                                                                                                          \
	"Exits with 0, whether or not there are any; 1 if it failed or was refused, 2 wrong usage, 5 if the store is " \
	"unavailable. That you search is an entry too, with the conditions."

static const struct argp search_argp = {
	.options = search_options,
	.parser = parse,
	.doc = "Print the entries of the audit log that meet all conditions, oldest first, a line each; needs a "
	       "credential with the role audit.\v"
	       "JSON: one line for each entry, exactly as the log has it; store/FORMAT.md, section 7, has its "
	       "members.\n\n" EXITS "\n\nExample:\n\n"
	       "  sealreel --credential auditor.cred audit search --patient 'urn:example:patient|4711' --kind "
	       "refused,sent\n",
};

static const struct argp export_argp = {
	.options = export_options,
	.parser = parse,
	.doc = "Print the audit log, or what of it meets all conditions, for other programs; needs a credential with "
	       "the role audit.\v"
	       "text: a line each. json: a line each, exactly as the log has it. csv: RFC 4180, a row for each "
	       "recording that an entry names, quoted, and safe to open in a spreadsheet. fhir: FHIR R4 AuditEvents "
	       "(after IHE BALP), a line each; ocsf: OCSF events of the class API Activity, a line each; "
	       "store/FORMAT.md, section 7, has the tables. --json is --format json.\n\n" EXITS "\n\nExample:\n\n"
	       "  sealreel --credential auditor.cred audit export --format csv --from 2026-11-01 --to 2026-12-01 "
	       "-o november.csv\n",
};

static bool print(void *context, const struct sr_audit_entry *entry, struct sr_span json)
{
	struct search *search = context;
	search->failed = !audit_print(&search->printer, entry, json);
	search->given++;
	return !search->failed && search->given != search->limit;
}

static int open_output(struct search *search)
{
	search->printer.out = stdout;
	if (!search->path)
		return CLI_DONE;
	search->printer.out = fopen(search->path, "wxe");
	return search->printer.out ? CLI_DONE
				   : cli_fail_text(SR_IO, "%s cannot be made, or is there already", search->path);
}

static int close_output(struct search *search, int status)
{
	bool failed = search->failed;
	if (search->printer.out && search->printer.out != stdout)
		failed = fclose(search->printer.out) != 0 || failed;
	if (failed && status == CLI_DONE)
		return cli_fail_text(SR_IO, "the output cannot be written");
	return cli_flush(status);
}

static int run(struct search *search)
{
	struct audit audit = {.cli = search->cli};
	int status = audit_open(&audit);
	if (status == CLI_DONE) {
		sr_client_audience(sr_blocking_client(audit.blocking), search->printer.store);
		status = open_output(search);
	}
	if (status == CLI_DONE) {
		audit_print_front(&search->printer);
		status = search->asked ? audit_search(&audit, &search->query, print, search)
				       : audit_read(&audit, 0, 0, print, search);
		status = close_output(search, status);
	}
	audit_close(&audit);
	return status;
}

int cli_audit_search(struct cli *cli, int argc, char **argv)
{
	struct search search = {.cli = cli};
	int status = cli_parse_data(cli, &search_argp, argc, argv, &search);
	if (status >= 0)
		return status;
	search.printer.form = cli->json ? AUDIT_JSON : AUDIT_TEXT;
	return run(&search);
}

int cli_audit_export(struct cli *cli, int argc, char **argv)
{
	struct search search = {.cli = cli, .printer.form = AUDIT_JSON};
	int status = cli_parse_data(cli, &export_argp, argc, argv, &search);
	if (status >= 0)
		return status;
	if (cli->json)
		search.printer.form = AUDIT_JSON;
	return run(&search);
}
