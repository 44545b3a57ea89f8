/*
 * Where a track's segments are: from the index while the recording is open, from the manifest afterwards.
 */
#ifndef SR_TABLE_H
#define SR_TABLE_H

#include "serve/play/lookup.h"

/* What is asked of a track, and what was found. */
struct sr_table_look {
	struct sr_request *request;
	const uint8_t *recording;
	const uint8_t *dek;
	uint16_t track;
	/* The first segment wanted, by number; or with `by_offset` the one that holds plaintext byte `offset`. */
	uint32_t from; /* in; by offset out: which it is */
	bool by_offset;
	uint64_t offset;
	struct sr_segment_place *places; /* the caller's room for `most` */
	uint32_t most;
	/* out: */
	uint32_t count; /* of places */
	struct sr_track_row row;
	struct sr_head head;
};

/*
 * Read the track's row and up to `most` places in order, all of one instant. Nothing at or past the end is SR_OK with
 * count 0. SR_NOT_FOUND: no such track; SR_CORRUPT with its event, SR_UNAVAILABLE, SR_IO, SR_INTERNAL; in
 * request->error. Pool.
 */
enum sr_code sr_table_read(struct sr_table_look *look) SR_MUST_USE;

/*
 * The same, from look->from on (`places` and `most` are its own), made into a TABLE in `reply` (out, empty before; the
 * caller's to free); or with `all`, if more is left, into a TABLE_PART. *part (out) is how many records that has, 0 of
 * a TABLE. SR_USAGE: the track has not so many. After a failure both are as they were.
 */
enum sr_code sr_table_page(struct sr_table_look *look, bool all, struct sr_reply *reply, uint16_t *part) SR_MUST_USE;

#endif
