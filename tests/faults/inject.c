/*
 * The calls that are intercepted, each in the frame of the plan. They go on as bare system calls, which are not
 * intercepted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inject.h"

/* ---- writes and sends ---- */

/* How bytes move: to a file where it stands or at `offset`, or to a socket with `message`. */
struct move {
	const struct iovec *iov;
	int count;
	off_t offset; /* -1: where the descriptor stands */
	const struct msghdr *message;
	int flags;
};

static ssize_t move(int fd, const struct move *how, const struct iovec *iov, int count)
{
	if (how->message) {
		struct msghdr message = *how->message;
		message.msg_iov = (struct iovec *)(uintptr_t)iov;
		message.msg_iovlen = (size_t)count;
		return syscall(SYS_sendmsg, fd, &message, how->flags);
	}
	if (how->offset >= 0)
		return syscall(SYS_pwritev, fd, iov, count, how->offset, 0);
	return syscall(SYS_writev, fd, iov, count);
}

/* The first half of the bytes. */
static ssize_t move_half(int fd, const struct move *how)
{
	struct iovec half[IOV_MAX];
	size_t size = 0;
	int count = 0;
	for (int i = 0; i < how->count; i++)
		size += how->iov[i].iov_len;
	for (size_t left = size > 1 ? size / 2 : size; left > 0; count++) {
		half[count] = how->iov[count];
		if (half[count].iov_len > left)
			half[count].iov_len = left;
		left -= half[count].iov_len;
	}
	return move(fd, how, half, count);
}

static void trace_move(const struct sr_call *call, const struct move *how, ssize_t moved)
{
	if (!sr_trace_on() || !call->watched || moved < 0)
		return;
	if (call->verb == SR_SEND) {
		sr_trace_add(SR_TRACE_SEND, call, (uint64_t)moved, NULL, 0);
		return;
	}
	bool synced = call->verb == SR_WRITE_SYNCED && call->fault != SR_DENY;
	off_t offset = how->offset >= 0 ? how->offset : lseek(call->fd, 0, SEEK_CUR) - moved;
	sr_trace_add(synced ? SR_TRACE_WRITE_SYNCED : SR_TRACE_WRITE, call, (uint64_t)offset, how->iov,
		     (uint64_t)moved);
}

static ssize_t transfer(int fd, enum sr_verb verb, const struct move *how)
{
	struct sr_call call;
	ssize_t moved;
	sr_call_begin(&call, verb, fd);
	if (call.fault == SR_FAIL)
		moved = sr_call_fail();
	else if (call.fault == SR_SHORT || call.fault == SR_TEAR)
		moved = move_half(fd, how);
	else
		moved = move(fd, how, how->iov, how->count);
	int saved = errno;
	trace_move(&call, how, moved);
	if (call.fault == SR_TEAR)
		sr_call_die();
	sr_call_end();
	errno = saved;
	return call.fault == SR_DENY ? sr_call_fail() : moved;
}

static ssize_t write_at(int fd, const void *data, size_t size, off_t offset)
{
	struct iovec iov = {(void *)(uintptr_t)data, size};
	struct move how = {.iov = &iov, .count = 1, .offset = offset};
	return transfer(fd, SR_WRITE, &how);
}

ssize_t write(int fd, const void *data, size_t size)
{
	return write_at(fd, data, size, -1);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return write_at(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	return write_at(fd, data, size, offset);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	struct move how = {.iov = iov, .count = count, .offset = -1};
	return transfer(fd, SR_WRITE, &how);
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	struct move how = {.iov = iov, .count = count, .offset = offset};
	return transfer(fd, SR_WRITE, &how);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct move how = {message->msg_iov, (int)message->msg_iovlen, -1, message, flags};
	return transfer(fd, SR_SEND, &how);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t to_size)
{
	struct iovec iov = {(void *)(uintptr_t)data, size};
	struct msghdr message = {.msg_name = (void *)(uintptr_t)to, .msg_namelen = to_size};
	struct move how = {&iov, 1, -1, &message, flags};
	return transfer(fd, SR_SEND, &how);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
	return sendto(fd, data, size, flags, NULL, 0);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t size)
{
	struct sr_call call;
	ssize_t moved;
	sr_call_begin(&call, SR_SEND, out);
	bool halves = call.fault == SR_SHORT || call.fault == SR_TEAR;
	moved = call.fault == SR_FAIL ? sr_call_fail()
				      : syscall(SYS_sendfile, out, in, offset, halves && size > 1 ? size / 2 : size);
	int saved = errno;
	if (call.watched && moved >= 0)
		sr_trace_add(SR_TRACE_SEND, &call, (uint64_t)moved, NULL, 0);
	if (call.fault == SR_TEAR)
		sr_call_die();
	sr_call_end();
	errno = saved;
	return moved;
}

ssize_t sendfile64(int out, int in, off64_t *offset, size_t size)
{
	return sendfile(out, in, offset, size);
}

/* ---- syncs ---- */

static enum sr_trace_kind sync_kind(enum sr_verb verb)
{
	if (verb == SR_SYNCFS)
		return SR_TRACE_SYNC_ALL;
	return verb == SR_FSYNC_DIRECTORY ? SR_TRACE_SYNC_NAMES : SR_TRACE_SYNC;
}

static void trace_sync(const struct sr_call *call, int rc)
{
	if (!call->watched)
		return;
	if (call->fault == SR_LATE)
		sr_trace_add_late(call);
	else if (call->fault == SR_FAIL && sr_call_loses())
		sr_trace_add(SR_TRACE_LOST, call, 0, NULL, 0);
	else if (rc == 0 && call->fault == SR_PASS)
		sr_trace_add(sync_kind(call->verb), call, 0, NULL, 0);
}

static int sync_by(long number, enum sr_verb verb, int fd)
{
	struct sr_call call;
	int rc = 0;
	sr_call_begin(&call, verb, fd);
	if (call.fault == SR_FAIL)
		rc = sr_call_fail();
	else if (call.fault == SR_PASS)
		rc = (int)syscall(number, fd);
	int saved = errno;
	trace_sync(&call, rc);
	sr_call_end();
	errno = saved;
	return rc;
}

int fsync(int fd)
{
	return sync_by(SYS_fsync, SR_FSYNC, fd);
}

int fdatasync(int fd)
{
	return sync_by(SYS_fdatasync, SR_FDATASYNC, fd);
}

/* Only `init` uses it. */
int syncfs(int fd)
{
	return sync_by(SYS_syncfs, SR_SYNCFS, fd);
}

/* LMDB uses it only to write through its map, which the daemon never asks for: a trace could not say what it wrote. */
int msync(void *start, size_t size, int flags)
{
	if (sr_trace_on())
		abort();
	return (int)syscall(SYS_msync, start, size, flags);
}

int ftruncate(int fd, off_t size)
{
	struct sr_call call;
	sr_call_begin(&call, SR_TRUNCATE, fd);
	int rc = call.fault == SR_FAIL ? sr_call_fail() : (int)syscall(SYS_ftruncate, fd, size);
	int saved = errno;
	if (call.watched && rc == 0)
		sr_trace_add(SR_TRACE_TRUNCATE, &call, (uint64_t)size, NULL, 0);
	sr_call_end();
	errno = saved;
	return rc;
}

int ftruncate64(int fd, off64_t size)
{
	return ftruncate(fd, size);
}

/* ---- names ---- */

static int create(int directory, const char *name, int flags, mode_t mode)
{
	struct sr_call call;
	struct stat found;
	sr_call_begin_name(&call, SR_CREATE, directory, name);
	bool was = call.watched && fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW) == 0;
	int fd = call.fault == SR_FAIL ? sr_call_fail() : (int)syscall(SYS_openat, directory, name, flags, mode);
	int saved = errno;
	call.fd = fd;
	if (call.watched && fd >= 0 && !was)
		sr_trace_add(SR_TRACE_CREATE, &call, 0, NULL, 0);
	else if (call.watched && fd >= 0 && (flags & O_TRUNC))
		sr_trace_add(SR_TRACE_TRUNCATE, &call, 0, NULL, 0);
	sr_call_end();
	errno = saved;
	return fd;
}

static int open_by(int directory, const char *name, int flags, va_list more)
{
	if (!(flags & O_CREAT))
		return (int)syscall(SYS_openat, directory, name, flags, 0);
	return create(directory, name, flags, va_arg(more, mode_t));
}

int openat(int directory, const char *name, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	int fd = open_by(directory, name, flags, more);
	va_end(more);
	return fd;
}

int open(const char *name, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	int fd = open_by(AT_FDCWD, name, flags, more);
	va_end(more);
	return fd;
}

int openat64(int directory, const char *name, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	int fd = open_by(directory, name, flags, more);
	va_end(more);
	return fd;
}

int open64(const char *name, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	int fd = open_by(AT_FDCWD, name, flags, more);
	va_end(more);
	return fd;
}

int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
	struct sr_call call;
	char target[PATH_MAX];
	sr_call_begin_name(&call, SR_RENAME, from_directory, from);
	int rc = call.fault == SR_FAIL ? sr_call_fail()
				       : (int)syscall(SYS_renameat, from_directory, from, to_directory, to);
	int saved = errno;
	if (call.watched && rc == 0 && sr_name_find(target, to_directory, to)) {
		struct iovec iov = {target, strlen(target)};
		sr_trace_add(SR_TRACE_RENAME, &call, 0, &iov, iov.iov_len);
	}
	sr_call_end();
	errno = saved;
	return rc;
}

int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int directory, const char *name, int flags)
{
	struct sr_call call;
	sr_call_begin_name(&call, SR_UNLINK, directory, name);
	int rc = call.fault == SR_FAIL ? sr_call_fail() : (int)syscall(SYS_unlinkat, directory, name, flags);
	int saved = errno;
	if (call.watched && rc == 0)
		sr_trace_add(SR_TRACE_UNLINK, &call, 0, NULL, 0);
	sr_call_end();
	errno = saved;
	return rc;
}

int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

int mkdirat(int directory, const char *name, mode_t mode)
{
	struct sr_call call;
	sr_call_begin_name(&call, SR_MKDIR, directory, name);
	int rc = call.fault == SR_FAIL ? sr_call_fail() : (int)syscall(SYS_mkdirat, directory, name, mode);
	int saved = errno;
	if (call.watched && rc == 0)
		sr_trace_add(SR_TRACE_MKDIR, &call, 0, NULL, 0);
	sr_call_end();
	errno = saved;
	return rc;
}

int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}
