/*
 * rotate.step: so many rows from one epoch to another. A job of the pool reads them, a few lanes of the pool seal them
 * anew, and one batch of the index writes each that nobody has changed meanwhile.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "account/event.h"
#include "keys/rewrap.h"
#include "message_epoch.h"
#include "serve/accounting/account_request.h"
#include "serve/budget.h"
#include "serve/dispatch.h"
#include "serve/epochs/epoch_walk.h"
#include "serve/epochs/epochs.h"
#include "serve/epochs/rotation.h"

#define VIEWS_MAX 16 /* of one step: rows that need not move are passed over quickly */
#define PART 128     /* rows that a lane takes at a time; reads come between */
#define ROUNDS 4     /* how often a row that others change is tried */
#define STEP_MEMORY (4u << 20)
#define LANES_MAX 8

/* A row on its way. */
struct item {
	struct step *step;
	struct sr_index_key key;
	enum sr_epoch_part part;
	uint8_t *value; /* a copy of its own; NULL: it needs no more */
	size_t size;
	struct sr_op *op;
	enum sr_code code; /* what became of it: SR_OK moved, SR_NOT_FOUND gone or moved by others */
};

struct lane {
	uv_work_t job;
	struct step *step;
};

struct step {
	struct sr_request *request;
	struct sr_rotate_step order;
	struct sr_epoch_place place;
	bool begins; /* the first of its lease */
	struct sr_epoch_hold hold;
	uint32_t passed;
	struct item *items;
	size_t count;
	struct item mark; /* the intent's, in the batch of the first round */
	unsigned round;
	_Atomic size_t next; /* the first item that no lane has taken */
	struct lane lanes[LANES_MAX];
	unsigned lanes_at_work; /* and the intent's job */
	uv_work_t intent;
	_Atomic size_t unanswered; /* operations at the index, and one for who submits them */
	struct sr_post settled;
};

static void free_step(struct step *step)
{
	for (size_t at = 0; at < step->count; at++) {
		free(step->items[at].value);
		sr_op_free(step->items[at].op);
	}
	sr_op_free(step->mark.op);
	free(step->items);
	free(step);
}

/* ---- reading: on the pool ---- */

static bool wanted(const struct step *step, enum sr_epoch_part part, struct sr_span value)
{
	uint32_t epoch;
	bool known = part == SR_PART_PEOPLE ? sr_person_epoch(value, &epoch) : sr_recording_epoch(value, &epoch);
	/* What cannot be told, or is of no epoch, is left to the scrub and to whoever retires an epoch. */
	return known && epoch != step->order.to && epoch >= step->order.first && epoch <= step->order.last;
}

static bool take_copy(struct item *item, struct sr_span value)
{
	item->value = malloc(value.size);
	item->size = value.size;
	if (item->value)
		memcpy(item->value, value.data, value.size);
	return item->value != NULL;
}

static bool collect(void *context, const struct sr_epoch_met *met, bool *before)
{
	struct step *step = context;
	if (!met->tag || !wanted(step, met->part, met->value))
		return true;
	if (step->count == step->order.limit) {
		*before = true;
		return false;
	}
	struct item *item = &step->items[step->count];
	*item = (struct item){.step = step, .key = *met->key, .part = met->part, .code = SR_CONFLICT};
	if (!take_copy(item, met->value)) {
		*before = true;
		(void)SR_FAIL(&step->request->error, SR_INTERNAL, "memory is used up");
		return false;
	}
	step->count++;
	return true;
}

/* The epoch that rows go to, and what says that it takes them. */
static enum sr_code settle_target(struct step *step)
{
	struct sr_request *request = step->request;
	struct sr_epoch_book *book = request->daemon->epochs;
	struct sr_epochs *epochs = malloc(sizeof *epochs);
	if (!epochs)
		return SR_FAIL(&request->error, SR_INTERNAL, "memory is used up");
	/* The hold comes first: what the copy says is then as new, or the operations fail. */
	sr_epoch_book_hold(book, &step->hold);
	sr_epoch_book_copy(book, epochs);
	enum sr_code code = SR_OK;
	if (step->order.to == SR_EPOCH_NONE)
		step->order.to = step->hold.current;
	if (!sr_epochs_takes_wraps(epochs, step->order.to))
		code = SR_FAIL(&request->error, SR_CONFLICT, "epoch %u takes no new wraps", step->order.to);
	free(epochs);
	return code;
}

/*
 * The account hears of it before a row is changed, while the lanes seal; one mark stands for the whole batch, which is
 * one transaction.
 */
static void intend(uv_work_t *job)
{
	struct step *step = job->data;
	struct sr_request *request = step->request;
	sr_account_count(request, "to", step->order.to);
	sr_account_count(request, "rows", step->count);
	if (sr_account_intent(request) != SR_OK)
		return;
	step->mark = (struct item){.step = step, .op = sr_op_new()};
	if (!step->mark.op || !sr_account_mark(request, sr_no_patient, step->mark.op))
		(void)SR_FAIL(&request->error, SR_INTERNAL, "memory is used up");
}

static void read_rows(struct sr_request *request)
{
	struct step *step = request->owner;
	enum sr_code code = settle_target(step);
	if (code == SR_OK && step->begins && step->order.to != step->hold.current) {
		/* A backup that was taken before does not count for this epoch any more. */
		code = sr_epoch_book_back(request->daemon->epochs, step->order.to, sr_now_ms(), &request->error);
		if (code == SR_OK)
			code = settle_target(step);
	}
	step->items = code == SR_OK ? calloc(step->order.limit, sizeof *step->items) : NULL;
	if (code == SR_OK && !step->items)
		code = SR_FAIL(&request->error, SR_INTERNAL, "memory is used up");
	for (int views = 0; code == SR_OK && views < VIEWS_MAX && step->count < step->order.limit; views++) {
		if (step->place.part == SR_PART_END)
			break;
		code = sr_epoch_walk(request->daemon->index, &step->place, collect, step, &step->passed,
				     &request->error);
	}
}

/* Rows that others changed, as they are now. */
static void read_again(struct sr_request *request)
{
	struct step *step = request->owner;
	struct sr_view *view;
	if (settle_target(step) != SR_OK || sr_view_begin(request->daemon->index, &view, &request->error) != SR_OK)
		return;
	for (size_t at = 0; at < step->count; at++) {
		struct item *item = &step->items[at];
		struct sr_span value;
		if (item->code != SR_CONFLICT)
			continue;
		/* One that is gone is never made again. */
		if (sr_view_get(view, &item->key, &value) != SR_OK || !wanted(step, item->part, value))
			item->code = SR_NOT_FOUND;
		else if (!take_copy(item, value))
			item->code = SR_INTERNAL;
	}
	sr_view_end(view);
}

/* ---- sealing: on the pool, in lanes ---- */

/* The operation that puts the new row in the place of the very one it was made from. */
static struct sr_op *build(const struct item *item, const uint8_t *row, size_t size)
{
	struct sr_op *op = sr_op_new();
	bool is_person = item->part == SR_PART_PEOPLE;
	size_t own = is_person ? 0 : item->size - SR_ROW_MAC;
	if (op &&
	    sr_op_check(op, is_person ? SR_CHECK_EQUALS : SR_CHECK_SUFFIX, &item->key, item->value + own,
			item->size - own) &&
	    sr_epoch_guard(op, &item->step->hold) && sr_op_put(op, &item->key, row, size))
		return op;
	sr_op_free(op);
	return NULL;
}

static void rewrap(struct sr_rewrapper *rewrapper, struct item *item)
{
	struct sr_span value = {item->value, item->size};
	const uint8_t *key = item->key.bytes;
	uint8_t row[SR_ROW_MAX];
	size_t size;
	item->code = item->part == SR_PART_PEOPLE ? sr_person_rewrap(rewrapper, key, value, row, &size)
						  : sr_recording_rewrap(rewrapper, key + SR_TAG, value, row, &size);
	if (item->code == SR_OK) {
		item->op = build(item, row, size);
		item->code = item->op ? SR_CONFLICT : SR_INTERNAL;
	}
	free(item->value);
	item->value = NULL;
}

static void run_lane(uv_work_t *job)
{
	struct lane *lane = job->data;
	struct step *step = lane->step;
	struct sr_rewrapper rewrapper = {.keyring = step->request->daemon->keyring, .to = step->order.to};
	size_t from = atomic_fetch_add(&step->next, PART);
	for (size_t at = from; at < step->count && at < from + PART; at++)
		if (step->items[at].value)
			rewrap(&rewrapper, &step->items[at]);
	sr_rewrapper_wipe(&rewrapper);
}

/* ---- writing, and the answer: on the loop ---- */

static void finish(struct step *step)
{
	struct sr_request *request = step->request;
	struct sr_rotate_stepped reply = {.to = step->order.to, .passed = step->passed};
	uint8_t place[SR_ROTATE_PLACE_MAX];
	for (size_t at = 0; at < step->count; at++) {
		const struct item *item = &step->items[at];
		bool left = item->code != SR_OK && item->code != SR_NOT_FOUND;
		reply.moved += item->code == SR_OK;
		if (left && reply.left++ == 0 && item->part == SR_PART_RECORDINGS)
			memcpy(reply.recording, item->key.bytes + SR_TAG, SR_UUID);
	}
	sr_count(SR_COUNT_ROTATED, reply.moved);
	if (reply.moved > 0)
		sr_account_applied(request);
	sr_account_count(request, "moved", reply.moved);
	reply.place = (struct sr_span){place, sr_epoch_place_encode(&step->place, place)};
	reply.progress = sr_epoch_place_progress(&step->place);
	if (request->error.code == SR_OK &&
	    sr_request_reply(request, SR_MSG_ROTATE_STEPPED, 4 + 2 + sizeof place + 2 + 12 + SR_UUID))
		sr_rotate_stepped_encode(&request->reply.fields, &reply);
	sr_rotation_stepped(request->daemon->rotation);
	free_step(step);
	sr_request_answer(request, false);
}

static void have_read(struct sr_request *request);

/* Those rows that met a change are tried again. */
static void settle(struct sr_post *post)
{
	struct step *step = (struct step *)((char *)post - offsetof(struct step, settled));
	bool again = false;
	step->request->daemon->jobs--;
	for (size_t at = 0; at < step->count && !again; at++)
		again = step->items[at].code == SR_CONFLICT;
	if (again && ++step->round < ROUNDS)
		sr_request_start(step->request, read_again, have_read);
	else
		finish(step);
}

static void count_answer(struct step *step)
{
	if (atomic_fetch_sub(&step->unanswered, 1) == 1)
		sr_post(step->request->daemon->postbox, &step->settled);
}

/* On the index thread. */
static void answered(void *context, enum sr_code result, size_t failed_check)
{
	struct item *item = context;
	(void)failed_check;
	item->code = result;
	count_answer(item->step);
}

static void submit(struct step *step)
{
	struct sr_submission list[SR_ROTATE_STEP_MAX + 1];
	size_t count = 0;
	if (step->mark.op)
		list[count++] = (struct sr_submission){step->mark.op, &step->mark};
	step->mark.op = NULL;
	for (size_t at = 0; at < step->count; at++) {
		struct item *item = &step->items[at];
		if (item->op)
			list[count++] = (struct sr_submission){item->op, item};
		item->op = NULL;
	}
	step->settled.run = settle;
	atomic_store(&step->unanswered, count + 1);
	step->request->daemon->jobs++;
	sr_index_submit_all(step->request->daemon->index, list, count, answered);
	count_answer(step);
}

/* One of those at work has ended: the last hands the rows over, if the account has heard of them. */
static void one_less(struct step *step)
{
	step->request->daemon->jobs--;
	if (--step->lanes_at_work > 0)
		return;
	if (step->request->error.code == SR_OK)
		submit(step);
	else
		finish(step);
}

static void intended(uv_work_t *job, int status)
{
	(void)status;
	one_less(job->data);
}

/* Between two parts a lane goes to the end of the pool's queue, where reads may have come before it. */
static void lane_done(uv_work_t *job, int status)
{
	struct lane *lane = job->data;
	struct step *step = lane->step;
	(void)status;
	if (atomic_load(&step->next) < step->count) {
		uv_queue_work(step->request->daemon->loop, job, run_lane, lane_done);
		return;
	}
	one_less(step);
}

static void have_read(struct sr_request *request)
{
	struct step *step = request->owner;
	size_t parts = (step->count + PART - 1) / PART;
	unsigned lanes = sr_rotation_lanes(request->daemon);
	if (request->error.code != SR_OK || parts == 0) {
		finish(step);
		return;
	}
	if (lanes > parts)
		lanes = (unsigned)parts;
	atomic_store(&step->next, 0);
	lanes = lanes < LANES_MAX ? lanes : LANES_MAX;
	step->lanes_at_work = lanes;
	if (step->round == 0) {
		step->lanes_at_work++;
		step->intent.data = step;
		request->daemon->jobs++;
		uv_queue_work(request->daemon->loop, &step->intent, intend, intended);
	}
	for (unsigned at = 0; at < lanes; at++) {
		step->lanes[at] = (struct lane){.step = step};
		step->lanes[at].job.data = &step->lanes[at];
		request->daemon->jobs++;
		uv_queue_work(request->daemon->loop, &step->lanes[at].job, run_lane, lane_done);
	}
}

static void begin(struct sr_request *request)
{
	sr_request_start(request, read_rows, have_read);
}

/* What the message says, and whether this session may take a step now. */
static enum sr_code take_order(struct sr_request *request, struct step *step)
{
	struct sr_cursor in = sr_request_fields(request);
	sr_rotate_step_decode(&in, &step->order);
	if (!sr_take_done(&in))
		return sr_request_malformed(request);
	if (!sr_epoch_place_parse(step->order.place, &step->place))
		return SR_FAIL(&request->error, SR_USAGE, "this is no place that a step of a rotation gave");
	request->retry_ms = 1000;
	return sr_rotation_take(request->daemon->rotation, request->session, &step->begins, &request->error);
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
	request->retry_ms = 0;
	step->request = request;
	sr_budget_set(request->daemon, &request->memory, request->memory + STEP_MEMORY);
	sr_rotation_wait(request->daemon->rotation, request, begin);
}
