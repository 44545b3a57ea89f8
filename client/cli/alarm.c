/* `sealreel alarm`: the latest alarms, and trying one out. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/parse.h"
#include "cli/show.h"

enum verb { VERB_NONE, VERB_LIST, VERB_TEST };

struct alarm {
	struct cli *cli;
	enum verb verb;
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct alarm *alarm = state->input;
	switch (key) {
	case ARGP_KEY_ARG:
		if (alarm->verb != VERB_NONE)
			return cli_wrong(alarm->cli, "there is a word too much");
		alarm->verb = strcmp(value, "list") == 0   ? VERB_LIST
			      : strcmp(value, "test") == 0 ? VERB_TEST
							   : VERB_NONE;
		return alarm->verb ? 0 : cli_wrong(alarm->cli, "alarm needs list or test");
	case ARGP_KEY_END:
		return alarm->verb ? 0 : cli_wrong(alarm->cli, "alarm needs list or test");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "list\ntest",
	.doc = "list: the latest alarms, oldest first; needs a credential with the role audit. test: raise an alarm "
	       "and have "
	       "the configured alarm_command told; needs the role operate.\vtest exits with 0 if the command was told, "
	       "with "
	       "5 if none is configured, with 1 if it failed.\n\n"
	       "JSON of list: an object with \"lost\" (alarms that are no longer kept) and \"alarms\", each with "
	       "\"number\", "
	       "\"kind\" (misfiled, foreign, consultation_conflict, corrupt, break_glass, unusual, test), \"severity\" "
	       "(critical, high, notice, test), \"delivery\" (untold, waiting, told, given_up, earlier: than the "
	       "daemon's start), \"tries\", \"first\" "
	       "and "
	       "\"last\" (RFC 3339), \"count\" (events it stands for), and of the first of these, where known: "
	       "\"request\" "
	       "(hex), \"operation\", \"service\", \"issuer\", \"jti\", \"what\", \"patient_tag\" and \"actor_tag\" "
	       "(hex), "
	       "\"recording\".\n\n"
	       "Example:\n\n"
	       "  sealreel --credential auditor.cred alarm list --json | jq '.alarms[] | select(.severity == "
	       "\"critical\")'\n",
};

struct heard {
	struct cli *cli;
	struct cli_answer answer;
	uint64_t last, lost;
	size_t count;
	json_t *all;
};

/* Set a text, a number of bytes in hex, or nothing where there is nothing to say. */
static void set_text(json_t *object, const char *name, const char *text)
{
	if (text[0])
		(void)json_object_set_new(object, name, json_string(text));
}

static void set_hex(json_t *object, const char *name, const uint8_t *bytes, size_t size)
{
	char hex[65];
	if (!sodium_is_zero(bytes, size))
		(void)json_object_set_new(object, name, json_string(sodium_bin2hex(hex, sizeof hex, bytes, size)));
}

static void format_recording(const struct sr_alarm_info *info, char id[SR_ID_TEXT])
{
	id[0] = '\0';
	if (!sodium_is_zero(info->recording, SR_ID))
		sr_id_format(info->recording, id);
}

static json_t *alarm_json(const struct sr_alarm_info *info)
{
	char first[TIME_TEXT], last[TIME_TEXT], id[SR_ID_TEXT], request[17] = "";
	format_time(info->first_ms, first);
	format_time(info->last_ms, last);
	format_recording(info, id);
	if (info->request)
		(void)snprintf(request, sizeof request, "%016llx", (unsigned long long)info->request);
	json_t *object = json_pack("{s:I, s:s, s:s, s:s, s:i, s:s, s:s, s:I}", "number", (json_int_t)info->number,
				   "kind", info->kind, "severity", info->severity, "delivery", info->delivery, "tries",
				   (int)info->tries, "first", first, "last", last, "count", (json_int_t)info->count);
	set_text(object, "request", request);
	set_text(object, "operation", info->operation);
	set_text(object, "service", info->service);
	set_text(object, "issuer", info->issuer);
	set_text(object, "jti", info->jti);
	set_text(object, "what", info->what);
	set_hex(object, "patient_tag", info->patient, sizeof info->patient);
	set_hex(object, "actor_tag", info->actor, sizeof info->actor);
	set_text(object, "recording", id);
	return object;
}

static void print_hex(const char *name, const uint8_t *bytes, size_t size)
{
	char hex[65];
	if (!sodium_is_zero(bytes, size))
		printf(" %s=%s", name, sodium_bin2hex(hex, sizeof hex, bytes, size));
}

static void print_text(const char *name, const char *text)
{
	if (text[0])
		printf(" %s=%s", name, text);
}

static void print_alarm(const struct sr_alarm_info *info)
{
	char last[TIME_TEXT], id[SR_ID_TEXT];
	format_time(info->last_ms, last);
	format_recording(info, id);
	printf("%s %-8s %s count=%lu", last, info->severity, info->kind, (unsigned long)info->count);
	print_text("operation", info->operation);
	print_text("service", info->service);
	print_text("what", info->what);
	print_hex("patient-tag", info->patient, sizeof info->patient);
	print_hex("actor-tag", info->actor, sizeof info->actor);
	print_text("recording", id);
	print_text("issuer", info->issuer);
	print_text("jti", info->jti);
	printf(" %s\n", info->delivery);
}

static void on_alarms(void *context, const struct sr_result *result, const struct sr_alarms_info *page)
{
	struct heard *heard = context;
	cli_hear(&heard->answer, result);
	heard->count = page ? page->count : 0;
	heard->lost = page ? page->lost : 0;
	for (size_t at = 0; at < heard->count; at++) {
		heard->last = page->alarms[at].number;
		if (heard->cli->json)
			(void)json_array_append_new(heard->all, alarm_json(&page->alarms[at]));
		else
			print_alarm(&page->alarms[at]);
	}
}

static int list(struct heard *heard, sr_blocking *blocking)
{
	int status;
	heard->all = json_array();
	do {
		status = cli_await_status(
			&heard->answer, blocking,
			sr_alarm_list(sr_blocking_client(blocking), heard->last, on_alarms, heard, NULL));
	} while (status == CLI_DONE && heard->count > 0);
	if (status == CLI_DONE && heard->cli->json)
		(void)show_json(json_pack("{s:I, s:O}", "lost", (json_int_t)heard->lost, "alarms", heard->all));
	json_decref(heard->all);
	return cli_flush(status);
}

int cli_alarm(struct cli *cli, int argc, char **argv)
{
	struct alarm alarm = {.cli = cli};
	struct heard heard = {.cli = cli};
	int status = cli_parse_data(cli, &argp, argc, argv, &alarm);
	if (status >= 0)
		return status;
	sr_blocking *blocking = cli_connect(cli, &status);
	if (!blocking)
		return status;
	if (alarm.verb == VERB_LIST)
		status = list(&heard, blocking);
	else
		status = cli_await_status(
			&heard.answer, blocking,
			sr_alarm_test(sr_blocking_client(blocking), cli_hear_done, &heard.answer, NULL));
	if (alarm.verb == VERB_TEST && status == CLI_DONE && !cli->quiet)
		puts("the command was told");
	sr_blocking_close(blocking);
	return status;
}
