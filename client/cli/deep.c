/* `sealreel rotate --deep`: one patient's recordings sealed anew under new data keys. */
#include "cli/deep.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/answer.h"
#include "cli/show.h"

#define BUSY_TRIES 60

/* What was heard, and what came of it so far. */
struct heard {
	struct cli_answer answer;
	struct sr_deep_info info;
	uint64_t recordings, left, bytes;
	bool began; /* one was looked at: `place` says which */
	uint8_t place[SR_ID];
};

static void on_told(void *context, const struct sr_result *result, const struct sr_deep_info *info)
{
	struct heard *heard = context;
	if (info)
		heard->info = *info;
	cli_hear(&heard->answer, result);
}

/* One request with a grant of its own. */
static enum sr_code ask(struct cli_deep *deep, sr_blocking *blocking, struct heard *heard)
{
	struct sr_error err;
	char *token = NULL;
	enum sr_code code = cli_proof(&deep->proofs, deep->identity, 0, &token, &err);
	struct sr_result *result = &heard->answer.result;
	if (code == SR_OK) {
		(void)cli_await(&heard->answer, blocking,
				sr_rotate_deep(sr_blocking_client(blocking), token, deep->after, on_told, heard, NULL));
	} else {
		*result = (struct sr_result){.code = code};
		(void)snprintf(result->text, sizeof result->text, "%s", err.text);
	}
	cli_proof_free(token);
	return result->code;
}

/* The same, again while others are at the same patient. */
static enum sr_code ask_patiently(struct cli_deep *deep, sr_blocking *blocking, struct heard *heard)
{
	enum sr_code code = ask(deep, blocking, heard);
	for (int tries = 0; code == SR_BUSY && heard->answer.result.retry_ms && tries < BUSY_TRIES; tries++) {
		struct timespec pause = {heard->answer.result.retry_ms / 1000,
					 (long)(heard->answer.result.retry_ms % 1000) * 1000000};
		(void)nanosleep(&pause, NULL);
		code = ask(deep, blocking, heard);
	}
	return code;
}

static int tell(const struct cli_deep *deep, const struct heard *heard, bool complete)
{
	char id[SR_ID_TEXT] = "";
	bool said = true;
	if (heard->began)
		sr_id_format(heard->place, id);
	if (deep->proofs.cli->json)
		said = show_json(json_pack("{s:I, s:I, s:I, s:s?, s:b}", "recordings", (json_int_t)heard->recordings,
					   "bytes", (json_int_t)heard->bytes, "left", (json_int_t)heard->left, "after",
					   heard->began ? id : NULL, "complete", complete));
	else if (!deep->proofs.cli->quiet)
		printf("%llu recordings sealed anew, %llu bytes of media; %llu left as they are\n",
		       (unsigned long long)heard->recordings, (unsigned long long)heard->bytes,
		       (unsigned long long)heard->left);
	if (!said || fflush(stdout) != 0)
		return cli_fail_output();
	return heard->left ? CLI_WITHHELD : CLI_DONE;
}

int cli_deepen(struct cli_deep *deep, sr_blocking *blocking)
{
	struct heard heard = {.began = false};
	char next[128], id[SR_ID_TEXT];
	deep->proofs.given[0] = deep->proofs.cli->grant;
	do {
		if (ask_patiently(deep, blocking, &heard) != SR_OK)
			break;
		heard.recordings += heard.info.recordings;
		heard.left += heard.info.left;
		heard.bytes += heard.info.bytes;
		heard.began = heard.began || heard.info.more;
		if (heard.info.more) {
			memcpy(heard.place, heard.info.place, SR_ID);
			memcpy(deep->after, heard.info.place, SR_ID);
		}
	} while (heard.info.more);
	if (heard.answer.result.code == SR_OK)
		return tell(deep, &heard, true);
	if (!heard.began)
		return cli_fail(&heard.answer.result);
	(void)tell(deep, &heard, false);
	sr_id_format(heard.place, id);
	(void)snprintf(next, sizeof next, "run it again with --after %s to go on", id);
	return cli_fail_incomplete(&heard.answer.result, next);
}
