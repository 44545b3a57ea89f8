/*
 * How many different ones of something there were lately through each of many others: patients through an actor, owners
 * through a service. Exact within a window, in bounded memory. Not locked.
 */
#ifndef SR_CROWD_H
#define SR_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SR_CROWD_LIMIT_MAX 1000    /* the greatest limit that can be watched for */
#define SR_CROWD_KEYS 4096         /* watched at once; of those that share a place the least recent makes room */
#define SR_CROWD_PLACES (1u << 20) /* for members of all keys together: 16 MiB */
#define SR_CROWD_MEMBER 32         /* bytes of a member: a tag */

/* More than `most` different ones within `minutes`; `most` 0: not watched for. */
struct sr_rate {
	uint32_t most;
	uint32_t minutes;
};

/* Parse "N/MINUTES" (1 to SR_CROWD_LIMIT_MAX, 1 to 1440) or "none". False: neither; *rate untouched. */
bool sr_rate_parse(const char *text, struct sr_rate *rate) SR_MUST_USE;

struct sr_crowd;

/* An empty one; NULL when memory is used up. NULL may be freed. */
struct sr_crowd *sr_crowd_new(void) SR_MUST_USE;
void sr_crowd_free(struct sr_crowd *crowd);

/*
 * `member` (in, SR_CROWD_MEMBER bytes) is seen through the `size` bytes of `key` (in) at `now_ms`, which never goes
 * back. True if it is one not seen within the rate's window, and the rate's `most` is passed with it. Memory that is
 * used up makes it forget, never fail.
 */
bool sr_crowd_see(struct sr_crowd *crowd, const void *key, size_t size, const uint8_t *member,
		  const struct sr_rate *rate, uint64_t now_ms);

#endif
