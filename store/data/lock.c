/*
 * The exclusive lock of a store directory: one daemon or tool at a time.
 */
#include "data/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PID_TEXT_MAX 24

/* Who holds the lock, as its holder wrote it: only for the message, so that anything but a number is no answer. */
static long read_holder(int fd)
{
	char text[PID_TEXT_MAX + 1];
	ssize_t size = pread(fd, text, PID_TEXT_MAX, 0);
	char *end;
	if (size <= 0)
		return 0;
	text[size] = '\0';
	long pid = strtol(text, &end, 10);
	return *end == '\n' && pid > 0 ? pid : 0;
}

/* A full disk must not keep the daemon from starting: that the pid is there is a courtesy. */
static void write_holder(int fd)
{
	char text[PID_TEXT_MAX];
	int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)size, 0) != size)
		(void)!ftruncate(fd, 0);
}

static enum sr_code held(const char *path, int fd, struct sr_error *err)
{
	long pid = read_holder(fd);
	if (pid > 0)
		return SR_FAIL(err, SR_BUSY, "%s is held by process %ld: stop it first", path, pid);
	return SR_FAIL(err, SR_BUSY, "%s is held by another process: stop it first", path);
}

enum sr_code sr_lock_take(const char *directory, int *fd, struct sr_error *err)
{
	enum sr_code code = SR_OK;
	char *path;
	int lock = -1;
	*fd = -1;
	if (asprintf(&path, "%s/lock", directory) < 0)
		return SR_FAIL_MEMORY(err);
	lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (lock < 0) {
		code = SR_FAIL(err, SR_IO, "cannot open %s: %s", path, strerror(errno));
		goto out;
	}
	if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
		code = errno == EWOULDBLOCK ? held(path, lock, err)
					    : SR_FAIL(err, SR_IO, "cannot lock %s: %s", path, strerror(errno));
		goto out;
	}
	write_holder(lock);
	*fd = lock;
	lock = -1;
out:
	if (lock >= 0)
		close(lock);
	free(path);
	return code;
}
