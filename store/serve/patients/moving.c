/*
 * Moves under way: rounds of one step for each, and the rounds that a start makes up for.
 */
#include "serve/patients/moving.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define ROUNDS 16      /* five steps, and as many again as others may make us repeat */
#define VIEW_READS 800 /* a view ends within 1,000 */

/* The operations of one round, and what became of each. */
struct round {
	struct sr_op *ops[SR_MOVING_MOST];
	enum sr_code results[SR_MOVING_MOST];
	size_t count;
};

static void note(void *context, enum sr_code result, size_t failed_check)
{
	(void)failed_check;
	*(enum sr_code *)context = result;
}

/* Run them in order; they share commits. Answers come in order too, so the last one's is the end of all. */
static enum sr_code run(struct sr_index *index, struct round *round)
{
	if (round->count == 0)
		return SR_OK;
	size_t last = round->count - 1, failed;
	for (size_t at = 0; at < last; at++)
		sr_index_submit(index, round->ops[at], note, &round->results[at]);
	round->results[last] = sr_index_run(index, round->ops[last], &failed);
	enum sr_code code = round->results[last] == SR_CONFLICT ? SR_OK : round->results[last];
	round->count = 0;
	return code;
}

static void drop(struct round *round)
{
	while (round->count > 0)
		sr_op_free(round->ops[--round->count]);
}

enum sr_code sr_moving_begin(struct sr_moving_job *job, struct sr_error *err)
{
	struct round round = {.count = 0};
	for (size_t at = 0; at < job->count; at++) {
		struct sr_op *op = sr_move_begin(job->keyring, &job->list[at].move);
		if (!op) {
			drop(&round);
			return SR_FAIL_MEMORY(err);
		}
		round.ops[round.count++] = op;
	}
	enum sr_code code = run(job->index, &round);
	if (code != SR_OK)
		return SR_FAIL(err, code, "the index cannot be written");
	for (size_t at = 0; at < job->count; at++) {
		if (round.results[at] == SR_OK)
			continue;
		job->list[at].over = true;
		code = SR_FAIL(err, SR_CONFLICT, "another move of one of these recordings is under way");
	}
	return code;
}

/* The operation of the next step of one; NULL in *op: it is over, or a copy is refused. */
static enum sr_code next_op(const struct sr_moving_job *job, struct sr_view *view, struct sr_moving *moving,
			    struct sr_op **op, struct sr_error *err)
{
	struct sr_move_rows rows;
	struct sr_move_wrap wrap = {.patient_mac = NULL};
	enum sr_code code = sr_move_read(job->keyring, view, &moving->move, &rows);
	if (code != SR_OK)
		return SR_FAIL(err, code, "a row of a moving recording cannot be read");
	enum sr_move_step step = sr_move_next(rows.source, rows.target);
	if (step == SR_MOVE_COPY) {
		code = job->wrap ? job->wrap(job->context, view, &moving->move, &rows, &wrap) : SR_NOT_FOUND;
		if (code != SR_OK && code != SR_NOT_FOUND)
			return SR_FAIL(err, code, "a moving recording cannot be opened");
		if (code == SR_NOT_FOUND)
			step = SR_MOVE_FORGET;
	}
	if (step == SR_MOVE_FORGET)
		moving->moved = rows.source == SR_SOURCE_BURIED && rows.target == SR_TARGET_HOME;
	*op = step == SR_MOVE_COPY ? sr_move_copy(job->keyring, view, &moving->move, &rows, &wrap)
				   : sr_move_op(job->keyring, &moving->move, step, &rows, job->now_ms);
	sodium_memzero(&wrap, sizeof wrap);
	if (*op && step == SR_MOVE_COPY && job->mark && !job->mark(job->context, *op)) {
		sr_op_free(*op);
		*op = NULL;
	}
	moving->over = step == SR_MOVE_FORGET;
	return *op ? SR_OK : SR_FAIL_MEMORY(err);
}

/* A step of each that is not over. */
static enum sr_code make_round(const struct sr_moving_job *job, struct round *round, struct sr_error *err)
{
	struct sr_view *view = NULL;
	enum sr_code code = sr_view_begin(job->index, &view, err);
	for (size_t at = 0; code == SR_OK && at < job->count; at++) {
		if (job->list[at].over)
			continue;
		if (sr_view_reads(view) > VIEW_READS) {
			sr_view_end(view);
			view = NULL;
			code = sr_view_begin(job->index, &view, err);
		}
		if (code == SR_OK)
			code = next_op(job, view, &job->list[at], &round->ops[round->count], err);
		if (code == SR_OK)
			round->count++;
	}
	sr_view_end(view);
	return code;
}

enum sr_code sr_moving_advance(struct sr_moving_job *job, struct sr_error *err)
{
	for (int rounds = 0; rounds < ROUNDS; rounds++) {
		struct round round = {.count = 0};
		enum sr_code code = make_round(job, &round, err);
		bool nothing = round.count == 0;
		/* What was made before one of them failed is whole steps of others. */
		enum sr_code ran = run(job->index, &round);
		if (ran != SR_OK)
			return SR_FAIL(err, ran, "the index cannot be written");
		if (code != SR_OK || nothing)
			return code;
	}
	return SR_FAIL(err, SR_BUSY, "others are changing the same rows");
}

/* ---- at start ---- */

struct harvest {
	const struct sr_keyring *keyring;
	struct sr_moving list[SR_MOVING_MOST];
	size_t count;
	struct sr_index_key after; /* the last name that was looked at */
	bool more;
	enum sr_code worst;
};

static bool reap(void *context, struct sr_span key, struct sr_span value)
{
	struct harvest *harvest = context;
	uint8_t recording[SR_UUID];
	if (key.size == harvest->after.size && memcmp(key.data, harvest->after.bytes, key.size) == 0)
		return true;
	if (harvest->count == SR_MOVING_MOST) {
		harvest->more = true;
		return false;
	}
	harvest->after.size = key.size;
	memcpy(harvest->after.bytes, key.data, key.size);
	struct sr_moving *moving = &harvest->list[harvest->count];
	*moving = (struct sr_moving){.over = false};
	enum sr_code code = sr_move_named(key, recording)
				    ? sr_move_row_open(harvest->keyring, recording, value, &moving->move)
				    : SR_CORRUPT;
	if (code == SR_OK)
		harvest->count++;
	else
		harvest->worst = code;
	return true;
}

static enum sr_code gather(struct sr_index *index, struct harvest *harvest, struct sr_error *err)
{
	struct sr_view *view;
	enum sr_code code = sr_view_begin(index, &view, err);
	if (code != SR_OK)
		return code;
	harvest->count = 0;
	harvest->more = false;
	code = sr_view_walk(view, &harvest->after, sizeof SR_MOVE_PREFIX - 1, reap, harvest);
	sr_view_end(view);
	return code == SR_OK ? SR_OK : SR_FAIL(err, code, "the journal of moves cannot be read");
}

/* One at a time, so that one that is damaged holds up no other. */
static enum sr_code make_up(const struct sr_moving_recovery *recovery, struct harvest *harvest, struct sr_error *err)
{
	for (size_t at = 0; at < harvest->count; at++) {
		struct sr_moving *moving = &harvest->list[at];
		struct sr_moving_job job = {.index = recovery->index,
					    .keyring = recovery->keyring,
					    .list = moving,
					    .count = 1,
					    .now_ms = recovery->now_ms};
		enum sr_code code = sr_moving_advance(&job, err);
		if (code == SR_IO || code == SR_INTERNAL)
			return code;
		if (code != SR_OK)
			harvest->worst = code;
		else
			recovery->told(recovery->context, &moving->move, moving->moved);
	}
	return SR_OK;
}

enum sr_code sr_moving_recover(const struct sr_moving_recovery *recovery, struct sr_error *err)
{
	struct harvest *harvest = calloc(1, sizeof *harvest);
	enum sr_code code = SR_OK;
	if (!harvest)
		return SR_FAIL_MEMORY(err);
	harvest->keyring = recovery->keyring;
	harvest->after = sr_key_control(SR_MOVE_PREFIX);
	do {
		code = gather(recovery->index, harvest, err);
		if (code == SR_OK)
			code = make_up(recovery, harvest, err);
	} while (code == SR_OK && harvest->more);
	if (code == SR_OK && harvest->worst != SR_OK)
		code = SR_FAIL(err, harvest->worst, "a move of the journal cannot be finished: a row cannot be read");
	free(harvest);
	return code;
}
