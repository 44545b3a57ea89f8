/* Requests about patients, waited for. */
#include "cli/moving.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUSY_TRIES 20
#define BUSY_PAUSE_MS 100
#define PROGRESS_PAIRS 16 /* between two looks of the progress line */

/* What a callback heard. */
struct heard {
	struct sr_result result;
	struct sr_patient_info info;
	uint32_t version;
	bool done;
};

static void on_changed(void *context, const struct sr_result *result, const struct sr_patient_info *info)
{
	struct heard *heard = context;
	heard->result = *result;
	if (info)
		heard->info = *info;
	heard->done = true;
}

static void on_root(void *context, const struct sr_result *result, uint32_t version)
{
	struct heard *heard = context;
	heard->result = *result;
	heard->version = version;
	heard->done = true;
}

static void set(struct sr_result *result, enum sr_code code, const char *text)
{
	*result = (struct sr_result){.code = code};
	(void)snprintf(result->text, sizeof result->text, "%s", text);
}

/* Turn the loop until what was started with `code` is done. */
static void wait_for(sr_blocking *blocking, enum sr_code code, struct heard *heard)
{
	if (code != SR_OK)
		set(&heard->result, code, "the request could not be sent");
	while (code == SR_OK && !heard->done)
		(void)uv_run(sr_blocking_loop(blocking), UV_RUN_ONCE);
}

static enum sr_code ask(sr_blocking *blocking, const struct cli_proofs *proofs, const struct cli_move *move,
			struct heard *heard)
{
	sr_client *client = sr_blocking_client(blocking);
	struct sr_error err = {0};
	char *from = NULL, *to = NULL;
	enum sr_code code = cli_proof(proofs, move->from, 0, &from, &err);
	if (code == SR_OK)
		code = cli_proof(proofs, move->to, 1, &to, &err);
	*heard = (struct heard){.done = false};
	if (code != SR_OK) {
		set(&heard->result, code, err.text);
	} else {
		code = move->renames ? sr_patient_rename(client, from, to, on_changed, heard, NULL)
				     : sr_patient_merge(client, from, to, move->recording, on_changed, heard, NULL);
		wait_for(blocking, code, heard);
	}
	cli_proof_free(from);
	cli_proof_free(to);
	return heard->result.code;
}

enum sr_code cli_move(sr_blocking *blocking, const struct cli_proofs *proofs, const struct cli_move *move,
		      struct sr_patient_info *info, struct sr_result *result)
{
	const struct timespec pause = {0, BUSY_PAUSE_MS * 1000000L};
	struct heard heard = {.info = {.more = true}};
	int busy = 0;
	*info = (struct sr_patient_info){0};
	while (heard.info.more || heard.result.code == SR_BUSY) {
		enum sr_code code = ask(blocking, proofs, move, &heard);
		if (code == SR_BUSY && ++busy < BUSY_TRIES) {
			(void)nanosleep(&pause, NULL);
			continue;
		}
		if (code != SR_OK)
			break;
		busy = 0;
		info->recordings += heard.info.recordings;
		info->left = heard.info.left;
		info->root_version = heard.info.root_version;
	}
	*result = heard.result;
	return heard.result.code;
}

/* ---- a map ---- */

/* What concerns one pair alone: the others go on. */
static bool concerns_one(enum sr_code code)
{
	return code == SR_CONFLICT || code == SR_NOT_FOUND || code == SR_BUSY || code == SR_FROZEN ||
	       code == SR_CORRUPT;
}

struct tally {
	size_t done, refused_count;
	uint64_t recordings, left;
	json_t *refused;
	struct sr_result last;
};

static void refuse(struct tally *tally, const struct cli_map_run *run, const struct cli_pair *pair,
		   const struct sr_result *result)
{
	tally->refused_count++;
	(void)json_array_append_new(tally->refused, json_pack("{s:I, s:s, s:s}", "line", (json_int_t)pair->line, "code",
							      sr_result_name(result->code), "text", result->text));
	if (!run->cli->json)
		(void)fprintf(stderr, "sealreel: %s: line %zu: %s (request %016llx)\n", sr_result_name(result->code),
			      pair->line, result->text, (unsigned long long)result->request);
}

static void print_tally(const struct cli_map_run *run, struct tally *tally)
{
	if (run->cli->json) {
		json_t *object = json_pack("{s:I, s:I, s:O, s:I, s:I}", "pairs", (json_int_t)run->map->count, "done",
					   (json_int_t)tally->done, "refused", tally->refused, "recordings",
					   (json_int_t)tally->recordings, "left", (json_int_t)tally->left);
		(void)json_dumpf(object, stdout, JSON_INDENT(2));
		(void)putchar('\n');
		json_decref(object);
	} else if (!run->cli->quiet) {
		printf("%zu of %zu pairs done, %llu recordings moved, %llu rows stay\n", tally->done, run->map->count,
		       (unsigned long long)tally->recordings, (unsigned long long)tally->left);
	}
}

int cli_move_map(const struct cli_map_run *run)
{
	struct tally tally = {.refused = json_array()};
	bool progress = !run->cli->quiet && isatty(STDERR_FILENO);
	enum sr_code code = SR_OK;
	size_t at = 0;
	for (; at < run->map->count && (code == SR_OK || concerns_one(code)); at++) {
		const struct cli_pair *pair = &run->map->pairs[at];
		const struct cli_move move = {.renames = run->renames, .from = pair->from, .to = pair->to};
		struct sr_patient_info info;
		code = cli_move(run->blocking, run->proofs, &move, &info, &tally.last);
		tally.recordings += info.recordings;
		tally.left += info.left;
		tally.done += code == SR_OK;
		if (code != SR_OK)
			refuse(&tally, run, pair, &tally.last);
		if (progress && at % PROGRESS_PAIRS == 0)
			(void)fprintf(stderr, "\r%zu of %zu pairs\033[K", at + 1, run->map->count);
	}
	if (progress)
		(void)fputs("\r\033[K", stderr);
	print_tally(run, &tally);
	json_decref(tally.refused);
	if (tally.refused_count > 0)
		return code == SR_OK || concerns_one(code) ? CLI_INCOMPLETE
							   : cli_fail_incomplete(&tally.last, "run it again to go on");
	return tally.left > 0 ? CLI_WITHHELD : CLI_DONE;
}

/* ---- keys ---- */

int cli_rekey(sr_blocking *blocking, const char *grant, struct sr_patient_info *info)
{
	struct heard heard = {.done = false};
	wait_for(blocking, sr_patient_rekey(sr_blocking_client(blocking), grant, on_changed, &heard, NULL), &heard);
	*info = heard.info;
	return cli_fail(&heard.result);
}

int cli_root_new(sr_blocking *blocking, uint32_t *version)
{
	struct heard heard = {.done = false};
	wait_for(blocking, sr_root_new(sr_blocking_client(blocking), on_root, &heard, NULL), &heard);
	*version = heard.version;
	return cli_fail(&heard.result);
}
