/*
 * A track being sealed: plaintext in, ciphertext in its blob, and for every closed segment the index operation that
 * commits it. Runs on the pool; one job at a time has it.
 */
#include "serve/record/sealing.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "keys/derive.h"
#include "keys/opening.h"
#include "serve/record/extent.h"
#include "serve/record/segment_end.h"
#include "serve/record/track_file.h"

struct sr_sealing {
	const struct sr_keyring *keyring;
	struct sr_blob *blob;
	uint8_t tag[SR_TAG];
	uint8_t recording[SR_UUID];
	uint8_t track_key[SR_KEY], head_key[SR_KEY];
	struct sr_track_row row;
	uint8_t mac[SR_ROW_MAC]; /* of the row as it will be once every commit made so far is through */
	struct sr_head head;
	struct sr_witnesses *witnesses;
	struct sr_witness known;  /* its chain is the head's */
	bool touched;             /* somebody else has changed the file, or nobody can say */
	struct sr_sealer *sealer; /* NULL: no segment is open */
	struct sr_segment_place place;
	struct sr_commit *first, **last;
};

void sr_commit_free(struct sr_commit *commit)
{
	sr_op_free(commit->op);
	free(commit);
}

void sr_commits_free(struct sr_commit *first)
{
	while (first) {
		struct sr_commit *next = first->next;
		sr_commit_free(first);
		first = next;
	}
}

static struct sr_track_file *last_file(struct sr_track_row *row)
{
	return &row->files[row->file_count - 1];
}

struct sr_blob_name sr_sealing_file(const struct sr_sealing *sealing)
{
	return sr_track_file_name(sealing->recording, &sealing->row);
}

/* What lies in the file already is taken as it is now, and only what will be sealed is known. */
static enum sr_code begin_witness(struct sr_sealing *sealing, const struct sr_sealing_options *options,
				  struct sr_error *err)
{
	struct sr_witness *known = &sealing->known;
	known->file = sr_sealing_file(sealing);
	known->first = sealing->head.segments;
	known->position = last_file(&sealing->row)->committed;
	sealing->touched = !sr_blob_stamp(options->blob, &known->stamp);
	return sr_extents_take_up(&known->extents, &options->parts, &known->file, known->position, err);
}

enum sr_code sr_sealing_new(const struct sr_sealing_options *options, struct sr_sealing **out, struct sr_error *err)
{
	struct sr_sealing *sealing = calloc(1, sizeof *sealing);
	enum sr_code code = SR_OK;
	*out = NULL;
	if (!sealing)
		return SR_FAIL_MEMORY(err);
	sealing->keyring = options->parts.keyring;
	memcpy(sealing->tag, options->tag, SR_TAG);
	memcpy(sealing->recording, options->recording, SR_UUID);
	memcpy(sealing->mac, options->mac, SR_ROW_MAC);
	sealing->row = *options->row;
	sealing->last = &sealing->first;
	sr_track_key(options->dek, sealing->row.track, sealing->track_key);
	sr_head_key(options->dek, sealing->head_key);
	enum sr_opening opening = sr_head_open(sealing->head_key, sealing->recording, sealing->row.track,
					       sealing->row.head, &sealing->head);
	if (opening == SR_OPEN_FAILED)
		code = SR_FAIL_MEMORY(err);
	else if (opening != SR_OPENED)
		code = SR_FAIL(err, SR_CORRUPT, "the track's head does not verify");
	struct sr_blob_name name = sr_sealing_file(sealing);
	if (code == SR_OK &&
	    !sr_witnesses_take(options->witnesses, &name, options->blob, sealing->head.chain, &sealing->known))
		code = begin_witness(sealing, options, err);
	if (code != SR_OK) {
		sr_sealing_free(sealing);
		return code;
	}
	sealing->blob = options->blob;
	sealing->witnesses = options->witnesses;
	*out = sealing;
	return SR_OK;
}

void sr_sealing_free(struct sr_sealing *sealing)
{
	if (!sealing)
		return;
	/* A commit that was not made shows by the chain, bytes without one by the file's length. */
	if (sealing->witnesses && !sealing->touched) {
		memcpy(sealing->known.chain, sealing->head.chain, SR_CHAIN);
		sr_witnesses_leave(sealing->witnesses, &sealing->known);
	}
	sr_commits_free(sealing->first);
	sr_sealer_free(sealing->sealer);
	sr_blob_close(sealing->blob);
	sr_extents_clear(&sealing->known.extents);
	sodium_memzero(sealing, sizeof *sealing);
	free(sealing);
}

struct sr_blob *sr_sealing_blob(const struct sr_sealing *sealing)
{
	return sealing->blob;
}

bool sr_sealing_in_segment(const struct sr_sealing *sealing)
{
	return sealing->sealer != NULL;
}

struct sr_commit *sr_sealing_take(struct sr_sealing *sealing)
{
	struct sr_commit *taken = sealing->first;
	sealing->first = NULL;
	sealing->last = &sealing->first;
	return taken;
}

/*
 * Sealed bytes on their way to the blob. On the stack of whoever feeds: a stream that waits keeps no room for them.
 */
struct outgoing {
	size_t used;
	uint8_t bytes[SR_SEALED_FRONT + (SR_SEALING_WRITE + 1) * SR_CHUNK_SEALED];
};

/* Somebody else's change between two writes would not show any more after the second. */
static void look_for_others(struct sr_sealing *sealing)
{
	struct sr_blob_stamp now;
	if (!sealing->touched)
		sealing->touched =
			!sr_blob_stamp(sealing->blob, &now) || !sr_blob_stamp_same(&now, &sealing->known.stamp);
}

/* Write what is there. */
static enum sr_code write_out(struct sr_sealing *sealing, struct outgoing *out, struct sr_error *err)
{
	size_t size = out->used;
	out->used = 0;
	if (size == 0)
		return SR_OK;
	look_for_others(sealing);
	enum sr_code code = sr_blob_append(sealing->blob, out->bytes, size, err);
	if (code != SR_OK)
		return code;
	if (!sr_extents_add(&sealing->known.extents, out->bytes, size))
		return SR_FAIL_MEMORY(err);
	sealing->touched = sealing->touched || !sr_blob_stamp(sealing->blob, &sealing->known.stamp);
	return SR_OK;
}

/* Nothing is on its way: what closed the segment before, or nothing at all, has written it. */
static enum sr_code begin_segment(struct sr_sealing *sealing, uint64_t media_time, struct outgoing *out,
				  struct sr_error *err)
{
	struct sr_context context;
	uint8_t *front = out->bytes;
	struct sr_segment_record *record = &sealing->place.record;
	if (sealing->head.segments == UINT32_MAX)
		return SR_FAIL(err, SR_CONFLICT, "the track has as many segments as a track can have");
	*record = (struct sr_segment_record){
		.number = sealing->head.segments, .offset = sealing->head.length, .media_time = media_time};
	sealing->place.file = last_file(&sealing->row)->number;
	sealing->place.position = sr_blob_position(sealing->blob);
	sr_context_segment(&context, sealing->recording, sealing->row.track, record->number);
	sealing->sealer = sr_sealer_new(sealing->track_key, context.bytes, context.size, front);
	if (!sealing->sealer)
		return SR_FAIL_MEMORY(err);
	memcpy(record->salt, front, SR_SALT);
	memcpy(record->commitment, front + SR_SALT, SR_COMMITMENT);
	out->used = SR_SEALED_FRONT;
	return SR_OK;
}

/* The index operation for the segment just closed: only while the row is as this writer left it. */
static bool build_op(struct sr_sealing *sealing, struct sr_op *op, const uint8_t *row, size_t row_size)
{
	uint8_t place[SR_SEGMENT_ROW];
	struct sr_builder out = sr_builder_over(place, sizeof place);
	sr_segment_place_encode(&out, &sealing->place);
	struct sr_index_key track = sr_key_track(sealing->tag, sealing->recording, sealing->row.track);
	struct sr_index_key segment =
		sr_key_segment(sealing->tag, sealing->recording, sealing->row.track, sealing->place.record.number);
	return !out.failed && sr_op_check(op, SR_CHECK_SUFFIX, &track, sealing->mac, SR_ROW_MAC) &&
	       sr_op_put(op, &track, row, row_size) && sr_op_put(op, &segment, place, out.used) &&
	       sr_extents_put(&sealing->known.extents, op);
}

static enum sr_code commit_segment(struct sr_sealing *sealing, struct sr_error *err)
{
	uint8_t row[SR_ROW_MAX];
	struct sr_head *head = &sealing->head;
	const struct sr_segment_record *record = &sealing->place.record;
	head->revision++;
	head->segments++;
	head->length += record->length;
	sr_chain_extend(head->chain, record);
	sealing->row.segments = head->segments;
	sealing->row.length = head->length;
	last_file(&sealing->row)->committed = sr_blob_position(sealing->blob);
	if (sr_head_seal(sealing->head_key, sealing->recording, sealing->row.track, head, sealing->row.head) != SR_OK)
		return SR_FAIL(err, SR_INTERNAL, "sealing the head failed");
	size_t size = sr_track_row_encode(sealing->keyring, sealing->recording, &sealing->row, row);
	struct sr_commit *commit = calloc(1, sizeof *commit);
	struct sr_op *op = sr_op_new();
	if (!commit || !op || !build_op(sealing, op, row, size)) {
		free(commit);
		sr_op_free(op);
		return SR_FAIL_MEMORY(err);
	}
	memcpy(sealing->mac, row + size - SR_ROW_MAC, SR_ROW_MAC);
	*commit = (struct sr_commit){.op = op, .durable = head->length, .bytes = record->length};
	*sealing->last = commit;
	sealing->last = &commit->next;
	return SR_OK;
}

/*
 * What was written is what the file gives back, and opens with the key that a reader will be given: the end of each
 * segment is looked at before anybody is told that it is safe, while it costs no reading from the disk.
 */
static enum sr_code check_end(const struct sr_sealing *sealing, struct sr_error *err)
{
	const struct sr_segment_place *place = &sealing->place;
	struct sr_segment_end end = sr_segment_end(place);
	uint8_t last[SR_CHUNK_SEALED];
	struct sr_message_key key;
	enum sr_code code = sr_blob_read_back(sealing->blob, end.position, last, end.size, err);
	bool opens = sr_segment_key(sealing->track_key, sealing->recording, sealing->row.track, &place->record, &key);
	struct sr_aead *aead = sr_aead_new(key.key);
	if (code == SR_OK && !aead)
		code = SR_FAIL_MEMORY(err);
	else if (code == SR_CORRUPT || (code == SR_OK && !(opens && sr_segment_end_opens(aead, &key, place, last))))
		code = SR_FAIL(err, SR_IO, "the file does not give back what was written to it");
	sodium_memzero(&key, sizeof key);
	sr_aead_free(aead);
	return code;
}

static enum sr_code close_segment(struct sr_sealing *sealing, struct outgoing *out, struct sr_error *err)
{
	size_t size;
	enum sr_code code = sr_sealer_close(sealing->sealer, out->bytes + out->used, &size);
	if (code != SR_OK)
		return SR_FAIL(err, code, "sealing failed");
	out->used += size;
	sr_sealer_free(sealing->sealer);
	sealing->sealer = NULL;
	/* Only what is written has a commit. */
	code = write_out(sealing, out, err);
	if (code == SR_OK)
		code = check_end(sealing, err);
	return code == SR_OK ? commit_segment(sealing, err) : code;
}

/* Feed at most what the segment, and one write, still take. */
static enum sr_code feed_some(struct sr_sealing *sealing, const struct sr_span *part, struct outgoing *out, size_t *fed,
			      struct sr_error *err)
{
	size_t left = SR_SEGMENT_MAX - sealing->place.record.length, sealed;
	enum sr_code code = SR_OK;
	*fed = part->size < left ? part->size : left;
	if (*fed > SR_CHUNK)
		*fed = SR_CHUNK;
	/* Room for what this feed fills, and for the segment's last chunk. */
	if (sizeof out->bytes - out->used < sr_sealer_room(sealing->sealer, *fed) + SR_CHUNK_SEALED)
		code = write_out(sealing, out, err);
	if (code != SR_OK)
		return code;
	code = sr_sealer_feed(sealing->sealer, part->data, *fed, out->bytes + out->used, &sealed);
	if (code != SR_OK)
		return SR_FAIL(err, code, "sealing failed");
	out->used += sealed;
	sealing->place.record.length += (uint32_t)*fed;
	return sealing->place.record.length == SR_SEGMENT_MAX ? close_segment(sealing, out, err) : SR_OK;
}

static enum sr_code feed_part(struct sr_sealing *sealing, struct sr_span part, uint64_t media_time,
			      struct outgoing *out, struct sr_error *err)
{
	while (part.size > 0) {
		size_t fed;
		enum sr_code code = SR_OK;
		if (!sealing->sealer)
			code = begin_segment(sealing, media_time, out, err);
		if (code == SR_OK)
			code = feed_some(sealing, &part, out, &fed, err);
		if (code != SR_OK)
			return code;
		part.data += fed;
		part.size -= fed;
		media_time = SR_NO_MEDIA_TIME; /* known for the first byte only */
	}
	return SR_OK;
}

enum sr_code sr_sealing_feed(struct sr_sealing *sealing, const struct sr_sealing_input *input, struct sr_error *err)
{
	struct outgoing out;
	enum sr_code code = SR_OK;
	out.used = 0;
	for (size_t at = 0; code == SR_OK && at < input->count; at++)
		code = feed_part(sealing, input->parts[at], at == 0 ? input->media_time : SR_NO_MEDIA_TIME, &out, err);
	if (code == SR_OK && input->closes && sealing->sealer)
		code = close_segment(sealing, &out, err);
	return code == SR_OK ? write_out(sealing, &out, err) : code;
}
