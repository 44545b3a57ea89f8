/*
 * How many different ones of something there were lately through each of many others: patients through an actor, owners
 * through a service. Exact within a window, in bounded memory. Not locked.
 */
#include "access/crowd.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define WAYS 8 /* keys that share a place */
#define SETS (SR_CROWD_KEYS / WAYS)
#define FIRST_ROOM 16

struct member {
	uint64_t id; /* 0: free */
	uint64_t seen_ms;
};

/* One key's members: an open-addressed table, never more than half full. */
struct one {
	uint64_t id; /* 0: free */
	uint64_t seen_ms;
	struct member *members;
	size_t used, room;
};

struct sr_crowd {
	uint8_t key[crypto_shorthash_KEYBYTES];
	size_t places; /* of all tables together */
	struct one ones[SR_CROWD_KEYS];
};

static bool parse_number(const char **at, uint32_t most, uint32_t *out)
{
	uint64_t value = 0;
	const char *from = *at;
	for (; **at >= '0' && **at <= '9' && value <= most; (*at)++)
		value = value * 10 + (uint64_t)(**at - '0');
	*out = (uint32_t)value;
	return *at > from && value >= 1 && value <= most;
}

bool sr_rate_parse(const char *text, struct sr_rate *rate)
{
	struct sr_rate read;
	if (strcmp(text, "none") == 0) {
		*rate = (struct sr_rate){0, 0};
		return true;
	}
	if (!parse_number(&text, SR_CROWD_LIMIT_MAX, &read.most) || *text++ != '/' ||
	    !parse_number(&text, 1440, &read.minutes) || *text)
		return false;
	*rate = read;
	return true;
}

struct sr_crowd *sr_crowd_new(void)
{
	struct sr_crowd *crowd = calloc(1, sizeof *crowd);
	if (crowd)
		randombytes_buf(crowd->key, sizeof crowd->key);
	return crowd;
}

void sr_crowd_free(struct sr_crowd *crowd)
{
	for (size_t at = 0; crowd && at < SR_CROWD_KEYS; at++)
		free(crowd->ones[at].members);
	free(crowd);
}

/* Keyed, so that nobody chooses whom they hide behind. Never 0. */
static uint64_t id_of(const struct sr_crowd *crowd, const void *bytes, size_t size)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint64_t id;
	crypto_shorthash(hash, bytes, size, crowd->key);
	memcpy(&id, hash, sizeof id);
	return id ? id : 1;
}

static void forget(struct sr_crowd *crowd, struct one *one)
{
	crowd->places -= one->room;
	free(one->members);
	*one = (struct one){0};
}

/* The key's own, or a new one in the place of the one of its set that was seen the longest ago. */
static struct one *find_key(struct sr_crowd *crowd, uint64_t id)
{
	struct one *set = &crowd->ones[id % SETS * WAYS], *oldest = set;
	for (struct one *one = set; one < set + WAYS; one++) {
		if (one->id == id)
			return one;
		if (one->seen_ms < oldest->seen_ms || (one->id == 0 && oldest->id != 0))
			oldest = one;
	}
	forget(crowd, oldest);
	oldest->id = id;
	return oldest;
}

static struct member *slot_of(struct member *members, size_t room, uint64_t id)
{
	size_t at = (size_t)(id / SETS) & (room - 1);
	while (members[at].id && members[at].id != id)
		at = (at + 1) & (room - 1);
	return &members[at];
}

/* Whoever was seen the longest ago, but for `spared`, gives its memory back. */
static void forget_stalest(struct sr_crowd *crowd, const struct one *spared)
{
	struct one *stalest = NULL;
	for (struct one *one = crowd->ones; one < crowd->ones + SR_CROWD_KEYS; one++)
		if (one != spared && one->room && (!stalest || one->seen_ms < stalest->seen_ms))
			stalest = one;
	if (stalest)
		forget(crowd, stalest);
}

/* Make a table of `room` with those members only that were seen since `since`. False: memory is used up. */
static bool rebuild(struct sr_crowd *crowd, struct one *one, size_t room, uint64_t since)
{
	while (crowd->places - one->room + room > SR_CROWD_PLACES && crowd->places > one->room)
		forget_stalest(crowd, one);
	struct member *members = calloc(room, sizeof *members);
	if (!members)
		return false;
	size_t used = 0;
	for (size_t at = 0; at < one->room; at++)
		if (one->members[at].id && one->members[at].seen_ms >= since) {
			*slot_of(members, room, one->members[at].id) = one->members[at];
			used++;
		}
	free(one->members);
	crowd->places += room - one->room;
	one->members = members;
	one->room = room;
	one->used = used;
	return true;
}

bool sr_crowd_see(struct sr_crowd *crowd, const void *key, size_t size, const uint8_t *member,
		  const struct sr_rate *rate, uint64_t now_ms)
{
	uint64_t window = 60000ull * rate->minutes, since = now_ms > window ? now_ms - window : 0;
	if (rate->most == 0)
		return false;
	struct one *one = find_key(crowd, id_of(crowd, key, size));
	uint64_t id = id_of(crowd, member, SR_CROWD_MEMBER);
	one->seen_ms = now_ms;
	/* A table that is half full loses those that are over; if that makes no room it grows. */
	if (2 * (one->used + 1) > one->room &&
	    (!rebuild(crowd, one, one->room ? one->room : FIRST_ROOM, since) ||
	     (2 * (one->used + 1) > one->room && !rebuild(crowd, one, 2 * one->room, since)))) {
		forget(crowd, one);
		return false;
	}
	struct member *slot = slot_of(one->members, one->room, id);
	bool fresh = slot->id == 0 || slot->seen_ms < since;
	one->used += slot->id == 0;
	*slot = (struct member){id, now_ms};
	if (!fresh || one->used <= rate->most)
		return false;
	/* Some of them may be over: only now it matters. */
	(void)!rebuild(crowd, one, one->room, since);
	return one->used > rate->most;
}
