/*
 * The audit log's beginning: made new, or opened with its records held against its last checkpoint.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/audit_internal.h"
#include "account/log.h"
#include "account/view.h"
#include "checkpoint.h"
#include "data/directory.h"

#define PIECE (64u << 10) /* bytes looked at or rewritten at once */

static enum sr_code fail_io(const char *what, struct sr_error *err)
{
	return SR_FAIL(err, errno == ENOSPC || errno == EDQUOT ? SR_NO_SPACE : SR_IO, "the audit log's %s: %s", what,
		       strerrordesc_np(errno));
}

/* ---- making ---- */

static enum sr_code create_records(int dir, uint64_t reserve, struct sr_error *err)
{
	uint8_t front[SR_RECORDS_FRONT];
	uint64_t allocated = 0;
	int fd = openat(dir, SR_RECORDS_FILE, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_io("record file cannot be made", err);
	sr_records_front(front);
	enum sr_code code = sr_records_grow(fd, &allocated, SR_RECORDS_FRONT + reserve + SR_RECORDS_STEP, err);
	if (code == SR_OK)
		code = sr_records_put(fd, front, sizeof front, 0, err);
	if (code == SR_OK && TEMP_FAILURE_RETRY(fsync(fd)) != 0)
		code = fail_io("record file cannot be synced", err);
	(void)close(fd);
	return code;
}

static enum sr_code create_checkpoint(int dir, const struct sr_audit_options *options, struct sr_error *err)
{
	struct sr_checkpoint checkpoint = {.size = 0};
	char text[SR_CHECKPOINT_MAX];
	memcpy(checkpoint.origin, options->origin, strlen(options->origin));
	sr_merkle_empty(checkpoint.root);
	sr_checkpoint_sign(&checkpoint, options->seed, text);
	return sr_tile_write(dir, "checkpoint", text, strlen(text), err);
}

/* What is left of a log that could not be made. */
static void take_back(const char *directory)
{
	static const char *const names[] = {SR_RECORDS_FILE, "checkpoint", "fresh"};
	int dir = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return;
	for (size_t at = 0; at < sizeof names / sizeof *names; at++)
		(void)unlinkat(dir, names[at], 0);
	(void)close(dir);
	(void)rmdir(directory);
}

enum sr_code sr_audit_create(const struct sr_audit_options *options, struct sr_error *err)
{
	char fresh[PATH_MAX];
	if (strlen(options->origin) >= SR_AUDIT_ORIGIN_MAX)
		return SR_FAIL(err, SR_USAGE, "the audit log's origin is too long");
	if (snprintf(fresh, sizeof fresh, "%s.new", options->directory) >= (int)sizeof fresh)
		return SR_FAIL(err, SR_USAGE, "the path of the audit log is too long");
	if (faccessat(AT_FDCWD, options->directory, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return SR_FAIL(err, SR_CONFLICT, "%s exists already", options->directory);
	if (mkdir(fresh, 0700) != 0 && errno != EEXIST)
		return fail_io("directory cannot be made", err);
	int dir = open(fresh, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return fail_io("directory cannot be opened", err);
	/* Of a making that was cut short. */
	(void)unlinkat(dir, SR_RECORDS_FILE, 0);
	enum sr_code code = create_records(dir, options->reserve, err);
	if (code == SR_OK)
		code = create_checkpoint(dir, options, err);
	(void)close(dir);
	if (code == SR_OK && rename(fresh, options->directory) != 0)
		code = fail_io("directory cannot be named", err);
	if (code == SR_OK)
		return sr_directory_sync_parent(options->directory, err);
	take_back(fresh);
	return code;
}

/* ---- opening: checkpoint and tree ---- */

/* The origin may go on with a number, where the log goes on for an earlier one of this store. */
static bool is_own_origin(const char *origin, const char *own)
{
	size_t size = strlen(own);
	if (strncmp(origin, own, size) != 0)
		return false;
	return origin[size] == '\0' || (origin[size] == '/' && strspn(origin + size + 1, "0123456789") > 0 &&
					origin[size + 1 + strspn(origin + size + 1, "0123456789")] == '\0');
}

static enum sr_code read_checkpoint(struct sr_audit *audit, const struct sr_audit_options *options,
				    struct sr_checkpoint *checkpoint, struct sr_error *err)
{
	uint8_t key[SR_AUDIT_KEY];
	enum sr_code code = sr_audit_checkpoint_load(audit->dir, audit->checkpoint, err);
	if (code != SR_OK)
		return code;
	sr_checkpoint_key(options->seed, key);
	struct sr_span text = {(const uint8_t *)audit->checkpoint, strlen(audit->checkpoint)};
	code = sr_checkpoint_read(text, key, checkpoint, err);
	if (code == SR_OK && !is_own_origin(checkpoint->origin, options->origin))
		code = SR_FAIL(err, SR_CORRUPT, "the audit log's checkpoint is of %s, not of %s", checkpoint->origin,
			       options->origin);
	if (code == SR_OK)
		memcpy(audit->origin, checkpoint->origin, sizeof audit->origin);
	return code;
}

static enum sr_code open_records(struct sr_audit *audit, struct sr_error *err)
{
	uint8_t front[SR_RECORDS_FRONT];
	struct stat st;
	audit->fd = openat(audit->dir, SR_RECORDS_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (audit->fd < 0 || fstat(audit->fd, &st) != 0)
		return errno == ENOENT ? SR_FAIL(err, SR_CORRUPT, "the audit log's record file is missing")
				       : fail_io("record file cannot be opened", err);
	ssize_t got = TEMP_FAILURE_RETRY(pread(audit->fd, front, sizeof front, 0));
	if (got < 0)
		return fail_io("record file cannot be read", err);
	if (got != sizeof front || !sr_records_front_fits(front))
		return SR_FAIL(err, SR_CORRUPT, "the audit log's record file is none, or of a newer sealreel");
	audit->allocated = (uint64_t)st.st_size;
	return SR_OK;
}

/* Are the records behind the last full tile those that the tiles say? */
struct matching {
	uint8_t (*hashes)[SR_HASH];
	bool same;
};

static bool match(void *context, uint64_t number, struct sr_span json)
{
	struct matching *matching = context;
	uint8_t leaf[SR_HASH];
	sr_merkle_leaf(json.data, json.size, leaf);
	matching->same = memcmp(leaf, matching->hashes[number % SR_TILE_WIDTH], SR_HASH) == 0;
	return matching->same;
}

/* True if tiles, their root and the newest records agree with the checkpoint: what a log as it should be has. */
static bool tiles_fit(struct sr_audit *audit, const struct sr_checkpoint *checkpoint)
{
	uint8_t root[SR_HASH], hashes[SR_TILE_WIDTH][SR_HASH];
	struct matching matching = {hashes, true};
	struct sr_audit_view view = {
		.dir = audit->dir, .records = audit->fd, .size = checkpoint->size, .positions = &audit->positions};
	if (sr_tile_builder_load(audit->builder, audit->dir, checkpoint->size, NULL) != SR_OK)
		return false;
	sr_tile_builder_root(audit->builder, root);
	if (memcmp(root, checkpoint->root, SR_HASH) != 0)
		return false;
	if (checkpoint->size == 0)
		return true;
	uint64_t n = (checkpoint->size - 1) / SR_TILE_WIDTH;
	return sr_tile_read(audit->dir, checkpoint->size, 0, n, hashes, NULL) == SR_OK &&
	       sr_audit_view_read(&view, n * SR_TILE_WIDTH, checkpoint->size, match, &matching, NULL) == SR_OK &&
	       matching.same;
}

/* Find every position anew, and how many records there are up to the checkpoint's size. */
static enum sr_code find_positions(struct sr_audit *audit, uint64_t size, uint64_t *found, struct sr_error *err)
{
	struct sr_record_reader reader;
	struct sr_span json;
	enum sr_code code = SR_OK;
	sr_positions_cut(&audit->positions, 0);
	audit->positions_saved = 0;
	if (!sr_record_reader_begin(&reader, audit->fd, 0, SR_RECORDS_FRONT))
		return SR_FAIL_MEMORY(err);
	while (code == SR_OK && reader.number < size) {
		if (!sr_positions_add(&audit->positions, reader.number, reader.at))
			code = SR_FAIL_MEMORY(err);
		else
			code = sr_record_next(&reader, &json, err);
	}
	*found = reader.number;
	sr_record_reader_end(&reader);
	return code == SR_NOT_FOUND || code == SR_CORRUPT ? SR_OK : code;
}

/* Derive everything from the records again. What they give must be what the checkpoint signed. */
static enum sr_code rebuild(struct sr_audit *audit, const struct sr_checkpoint *checkpoint, struct sr_error *err)
{
	uint8_t root[SR_HASH];
	uint64_t found = 0;
	enum sr_code code = find_positions(audit, checkpoint->size, &found, err);
	if (code != SR_OK)
		return code;
	if (found < checkpoint->size)
		return SR_FAIL(err, SR_CORRUPT,
			       "the audit log has %llu sound entries, but its checkpoint covers %llu: entries were cut "
			       "off or damaged; restore the log",
			       (unsigned long long)found, (unsigned long long)checkpoint->size);
	/* Without a file at first: tiles of a log that was changed are evidence. */
	memset(audit->builder, 0, sizeof *audit->builder);
	code = sr_audit_tiles_to(-1, audit->fd, &audit->positions, audit->builder, checkpoint->size, err);
	if (code != SR_OK)
		return code;
	sr_tile_builder_root(audit->builder, root);
	if (memcmp(root, checkpoint->root, SR_HASH) != 0)
		return SR_FAIL(err, SR_CORRUPT,
			       "the audit log's entries are not those that its checkpoint of %llu entries signed: they "
			       "were changed; restore the log",
			       (unsigned long long)checkpoint->size);
	sr_log(SR_LOG_WARN, "audit_rebuild", "tiles of the audit log are missing or damaged and are made anew");
	memset(audit->builder, 0, sizeof *audit->builder);
	code = sr_audit_tiles_to(audit->dir, audit->fd, &audit->positions, audit->builder, checkpoint->size, err);
	if (code != SR_OK)
		return code;
	return sr_audit_tiles_partial(audit->dir, audit->fd, &audit->positions, audit->builder, err);
}

/* ---- opening: what is behind the checkpoint ---- */

/* Write zeros over whatever stands between the last record and the file's end. *cut (out): was there anything? */
static enum sr_code clear_tail(struct sr_audit *audit, bool *cut, struct sr_error *err)
{
	static const uint8_t zeros[PIECE];
	uint8_t piece[PIECE];
	uint64_t at = audit->end;
	enum sr_code code = SR_OK;
	*cut = false;
	while (at < audit->allocated && code == SR_OK) {
		size_t size = audit->allocated - at < PIECE ? (size_t)(audit->allocated - at) : PIECE;
		ssize_t got = TEMP_FAILURE_RETRY(pread(audit->fd, piece, size, (off_t)at));
		if (got <= 0)
			return fail_io("record file cannot be read", err);
		if (memcmp(piece, zeros, (size_t)got) != 0) {
			*cut = true;
			code = sr_records_put(audit->fd, zeros, (size_t)got, at, err);
		}
		at += (uint64_t)got;
	}
	return code;
}

/*
 * Write the records from `at` on once more where they stand. After a sync that failed, the cache may show records that
 * the disk does not have: what is read here must be durable before it is built upon.
 */
static enum sr_code rewrite_tail(struct sr_audit *audit, uint64_t at, struct sr_error *err)
{
	uint8_t piece[PIECE];
	enum sr_code code = SR_OK;
	while (at < audit->end && code == SR_OK) {
		size_t size = audit->end - at < PIECE ? (size_t)(audit->end - at) : PIECE;
		ssize_t got = TEMP_FAILURE_RETRY(pread(audit->fd, piece, size, (off_t)at));
		if (got <= 0)
			return fail_io("record file cannot be read", err);
		code = sr_records_put(audit->fd, piece, (size_t)got, at, err);
		at += (uint64_t)got;
	}
	return code;
}

static void say_cut(const struct sr_audit *audit)
{
	struct sr_log_line line;
	sr_log_begin(&line, SR_LOG_WARN, "audit_cut");
	sr_log_text(&line, "text", "a record that was not written whole was cut off the end of the audit log");
	sr_log_number(&line, "entries", audit->size);
	sr_log_end(&line);
}

static enum sr_code take_tail(struct sr_audit *audit, uint64_t covered, struct sr_error *err)
{
	struct sr_audit_view view = {
		.dir = audit->dir, .records = audit->fd, .size = UINT64_MAX, .positions = &audit->positions};
	struct sr_record_reader reader = {.buffer = NULL};
	struct sr_span json;
	bool cut = false;
	enum sr_code code = SR_OK;
	if (covered > 0)
		code = sr_audit_view_seek(&view, covered, &reader, err);
	else if (!sr_record_reader_begin(&reader, audit->fd, 0, SR_RECORDS_FRONT))
		code = SR_FAIL_MEMORY(err);
	if (code != SR_OK) {
		sr_record_reader_end(&reader);
		return code;
	}
	uint64_t first = reader.at;
	sr_positions_cut(&audit->positions, (covered + SR_POSITION_STEP - 1) / SR_POSITION_STEP);
	while (code == SR_OK) {
		uint64_t number = reader.number, at = reader.at;
		code = sr_record_next(&reader, &json, err);
		if (code == SR_OK && !sr_positions_add(&audit->positions, number, at))
			code = SR_FAIL_MEMORY(err);
	}
	audit->end = reader.at;
	audit->size = reader.number;
	sr_record_reader_end(&reader);
	if (code != SR_NOT_FOUND && code != SR_CORRUPT)
		return code;
	code = clear_tail(audit, &cut, err);
	if (code == SR_OK && audit->size > covered)
		code = rewrite_tail(audit, first, err);
	if (code == SR_OK && (cut || audit->size > covered) && TEMP_FAILURE_RETRY(fdatasync(audit->fd)) != 0)
		code = fail_io("record file cannot be synced", err);
	if (code == SR_OK && cut)
		say_cut(audit);
	return code;
}

/* The reserve may have been used up, or be larger now. */
static void refill_reserve(struct sr_audit *audit)
{
	struct sr_error err = {.text = ""};
	if (sr_records_grow(audit->fd, &audit->allocated, audit->end + audit->reserve + SR_RECORDS_STEP, &err) == SR_OK)
		return;
	atomic_store(&audit->full, true);
	audit->ahead_failed = true;
	sr_log_error(SR_LOG_ALARM, "audit_full", &err);
}

/* ---- opening: together ---- */

static enum sr_code prepare(struct sr_audit *audit, const struct sr_audit_options *options, struct sr_error *err)
{
	pthread_condattr_t monotonic;
	audit->dir = audit->fd = -1;
	audit->last = &audit->first;
	audit->reserve = options->reserve;
	audit->interval_ms = options->interval_ms;
	audit->not_synced = options->not_synced;
	sr_positions_init(&audit->positions);
	/* With these attributes none of these can fail on Linux. */
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&audit->lock, NULL);
	(void)pthread_cond_init(&audit->submitted, &monotonic);
	(void)pthread_cond_init(&audit->durable, &monotonic);
	(void)pthread_cond_init(&audit->sealed, NULL);
	(void)pthread_cond_init(&audit->grown, NULL);
	(void)pthread_condattr_destroy(&monotonic);
	audit->builder = calloc(1, sizeof *audit->builder);
	audit->seed = sodium_malloc(SR_AUDIT_SEED);
	if (!audit->builder || !audit->seed)
		return SR_FAIL_MEMORY(err);
	memcpy(audit->seed, options->seed, SR_AUDIT_SEED);
	audit->dir = open(options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (audit->dir >= 0)
		return SR_OK;
	if (errno == ENOENT)
		return SR_FAIL(err, SR_NOT_FOUND, "there is no audit log in %s", options->directory);
	return fail_io("directory cannot be opened", err);
}

static enum sr_code open_log(struct sr_audit *audit, const struct sr_audit_options *options, struct sr_error *err)
{
	struct sr_checkpoint checkpoint;
	enum sr_code code = read_checkpoint(audit, options, &checkpoint, err);
	if (code == SR_OK)
		code = open_records(audit, err);
	if (code != SR_OK)
		return code;
	size_t positions = (size_t)((checkpoint.size + SR_POSITION_STEP - 1) / SR_POSITION_STEP);
	if (!sr_positions_load(&audit->positions, audit->dir, positions))
		return SR_FAIL_MEMORY(err);
	audit->positions_saved = audit->positions.count;
	audit->sealed_size = checkpoint.size;
	if (audit->positions.count < positions || !tiles_fit(audit, &checkpoint))
		code = rebuild(audit, &checkpoint, err);
	if (code == SR_OK)
		code = take_tail(audit, checkpoint.size, err);
	if (code == SR_OK)
		refill_reserve(audit);
	return code;
}

enum sr_code sr_audit_open(const struct sr_audit_options *options, struct sr_audit **out, struct sr_error *err)
{
	struct sr_audit *audit = calloc(1, sizeof *audit);
	*out = NULL;
	if (!audit)
		return SR_FAIL_MEMORY(err);
	enum sr_code code = prepare(audit, options, err);
	if (code == SR_OK)
		code = open_log(audit, options, err);
	if (code == SR_OK)
		code = sr_audit_start(audit, err);
	if (code == SR_OK)
		*out = audit;
	else
		sr_audit_close(audit);
	return code;
}

void sr_audit_close(struct sr_audit *audit)
{
	if (!audit)
		return;
	sr_audit_stop(audit);
	if (audit->fd >= 0)
		(void)close(audit->fd);
	if (audit->dir >= 0)
		(void)close(audit->dir);
	(void)pthread_cond_destroy(&audit->sealed);
	(void)pthread_cond_destroy(&audit->grown);
	(void)pthread_cond_destroy(&audit->durable);
	(void)pthread_cond_destroy(&audit->submitted);
	(void)pthread_mutex_destroy(&audit->lock);
	sr_positions_clear(&audit->positions);
	sodium_free(audit->seed);
	free(audit->builder);
	free(audit);
}
