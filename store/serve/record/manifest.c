/*
 * Making the manifest of a track that is finished: from its segments, each of which is checked.
 */
#include "serve/record/manifest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "serve/record/segment_end.h"
#include "serve/record/tail.h"
#include "serve/record/witness.h"

#define RECORDS_AT_ONCE 500 /* a view ends within 1,000 rows */

struct making {
	struct sr_manifest_job *job;
	uint8_t track_key[SR_KEY], head_key[SR_KEY], manifest_key[SR_KEY];
	struct sr_head head;
	uint8_t chain[SR_CHAIN];
	uint64_t length;
	struct sr_aead *aead;
	struct sr_sealer *sealer;
	struct sr_blob *blob;
	struct sr_digest *digest; /* of the sealed manifest */
	uint32_t size;
	uint8_t *sealed;
	bool known; /* there is a witness */
	struct sr_witness witness;
	int fd; /* of the file read last, fd_file its number; -1: none */
	uint16_t fd_file;
	struct sr_segment_place places[RECORDS_AT_ONCE];
	uint32_t place_count;
};

static enum sr_code corrupt(struct making *making, const char *what)
{
	return sr_request_corrupt(making->job->request, making->job->recording, what);
}

static struct sr_blob_name file_name(const struct sr_manifest_job *job, uint16_t file)
{
	struct sr_blob_name name = {.track = job->row->track, .file = file};
	memcpy(name.recording, job->recording, SR_UUID);
	return name;
}

static enum sr_code put(struct making *making, const uint8_t *sealed, size_t size)
{
	struct sr_request *request = making->job->request;
	if (size == 0)
		return SR_OK;
	enum sr_code code = sr_blob_append(making->blob, sealed, size, &request->error);
	if (code == SR_OK &&
	    !(sr_extents_add(making->job->extents, sealed, size) && sr_digest_add(making->digest, sealed, size)))
		code = SR_FAIL_MEMORY(&request->error);
	making->size += (uint32_t)size;
	return code;
}

static enum sr_code feed(struct making *making, const uint8_t *plain, size_t size)
{
	size_t sealed;
	if (sr_sealer_feed(making->sealer, plain, size, making->sealed, &sealed) != SR_OK)
		return SR_FAIL(&making->job->request->error, SR_INTERNAL, "sealing the manifest failed");
	return put(making, making->sealed, sealed);
}

/* Read where a segment ends, from a file that stays open: most tracks have one. */
static enum sr_code read_end(struct making *making, const struct sr_segment_place *place, uint8_t *last)
{
	struct sr_request *request = making->job->request;
	struct sr_blob_name name = file_name(making->job, place->file);
	struct sr_error err;
	struct sr_segment_end end = sr_segment_end(place);
	uint64_t length;
	enum sr_code code = SR_OK;
	if (making->fd >= 0 && making->fd_file != place->file) {
		(void)close(making->fd);
		making->fd = -1;
	}
	if (making->fd < 0)
		code = sr_blob_read_open(request->daemon->blobs, &name, &making->fd, &length, &err);
	making->fd_file = place->file;
	if (code == SR_OK)
		code = sr_blob_read_from(making->fd, &name, end.position, last, end.size, &err);
	if (code == SR_CORRUPT)
		return corrupt(making, "segment's blob");
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, code, "reading the blob failed");
}

/* The segment ends in the file where its record says, and the end opens. */
static enum sr_code open_end(struct making *making, const struct sr_segment_place *place,
			     const struct sr_message_key *key)
{
	uint8_t last[SR_CHUNK_SEALED];
	enum sr_code code = read_end(making, place, last);
	if (code == SR_OK && !sr_segment_end_opens(making->aead, key, place, last))
		code = corrupt(making, "segment's last chunk");
	return code;
}

/*
 * True if this process has sealed it at this place, when its end was read back and opened, and nobody has touched the
 * file since: its record is covered by the chain, which is compared in the end, and what was sealed one after the other
 * lies so. The track's last segment is looked at all the same. Asked of each segment, in order.
 */
static bool witnessed(struct making *making, const struct sr_segment_place *place)
{
	struct sr_witness *witness = &making->witness;
	uint64_t position = witness->position;
	if (!making->known || place->record.number < witness->first)
		return false;
	witness->position += sr_sealed_size(place->record.length);
	return place->file == witness->file.file && place->position == position &&
	       place->record.number + 1 < making->head.segments;
}

/* The commitment in the record is what this track's key makes of its salt, and the segment ends where it should. */
static enum sr_code check_segment(struct making *making, const struct sr_segment_place *place)
{
	struct sr_message_key key;
	enum sr_code code = SR_OK;
	if (!sr_segment_key(making->track_key, making->job->recording, making->job->row->track, &place->record, &key))
		code = corrupt(making, "segment's commitment");
	else if (!witnessed(making, place))
		code = open_end(making, place, &key);
	sodium_memzero(&key, sizeof key);
	return code;
}

static bool collect(void *context, struct sr_span key, struct sr_span value)
{
	struct making *making = context;
	struct sr_cursor in = sr_cursor_over(value.data, value.size);
	(void)key;
	if (making->place_count == RECORDS_AT_ONCE)
		return false;
	sr_segment_place_decode(&in, &making->places[making->place_count]);
	if (!sr_take_done(&in))
		return false;
	making->place_count++;
	return true;
}

static enum sr_code fetch_places(struct making *making, uint32_t from)
{
	struct sr_request *request = making->job->request;
	struct sr_index_key key = sr_key_segment(request->tag, making->job->recording, making->job->row->track, from);
	struct sr_view *view;
	making->place_count = 0;
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	code = sr_view_walk(view, &key, SR_TAG + SR_UUID + 2, collect, making);
	sr_request_view_end(request, view);
	if (code != SR_OK)
		return SR_FAIL(&request->error, code, "reading the index failed");
	return making->place_count ? SR_OK : corrupt(making, "segment records");
}

static enum sr_code take_place(struct making *making, const struct sr_segment_place *place, uint32_t number)
{
	uint8_t bytes[SR_MANIFEST_RECORD];
	struct sr_builder out = sr_builder_over(bytes, sizeof bytes);
	if (place->record.number != number || place->record.offset != making->length)
		return corrupt(making, "segment records");
	enum sr_code code = check_segment(making, place);
	if (code != SR_OK)
		return code;
	sr_chain_extend(making->chain, &place->record);
	making->length += place->record.length;
	sr_segment_place_encode(&out, place);
	return feed(making, bytes, out.used);
}

static enum sr_code take_segments(struct making *making)
{
	enum sr_code code = SR_OK;
	uint32_t number = 0;
	while (code == SR_OK && number < making->head.segments) {
		code = fetch_places(making, number);
		for (uint32_t at = 0; code == SR_OK && at < making->place_count && number < making->head.segments;
		     at++, number++)
			code = take_place(making, &making->places[at], number);
	}
	if (code == SR_OK &&
	    (making->length != making->head.length || sodium_memcmp(making->chain, making->head.chain, SR_CHAIN) != 0))
		code = corrupt(making, "chain of segments");
	return code;
}

/* What this process knows of the track's end; else the last extent's checksum is made of what is on the disk. */
static enum sr_code recall(struct making *making, const struct sr_blob_name *name, uint64_t committed)
{
	struct sr_manifest_job *job = making->job;
	struct sr_daemon *daemon = job->request->daemon;
	making->known = sr_witnesses_take(daemon->witnesses, name, making->blob, making->head.chain, &making->witness);
	const struct sr_extents_parts parts = {daemon->keyring, daemon->index, daemon->blobs};
	if (!making->known)
		return sr_extents_take_up(job->extents, &parts, name, committed, &job->request->error);
	sr_extents_clear(job->extents);
	*job->extents = making->witness.extents;
	return SR_OK;
}

static enum sr_code begin(struct making *making)
{
	struct sr_manifest_job *job = making->job;
	struct sr_context context;
	uint8_t front[SR_SEALED_FRONT], head[SR_HEAD];
	struct sr_error *err = &job->request->error;
	sr_track_key(job->dek, job->row->track, making->track_key);
	sr_head_key(job->dek, making->head_key);
	sr_manifest_key(job->dek, making->manifest_key);
	enum sr_opening opening =
		sr_head_open(making->head_key, job->recording, job->row->track, job->row->head, &making->head);
	if (opening != SR_OPENED)
		return sr_request_unopened(job->request, job->recording, opening, "track's head");
	sr_chain_start(job->recording, job->row->track, making->chain);
	/* The rows are put after the manifest is synced, with whatever new file it lies in. */
	bool changed;
	struct sr_daemon *daemon = job->request->daemon;
	enum sr_code code = sr_tail_check(job->request, job->recording, job->row);
	if (code != SR_OK)
		return code;
	code = sr_track_file_open(daemon->blobs, daemon->spoiled, job->recording, job->row, &making->blob, &changed,
				  err);
	struct sr_blob_name name = sr_track_file_name(job->recording, job->row);
	uint64_t committed = job->row->files[job->row->file_count - 1].committed;
	if (code == SR_OK)
		code = recall(making, &name, committed);
	if (code == SR_CORRUPT)
		return corrupt(making, "track's blob");
	if (code != SR_OK)
		return code;
	sr_context_manifest(&context, job->recording, job->row->track);
	making->sealer = sr_sealer_new(making->manifest_key, context.bytes, context.size, front);
	making->aead = sr_aead_new(making->track_key); /* re-keyed for each segment */
	making->sealed = malloc(2 * SR_CHUNK_SEALED);
	making->digest = sr_digest_new();
	if (!making->sealer || !making->aead || !making->sealed || !making->digest)
		return SR_FAIL_MEMORY(err);
	job->row->manifest_position = committed;
	making->head.state = SR_FINISHED;
	making->head.revision++;
	struct sr_builder out = sr_builder_over(head, sizeof head);
	sr_head_encode(&out, &making->head);
	code = put(making, front, sizeof front);
	return code == SR_OK ? feed(making, head, out.used) : code;
}

/* A file whose sync failed is never written again: the next attempt goes on in a new one. */
static enum sr_code sync_blob(struct making *making)
{
	struct sr_manifest_job *job = making->job;
	struct sr_blob_name name = sr_track_file_name(job->recording, job->row);
	enum sr_code code = sr_blob_sync(making->blob, &job->request->error);
	if (code != SR_OK && !sr_spoiled_add(job->request->daemon->spoiled, &name))
		sr_daemon_fatal(NULL, &job->request->error);
	return code;
}

static enum sr_code end(struct making *making)
{
	struct sr_manifest_job *job = making->job;
	struct sr_track_row *row = job->row;
	size_t size;
	if (sr_sealer_close(making->sealer, making->sealed, &size) != SR_OK)
		return SR_FAIL(&job->request->error, SR_INTERNAL, "sealing the manifest failed");
	enum sr_code code = put(making, making->sealed, size);
	if (code == SR_OK)
		code = sync_blob(making);
	if (code != SR_OK)
		return code;
	if (!sr_digest_value(making->digest, row->manifest_hash))
		return SR_FAIL_MEMORY(&job->request->error);
	row->manifest_size = making->size;
	row->files[row->file_count - 1].committed = sr_blob_position(making->blob);
	if (sr_head_seal(making->head_key, job->recording, row->track, &making->head, row->head) != SR_OK)
		return SR_FAIL(&job->request->error, SR_INTERNAL, "sealing the head failed");
	return SR_OK;
}

enum sr_code sr_manifest_make(struct sr_manifest_job *job)
{
	struct making *making = calloc(1, sizeof *making);
	if (!making)
		return SR_FAIL_MEMORY(&job->request->error);
	making->job = job;
	making->fd = -1;
	enum sr_code code = begin(making);
	if (code == SR_OK)
		code = take_segments(making);
	if (code == SR_OK)
		code = end(making);
	if (making->fd >= 0)
		(void)close(making->fd);
	sr_blob_close(making->blob);
	sr_sealer_free(making->sealer);
	sr_aead_free(making->aead);
	sr_digest_free(making->digest);
	free(making->sealed);
	sodium_memzero(making, sizeof *making);
	free(making);
	return code;
}
