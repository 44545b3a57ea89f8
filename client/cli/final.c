/* Making an erasure final: everything leaves the epochs up to it, and they are retired. */
#include "cli/final.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/answer.h"
#include "cli/retired.h"

#define ROUNDS 4 /* what others rotate meanwhile can put the end off */
#define PASSES 3 /* over rows that others change whenever they are moved */
#define LOOK_MS 100
#define IDLE_MOST 600 /* looks without one recording less */
#define AGAIN "run it again, as patient erase ID --final"

/* One answer at a time. */
struct hearing {
	struct cli_answer answer;
	struct sr_erasure_info erasure;
	uint32_t current;
	uint32_t unretired; /* the first that is not, of those up to `last`; 0: none */
	uint32_t last;
	uint32_t made;
	struct sr_rotated_info stepped;
	json_t *proofs;
	bool quiet;
};

static void nap(uint32_t milliseconds)
{
	struct timespec pause = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
	(void)nanosleep(&pause, NULL);
}

/* ---- the erasure itself ---- */

static void on_erasure(void *context, const struct sr_result *result, const struct sr_erasure_info *info)
{
	struct hearing *hearing = context;
	if (info)
		hearing->erasure = *info;
	cli_hear(&hearing->answer, result);
}

static bool look(struct hearing *hearing, sr_blocking *operate, const char *identity)
{
	return cli_await(&hearing->answer, operate,
			 sr_patient_erase(sr_blocking_client(operate), identity, NULL, on_erasure, hearing, NULL));
}

/* Until nothing of theirs is left: the daemon removes recordings one by one, their own row last. One that stays is its
 * log's to explain. */
static bool await_removal(struct hearing *hearing, sr_blocking *operate, const char *identity)
{
	uint32_t left = UINT32_MAX;
	for (unsigned idle = 0; look(hearing, operate, identity); idle++) {
		if (hearing->erasure.waiting == 0)
			return true;
		if (hearing->erasure.waiting < left)
			idle = 0;
		left = hearing->erasure.waiting;
		if (idle == IDLE_MOST) {
			hearing->answer.result = (struct sr_result){.code = SR_BUSY};
			(void)snprintf(hearing->answer.result.text, sizeof hearing->answer.result.text,
				       "%u rows of this patient are still to be removed", left);
			return false;
		}
		nap(LOOK_MS);
	}
	return false;
}

/* ---- epochs ---- */

static void on_epochs(void *context, const struct sr_result *result, const struct sr_epochs_info *info)
{
	struct hearing *hearing = context;
	hearing->unretired = 0;
	for (size_t at = 0; info && at < info->count; at++) {
		const struct sr_epoch_info *epoch = &info->epochs[at];
		if (hearing->unretired == 0 && epoch->number <= hearing->last && strcmp(epoch->state, "retired") != 0)
			hearing->unretired = epoch->number;
	}
	if (info)
		hearing->current = info->current;
	cli_hear(&hearing->answer, result);
}

static bool list(struct hearing *hearing, sr_blocking *operate)
{
	return cli_await(&hearing->answer, operate,
			 sr_epoch_list(sr_blocking_client(operate), on_epochs, hearing, NULL));
}

static void on_made(void *context, const struct sr_result *result, uint32_t number)
{
	struct hearing *hearing = context;
	hearing->made = number;
	cli_hear(&hearing->answer, result);
}

/* There has to be an epoch behind the last that is to go. */
static bool ensure_newer(struct hearing *hearing, sr_blocking *operate)
{
	if (hearing->current > hearing->last)
		return true;
	if (!cli_await(&hearing->answer, operate, sr_epoch_new(sr_blocking_client(operate), on_made, hearing, NULL)))
		return false;
	if (!hearing->quiet)
		printf("epoch %u is the current one\n", hearing->made);
	return true;
}

static void on_stepped(void *context, const struct sr_result *result, const struct sr_rotated_info *info)
{
	struct hearing *hearing = context;
	if (info)
		hearing->stepped = *info;
	cli_hear(&hearing->answer, result);
}

/* All rows once, from the epochs that are to go to the current one. */
static bool pass(struct hearing *hearing, sr_blocking *rotate, uint64_t *moved, uint64_t *left)
{
	const struct sr_rotated_info *info = &hearing->stepped;
	hearing->stepped = (struct sr_rotated_info){.place_size = 0};
	*left = 0;
	do {
		struct sr_rotated_info before = *info;
		struct sr_rotate_options order = {
			.first = 1, .last = hearing->last, .place = before.place, .place_size = before.place_size};
		while (!cli_await(&hearing->answer, rotate,
				  sr_rotate_step(sr_blocking_client(rotate), &order, on_stepped, hearing, NULL))) {
			if (hearing->answer.result.code != SR_BUSY || hearing->answer.result.retry_ms == 0)
				return false;
			nap(hearing->answer.result.retry_ms);
		}
		*moved += info->moved;
		*left += info->left;
	} while (info->place_size > 0);
	return true;
}

static int rotate_all(struct hearing *hearing, sr_blocking *rotate)
{
	uint64_t moved = 0, left = 1;
	for (int passes = 0; passes < PASSES && left > 0; passes++) {
		if (pass(hearing, rotate, &moved, &left))
			continue;
		bool denied = hearing->answer.result.code == SR_DENIED;
		return cli_fail_incomplete(&hearing->answer.result,
					   denied ? "name a service that may rotate with --rotator "
						    "FILE, and " AGAIN
						  : AGAIN);
	}
	if (left > 0) {
		struct sr_result result = {.code = SR_CORRUPT};
		(void)snprintf(result.text, sizeof result.text, "%llu rows could not be moved to a newer epoch",
			       (unsigned long long)left);
		return cli_fail_incomplete(&result, "scrub, and then " AGAIN);
	}
	if (!hearing->quiet)
		printf("%llu rows moved to epoch %u\n", (unsigned long long)moved, hearing->stepped.to);
	return CLI_DONE;
}

static void on_retired(void *context, const struct sr_result *result, const struct sr_retired_info *info)
{
	struct hearing *hearing = context;
	if (info && hearing->proofs)
		(void)json_array_append_new(hearing->proofs, cli_retired_json(info));
	else if (info && !hearing->quiet)
		cli_retired_say(info);
	cli_hear(&hearing->answer, result);
}

static int retire_all(struct hearing *hearing, sr_blocking *operate, bool no_backup)
{
	bool heard = list(hearing, operate);
	while (heard && hearing->unretired != 0) {
		sr_client *client = sr_blocking_client(operate);
		if (!cli_await(&hearing->answer, operate,
			       sr_epoch_retire(client, hearing->unretired, no_backup, on_retired, hearing, NULL)))
			return cli_fail_incomplete(&hearing->answer.result, AGAIN);
		heard = list(hearing, operate);
	}
	return heard ? CLI_DONE : cli_fail_incomplete(&hearing->answer.result, AGAIN);
}

/* ---- rounds ---- */

/* One round: what is under the erasure's epochs goes to a newer one, and they are retired. */
static int take_round(const struct cli_final *final, struct hearing *hearing, sr_blocking *operate)
{
	struct cli other = *final->cli;
	int status = CLI_DONE;
	/* Before anything is made: the file may not be one. */
	if (final->rotator)
		other.credential = final->rotator;
	sr_blocking *rotate = final->rotator ? cli_connect(&other, &status) : operate;
	if (!rotate)
		return status;
	if (list(hearing, operate) && ensure_newer(hearing, operate))
		status = rotate_all(hearing, rotate);
	else
		status = cli_fail_incomplete(&hearing->answer.result, AGAIN);
	if (rotate != operate)
		sr_blocking_close(rotate);
	return status == CLI_DONE ? retire_all(hearing, operate, final->no_backup) : status;
}

int cli_make_final(const struct cli_final *final, sr_blocking *operate)
{
	struct hearing hearing = {.proofs = final->proofs, .quiet = final->cli->quiet || final->proofs};
	int status = CLI_DONE;
	bool heard = await_removal(&hearing, operate, final->identity);
	for (int rounds = 0; heard && hearing.erasure.unretired > 0 && rounds < ROUNDS; rounds++) {
		hearing.last = hearing.erasure.epoch;
		status = take_round(final, &hearing, operate);
		if (status != CLI_DONE)
			return status;
		heard = await_removal(&hearing, operate, final->identity);
	}
	return heard ? CLI_DONE : cli_fail_incomplete(&hearing.answer.result, AGAIN);
}
