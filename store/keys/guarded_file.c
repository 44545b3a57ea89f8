/*
 * Reading files that hold secrets under their rules, and writing them so that a crash leaves a whole one.
 */
#include "keys/guarded_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_SUFFIX ".new"

/* A failed call as a result. */
static enum sr_code failed(struct sr_error *err, const char *doing, const char *path, int number)
{
	enum sr_code code = number == ENOSPC || number == EDQUOT ? SR_NO_SPACE : SR_IO;

	return SR_FAIL(err, code, "%s %s: %s", doing, path, strerror(number));
}

/* Judged on the open descriptor, so that what was checked is what is read. */
static enum sr_code check_rules(int fd, const char *path, const struct sr_guard *guard, size_t *size,
				struct sr_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return failed(err, "cannot read", path, errno);
	if (!S_ISREG(st.st_mode))
		return SR_FAIL(err, SR_USAGE, "%s %s is not a regular file", guard->what, path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return SR_FAIL(err, SR_USAGE, "%s %s belongs to another user", guard->what, path);
	if ((st.st_mode & guard->forbidden) != 0)
		return SR_FAIL(err, SR_USAGE, "%s %s has mode %04o: others must not reach it (chmod 600)", guard->what,
			       path, (unsigned)(st.st_mode & 07777));
	if (st.st_size < 0 || (uintmax_t)st.st_size < guard->least || (uintmax_t)st.st_size > guard->most)
		return SR_FAIL(err, SR_USAGE, "%s %s has %jd bytes, not %zu to %zu", guard->what, path,
			       (intmax_t)st.st_size, guard->least, guard->most);
	*size = (size_t)st.st_size;
	return SR_OK;
}

/* Exactly `size` bytes; a file that has become shorter is an error like any other. */
static enum sr_code read_all(int fd, const char *path, uint8_t *data, size_t size, struct sr_error *err)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = read(fd, data + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return failed(err, "cannot read", path, errno);
		if (got == 0)
			return SR_FAIL(err, SR_IO, "%s became shorter while it was read", path);
		done += (size_t)got;
	}
	return SR_OK;
}

enum sr_code sr_guarded_read(const char *path, const struct sr_guard *guard, uint8_t **out, size_t *size,
			     struct sr_error *err)
{
	uint8_t *data = NULL;
	enum sr_code code;
	int fd;

	*out = NULL;
	*size = 0;
	/* O_NONBLOCK: a FIFO in the file's place must be refused, not waited for. */
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && errno == ELOOP)
		return SR_FAIL(err, SR_USAGE, "%s %s is a symbolic link", guard->what, path);
	if (fd < 0)
		return failed(err, "cannot open", path, errno);
	code = check_rules(fd, path, guard, size, err);
	if (code != SR_OK)
		goto out;
	data = sodium_malloc(*size);
	if (data == NULL) {
		code = SR_FAIL_MEMORY(err);
		goto out;
	}
	code = read_all(fd, path, data, *size, err);
	if (code != SR_OK)
		goto out;
	*out = data;
	data = NULL;
out:
	if (code != SR_OK)
		*size = 0;
	sodium_free(data);
	close(fd);
	return code;
}

/* Make the entry of `path` in its directory durable. */
static enum sr_code sync_directory(const char *path, struct sr_error *err)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	enum sr_code code = SR_OK;
	char *directory;
	int fd;

	directory = slash == NULL ? strdup(".") : strndup(path, size);
	if (directory == NULL)
		return SR_FAIL_MEMORY(err);
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || TEMP_FAILURE_RETRY(fsync(fd)) != 0)
		code = failed(err, "cannot sync the directory of", path, errno);
	if (fd >= 0)
		close(fd);
	free(directory);
	return code;
}

/* A new file of its own, whole and synced; it is gone again on failure. */
static enum sr_code write_new(const char *path, const uint8_t *data, size_t size, struct sr_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	enum sr_code code = SR_OK;

	if (fd < 0 && errno == EEXIST)
		return SR_FAIL(err, SR_CONFLICT, "%s exists already", path);
	if (fd < 0)
		return failed(err, "cannot make", path, errno);
	for (size_t done = 0; done < size && code == SR_OK;) {
		ssize_t put = write(fd, data + done, size - done);

		if (put >= 0)
			done += (size_t)put;
		else if (errno != EINTR)
			code = failed(err, "cannot write", path, errno);
	}
	/* The umask may have taken bits away, never added any. */
	if (code == SR_OK && fchmod(fd, 0600) != 0)
		code = failed(err, "cannot set the mode of", path, errno);
	if (code == SR_OK && TEMP_FAILURE_RETRY(fsync(fd)) != 0)
		code = failed(err, "cannot sync", path, errno);
	if (close(fd) != 0 && code == SR_OK)
		code = failed(err, "cannot close", path, errno);
	if (code != SR_OK)
		unlink(path);
	return code;
}

enum sr_code sr_guarded_replace(const char *path, const uint8_t *data, size_t size, struct sr_error *err)
{
	char *made;
	enum sr_code code;

	if (asprintf(&made, "%s" NEW_SUFFIX, path) < 0)
		return SR_FAIL_MEMORY(err);
	/* Left behind by a crash: never renamed, so nothing that counts. */
	if (unlink(made) != 0 && errno != ENOENT) {
		code = failed(err, "cannot remove", made, errno);
		goto out;
	}
	code = write_new(made, data, size, err);
	if (code != SR_OK) {
		/* Nobody else may make this file: that it is there again is a fault of the place, not a conflict. */
		if (code == SR_CONFLICT)
			code = SR_FAIL(err, SR_IO, "%s appeared while it was written", made);
		goto out;
	}
	if (rename(made, path) != 0) {
		code = failed(err, "cannot rename to", path, errno);
		unlink(made);
		goto out;
	}
	code = sync_directory(path, err);
out:
	free(made);
	return code;
}

enum sr_code sr_guarded_create(const char *path, const uint8_t *data, size_t size, struct sr_error *err)
{
	enum sr_code code = write_new(path, data, size, err);

	if (code != SR_OK)
		return code;
	code = sync_directory(path, err);
	if (code != SR_OK)
		unlink(path);
	return code;
}
