/*
 * Ranges of tracks, merged where they touch: what was sent to a player, in bounded memory.
 */
#ifndef SR_RANGES_H
#define SR_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "audit_entry.h"
#include "error.h"

#define SR_RANGES_MAX 64

/*
 * Bytes `from` to `to` (without it) of a track's plaintext, and the media times that belong to them, where both are
 * known: of its first segment, and of what follows its last.
 */
struct sr_range {
	uint16_t track;
	uint64_t from, to;
	bool timed;
	uint64_t media_from, media_to;
};

/* In no order. Zeros: none. */
struct sr_ranges {
	struct sr_range list[SR_RANGES_MAX];
	unsigned count;
};

/*
 * Add a range, merging all of its track that it touches or overlaps; an empty one is nothing. The media times of the
 * outermost ends stand; if one of these is not known, none does. False: there is no place left, nothing was changed.
 */
bool sr_ranges_add(struct sr_ranges *ranges, const struct sr_range *range) SR_MUST_USE;

/*
 * Each of them as an entry of the account names it, of `recording`, into `out`, which takes as many; returns how many.
 */
size_t sr_ranges_name(const struct sr_ranges *ranges, const uint8_t recording[SR_UUID], struct sr_audit_recording *out);

/* The bytes in all of them. */
uint64_t sr_ranges_bytes(const struct sr_ranges *ranges);

#endif
