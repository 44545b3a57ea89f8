/*
 * Sealing: tiles, bundles, search runs and a signed checkpoint, derived from durable records by a thread of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "account/audit_internal.h"
#include "account/log.h"
#include "account/run.h"
#include "account/view.h"
#include "checkpoint.h"
#include "data/thread.h"

#define RETRY_MS 1000    /* after a failure, at least */
#define NICE 5           /* nobody waits for a checkpoint */
#define ROUND_MAX 65536u /* entries of one checkpoint, so that one comes soon also where many wait */

/* ---- tiles from records ---- */

struct deriving {
	const struct sr_audit_view *view;
	struct sr_tile_builder *builder;
	enum sr_code code;
	struct sr_error *err;
	uint8_t *bundle; /* of the entries since the last full one */
	size_t used;
	size_t room;
	size_t done; /* bytes since others had the processor */
};

static bool add_to_bundle(struct deriving *deriving, struct sr_span json)
{
	if (deriving->room - deriving->used < json.size + 2) {
		size_t room = 2 * deriving->room + json.size + 2;
		uint8_t *more = realloc(deriving->bundle, room);
		if (!more) {
			deriving->code = SR_FAIL_MEMORY(deriving->err);
			return false;
		}
		deriving->bundle = more;
		deriving->room = room;
	}
	struct sr_builder out = sr_builder_over(deriving->bundle + deriving->used, deriving->room - deriving->used);
	sr_put_field(&out, json.data, json.size);
	deriving->used += out.used;
	return true;
}

static enum sr_code write_full(void *context, int level, uint64_t n, const uint8_t (*hashes)[SR_HASH],
			       struct sr_error *err)
{
	struct deriving *deriving = context;
	char path[SR_TILE_PATH_MAX];
	enum sr_code code = SR_OK;
	if (deriving->view->dir < 0)
		return SR_OK;
	if (level == 0) {
		sr_tile_path(path, SR_TILE_ENTRIES, n, SR_TILE_WIDTH);
		code = sr_tile_write(deriving->view->dir, path, deriving->bundle, deriving->used, err);
		deriving->used = 0;
	}
	sr_tile_path(path, level, n, SR_TILE_WIDTH);
	if (code == SR_OK)
		code = sr_tile_write(deriving->view->dir, path, hashes, SR_TILE_WIDTH * SR_HASH, err);
	return code;
}

/* Entries before the builder's size are only for the bundle that they begin. */
static bool derive(void *context, uint64_t number, struct sr_span json)
{
	struct deriving *deriving = context;
	uint8_t leaf[SR_HASH];
	sr_thread_share(&deriving->done, json.size);
	if (deriving->view->dir >= 0 && !add_to_bundle(deriving, json))
		return false;
	if (number < deriving->builder->size)
		return true;
	sr_merkle_leaf(json.data, json.size, leaf);
	deriving->code = sr_tile_add(deriving->builder, leaf, write_full, deriving, deriving->err);
	return deriving->code == SR_OK;
}

static struct sr_audit_view records_view(int dir, int records, struct sr_positions *positions, uint64_t size)
{
	return (struct sr_audit_view){.dir = dir, .records = records, .size = size, .positions = positions};
}

enum sr_code sr_audit_tiles_to(int dir, int records, struct sr_positions *positions, struct sr_tile_builder *builder,
			       uint64_t size, struct sr_error *err)
{
	struct sr_audit_view view = records_view(dir, records, positions, size);
	struct deriving deriving = {.view = &view, .builder = builder, .code = SR_OK, .err = err};
	uint64_t from = builder->size - builder->size % SR_TILE_WIDTH;
	/* Nothing becomes full: the bundle is not needed. */
	if (size / SR_TILE_WIDTH == builder->size / SR_TILE_WIDTH)
		from = builder->size;
	enum sr_code code = sr_audit_view_read(&view, from, size, derive, &deriving, err);
	free(deriving.bundle);
	return code == SR_OK ? deriving.code : code;
}

static bool collect(void *context, uint64_t number, struct sr_span json)
{
	(void)number;
	return add_to_bundle(context, json);
}

enum sr_code sr_audit_tiles_partial(int dir, int records, struct sr_positions *positions,
				    const struct sr_tile_builder *builder, struct sr_error *err)
{
	struct sr_audit_view view = records_view(dir, records, positions, builder->size);
	struct deriving deriving = {.view = &view, .code = SR_OK, .err = err};
	uint64_t count = builder->size, n = builder->size / SR_TILE_WIDTH;
	char path[SR_TILE_PATH_MAX];
	enum sr_code code = SR_OK;
	if (count % SR_TILE_WIDTH != 0) {
		code = sr_audit_view_read(&view, n * SR_TILE_WIDTH, builder->size, collect, &deriving, err);
		if (code == SR_OK)
			code = deriving.code;
		sr_tile_path(path, SR_TILE_ENTRIES, n, (unsigned)(count % SR_TILE_WIDTH));
		if (code == SR_OK)
			code = sr_tile_write(dir, path, deriving.bundle, deriving.used, err);
	}
	for (int level = 0; level < SR_TILE_LEVELS && code == SR_OK; level++, count /= SR_TILE_WIDTH) {
		size_t width = count % SR_TILE_WIDTH;
		sr_tile_path(path, level, count / SR_TILE_WIDTH, (unsigned)width);
		if (width > 0)
			code = sr_tile_write(dir, path, builder->hashes[level], width * SR_HASH, err);
	}
	free(deriving.bundle);
	return code;
}

/* Tiles that have become full between two sizes need their parts no more. */
static void drop_partials(int dir, uint64_t before, uint64_t size)
{
	for (int level = 0; level < SR_TILE_LEVELS; level++) {
		before /= SR_TILE_WIDTH;
		size /= SR_TILE_WIDTH;
		if (before == size)
			break;
		sr_tile_drop_partial(dir, level, before);
		if (level == 0)
			sr_tile_drop_partial(dir, SR_TILE_ENTRIES, before);
	}
}

/* ---- a checkpoint ---- */

enum sr_code sr_audit_seal_to(struct sr_audit *audit, uint64_t size, struct sr_error *err)
{
	struct sr_checkpoint checkpoint = {.size = size};
	char text[SR_CHECKPOINT_MAX];
	uint64_t before = audit->sealed_size;
	enum sr_code code = SR_OK;
	if (audit->builder->size != before) /* a round that failed left it in the middle */
		code = sr_tile_builder_load(audit->builder, audit->dir, before, err);
	if (code == SR_OK)
		code = sr_audit_tiles_to(audit->dir, audit->fd, &audit->positions, audit->builder, size, err);
	if (code == SR_OK)
		code = sr_audit_tiles_partial(audit->dir, audit->fd, &audit->positions, audit->builder, err);
	if (code != SR_OK) {
		audit->builder->size = UINT64_MAX;
		return code;
	}
	memcpy(checkpoint.origin, audit->origin, sizeof checkpoint.origin);
	sr_tile_builder_root(audit->builder, checkpoint.root);
	memset(text, 0, sizeof text);
	sr_checkpoint_sign(&checkpoint, audit->seed, text);
	code = sr_tile_write(audit->dir, "checkpoint", text, strlen(text), err);
	if (code != SR_OK)
		return code;
	pthread_mutex_lock(&audit->lock);
	memcpy(audit->checkpoint, text, sizeof text);
	audit->sealed_size = size;
	pthread_mutex_unlock(&audit->lock);
	drop_partials(audit->dir, before, size);
	sr_positions_save(&audit->positions, audit->dir, &audit->positions_saved);
	return SR_OK;
}

/* ---- search runs ---- */

/* Is there a run still to be made? */
static bool run_is_due(struct sr_audit *audit)
{
	char path[SR_TILE_PATH_MAX];
	if (atomic_exchange(&audit->runs_damaged, false))
		audit->run = 0;
	while ((audit->run + 1) * SR_RUN_ENTRIES <= audit->sealed_size) {
		sr_run_path(path, audit->run);
		if (faccessat(audit->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
			return true;
		audit->run++;
	}
	return false;
}

/* Make the next one. One that cannot be made is passed over: searches read its entries instead. Outside the lock. */
static void make_run(struct sr_audit *audit)
{
	struct sr_error err = {.text = ""};
	struct sr_audit_view view = records_view(audit->dir, audit->fd, &audit->positions, audit->sealed_size);
	if (sr_run_make(&view, audit->run, &err) != SR_OK)
		sr_log_error(SR_LOG_WARN, "audit_search_failed", &err);
	audit->run++;
}

/* ---- the thread ---- */

static uint64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void wait_until(struct sr_audit *audit, uint64_t ms)
{
	struct timespec until = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
	(void)pthread_cond_timedwait(&audit->durable, &audit->lock, &until);
}

/* One round, outside the lock but for its result. */
static bool seal_round(struct sr_audit *audit)
{
	struct sr_error err = {.text = ""};
	uint64_t size = audit->size;
	if (size > audit->sealed_size + ROUND_MAX)
		size = audit->sealed_size + ROUND_MAX;
	pthread_mutex_unlock(&audit->lock);
	enum sr_code code = sr_audit_seal_to(audit, size, &err);
	if (code != SR_OK)
		sr_log_error(SR_LOG_ERROR, "audit_checkpoint_failed", &err);
	pthread_mutex_lock(&audit->lock);
	if (code != SR_OK) {
		audit->seal_failures++;
		audit->seal_error = err;
	}
	pthread_cond_broadcast(&audit->sealed);
	return code == SR_OK;
}

void *sr_audit_sealer(void *context)
{
	sr_thread_is("account-tiles", NICE);
	struct sr_audit *audit = context;
	uint64_t next = 0, patience = 0; /* nobody's wish shortens the wait after a failure */
	bool grew = false;               /* since the last checkpoint: it waits for one step at most */
	pthread_mutex_lock(&audit->lock);
	while (!audit->sealer_stops || audit->size > audit->sealed_size) {
		uint64_t now = monotonic_ms();
		bool behind = audit->size > audit->sealed_size;
		bool wanted = audit->seal_wanted > audit->sealed_size;
		uint64_t time = wanted ? patience : next;
		bool due = behind && (now >= time || audit->sealer_stops);
		if (sr_audit_room_short(audit) && !audit->sealer_stops && !(due && grew)) {
			sr_audit_room_ahead(audit);
			grew = true;
		} else if (due) {
			grew = false;
			if (seal_round(audit)) {
				next = now + audit->interval_ms;
				patience = 0;
			} else if (audit->sealer_stops) {
				break;
			} else {
				patience = next = monotonic_ms() + RETRY_MS;
			}
		} else if (run_is_due(audit)) {
			pthread_mutex_unlock(&audit->lock);
			make_run(audit);
			pthread_mutex_lock(&audit->lock);
		} else if (behind) {
			wait_until(audit, time);
		} else {
			audit->sealer_idle = true;
			pthread_cond_wait(&audit->durable, &audit->lock);
			audit->sealer_idle = false;
		}
	}
	pthread_mutex_unlock(&audit->lock);
	return NULL;
}

enum sr_code sr_audit_seal(struct sr_audit *audit, struct sr_error *err)
{
	sr_audit_hurry(audit);
	pthread_mutex_lock(&audit->lock);
	uint64_t wanted = audit->size, failures = audit->seal_failures;
	if (audit->seal_wanted < wanted)
		audit->seal_wanted = wanted;
	pthread_cond_signal(&audit->durable);
	while (audit->sealed_size < wanted && audit->seal_failures == failures)
		pthread_cond_wait(&audit->sealed, &audit->lock);
	bool done = audit->sealed_size >= wanted;
	enum sr_code code = done ? SR_OK : SR_FAIL(err, audit->seal_error.code, "%s", audit->seal_error.text);
	pthread_mutex_unlock(&audit->lock);
	return code;
}
