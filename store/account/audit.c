/*
 * Appending to the audit log: what is submitted waits in one queue, and one thread at a time makes it durable, group by
 * group.
 */
#include "account/audit.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "account/audit_internal.h"
#include "account/log.h"
#include "audit_entry_form.h"
#include "data/thread.h"

#define GROUP_MAX (1u << 20) /* bytes of one write */
#define RECORD_MAX (SR_RECORD_HEAD + SR_AUDIT_ENTRY_MAX)
#define FULL_LOOK_MS 1000 /* how often the writer looks whether there is room again */

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- submitting ---- */

enum sr_code sr_audit_leave(struct sr_audit *audit, const struct sr_audit_entry *entry, enum sr_audit_class class,
			    sr_audit_done *done, void *context, struct sr_error *err)
{
	uint8_t tail[SR_AUDIT_TAIL_MAX];
	struct sr_builder out = sr_builder_over(tail, sizeof tail - (entry->behind ? SR_AUDIT_OF_MAX : 0));
	size_t of_at;
	enum sr_code code = sr_audit_entry_tail(entry, &out, &of_at, err);
	size_t size = out.used;
	if (code == SR_OK && entry->behind)
		code = sr_audit_entry_tail(entry->behind, &out, &of_at, err);
	if (code != SR_OK)
		return code;
	struct sr_audit_item *item = malloc(sizeof *item + out.used);
	if (!item)
		return SR_FAIL_MEMORY(err);
	*item = (struct sr_audit_item){.done = done,
				       .context = context,
				       .class = class,
				       .size = size,
				       .behind = out.used - size,
				       .of_at = entry->behind ? of_at : 0};
	memcpy(item->tail, tail, out.used);
	pthread_mutex_lock(&audit->lock);
	*audit->last = item;
	audit->last = &item->next;
	pthread_mutex_unlock(&audit->lock);
	return SR_OK;
}

void sr_audit_hurry(struct sr_audit *audit)
{
	pthread_mutex_lock(&audit->lock);
	bool any = audit->first != NULL;
	audit->wanted = any;
	pthread_mutex_unlock(&audit->lock);
	if (any)
		pthread_cond_signal(&audit->submitted);
}

enum sr_code sr_audit_submit(struct sr_audit *audit, const struct sr_audit_entry *entry, enum sr_audit_class class,
			     sr_audit_done *done, void *context, struct sr_error *err)
{
	enum sr_code code = sr_audit_leave(audit, entry, class, done, context, err);
	if (code == SR_OK)
		sr_audit_hurry(audit);
	return code;
}

/* Somebody who waits for an entry. */
struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t told;
	bool done;
	enum sr_code result;
	uint64_t number;
	struct sr_error *err;
};

static void tell_waiter(void *context, enum sr_code result, uint64_t number, const struct sr_error *err)
{
	struct waiter *waiter = context;
	pthread_mutex_lock(&waiter->lock);
	waiter->done = true;
	waiter->result = result;
	waiter->number = number;
	if (result != SR_OK && waiter->err)
		*waiter->err = *err;
	/* Under the lock: the waiter is gone once it has it. */
	pthread_cond_signal(&waiter->told);
	pthread_mutex_unlock(&waiter->lock);
}

enum sr_code sr_audit_append(struct sr_audit *audit, const struct sr_audit_entry *entry, enum sr_audit_class class,
			     uint64_t *number, struct sr_error *err)
{
	struct waiter waiter = {.lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER, .err = err};
	enum sr_code code = sr_audit_submit_here(audit, entry, class, tell_waiter, &waiter, err);
	if (code != SR_OK)
		return code;
	pthread_mutex_lock(&waiter.lock);
	while (!waiter.done)
		pthread_cond_wait(&waiter.told, &waiter.lock);
	pthread_mutex_unlock(&waiter.lock);
	(void)pthread_cond_destroy(&waiter.told);
	(void)pthread_mutex_destroy(&waiter.lock);
	if (number && waiter.result == SR_OK)
		*number = waiter.number;
	return waiter.result;
}

/* ---- the writer's thread ---- */

/* One group: what has been taken from the queue, in order, and its bytes. */
struct group {
	struct sr_audit_item *first;
	struct sr_audit_item **last;
	size_t used;
	uint64_t next; /* the number of the next entry */
	struct sr_error refused;
	struct sr_error failed;
};

/* Is there room for `size` more bytes for this class? */
static bool has_room(struct sr_audit *audit, uint64_t size, enum sr_audit_class class, struct sr_error *err)
{
	return sr_audit_room(audit, audit->end + size + (class == SR_AUDIT_ORDINARY ? audit->reserve : 0), err);
}

static void say_full(struct sr_audit *audit, bool full)
{
	if (atomic_exchange(&audit->full, full) == full)
		return;
	if (full)
		sr_log(SR_LOG_ALARM, "audit_full", "the disk of the audit log is full: only its reserve is left");
	else
		sr_log(SR_LOG_WARN, "audit_room", "the audit log has room again");
}

/* The most bytes that an item's records take. */
static size_t most_of(const struct sr_audit_item *item)
{
	size_t one = SR_RECORD_HEAD + SR_AUDIT_HEAD_MAX;
	return item->size + one + (item->behind ? item->behind + SR_AUDIT_OF_MAX + one : 0);
}

/*
 * Put the record of entry `number` into the group's bytes, at *used, which grows: head, `front`, `back`. Where there is
 * a `back`, the entry is of the one before it, which is said in between.
 */
static bool put_record(struct sr_audit *audit, struct sr_span front, struct sr_span back, uint64_t number, size_t *used)
{
	uint8_t *record = audit->group + *used;
	struct sr_builder json = sr_builder_over(record + SR_RECORD_HEAD, SR_AUDIT_ENTRY_MAX);
	sr_audit_entry_head(&json, number, now_ms());
	sr_put_bytes(&json, front.data, front.size);
	if (back.size > 0) {
		sr_audit_entry_of(&json, number - 1);
		sr_put_bytes(&json, back.data, back.size);
	}
	sr_record_head(number, record + SR_RECORD_HEAD, json.used, record);
	if (!sr_positions_add(&audit->positions, number, audit->end + *used))
		return false;
	*used += SR_RECORD_HEAD + json.used;
	return true;
}

/* Put an item's records into the group's bytes, or give it its refusal. */
static void place(struct sr_audit *audit, struct group *group, struct sr_audit_item *item)
{
	size_t used = group->used;
	if (!has_room(audit, used + most_of(item), item->class, &group->refused)) {
		item->result = SR_FAIL(&group->refused, SR_NO_SPACE, "the disk of the audit log is full");
		say_full(audit, true);
		return;
	}
	if (item->class == SR_AUDIT_ORDINARY)
		say_full(audit, false);
	item->number = group->next;
	const uint8_t *second = item->tail + item->size;
	struct sr_span first = {item->tail, item->size}, none = {NULL, 0}, front = {second, item->of_at},
		       back = {second + item->of_at, item->behind - item->of_at};
	if (!put_record(audit, first, none, item->number, &used) ||
	    (item->behind && !put_record(audit, front, back, item->number + 1, &used))) {
		item->result = SR_FAIL_MEMORY(&group->refused);
		return;
	}
	group->next += item->behind ? 2 : 1;
	group->used = used;
}

static void fail(struct sr_audit *audit, struct group *group, enum sr_code code)
{
	for (struct sr_audit_item *item = group->first; item; item = item->next)
		if (item->result == SR_OK)
			item->result = code;
	if (!atomic_exchange(&audit->failed, true))
		sr_log_error(SR_LOG_ALARM, "audit_failed", &group->failed);
	sr_positions_cut(&audit->positions, (audit->size + SR_POSITION_STEP - 1) / SR_POSITION_STEP);
}

/* Make the group durable: one write, one sync. What fails is never tried again, as the kernel forgets what it lost. */
static void commit(struct sr_audit *audit, struct group *group)
{
	enum sr_code code = SR_OK;
	if (atomic_load(&audit->failed)) {
		code = SR_FAIL(&group->failed, SR_IO,
			       "the audit log failed before; nothing is done unlogged until a restart");
	} else {
		group->used = 0;
		group->next = audit->size;
		for (struct sr_audit_item *item = group->first; item; item = item->next)
			place(audit, group, item);
		if (group->used > 0)
			code = sr_records_put(audit->fd, audit->group, group->used, audit->end, &group->failed);
		if (code == SR_OK && group->used > 0 && !audit->not_synced &&
		    TEMP_FAILURE_RETRY(fdatasync(audit->fd)) != 0)
			code = SR_FAIL(&group->failed, SR_IO, "the audit log cannot be synced: %s",
				       strerrordesc_np(errno));
		code = code == SR_OK ? SR_OK : SR_IO;
		group->failed.code = code;
	}
	if (code != SR_OK) {
		fail(audit, group, code);
		return;
	}
	pthread_mutex_lock(&audit->lock);
	audit->end += group->used;
	audit->size = group->next;
	if (audit->sealer_idle || sr_audit_room_short(audit))
		pthread_cond_signal(&audit->durable);
	audit->sealer_idle = false;
	pthread_mutex_unlock(&audit->lock);
}

static void answer(struct group *group)
{
	struct sr_audit_item *next;
	for (struct sr_audit_item *item = group->first; item; item = next) {
		next = item->next;
		item->done(item->context, item->result, item->number,
			   item->result == SR_IO ? &group->failed : &group->refused);
		free(item);
	}
}

/* Move items whose records fit into one write from the queue to the group. Under the lock. */
static void take(struct sr_audit *audit, struct group *group)
{
	size_t bytes = 0;
	memset(group, 0, sizeof *group);
	group->last = &group->first;
	while (audit->first) {
		struct sr_audit_item *item = audit->first;
		bytes += most_of(item);
		if (bytes > GROUP_MAX)
			break;
		audit->first = item->next;
		item->next = NULL;
		*group->last = item;
		group->last = &item->next;
	}
	if (!audit->first) {
		audit->last = &audit->first;
		audit->wanted = false;
	}
}

/* Write what waits, while nobody else does. Under the lock, which is let go meanwhile. */
static void write_group(struct sr_audit *audit)
{
	struct group group;
	audit->busy = true;
	take(audit, &group);
	pthread_mutex_unlock(&audit->lock);
	commit(audit, &group);
	answer(&group);
	pthread_mutex_lock(&audit->lock);
	audit->busy = false;
}

enum sr_code sr_audit_submit_here(struct sr_audit *audit, const struct sr_audit_entry *entry, enum sr_audit_class class,
				  sr_audit_done *done, void *context, struct sr_error *err)
{
	enum sr_code code = sr_audit_leave(audit, entry, class, done, context, err);
	if (code != SR_OK)
		return code;
	pthread_mutex_lock(&audit->lock);
	audit->wanted = audit->first != NULL;
	if (audit->wanted && !audit->busy)
		write_group(audit);
	bool more = (audit->wanted && !audit->busy) || audit->writer_stops;
	pthread_mutex_unlock(&audit->lock);
	if (more)
		pthread_cond_signal(&audit->submitted);
	return SR_OK;
}

/* Wait for work. While the log is full, look now and then whether it still is. */
static void wait_for_work(struct sr_audit *audit)
{
	if (!atomic_load(&audit->full)) {
		pthread_cond_wait(&audit->submitted, &audit->lock);
		return;
	}
	struct timespec until = sr_thread_deadline(FULL_LOOK_MS);
	if (pthread_cond_timedwait(&audit->submitted, &audit->lock, &until) != ETIMEDOUT || audit->busy)
		return;
	audit->busy = true;
	pthread_mutex_unlock(&audit->lock);
	if (has_room(audit, RECORD_MAX, SR_AUDIT_ORDINARY, NULL))
		say_full(audit, false);
	pthread_mutex_lock(&audit->lock);
	audit->busy = false;
}

static void *write_groups(void *context)
{
	sr_thread_is("account", 0);
	struct sr_audit *audit = context;
	pthread_mutex_lock(&audit->lock);
	while (audit->first || audit->busy || !audit->writer_stops) {
		if (audit->busy || (!audit->wanted && !audit->writer_stops))
			wait_for_work(audit);
		else
			write_group(audit);
	}
	pthread_mutex_unlock(&audit->lock);
	return NULL;
}

/* ---- beginning, end, facts ---- */

enum sr_code sr_audit_start(struct sr_audit *audit, struct sr_error *err)
{
	audit->group = malloc(GROUP_MAX + RECORD_MAX);
	audit->writing = audit->group && sr_thread_start(&audit->writer, write_groups, audit);
	audit->sealing = audit->writing && sr_thread_start(&audit->sealer, sr_audit_sealer, audit);
	return audit->sealing ? SR_OK : SR_FAIL(err, SR_INTERNAL, "memory or threads are used up");
}

void sr_audit_stop(struct sr_audit *audit)
{
	pthread_mutex_lock(&audit->lock);
	audit->writer_stops = true;
	pthread_mutex_unlock(&audit->lock);
	pthread_cond_signal(&audit->submitted);
	if (audit->writing)
		(void)pthread_join(audit->writer, NULL);
	pthread_mutex_lock(&audit->lock);
	audit->sealer_stops = true;
	pthread_mutex_unlock(&audit->lock);
	pthread_cond_signal(&audit->durable);
	if (audit->sealing)
		(void)pthread_join(audit->sealer, NULL);
	audit->writing = audit->sealing = false;
	free(audit->group);
	audit->group = NULL;
}

enum sr_code sr_audit_ready(const struct sr_audit *audit)
{
	if (atomic_load(&audit->failed))
		return SR_IO;
	return atomic_load(&audit->full) ? SR_NO_SPACE : SR_OK;
}

uint64_t sr_audit_size(const struct sr_audit *audit)
{
	/* The lock is not part of what the log is. */
	struct sr_audit *own = (struct sr_audit *)(uintptr_t)audit;
	pthread_mutex_lock(&own->lock);
	uint64_t size = own->size;
	pthread_mutex_unlock(&own->lock);
	return size;
}

void sr_audit_checkpoint(struct sr_audit *audit, char text[SR_CHECKPOINT_MAX])
{
	pthread_mutex_lock(&audit->lock);
	memcpy(text, audit->checkpoint, SR_CHECKPOINT_MAX);
	pthread_mutex_unlock(&audit->lock);
}
