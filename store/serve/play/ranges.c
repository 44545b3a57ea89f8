/*
 * Ranges of tracks, merged where they touch: what was sent to a player, in bounded memory.
 */
#include "serve/play/ranges.h"

#include <string.h>

static bool touch(const struct sr_range *left, const struct sr_range *right)
{
	return left->track == right->track && left->from <= right->to && right->from <= left->to;
}

/* Both as one. */
static struct sr_range joined(const struct sr_range *left, const struct sr_range *right)
{
	const struct sr_range *first = right->from < left->from ? right : left;
	const struct sr_range *last = right->to > left->to ? right : left;
	struct sr_range whole = {.track = left->track, .from = first->from, .to = last->to};
	if (first->timed && last->timed) {
		whole.timed = true;
		whole.media_from = first->media_from;
		whole.media_to = last->media_to;
	}
	return whole;
}

bool sr_ranges_add(struct sr_ranges *ranges, const struct sr_range *range)
{
	struct sr_range whole = *range;
	unsigned kept = 0;
	bool merges = false;
	if (range->from >= range->to)
		return true;
	for (unsigned at = 0; at < ranges->count; at++)
		merges = merges || touch(&ranges->list[at], range);
	if (!merges && ranges->count == SR_RANGES_MAX)
		return false;
	/* What touches the growing whole touches the range itself: those that stand do not touch each other. */
	for (unsigned at = 0; at < ranges->count; at++) {
		if (touch(&ranges->list[at], range))
			whole = joined(&ranges->list[at], &whole);
		else
			ranges->list[kept++] = ranges->list[at];
	}
	ranges->list[kept++] = whole;
	ranges->count = kept;
	return true;
}

uint64_t sr_ranges_bytes(const struct sr_ranges *ranges)
{
	uint64_t bytes = 0;
	for (unsigned at = 0; at < ranges->count; at++)
		bytes += ranges->list[at].to - ranges->list[at].from;
	return bytes;
}

size_t sr_ranges_name(const struct sr_ranges *ranges, const uint8_t recording[SR_UUID], struct sr_audit_recording *out)
{
	for (unsigned at = 0; at < ranges->count; at++) {
		const struct sr_range *range = &ranges->list[at];
		out[at] = (struct sr_audit_recording){
			.has_track = true,
			.track = range->track,
			.has_range = true,
			.from = range->from,
			.to = range->to,
			.has_media = range->timed,
			.media_from = range->media_from,
			.media_to = range->media_to,
		};
		memcpy(out[at].id, recording, SR_UUID);
	}
	return ranges->count;
}
