/*
 * Data files: found by name under their fan-out directories, appended to, read, removed. No path below the root is
 * ever followed through a symbolic link.
 */
#include "data/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "data/blob_name.h"

#define SPACE_MS 100 /* how long an answer about free space is good for */
/* Whoever follows live reads what was just synced: that stays in the page cache. The rest goes this much at a time. */
#define KEPT (1u << 20)
#define DROPPED (1u << 20)

struct sr_blobs {
	int root;
	uint64_t reserve;
	_Atomic int64_t asked_ms; /* when the file system was last asked */
	_Atomic int space;        /* what came of it: an enum sr_code */
};

struct sr_blob {
	int fd;
	uint64_t position;
	_Atomic bool failed; /* latched by the owner or by a flush thread */
	uint64_t dropped;    /* up to here nothing is to be in the page cache; of whoever syncs */
	char label[SR_BLOB_LABEL];
};

/* What errno says about a file that could not be used. */
static enum sr_code fail_errno(struct sr_error *err, const char *label, const char *doing)
{
	int number = errno;
	enum sr_code code = number == ENOSPC || number == EDQUOT ? SR_NO_SPACE : SR_IO;

	return SR_FAIL(err, code, "blob %s: %s: %s", label, doing, strerrordesc_np(number));
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Is more than the reserve free? Asks the file system. */
static enum sr_code ask_space(const struct sr_blobs *blobs)
{
	struct statvfs found;

	if (fstatvfs(blobs->root, &found) != 0)
		return SR_IO;
	/* Divided, because a product of the two could overflow. What only root may use does not count. */
	return found.f_frsize != 0 && found.f_bavail > blobs->reserve / found.f_frsize ? SR_OK : SR_NO_SPACE;
}

enum sr_code sr_blobs_open(const char *path, uint64_t reserve, struct sr_blobs **out, struct sr_error *err)
{
	int root = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct sr_blobs *blobs;

	*out = NULL;
	if (root < 0)
		return SR_FAIL(err, SR_IO, "%s: %s", path, strerrordesc_np(errno));
	blobs = calloc(1, sizeof *blobs);
	if (blobs == NULL) {
		(void)close(root);
		return SR_FAIL_MEMORY(err);
	}
	blobs->root = root;
	blobs->reserve = reserve;
	atomic_init(&blobs->asked_ms, now_ms());
	atomic_init(&blobs->space, (int)ask_space(blobs));
	*out = blobs;
	return SR_OK;
}

void sr_blobs_close(struct sr_blobs *blobs)
{
	if (blobs == NULL)
		return;
	(void)close(blobs->root);
	free(blobs);
}

enum sr_code sr_blobs_space(struct sr_blobs *blobs, struct sr_error *err)
{
	int64_t asked = atomic_load(&blobs->asked_ms), now = now_ms();

	/* One of several threads asks; the others go by the answer before. */
	if (now - asked >= SPACE_MS && atomic_compare_exchange_strong(&blobs->asked_ms, &asked, now))
		atomic_store(&blobs->space, (int)ask_space(blobs));
	switch ((enum sr_code)atomic_load(&blobs->space)) {
	case SR_OK:
		return SR_OK;
	case SR_NO_SPACE:
		return SR_FAIL(err, SR_NO_SPACE, "the blobs' file system has reached its reserve of %llu bytes",
			       (unsigned long long)blobs->reserve);
	default:
		return SR_FAIL(err, SR_IO, "the blobs' file system does not say how much is free");
	}
}

/*
 * The directory that a blob lies in. A missing one is the store's damage: init made them all.
 */
static enum sr_code open_fan(const struct sr_blobs *blobs, const char *fan, int *fd, struct sr_error *err)
{
	*fd = openat(blobs->root, fan, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd >= 0)
		return SR_OK;
	if (errno == ENOENT || errno == ELOOP || errno == ENOTDIR)
		return SR_FAIL(err, SR_CORRUPT, "blob directory %s is missing or no directory", fan);
	return fail_errno(err, fan, "opening the directory");
}

enum sr_code sr_blobs_list_fan(const struct sr_blobs *blobs, const char *fan, DIR **directory, struct sr_error *err)
{
	int fd;
	enum sr_code code = open_fan(blobs, fan, &fd, err);

	*directory = code == SR_OK ? fdopendir(fd) : NULL;
	if (code != SR_OK || *directory != NULL)
		return code;
	(void)close(fd);
	return SR_FAIL_MEMORY(err);
}

/*
 * Open what must be there: a regular file with the given flags. Never waits on a fifo that somebody put in its place.
 */
static enum sr_code open_present(const struct sr_blobs *blobs, const struct sr_blob_label *label, int flags, int *fd,
				 uint64_t *size, struct sr_error *err)
{
	enum sr_code code;
	struct stat found;
	int fan;

	*fd = -1;
	code = open_fan(blobs, label->fan, &fan, err);
	if (code != SR_OK)
		return code;
	*fd = openat(fan, label->file, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0) {
		/* EWOULDBLOCK: it was unlinked since it was looked up, and is being given back (blob_remove.c). */
		bool no_file =
			errno == ENOENT || errno == ELOOP || errno == EISDIR || errno == ENXIO || errno == EWOULDBLOCK;

		code = no_file ? SR_FAIL(err, SR_CORRUPT, "blob %s is missing or no regular file", label->text)
			       : fail_errno(err, label->text, "opening");
	} else if (fstat(*fd, &found) != 0) {
		code = fail_errno(err, label->text, "looking at it");
	} else if (!S_ISREG(found.st_mode)) {
		code = SR_FAIL(err, SR_CORRUPT, "blob %s is missing or no regular file", label->text);
	} else {
		*size = (uint64_t)found.st_size;
	}
	if (code != SR_OK && *fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
	(void)close(fan);
	return code;
}

/* A blob over `fd`, which it owns from here on, also when there is no memory. */
static enum sr_code wrap(int fd, uint64_t position, const struct sr_blob_label *label, struct sr_blob **out,
			 struct sr_error *err)
{
	struct sr_blob *blob = calloc(1, sizeof *blob);

	if (blob == NULL) {
		(void)close(fd);
		return SR_FAIL_MEMORY(err);
	}
	blob->fd = fd;
	blob->position = position;
	atomic_init(&blob->failed, false);
	memcpy(blob->label, label->text, sizeof blob->label);
	*out = blob;
	return SR_OK;
}

enum sr_code sr_blob_create(struct sr_blobs *blobs, const struct sr_blob_name *name, struct sr_blob **out,
			    struct sr_error *err)
{
	struct sr_blob_label label = sr_blob_label(name);
	enum sr_code code;
	int fan, fd;

	*out = NULL;
	code = open_fan(blobs, label.fan, &fan, err);
	if (code != SR_OK)
		return code;
	fd = openat(fan, label.file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		code = errno == EEXIST ? SR_FAIL(err, SR_CONFLICT, "blob %s is there already", label.text)
				       : fail_errno(err, label.text, "creating");
		goto out;
	}
	if (TEMP_FAILURE_RETRY(fsync(fd)) != 0 || TEMP_FAILURE_RETRY(fsync(fan)) != 0) {
		code = fail_errno(err, label.text, "syncing a new file");
		(void)close(fd);
	} else {
		code = wrap(fd, 0, &label, out, err);
	}
	if (code != SR_OK)
		(void)unlinkat(fan, label.file, 0);
out:
	(void)close(fan);
	return code;
}

/* What a crash left between a file's making and its syncs: its name may not be durable yet. */
static enum sr_code sync_name(const struct sr_blobs *blobs, const struct sr_blob_label *label, int fd,
			      struct sr_error *err)
{
	int fan;
	enum sr_code code = open_fan(blobs, label->fan, &fan, err);

	if (code != SR_OK)
		return code;
	if (TEMP_FAILURE_RETRY(fsync(fd)) != 0 || TEMP_FAILURE_RETRY(fsync(fan)) != 0)
		code = fail_errno(err, label->text, "syncing a new file");
	(void)close(fan);
	return code;
}

enum sr_code sr_blob_append_open(struct sr_blobs *blobs, const struct sr_blob_name *name, uint64_t committed,
				 struct sr_blob **out, struct sr_error *err)
{
	struct sr_blob_label label = sr_blob_label(name);
	enum sr_code code;
	uint64_t size = 0;
	int fd;

	*out = NULL;
	code = open_present(blobs, &label, O_RDWR, &fd, &size, err);
	if (code != SR_OK)
		return code;
	/* A committed length comes out of a row and may be anything; past here it fits an off_t, because size does. */
	if (size < committed)
		code = SR_FAIL(err, SR_CORRUPT, "blob %s is %llu bytes long and %llu were committed", label.text,
			       (unsigned long long)size, (unsigned long long)committed);
	else if (size > committed && TEMP_FAILURE_RETRY(ftruncate(fd, (off_t)committed)) != 0)
		code = fail_errno(err, label.text, "cutting what was not committed");
	else if (committed == 0)
		code = sync_name(blobs, &label, fd, err);
	if (code != SR_OK) {
		(void)close(fd);
		return code;
	}
	return wrap(fd, committed, &label, out, err);
}

void sr_blob_close(struct sr_blob *blob)
{
	if (blob == NULL)
		return;
	(void)close(blob->fd);
	free(blob);
}

enum sr_code sr_blob_append(struct sr_blob *blob, const uint8_t *data, size_t size, struct sr_error *err)
{
	size_t done = 0;

	if (atomic_load(&blob->failed))
		return SR_FAIL(err, SR_IO, "blob %s has failed before and takes no more", blob->label);
	if (size > (uint64_t)INT64_MAX - blob->position) {
		atomic_store(&blob->failed, true);
		return SR_FAIL(err, SR_IO, "blob %s would be longer than a file can be", blob->label);
	}
	while (done < size) {
		ssize_t wrote = pwrite(blob->fd, data + done, size - done, (off_t)(blob->position + done));

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0) {
			/* Nothing written and no error: POSIX gives no reason for it, so it is not tried for ever. */
			if (wrote == 0)
				errno = EIO;
			atomic_store(&blob->failed, true);
			return fail_errno(err, blob->label, "appending");
		}
		done += (size_t)wrote;
	}
	blob->position += size;
	return SR_OK;
}

uint64_t sr_blob_position(const struct sr_blob *blob)
{
	return blob->position;
}

/*
 * What was recorded is seldom read soon, and there is far more of it than memory: left in the page cache it would push
 * out the index, and each page of it would have to be reclaimed. Only advice: failing to give it changes nothing.
 */
static void drop_synced(struct sr_blob *blob)
{
	struct stat now;
	uint64_t from = blob->dropped;
	if (fstat(blob->fd, &now) != 0 || (uint64_t)now.st_size < from + KEPT + DROPPED)
		return;
	blob->dropped = ((uint64_t)now.st_size - KEPT) / DROPPED * DROPPED;
	(void)posix_fadvise(blob->fd, (off_t)from, (off_t)(blob->dropped - from), POSIX_FADV_DONTNEED);
}

enum sr_code sr_blob_sync(struct sr_blob *blob, struct sr_error *err)
{
	int rc;

	if (atomic_load(&blob->failed))
		return SR_FAIL(err, SR_IO, "blob %s has failed before and cannot be synced", blob->label);
	do
		rc = fdatasync(blob->fd);
	while (rc != 0 && errno == EINTR);
	if (rc == 0) {
		drop_synced(blob);
		return SR_OK;
	}
	atomic_store(&blob->failed, true);
	return SR_FAIL(err, SR_IO, "blob %s: syncing: %s", blob->label, strerrordesc_np(errno));
}

enum sr_code sr_blob_read(struct sr_blobs *blobs, const struct sr_blob_name *name, uint64_t position, uint8_t *out,
			  size_t size, struct sr_error *err)
{
	uint64_t length;
	int fd;
	enum sr_code code = sr_blob_read_open(blobs, name, &fd, &length, err);

	if (code != SR_OK)
		return code;
	if (position > length)
		code = SR_FAIL(err, SR_CORRUPT, "blob %s is too short", sr_blob_label(name).text);
	else
		code = sr_blob_read_from(fd, name, position, out, size, err);
	(void)close(fd);
	return code;
}

static enum sr_code read_all(int fd, const char *label, uint64_t position, uint8_t *out, size_t size,
			     struct sr_error *err)
{
	enum sr_code code = SR_OK;
	size_t done = 0;

	/* A position comes out of a row and may be anything: none that is no off_t is in the file. */
	if (position > (uint64_t)INT64_MAX || size > (uint64_t)INT64_MAX - position)
		code = SR_FAIL(err, SR_CORRUPT, "blob %s is too short", label);
	while (code == SR_OK && done < size) {
		ssize_t got = pread(fd, out + done, size - done, (off_t)(position + done));

		if (got > 0)
			done += (size_t)got;
		else if (got == 0)
			code = SR_FAIL(err, SR_CORRUPT, "blob %s is too short", label);
		else if (errno != EINTR)
			code = fail_errno(err, label, "reading");
	}
	return code;
}

enum sr_code sr_blob_read_from(int fd, const struct sr_blob_name *name, uint64_t position, uint8_t *out, size_t size,
			       struct sr_error *err)
{
	struct sr_blob_label label = sr_blob_label(name);

	return read_all(fd, label.text, position, out, size, err);
}

enum sr_code sr_blob_read_back(const struct sr_blob *blob, uint64_t position, uint8_t *out, size_t size,
			       struct sr_error *err)
{
	return read_all(blob->fd, blob->label, position, out, size, err);
}

bool sr_blob_stamp(const struct sr_blob *blob, struct sr_blob_stamp *stamp)
{
	struct stat now;

	if (fstat(blob->fd, &now) != 0)
		return false;
	*stamp = (struct sr_blob_stamp){
		.device = now.st_dev,
		.inode = now.st_ino,
		.size = (uint64_t)now.st_size,
		.seconds = now.st_ctim.tv_sec,
		.nanoseconds = now.st_ctim.tv_nsec,
	};
	return true;
}

bool sr_blob_stamp_same(const struct sr_blob_stamp *one, const struct sr_blob_stamp *other)
{
	return one->device == other->device && one->inode == other->inode && one->size == other->size &&
	       one->seconds == other->seconds && one->nanoseconds == other->nanoseconds;
}

enum sr_code sr_blob_read_open(struct sr_blobs *blobs, const struct sr_blob_name *name, int *fd, uint64_t *size,
			       struct sr_error *err)
{
	struct sr_blob_label label = sr_blob_label(name);

	*size = 0;
	return open_present(blobs, &label, O_RDONLY, fd, size, err);
}

enum sr_code sr_blob_remove(struct sr_blobs *blobs, const struct sr_blob_name *name, struct sr_error *err)
{
	struct sr_blob_label label = sr_blob_label(name);
	enum sr_code code;
	int fan;

	code = open_fan(blobs, label.fan, &fan, err);
	if (code != SR_OK)
		return code;
	if (unlinkat(fan, label.file, 0) != 0 && errno != ENOENT)
		code = fail_errno(err, label.text, "removing");
	/* Also when it was missing: an earlier removal may have been cut off before its sync. */
	else if (TEMP_FAILURE_RETRY(fsync(fan)) != 0)
		code = fail_errno(err, label.text, "syncing its directory");
	(void)close(fan);
	return code;
}
