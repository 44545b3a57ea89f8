/*
 * The erasure ledger's file: lines of one size, appended and synced, never changed.
 */
#include "data/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/directory.h"

#define LINE_MAX_BYTES 256
#define AHEAD 65536 /* bytes kept for lines to come, so that a full disk stops no erasure */

struct sr_ledger {
	pthread_mutex_t lock;
	int fd;
	size_t line;
	uint64_t count;
	bool failed; /* a sync has: the file is not written again */
};

static enum sr_code fail_errno(struct sr_error *err, const char *what)
{
	enum sr_code code = errno == ENOSPC || errno == EDQUOT ? SR_NO_SPACE : SR_IO;

	return SR_FAIL(err, code, "erasure ledger: %s: %s", what, strerrordesc_np(errno));
}

static int sync_file(int fd)
{
	return (int)TEMP_FAILURE_RETRY(fdatasync(fd));
}

/* Open or make the file; a new name is durable before anything is in it. */
static enum sr_code open_file(const char *path, int *fd, struct sr_error *err)
{
	*fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (*fd >= 0)
		return SR_OK;
	if (errno != ENOENT)
		return fail_errno(err, "opening");
	*fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*fd < 0)
		return fail_errno(err, "making");
	return sr_directory_sync_parent(path, err);
}

/*
 * Write the last line again, and sync it: a process whose sync had failed may have left it where only the kernel's
 * memory has it, taken for clean.
 */
static bool again(const struct sr_ledger *ledger)
{
	uint8_t line[LINE_MAX_BYTES];
	off_t at = (off_t)((ledger->count - 1) * ledger->line);

	return TEMP_FAILURE_RETRY(pread(ledger->fd, line, ledger->line, at)) == (ssize_t)ledger->line &&
	       TEMP_FAILURE_RETRY(pwrite(ledger->fd, line, ledger->line, at)) == (ssize_t)ledger->line &&
	       sync_file(ledger->fd) == 0;
}

/* Count the lines; what is behind the last whole one was never synced as a line. */
static enum sr_code measure(struct sr_ledger *ledger, struct sr_error *err)
{
	struct stat found;
	off_t whole;

	if (fstat(ledger->fd, &found) != 0)
		return fail_errno(err, "measuring");
	if (!S_ISREG(found.st_mode))
		return SR_FAIL(err, SR_USAGE, "erasure ledger: it is not a regular file");
	ledger->count = (uint64_t)found.st_size / ledger->line;
	whole = (off_t)(ledger->count * ledger->line);
	if (ledger->count > 0 && !again(ledger))
		return fail_errno(err, "writing its last line again");
	if (found.st_size != whole && (ftruncate(ledger->fd, whole) != 0 || sync_file(ledger->fd) != 0))
		return fail_errno(err, "cutting what a crash left");
	(void)fallocate(ledger->fd, FALLOC_FL_KEEP_SIZE, whole, AHEAD);
	return SR_OK;
}

enum sr_code sr_ledger_open(const char *path, size_t line, struct sr_ledger **out, struct sr_error *err)
{
	struct sr_ledger *ledger = calloc(1, sizeof *ledger);
	enum sr_code code;

	*out = NULL;
	if (ledger == NULL)
		return SR_FAIL_MEMORY(err);
	(void)pthread_mutex_init(&ledger->lock, NULL);
	ledger->fd = -1;
	ledger->line = line;
	code = line > 0 && line <= LINE_MAX_BYTES ? SR_OK : SR_FAIL(err, SR_USAGE, "erasure ledger: no such lines");
	if (code == SR_OK)
		code = open_file(path, &ledger->fd, err);
	if (code == SR_OK)
		code = measure(ledger, err);
	if (code == SR_OK)
		*out = ledger;
	else
		sr_ledger_close(ledger);
	return code;
}

void sr_ledger_close(struct sr_ledger *ledger)
{
	if (ledger == NULL)
		return;
	if (ledger->fd >= 0)
		(void)close(ledger->fd);
	(void)pthread_mutex_destroy(&ledger->lock);
	free(ledger);
}

uint64_t sr_ledger_count(struct sr_ledger *ledger)
{
	uint64_t count;

	pthread_mutex_lock(&ledger->lock);
	count = ledger->count;
	pthread_mutex_unlock(&ledger->lock);
	return count;
}

static enum sr_code write_all(const struct sr_ledger *ledger, const uint8_t *line, struct sr_error *err)
{
	off_t at = (off_t)(ledger->count * ledger->line);
	size_t done = 0;

	while (done < ledger->line) {
		ssize_t put = pwrite(ledger->fd, line + done, ledger->line - done, at + (off_t)done);

		if (put > 0)
			done += (size_t)put;
		else if (put == 0 || errno != EINTR)
			return fail_errno(err, "writing");
	}
	return SR_OK;
}

/* Under the lock. */
static enum sr_code append(struct sr_ledger *ledger, const uint8_t *line, struct sr_error *err)
{
	enum sr_code code;

	if (ledger->failed)
		return SR_FAIL(err, SR_IO, "erasure ledger: a sync of it has failed; start the daemon again");
	if (ledger->count % (AHEAD / 2 / ledger->line) == 0)
		(void)fallocate(ledger->fd, FALLOC_FL_KEEP_SIZE, (off_t)(ledger->count * ledger->line), AHEAD);
	code = write_all(ledger, line, err);
	if (code != SR_OK)
		return code;
	if (sync_file(ledger->fd) != 0) {
		ledger->failed = true;
		return fail_errno(err, "syncing");
	}
	ledger->count++;
	return SR_OK;
}

enum sr_code sr_ledger_append(struct sr_ledger *ledger, uint64_t count, const uint8_t *line, struct sr_error *err)
{
	enum sr_code code;

	pthread_mutex_lock(&ledger->lock);
	code = count == ledger->count ? append(ledger, line, err)
				      : SR_FAIL(err, SR_CONFLICT, "erasure ledger: another line came before");
	pthread_mutex_unlock(&ledger->lock);
	return code;
}

enum sr_code sr_ledger_read(struct sr_ledger *ledger, uint64_t number, uint8_t *line, struct sr_error *err)
{
	size_t done = 0;

	while (done < ledger->line) {
		off_t at = (off_t)(number * ledger->line + done);
		ssize_t got = pread(ledger->fd, line + done, ledger->line - done, at);

		if (got > 0)
			done += (size_t)got;
		else if (got == 0)
			return SR_FAIL(err, SR_CORRUPT, "erasure ledger: it is shorter than it was");
		else if (errno != EINTR)
			return fail_errno(err, "reading");
	}
	return SR_OK;
}
