/*
 * `sealreeld --restore SRC DIR`: a store made again from a backup.
 */
#include "restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backup_file.h"
#include "data/blob.h"
#include "data/index.h"
#include "data/lock.h"
#include "keys/control_rows.h"
#include "keys/extent_sum.h"
#include "options.h"

#define ROWS_AT_ONCE 500
#define DIGEST_PIECE (1u << 20)

struct restoring {
	const struct sr_config_words *words;
	struct sr_restored *done;
	int source;
	char *directory; /* absolute */
	struct sr_config *config;
	int lock;
	struct sr_keyring *keyring;
	/* The backup's file of the index, mapped. */
	const uint8_t *bytes;
	size_t size;
	struct sr_backup_front front;
	struct sr_backup_tail tail;
	struct sr_index *index;
	int blobs; /* the directory */
	uint8_t *extent;
};

static enum sr_code fail_path(struct sr_error *err, const char *path)
{
	enum sr_code code = errno == ENOSPC || errno == EDQUOT ? SR_NO_SPACE : SR_IO;
	return SR_FAIL(err, code, "%.200s: %s", path, strerror(errno));
}

/* ---- the backup ---- */

static uint64_t newest_in(int source)
{
	uint64_t newest = 0, taken;
	const struct dirent *entry;
	int fd = openat(source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
	while (listing && (entry = readdir(listing))) {
		char own[64];
		if (sscanf(entry->d_name, "index-%" SCNu64 ".sealreel", &taken) != 1 || taken <= newest)
			continue;
		(void)snprintf(own, sizeof own, "index-%" PRIu64 ".sealreel", taken);
		if (strcmp(own, entry->d_name) == 0)
			newest = taken;
	}
	if (listing)
		(void)closedir(listing);
	else if (fd >= 0)
		close(fd);
	return newest;
}

static enum sr_code map_file(struct restoring *work, const char *name, struct sr_error *err)
{
	struct stat st;
	int fd = openat(work->source, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum sr_code code = SR_OK;
	if (fd < 0 || fstat(fd, &st) != 0)
		code = fail_path(err, name);
	else if (st.st_size < SR_BACKUP_FRONT + SR_DIGEST)
		code = SR_FAIL(err, SR_CORRUPT, "%s is cut", name);
	void *map = code == SR_OK ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	if (code == SR_OK && map == MAP_FAILED)
		code = fail_path(err, name);
	if (fd >= 0)
		close(fd);
	if (code != SR_OK)
		return code;
	work->bytes = map;
	work->size = (size_t)st.st_size;
	return SR_OK;
}

static bool has_own_digest(const struct restoring *work)
{
	uint8_t digest[SR_DIGEST];
	return sr_digest_of(work->bytes, work->size - SR_DIGEST, digest) &&
	       memcmp(digest, work->bytes + work->size - SR_DIGEST, SR_DIGEST) == 0;
}

/* Front, rows, tail: all of it has its digest, so that only a newer format fails here. */
static enum sr_code open_backup(struct restoring *work, const char *source, struct sr_error *err)
{
	char name[64];
	work->source = open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (work->source < 0)
		return fail_path(err, source);
	uint64_t newest = newest_in(work->source);
	if (newest == 0)
		return SR_FAIL(err, SR_NOT_FOUND, "%.200s has no complete backup", source);
	(void)snprintf(name, sizeof name, "index-%" PRIu64 ".sealreel", newest);
	enum sr_code code = map_file(work, name, err);
	if (code != SR_OK)
		return code;
	if (!has_own_digest(work))
		return SR_FAIL(err, SR_CORRUPT, "%s does not have its digest: it is damaged", name);
	struct sr_cursor in = sr_cursor_over(work->bytes, work->size - SR_DIGEST);
	sr_backup_front_decode(&in, &work->front);
	while (!in.failed && in.left > 0 && work->bytes[work->size - SR_DIGEST - in.left] != SR_BACKUP_END_MARK) {
		struct sr_backup_item item;
		sr_backup_item_decode(&in, &item);
		work->done->rows++;
	}
	sr_backup_tail_decode(&in, &work->tail);
	if (!sr_take_done(&in) || work->tail.rows != work->done->rows)
		return SR_FAIL(err, SR_CORRUPT, "%s is of a format that is not known here", name);
	work->done->taken_ms = work->front.taken_ms;
	return SR_OK;
}

/* The next row behind `in`; false at their end. */
static bool next_item(const struct restoring *work, struct sr_cursor *in, struct sr_backup_item *item)
{
	if (in->failed || work->bytes[work->size - SR_DIGEST - in->left] == SR_BACKUP_END_MARK)
		return false;
	sr_backup_item_decode(in, item);
	return !in->failed;
}

static struct sr_cursor first_item(const struct restoring *work)
{
	struct sr_cursor in = sr_cursor_over(work->bytes, work->size - SR_DIGEST);
	(void)sr_take_span(&in, SR_BACKUP_FRONT);
	return in;
}

/* ---- the store ---- */

static enum sr_code make_directory(struct restoring *work, const char *directory, struct sr_error *err)
{
	static const char *const inside[] = {"issuers", "blobs"};
	if (mkdir(directory, 0700) != 0)
		return errno == EEXIST ? SR_FAIL(err, SR_CONFLICT,
						 "%.200s is there already; what a restore that failed has left can be "
						 "removed",
						 directory)
				       : fail_path(err, directory);
	work->directory = realpath(directory, NULL);
	if (!work->directory)
		return fail_path(err, directory);
	enum sr_code code = sr_config_new(work->directory, work->words, &work->config, err);
	if (code == SR_OK)
		code = sr_lock_take(work->directory, &work->lock, err);
	char *issuers = sr_path_under(work->directory, inside[0]), *blobs = sr_path_under(work->directory, inside[1]);
	if (code == SR_OK && (!issuers || !blobs))
		code = SR_FAIL_MEMORY(err);
	if (code == SR_OK && mkdir(issuers, 0700) != 0)
		code = fail_path(err, issuers);
	if (code == SR_OK)
		code = sr_blobs_create(blobs, err);
	if (code == SR_OK) {
		work->blobs = open(blobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (work->blobs < 0)
			code = fail_path(err, blobs);
	}
	free(blobs);
	free(issuers);
	return code;
}

static enum sr_code open_keyring(struct restoring *work, struct sr_error *err)
{
	struct sr_key_source source;
	enum sr_code code = sr_key_source_read(work->config->key_source, work->config->directory, false, &source, err);
	if (code != SR_OK)
		return code;
	code = sr_keyring_load(work->config->keyring, &source, &work->keyring, err);
	sr_key_source_wipe(&source);
	if (code == SR_OK && memcmp(sr_keyring_store(work->keyring), work->front.store, SR_UUID) != 0)
		code = SR_FAIL(err, SR_USAGE, "the keyring %.150s is of another store", work->config->keyring);
	return code;
}

/* What is durable of it nobody knows; the directory is no store yet. */
static void give_up(void *context, const struct sr_error *err)
{
	(void)context;
	fprintf(stderr, "sealreeld: %s\n", err->text);
	_exit(1);
}

static enum sr_code put_rows(struct restoring *work, struct sr_error *err)
{
	struct sr_cursor in = first_item(work);
	struct sr_backup_item item;
	bool more = true;
	enum sr_code code = SR_OK;
	while (code == SR_OK && more) {
		struct sr_op *op = sr_op_new();
		bool built = op != NULL;
		for (unsigned rows = 0; built && rows < ROWS_AT_ONCE && (more = next_item(work, &in, &item)); rows++) {
			struct sr_index_key key = {.table = (enum sr_table_name)item.table, .size = item.key.size};
			memcpy(key.bytes, item.key.data, item.key.size);
			built = sr_op_put(op, &key, item.value.data, item.value.size);
		}
		if (!built) {
			sr_op_free(op);
			return SR_FAIL_MEMORY(err);
		}
		code = sr_index_run(work->index, op, NULL);
	}
	return code == SR_OK ? SR_OK : SR_FAIL(err, code, "the index cannot be written");
}

/* Nothing is served while this row is there. */
static enum sr_code mark_restored(struct restoring *work, struct sr_error *err)
{
	struct sr_index_key key = sr_key_control(SR_RESTORED_NAME);
	uint8_t row[SR_ROW_MAX];
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	size_t size = sr_number_row_seal(work->keyring, SR_RESTORED_NAME,
					 (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, row);
	struct sr_op *op = sr_op_new();
	if (!op || !sr_op_put(op, &key, row, size)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(err);
	}
	enum sr_code code = sr_index_run(work->index, op, NULL);
	return code == SR_OK ? SR_OK : SR_FAIL(err, code, "the index cannot be written");
}

static enum sr_code make_index(struct restoring *work, struct sr_error *err)
{
	char *path = sr_path_under(work->directory, "index");
	struct sr_index_options options = {path, work->front.store, give_up, NULL};
	enum sr_code code = path ? sr_index_create(path, work->front.store, err) : SR_FAIL_MEMORY(err);
	if (code == SR_OK)
		code = sr_index_open(&options, &work->index, err);
	/* First, so that no moment has a store without it. */
	if (code == SR_OK)
		code = mark_restored(work, err);
	if (code == SR_OK)
		code = put_rows(work, err);
	free(path);
	return code;
}

/* ---- data files ---- */

static bool read_all(int fd, uint64_t position, uint8_t *out, size_t size)
{
	size_t done = 0;
	while (done < size) {
		ssize_t got = pread(fd, out + done, size - done, (off_t)(position + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static bool write_all(int fd, uint64_t position, const uint8_t *bytes, size_t size)
{
	size_t done = 0;
	while (done < size) {
		ssize_t put = pwrite(fd, bytes + done, size - done, (off_t)(position + done));
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		done += (size_t)put;
	}
	return true;
}

/* The row's HMAC says that it is this place's, its checksum which bytes are. */
static enum sr_code judge(const struct restoring *work, const struct sr_backup_item *item,
			  const struct sr_backup_extent *extent)
{
	struct sr_extent_row row;
	uint32_t number = (uint32_t)(extent->position / SR_EXTENT);
	if (sr_extent_row_decode(work->keyring, extent->recording, extent->track, extent->file, number, item->value,
				 &row) != SR_OK)
		return SR_CORRUPT;
	return sr_extent_judge(work->keyring, extent->recording, extent->track, extent->file, number, &row,
			       work->extent, extent->size);
}

static enum sr_code put_extent(struct restoring *work, const struct sr_backup_item *item,
			       const struct sr_backup_extent *extent, int blobs, struct sr_error *err)
{
	char name[SR_BACKUP_PATH_MAX];
	enum sr_code code = SR_OK;
	sr_backup_extent_name(extent, name);
	int from = openat(blobs, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool there = from >= 0 && read_all(from, extent->position, work->extent, extent->size);
	if (from >= 0)
		close(from);
	enum sr_code sound = there ? judge(work, item, extent) : SR_CORRUPT;
	if (sound == SR_INTERNAL)
		return SR_FAIL_MEMORY(err);
	if (sound != SR_OK) {
		work->done->damaged++;
		printf("%s blobs/%s offset %" PRIu64 "\n", there ? "checksum" : "missing", name, extent->position);
	}
	if (!there)
		return SR_OK;
	int to = openat(work->blobs, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0 || !write_all(to, extent->position, work->extent, extent->size))
		code = fail_path(err, name);
	if (to >= 0)
		close(to);
	work->done->files_bytes += extent->size;
	return code;
}

static enum sr_code copy_files(struct restoring *work, struct sr_error *err)
{
	struct sr_cursor in = first_item(work);
	struct sr_backup_item item;
	struct sr_backup_extent extent;
	enum sr_code code = SR_OK;
	int blobs = openat(work->source, "blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	work->extent = malloc(SR_EXTENT);
	if (blobs < 0 || !work->extent)
		code = blobs < 0 ? fail_path(err, "blobs") : SR_FAIL_MEMORY(err);
	while (code == SR_OK && next_item(work, &in, &item)) {
		if (sr_backup_extent_of(&item, &extent)) {
			code = put_extent(work, &item, &extent, blobs, err);
		} else if (item.table == SR_BACKUP_EXTENTS_TABLE) {
			work->done->damaged++;
			printf("malformed row of a data file\n");
		}
	}
	if (blobs >= 0)
		close(blobs);
	if (code == SR_OK && syncfs(work->blobs) != 0)
		code = fail_path(err, "blobs");
	return code;
}

/* ---- the audit log ---- */

static enum sr_code copy_records(const struct restoring *work, int to, struct sr_error *err)
{
	uint8_t digest[SR_DIGEST], *piece = malloc(DIGEST_PIECE);
	struct sr_digest *over = sr_digest_new();
	int from = openat(work->source, "audit/records", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum sr_code code = piece && over ? SR_OK : SR_FAIL_MEMORY(err);
	for (uint64_t at = 0; code == SR_OK && at < work->tail.position; at += DIGEST_PIECE) {
		uint64_t left = work->tail.position - at;
		size_t size = left < DIGEST_PIECE ? (size_t)left : DIGEST_PIECE;
		if (from < 0 || !read_all(from, at, piece, size))
			code = SR_FAIL(err, SR_CORRUPT, "the backup's audit log is missing or cut");
		else if (!write_all(to, at, piece, size))
			code = fail_path(err, "the audit log");
		else if (!sr_digest_add(over, piece, size))
			code = SR_FAIL_MEMORY(err);
	}
	if (code == SR_OK && (!sr_digest_value(over, digest) || memcmp(digest, work->tail.records, sizeof digest) != 0))
		code = SR_FAIL(err, SR_CORRUPT, "the backup's audit log does not have its digest: it is damaged");
	if (from >= 0)
		close(from);
	sr_digest_free(over);
	free(piece);
	return code;
}

/* Its records and their checkpoint; all else of it is made again from them. */
static enum sr_code make_log(struct restoring *work, struct sr_error *err)
{
	const char *path = work->config->audit;
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ? SR_FAIL(err, SR_CONFLICT, "%.200s is there already", path)
				       : fail_path(err, path);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int records = dir < 0 ? -1 : openat(dir, "records", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int checkpoint = dir < 0 ? -1 : openat(dir, "checkpoint", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	enum sr_code code = records < 0 || checkpoint < 0 ? fail_path(err, path) : copy_records(work, records, err);
	if (code == SR_OK && (!write_all(checkpoint, 0, work->tail.checkpoint.data, work->tail.checkpoint.size) ||
			      fsync(records) != 0 || fsync(checkpoint) != 0 || fsync(dir) != 0))
		code = fail_path(err, path);
	const int all[] = {records, checkpoint, dir};
	for (size_t at = 0; at < sizeof all / sizeof all[0]; at++)
		if (all[at] >= 0)
			close(all[at]);
	return code;
}

/* ---- all of it ---- */

static enum sr_code make_durable(const struct restoring *work, struct sr_error *err)
{
	int fd = open(work->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum sr_code code = fd < 0 || syncfs(fd) != 0 ? fail_path(err, work->directory) : SR_OK;
	if (fd >= 0)
		close(fd);
	/* The configuration comes last, when all else is durable: a directory without it is no store. */
	return code == SR_OK ? sr_config_write(work->directory, work->words, err) : code;
}

enum sr_code sr_store_restore(const char *source, const char *directory, const struct sr_config_words *words,
			      struct sr_restored *restored, struct sr_error *err)
{
	struct restoring work = {.words = words, .done = restored, .source = -1, .lock = -1, .blobs = -1};
	memset(restored, 0, sizeof *restored);
	enum sr_code code = open_backup(&work, source, err);
	if (code == SR_OK)
		code = make_directory(&work, directory, err);
	if (code == SR_OK)
		code = open_keyring(&work, err);
	if (code == SR_OK)
		code = make_index(&work, err);
	if (code == SR_OK)
		code = copy_files(&work, err);
	if (code == SR_OK)
		code = make_log(&work, err);
	sr_index_close(work.index);
	if (code == SR_OK)
		code = make_durable(&work, err);
	free(work.extent);
	sr_keyring_free(work.keyring);
	sr_config_free(work.config);
	if (work.bytes)
		munmap((void *)(uintptr_t)work.bytes, work.size);
	const int all[] = {work.source, work.blobs, work.lock};
	for (size_t at = 0; at < sizeof all / sizeof all[0]; at++)
		if (all[at] >= 0)
			close(all[at]);
	free(work.directory);
	return code;
}
