/* `sealreel audit incident`: its words, and those of its commands that only state or show what was stated. */
#include "cli/incident.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit_key.h"
#include "cli/parse.h"
#include "cli/show.h"

enum {
	KEY_FROM = 1,
	KEY_TO,
	KEY_SINCE,
	KEY_AGAIN,
	KEY_AT,
	KEY_CHECKPOINT,
	KEY_VERIFIER,
	KEY_AUDITOR,
	KEY_CONDITION /* and so many behind it */
};

/* In the order of the facts' names; `person`: an identity whose tag is asked for, 1 an actor's, 2 a patient's. */
static const struct {
	const char *fact;
	int person;
} conditions[INCIDENT_CONDITIONS] = {{"actor", 1},   {"except_patient", 2}, {"grant", 0},  {"issuer", 0},
				     {"patient", 2}, {"recording", 0},      {"service", 0}};

static const struct argp_option options[] = {
	{"at", KEY_AT, "TIME", 0, "note: the time that it states", 1},
	{"from", KEY_FROM, "TIME", 0, "report: what happened from this time on", 1},
	{"to", KEY_TO, "TIME", 0, "report: and before this one", 1},
	{"actor", KEY_CONDITION + 0, "ID", 0, "Only what this actor did or was shown", 2},
	{"except-patient", KEY_CONDITION + 1, "ID", 0, "Only what was for another patient than this", 2},
	{"grant", KEY_CONDITION + 2, "JTI", 0, "Only what was done with this grant", 2},
	{"issuer", KEY_CONDITION + 3, "NAME", 0, "Only what this issuer vouched for", 2},
	{"patient", KEY_CONDITION + 4, "ID", 0, "Only what was for this patient", 2},
	{"recording", KEY_CONDITION + 5, "ID", 0, "Only this recording", 2},
	{"service", KEY_CONDITION + 6, "NAME", 0, "Only what came through this service", 2},
	{"since", KEY_SINCE, "N", 0, "report: add what has changed since report N", 3},
	{"again", KEY_AGAIN, "N", 0, "report: make report N once more, with its arguments, to the byte", 3},
	{"checkpoint", KEY_CHECKPOINT, "FILE", 0, "report: up to a checkpoint that was kept, not to a fresh one", 3},
	{"verifier-key", KEY_VERIFIER, "KEY|@FILE", 0, AUDIT_KEY_OPTION ". Without it the store's own word is taken",
	 3},
	{"output", 'o', "DIR", 0, "report: where the files go; by default here, with --json nowhere", 3},
	{"auditor-key", KEY_AUDITOR, "FILE", 0, "contacts: the auditor's private key, as `init` wrote it", 3},
	{0},
};

static error_t take_word(struct incident *incident, const char *value)
{
	const char **words[] = {&incident->verb, &incident->name, &incident->what, &incident->text};
	for (size_t at = 0; at < sizeof words / sizeof *words; at++)
		if (!*words[at]) {
			*words[at] = value;
			return 0;
		}
	return cli_wrong(incident->cli, "there is a word too much; put a text in quotes");
}

static error_t take_time(struct incident *incident, const char *value, uint64_t *time, bool *has)
{
	*has = parse_time(value, time);
	return *has ? 0 : cli_wrong(incident->cli, "a time is a date, or RFC 3339 such as 2026-11-21T09:30:00Z");
}

static error_t take_report(struct incident *incident, const char *value, uint64_t *number)
{
	if (parse_number(value, UINT32_MAX, number) && *number > 0)
		return 0;
	return cli_wrong(incident->cli, "a report has a number from 1");
}

/* Which words each command needs, and which it may have. */
static error_t check(struct incident *incident)
{
	static const struct {
		const char *verb;
		int least, most;
	} verbs[] = {{"open", 2, 3}, {"note", 3, 4},   {"list", 1, 1},
		     {"show", 2, 2}, {"report", 2, 2}, {"contacts", 2, 2}};
	int words = incident->text ? 4 : incident->what ? 3 : incident->name ? 2 : incident->verb ? 1 : 0;
	for (size_t at = 0; words > 0 && at < sizeof verbs / sizeof *verbs; at++)
		if (strcmp(verbs[at].verb, incident->verb) == 0)
			return words >= verbs[at].least && words <= verbs[at].most
				       ? 0
				       : cli_wrong(incident->cli, "%s has other words; see --help", incident->verb);
	return cli_wrong(incident->cli, "incident needs open, note, list, show, report or contacts");
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct incident *incident = state->input;
	if (key >= KEY_CONDITION && key < KEY_CONDITION + INCIDENT_CONDITIONS) {
		incident->conditions[key - KEY_CONDITION] = value;
		return *value ? 0 : cli_wrong(incident->cli, "a condition is empty");
	}
	switch (key) {
	case KEY_AT:
		return take_time(incident, value, &incident->at_ms, &incident->has_at);
	case KEY_FROM:
		return take_time(incident, value, &incident->from_ms, &incident->has_from);
	case KEY_TO:
		return take_time(incident, value, &incident->to_ms, &incident->has_to);
	case KEY_SINCE:
		return take_report(incident, value, &incident->since);
	case KEY_AGAIN:
		return take_report(incident, value, &incident->again);
	case KEY_CHECKPOINT:
		incident->checkpoint = value;
		return 0;
	case KEY_VERIFIER:
		incident->verifier_key = value;
		return 0;
	case KEY_AUDITOR:
		incident->auditor_key = value;
		return 0;
	case 'o':
		incident->out = value;
		return 0;
	case ARGP_KEY_ARG:
		return take_word(incident, value);
	case ARGP_KEY_END:
		return check(incident);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "open NAME [TEXT]\nnote NAME WHAT [TEXT] [--at TIME]\nnote NAME wrong --issuer NAME …\nlist\nshow "
		    "NAME\n"
		    "report NAME --from TIME --to TIME\nreport NAME --again N\ncontacts FILE --auditor-key FILE",
	.doc = "Account for an incident: what people know of it is noted in the audit log, and a report is made from "
	       "the log "
	       "alone. Needs the role audit.\v"
	       "WHAT is one of aware_at, contained_at (both need --at), authority_notified, people_contacted (with "
	       "--at), "
	       "noticed_by, cause, not_reported, contact, consequences, measures, remark; or wrong, with conditions: "
	       "what was "
	       "given under these was unintended, although a grant vouched for it. Name no people: notes stand in the "
	       "clear.\n\n"
	       "What the store itself withheld or denied counts in any report; what it gave counts where a note "
	       "`wrong` says "
	       "so. report writes NAME-N.txt and NAME-N.json, the regulator's copy without any personal data, and "
	       "NAME-N.contacts, which only the auditor's key opens. The same checkpoint gives the same bytes.\n\n"
	       "JSON of report: the regulator's copy; client/report/README.md has its members. Of list: an array of "
	       "\"incident\", \"opened\", \"notes\", \"reports\". Of show: an array of \"entry\", \"time\", \"what\", "
	       "\"at\", "
	       "\"text\", \"stated_by\", and of a note wrong or a report its conditions by name, of a report also "
	       "\"number\", \"from\", \"to\", \"since\", \"regulator\", \"checkpoint\". Of contacts: \"contacts\", "
	       "each with \"recipient\" or \"person\" (its "
	       "number), "
	       "\"tag\" and \"identity\" (null: erased), and \"accesses\".\n\n"
	       "Exits with 0; 1 if it failed or was refused, 2 for a wrong command line, 5 if the store is "
	       "unavailable.\n\n"
	       "Example:\n\n"
	       "  sealreel --credential auditor.cred audit incident open june 'wrong recordings in a list'\n"
	       "  sealreel --credential auditor.cred audit incident note june aware_at --at 2020-06-09T09:30:00Z\n"
	       "  sealreel --credential auditor.cred audit incident report june --from 2020-06-09 --to 2020-06-10 -o "
	       "out\n",
};

/* ---- asking ---- */

static void on_bytes(void *context, const struct sr_result *result, const uint8_t *bytes)
{
	struct incident *incident = context;
	cli_hear(&incident->answer, result);
	if (bytes)
		memcpy(incident->bytes, bytes, sizeof incident->bytes);
}

int incident_state(struct incident *incident, const struct sr_incident_statement *statement)
{
	return cli_await_status(&incident->answer, incident->audit.blocking,
				sr_auditor_state(sr_blocking_client(incident->audit.blocking), statement, cli_hear_done,
						 &incident->answer, NULL));
}

static int ask_tag(struct incident *incident, size_t at)
{
	const char *identity = incident->conditions[at];
	int status = cli_await_status(&incident->answer, incident->audit.blocking,
				      sr_auditor_tag(sr_blocking_client(incident->audit.blocking),
						     conditions[at].person == 1, identity, strlen(identity), on_bytes,
						     incident, NULL));
	(void)sodium_bin2hex(incident->tags[at], sizeof incident->tags[at], incident->bytes, sizeof incident->bytes);
	return status;
}

int incident_conditions(struct incident *incident)
{
	int status = CLI_DONE;
	for (size_t at = 0; at < INCIDENT_CONDITIONS && status == CLI_DONE; at++) {
		uint8_t id[SR_ID];
		const char *value = incident->conditions[at];
		if (!value)
			continue;
		if (strcmp(conditions[at].fact, "recording") == 0 && !sr_id_parse(value, id))
			return cli_fail_text(SR_USAGE, "--recording is no recording's id");
		if (conditions[at].person)
			status = ask_tag(incident, at);
		incident->details[incident->detail_count++] = (struct sr_incident_detail){
			conditions[at].fact, conditions[at].person ? incident->tags[at] : value};
	}
	return status;
}

struct gathering {
	struct sr_incident *notes;
	bool failed;
};

static bool gather(void *context, const struct sr_audit_entry *entry, struct sr_span json)
{
	struct gathering *gathering = context;
	(void)json;
	gathering->failed = !sr_incident_take(gathering->notes, entry);
	return !gathering->failed;
}

int incident_notes(struct incident *incident, struct sr_incident *notes)
{
	const struct sr_auditor_search search = {.kinds = 1u << SR_AUDIT_CONTROL};
	struct gathering gathering = {.notes = notes};
	int status = audit_search(&incident->audit, &search, gather, &gathering);
	return gathering.failed ? cli_fail_memory() : status;
}

/* ---- open, note ---- */

static const char *const needs_time[] = {"aware_at", "contained_at"};

/* The notes of the incident; whether it is `opened` must be so. */
static int find(struct incident *incident, struct sr_incident *notes, bool opened)
{
	(void)snprintf(notes->name, sizeof notes->name, "%s", incident->name);
	int status = incident_notes(incident, notes);
	if (status != CLI_DONE)
		return status;
	bool is = sr_incident_latest(notes, SR_INCIDENT_OPENED, UINT64_MAX) != NULL;
	if (is && !opened)
		return cli_fail_text(SR_CONFLICT, "the incident %s is open already", incident->name);
	if (!is && opened)
		return cli_fail_text(SR_NOT_FOUND, "there is no incident %s; open it first", incident->name);
	return CLI_DONE;
}

static int open_incident(struct incident *incident)
{
	struct sr_incident notes = {.count = 0};
	const struct sr_incident_statement statement = {
		.incident = incident->name, .what = "opened", .text = incident->what};
	int status = find(incident, &notes, false);
	sr_incident_free(&notes);
	return status == CLI_DONE ? incident_state(incident, &statement) : status;
}

static int check_note(const struct incident *incident, const char *what)
{
	enum sr_incident_what known = sr_incident_what_parse(what);
	if (known == 0 || known == SR_INCIDENT_OPENED || known == SR_INCIDENT_REPORT)
		return cli_fail_text(SR_USAGE, "there is no note %s; see --help", what);
	for (size_t at = 0; at < sizeof needs_time / sizeof *needs_time; at++)
		if (strcmp(what, needs_time[at]) == 0 && !incident->has_at)
			return cli_fail_text(SR_USAGE, "%s needs a time: --at", what);
	bool conditioned = false;
	for (size_t at = 0; at < INCIDENT_CONDITIONS; at++)
		conditioned |= incident->conditions[at] != NULL;
	if (conditioned != (known == SR_INCIDENT_WRONG))
		return cli_fail_text(SR_USAGE, "conditions belong to the note wrong, which needs one at least");
	if (!incident->text && !incident->has_at && !conditioned)
		return cli_fail_text(SR_USAGE, "%s says nothing without a text or --at", what);
	return CLI_DONE;
}

static int note_incident(struct incident *incident)
{
	struct sr_incident notes = {.count = 0};
	char what[32];
	(void)snprintf(what, sizeof what, "%s", incident->what);
	for (char *at = what; *at; at++)
		*at = *at == '-' ? '_' : *at;
	int status = check_note(incident, what);
	if (status == CLI_DONE)
		status = find(incident, &notes, true);
	sr_incident_free(&notes);
	if (status == CLI_DONE)
		status = incident_conditions(incident);
	const struct sr_incident_statement statement = {.incident = incident->name,
							.what = what,
							.at_ms = incident->has_at ? incident->at_ms : 0,
							.text = incident->text,
							.details = incident->details,
							.count = incident->detail_count};
	return status == CLI_DONE ? incident_state(incident, &statement) : status;
}

/* ---- list, show ---- */

static int list_incidents(struct incident *incident)
{
	struct sr_incident all = {.count = 0};
	char time[TIME_TEXT];
	json_t *array = json_array();
	int status = incident_notes(incident, &all);
	for (size_t at = 0; at < all.count && status == CLI_DONE; at++) {
		size_t notes = 0, reports = 0;
		if (all.notes[at].what != SR_INCIDENT_OPENED)
			continue;
		for (size_t other = 0; other < all.count; other++) {
			bool own = strcmp(all.notes[other].incident, all.notes[at].incident) == 0;
			notes += own && all.notes[other].what != SR_INCIDENT_REPORT;
			reports += own && all.notes[other].what == SR_INCIDENT_REPORT;
		}
		format_time(all.notes[at].time_ms, time);
		if (incident->cli->json)
			(void)json_array_append_new(
				array, json_pack("{s:s, s:s, s:I, s:I}", "incident", all.notes[at].incident, "opened",
						 time, "notes", (json_int_t)notes, "reports", (json_int_t)reports));
		else
			printf("%s %s notes=%zu reports=%zu\n", time, all.notes[at].incident, notes, reports);
	}
	if (incident->cli->json && status == CLI_DONE)
		(void)show_json(json_incref(array));
	json_decref(array);
	sr_incident_free(&all);
	return cli_flush(status);
}

void incident_put_text(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		if (*at < 0x20 || *at == 0x7f)
			printf("\\x%02x", *at);
		else
			(void)putchar(*at);
}

/* A fact as it is read: times, which the log has in milliseconds, as all others. In `time` or the fact's own. */
static const char *readable(const struct sr_stated *note, size_t fact, char time[TIME_TEXT])
{
	const char *name = note->facts[fact].name, *value = note->facts[fact].value;
	bool is_time = note->what == SR_INCIDENT_REPORT && (strcmp(name, "from") == 0 || strcmp(name, "to") == 0);
	uint64_t ms;
	if (!is_time || !parse_number(value, UINT64_MAX, &ms))
		return value;
	format_time(ms, time);
	return time;
}

static void print_note(const struct sr_stated *note)
{
	char time[TIME_TEXT], at[TIME_TEXT];
	format_time(note->time_ms, time);
	format_time(note->at_ms, at);
	printf("%s %s%s%s%s", time, sr_incident_what_name(note->what), note->has_at ? " " : "", note->has_at ? at : "",
	       note->text ? " " : "");
	incident_put_text(note->text ? note->text : "");
	printf(" [stated by %s, entry %llu]\n", note->by ? note->by : "nobody", (unsigned long long)note->number);
	for (size_t fact = 0; fact < note->fact_count; fact++)
		if (strcmp(note->facts[fact].name, "what") != 0 && strcmp(note->facts[fact].name, "checkpoint") != 0) {
			printf("  %s ", note->facts[fact].name);
			incident_put_text(readable(note, fact, time));
			(void)putchar('\n');
		}
}

static json_t *note_json(const struct sr_stated *note)
{
	char time[TIME_TEXT], at[TIME_TEXT];
	format_time(note->time_ms, time);
	format_time(note->at_ms, at);
	json_t *object = json_pack("{s:I, s:s, s:s, s:s?, s:s?, s:s?}", "entry", (json_int_t)note->number, "time", time,
				   "what", sr_incident_what_name(note->what), "at", note->has_at ? at : NULL, "text",
				   note->text, "stated_by", note->by);
	for (size_t fact = 0; object && fact < note->fact_count; fact++)
		if (strcmp(note->facts[fact].name, "what") != 0)
			(void)json_object_set_new(object, note->facts[fact].name,
						  json_string(readable(note, fact, time)));
	return object;
}

static int show_incident(struct incident *incident)
{
	struct sr_incident notes = {.count = 0};
	json_t *array = json_array();
	int status = find(incident, &notes, true);
	for (size_t at = 0; at < notes.count && status == CLI_DONE; at++) {
		if (incident->cli->json)
			(void)json_array_append_new(array, note_json(&notes.notes[at]));
		else
			print_note(&notes.notes[at]);
	}
	if (incident->cli->json && status == CLI_DONE)
		(void)show_json(json_incref(array));
	json_decref(array);
	sr_incident_free(&notes);
	return cli_flush(status);
}

int cli_audit_incident(struct cli *cli, int argc, char **argv)
{
	static const struct {
		const char *verb;
		int (*run)(struct incident *incident);
	} verbs[] = {{"open", open_incident}, {"note", note_incident},     {"list", list_incidents},
		     {"show", show_incident}, {"report", incident_report}, {"contacts", incident_contacts}};
	struct incident incident = {.cli = cli, .audit = {.cli = cli}};
	int status = cli_parse_data(cli, &argp, argc, argv, &incident);
	if (status >= 0)
		return status;
	bool alone = strcmp(incident.verb, "contacts") == 0;
	status = alone ? CLI_DONE : audit_open(&incident.audit);
	for (size_t at = 0; at < sizeof verbs / sizeof *verbs && status == CLI_DONE; at++)
		if (strcmp(verbs[at].verb, incident.verb) == 0) {
			status = verbs[at].run(&incident);
			break;
		}
	if (!alone)
		audit_close(&incident.audit);
	return status;
}
