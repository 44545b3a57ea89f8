/* `sealreel hold`: keep recordings from being deleted or erased, let them go again, and see what is held. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/parse.h"
#include "cli/show.h"

enum { KEY_RECORDING = 1, KEY_PATIENT, KEY_REASON };

enum verb { VERB_NONE, VERB_PLACE, VERB_RELEASE, VERB_LIST };

struct hold {
	struct cli *cli;
	enum verb verb;
	uint8_t id[SR_ID]; /* of a recording to be held, or of a hold to be released */
	bool named;
	bool by_recording;
	const char *identity;
	const char *reason;
};

static const struct argp_option options[] = {
	{"recording", KEY_RECORDING, "ID", 0, "Hold one recording", 1},
	{"patient", KEY_PATIENT, "ID", 0, "Hold all recordings of a patient, by identity, later ones included", 1},
	{"reason", KEY_REASON, "TEXT", 0, "Why; stored in the clear, so name nobody. Needed to place and to release",
	 2},
	{0},
};

static error_t take_word(struct hold *hold, const char *word)
{
	static const char *const verbs[] = {[VERB_PLACE] = "place", [VERB_RELEASE] = "release", [VERB_LIST] = "list"};
	if (hold->verb == VERB_NONE) {
		for (enum verb verb = VERB_PLACE; verb <= VERB_LIST; verb++)
			if (strcmp(verbs[verb], word) == 0)
				hold->verb = verb;
		return hold->verb ? 0 : cli_wrong(hold->cli, "hold needs place, release or list");
	}
	if (hold->verb != VERB_RELEASE || hold->named)
		return cli_wrong(hold->cli, "there is a word too much");
	hold->named = true;
	return sr_id_parse(word, hold->id) ? 0 : cli_wrong(hold->cli, "%.64s is no hold's id", word);
}

static error_t check(struct hold *hold)
{
	bool subject = hold->by_recording || hold->identity;
	if (hold->verb == VERB_NONE)
		return cli_wrong(hold->cli, "hold needs place, release or list");
	if (hold->verb == VERB_PLACE && hold->by_recording == (hold->identity != NULL))
		return cli_wrong(hold->cli, "hold place needs one of --recording and --patient");
	if (hold->verb != VERB_PLACE && subject)
		return cli_wrong(hold->cli, "--recording and --patient go with hold place");
	if (hold->verb == VERB_RELEASE && !hold->named)
		return cli_wrong(hold->cli, "there is no HOLD: hold list shows them");
	if (hold->verb == VERB_LIST)
		return hold->reason ? cli_wrong(hold->cli, "hold list takes no --reason") : 0;
	if (!hold->reason)
		return cli_wrong(hold->cli, "there is no --reason");
	if (hold->reason[0] == '\0' || strlen(hold->reason) > 255)
		return cli_wrong(hold->cli, "a reason has 1 to 255 bytes");
	if (hold->identity && (hold->identity[0] == '\0' || strlen(hold->identity) > 255))
		return cli_wrong(hold->cli, "an identity has 1 to 255 bytes");
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct hold *hold = state->input;
	switch (key) {
	case KEY_RECORDING:
		hold->by_recording = true;
		return sr_id_parse(value, hold->id) ? 0 : cli_wrong(hold->cli, "%.64s is no id", value);
	case KEY_PATIENT:
		hold->identity = value;
		return 0;
	case KEY_REASON:
		hold->reason = value;
		return 0;
	case ARGP_KEY_ARG:
		return take_word(hold, value);
	case ARGP_KEY_END:
		return check(hold);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "place --recording ID|--patient ID --reason TEXT\nrelease HOLD --reason TEXT\nlist",
	.doc = "Keep recordings from being deleted, erased or removed by rule. Needs a credential with the role "
	       "operate.\v"
	       "Several holds may stand on the same; each is released by its own id. What was deleted before is kept "
	       "from "
	       "being removed, too, while it could still come back.\n\n"
	       "JSON of place and list: an object with \"holds\", each with \"hold\", \"recording\" (or null), \"tag\" "
	       "(of a patient, hex; or null), \"placed\" (RFC 3339), \"by\", \"reason\".\n\n"
	       "Example:\n\n"
	       "  sealreel --credential DIR/operator.cred hold place --patient 'urn:example:patient|4711' --reason "
	       "'case "
	       "2026-113'\n",
};

/* What the callbacks heard, and what a list has shown so far. */
struct heard {
	struct cli *cli;
	struct cli_answer answer;
	uint32_t next, total;
	json_t *all;
};

static void show(struct heard *heard, const struct sr_hold_info *info)
{
	char hold[SR_ID_TEXT], recording[SR_ID_TEXT], tag[65], placed[TIME_TEXT];
	bool patient = sodium_is_zero(info->recording, SR_ID);
	sr_id_format(info->hold, hold);
	sr_id_format(info->recording, recording);
	(void)sodium_bin2hex(tag, sizeof tag, info->tag, sizeof info->tag);
	format_time(info->placed_ms, placed);
	if (heard->cli->json)
		(void)json_array_append_new(heard->all,
					    json_pack("{s:s, s:s?, s:s?, s:s, s:s, s:s}", "hold", hold, "recording",
						      patient ? NULL : recording, "tag", patient ? tag : NULL, "placed",
						      placed, "by", info->service, "reason", info->reason));
	else
		printf("%s  %s  %s %s  %s: %s\n", hold, placed, patient ? "patient" : "recording",
		       patient ? tag : recording, info->service, info->reason);
}

static void on_holds(void *context, const struct sr_result *result, const struct sr_holds_info *info)
{
	struct heard *heard = context;
	for (size_t at = 0; info && at < info->count; at++)
		show(heard, &info->holds[at]);
	if (info) {
		heard->next = info->from + (uint32_t)info->count;
		heard->total = info->count ? info->total : heard->next;
	}
	cli_hear(&heard->answer, result);
}

static enum sr_code start(const struct hold *hold, sr_client *client, struct heard *heard)
{
	switch (hold->verb) {
	case VERB_PLACE:
		return sr_hold_place(client, hold->identity ? NULL : hold->id, hold->identity, hold->reason, on_holds,
				     heard, NULL);
	case VERB_RELEASE:
		return sr_hold_release(client, hold->id, hold->reason, cli_hear_done, &heard->answer, NULL);
	default:
		return sr_hold_list(client, heard->next, on_holds, heard, NULL);
	}
}

/* Ask, page by page where it is a list. */
static int ask(const struct hold *hold, sr_blocking *blocking, struct heard *heard)
{
	int status;
	do {
		status = cli_await_status(&heard->answer, blocking, start(hold, sr_blocking_client(blocking), heard));
	} while (status == CLI_DONE && hold->verb == VERB_LIST && heard->next < heard->total);
	return status;
}

int cli_hold(struct cli *cli, int argc, char **argv)
{
	struct hold hold = {.cli = cli};
	int status = cli_parse_data(cli, &argp, argc, argv, &hold);
	if (status >= 0)
		return status;
	sr_blocking *blocking = cli_connect(cli, &status);
	if (!blocking)
		return status;
	struct heard heard = {.cli = cli, .all = json_array()};
	status = ask(&hold, blocking, &heard);
	sr_blocking_close(blocking);
	bool said = status != CLI_DONE || hold.verb == VERB_RELEASE || !cli->json ||
		    show_json(json_pack("{s:O}", "holds", heard.all));
	json_decref(heard.all);
	if (!said || (status == CLI_DONE && fflush(stdout) != 0))
		return cli_fail_output();
	return status;
}
