/*
 * Where a track's segments are: from the index while the recording is open, from the manifest afterwards.
 */
#include "serve/play/table.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "serve/record/manifest_reader.h"
#include "serve/session.h"

static enum sr_code damaged(struct sr_table_look *look, const char *what)
{
	return sr_request_corrupt(look->request, look->recording, what);
}

/* Binary search over anything that can give one place by number: the segment that holds look->offset. */
typedef enum sr_code place_of(void *source, uint32_t number, struct sr_segment_place *place);

static enum sr_code find_from(struct sr_table_look *look, place_of *get, void *source)
{
	uint32_t low = 0, high = look->head.segments;
	if (!look->by_offset)
		return SR_OK;
	if (look->offset >= look->head.length) {
		look->from = look->head.segments;
		return SR_OK;
	}
	while (high - low > 1) {
		struct sr_segment_place place;
		uint32_t middle = low + (high - low) / 2;
		enum sr_code code = get(source, middle, &place);
		if (code != SR_OK)
			return code;
		if (place.record.offset <= look->offset)
			low = middle;
		else
			high = middle;
	}
	look->from = low;
	return SR_OK;
}

/* Records in the index carry no HMAC: what is done with them must hold whatever they say. */
static bool fits(const struct sr_table_look *look)
{
	const struct sr_segment_place *places = look->places;
	for (uint32_t at = 0; at < look->count; at++) {
		const struct sr_segment_record *record = &places[at].record;
		if (record->offset > look->head.length || record->length > look->head.length - record->offset)
			return false;
		if (at > 0 && record->offset != places[at - 1].record.offset + places[at - 1].record.length)
			return false;
	}
	if (look->count == 0)
		return true;
	const struct sr_segment_record *last = &places[look->count - 1].record;
	if ((look->from == 0 && places[0].record.offset != 0) ||
	    (last->number + 1 == look->head.segments && last->offset + last->length != look->head.length))
		return false;
	return !look->by_offset || (places[0].record.offset <= look->offset &&
				    look->offset - places[0].record.offset < places[0].record.length);
}

static enum sr_code collect(struct sr_table_look *look, place_of *get, void *source)
{
	enum sr_code code = find_from(look, get, source);
	while (code == SR_OK && look->count < look->most && look->from + look->count < look->head.segments) {
		code = get(source, look->from + look->count, &look->places[look->count]);
		if (code == SR_OK)
			look->count++;
	}
	return code == SR_OK && !fits(look) ? damaged(look, "segment records") : code;
}

/* ---- from the index ---- */

struct index_source {
	struct sr_table_look *look;
	struct sr_view *view;
};

static enum sr_code from_index(void *context, uint32_t number, struct sr_segment_place *place)
{
	struct index_source *source = context;
	struct sr_table_look *look = source->look;
	struct sr_index_key key = sr_key_segment(look->request->tag, look->recording, look->track, number);
	struct sr_span value;
	enum sr_code code = sr_view_get(source->view, &key, &value);
	if (code == SR_NOT_FOUND)
		return damaged(look, "segment records");
	if (code != SR_OK)
		return SR_FAIL(&look->request->error, code, "reading the index failed");
	struct sr_cursor in = sr_cursor_over(value.data, value.size);
	sr_segment_place_decode(&in, place);
	return sr_take_done(&in) && place->record.number == number ? SR_OK : damaged(look, "segment records");
}

/* ---- from the manifest ---- */

struct manifest_source {
	struct sr_table_look *look;
	struct sr_manifest_reader reader;
};

static enum sr_code manifest_failed(struct sr_table_look *look, enum sr_code code)
{
	return code == SR_CORRUPT ? damaged(look, "manifest") : code;
}

static enum sr_code from_manifest(void *context, uint32_t number, struct sr_segment_place *place)
{
	struct manifest_source *source = context;
	enum sr_code code = sr_manifest_place(&source->reader, number, place, &source->look->request->error);
	return manifest_failed(source->look, code);
}

static enum sr_code read_manifest(struct sr_table_look *look)
{
	struct manifest_source source = {.look = look};
	enum sr_code code = sr_manifest_open(&source.reader, look->request->daemon->blobs, look->dek, look->recording,
					     &look->row, &look->request->error);
	code = manifest_failed(look, code);
	if (code == SR_OK)
		code = collect(look, from_manifest, &source);
	sr_manifest_close(&source.reader);
	return code;
}

static enum sr_code open_head(struct sr_table_look *look)
{
	uint8_t head_key[SR_KEY];
	sr_head_key(look->dek, head_key);
	enum sr_opening opening = sr_head_open(head_key, look->recording, look->track, look->row.head, &look->head);
	sodium_memzero(head_key, sizeof head_key);
	if (opening == SR_OPENED && look->head.segments == look->row.segments && look->head.length == look->row.length)
		return SR_OK;
	if (opening == SR_OPENED)
		opening = SR_DAMAGED;
	return sr_request_unopened(look->request, look->recording, opening, "track's head");
}

enum sr_code sr_table_read(struct sr_table_look *look)
{
	uint8_t mac[SR_ROW_MAC];
	struct sr_view *view;
	look->count = 0;
	enum sr_code code = sr_request_view(look->request, &view);
	if (code != SR_OK)
		return code;
	code = sr_track_find(look->request, view, look->recording, look->track, &look->row, mac);
	if (code == SR_OK)
		code = open_head(look);
	bool finished = code == SR_OK && look->row.writing == SR_WRITING_FINISHED;
	if (code == SR_OK && !finished) {
		struct index_source source = {look, view};
		code = collect(look, from_index, &source);
	}
	sr_request_view_end(look->request, view);
	return finished ? read_manifest(look) : code;
}

/* ---- a page of it ---- */

static enum sr_code encode_page(const struct sr_table_look *look, bool part, struct sr_reply *reply)
{
	size_t room = 2 + 1 + 4 + 8 + SR_CHAIN + 4 + 2 + (size_t)look->count * SR_SEGMENT_RECORD;
	struct sr_table table = {.from = look->from, .count = (uint16_t)look->count};
	if (!sr_reply_begin(reply, part ? SR_MSG_TABLE_PART : SR_MSG_TABLE, room))
		return SR_FAIL_MEMORY(&look->request->error);
	table.head = (struct sr_play_head){.track = look->track,
					   .state = look->head.state,
					   .segments = look->head.segments,
					   .length = look->head.length};
	memcpy(table.head.chain, look->head.chain, SR_CHAIN);
	sr_table_encode(&reply->fields, &table);
	for (uint32_t at = 0; at < look->count; at++)
		sr_segment_record_encode(&reply->fields, &look->places[at].record);
	return SR_OK;
}

enum sr_code sr_table_page(struct sr_table_look *look, bool all, struct sr_reply *reply, uint16_t *part)
{
	look->most = SR_TABLE_PAGE_MAX;
	look->places = calloc(look->most, sizeof *look->places);
	if (!look->places)
		return SR_FAIL_MEMORY(&look->request->error);
	enum sr_code code = sr_table_read(look);
	bool left = all && look->count > 0 && look->from + look->count < look->head.segments;
	if (code == SR_OK && look->from > look->head.segments)
		code = SR_FAIL(&look->request->error, SR_USAGE, "the track has no such segment yet");
	if (code == SR_OK)
		code = encode_page(look, left, reply);
	if (code == SR_OK)
		*part = left ? (uint16_t)look->count : 0;
	free(look->places);
	look->places = NULL;
	return code;
}
