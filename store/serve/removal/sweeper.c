/*
 * The sweeper: a thread that brings to its end what is doomed, in the order of time, when its window is over.
 */
#include "serve/removal/sweeper.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "account/event.h"
#include "account/log.h"
#include "data/thread.h"
#include "serve/daemon.h"
#include "serve/removal/erasure.h"
#include "serve/removal/removal_internal.h"

#define NICE 19
#define AGAIN_MS 60000 /* until what could not be removed is tried again, and until clocks are looked at again */
#define REST_MOST_MS 1000

struct sr_sweeper {
	struct sr_remover *remover;
	uint64_t window_ms;
	struct sr_accounting *accounting;
	struct sr_threads threads; /* one */
	pthread_cond_t ended;      /* a pass */
	bool woken;
	bool sweeping;
	uint64_t step_ms; /* the thread's alone: monotonic, when it began the recording it is at */
	unsigned holds;
};

/* ---- one pass ---- */

/* Finds the first doomed row behind a name. */
struct seeking {
	struct sr_remover *remover;
	const struct sr_index_key *after;
	struct sr_index_key key;
	struct sr_doom doom;
	enum sr_code code;
};

static bool take_doom(void *context, struct sr_span key, struct sr_span value)
{
	struct seeking *seeking = context;
	if (key.size == seeking->after->size && memcmp(key.data, seeking->after->bytes, key.size) == 0)
		return true;
	seeking->key = (struct sr_index_key){.table = SR_TABLE_CONTROL, .size = key.size};
	memcpy(seeking->key.bytes, key.data, key.size);
	seeking->code = sr_doom_row_open(seeking->remover->keyring, key, value, &seeking->doom);
	return false;
}

/* SR_OK, SR_NOT_FOUND at the end, what the index said, or what the row's decoder said with `key` filled in. */
static enum sr_code next_doom(struct seeking *seeking)
{
	struct sr_error err;
	struct sr_view *view;
	seeking->code = SR_NOT_FOUND;
	seeking->key.size = 0;
	if (sr_view_begin(seeking->remover->index, &view, &err) != SR_OK)
		return SR_IO;
	enum sr_code code = sr_view_walk(view, seeking->after, strlen(SR_DOOM_PREFIX), take_doom, seeking);
	sr_view_end(view);
	return code == SR_OK ? seeking->code : code;
}

static void tell(const char *event, const struct sr_doom *doom, const struct sr_error *err)
{
	struct sr_log_line line;
	char id[SR_UUID_TEXT];
	char tag[2 * SR_TAG + 1];
	sr_log_begin(&line, err ? SR_LOG_WARN : SR_LOG_INFO, event);
	if (sodium_is_zero(doom->recording, SR_UUID)) {
		sr_log_text(&line, "tag", sodium_bin2hex(tag, sizeof tag, doom->tag, SR_TAG));
	} else {
		sr_uuid_format(doom->recording, id);
		sr_log_text(&line, "recording", id);
	}
	if (err) {
		sr_log_text(&line, "code", sr_code_name(err->code));
		sr_log_text(&line, "text", err->text);
	}
	sr_log_end(&line);
}

/* What the sweep has ended for good, of itself: that it was asked for, an earlier entry says. */
static void account_for(const struct sr_sweep *sweep, const struct sr_doom *doom)
{
	static const char *const kinds[] = {
		[SR_DOOM_DELETED] = "deleted", [SR_DOOM_FINAL] = "final", [SR_DOOM_DISCARDED] = "discarded"};
	bool whole = sodium_is_zero(doom->recording, SR_UUID);
	struct sr_audit_recording recording = {.has_track = false};
	const struct sr_audit_fact was = {"was", whole ? "erased" : kinds[doom->kind]};
	const struct sr_audit_entry entry = {.kind = SR_AUDIT_CONTROL,
					     .operation = "removal",
					     .tag = doom->tag,
					     .outcome = "removed",
					     .recordings = &recording,
					     .recording_count = whole ? 0 : 1,
					     .facts = &was,
					     .fact_count = 1};
	memcpy(recording.id, doom->recording, SR_UUID);
	sr_account_say(sweep->accounting, &entry, SR_AUDIT_CLOSING);
}

static void remove_one(struct sr_remover *remover, const struct sr_doom *doom, struct sr_sweep *sweep)
{
	struct sr_error err = {.text = ""};
	enum sr_code code;
	if (sodium_is_zero(doom->recording, SR_UUID)) {
		code = sr_erasure_strip(remover, doom->tag, sr_keyring_epoch(remover->keyring), &err);
		if (code == SR_OK)
			code = sr_erasure_finish(remover, doom->tag, sweep->goes_on, sweep->context, &err);
	} else {
		code = sr_remove_recording(remover, doom, &err);
	}
	if (code == SR_OK && doom->kind == SR_DOOM_REPLACED)
		return; /* the recording is still there */
	if (code == SR_OK) {
		sweep->removed++;
		sr_count(SR_COUNT_REMOVED, 1);
		account_for(sweep, doom);
		tell(sodium_is_zero(doom->recording, SR_UUID) ? "patient_removed" : "recording_removed", doom, NULL);
		return;
	}
	sweep->left++;
	tell("removal_waits", doom, &err);
}

void sr_sweep(struct sr_remover *remover, struct sr_sweep *sweep)
{
	struct sr_index_key after = sr_key_control(SR_DOOM_PREFIX);
	struct seeking seeking = {.remover = remover, .after = &after};
	sweep->next_ms = 0;
	sweep->removed = sweep->left = 0;
	while (!sweep->goes_on || sweep->goes_on(sweep->context)) {
		enum sr_code code = next_doom(&seeking);
		if (code == SR_NOT_FOUND)
			return;
		if (seeking.key.size == 0) {
			sweep->left++; /* the index itself cannot be read now */
			return;
		}
		uint64_t due = seeking.doom.doomed_ms + sweep->window_ms;
		if (code == SR_OK && seeking.doom.kind == SR_DOOM_DELETED && due > sweep->now_ms) {
			sweep->next_ms = due;
			return; /* those behind it are younger; what goes at once has time 0 */
		}
		if (code == SR_OK)
			remove_one(remover, &seeking.doom, sweep);
		else
			sweep->left++; /* a scrub names it */
		after = seeking.key;
	}
}

/* ---- its thread ---- */

/* Under the lock, which is let go meanwhile: until woken, or `until`; false if that was it. */
static bool nap(struct sr_sweeper *sweeper, const struct timespec *until)
{
	pthread_mutex_unlock(&sweeper->threads.lock);
	bool woken = sr_threads_wait_until(&sweeper->threads, until);
	pthread_mutex_lock(&sweeper->threads.lock);
	return woken;
}

/* Half of the time is others': it rests as long as the last recording took. */
static bool goes_on(void *context)
{
	struct sr_sweeper *sweeper = context;
	uint64_t spent = sr_monotonic_ms() - sweeper->step_ms;
	struct timespec until = sr_thread_deadline(spent < REST_MOST_MS ? spent : REST_MOST_MS);
	pthread_mutex_lock(&sweeper->threads.lock);
	while (!sweeper->threads.stopping && nap(sweeper, &until))
		;
	sweeper->step_ms = sr_monotonic_ms();
	bool wanted = !sweeper->threads.stopping && sweeper->holds == 0;
	pthread_mutex_unlock(&sweeper->threads.lock);
	return wanted;
}

/* Under the lock: until something is due, or woken. */
static void wait(struct sr_sweeper *sweeper, const struct sr_sweep *last)
{
	uint64_t now = sr_now_ms(), sleep = AGAIN_MS;
	if (last->next_ms && last->next_ms < now + sleep)
		sleep = last->next_ms > now ? last->next_ms - now : 1;
	struct timespec until = sr_thread_deadline(sleep);
	while (!sweeper->threads.stopping && (!sweeper->woken || sweeper->holds > 0) &&
	       (nap(sweeper, &until) || sweeper->holds > 0))
		until = sweeper->holds > 0 ? sr_thread_deadline(AGAIN_MS) : until;
}

static void *run(void *context)
{
	struct sr_sweeper *sweeper = context;
	struct sr_sweep sweep = {.goes_on = goes_on, .context = sweeper, .accounting = sweeper->accounting};
	sr_thread_is("sweeper", NICE);
	pthread_mutex_lock(&sweeper->threads.lock);
	while (!sweeper->threads.stopping) {
		sweeper->woken = false;
		sweeper->sweeping = true;
		sweeper->step_ms = sr_monotonic_ms();
		sweep.now_ms = sr_now_ms();
		sweep.window_ms = sweeper->window_ms;
		pthread_mutex_unlock(&sweeper->threads.lock);
		sr_sweep(sweeper->remover, &sweep);
		pthread_mutex_lock(&sweeper->threads.lock);
		sweeper->sweeping = false;
		pthread_cond_broadcast(&sweeper->ended);
		wait(sweeper, &sweep);
	}
	pthread_mutex_unlock(&sweeper->threads.lock);
	return NULL;
}

/* ---- for its owner ---- */

struct sr_sweeper *sr_sweeper_new(struct sr_remover *remover, uint32_t window_s, struct sr_accounting *accounting)
{
	struct sr_sweeper *sweeper = calloc(1, sizeof *sweeper);
	if (!sweeper)
		return NULL;
	sweeper->remover = remover;
	sweeper->accounting = accounting;
	sweeper->window_ms = (uint64_t)window_s * 1000;
	(void)pthread_cond_init(&sweeper->ended, NULL);
	if (sr_threads_start(&sweeper->threads, 1, run, sweeper))
		return sweeper;
	(void)pthread_cond_destroy(&sweeper->ended);
	free(sweeper);
	return NULL;
}

void sr_sweeper_free(struct sr_sweeper *sweeper)
{
	if (!sweeper)
		return;
	sr_threads_end(&sweeper->threads);
	(void)pthread_cond_destroy(&sweeper->ended);
	free(sweeper);
}

void sr_sweeper_wake(struct sr_sweeper *sweeper)
{
	pthread_mutex_lock(&sweeper->threads.lock);
	sweeper->woken = true;
	pthread_mutex_unlock(&sweeper->threads.lock);
	sr_threads_wake(&sweeper->threads);
}

uint64_t sr_sweeper_window_ms(const struct sr_sweeper *sweeper)
{
	return sweeper->window_ms;
}

void sr_sweeper_hold(struct sr_sweeper *sweeper)
{
	pthread_mutex_lock(&sweeper->threads.lock);
	sweeper->holds++;
	while (sweeper->sweeping)
		pthread_cond_wait(&sweeper->ended, &sweeper->threads.lock);
	pthread_mutex_unlock(&sweeper->threads.lock);
}

void sr_sweeper_release(struct sr_sweeper *sweeper)
{
	pthread_mutex_lock(&sweeper->threads.lock);
	sweeper->holds--;
	sweeper->woken = true;
	pthread_mutex_unlock(&sweeper->threads.lock);
	sr_threads_wake(&sweeper->threads);
}
