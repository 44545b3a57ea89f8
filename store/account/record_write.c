/*
 * The record file's growth: space taken before it is needed, by the sealer or by whoever finds none, and whole writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/audit_internal.h"

#define PIECE (128u << 10) /* zeros of one sync: how much an entry's own sync may have to wait for besides */

_Static_assert(SR_RECORDS_STEP % PIECE == 0, "a step is whole pieces");

static enum sr_code fail(struct sr_error *err)
{
	return SR_FAIL(err, errno == ENOSPC || errno == EDQUOT ? SR_NO_SPACE : SR_IO,
		       "the audit log's records cannot be written: %s", strerrordesc_np(errno));
}

enum sr_code sr_records_put(int fd, const void *bytes, size_t size, uint64_t at, struct sr_error *err)
{
	const uint8_t *from = bytes;
	while (size > 0) {
		ssize_t put = TEMP_FAILURE_RETRY(pwrite(fd, from, size, (off_t)at));
		if (put <= 0)
			return fail(err);
		from += put;
		size -= (size_t)put;
		at += (uint64_t)put;
	}
	return SR_OK;
}

static enum sr_code take_space(int fd, uint64_t from, uint64_t to, struct sr_error *err)
{
	if (fallocate(fd, 0, (off_t)from, (off_t)(to - from)) == 0 || errno == EOPNOTSUPP || errno == ENOSYS)
		return SR_OK;
	enum sr_code code = fail(err);
	/* A part of it may be there. */
	(void)!ftruncate(fd, (off_t)from);
	return code;
}

static enum sr_code put_zeros(int fd, uint64_t from, uint64_t to, struct sr_error *err)
{
	static const uint8_t zeros[64u << 10];
	enum sr_code code = SR_OK;
	while (from < to && code == SR_OK) {
		size_t size = to - from < sizeof zeros ? (size_t)(to - from) : sizeof zeros;
		code = sr_records_put(fd, zeros, size, from, err);
		from += size;
	}
	return code;
}

/* Zeros are written too: overwriting a block that has been written needs no space of any kind, and syncs faster. */
enum sr_code sr_records_grow(int fd, uint64_t *allocated, uint64_t to, struct sr_error *err)
{
	if (to <= *allocated)
		return SR_OK;
	enum sr_code code = take_space(fd, *allocated, to, err);
	if (code == SR_OK)
		code = put_zeros(fd, *allocated, to, err);
	if (code == SR_OK)
		*allocated = to;
	return code;
}

/* ---- while the log is written ---- */

/* Whoever waits for room looks whether it is there. Under the lock. */
static void reached(struct sr_audit *audit, uint64_t allocated)
{
	audit->allocated = allocated;
	pthread_cond_broadcast(&audit->grown);
}

/* Nobody has the file grow any more: there was space for it, or not. Under the lock. */
static void ended(struct sr_audit *audit, bool good)
{
	audit->growing = false;
	audit->ahead_failed = !good;
	pthread_cond_broadcast(&audit->grown);
}

bool sr_audit_room(struct sr_audit *audit, uint64_t needs, struct sr_error *err)
{
	pthread_mutex_lock(&audit->lock);
	while (needs > audit->allocated && audit->growing)
		pthread_cond_wait(&audit->grown, &audit->lock);
	uint64_t allocated = audit->allocated;
	bool there = needs <= allocated;
	if (!there)
		audit->growing = true;
	pthread_mutex_unlock(&audit->lock);
	if (there)
		return true;
	there = sr_records_grow(audit->fd, &allocated, needs + SR_RECORDS_STEP, err) == SR_OK ||
		sr_records_grow(audit->fd, &allocated, needs, err) == SR_OK;
	pthread_mutex_lock(&audit->lock);
	reached(audit, allocated);
	ended(audit, there);
	pthread_mutex_unlock(&audit->lock);
	return there;
}

bool sr_audit_room_short(const struct sr_audit *audit)
{
	return audit->end + audit->reserve + SR_RECORDS_STEP / 2 > audit->allocated && !audit->growing &&
	       !audit->ahead_failed && !atomic_load(&audit->failed);
}

/*
 * A descriptor of its own for the record file; -1: it cannot be had. The kernel tells of a write that failed each that
 * was opened, so that a sync by this one takes no failure away from the entries'. Of the same file: another may have
 * been put in its place.
 */
static int open_again(const struct sr_audit *audit)
{
	struct stat one, other;
	int fd = openat(audit->dir, SR_RECORDS_FILE, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &one) == 0 && fstat(audit->fd, &other) == 0 && one.st_dev == other.st_dev &&
	    one.st_ino == other.st_ino)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static bool put_synced_zeros(const struct sr_audit *audit, int fd, uint64_t from, uint64_t to)
{
	return put_zeros(fd, from, to, NULL) == SR_OK && (audit->not_synced || TEMP_FAILURE_RETRY(fdatasync(fd)) == 0);
}

void sr_audit_room_ahead(struct sr_audit *audit)
{
	uint64_t at = audit->allocated, to = at + SR_RECORDS_STEP;
	audit->growing = true;
	pthread_mutex_unlock(&audit->lock);
	int fd = open_again(audit);
	bool good = fd >= 0 && take_space(fd, at, to, NULL) == SR_OK;
	while (good && at < to) {
		good = put_synced_zeros(audit, fd, at, at + PIECE);
		at += PIECE;
		pthread_mutex_lock(&audit->lock);
		if (good)
			reached(audit, at);
		pthread_mutex_unlock(&audit->lock);
	}
	if (fd >= 0)
		(void)close(fd);
	pthread_mutex_lock(&audit->lock);
	ended(audit, good);
}
