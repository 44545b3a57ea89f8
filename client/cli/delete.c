/* `sealreel delete` and `undelete`: a recording goes, and comes back while there is time. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/parse.h"
#include "cli/show.h"

struct deletion {
	struct cli *cli;
	uint8_t recording[SR_ID];
	bool named;
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct deletion *deletion = state->input;
	switch (key) {
	case ARGP_KEY_ARG:
		if (deletion->named)
			return cli_wrong(deletion->cli, "there is an id too much");
		deletion->named = true;
		return sr_id_parse(value, deletion->recording) ? 0 : cli_wrong(deletion->cli, "%.64s is no id", value);
	case ARGP_KEY_END:
		return deletion->named ? 0 : cli_wrong(deletion->cli, "there is no id");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp delete_argp = {
	.parser = parse,
	.args_doc = "RECORDING",
	.doc = "Delete a recording. Needs a grant with the scope delete.\vIt is not listed or played any more, and "
	       "whoever "
	       "plays or writes it is ended. `sealreel undelete` brings it back until the time that is printed (the "
	       "store's undelete_window_s); then its key and its files are destroyed. A recording on hold, or one that "
	       "must be kept until a later time, is refused.\n\nJSON: an object with \"id\" and \"undo_until\" (RFC "
	       "3339).\n\nExample:\n\n  sealreel delete 01936f6e-8c3a-7000-8000-000000000001\n",
};

static const struct argp undelete_argp = {
	.parser = parse,
	.args_doc = "RECORDING",
	.doc = "Bring a deleted recording back, while there is time. Needs a grant with the scope delete.\vExits 1 if "
	       "it "
	       "is too late.\n\nJSON: an object with \"id\".\n\nExample:\n\n"
	       "  sealreel undelete 01936f6e-8c3a-7000-8000-000000000001\n",
};

/* Say what was done; `until` NULL: nothing has an end. */
static int tell(const struct deletion *deletion, const uint64_t *until)
{
	char id[SR_ID_TEXT], time[TIME_TEXT];
	bool said = true;
	sr_id_format(deletion->recording, id);
	if (until)
		format_time(*until, time);
	if (deletion->cli->json)
		said = show_json(until ? json_pack("{s:s, s:s}", "id", id, "undo_until", time)
				       : json_pack("{s:s}", "id", id));
	else if (!deletion->cli->quiet && until)
		printf("deleted; undelete brings it back until %s\n", time);
	if (!said || fflush(stdout) != 0)
		return cli_fail_output();
	return CLI_DONE;
}

static int run(struct cli *cli, int argc, char **argv, bool deletes)
{
	struct deletion deletion = {.cli = cli};
	struct sr_result result;
	uint64_t until = 0;
	int status = cli_parse_data(cli, deletes ? &delete_argp : &undelete_argp, argc, argv, &deletion);
	if (status >= 0)
		return status;
	sr_blocking *blocking = cli_connect(cli, &status);
	if (!blocking)
		return status;
	enum sr_code code = deletes ? sr_blocking_delete(blocking, deletion.recording, &until, &result)
				    : sr_blocking_undelete(blocking, deletion.recording, &result);
	status = code == SR_OK ? tell(&deletion, deletes ? &until : NULL) : cli_fail(&result);
	sr_blocking_close(blocking);
	return status;
}

int cli_delete(struct cli *cli, int argc, char **argv)
{
	return run(cli, argc, argv, true);
}

int cli_undelete(struct cli *cli, int argc, char **argv)
{
	return run(cli, argc, argv, false);
}
