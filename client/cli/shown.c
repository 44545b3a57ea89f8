/* `sealreel shown`: what a viewer's session showed, stated for the account. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/parse.h"

enum { KEY_TRACK = 1, KEY_FROM, KEY_TO, KEY_WHO };

struct statement {
	struct cli *cli;
	struct sr_shown_part part;
	bool named, ends;
};

static const struct argp_option options[] = {
	{"track", KEY_TRACK, "N", 0, "Which track; by default 1", 1},
	{"from", KEY_FROM, "SECONDS", 0, "Where it began, in the track's media time; by default 0", 1},
	{"to", KEY_TO, "SECONDS", 0, "Where it ended", 1},
	{"who", KEY_WHO, "ID", 0, "Who looked, as a grant names who acts; by default the grant's actor", 1},
	{0},
};

static error_t take_track(struct statement *statement, const char *value)
{
	uint64_t track;
	if (!parse_number(value, UINT16_MAX, &track) || track == 0)
		return cli_wrong(statement->cli, "--track is a number from 1 on");
	statement->part.track = (uint16_t)track;
	return 0;
}

static error_t take_id(struct statement *statement, const char *value)
{
	if (statement->named)
		return cli_wrong(statement->cli, "there is an id too much");
	statement->named = true;
	return sr_id_parse(value, statement->part.recording) ? 0 : cli_wrong(statement->cli, "%.64s is no id", value);
}

static error_t check(const struct statement *statement)
{
	if (!statement->named)
		return cli_wrong(statement->cli, "there is no id");
	if (!statement->ends || statement->part.to_ms <= statement->part.from_ms)
		return cli_wrong(statement->cli, "--to is a time after --from");
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct statement *statement = state->input;
	switch (key) {
	case KEY_TRACK:
		return take_track(statement, value);
	case KEY_FROM:
		return parse_offset(value, &statement->part.from_ms) ? 0
								     : cli_wrong(statement->cli, "--from is no time");
	case KEY_TO:
		statement->ends = true;
		return parse_offset(value, &statement->part.to_ms) ? 0 : cli_wrong(statement->cli, "--to is no time");
	case KEY_WHO:
		statement->part.who = value;
		return strlen(value) <= 255 ? 0 : cli_wrong(statement->cli, "--who is longer than 255 bytes");
	case ARGP_KEY_ARG:
		return take_id(statement, value);
	case ARGP_KEY_END:
		return check(statement);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp shown_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "RECORDING",
	.doc = "State for the account what a viewer's session showed of a recording. Needs a grant with the scope "
	       "play.\vReports label it as stated by this service, and apart from what the store has proved.\n\n"
	       "Example: seconds 5 to 10 of the video were on the screen of dr-lee:\n\n"
	       "  sealreel shown 01936f6e-8c3a-7000-8000-000000000001 --track 2 --from 5 --to 10 --who dr-lee\n",
};

int cli_shown(struct cli *cli, int argc, char **argv)
{
	struct statement statement = {.cli = cli, .part = {.track = 1}};
	struct sr_result result;
	int status = cli_parse(cli, &shown_argp, argc, argv, &statement);
	if (status >= 0)
		return status;
	sr_blocking *blocking = cli_connect(cli, &status);
	if (!blocking)
		return status;
	status = sr_blocking_state_shown(blocking, &statement.part, &result) == SR_OK ? CLI_DONE : cli_fail(&result);
	sr_blocking_close(blocking);
	return status;
}
