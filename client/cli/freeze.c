/* `sealreel freeze` and `thaw`: stop what is served, let it go again, and see what is stopped. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/parse.h"
#include "cli/show.h"

enum {
	KEY_ALL = 1,
	KEY_PATIENT,
	KEY_PATIENT_TAG,
	KEY_RECORDING,
	KEY_SERVICE,
	KEY_ISSUER,
	KEY_JTI,
	KEY_ACTOR,
	KEY_ACTOR_TAG,
	KEY_REASON,
	KEY_INGEST,
	KEY_LIST
};

struct freeze {
	struct cli *cli;
	bool thaws;
	bool list;
	struct sr_freeze_options options; /* scope 0: none said yet */
	uint8_t bytes[32];                /* of an id or tag */
};

#define SUBJECTS                                                                                                       \
	{"all", KEY_ALL, NULL, 0, "Everything", 1}, {"patient", KEY_PATIENT, "ID", 0, "One patient, by identity", 1},  \
		{"patient-tag", KEY_PATIENT_TAG, "HEX", 0, "The same by the tag that an alarm names", 1},              \
		{"recording", KEY_RECORDING, "ID", 0, "One recording", 1},                                             \
		{"service", KEY_SERVICE, "NAME", 0, "All that one service asks for with grants", 1},                   \
		{"issuer", KEY_ISSUER, "NAME", 0, "All grants of one issuer, by its name in sealreel.ini", 1},         \
		{"grant", KEY_JTI, "JTI", 0, "One grant, by its jti (no grant is needed to freeze or thaw)", 1},       \
		{"actor", KEY_ACTOR, "ID", 0, "All that one actor does", 1},                                           \
		{"actor-tag", KEY_ACTOR_TAG, "HEX", 0, "The same by the tag that an alarm names", 1},                  \
	{                                                                                                              \
		"reason", KEY_REASON, "TEXT", 0, "Why; stored in the clear, so name nobody. Required", 2               \
	}

static const struct argp_option freeze_options[] = {
	SUBJECTS,
	{"ingest", KEY_INGEST, NULL, 0, "Stop recording as well; else a call in progress keeps being recorded", 2},
	{"list", KEY_LIST, NULL, 0, "List what is frozen", 3},
	{0},
};

static const struct argp_option thaw_options[] = {
	SUBJECTS,
	{0},
};

static error_t take(struct freeze *freeze, unsigned scope, const void *subject, size_t size)
{
	if (freeze->options.scope)
		return cli_wrong(freeze->cli, "say one thing to %s at a time", freeze->thaws ? "thaw" : "freeze");
	if (scope != SR_FROZEN_ALL && (size == 0 || size > 255))
		return cli_wrong(freeze->cli, "what is named has 1 to 255 bytes");
	freeze->options.scope = scope;
	freeze->options.subject = subject;
	freeze->options.subject_size = size;
	return 0;
}

static error_t take_text(struct freeze *freeze, unsigned scope, const char *text)
{
	return take(freeze, scope, text, strlen(text));
}

static error_t take_tag(struct freeze *freeze, unsigned scope, const char *text)
{
	if (freeze->options.scope)
		return take(freeze, scope, NULL, 0);
	if (!parse_key(text, freeze->bytes))
		return cli_wrong(freeze->cli, "a tag is 64 hex digits");
	freeze->options.tagged = true;
	return take(freeze, scope, freeze->bytes, sizeof freeze->bytes);
}

static error_t take_recording(struct freeze *freeze, const char *text)
{
	if (freeze->options.scope)
		return take(freeze, SR_FROZEN_RECORDING, NULL, 0);
	if (!sr_id_parse(text, freeze->bytes))
		return cli_wrong(freeze->cli, "a recording's id looks like 01936f6e-8c3a-7000-8000-000000000001");
	return take(freeze, SR_FROZEN_RECORDING, freeze->bytes, SR_ID);
}

static error_t check(struct freeze *freeze)
{
	const struct sr_freeze_options *options = &freeze->options;
	if (freeze->list)
		return options->scope || options->reason || options->ingest
			       ? cli_wrong(freeze->cli, "--list stands alone")
			       : 0;
	if (!options->scope)
		return cli_wrong(freeze->cli,
				 "say what: --all, --patient, --recording, --service, --issuer, --grant or "
				 "--actor");
	if (!options->reason)
		return cli_wrong(freeze->cli, "there is no --reason");
	if (options->reason[0] == '\0' || strlen(options->reason) > 255)
		return cli_wrong(freeze->cli, "a reason has 1 to 255 bytes");
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct freeze *freeze = state->input;
	switch (key) {
	case KEY_ALL:
		return take(freeze, SR_FROZEN_ALL, NULL, 0);
	case KEY_PATIENT:
		return take_text(freeze, SR_FROZEN_PATIENT, value);
	case KEY_PATIENT_TAG:
		return take_tag(freeze, SR_FROZEN_PATIENT, value);
	case KEY_RECORDING:
		return take_recording(freeze, value);
	case KEY_SERVICE:
		return take_text(freeze, SR_FROZEN_SERVICE, value);
	case KEY_ISSUER:
		return take_text(freeze, SR_FROZEN_ISSUER, value);
	case KEY_JTI:
		return take_text(freeze, SR_FROZEN_GRANT, value);
	case KEY_ACTOR:
		return take_text(freeze, SR_FROZEN_ACTOR, value);
	case KEY_ACTOR_TAG:
		return take_tag(freeze, SR_FROZEN_ACTOR, value);
	case KEY_REASON:
		freeze->options.reason = value;
		return 0;
	case KEY_INGEST:
		freeze->options.ingest = true;
		return 0;
	case KEY_LIST:
		freeze->list = true;
		return 0;
	case ARGP_KEY_END:
		return check(freeze);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp freeze_argp = {
	.options = freeze_options,
	.parser = parse,
	.args_doc = "--SUBJECT … --reason TEXT\n--list",
	.doc = "Stop what is served of a subject: durable and in force when this returns; what is being played ends "
	       "within a "
	       "second, and restarts change nothing. Freezing again replaces --ingest and the reason. Needs a "
	       "credential "
	       "with the role operate.\vA patient of whom the store has nothing is frozen too, and that is said: it "
	       "may be a "
	       "mistyped identity.\n\nJSON: an object with \"unknown\" (true: nothing is known of this patient). JSON "
	       "of --list: an object with \"freezes\", each with \"scope\" (all, patient, "
	       "recording, service, issuer, grant, actor), \"subject\" (of a patient and an actor the tag in hex; null "
	       "for "
	       "all), \"ingest\" (true or false), \"frozen\" (RFC 3339), \"by\" (the service that asked; null: the "
	       "store "
	       "itself), \"reason\".\n\n"
	       "Example:\n\n"
	       "  sealreel --credential DIR/operator.cred freeze --service portal --reason 'shows wrong lists'\n",
};

static const struct argp thaw_argp = {
	.options = thaw_options,
	.parser = parse,
	.args_doc = "--SUBJECT … --reason TEXT",
	.doc = "Let go again what was frozen by the same subject. Other freezes that stop the same stay. Needs a "
	       "credential "
	       "with the role operate.\v"
	       "Example:\n\n"
	       "  sealreel --credential DIR/operator.cred thaw --service portal --reason 'release 4.1.2 is out'\n",
};

/* ---- the list ---- */

struct heard {
	struct cli *cli;
	struct cli_answer answer;
	uint32_t total, next;
	json_t *all;
	bool unknown;
};

/* The subject as people may use it again in an option. */
static void name_subject(const struct sr_freeze_info *info, char out[520])
{
	uint8_t id[SR_ID];
	out[0] = '\0';
	if (info->scope == SR_FROZEN_PATIENT || info->scope == SR_FROZEN_ACTOR) {
		(void)sodium_bin2hex(out, 520, info->subject, info->subject_size);
	} else if (info->scope == SR_FROZEN_RECORDING) {
		memcpy(id, info->subject, SR_ID);
		sr_id_format(id, out);
	} else {
		(void)snprintf(out, 520, "%.*s", (int)info->subject_size, (const char *)info->subject);
	}
}

static json_t *freeze_json(const struct sr_freeze_info *info)
{
	char frozen[TIME_TEXT], subject[520];
	format_time(info->frozen_ms, frozen);
	name_subject(info, subject);
	return json_pack("{s:s, s:s?, s:b, s:s, s:s?, s:s}", "scope", info->scope_name, "subject",
			 info->scope == SR_FROZEN_ALL ? NULL : subject, "ingest", (int)info->ingest, "frozen", frozen,
			 "by", info->by[0] ? info->by : NULL, "reason", info->reason);
}

static void print_freeze(const struct sr_freeze_info *info)
{
	char frozen[TIME_TEXT], subject[520];
	format_time(info->frozen_ms, frozen);
	name_subject(info, subject);
	printf("%s %-9s %s%s%s by %s: %s\n", frozen, info->scope_name, subject, subject[0] ? " " : "",
	       info->ingest ? "(recording too)" : "(recording goes on)", info->by[0] ? info->by : "the store itself",
	       info->reason);
}

static void on_freezes(void *context, const struct sr_result *result, const struct sr_freezes_info *page)
{
	struct heard *heard = context;
	cli_hear(&heard->answer, result);
	for (size_t at = 0; page && at < page->count; at++) {
		if (heard->cli->json)
			(void)json_array_append_new(heard->all, freeze_json(&page->freezes[at]));
		else
			print_freeze(&page->freezes[at]);
	}
	heard->total = page ? page->total : 0;
	heard->next = page && page->count > 0 ? page->from + (uint32_t)page->count : heard->total;
}

static int list(struct heard *heard, sr_blocking *blocking)
{
	int status;
	heard->all = json_array();
	do {
		status = cli_await_status(
			&heard->answer, blocking,
			sr_freeze_list(sr_blocking_client(blocking), heard->next, on_freezes, heard, NULL));
	} while (status == CLI_DONE && heard->next < heard->total);
	if (status == CLI_DONE && heard->cli->json)
		(void)show_json(json_pack("{s:O}", "freezes", heard->all));
	json_decref(heard->all);
	return cli_flush(status);
}

static void on_made(void *context, const struct sr_result *result, bool unknown)
{
	struct heard *heard = context;
	cli_hear(&heard->answer, result);
	heard->unknown = unknown;
}

/* A slip of the pen would freeze nobody. */
static int make(const struct freeze *freeze, struct heard *heard, sr_blocking *blocking)
{
	int status = cli_await_status(&heard->answer, blocking,
				      sr_freeze(sr_blocking_client(blocking), &freeze->options, on_made, heard, NULL));
	if (status == CLI_DONE && freeze->cli->json)
		(void)show_json(json_pack("{s:b}", "unknown", (int)heard->unknown));
	else if (status == CLI_DONE && heard->unknown)
		puts("frozen; but nothing is known of this patient: check the identity");
	return cli_flush(status);
}

static int run(struct freeze *freeze, const struct argp *argp, int argc, char **argv)
{
	struct heard heard = {.cli = freeze->cli};
	int status = cli_parse_data(freeze->cli, argp, argc, argv, freeze);
	if (status >= 0)
		return status;
	sr_blocking *blocking = cli_connect(freeze->cli, &status);
	if (!blocking)
		return status;
	if (freeze->list)
		status = list(&heard, blocking);
	else if (freeze->thaws)
		status = cli_await_status(
			&heard.answer, blocking,
			sr_thaw(sr_blocking_client(blocking), &freeze->options, cli_hear_done, &heard.answer, NULL));
	else
		status = make(freeze, &heard, blocking);
	sr_blocking_close(blocking);
	return status;
}

int cli_freeze(struct cli *cli, int argc, char **argv)
{
	struct freeze freeze = {.cli = cli};
	return run(&freeze, &freeze_argp, argc, argv);
}

int cli_thaw(struct cli *cli, int argc, char **argv)
{
	struct freeze freeze = {.cli = cli, .thaws = true};
	return run(&freeze, &thaw_argp, argc, argv);
}
