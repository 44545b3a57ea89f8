/*
 * Positions of every 256th record: in memory, and in a file of u64s.
 */
#include "account/position.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cursor.h"

#define FILE_NAME "positions"
#define BATCH 512 /* positions read or written at once */

void sr_positions_init(struct sr_positions *positions)
{
	memset(positions, 0, sizeof *positions);
	/* With default attributes this cannot fail on Linux. */
	(void)pthread_mutex_init(&positions->lock, NULL);
}

void sr_positions_clear(struct sr_positions *positions)
{
	(void)pthread_mutex_destroy(&positions->lock);
	free(positions->at);
	memset(positions, 0, sizeof *positions);
}

bool sr_positions_add(struct sr_positions *positions, uint64_t number, uint64_t at)
{
	bool done = true;
	if (number % SR_POSITION_STEP != 0)
		return true;
	pthread_mutex_lock(&positions->lock);
	if (positions->count == positions->room) {
		size_t room = positions->room ? 2 * positions->room : 1024;
		uint64_t *more = realloc(positions->at, room * sizeof *more);
		done = more != NULL;
		positions->at = done ? more : positions->at;
		positions->room = done ? room : positions->room;
	}
	if (done && number / SR_POSITION_STEP == positions->count)
		positions->at[positions->count++] = at;
	pthread_mutex_unlock(&positions->lock);
	return done;
}

bool sr_positions_find(struct sr_positions *positions, uint64_t index, uint64_t *number, uint64_t *at)
{
	pthread_mutex_lock(&positions->lock);
	size_t count = positions->count;
	if (count > 0) {
		size_t found = index < count ? (size_t)index : count - 1;
		*number = (uint64_t)found * SR_POSITION_STEP;
		*at = positions->at[found];
	}
	pthread_mutex_unlock(&positions->lock);
	return count > 0;
}

void sr_positions_cut(struct sr_positions *positions, size_t count)
{
	pthread_mutex_lock(&positions->lock);
	if (positions->count > count)
		positions->count = count;
	pthread_mutex_unlock(&positions->lock);
}

bool sr_positions_load(struct sr_positions *positions, int dir, size_t most)
{
	uint8_t bytes[8 * BATCH];
	uint64_t before = 0;
	off_t offset = 0;
	bool done = true;
	ssize_t got = 8;
	int fd = openat(dir, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	while (fd >= 0 && done && got >= 8 && positions->count < most) {
		got = TEMP_FAILURE_RETRY(pread(fd, bytes, sizeof bytes, offset));
		struct sr_cursor in = sr_cursor_over(bytes, got > 0 ? (size_t)got : 0);
		while (done && in.left >= 8 && positions->count < most) {
			uint64_t at = sr_take_u64(&in);
			if (at <= before) {
				got = 0;
				break;
			}
			before = at;
			done = sr_positions_add(positions, (uint64_t)positions->count * SR_POSITION_STEP, at);
		}
		offset += got > 0 ? got - got % 8 : 0;
	}
	if (fd >= 0)
		(void)close(fd);
	return done;
}

void sr_positions_save(struct sr_positions *positions, int dir, size_t *saved)
{
	uint8_t bytes[8 * BATCH];
	int fd = openat(dir, FILE_NAME, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool done = fd >= 0;
	while (done) {
		struct sr_builder out = sr_builder_over(bytes, sizeof bytes);
		pthread_mutex_lock(&positions->lock);
		for (size_t at = *saved; at < positions->count && out.used < sizeof bytes; at++)
			sr_put_u64(&out, positions->at[at]);
		pthread_mutex_unlock(&positions->lock);
		if (out.used == 0)
			break;
		done = TEMP_FAILURE_RETRY(pwrite(fd, bytes, out.used, (off_t)(8 * *saved))) == (ssize_t)out.used;
		*saved += done ? out.used / 8 : 0;
	}
	if (fd >= 0)
		(void)close(fd);
}
