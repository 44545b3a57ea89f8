/*
 * A track's segments as a player knows them: taken page by page, believed only as far as the chain over them meets a
 * head. Pure functions over bytes.
 */
#ifndef SR_TABLE_H
#define SR_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "message.h"
#include "track.h"

/* What a read needs of one segment; its number is its place in the table. */
struct sr_table_segment {
	uint64_t offset;
	uint32_t length;
	uint8_t commitment[SR_COMMITMENT];
};

struct sr_track_table {
	struct sr_play_head head; /* the newest that was told */
	struct sr_play_head aim;  /* the head that the chain is to meet next */
	uint8_t chain[SR_CHAIN];  /* over the first `count` records */
	struct sr_table_segment *segments;
	uint32_t count; /* records taken */
	uint32_t capacity;
	uint64_t length;   /* of those records */
	uint32_t verified; /* records below a head that the chain has met */
	uint64_t verified_length;
};

/* Start the table of the track that `head` is of. False: the head is impossible. Released with sr_table_free. */
bool sr_table_start(struct sr_track_table *table, const uint8_t recording[SR_UUID],
		    const struct sr_play_head *head) SR_MUST_USE;
void sr_table_free(struct sr_track_table *table);

/*
 * Take the fields of a TABLE message that was asked for from table->count on. SR_CORRUPT: malformed, of another track,
 * with a gap or a wrong order, a head that goes back, a chain that does not meet its head. SR_INTERNAL: no memory.
 */
enum sr_code sr_table_take(struct sr_track_table *table, struct sr_cursor *fields) SR_MUST_USE;

/* Whether `head`, told later, can follow the newest: nothing has shrunk, and what has not grown is the same. */
bool sr_table_follows(const struct sr_track_table *table, const struct sr_play_head *head);

/* True if every segment that the newest head counts is verified. */
bool sr_table_caught_up(const struct sr_track_table *table);

/* True if there will be no more. */
bool sr_table_final(const struct sr_track_table *table);

/* Number of the verified segment that byte `at` (below verified_length) is in. */
uint32_t sr_table_find(const struct sr_track_table *table, uint64_t at);

#endif
