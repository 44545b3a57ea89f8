/* `sealreel patient erase`: a patient's recordings, keys and name go for good. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/parse.h"
#include "cli/show.h"

enum { KEY_REASON = 1, KEY_STATUS };

struct erasure {
	struct cli *cli;
	bool erases; /* the word was there */
	bool status;
	const char *identity;
	const char *reason;
};

static const struct argp_option options[] = {
	{"reason", KEY_REASON, "TEXT", 0, "Why; name nobody", 1},
	{"status", KEY_STATUS, NULL, 0, "Erase nothing: say how an erasure stands", 1},
	{0},
};

static error_t check(struct erasure *erasure)
{
	if (erasure->cli->help)
		return 0;
	if (!erasure->erases)
		return cli_wrong(erasure->cli, "patient needs erase");
	if (!erasure->identity || erasure->identity[0] == '\0' || strlen(erasure->identity) > 255)
		return cli_wrong(erasure->cli, "there is no ID, of 1 to 255 bytes");
	if (erasure->status)
		return erasure->reason ? cli_wrong(erasure->cli, "--status takes no --reason") : 0;
	if (!erasure->reason || erasure->reason[0] == '\0' || strlen(erasure->reason) > 255)
		return cli_wrong(erasure->cli, "there is no --reason, of 1 to 255 bytes");
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct erasure *erasure = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		return cli_children(state, erasure->cli, 2);
	case KEY_REASON:
		erasure->reason = value;
		return 0;
	case KEY_STATUS:
		erasure->status = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!erasure->erases) {
			erasure->erases = strcmp(value, "erase") == 0;
			return erasure->erases ? 0 : cli_wrong(erasure->cli, "patient needs erase");
		}
		if (erasure->identity)
			return cli_wrong(erasure->cli, "there is a word too much");
		erasure->identity = value;
		return 0;
	case ARGP_KEY_END:
		return check(erasure);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&cli_reach_argp, 0, NULL, 0}, {&cli_json_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "erase ID --reason TEXT\nerase ID --status",
	.doc = "Erase a patient: streams end, and key, name, recordings and files go at once; this cannot be undone. "
	       "Refused "
	       "while something of theirs is on hold or must be kept. Needs a credential with the role operate.\v"
	       "An erasure is pending until every epoch up to the one that was current then is retired (rotate, then "
	       "epoch "
	       "retire), because until then old copies of the disk could be opened with the keyring; and it is final "
	       "after "
	       "that, provided that no copy of an older keyring survives. Exits 6 while it is pending.\n\n"
	       "JSON: an object with \"state\" (none, pending, final), \"erased\" (RFC 3339, or null), \"recordings\", "
	       "\"waiting\" (not yet removed), \"epoch\", \"unretired\" (epochs up to it that are not retired), "
	       "\"returned\" (whether there is a patient of this identity again).\n\n"
	       "Example:\n\n"
	       "  sealreel --credential DIR/operator.cred patient erase 'urn:example:patient|4711' --reason "
	       "'request 88'\n",
	.children = children,
};

struct heard {
	struct cli *cli;
	struct sr_result result;
	struct sr_erasure_info info;
	bool done;
};

static void on_told(void *context, const struct sr_result *result, const struct sr_erasure_info *info)
{
	struct heard *heard = context;
	heard->result = *result;
	if (info)
		heard->info = *info;
	heard->done = true;
}

static void say(const struct sr_erasure_info *info)
{
	char erased[TIME_TEXT];
	format_time(info->erased_ms, erased);
	if (strcmp(info->state, "none") == 0) {
		puts("none: this patient has not been erased");
		return;
	}
	printf("%s: erased %s, with %u recordings", info->state, erased, info->recordings);
	if (info->waiting > 0)
		printf("; %u of them are still being removed", info->waiting);
	if (info->unretired > 0)
		printf("; %u epochs up to %u are not retired: rotate, then epoch retire", info->unretired, info->epoch);
	if (strcmp(info->state, "final") == 0)
		printf("; no key of this store opens what old copies have, if no older keyring survives");
	if (info->returned)
		printf("; a patient of this identity has come back since");
	(void)putchar('\n');
}

static int show(const struct heard *heard)
{
	const struct sr_erasure_info *info = &heard->info;
	char erased[TIME_TEXT];
	bool said = true;
	format_time(info->erased_ms, erased);
	if (heard->cli->json)
		said = show_json(json_pack("{s:s, s:s?, s:I, s:I, s:I, s:I, s:b}", "state", info->state, "erased",
					   info->erased_ms ? erased : NULL, "recordings", (json_int_t)info->recordings,
					   "waiting", (json_int_t)info->waiting, "epoch", (json_int_t)info->epoch,
					   "unretired", (json_int_t)info->unretired, "returned", info->returned));
	else
		say(info);
	if (!said || fflush(stdout) != 0)
		return cli_fail_text(SR_IO, "standard output cannot be written");
	return strcmp(info->state, "pending") == 0 ? CLI_INCOMPLETE : CLI_DONE;
}

int cli_patient_erase(struct cli *cli, int argc, char **argv)
{
	struct erasure erasure = {.cli = cli};
	struct heard heard = {.cli = cli};
	int status = cli_parse(cli, &argp, argc, argv, &erasure);
	if (status >= 0)
		return status;
	sr_blocking *blocking = cli_connect(cli, &status);
	if (!blocking)
		return status;
	enum sr_code code =
		sr_patient_erase(sr_blocking_client(blocking), erasure.identity, erasure.reason, on_told, &heard, NULL);
	while (code == SR_OK && !heard.done)
		(void)uv_run(sr_blocking_loop(blocking), UV_RUN_ONCE);
	if (code != SR_OK)
		status = cli_fail_text(code, "the request makes no sense");
	else
		status = heard.result.code == SR_OK ? show(&heard) : cli_fail(&heard.result);
	sr_blocking_close(blocking);
	return status;
}
