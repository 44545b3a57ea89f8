/*
 * Merging ranges, and reading media times off the points that are known.
 */
#include "spans.h"

#include <stdlib.h>
#include <string.h>

#include "table.h"

/* The first span that ends at or behind `from`. */
static size_t first_reaching(const struct sr_report_spans *spans, uint64_t from)
{
	size_t low = 0, high = spans->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (spans->list[middle].to < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool sr_report_spans_add(struct sr_report_spans *spans, uint64_t from, uint64_t to)
{
	if (from >= to)
		return true;
	struct sr_report_span *list = sr_report_grown(spans->list, &spans->room, spans->count, sizeof *list);
	if (!list)
		return false;
	spans->list = list;
	size_t first = first_reaching(spans, from), end = first;
	for (; end < spans->count && list[end].from <= to; end++) {
		from = list[end].from < from ? list[end].from : from;
		to = list[end].to > to ? list[end].to : to;
	}
	memmove(&list[first + 1], &list[end], (spans->count - end) * sizeof *list);
	list[first] = (struct sr_report_span){from, to};
	spans->count = spans->count + 1 - (end - first);
	return true;
}

bool sr_report_spans_join(struct sr_report_spans *spans, const struct sr_report_spans *other)
{
	for (size_t at = 0; at < other->count; at++)
		if (!sr_report_spans_add(spans, other->list[at].from, other->list[at].to))
			return false;
	return true;
}

uint64_t sr_report_spans_size(const struct sr_report_spans *spans)
{
	uint64_t size = 0;
	for (size_t at = 0; at < spans->count; at++)
		size += spans->list[at].to - spans->list[at].from;
	return size;
}

bool sr_report_spans_whole(const struct sr_report_spans *spans, uint64_t length)
{
	return length > 0 && spans->count > 0 && spans->list[0].from == 0 && spans->list[0].to >= length;
}

void sr_report_spans_free(struct sr_report_spans *spans)
{
	free(spans->list);
	*spans = (struct sr_report_spans){.list = NULL};
}

/* The first point at or behind `byte`. */
static size_t first_from(const struct sr_report_points *points, uint64_t byte)
{
	size_t low = 0, high = points->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (points->list[middle].byte < byte)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool sr_report_points_add(struct sr_report_points *points, uint64_t byte, uint64_t media_ms)
{
	struct sr_report_point *list = sr_report_grown(points->list, &points->room, points->count, sizeof *list);
	if (!list)
		return false;
	points->list = list;
	size_t at = first_from(points, byte);
	if (at < points->count && list[at].byte == byte) {
		list[at].media_ms = media_ms > list[at].media_ms ? media_ms : list[at].media_ms;
		return true;
	}
	memmove(&list[at + 1], &list[at], (points->count - at) * sizeof *list);
	list[at] = (struct sr_report_point){byte, media_ms};
	points->count++;
	return true;
}

/* Points need not ascend in time: what would be less than nothing is nothing. */
static uint64_t between(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

static uint64_t within(const struct sr_report_points *points, const struct sr_report_span *span)
{
	size_t first = first_from(points, span->from);
	size_t behind = span->to == UINT64_MAX ? points->count : first_from(points, span->to + 1);
	return behind > first ? between(points->list[first].media_ms, points->list[behind - 1].media_ms) : 0;
}

/* False: none lies before it, or none behind it. */
static bool around(const struct sr_report_points *points, const struct sr_report_span *span, uint64_t *media)
{
	size_t first = span->from == UINT64_MAX ? points->count : first_from(points, span->from + 1);
	size_t last = first_from(points, span->to);
	if (first == 0 || last == points->count)
		return false;
	*media = between(points->list[first - 1].media_ms, points->list[last].media_ms);
	return true;
}

bool sr_report_media(const struct sr_report_points *points, const struct sr_report_spans *spans, uint64_t *least,
		     uint64_t *most)
{
	bool known = true;
	uint64_t media = 0;
	*least = *most = 0;
	for (size_t at = 0; at < spans->count; at++) {
		*least += within(points, &spans->list[at]);
		if (around(points, &spans->list[at], &media))
			*most += media;
		else
			known = false;
	}
	return known;
}

void sr_report_points_free(struct sr_report_points *points)
{
	free(points->list);
	*points = (struct sr_report_points){.list = NULL};
}
