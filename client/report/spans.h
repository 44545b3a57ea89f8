/*
 * Ranges of one track, merged, and the media times that are known of its bytes.
 */
#ifndef SR_REPORT_SPANS_H
#define SR_REPORT_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct sr_report_span {
	uint64_t from, to; /* without `to` */
};

/* Ascending, none touching another. Zeros: none. */
struct sr_report_spans {
	struct sr_report_span *list;
	size_t count, room;
};

/* Add [from, to), merged with all that it touches; an empty one is nothing. False when memory is used up. */
bool sr_report_spans_add(struct sr_report_spans *spans, uint64_t from, uint64_t to) SR_MUST_USE;

/* Add all of `other`. False when memory is used up. */
bool sr_report_spans_join(struct sr_report_spans *spans, const struct sr_report_spans *other) SR_MUST_USE;

/* How much they cover. */
uint64_t sr_report_spans_size(const struct sr_report_spans *spans);

/* Do they cover all of [0, length)? Nothing is never the whole. */
bool sr_report_spans_whole(const struct sr_report_spans *spans, uint64_t length);

void sr_report_spans_free(struct sr_report_spans *spans);

/* A byte of a track whose media time is known: where a segment begins that a range began in or ended before. */
struct sr_report_point {
	uint64_t byte, media_ms;
};

/* Ascending by byte. Zeros: none. */
struct sr_report_points {
	struct sr_report_point *list;
	size_t count, room;
};

/* Add one; of two for the same byte the later media time stands. False when memory is used up. */
bool sr_report_points_add(struct sr_report_points *points, uint64_t byte, uint64_t media_ms) SR_MUST_USE;

/*
 * Milliseconds of media in `spans`: at least, between the points that lie within each; at most, between those that lie
 * around each. False: of some span no point lies around, so that *most (out) is not known; *least (out) always is.
 */
bool sr_report_media(const struct sr_report_points *points, const struct sr_report_spans *spans, uint64_t *least,
		     uint64_t *most) SR_MUST_USE;

void sr_report_points_free(struct sr_report_points *points);

#endif
