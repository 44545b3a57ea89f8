/*
 * Reading the manifest of a finished track, a chunk at a time.
 */
#include "serve/record/manifest_reader.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "keys/derive.h"
#include "serve/record/track_file.h"

static enum sr_code damaged(struct sr_error *err)
{
	return SR_FAIL(err, SR_CORRUPT, "the manifest does not verify; tell the operator");
}

static enum sr_code open_chunk(struct sr_manifest_reader *reader, uint64_t chunk, struct sr_error *err)
{
	uint64_t offset = sr_chunk_offset(chunk);
	if (chunk == reader->chunk)
		return SR_OK;
	if (offset + SR_AEAD_TAG > reader->size)
		return damaged(err);
	size_t size = reader->size - offset < SR_CHUNK_SEALED ? (size_t)(reader->size - offset) : SR_CHUNK_SEALED;
	reader->chunk = UINT64_MAX;
	enum sr_code code =
		sr_blob_read_from(reader->fd, &reader->name, reader->position + offset, reader->sealed, size, err);
	if (code != SR_OK)
		return code;
	if (!sr_chunk_open(reader->aead, reader->key.base_nonce, chunk, reader->sealed, size, reader->plain))
		return damaged(err);
	reader->chunk = chunk;
	reader->chunk_size = size - SR_AEAD_TAG;
	return SR_OK;
}

static enum sr_code derive(struct sr_manifest_reader *reader, const uint8_t *dek, const uint8_t recording[SR_UUID],
			   uint16_t track, struct sr_error *err)
{
	uint8_t front[SR_SEALED_FRONT], manifest_key[SR_KEY];
	struct sr_context context;
	enum sr_code code = sr_blob_read_from(reader->fd, &reader->name, reader->position, front, sizeof front, err);
	if (code != SR_OK)
		return code;
	sr_manifest_key(dek, manifest_key);
	sr_context_manifest(&context, recording, track);
	sr_message_key_derive(manifest_key, front, context.bytes, context.size, &reader->key);
	sodium_memzero(manifest_key, sizeof manifest_key);
	if (sodium_memcmp(reader->key.commitment, front + SR_SALT, SR_COMMITMENT) != 0)
		return damaged(err);
	reader->aead = sr_aead_new(reader->key.key);
	return reader->aead ? SR_OK : SR_FAIL_MEMORY(err);
}

enum sr_code sr_manifest_open(struct sr_manifest_reader *reader, struct sr_blobs *blobs, const uint8_t *dek,
			      const uint8_t recording[SR_UUID], const struct sr_track_row *row, struct sr_error *err)
{
	uint64_t plain, length;
	memset(reader, 0, sizeof *reader);
	reader->name = sr_track_file_name(recording, row);
	reader->position = row->manifest_position;
	reader->size = row->manifest_size;
	reader->chunk = UINT64_MAX;
	reader->sealed = malloc(SR_CHUNK_SEALED);
	reader->plain = malloc(SR_CHUNK);
	if (!reader->sealed || !reader->plain)
		return SR_FAIL_MEMORY(err);
	if (!sr_plain_size(row->manifest_size, &plain) ||
	    plain != SR_MANIFEST_FRONT + (uint64_t)row->segments * SR_MANIFEST_RECORD)
		return damaged(err);
	enum sr_code code = sr_blob_read_open(blobs, &reader->name, &reader->fd, &length, err);
	reader->has_file = code == SR_OK;
	if (code == SR_OK)
		code = derive(reader, dek, recording, row->track, err);
	return code == SR_OK ? open_chunk(reader, plain / SR_CHUNK, err) : code;
}

void sr_manifest_close(struct sr_manifest_reader *reader)
{
	sr_aead_free(reader->aead);
	if (reader->plain)
		sodium_memzero(reader->plain, SR_CHUNK);
	free(reader->plain);
	free(reader->sealed);
	if (reader->has_file)
		(void)close(reader->fd);
	sodium_memzero(reader, sizeof *reader);
}

/* A record may lie across two chunks. */
enum sr_code sr_manifest_place(struct sr_manifest_reader *reader, uint32_t number, struct sr_segment_place *place,
			       struct sr_error *err)
{
	uint8_t bytes[SR_MANIFEST_RECORD];
	uint64_t at = SR_MANIFEST_FRONT + (uint64_t)number * SR_MANIFEST_RECORD;
	for (size_t got = 0; got < sizeof bytes;) {
		uint64_t offset = (at + got) % SR_CHUNK;
		enum sr_code code = open_chunk(reader, (at + got) / SR_CHUNK, err);
		if (code != SR_OK)
			return code;
		if (offset >= reader->chunk_size)
			return damaged(err);
		size_t now = reader->chunk_size - offset < sizeof bytes - got ? (size_t)(reader->chunk_size - offset)
									      : sizeof bytes - got;
		memcpy(bytes + got, reader->plain + offset, now);
		got += now;
	}
	struct sr_cursor in = sr_cursor_over(bytes, sizeof bytes);
	sr_segment_place_decode(&in, place);
	return sr_take_done(&in) && place->record.number == number ? SR_OK : damaged(err);
}
