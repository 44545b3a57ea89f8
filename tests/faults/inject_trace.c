/*
 * The trace: one entry for each call that changed a file, synced one, or sent something, in the order they took effect.
 * The caller holds a lock from before its call until its entry is added, so that the order is the true one.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inject.h"

#define LATE_MAX 64

/* As it stands in the file, in the machine's byte order; the path and the data follow. */
struct entry {
	uint32_t kind;
	uint32_t path_size;
	uint64_t inode;
	uint64_t offset;
	uint64_t data_size;
};

static int trace = -1;
static _Atomic uint64_t *entries;
static struct entry late[LATE_MAX];
static size_t late_count;

void sr_trace_open(void)
{
	const char *path = getenv("FAULT_TRACE");
	if (path)
		trace = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (path && trace < 0)
		abort();
}

bool sr_trace_on(void)
{
	return trace >= 0;
}

void sr_trace_count_at(_Atomic uint64_t *count)
{
	entries = count;
}

static void put(const void *data, size_t size)
{
	/* A trace with a hole would prove nothing. */
	if (size > 0 && syscall(SYS_write, trace, data, size) != (long)size)
		abort();
}

static void put_data(const struct iovec *iov, uint64_t size)
{
	for (; size > 0; iov++) {
		size_t part = iov->iov_len < size ? iov->iov_len : (size_t)size;
		put(iov->iov_base, part);
		size -= part;
	}
}

static uint64_t inode_of(const struct sr_call *call)
{
	struct stat found;
	return call->fd >= 0 && fstat(call->fd, &found) == 0 ? found.st_ino : 0;
}

static void add(const struct entry *entry, const char *path, const struct iovec *iov)
{
	put(entry, sizeof *entry);
	put(path, entry->path_size);
	put_data(iov, entry->data_size);
	if (entries)
		atomic_fetch_add(entries, 1);
}

static void add_the_late(void)
{
	for (size_t at = 0; at < late_count; at++)
		add(&late[at], "", NULL);
	late_count = 0;
}

void sr_trace_add(enum sr_trace_kind kind, const struct sr_call *call, uint64_t offset, const struct iovec *iov,
		  uint64_t size)
{
	if (trace < 0)
		return;
	struct entry entry = {
		.kind = kind,
		.path_size = (uint32_t)strlen(call->path),
		.inode = inode_of(call),
		.offset = offset,
		.data_size = size,
	};
	add(&entry, call->path, iov);
	if (kind == SR_TRACE_WRITE_SYNCED && strncmp(call->path, "index/", strlen("index/")) == 0)
		add_the_late();
}

void sr_trace_add_late(const struct sr_call *call)
{
	if (trace < 0)
		return;
	if (late_count == LATE_MAX)
		abort();
	late[late_count++] = (struct entry){.kind = SR_TRACE_SYNC, .inode = inode_of(call)};
}
