/* `sealreel status`, `stats` and `health`: how the store is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/show.h"

/* What was heard, copied out of callbacks. */
struct heard {
	struct cli *cli;
	struct cli_answer answer;
	enum sr_code health;
	char text[256];
	struct sr_stat_info *stats;
	size_t count;
};

static const struct argp status_argp = {
	.doc = "Show the store's state on one screen.\vJSON: an object with \"server\", \"store\", \"health\" (ok, or "
	       "a "
	       "code's name), \"health_text\", \"stats\" (an object of numbers).\n\nExample:\n\n"
	       "  sealreel --credential DIR/operator.cred status\n",
};

static const struct argp stats_argp = {
	.doc = "Print all counters, one \"name value\" on a line.\vJSON: one object of numbers.\n\nExample:\n\n"
	       "  sealreel --credential DIR/operator.cred stats --json\n",
};

static const struct argp health_argp = {
	.doc = "Exit 0 if the store can do everything, else 1 with the reason.\vJSON: an object with \"health\" (ok, "
	       "or "
	       "a code's name) and \"text\".\n\nExample:\n\n"
	       "  sealreel --credential DIR/operator.cred --quiet health || page-somebody\n",
};

static void on_health(void *context, const struct sr_result *result, enum sr_code code, const char *text)
{
	struct heard *heard = context;
	heard->health = code;
	(void)snprintf(heard->text, sizeof heard->text, "%s", text);
	cli_hear(&heard->answer, result);
}

static void on_stats(void *context, const struct sr_result *result, const struct sr_stat_info *stats, size_t count)
{
	struct heard *heard = context;
	heard->stats = result->code == SR_OK ? calloc(count ? count : 1, sizeof *stats) : NULL;
	heard->count = heard->stats ? count : 0;
	if (heard->count > 0)
		memcpy(heard->stats, stats, count * sizeof *stats);
	cli_hear(&heard->answer, result);
}

static int ask_health(struct heard *heard, sr_blocking *blocking)
{
	return cli_await_status(&heard->answer, blocking,
				sr_health(sr_blocking_client(blocking), on_health, heard, NULL));
}

static int ask_stats(struct heard *heard, sr_blocking *blocking)
{
	return cli_await_status(&heard->answer, blocking,
				sr_stats(sr_blocking_client(blocking), on_stats, heard, NULL));
}

static json_t *stats_json(const struct heard *heard)
{
	json_t *object = json_object();
	for (size_t i = 0; i < heard->count; i++)
		(void)json_object_set_new(object, heard->stats[i].name,
					  json_integer((json_int_t)heard->stats[i].value));
	return object;
}

static void print_stats(const struct heard *heard, bool all)
{
	for (size_t i = 0; i < heard->count; i++) {
		/* A screen has room for what has happened; a counter at zero has nothing to say. */
		if (all || heard->stats[i].value != 0)
			printf("%s%s %llu\n", all ? "" : "  ", heard->stats[i].name,
			       (unsigned long long)heard->stats[i].value);
	}
}

static int show_status(struct heard *heard, sr_blocking *blocking)
{
	char store[33];
	const char *server = sr_client_server(sr_blocking_client(blocking));
	int status = ask_health(heard, blocking);
	if (status == CLI_DONE)
		status = ask_stats(heard, blocking);
	if (status != CLI_DONE)
		return status;
	sr_client_audience(sr_blocking_client(blocking), store);
	if (heard->cli->json) {
		(void)show_json(json_pack("{s:s, s:s, s:s, s:s, s:o}", "server", server, "store", store, "health",
					  sr_result_name(heard->health), "health_text", heard->text, "stats",
					  stats_json(heard)));
		return CLI_DONE;
	}
	printf("server  %s\nstore   %s\nhealth  %s%s%s\n", server, store, sr_result_name(heard->health),
	       heard->text[0] ? ": " : "", heard->text);
	print_stats(heard, false);
	return CLI_DONE;
}

static int show_stats(struct heard *heard, sr_blocking *blocking)
{
	int status = ask_stats(heard, blocking);
	if (status == CLI_DONE && heard->cli->json)
		(void)show_json(stats_json(heard));
	else if (status == CLI_DONE)
		print_stats(heard, true);
	return status;
}

static int show_health(struct heard *heard, sr_blocking *blocking)
{
	int status = ask_health(heard, blocking);
	if (status != CLI_DONE)
		return status;
	if (heard->cli->json)
		(void)show_json(json_pack("{s:s, s:s}", "health", sr_result_name(heard->health), "text", heard->text));
	else if (heard->health == SR_OK && !heard->cli->quiet)
		puts("ok");
	if (heard->health == SR_OK)
		return CLI_DONE;
	if (!heard->cli->json)
		(void)cli_fail_text(heard->health, "%s", heard->text);
	return CLI_FAILED;
}

static int run(struct cli *cli, const struct argp *argp, int argc, char **argv,
	       int (*show)(struct heard *heard, sr_blocking *blocking))
{
	struct heard heard = {.cli = cli};
	int status = cli_parse_data(cli, argp, argc, argv, &heard);
	if (status >= 0)
		return status;
	sr_blocking *blocking = cli_connect(cli, &status);
	if (!blocking)
		return status;
	status = show(&heard, blocking);
	free(heard.stats);
	sr_blocking_close(blocking);
	return cli_flush(status);
}

int cli_status(struct cli *cli, int argc, char **argv)
{
	return run(cli, &status_argp, argc, argv, show_status);
}

int cli_stats(struct cli *cli, int argc, char **argv)
{
	return run(cli, &stats_argp, argc, argv, show_stats);
}

int cli_health(struct cli *cli, int argc, char **argv)
{
	return run(cli, &health_argp, argc, argv, show_health);
}
