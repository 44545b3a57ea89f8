/* `sealreel epoch`: list, make and retire generations of the master key. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/parse.h"
#include "cli/retired.h"
#include "cli/show.h"

enum { KEY_NO_BACKUP = 1 };

enum verb { VERB_NONE, VERB_LIST, VERB_NEW, VERB_RETIRE };

struct epoch {
	struct cli *cli;
	enum verb verb;
	uint32_t number; /* 0: none was said */
	bool no_backup;
	/* What was heard: all there is is printed in the callback. */
	struct cli_answer answer;
};

static const struct argp_option options[] = {
	{"no-backup", KEY_NO_BACKUP, NULL, 0,
	 "retire: although no backup is registered that was taken after the last row had left the epoch", 1},
	{0},
};

static error_t take_word(struct epoch *epoch, const char *word)
{
	static const char *const verbs[] = {[VERB_LIST] = "list", [VERB_NEW] = "new", [VERB_RETIRE] = "retire"};
	uint64_t number;
	if (epoch->verb != VERB_NONE) {
		if (epoch->verb != VERB_RETIRE || epoch->number != 0)
			return cli_wrong(epoch->cli, "there is a word too much");
		if (!parse_number(word, UINT32_MAX, &number) || number == 0)
			return cli_wrong(epoch->cli, "%.32s is no epoch's number", word);
		epoch->number = (uint32_t)number;
		return 0;
	}
	for (enum verb verb = VERB_LIST; verb <= VERB_RETIRE; verb++) {
		if (strcmp(verbs[verb], word) == 0)
			epoch->verb = verb;
	}
	return epoch->verb ? 0 : cli_wrong(epoch->cli, "epoch needs list, new or retire");
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct epoch *epoch = state->input;
	switch (key) {
	case KEY_NO_BACKUP:
		epoch->no_backup = true;
		return 0;
	case ARGP_KEY_ARG:
		return take_word(epoch, value);
	case ARGP_KEY_END:
		if (epoch->verb == VERB_NONE)
			return cli_wrong(epoch->cli, "epoch needs list, new or retire");
		if (epoch->verb == VERB_RETIRE && epoch->number == 0)
			return cli_wrong(epoch->cli, "retire needs the epoch's number");
		if (epoch->verb != VERB_RETIRE && epoch->no_backup)
			return cli_wrong(epoch->cli, "--no-backup goes with retire");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* clang-format off */
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "list\nnew\nretire N",
	.doc =
	"Generations of the master key. Needs a credential with the role operate.\v"
	"new makes the next one: whatever is recorded from then on is sealed under it, and sealreel rotate moves the rest. "
	"retire N proves that nothing in the store is sealed under epoch N, by opening every recording's and person's outer "
	"seal, and only then takes N's key out of the keyring; the proof is printed. It is refused for the current epoch, "
	"while one row is still under N or cannot be judged (the first is named), and without a backup that needs N no "
	"more. Backups that do need it cannot be read without a copy of the keyring from their time: they are named. "
	"Interrupted, it goes on by itself.\n\n"
	"It changes the key that wraps, not the recordings' own keys: whoever has a copy of the old keyring and of the old "
	"index can still open what those hold.\n\n"
	"JSON of list: an object with \"current\", \"keyring_revision\" and \"epochs\", each with \"epoch\", \"state\" "
	"(open, closing, retired), \"made\", \"changed\", \"kept_until\" (RFC 3339 or null); of new: \"epoch\"; of retire: "
	"\"epoch\", \"recordings\" and \"people\" (rows opened), \"keyring_revision\", \"kept_until\", \"checkpoint\" (or "
	"null), \"unreadable_backups\" (array).\n\n"
	"Example: a new key, everything moved to it, the old one gone:\n\n"
	"  sealreel --credential DIR/operator.cred epoch new\n"
	"  sealreel --credential rotate.cred rotate\n"
	"  sealreel --credential DIR/operator.cred epoch retire 1 --no-backup\n",
};
/* clang-format on */

/* ---- what is heard ---- */

static void print_list_json(const struct sr_epochs_info *info)
{
	json_t *array = json_array();
	for (size_t at = 0; at < info->count; at++) {
		const struct sr_epoch_info *one = &info->epochs[at];
		(void)json_array_append_new(array,
					    json_pack("{s:I, s:s, s:o, s:o, s:o}", "epoch", (json_int_t)one->number,
						      "state", one->state, "made", cli_time_json(one->made_ms),
						      "changed", cli_time_json(one->changed_ms), "kept_until",
						      cli_time_json(one->kept_until_ms)));
	}
	(void)show_json(json_pack("{s:I, s:I, s:o}", "current", (json_int_t)info->current, "keyring_revision",
				  (json_int_t)info->keyring_revision, "epochs", array));
}

static void on_list(void *context, const struct sr_result *result, const struct sr_epochs_info *info)
{
	struct epoch *epoch = context;
	if (info && epoch->cli->json)
		print_list_json(info);
	for (size_t at = 0; info && !epoch->cli->json && at < info->count; at++) {
		const struct sr_epoch_info *one = &info->epochs[at];
		char made[TIME_TEXT], kept[TIME_TEXT];
		format_time(one->made_ms, made);
		format_time(one->kept_until_ms, kept);
		printf("%6u  %-8s made %s%s%s%s\n", one->number, one->state, made[0] ? made : "before this was kept",
		       one->number == info->current ? "  current" : "", kept[0] ? "  key kept until " : "", kept);
	}
	cli_hear(&epoch->answer, result);
}

static void on_made(void *context, const struct sr_result *result, uint32_t number)
{
	struct epoch *epoch = context;
	if (result->code == SR_OK && epoch->cli->json)
		(void)show_json(json_pack("{s:I}", "epoch", (json_int_t)number));
	else if (result->code == SR_OK)
		printf("epoch %u is the current one\n", number);
	cli_hear(&epoch->answer, result);
}

static void on_retired(void *context, const struct sr_result *result, const struct sr_retired_info *info)
{
	struct epoch *epoch = context;
	if (info && epoch->cli->json)
		(void)show_json(cli_retired_json(info));
	else if (info)
		cli_retired_say(info);
	cli_hear(&epoch->answer, result);
}

static enum sr_code start(struct epoch *epoch, sr_client *client)
{
	switch (epoch->verb) {
	case VERB_NEW:
		return sr_epoch_new(client, on_made, epoch, NULL);
	case VERB_RETIRE:
		return sr_epoch_retire(client, epoch->number, epoch->no_backup, on_retired, epoch, NULL);
	default:
		return sr_epoch_list(client, on_list, epoch, NULL);
	}
}

int cli_epoch(struct cli *cli, int argc, char **argv)
{
	struct epoch epoch = {.cli = cli};
	int status = cli_parse_data(cli, &argp, argc, argv, &epoch);
	if (status >= 0)
		return status;
	sr_blocking *blocking = cli_connect(cli, &status);
	if (!blocking)
		return status;
	status = cli_await_status(&epoch.answer, blocking, start(&epoch, sr_blocking_client(blocking)));
	sr_blocking_close(blocking);
	return cli_flush(status);
}
