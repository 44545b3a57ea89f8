/*
 * rotate.step: so many rows from one epoch to another. The pool has read and sealed them (rotate_batch.c); one batch of
 * the index writes each that nobody has changed meanwhile. While that is being committed, the rows that the next step
 * will ask for are read and sealed ahead.
 */
#include <stdlib.h>
#include <string.h>

#include "account/event.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/epochs/rotate_batch.h"
#include "serve/epochs/rotation.h"

#define ROUNDS 5 /* how often a row that others change is tried; the first time together with others */

struct step {
	struct sr_request *request;
	struct sr_rotate_batch *batch;
	struct sr_rotate_item mark; /* the intent's, in the index's batch of the first round; it stands for no row */
	struct sr_workers_job intent;
	bool intending, intended;
	_Atomic size_t unanswered; /* operations at the index, and one for who submits them */
	struct sr_post settled;
};

/* ---- the answer: on the loop ---- */

static void finish(struct step *step)
{
	struct sr_request *request = step->request;
	struct sr_rotate_batch *batch = step->batch;
	struct sr_rotate_stepped reply = {.to = batch->to, .passed = batch->passed};
	uint8_t place[SR_ROTATE_PLACE_MAX];
	for (size_t at = 0; at < batch->count; at++) {
		const struct sr_rotate_item *item = &batch->items[at];
		bool left = item->code != SR_OK && item->code != SR_NOT_FOUND;
		reply.moved += item->code == SR_OK;
		if (left && reply.left++ == 0 && item->part == SR_PART_RECORDINGS)
			memcpy(reply.recording, item->key.bytes + SR_TAG, SR_UUID);
	}
	sr_count(SR_COUNT_ROTATED, reply.moved);
	if (reply.moved > 0)
		sr_account_applied(request);
	sr_account_count(request, "moved", reply.moved);
	reply.place = (struct sr_span){place, sr_epoch_place_encode(&batch->place, place)};
	reply.progress = sr_epoch_place_progress(&batch->place);
	if (request->error.code == SR_OK)
		request->error = batch->error;
	if (request->error.code == SR_OK &&
	    sr_request_reply(request, SR_MSG_ROTATE_STEPPED, 4 + 2 + sizeof place + 2 + 12 + SR_UUID))
		sr_rotate_stepped_encode(&request->reply.fields, &reply);
	sr_rotation_stepped(request->daemon->rotation);
	sr_rotate_batch_drop(batch);
	sr_op_free(step->mark.op);
	free(step);
	sr_request_answer(request, false);
}

/* ---- writing ---- */

/* Those rows that met a change are tried again. */
static void settle(struct sr_post *post)
{
	struct step *step = (struct step *)((char *)post - offsetof(struct step, settled));
	struct sr_rotate_batch *batch = step->batch;
	bool again = false;
	sr_rotation_job(step->request->daemon->rotation, -1);
	for (size_t at = 0; at < batch->count && !again; at++)
		again = batch->items[at].code == SR_CONFLICT;
	if (again && batch->round + 1 < ROUNDS)
		sr_rotate_batch_again(batch);
	else
		finish(step);
}

static void count_answer(struct step *step)
{
	if (atomic_fetch_sub(&step->unanswered, 1) == 1)
		sr_post(step->request->daemon->postbox, &step->settled);
}

/* On the index thread. `context` is the first of the operation's items. */
static void answered(void *context, enum sr_code result, size_t failed_check)
{
	struct sr_rotate_item *first = context;
	(void)failed_check;
	for (unsigned at = 0; at < first->together; at++)
		if (first[at].sealed)
			first[at].code = result;
	count_answer(first->batch->owner);
}

static void submit(struct step *step)
{
	struct sr_submission list[SR_ROTATE_STEP_MAX + 1];
	struct sr_rotate_batch *batch = step->batch;
	size_t count = 0;
	if (step->mark.op)
		list[count++] = (struct sr_submission){step->mark.op, &step->mark};
	step->mark.op = NULL;
	for (size_t at = 0; at < batch->count; at++) {
		struct sr_rotate_item *item = &batch->items[at];
		if (item->op)
			list[count++] = (struct sr_submission){item->op, item};
		item->op = NULL;
	}
	step->settled.run = settle;
	atomic_store(&step->unanswered, count + 1);
	sr_rotation_job(step->request->daemon->rotation, 1);
	sr_index_submit_all(step->request->daemon->index, list, count, answered);
	count_answer(step);
}

/* The rows behind these, for the step that will ask for them; unless there are none, or others have need of the pool.
 */
static void read_ahead(struct step *step)
{
	struct sr_daemon *daemon = step->request->daemon;
	struct sr_rotate_batch *batch = step->batch;
	if (batch->place.part != SR_PART_END)
		sr_rotation_read_ahead(daemon->rotation, &batch->order, &batch->place);
}

/* ---- the account ---- */

static void advance(struct step *step);

/*
 * The account hears of it before a row is changed, while the lanes seal; one mark stands for the whole batch, which is
 * one transaction.
 */
static void intend(struct sr_workers_job *job)
{
	struct step *step = job->data;
	struct sr_request *request = step->request;
	sr_account_count(request, "to", step->batch->to);
	sr_account_count(request, "rows", step->batch->count);
	if (sr_account_intent(request) != SR_OK)
		return;
	step->mark = (struct sr_rotate_item){.batch = step->batch, .op = sr_op_new()};
	if (!step->mark.op || !sr_account_mark(request, sr_no_patient, step->mark.op))
		(void)SR_FAIL_MEMORY(&request->error);
}

static void intended(struct sr_workers_job *job)
{
	struct step *step = job->data;
	sr_rotation_job(step->request->daemon->rotation, -1);
	step->intending = false;
	step->intended = true;
	advance(step);
}

/* Its batch, or its intent, has come further: do what is due now. */
static void advance(struct step *step)
{
	struct sr_request *request = step->request;
	struct sr_rotate_batch *batch = step->batch;
	if (batch->state == SR_ROTATE_READING)
		return;
	if (!step->intended && !step->intending && batch->count > 0 && batch->error.code == SR_OK) {
		step->intending = true;
		step->intent.data = step;
		sr_rotation_job(request->daemon->rotation, 1);
		step->intent.run = intend;
		step->intent.done = intended;
		sr_workers_run(request->daemon->pool, &step->intent);
	}
	if (step->intending || batch->state != SR_ROTATE_SEALED)
		return;
	if (batch->count == 0 || batch->error.code != SR_OK || request->error.code != SR_OK) {
		finish(step);
		return;
	}
	submit(step);
	if (batch->round == 0)
		read_ahead(step);
}

static void batch_told(struct sr_rotate_batch *batch)
{
	advance(batch->owner);
}

/* ---- the order ---- */

static void begin(struct sr_request *request)
{
	struct step *step = request->owner;
	step->batch->told = batch_told;
	if (step->batch->state == SR_ROTATE_NEW)
		sr_rotate_batch_start(step->batch);
	else
		advance(step);
}

/* What the message says, and whether this session may take a step now: its batch, which may have been read ahead. */
static enum sr_code take_order(struct sr_request *request, struct step *step)
{
	struct sr_cursor in = sr_request_fields(request);
	struct sr_rotation *rotation = request->daemon->rotation;
	struct sr_rotate_step order;
	struct sr_epoch_place place;
	bool begins;
	sr_rotate_step_decode(&in, &order);
	if (sr_request_decoded(request, &in) != SR_OK)
		return request->error.code;
	if (!sr_epoch_place_parse(order.place, &place))
		return SR_FAIL(&request->error, SR_USAGE, "this is no place that a step of a rotation gave");
	request->retry_ms = 1000;
	if (sr_rotation_take(rotation, request->session, &begins, &request->error) != SR_OK)
		return request->error.code;
	request->retry_ms = 0;
	step->batch = sr_rotation_ahead(rotation, &order, &place);
	/* One that was read ahead, and may be being read just now, is never a rotation's first. */
	if (!step->batch) {
		step->batch = sr_rotate_batch_new(request->daemon, &order, &place);
		if (!step->batch) {
			sr_rotation_stepped(rotation);
			return SR_FAIL_MEMORY(&request->error);
		}
		step->batch->begins = begins;
	}
	step->batch->owner = step;
	return SR_OK;
}

void sr_serve_rotate_step(struct sr_request *request)
{
	struct step *step = sr_request_own(request, sizeof *step);
	if (!step)
		return;
	if (take_order(request, step) != SR_OK) {
		free(step);
		sr_request_answer(request, false);
		return;
	}
	step->request = request;
	sr_rotation_wait(request->daemon->rotation, request, begin);
}
