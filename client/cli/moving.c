/* Requests about patients, waited for. */
#include "cli/moving.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/answer.h"
#include "cli/show.h"

#define BUSY_TRIES 20
#define BUSY_PAUSE_MS 100
#define PROGRESS_PAIRS 16 /* between two looks of the progress line */

/* What a callback heard. */
struct heard {
	struct cli_answer answer;
	struct sr_patient_info info;
	uint32_t version;
};

static void on_changed(void *context, const struct sr_result *result, const struct sr_patient_info *info)
{
	struct heard *heard = context;
	if (info)
		heard->info = *info;
	cli_hear(&heard->answer, result);
}

static void on_root(void *context, const struct sr_result *result, uint32_t version)
{
	struct heard *heard = context;
	heard->version = version;
	cli_hear(&heard->answer, result);
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
	*heard = (struct heard){.version = 0};
	if (code != SR_OK) {
		heard->answer.result = (struct sr_result){.code = code};
		(void)snprintf(heard->answer.result.text, sizeof heard->answer.result.text, "%s", err.text);
	} else {
		code = move->renames ? sr_patient_rename(client, from, to, on_changed, heard, NULL)
				     : sr_patient_merge(client, from, to, move->recording, on_changed, heard, NULL);
		(void)cli_await(&heard->answer, blocking, code);
	}
	cli_proof_free(from);
	cli_proof_free(to);
	return heard->answer.result.code;
}

enum sr_code cli_move(sr_blocking *blocking, const struct cli_proofs *proofs, const struct cli_move *move,
		      struct sr_patient_info *info, struct sr_result *result)
{
	const struct timespec pause = {0, BUSY_PAUSE_MS * 1000000L};
	struct heard heard = {.info = {.more = true}};
	int busy = 0;
	*info = (struct sr_patient_info){0};
	while (heard.info.more || heard.answer.result.code == SR_BUSY) {
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
	*result = heard.answer.result;
	return heard.answer.result.code;
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
		(void)show_json(json_pack("{s:I, s:I, s:O, s:I, s:I}", "pairs", (json_int_t)run->map->count, "done",
					  (json_int_t)tally->done, "refused", tally->refused, "recordings",
					  (json_int_t)tally->recordings, "left", (json_int_t)tally->left));
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
	struct heard heard = {.version = 0};
	int status = cli_await_status(&heard.answer, blocking,
				      sr_patient_rekey(sr_blocking_client(blocking), grant, on_changed, &heard, NULL));
	*info = heard.info;
	return status;
}

int cli_root_new(sr_blocking *blocking, uint32_t *version)
{
	struct heard heard = {.version = 0};
	int status = cli_await_status(&heard.answer, blocking,
				      sr_root_new(sr_blocking_client(blocking), on_root, &heard, NULL));
	*version = heard.version;
	return status;
}
