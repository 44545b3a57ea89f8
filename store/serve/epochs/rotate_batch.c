/*
 * The rows of one step of a rotation. A job of the pool reads them, then a few lanes of the pool seal them anew.
 */
#include "serve/epochs/rotate_batch.h"

#include <stdlib.h>
#include <string.h>

#include "keys/rewrap.h"
#include "serve/budget.h"
#include "serve/epochs/rotation.h"

#define VIEWS_MAX 16    /* of one batch: rows that need not move are passed over quickly */
#define PART 128        /* rows that a lane takes at a time; reads come between */
#define TOGETHER_MAX 16 /* rows of one patient in one operation */
#define ROW_ROOM 512    /* of what a row takes, at first */
#define BATCH_MEMORY (4u << 20)

struct sr_rotate_batch *sr_rotate_batch_new(struct sr_daemon *daemon, const struct sr_rotate_step *order,
					    const struct sr_epoch_place *from)
{
	struct sr_rotate_batch *batch = calloc(1, sizeof *batch);
	if (!batch)
		return NULL;
	batch->daemon = daemon;
	batch->order = *order;
	batch->order.place = (struct sr_span){NULL, 0};
	batch->from = batch->place = *from;
	sr_epoch_book_hold(daemon->epochs, &batch->known);
	atomic_init(&batch->next, 0);
	sr_budget_set(daemon, &batch->memory, BATCH_MEMORY);
	return batch;
}

void sr_rotate_batch_drop(struct sr_rotate_batch *batch)
{
	if (!batch)
		return;
	batch->dropped = true;
	batch->told = NULL;
	if (batch->at_work > 0)
		return;
	for (size_t at = 0; at < batch->count; at++)
		sr_op_free(batch->items[at].op);
	sr_budget_set(batch->daemon, &batch->memory, 0);
	free(batch->bytes);
	free(batch->items);
	free(batch);
}

static bool same_place(const struct sr_epoch_place *one, const struct sr_epoch_place *other)
{
	return one->part == other->part && one->after.size == other->after.size &&
	       memcmp(one->after.bytes, other->after.bytes, one->after.size) == 0;
}

bool sr_rotate_batch_fits(const struct sr_rotate_batch *batch, const struct sr_rotate_step *order,
			  const struct sr_epoch_place *from)
{
	const struct sr_rotate_step *own = &batch->order;
	struct sr_epoch_hold now;
	sr_epoch_book_hold(batch->daemon->epochs, &now);
	return order->to == own->to && order->first == own->first && order->last == own->last &&
	       order->limit == own->limit && same_place(from, &batch->from) &&
	       memcmp(now.mac, batch->known.mac, sizeof now.mac) == 0 &&
	       (batch->state != SR_ROTATE_SEALED || batch->error.code == SR_OK);
}

/* ---- reading: on the pool ---- */

static bool wanted(const struct sr_rotate_batch *batch, enum sr_epoch_part part, struct sr_span value)
{
	uint32_t epoch;
	bool known = part == SR_PART_PEOPLE ? sr_person_epoch(value, &epoch) : sr_recording_epoch(value, &epoch);
	/* What cannot be told, or is of no epoch, is left to the scrub and to whoever retires an epoch. */
	return known && epoch != batch->to && epoch >= batch->order.first && epoch <= batch->order.last;
}

static bool take_copy(struct sr_rotate_item *item, struct sr_span value)
{
	struct sr_rotate_batch *batch = item->batch;
	if (batch->used + value.size > batch->room) {
		size_t room = 2 * (batch->room + value.size);
		uint8_t *bytes = realloc(batch->bytes, room);
		if (!bytes)
			return false;
		batch->bytes = bytes;
		batch->room = room;
	}
	memcpy(batch->bytes + batch->used, value.data, value.size);
	item->at = batch->used;
	item->size = value.size;
	batch->used += value.size;
	return true;
}

static bool collect(void *context, const struct sr_epoch_met *met, bool *before)
{
	struct sr_rotate_batch *batch = context;
	if (!met->tag || !wanted(batch, met->part, met->value))
		return true;
	if (batch->count == batch->order.limit) {
		*before = true;
		return false;
	}
	struct sr_rotate_item *item = &batch->items[batch->count];
	*item = (struct sr_rotate_item){.batch = batch, .key = *met->key, .part = met->part, .code = SR_CONFLICT};
	if (!take_copy(item, met->value)) {
		*before = true;
		(void)SR_FAIL_MEMORY(&batch->error);
		return false;
	}
	batch->count++;
	return true;
}

/* The epoch that rows go to, and what says that it takes them. */
static enum sr_code settle_target(struct sr_rotate_batch *batch)
{
	struct sr_epoch_book *book = batch->daemon->epochs;
	struct sr_epochs *epochs = malloc(sizeof *epochs);
	if (!epochs)
		return SR_FAIL_MEMORY(&batch->error);
	/* The hold comes first: what the copy says is then as new, or the operations fail. */
	sr_epoch_book_hold(book, &batch->hold);
	sr_epoch_book_copy(book, epochs);
	enum sr_code code = SR_OK;
	if (batch->to == SR_EPOCH_NONE)
		batch->to = batch->order.to != SR_EPOCH_NONE ? batch->order.to : batch->hold.current;
	if (!sr_epochs_takes_wraps(epochs, batch->to))
		code = SR_FAIL(&batch->error, SR_CONFLICT, "epoch %u takes no new wraps", batch->to);
	free(epochs);
	return code;
}

static bool make_room(struct sr_rotate_batch *batch)
{
	batch->items = calloc(batch->order.limit, sizeof *batch->items);
	batch->room = (size_t)batch->order.limit * ROW_ROOM;
	batch->bytes = malloc(batch->room);
	return batch->items && batch->bytes;
}

static void read_rows(struct sr_rotate_batch *batch)
{
	struct sr_index *index = batch->daemon->index;
	enum sr_code code = settle_target(batch);
	if (code == SR_OK && batch->begins && batch->to != batch->hold.current) {
		/* A backup that was taken before does not count for this epoch any more. */
		code = sr_epoch_book_back(batch->daemon->epochs, batch->to, sr_now_ms(), &batch->error);
		if (code == SR_OK)
			code = settle_target(batch);
	}
	if (code == SR_OK && !make_room(batch))
		code = SR_FAIL_MEMORY(&batch->error);
	for (int views = 0; code == SR_OK && views < VIEWS_MAX && batch->count < batch->order.limit; views++) {
		if (batch->place.part == SR_PART_END)
			break;
		code = sr_epoch_walk(index, &batch->place, collect, batch, &batch->passed, &batch->error);
	}
}

/* Rows that others changed, as they are now. */
static void read_again(struct sr_rotate_batch *batch)
{
	struct sr_view *view;
	if (settle_target(batch) != SR_OK || sr_view_begin(batch->daemon->index, &view, &batch->error) != SR_OK)
		return;
	for (size_t at = 0; at < batch->count; at++) {
		struct sr_rotate_item *item = &batch->items[at];
		struct sr_span value;
		if (item->code != SR_CONFLICT)
			continue;
		/* One that is gone is never made again. */
		if (sr_view_get(view, &item->key, &value) != SR_OK || !wanted(batch, item->part, value))
			item->code = SR_NOT_FOUND;
		else if (!take_copy(item, value))
			item->code = SR_INTERNAL;
	}
	sr_view_end(view);
}

/* ---- sealing: on the pool, in lanes ---- */

/* Have `op` put the new row in the place of the very one it was made from. */
static bool replace(struct sr_op *op, const struct sr_rotate_item *item, const uint8_t *row, size_t size)
{
	bool is_person = item->part == SR_PART_PEOPLE;
	const uint8_t *value = item->batch->bytes + item->at;
	size_t own = is_person ? 0 : item->size - SR_ROW_MAC;
	return sr_op_check(op, is_person ? SR_CHECK_EQUALS : SR_CHECK_SUFFIX, &item->key, value + own,
			   item->size - own) &&
	       sr_op_put(op, &item->key, row, size);
}

/* Seal one row into `op`. What cannot be sealed is no part of the operation; false: the operation cannot be built. */
static bool rewrap(struct sr_rewrapper *rewrapper, struct sr_rotate_item *item, struct sr_op *op)
{
	struct sr_span value = {item->batch->bytes + item->at, item->size};
	const uint8_t *key = item->key.bytes;
	uint8_t row[SR_ROW_MAX];
	size_t size;
	item->code = item->part == SR_PART_PEOPLE ? sr_person_rewrap(rewrapper, key, value, row, &size)
						  : sr_recording_rewrap(rewrapper, key + SR_TAG, value, row, &size);
	item->sealed = item->code == SR_OK;
	if (!item->sealed)
		return true;
	item->code = SR_CONFLICT;
	return replace(op, item, row, size);
}

/*
 * How many items from `at` on, and before `end`, go into one operation: rows of one patient, as an operation is of one
 * patient; and each by itself once one of them was changed by others, or the others would fail with it again.
 */
static unsigned run_of(const struct sr_rotate_batch *batch, size_t at, size_t end)
{
	const struct sr_rotate_item *first = &batch->items[at];
	unsigned count = 1;
	while (batch->round == 0 && count < TOGETHER_MAX && at + count < end && first[count].part == first->part &&
	       memcmp(first[count].key.bytes, first->key.bytes, SR_TAG) == 0)
		count++;
	return count;
}

static void seal_together(struct sr_rewrapper *rewrapper, struct sr_rotate_item *first, unsigned count)
{
	struct sr_op *op = sr_op_new();
	bool built = op && sr_epoch_guard(op, &first->batch->hold);
	unsigned sealed = 0;
	first->together = count;
	for (unsigned at = 0; at < count; at++) {
		struct sr_rotate_item *item = &first[at];
		built = built && rewrap(rewrapper, item, op);
		sealed += item->sealed;
		item->size = 0;
	}
	if (built && sealed > 0) {
		first->op = op;
		return;
	}
	sr_op_free(op);
	for (unsigned at = 0; at < count && !built; at++)
		first[at].code = SR_INTERNAL;
}

static void run_lane(struct sr_workers_job *job)
{
	struct sr_rotate_lane *lane = job->data;
	struct sr_rotate_batch *batch = lane->batch;
	struct sr_rewrapper rewrapper = {.keyring = batch->daemon->keyring, .to = batch->to};
	size_t from = atomic_fetch_add(&batch->next, PART);
	size_t end = from + PART < batch->count ? from + PART : batch->count;
	for (size_t at = from; at < end;) {
		unsigned count = run_of(batch, at, end);
		if (batch->items[at].size > 0)
			seal_together(&rewrapper, &batch->items[at], count);
		at += count;
	}
	sr_rewrapper_wipe(&rewrapper);
}

/* ---- from one to the other: on the loop ---- */

/* True if it goes on: one that nobody wants any more ends with its last job. */
static bool job_ended(struct sr_rotate_batch *batch)
{
	batch->at_work--;
	sr_rotation_job(batch->daemon->rotation, -1);
	if (batch->dropped && batch->at_work == 0)
		sr_rotate_batch_drop(batch);
	else
		return !batch->dropped;
	return false;
}

static void queue(struct sr_rotate_batch *batch, struct sr_workers_job *job, sr_workers_step *run,
		  sr_workers_step *done)
{
	batch->at_work++;
	sr_rotation_job(batch->daemon->rotation, 1);
	job->run = run;
	job->done = done;
	sr_workers_run(batch->daemon->pool, job);
}

static void enter(struct sr_rotate_batch *batch, enum sr_rotate_state state)
{
	batch->state = state;
	if (batch->told)
		batch->told(batch);
}

/* Between two parts a lane goes to the end of the pool's queue, where reads may have come before it. */
static void lane_done(struct sr_workers_job *job)
{
	struct sr_rotate_lane *lane = job->data;
	struct sr_rotate_batch *batch = lane->batch;
	if (!job_ended(batch))
		return;
	if (atomic_load(&batch->next) < batch->count)
		queue(batch, job, run_lane, lane_done);
	else if (batch->at_work == 0)
		enter(batch, SR_ROTATE_SEALED);
}

static void have_read(struct sr_workers_job *job)
{
	struct sr_rotate_batch *batch = job->data;
	size_t parts = (batch->count + PART - 1) / PART;
	unsigned lanes = sr_rotation_lanes(batch->daemon);
	if (!job_ended(batch))
		return;
	if (batch->error.code != SR_OK || parts == 0) {
		enter(batch, SR_ROTATE_SEALED);
		return;
	}
	lanes = lanes < parts ? lanes : (unsigned)parts;
	atomic_store(&batch->next, 0);
	for (unsigned at = 0; at < lanes && at < SR_ROTATE_LANES_MAX; at++) {
		batch->lanes[at].batch = batch;
		batch->lanes[at].job.data = &batch->lanes[at];
		queue(batch, &batch->lanes[at].job, run_lane, lane_done);
	}
	enter(batch, SR_ROTATE_SEALING);
}

static void run_reading(struct sr_workers_job *job)
{
	struct sr_rotate_batch *batch = job->data;
	if (batch->round == 0)
		read_rows(batch);
	else
		read_again(batch);
}

void sr_rotate_batch_start(struct sr_rotate_batch *batch)
{
	batch->state = SR_ROTATE_READING;
	batch->reading.data = batch;
	queue(batch, &batch->reading, run_reading, have_read);
}

void sr_rotate_batch_again(struct sr_rotate_batch *batch)
{
	batch->round++;
	sr_rotate_batch_start(batch);
}
