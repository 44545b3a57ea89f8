/*
 * One rotation and one retirement at a time; both give way to recording and playback.
 */
#include "serve/epochs/rotation.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "account/log.h"
#include "message.h"
#include "serve/accounting/accounting.h"
#include "serve/budget.h"
#include "serve/epochs/epochs.h"
#include "serve/epochs/retire.h"
#include "serve/workers.h"

#define LEASE_MS 10000 /* a rotation that takes no step for so long is over */
#define WAIT_MS 100
#define EXPIRE_MS 60000 /* how often kept keys are looked at */

struct sr_rotation {
	struct sr_daemon *daemon;
	_Atomic bool stopping;
	/* Below: the loop's alone. */
	struct sr_session *holder; /* held; NULL: nobody rotates */
	uint64_t last_ms;          /* when its last step ended */
	bool stepping;
	struct sr_rotate_batch *ahead; /* for the holder's next step; NULL: none */
	unsigned jobs;                 /* of the daemon's, those of rotating itself */
	bool retiring;
	struct sr_request *waiting;
	sr_request_step *go;
	uint64_t waits_until;
	uint64_t expire_at;
	bool expiring;
	struct sr_workers_job expire_job;
};

/* A retirement that nobody asks for any more. */
struct resumed {
	struct sr_retiring retiring;
	struct sr_intent intent;
	struct sr_workers_job job;
};

struct sr_rotation *sr_rotation_new(struct sr_daemon *daemon)
{
	struct sr_rotation *rotation = calloc(1, sizeof *rotation);
	if (!rotation)
		return NULL;
	rotation->daemon = daemon;
	atomic_init(&rotation->stopping, false);
	return rotation;
}

void sr_rotation_free(struct sr_rotation *rotation)
{
	if (rotation)
		sr_rotate_batch_drop(rotation->ahead);
	free(rotation);
}

bool sr_rotation_stopping(struct sr_rotation *rotation)
{
	return atomic_load(&rotation->stopping);
}

/* ---- the lease ---- */

static void let_go(struct sr_rotation *rotation)
{
	sr_rotate_batch_drop(rotation->ahead);
	rotation->ahead = NULL;
	if (rotation->holder)
		sr_session_release(rotation->holder);
	rotation->holder = NULL;
}

void sr_rotation_stop(struct sr_rotation *rotation)
{
	atomic_store(&rotation->stopping, true);
	if (!rotation->stepping)
		let_go(rotation);
}

enum sr_code sr_rotation_take(struct sr_rotation *rotation, struct sr_session *session, bool *begins,
			      struct sr_error *err)
{
	*begins = rotation->holder != session;
	if (sr_rotation_stopping(rotation))
		return SR_FAIL(err, SR_UNAVAILABLE, "the daemon is ending");
	if (rotation->holder && rotation->holder != session && sr_session_stands(rotation->holder))
		return SR_FAIL(err, SR_BUSY, "a rotation by %s is under way",
			       sr_session_caller(rotation->holder)->name);
	if (rotation->stepping)
		return SR_FAIL(err, SR_BUSY, "a step of a rotation is under way");
	if (*begins) {
		let_go(rotation);
		rotation->holder = sr_session_hold(session);
	}
	rotation->stepping = true;
	return SR_OK;
}

void sr_rotation_stepped(struct sr_rotation *rotation)
{
	rotation->stepping = false;
	rotation->last_ms = sr_monotonic_ms();
	if (sr_rotation_stopping(rotation))
		let_go(rotation);
}

/* ---- giving way ---- */

unsigned sr_rotation_lanes(const struct sr_daemon *daemon)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned lanes = daemon->settings->config->pool_threads / 2;
	/* The index thread works beside them: more lanes than processors, each with fewer rows, end more nearly at
	 * once. */
	if (processors > 0 && lanes > 2 * (unsigned)processors)
		lanes = 2 * (unsigned)processors;
	if (lanes > SR_ROTATE_LANES_MAX)
		lanes = SR_ROTATE_LANES_MAX;
	return lanes > 0 ? lanes : 1;
}

static bool others_wait(const struct sr_rotation *rotation)
{
	const struct sr_daemon *daemon = rotation->daemon;
	return sr_flusher_waiting(daemon->flusher) > 0 ||
	       daemon->jobs - rotation->jobs > daemon->settings->config->pool_threads / 2;
}

void sr_rotation_job(struct sr_rotation *rotation, int change)
{
	rotation->jobs += (unsigned)change;
	rotation->daemon->jobs += (unsigned)change;
}

void sr_rotation_wait(struct sr_rotation *rotation, struct sr_request *request, sr_request_step *go)
{
	if (!others_wait(rotation)) {
		go(request);
		return;
	}
	rotation->daemon->jobs++;
	rotation->waiting = request;
	rotation->go = go;
	rotation->waits_until = sr_monotonic_ms() + WAIT_MS;
}

/* ---- reading ahead ---- */

void sr_rotation_read_ahead(struct sr_rotation *rotation, const struct sr_rotate_step *order,
			    const struct sr_epoch_place *place)
{
	struct sr_daemon *daemon = rotation->daemon;
	if (rotation->ahead || sr_rotation_stopping(rotation) || others_wait(rotation) ||
	    sr_budget_room(daemon) != SR_ROOM_PLENTY)
		return;
	rotation->ahead = sr_rotate_batch_new(daemon, order, place);
	if (rotation->ahead)
		sr_rotate_batch_start(rotation->ahead);
}

struct sr_rotate_batch *sr_rotation_ahead(struct sr_rotation *rotation, const struct sr_rotate_step *order,
					  const struct sr_epoch_place *place)
{
	struct sr_rotate_batch *batch = rotation->ahead;
	rotation->ahead = NULL;
	if (!batch || sr_rotate_batch_fits(batch, order, place))
		return batch;
	sr_rotate_batch_drop(batch);
	return NULL;
}

/* ---- kept keys ---- */

static void expire(struct sr_workers_job *job)
{
	struct sr_rotation *rotation = job->data;
	struct sr_error err = {.code = SR_OK};
	size_t gone;
	if (sr_keyring_kept_expire(rotation->daemon->keyring, sr_now_ms(), &gone, &err) != SR_OK)
		sr_log_error(SR_LOG_ERROR, "kept_keys", &err);
	else if (gone > 0)
		sr_log(SR_LOG_INFO, "kept_keys_gone",
		       "the time of retired keys that were kept for recovery has passed");
}

static void expired(struct sr_workers_job *job)
{
	struct sr_rotation *rotation = job->data;
	rotation->expiring = false;
	rotation->daemon->jobs--;
}

static void look_at_kept_keys(struct sr_rotation *rotation, uint64_t now)
{
	if (now < rotation->expire_at || rotation->expiring || sr_rotation_stopping(rotation))
		return;
	rotation->expire_at = now + EXPIRE_MS;
	rotation->expiring = true;
	rotation->expire_job.data = rotation;
	rotation->daemon->jobs++;
	rotation->expire_job.run = expire;
	rotation->expire_job.done = expired;
	sr_workers_run(rotation->daemon->pool, &rotation->expire_job);
}

void sr_rotation_tick(struct sr_rotation *rotation, uint64_t now)
{
	struct sr_request *request = rotation->waiting;
	if (request && (now >= rotation->waits_until || !others_wait(rotation))) {
		rotation->waiting = NULL;
		rotation->daemon->jobs--;
		rotation->go(request);
	}
	if (rotation->holder && !rotation->stepping &&
	    (!sr_session_stands(rotation->holder) || now > rotation->last_ms + LEASE_MS))
		let_go(rotation);
	look_at_kept_keys(rotation, now);
}

/* ---- retiring ---- */

enum sr_code sr_rotation_retire(struct sr_rotation *rotation, struct sr_error *err)
{
	if (sr_rotation_stopping(rotation))
		return SR_FAIL(err, SR_UNAVAILABLE, "the daemon is ending");
	if (rotation->retiring)
		return SR_FAIL(err, SR_BUSY, "an epoch is being retired");
	rotation->retiring = true;
	return SR_OK;
}

void sr_rotation_retired(struct sr_rotation *rotation)
{
	rotation->retiring = false;
}

void sr_retiring_log(const struct sr_retiring *retiring, const char *by)
{
	bool done = retiring->error.code == SR_OK;
	struct sr_log_line line;
	sr_log_begin(&line, done ? SR_LOG_INFO : SR_LOG_WARN, done ? "epoch_retired" : "epoch_not_retired");
	sr_log_number(&line, "epoch", retiring->number);
	sr_log_text(&line, "by", by);
	sr_log_number(&line, "recordings", retiring->recordings);
	sr_log_number(&line, "people", retiring->people);
	if (done) {
		sr_log_number(&line, "keyring_revision", retiring->keyring_revision);
		sr_log_number(&line, "kept_until_ms", retiring->kept_until_ms);
	} else {
		sr_log_text(&line, "code", sr_code_name(retiring->error.code));
		sr_log_text(&line, "text", retiring->error.text);
	}
	sr_log_end(&line);
}

/* The entry of a retirement that goes on by itself. */
static struct sr_audit_entry entry_of(struct sr_audit_count *counts)
{
	return (struct sr_audit_entry){.operation = sr_message_name(SR_MSG_EPOCH_RETIRE),
				       .reason = "goes on after a restart",
				       .counts = counts,
				       .count_count = 1};
}

static enum sr_code intend(void *context, struct sr_error *err)
{
	struct resumed *resumed = context;
	struct sr_audit_count counts[] = {{"epoch", resumed->retiring.number}};
	struct sr_audit_entry entry = entry_of(counts);
	return sr_intent(resumed->retiring.daemon->accounting, &entry, SR_AUDIT_CLOSING, &resumed->intent, err);
}

static bool mark(void *context, struct sr_op *op)
{
	struct resumed *resumed = context;
	return sr_intent_mark(&resumed->intent, sr_no_patient, op);
}

/* In the order of their names. */
static void conclude(struct resumed *resumed, bool applied)
{
	const struct sr_retiring *retiring = &resumed->retiring;
	struct sr_audit_count counts[] = {{"epoch", retiring->number},
					  {"keyring_revision", retiring->keyring_revision},
					  {"people", retiring->people},
					  {"recordings", retiring->recordings}};
	struct sr_audit_entry entry = entry_of(counts);
	entry.count_count = applied ? sizeof counts / sizeof *counts : 1;
	sr_outcome(retiring->daemon->accounting, &resumed->intent, &entry, applied);
}

static void prove(void *context, const struct sr_retiring *retiring)
{
	(void)retiring;
	conclude(context, true);
}

static void retire(struct sr_workers_job *job)
{
	struct resumed *resumed = job->data;
	sr_retire(&resumed->retiring);
	if (resumed->intent.made)
		conclude(resumed, false);
}

static void retired(struct sr_workers_job *job)
{
	struct resumed *resumed = job->data;
	struct sr_daemon *daemon = resumed->retiring.daemon;
	sr_retiring_log(&resumed->retiring, "");
	sr_rotation_retired(daemon->rotation);
	daemon->jobs--;
	free(resumed);
}

/* The first epoch that was being retired, SR_EPOCH_NONE if none was. */
static uint32_t closing_epoch(struct sr_daemon *daemon)
{
	uint32_t number = SR_EPOCH_NONE;
	struct sr_epochs *epochs = malloc(sizeof *epochs);
	if (!epochs)
		return number;
	sr_epoch_book_copy(daemon->epochs, epochs);
	for (size_t at = 0; at < epochs->count && number == SR_EPOCH_NONE; at++)
		if (epochs->list[at].state == SR_EPOCH_CLOSING)
			number = epochs->list[at].number;
	free(epochs);
	return number;
}

void sr_rotation_resume(struct sr_rotation *rotation)
{
	struct sr_daemon *daemon = rotation->daemon;
	uint32_t number = closing_epoch(daemon);
	struct resumed *resumed = number != SR_EPOCH_NONE ? calloc(1, sizeof *resumed) : NULL;
	if (!resumed)
		return;
	resumed->retiring = (struct sr_retiring){
		.daemon = daemon,
		.number = number,
		.no_backup = true, /* that was judged before it was closed */
		.horizon_ms = (uint64_t)daemon->settings->config->backup_horizon_s * 1000,
	};
	resumed->retiring.account = (struct sr_retiring_account){intend, mark, prove, resumed};
	resumed->job.data = resumed;
	rotation->retiring = true;
	daemon->jobs++;
	resumed->job.run = retire;
	resumed->job.done = retired;
	sr_workers_run(daemon->pool, &resumed->job);
}
