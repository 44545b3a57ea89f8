/*
 * What a writer keeps of a track until it is durable: the bytes that lie from `from` on, and the media times said of
 * some of them. Memory over buffers of its own: it knows no connection.
 */
#ifndef SR_RETAIN_H
#define SR_RETAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* More media times than this are not kept at once: bytes beyond are sent again as of no known time. */
#define SR_RETAINED_TIMES 65536u

struct sr_retained_time {
	uint64_t offset; /* of the byte in the track */
	uint64_t media_ms;
};

/* All zeros: nothing is kept. Released with sr_retained_clear. */
struct sr_retained {
	uint64_t from; /* offset in the track of the first byte kept */
	size_t size;   /* bytes kept */
	uint8_t *ring;
	size_t capacity;
	size_t begin; /* where in the ring the first byte lies */
	struct sr_retained_time *times;
	size_t time_count;
	size_t time_capacity;
};

/* Begin at `from`, with nothing kept. */
void sr_retained_start(struct sr_retained *kept, uint64_t from);

/*
 * Keep `size` bytes more. `media_ms` is the time of the first, or UINT64_MAX. False: memory is used up, and what was
 * kept is untouched.
 */
bool sr_retained_add(struct sr_retained *kept, const uint8_t *data, size_t size, uint64_t media_ms) SR_MUST_USE;

/* Forget what lies below `offset`, which is neither below what is kept nor beyond it. */
void sr_retained_drop(struct sr_retained *kept, uint64_t offset);

/*
 * A run of kept bytes from `offset` on (not below `from`), at most `most` of them and none, but the first, that has a
 * time of its own: *data (out) is borrowed until the next add, drop or clear; *media_ms (out) is the first byte's time
 * or UINT64_MAX. Returns its size; 0: nothing lies there.
 */
size_t sr_retained_run(const struct sr_retained *kept, uint64_t offset, size_t most, const uint8_t **data,
		       uint64_t *media_ms) SR_MUST_USE;

/* Free all of it, wiped: it is media. */
void sr_retained_clear(struct sr_retained *kept);

#endif
