/*
 * The record file's growth: space taken before it is needed, and whole writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "account/audit_internal.h"

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

/* Zeros are written too: overwriting a block that has been written needs no space of any kind, and syncs faster. */
enum sr_code sr_records_grow(int fd, uint64_t *allocated, uint64_t to, struct sr_error *err)
{
	static const uint8_t zeros[64u << 10];
	uint64_t at = *allocated;
	enum sr_code code = SR_OK;
	if (to <= at)
		return SR_OK;
	if (fallocate(fd, 0, (off_t)at, (off_t)(to - at)) != 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
		code = fail(err);
		/* A part of it may be there. */
		(void)!ftruncate(fd, (off_t)at);
		return code;
	}
	while (at < to && code == SR_OK) {
		size_t size = to - at < sizeof zeros ? (size_t)(to - at) : sizeof zeros;
		code = sr_records_put(fd, zeros, size, at, err);
		at += size;
	}
	if (code == SR_OK)
		*allocated = to;
	return code;
}
