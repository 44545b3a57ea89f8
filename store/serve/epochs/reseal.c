/*
 * A finished track sealed anew under another data key, segment by segment, into a file of its own.
 */
#include "serve/epochs/reseal.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "serve/record/manifest_reader.h"
#include "serve/record/track_file.h"

struct resealing {
	struct sr_reseal_job *job;
	struct sr_track_row row; /* as it was */
	uint8_t old_key[SR_KEY], new_key[SR_KEY];
	struct sr_head head;
	uint8_t old_chain[SR_CHAIN], new_chain[SR_CHAIN];
	uint64_t length;
	struct sr_manifest_reader reader;
	struct sr_blob_name name; /* of the new file */
	struct sr_blob *blob;
	uint8_t *sealed, *plain; /* room for the longest segment */
	struct sr_builder places;
	uint8_t *manifest; /* plaintext: what `places` is over */
	size_t manifest_size;
};

static enum sr_code corrupt(struct resealing *resealing, const char *what)
{
	return sr_request_corrupt(resealing->job->request, resealing->job->recording, what);
}

/* ---- the new file ---- */

static bool has_file(const struct sr_track_row *row, uint16_t number)
{
	for (uint16_t at = 0; at < row->file_count; at++)
		if (row->files[at].number == number)
			return true;
	return false;
}

/* What is there under its name, no row names: an attempt was cut off. */
static enum sr_code make_file(struct resealing *resealing)
{
	struct sr_reseal_job *job = resealing->job;
	struct sr_error *err = &job->request->error;
	uint16_t number = resealing->row.file_count ? resealing->row.files[resealing->row.file_count - 1].number : 0;
	do {
		if (number == UINT16_MAX)
			return SR_FAIL(err, SR_CONFLICT,
				       "track %u has used up the numbers of its files: it was sealed anew too often",
				       job->row->track);
		number++;
	} while (has_file(&resealing->row, number));
	resealing->name = (struct sr_blob_name){.track = job->row->track, .file = number};
	memcpy(resealing->name.recording, job->recording, SR_UUID);
	enum sr_code code = sr_blob_remove(job->request->daemon->blobs, &resealing->name, err);
	return code == SR_OK ? sr_blob_create(job->request->daemon->blobs, &resealing->name, &resealing->blob, err)
			     : code;
}

static enum sr_code put(struct resealing *resealing, const uint8_t *sealed, size_t size)
{
	struct sr_reseal_job *job = resealing->job;
	enum sr_code code = sr_blob_append(resealing->blob, sealed, size, &job->request->error);
	if (code == SR_OK && !sr_extents_add(job->extents, sealed, size))
		return SR_FAIL_MEMORY(&resealing->job->request->error);
	return code;
}

/* ---- segments ---- */

/* The segment of `place`, opened into resealing->plain. */
static enum sr_code open_segment(struct resealing *resealing, const struct sr_segment_place *place)
{
	const struct sr_segment_record *record = &place->record;
	struct sr_reseal_job *job = resealing->job;
	struct sr_blob_name name = resealing->name;
	struct sr_context context;
	struct sr_error err;
	size_t size = (size_t)sr_sealed_size(record->length);
	name.file = place->file;
	enum sr_code code =
		sr_blob_read(job->request->daemon->blobs, &name, place->position, resealing->sealed, size, &err);
	if (code == SR_CORRUPT)
		return corrupt(resealing, "segment's blob");
	if (code != SR_OK)
		return SR_FAIL(&job->request->error, code, "reading the blob failed");
	if (sodium_memcmp(resealing->sealed, record->salt, SR_SALT) != 0 ||
	    sodium_memcmp(resealing->sealed + SR_SALT, record->commitment, SR_COMMITMENT) != 0)
		return corrupt(resealing, "segment's commitment");
	sr_context_segment(&context, job->recording, job->row->track, record->number);
	enum sr_opening opening =
		sr_open(resealing->old_key, context.bytes, context.size, resealing->sealed, size, resealing->plain);
	return opening == SR_OPENED ? SR_OK : sr_request_unopened(job->request, job->recording, opening, "segment");
}

static enum sr_code take_segment(struct resealing *resealing, uint32_t number)
{
	struct sr_reseal_job *job = resealing->job;
	struct sr_segment_place place;
	struct sr_context context;
	enum sr_code code = sr_manifest_place(&resealing->reader, number, &place, &job->request->error);
	if (code == SR_CORRUPT || (code == SR_OK && place.record.offset != resealing->length))
		return corrupt(resealing, "manifest");
	if (code == SR_OK)
		code = open_segment(resealing, &place);
	if (code != SR_OK)
		return code;
	sr_chain_extend(resealing->old_chain, &place.record);
	sr_context_segment(&context, job->recording, job->row->track, number);
	if (sr_seal(resealing->new_key, context.bytes, context.size, resealing->plain, place.record.length,
		    resealing->sealed) != SR_OK)
		return SR_FAIL(&job->request->error, SR_INTERNAL, "sealing a segment failed");
	memcpy(place.record.salt, resealing->sealed, SR_SALT);
	memcpy(place.record.commitment, resealing->sealed + SR_SALT, SR_COMMITMENT);
	place.file = resealing->name.file;
	place.position = sr_blob_position(resealing->blob);
	sr_chain_extend(resealing->new_chain, &place.record);
	sr_segment_place_encode(&resealing->places, &place);
	resealing->length += place.record.length;
	return put(resealing, resealing->sealed, (size_t)sr_sealed_size(place.record.length));
}

static enum sr_code take_segments(struct resealing *resealing)
{
	enum sr_code code = SR_OK;
	(void)sr_put_room(&resealing->places, SR_MANIFEST_FRONT);
	for (uint32_t number = 0; code == SR_OK && number < resealing->head.segments; number++)
		code = take_segment(resealing, number);
	if (code == SR_OK && (resealing->length != resealing->head.length ||
			      sodium_memcmp(resealing->old_chain, resealing->head.chain, SR_CHAIN) != 0))
		code = corrupt(resealing, "chain of segments");
	return code;
}

/* ---- what says where they are ---- */

static enum sr_code put_manifest(struct resealing *resealing)
{
	struct sr_reseal_job *job = resealing->job;
	struct sr_track_row *row = job->row;
	struct sr_builder front = sr_builder_over(resealing->manifest, SR_MANIFEST_FRONT);
	size_t size = (size_t)sr_sealed_size(resealing->manifest_size);
	uint8_t key[SR_KEY];
	struct sr_context context;
	uint8_t *sealed = malloc(size);
	if (!sealed)
		return SR_FAIL_MEMORY(&resealing->job->request->error);
	memcpy(resealing->head.chain, resealing->new_chain, SR_CHAIN);
	resealing->head.revision++;
	sr_head_encode(&front, &resealing->head);
	row->manifest_position = sr_blob_position(resealing->blob);
	row->manifest_size = (uint32_t)size;
	sr_manifest_key(job->to, key);
	sr_context_manifest(&context, job->recording, row->track);
	enum sr_code code =
		sr_seal(key, context.bytes, context.size, resealing->manifest, resealing->manifest_size, sealed);
	if (code != SR_OK || !sr_digest_of(sealed, size, row->manifest_hash))
		code = SR_FAIL(&job->request->error, SR_INTERNAL, "sealing the manifest failed");
	if (code == SR_OK)
		code = put(resealing, sealed, size);
	if (code == SR_OK)
		code = sr_blob_sync(resealing->blob, &job->request->error);
	row->file_count = 1;
	row->files[0] = (struct sr_track_file){resealing->name.file, sr_blob_position(resealing->blob)};
	sodium_memzero(key, sizeof key);
	free(sealed);
	return code;
}

static enum sr_code seal_row(struct resealing *resealing)
{
	struct sr_reseal_job *job = resealing->job;
	struct sr_track_words words;
	uint8_t key[SR_KEY];
	sr_head_key(job->to, key);
	enum sr_code code = sr_head_seal(key, job->recording, job->row->track, &resealing->head, job->row->head);
	sodium_memzero(key, sizeof key);
	enum sr_opening opening = sr_track_words_open(job->from, job->recording, &resealing->row, &words);
	if (opening != SR_OPENED)
		return sr_request_unopened(job->request, job->recording, opening, "track's entry");
	if (code == SR_OK)
		code = sr_track_words_seal(job->to, job->recording, &words, job->row);
	sodium_memzero(&words, sizeof words);
	return code == SR_OK ? SR_OK : SR_FAIL(&job->request->error, code, "sealing a track's row failed");
}

static enum sr_code begin(struct resealing *resealing)
{
	struct sr_reseal_job *job = resealing->job;
	uint8_t key[SR_KEY];
	struct sr_error err;
	sr_head_key(job->from, key);
	enum sr_opening opening = sr_head_open(key, job->recording, job->row->track, job->row->head, &resealing->head);
	sodium_memzero(key, sizeof key);
	if (opening != SR_OPENED)
		return sr_request_unopened(job->request, job->recording, opening, "track's head");
	if (resealing->head.segments != job->row->segments)
		return corrupt(resealing, "track's head");
	sr_track_key(job->from, job->row->track, resealing->old_key);
	sr_track_key(job->to, job->row->track, resealing->new_key);
	sr_chain_start(job->recording, job->row->track, resealing->old_chain);
	sr_chain_start(job->recording, job->row->track, resealing->new_chain);
	struct sr_daemon *daemon = job->request->daemon;
	const struct sr_extents_parts parts = {daemon->keyring, daemon->index, daemon->blobs};
	enum sr_code code =
		sr_manifest_open(&resealing->reader, daemon->blobs, job->from, job->recording, job->row, &err);
	if (code == SR_CORRUPT)
		return corrupt(resealing, "manifest");
	if (code != SR_OK)
		return SR_FAIL(&job->request->error, code, "reading the manifest failed");
	resealing->manifest_size = SR_MANIFEST_FRONT + (size_t)resealing->head.segments * SR_MANIFEST_RECORD;
	resealing->manifest = malloc(resealing->manifest_size);
	resealing->sealed = malloc((size_t)sr_sealed_size(SR_SEGMENT_MAX));
	resealing->plain = malloc(SR_SEGMENT_MAX);
	if (!resealing->manifest || !resealing->sealed || !resealing->plain)
		return SR_FAIL_MEMORY(&resealing->job->request->error);
	resealing->places = sr_builder_over(resealing->manifest, resealing->manifest_size);
	code = make_file(resealing);
	if (code == SR_OK)
		code = sr_extents_take_up(job->extents, &parts, &resealing->name, 0, &job->request->error);
	return code;
}

enum sr_code sr_track_reseal(struct sr_reseal_job *job)
{
	struct resealing *resealing = calloc(1, sizeof *resealing);
	if (!resealing)
		return SR_FAIL_MEMORY(&job->request->error);
	resealing->job = job;
	resealing->row = *job->row;
	enum sr_code code = begin(resealing);
	if (code == SR_OK)
		code = take_segments(resealing);
	if (code == SR_OK)
		code = put_manifest(resealing);
	if (code == SR_OK)
		code = seal_row(resealing);
	job->bytes = code == SR_OK ? resealing->length : 0;
	sr_blob_close(resealing->blob);
	sr_manifest_close(&resealing->reader);
	if (resealing->plain)
		sodium_memzero(resealing->plain, SR_SEGMENT_MAX);
	free(resealing->plain);
	free(resealing->sealed);
	free(resealing->manifest);
	sodium_memzero(resealing, sizeof *resealing);
	free(resealing);
	return code;
}
