/*
 * A batch of a sealed read: which chunks of which segments cover a range, the keys that open just these segments, and
 * the file they come from.
 */
#include "serve/play/reading.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "data/warm.h"

#define CHUNKS_PER_BODY (SR_BODY_MAX / SR_CHUNK_SEALED)

/* The chunks of one segment that hold bytes of the range. */
struct piece {
	uint32_t segment;
	uint32_t length; /* of the segment, plaintext */
	uint64_t offset; /* of it in the track */
	uint64_t position;
	uint32_t first, last; /* chunks */
	struct sr_message_key key;
};

struct sr_batch {
	uint16_t track;
	int fd;
	struct piece pieces[SR_BATCH_SEGMENTS];
	uint32_t count;
	uint64_t from, covers; /* plaintext bytes of the range */
	bool timed;
	uint64_t media_from, media_to;
	bool last;
	uint32_t at;    /* the piece whose turn it is */
	bool begun;     /* its key is queued, */
	uint32_t first; /* and its chunks before this one */
};

void sr_batch_free(struct sr_batch *batch)
{
	if (!batch)
		return;
	if (batch->fd >= 0)
		close(batch->fd);
	sodium_memzero(batch, sizeof *batch);
	free(batch);
}

bool sr_batch_is_last(const struct sr_batch *batch)
{
	return batch->last;
}

/* Stored bytes of chunks first to last of a piece. */
static uint32_t stored(const struct piece *piece, uint32_t first, uint32_t last)
{
	uint32_t end = (last + 1) * SR_CHUNK;
	uint32_t plain = (end < piece->length ? end : piece->length) - first * SR_CHUNK;
	return plain + (last - first + 1) * SR_AEAD_TAG;
}

static uint64_t place_of(const struct piece *piece, uint32_t chunk)
{
	return piece->position + sr_chunk_offset(chunk);
}

static void add_piece(struct sr_batch *batch, const struct sr_reading_job *job, const struct sr_segment_place *place,
		      uint64_t end, const uint8_t track_key[SR_KEY])
{
	const struct sr_segment_record *record = &place->record;
	struct piece *piece = &batch->pieces[batch->count++];
	struct sr_context context;
	uint64_t from = job->from + batch->covers;
	uint64_t stop = end < record->offset + record->length ? end : record->offset + record->length;
	piece->segment = record->number;
	piece->length = record->length;
	piece->offset = record->offset;
	piece->position = place->position;
	piece->first = (uint32_t)((from - record->offset) / SR_CHUNK);
	piece->last = (uint32_t)((stop - 1 - record->offset) / SR_CHUNK);
	sr_context_segment(&context, job->recording, job->track, record->number);
	sr_message_key_derive(track_key, record->salt, context.bytes, context.size, &piece->key);
	batch->covers += stop - from;
}

/* Take places while they follow each other in one file, up to a batch's size. */
static void add_pieces(struct sr_batch *batch, const struct sr_reading_job *job, const struct sr_table_look *look,
		       uint64_t end)
{
	uint8_t track_key[SR_KEY];
	sr_track_key(job->dek, job->track, track_key);
	for (uint32_t at = 0; at < look->count && job->from + batch->covers < end; at++) {
		if (look->places[at].file != look->places[0].file || batch->covers >= job->most ||
		    batch->count == SR_BATCH_SEGMENTS)
			break;
		add_piece(batch, job, &look->places[at], end, track_key);
	}
	sodium_memzero(track_key, sizeof track_key);
}

/* When the first segment begins, and what follows the last: or that one itself, where nothing does. */
static void add_times(struct sr_batch *batch, const struct sr_table_look *look)
{
	uint32_t after = batch->count < look->count ? batch->count : batch->count - 1;
	batch->media_from = look->places[0].record.media_time;
	batch->media_to = look->places[after].record.media_time;
	batch->timed = batch->media_from != SR_NO_MEDIA_TIME && batch->media_to != SR_NO_MEDIA_TIME;
}

static enum sr_code open_file(struct sr_batch *batch, const struct sr_reading_job *job, uint16_t file)
{
	struct sr_request *request = job->request;
	struct sr_blob_name name = {.track = job->track, .file = file};
	uint64_t size = 0;
	memcpy(name.recording, job->recording, SR_UUID);
	enum sr_code code = sr_blob_read_open(request->daemon->blobs, &name, &batch->fd, &size, &request->error);
	for (uint32_t at = 0; code == SR_OK && at < batch->count; at++) {
		const struct piece *piece = &batch->pieces[at];
		uint64_t place = place_of(piece, piece->first);
		uint32_t length = stored(piece, piece->first, piece->last);
		if (place > size || length > size - place)
			code = SR_CORRUPT;
		else
			(void)sr_blob_warm(batch->fd, place, length);
	}
	return code == SR_CORRUPT && !job->ahead ? sr_request_corrupt(request, job->recording, "track's blob") : code;
}

enum sr_code sr_reading_look(struct sr_reading_job *job)
{
	job->look = (struct sr_table_look){.request = job->request,
					   .recording = job->recording,
					   .dek = job->dek,
					   .track = job->track,
					   .by_offset = true,
					   .offset = job->from,
					   .places = job->places,
					   .most = SR_BATCH_SEGMENTS + 1};
	return sr_table_read(&job->look);
}

static enum sr_code make(struct sr_reading_job *job)
{
	const struct sr_table_look *look = &job->look;
	enum sr_code code = SR_OK;
	struct sr_batch *batch = calloc(1, sizeof *batch);
	if (!batch)
		return SR_FAIL_MEMORY(&job->request->error);
	batch->fd = -1;
	batch->track = job->track;
	batch->from = job->from;
	uint64_t end = job->end < look->head.length ? job->end : look->head.length;
	if (look->count > 0) {
		add_pieces(batch, job, look, end);
		add_times(batch, look);
		code = open_file(batch, job, look->places[0].file);
	}
	if (code != SR_OK) {
		sr_batch_free(batch);
		return code;
	}
	batch->last = job->from + batch->covers >= end;
	job->request->work_result = batch;
	return SR_OK;
}

enum sr_code sr_batch_make(struct sr_reading_job *job)
{
	enum sr_code code = make(job);
	if (code != SR_OK && job->ahead)
		job->request->error = (struct sr_error){.code = SR_OK};
	return code;
}

static bool send_key(const struct sr_batch *batch, const struct piece *piece, struct sr_session *session,
		     uint32_t stream, uint64_t request)
{
	struct sr_reply reply = {0};
	struct sr_segment_release release = {batch->track, piece->segment, piece->key};
	if (!sr_reply_begin(&reply, SR_MSG_SEGMENT_KEY, 2 + 4 + sizeof piece->key))
		return false;
	sr_segment_release_encode(&reply.fields, &release);
	sr_session_send(session, stream, request, &reply, false);
	sodium_memzero(&release, sizeof release);
	return true;
}

static bool send_body(const struct sr_batch *batch, const struct piece *piece, uint32_t first, uint32_t last,
		      struct sr_session *session, uint32_t stream, uint64_t request)
{
	struct sr_reply reply = {0};
	struct sr_body body = {batch->track, piece->segment, first, stored(piece, first, last)};
	if (!sr_reply_begin(&reply, SR_MSG_BODY, 2 + 4 + 4 + 4))
		return false;
	sr_body_encode(&reply.fields, &body);
	sr_session_send(session, stream, request, &reply, false);
	return sr_session_send_raw(session, batch->fd, place_of(piece, first), body.length);
}

/* Where what has been queued ends. */
static uint64_t queued_to(const struct sr_batch *batch)
{
	uint64_t end = batch->from + batch->covers;
	if (batch->at == batch->count)
		return end;
	const struct piece *piece = &batch->pieces[batch->at];
	uint64_t to = piece->offset + (batch->begun ? (uint64_t)batch->first * SR_CHUNK : 0);
	to = to > batch->from ? to : batch->from;
	return to < end ? to : end;
}

struct sr_range sr_batch_range(const struct sr_batch *batch, bool queued)
{
	return (struct sr_range){.track = batch->track,
				 .from = batch->from,
				 .to = queued ? queued_to(batch) : batch->from + batch->covers,
				 .timed = batch->timed,
				 .media_from = batch->media_from,
				 .media_to = batch->media_to};
}

bool sr_batch_step(struct sr_batch *batch, struct sr_session *session, uint32_t stream, uint64_t request)
{
	if (batch->at == batch->count)
		return false;
	const struct piece *piece = &batch->pieces[batch->at];
	bool sent = true;
	if (!batch->begun) {
		sent = send_key(batch, piece, session, stream, request);
		batch->first = piece->first;
		batch->begun = true;
	}
	uint32_t last = batch->first + CHUNKS_PER_BODY - 1;
	last = last < piece->last ? last : piece->last;
	sent = sent && send_body(batch, piece, batch->first, last, session, stream, request);
	batch->first = last + 1;
	if (last == piece->last) {
		batch->at++;
		batch->begun = false;
	}
	if (!sent) {
		sr_session_drop(session, "memory is used up");
		batch->at = batch->count;
	}
	return batch->at < batch->count;
}

uint64_t sr_batch_covers(const struct sr_batch *batch)
{
	return batch->covers;
}
