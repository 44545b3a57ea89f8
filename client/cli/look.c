/* `sealreel list`, `info` and `check`: what the patient of a grant has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/parse.h"
#include "cli/show.h"

#define CHECK_MAX 200

enum { KEY_FROM = 1, KEY_TO };

struct look {
	struct cli *cli;
	struct sr_list_options list;
	uint8_t *ids; /* check, info */
	size_t count;
	size_t most;
};

static const struct argp_option list_options[] = {
	{"from", KEY_FROM, "TIME", 0, "Opened at or after: a date, or RFC 3339", 1},
	{"to", KEY_TO, "TIME", 0, "Opened before", 1},
	{0},
};

static error_t take_id(struct look *look, const char *value)
{
	if (look->count == look->most)
		return cli_wrong(look->cli, look->most ? "there is an id too much" : "there is a word too much");
	if (!sr_id_parse(value, look->ids + look->count * SR_ID))
		return cli_wrong(look->cli, "%.64s is no id", value);
	look->count++;
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct look *look = state->input;
	switch (key) {
	case KEY_FROM:
		return parse_time(value, &look->list.from_ms) ? 0 : cli_wrong(look->cli, "--from is no time");
	case KEY_TO:
		return parse_time(value, &look->list.to_ms) ? 0 : cli_wrong(look->cli, "--to is no time");
	case ARGP_KEY_ARG:
		return take_id(look, value);
	case ARGP_KEY_END:
		if (look->most > 0 && look->count == 0)
			return cli_wrong(look->cli, "there is no id");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp list_argp = {
	.options = list_options,
	.parser = parse,
	.doc = "List the recordings of the grant's patient.\vExits 4 if rows were withheld: they are not this "
	       "patient's, or damaged.\n\nJSON: an object with \"withheld\" and \"recordings\", each "
	       "with " SHOW_RECORDING_FIELDS ".\n\nExample:\n\n  sealreel list --from 2026-11-01 --json\n",
};

static const struct argp info_argp = {
	.parser = parse,
	.args_doc = "RECORDING",
	.doc = "Show one recording.\vJSON: an object with " SHOW_RECORDING_FIELDS
	       ", \"epoch\", \"root_version\", \"held\".\n\nExample:\n\n"
	       "  sealreel info 01936f6e-8c3a-7000-8000-000000000001\n",
};

static const struct argp check_argp = {
	.parser = parse,
	.args_doc = "ID...",
	.doc = "Ask which of up to 200 ids are recordings of the grant's patient.\vPrints each id with yes or no, and "
	       "exits 1 if any is no. JSON: an object with \"ids\", each with \"id\" and \"theirs\" (true or false)."
	       "\n\nExample:\n\n  sealreel check 01936f6e-8c3a-7000-8000-000000000001\n",
};

/* Print or collect one page; the next one is asked for after it. */
static void take_page(struct look *look, const struct sr_listing_info *page, json_t *recordings)
{
	for (size_t i = 0; i < page->count; i++) {
		if (look->cli->json)
			(void)json_array_append_new(recordings, show_recording_json(&page->recordings[i]));
		else
			show_recording(&page->recordings[i]);
	}
	memcpy(look->list.after, page->next, SR_ID);
}

static int list_all(struct look *look, sr_blocking *blocking)
{
	struct sr_result result;
	uint64_t withheld = 0;
	bool more = true;
	int status = CLI_DONE;
	json_t *recordings = json_array();
	while (more && status == CLI_DONE) {
		struct sr_listing_info *page = NULL;
		status = CLI_FAILED;
		if (sr_blocking_list(blocking, &look->list, &page, &result) == SR_OK) {
			take_page(look, page, recordings);
			withheld += page->withheld;
			more = page->more;
			status = CLI_DONE;
		} else {
			status = cli_fail(&result);
		}
		sr_listing_free(page);
	}
	if (status == CLI_DONE && look->cli->json &&
	    !show_json(json_pack("{s:O, s:I}", "recordings", recordings, "withheld", (json_int_t)withheld)))
		status = cli_fail_output();
	json_decref(recordings);
	if (status != CLI_DONE || withheld == 0)
		return status;
	if (!look->cli->quiet)
		(void)fprintf(
			stderr,
			"sealreel: withheld: %llu rows are not this patient's or are damaged; tell the operator\n",
			(unsigned long long)withheld);
	return CLI_WITHHELD;
}

static int show_info(struct look *look, sr_blocking *blocking)
{
	struct sr_result result;
	struct sr_recording_info *info = NULL;
	int status = CLI_DONE;
	if (sr_blocking_info(blocking, look->ids, &info, &result) != SR_OK) {
		status = cli_fail(&result);
	} else if (look->cli->json) {
		json_t *object = show_recording_json(info);
		(void)json_object_set_new(object, "epoch", json_integer(info->epoch));
		(void)json_object_set_new(object, "root_version", json_integer(info->root_version));
		(void)json_object_set_new(object, "held", json_boolean(info->held));
		if (!show_json(object))
			status = cli_fail_output();
	} else {
		show_recording(info);
		printf("  epoch %u, root version %u%s\n", info->epoch, info->root_version,
		       info->held ? ", on hold" : "");
	}
	sr_recording_info_free(info);
	return status;
}

static int show_checked(struct look *look, sr_blocking *blocking)
{
	struct sr_result result;
	uint8_t theirs[CHECK_MAX];
	bool all = true;
	json_t *ids = json_array();
	int status = CLI_DONE;
	if (sr_blocking_check(blocking, look->ids, look->count, theirs, &result) != SR_OK)
		status = cli_fail(&result);
	for (size_t i = 0; status == CLI_DONE && i < look->count; i++) {
		char id[SR_ID_TEXT];
		sr_id_format(look->ids + i * SR_ID, id);
		all = all && theirs[i];
		if (look->cli->json)
			(void)json_array_append_new(ids, json_pack("{s:s, s:b}", "id", id, "theirs", theirs[i]));
		else
			printf("%s %s\n", id, theirs[i] ? "yes" : "no");
	}
	if (status == CLI_DONE && look->cli->json && !show_json(json_pack("{s:O}", "ids", ids)))
		status = cli_fail_output();
	json_decref(ids);
	return status == CLI_DONE && !all ? CLI_FAILED : status;
}

/* Parse, connect, do. */
static int run(struct look *look, const struct argp *argp, int argc, char **argv,
	       int (*show)(struct look *look, sr_blocking *blocking))
{
	int status = cli_parse_data(look->cli, argp, argc, argv, look);
	if (status >= 0)
		return status;
	sr_blocking *blocking = cli_connect(look->cli, &status);
	if (!blocking)
		return status;
	status = show(look, blocking);
	sr_blocking_close(blocking);
	if (status == CLI_DONE && fflush(stdout) != 0)
		status = cli_fail_output();
	return status;
}

int cli_list(struct cli *cli, int argc, char **argv)
{
	struct look look = {.cli = cli};
	return run(&look, &list_argp, argc, argv, list_all);
}

int cli_info(struct cli *cli, int argc, char **argv)
{
	uint8_t id[SR_ID];
	struct look look = {.cli = cli, .ids = id, .most = 1};
	return run(&look, &info_argp, argc, argv, show_info);
}

int cli_check(struct cli *cli, int argc, char **argv)
{
	uint8_t ids[CHECK_MAX * SR_ID];
	struct look look = {.cli = cli, .ids = ids, .most = CHECK_MAX};
	return run(&look, &check_argp, argc, argv, show_checked);
}
