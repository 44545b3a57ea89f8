/*
 * Verifying a log: one pass over its records, building the tree anew beside its tiles.
 */
#include "account/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_STEP 4096 /* entries between two calls of progress */

struct verifying {
	const struct sr_audit_verification *work;
	struct sr_audit_verdict *verdict;
	struct sr_audit_room *room;
	struct sr_tile_builder *builder;
	uint8_t *bundle; /* of the entries since the last full one */
	size_t used;
	size_t capacity;
	enum sr_code code;
	struct sr_error *err;
};

__attribute__((format(printf, 4, 5))) static void find(struct verifying *verifying, enum sr_audit_fault fault,
						       uint64_t number, const char *format, ...)
{
	struct sr_audit_finding finding = {.fault = fault, .number = number};
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(finding.text, sizeof finding.text, format, arguments);
	va_end(arguments);
	verifying->verdict->findings++;
	verifying->work->found(verifying->work->context, &finding);
}

/* ---- checkpoints ---- */

/* What the auditor has kept, beside what the log says now. */
static struct sr_audit_kept kept_of(struct verifying *verifying)
{
	const struct sr_audit_verification *work = verifying->work;
	return (struct sr_audit_kept){&verifying->verdict->checkpoint, work->kept, work->kept_count, work->found,
				      work->context};
}

/* The tree has come to this size: is it the one that was kept? */
static void compare_kept(struct verifying *verifying)
{
	struct sr_audit_kept kept = kept_of(verifying);
	uint8_t root[SR_HASH];
	if (!sr_audit_kept_has(&kept, verifying->builder->size))
		return;
	sr_tile_builder_root(verifying->builder, root);
	verifying->verdict->findings += sr_audit_kept_compare(&kept, verifying->builder->size, root);
}

static bool check_checkpoint(struct verifying *verifying)
{
	const struct sr_audit_view *view = verifying->work->view;
	struct sr_checkpoint *own = &verifying->verdict->checkpoint;
	struct sr_error why = {.text = ""};
	struct sr_span text = {(const uint8_t *)view->checkpoint, strlen(view->checkpoint)};
	if (sr_checkpoint_read(text, verifying->work->key, own, &why) == SR_OK)
		return true;
	find(verifying, SR_FAULT_CHECKPOINT, 0, "%s", why.text);
	/* Its claims still say how far to look. */
	return sr_checkpoint_claims(text, own, NULL) == SR_OK;
}

/* ---- tiles ---- */

/* Does the file at `path` hold exactly these bytes? Also true of a wider tile's front, where `front` allows it. */
static bool file_is(int dir, const char *path, const uint8_t *bytes, size_t size, bool front)
{
	uint8_t piece[8192];
	size_t at = 0;
	ssize_t got = 1;
	int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool same = fd >= 0;
	while (same && got > 0 && at <= size) {
		size_t want = front && size - at < sizeof piece ? size - at : sizeof piece;
		got = want == 0 ? 0 : TEMP_FAILURE_RETRY(pread(fd, piece, want, (off_t)at));
		same = got >= 0 && at + (size_t)got <= size && memcmp(piece, bytes + at, (size_t)got) == 0;
		at += same ? (size_t)got : 0;
	}
	if (fd >= 0)
		(void)close(fd);
	return same && at == size;
}

/* A partial file may have been dropped for the full one while this goes on. */
static bool stored(struct verifying *verifying, int level, uint64_t n, unsigned width, const uint8_t *bytes,
		   size_t size)
{
	char path[SR_TILE_PATH_MAX];
	sr_tile_path(path, level, n, width);
	if (file_is(verifying->work->view->dir, path, bytes, size, false))
		return true;
	sr_tile_path(path, level, n, SR_TILE_WIDTH);
	return width < SR_TILE_WIDTH && file_is(verifying->work->view->dir, path, bytes, size, true);
}

static void check_tile(struct verifying *verifying, int level, uint64_t n, unsigned width,
		       const uint8_t (*hashes)[SR_HASH])
{
	if (!stored(verifying, level, n, width, hashes[0], (size_t)width * SR_HASH))
		find(verifying, SR_FAULT_TILE, (n * SR_TILE_WIDTH) << (8 * level),
		     "tile %llu of level %d is missing, or is not what the records give", (unsigned long long)n, level);
}

static void check_bundle(struct verifying *verifying, uint64_t n, unsigned width)
{
	if (!stored(verifying, SR_TILE_ENTRIES, n, width, verifying->bundle, verifying->used))
		find(verifying, SR_FAULT_BUNDLE, n * SR_TILE_WIDTH,
		     "bundle %llu is missing, or does not hold the records' entries", (unsigned long long)n);
	verifying->used = 0;
}

static enum sr_code check_full(void *context, int level, uint64_t n, const uint8_t (*hashes)[SR_HASH],
			       struct sr_error *err)
{
	(void)err;
	if (level == 0)
		check_bundle(context, n, SR_TILE_WIDTH);
	check_tile(context, level, n, SR_TILE_WIDTH, hashes);
	return SR_OK;
}

static void check_partial(struct verifying *verifying)
{
	uint64_t count = verifying->builder->size;
	if (count % SR_TILE_WIDTH != 0)
		check_bundle(verifying, count / SR_TILE_WIDTH, (unsigned)(count % SR_TILE_WIDTH));
	for (int level = 0; level < SR_TILE_LEVELS; level++, count /= SR_TILE_WIDTH)
		if (count % SR_TILE_WIDTH != 0)
			check_tile(verifying, level, count / SR_TILE_WIDTH, (unsigned)(count % SR_TILE_WIDTH),
				   (const uint8_t(*)[SR_HASH])verifying->builder->hashes[level]);
}

/* ---- records ---- */

static bool add_to_bundle(struct verifying *verifying, struct sr_span json)
{
	if (verifying->capacity - verifying->used < json.size + 2) {
		size_t capacity = 2 * verifying->capacity + json.size + 2;
		uint8_t *more = realloc(verifying->bundle, capacity);
		if (!more)
			return false;
		verifying->bundle = more;
		verifying->capacity = capacity;
	}
	struct sr_builder out =
		sr_builder_over(verifying->bundle + verifying->used, verifying->capacity - verifying->used);
	sr_put_field(&out, json.data, json.size);
	verifying->used += out.used;
	return true;
}

static bool check_entry(void *context, uint64_t number, struct sr_span json)
{
	struct verifying *verifying = context;
	const struct sr_audit_verification *work = verifying->work;
	struct sr_audit_entry entry;
	struct sr_error why = {.text = ""};
	uint8_t leaf[SR_HASH];
	if (sr_audit_entry_parse(json.data, json.size, verifying->room, &entry, &why) != SR_OK)
		find(verifying, SR_FAULT_ENTRY, number, "%s", why.text);
	else if (entry.number != number)
		find(verifying, SR_FAULT_ENTRY, number, "entry %llu says that it is number %llu",
		     (unsigned long long)number, (unsigned long long)entry.number);
	if (!add_to_bundle(verifying, json)) {
		verifying->code = SR_FAIL_MEMORY(verifying->err);
		return false;
	}
	sr_merkle_leaf(json.data, json.size, leaf);
	verifying->code = sr_tile_add(verifying->builder, leaf, check_full, verifying, verifying->err);
	verifying->verdict->entries = number + 1;
	compare_kept(verifying);
	if (number % PROGRESS_STEP == 0 && work->progress &&
	    !work->progress(work->context, number, verifying->verdict->checkpoint.size))
		verifying->verdict->stopped = true;
	return verifying->code == SR_OK && !verifying->verdict->stopped;
}

static void check_front(struct verifying *verifying)
{
	uint8_t front[SR_RECORDS_FRONT];
	if (TEMP_FAILURE_RETRY(pread(verifying->work->view->records, front, sizeof front, 0)) != sizeof front ||
	    !sr_records_front_fits(front))
		find(verifying, SR_FAULT_RECORD, 0, "the record file does not begin as one");
}

static enum sr_code check_records(struct verifying *verifying)
{
	struct sr_audit_view covered = *verifying->work->view;
	const struct sr_checkpoint *own = &verifying->verdict->checkpoint;
	struct sr_error why = {.text = ""};
	uint8_t root[SR_HASH];
	covered.size = own->size;
	enum sr_code code = sr_audit_view_read(&covered, 0, own->size, check_entry, verifying, &why);
	if (code == SR_CORRUPT) {
		find(verifying, SR_FAULT_RECORD, verifying->verdict->entries, "%s", why.text);
		return SR_OK;
	}
	if (code != SR_OK)
		return SR_FAIL(verifying->err, code, "%s", why.text);
	if (verifying->code != SR_OK || verifying->verdict->stopped)
		return verifying->code;
	check_partial(verifying);
	sr_tile_builder_root(verifying->builder, root);
	if (memcmp(root, own->root, SR_HASH) != 0)
		find(verifying, SR_FAULT_ROOT, own->size, "the records give another tree than the checkpoint signed");
	return SR_OK;
}

enum sr_code sr_audit_verify(const struct sr_audit_verification *work, struct sr_audit_verdict *verdict,
			     struct sr_error *err)
{
	struct verifying verifying = {.work = work, .verdict = verdict, .code = SR_OK, .err = err};
	enum sr_code code = SR_OK;
	memset(verdict, 0, sizeof *verdict);
	verifying.room = malloc(sizeof *verifying.room);
	verifying.builder = calloc(1, sizeof *verifying.builder);
	if (!verifying.room || !verifying.builder)
		code = SR_FAIL_MEMORY(err);
	if (code == SR_OK && check_checkpoint(&verifying)) {
		struct sr_audit_kept kept = kept_of(&verifying);
		verdict->findings += sr_audit_kept_check(&kept);
		compare_kept(&verifying);
		check_front(&verifying);
		code = check_records(&verifying);
	}
	free(verifying.bundle);
	free(verifying.builder);
	free(verifying.room);
	return code;
}
