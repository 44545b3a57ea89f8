/* A ring of bytes, and a short table of which of them have a media time. */
#include "retain.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define RING_LEAST (64u * 1024u)
#define TIMES_LEAST 64u

void sr_retained_start(struct sr_retained *kept, uint64_t from)
{
	sr_retained_clear(kept);
	kept->from = from;
}

/* Copy out of the ring, around its end. */
static void unroll(const struct sr_retained *kept, uint8_t *out)
{
	size_t straight = kept->capacity - kept->begin;
	if (straight > kept->size)
		straight = kept->size;
	if (straight > 0)
		memcpy(out, kept->ring + kept->begin, straight);
	if (kept->size > straight)
		memcpy(out + straight, kept->ring, kept->size - straight);
}

static bool grow_ring(struct sr_retained *kept, size_t need)
{
	size_t capacity = kept->capacity ? kept->capacity : RING_LEAST;
	while (capacity < need)
		capacity *= 2;
	if (capacity == kept->capacity)
		return true;
	uint8_t *ring = malloc(capacity);
	if (!ring)
		return false;
	unroll(kept, ring);
	if (kept->ring)
		sodium_memzero(kept->ring, kept->capacity);
	free(kept->ring);
	kept->ring = ring;
	kept->capacity = capacity;
	kept->begin = 0;
	return true;
}

static bool grow_times(struct sr_retained *kept)
{
	if (kept->time_count < kept->time_capacity)
		return true;
	size_t capacity = kept->time_capacity ? kept->time_capacity * 2 : TIMES_LEAST;
	struct sr_retained_time *times = realloc(kept->times, capacity * sizeof *times);
	if (!times)
		return false;
	kept->times = times;
	kept->time_capacity = capacity;
	return true;
}

bool sr_retained_add(struct sr_retained *kept, const uint8_t *data, size_t size, uint64_t media_ms)
{
	bool timed = media_ms != UINT64_MAX && kept->time_count < SR_RETAINED_TIMES;
	if (size == 0)
		return true;
	if ((timed && !grow_times(kept)) || !grow_ring(kept, kept->size + size))
		return false;
	if (timed)
		kept->times[kept->time_count++] =
			(struct sr_retained_time){.offset = kept->from + kept->size, .media_ms = media_ms};
	size_t at = (kept->begin + kept->size) & (kept->capacity - 1);
	size_t straight = kept->capacity - at < size ? kept->capacity - at : size;
	memcpy(kept->ring + at, data, straight);
	memcpy(kept->ring, data + straight, size - straight);
	kept->size += size;
	return true;
}

void sr_retained_drop(struct sr_retained *kept, uint64_t offset)
{
	size_t gone = (size_t)(offset - kept->from);
	size_t times = 0;
	kept->from = offset;
	kept->size -= gone;
	if (kept->capacity > 0)
		kept->begin = (kept->begin + gone) & (kept->capacity - 1);
	while (times < kept->time_count && kept->times[times].offset < offset)
		times++;
	if (times > 0) {
		kept->time_count -= times;
		memmove(kept->times, kept->times + times, kept->time_count * sizeof *kept->times);
	}
}

/* The first time at or after `offset`: its place in the table, or time_count. */
static size_t find_time(const struct sr_retained *kept, uint64_t offset)
{
	size_t low = 0;
	size_t high = kept->time_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (kept->times[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t sr_retained_run(const struct sr_retained *kept, uint64_t offset, size_t most, const uint8_t **data,
		       uint64_t *media_ms)
{
	size_t skip = (size_t)(offset - kept->from);
	size_t time = find_time(kept, offset);
	*data = NULL;
	*media_ms = UINT64_MAX;
	if (skip >= kept->size)
		return 0;
	size_t size = kept->size - skip < most ? kept->size - skip : most;
	size_t at = (kept->begin + skip) & (kept->capacity - 1);
	if (size > kept->capacity - at)
		size = kept->capacity - at;
	if (time < kept->time_count && kept->times[time].offset == offset)
		*media_ms = kept->times[time++].media_ms;
	if (time < kept->time_count && kept->times[time].offset - offset < size)
		size = (size_t)(kept->times[time].offset - offset);
	*data = kept->ring + at;
	return size;
}

void sr_retained_clear(struct sr_retained *kept)
{
	if (kept->ring)
		sodium_memzero(kept->ring, kept->capacity);
	free(kept->ring);
	free(kept->times);
	*kept = (struct sr_retained){0};
}
