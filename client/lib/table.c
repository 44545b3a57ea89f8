/* The table of a track's segments: growing, chained, searched. */
#include "table.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_LEAST 64u

static bool same_chain(const uint8_t a[SR_CHAIN], const uint8_t b[SR_CHAIN])
{
	return sodium_memcmp(a, b, SR_CHAIN) == 0;
}

/* The records taken have come to where a head was: does it say the same? */
static bool meet(struct sr_track_table *table, const struct sr_play_head *head)
{
	if (table->length != head->length || !same_chain(table->chain, head->chain))
		return false;
	table->verified = table->count;
	table->verified_length = table->length;
	return true;
}

bool sr_table_start(struct sr_track_table *table, const uint8_t recording[SR_UUID], const struct sr_play_head *head)
{
	*table = (struct sr_track_table){.head = *head, .aim = *head};
	sr_chain_start(recording, head->track, table->chain);
	return head->segments != 0 || meet(table, head);
}

void sr_table_free(struct sr_track_table *table)
{
	free(table->segments);
	table->segments = NULL;
}

/* Whether `next` can follow `head`: nothing shrinks, and what has not grown is the same. */
static bool follows(const struct sr_play_head *head, const struct sr_play_head *next)
{
	if (next->track != head->track || next->segments < head->segments || next->length < head->length ||
	    (head->state == SR_FINISHED && (next->state != SR_FINISHED || next->segments != head->segments)))
		return false;
	return next->segments != head->segments ||
	       (next->length == head->length && same_chain(next->chain, head->chain));
}

static enum sr_code make_room(struct sr_track_table *table, uint32_t more)
{
	uint64_t need = (uint64_t)table->count + more;
	uint64_t capacity = table->capacity ? table->capacity : TABLE_LEAST;
	if (need <= table->capacity)
		return SR_OK;
	while (capacity < need)
		capacity *= 2;
	if (need > UINT32_MAX || capacity > UINT32_MAX)
		return SR_CORRUPT;
	struct sr_table_segment *grown = reallocarray(table->segments, capacity, sizeof *grown);
	if (!grown)
		return SR_INTERNAL;
	table->segments = grown;
	table->capacity = (uint32_t)capacity;
	return SR_OK;
}

/* Take one record, which must be the very next. */
static bool take_record(struct sr_track_table *table, struct sr_cursor *fields)
{
	struct sr_segment_record record;
	sr_segment_record_decode(fields, &record);
	if (fields->failed || record.number != table->count || record.offset != table->length)
		return false;
	struct sr_table_segment *segment = &table->segments[table->count];
	segment->offset = record.offset;
	segment->length = record.length;
	memcpy(segment->commitment, record.commitment, SR_COMMITMENT);
	sr_chain_extend(table->chain, &record);
	table->count++;
	table->length += record.length;
	return table->count != table->aim.segments || meet(table, &table->aim);
}

enum sr_code sr_table_take(struct sr_track_table *table, struct sr_cursor *fields)
{
	struct sr_table page;
	sr_table_decode(fields, &page);
	if (fields->failed || page.from != table->count || !follows(&table->head, &page.head))
		return SR_CORRUPT;
	table->head = page.head;
	if (table->count + (uint64_t)page.count > table->head.segments)
		return SR_CORRUPT;
	/* A page may be empty only where nothing is missing, or it would be asked for for ever. */
	if (page.count == 0 && table->count < table->head.segments)
		return SR_CORRUPT;
	enum sr_code code = make_room(table, page.count);
	/* The head aimed at before is met first; from there on it is the newest. */
	for (uint16_t i = 0; code == SR_OK && i < page.count; i++) {
		if (table->count == table->aim.segments)
			table->aim = table->head;
		if (!take_record(table, fields))
			code = SR_CORRUPT;
	}
	if (code == SR_OK && !sr_take_done(fields))
		code = SR_CORRUPT;
	return code;
}

bool sr_table_follows(const struct sr_track_table *table, const struct sr_play_head *head)
{
	return follows(&table->head, head);
}

bool sr_table_caught_up(const struct sr_track_table *table)
{
	return table->verified == table->head.segments;
}

bool sr_table_final(const struct sr_track_table *table)
{
	return table->head.state == SR_FINISHED && sr_table_caught_up(table);
}

uint32_t sr_table_find(const struct sr_track_table *table, uint64_t at)
{
	uint32_t low = 0;
	uint32_t high = table->verified;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (table->segments[middle].offset <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}
