/*
 * What a made store holds: how many recordings each patient has, their names and ids, all from a seed; and one
 * recording's rows, sealed as the daemon seals them.
 */
#include "dataset.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/extent_sum.h"

#define FIRST_MS UINT64_C(1704067200000) /* 2024-01-01 */
#define SPAN_MS UINT64_C(63072000000)    /* two years */
#define MEDIA_SIZE 1000

/* ---- who has what ---- */

/* Patients whose number of recordings is given; 0: they share the rest. */
static uint32_t fixed_count(uint32_t patient)
{
	if (patient % 10000 == 0)
		return 500;
	if (patient % 100 == 50)
		return 50;
	return patient % 100 == 1 ? 1 : 0;
}

/* 64 bits that only the seed, what they are for, and a number decide. */
static uint64_t draw(const struct dataset *data, char purpose, uint64_t number)
{
	uint8_t text[1 + 8 + 8], hash[crypto_shorthash_BYTES];
	static const uint8_t key[crypto_shorthash_KEYBYTES] = "sealreel bench";
	uint64_t out;
	text[0] = (uint8_t)purpose;
	memcpy(text + 1, &data->seed, 8);
	memcpy(text + 9, &number, 8);
	crypto_shorthash(hash, text, sizeof text, key);
	memcpy(&out, hash, sizeof out);
	return out;
}

/* Counts into first[1..]; then sums, so that first[n] is where patient n begins. */
static bool count(struct dataset *data)
{
	uint64_t taken = 0, sharers = 0, given = 0;
	for (uint32_t at = 0; at < data->patients; at++) {
		taken += fixed_count(at);
		sharers += fixed_count(at) == 0;
	}
	if (taken > data->recordings || (sharers == 0 && taken < data->recordings))
		return false;
	uint64_t rest = data->recordings - taken, seen = 0;
	for (uint32_t at = 0; at < data->patients; at++) {
		uint64_t own = fixed_count(at);
		if (own == 0) {
			seen++;
			own = rest * seen / sharers - given;
			given += own;
		}
		data->first[at + 1] = data->first[at] + (uint32_t)own;
	}
	return true;
}

/* Deal the recordings out in an order that the seed shuffles, then list each patient's in the order of time. */
static bool deal(struct dataset *data)
{
	uint32_t *next = malloc(data->patients * sizeof *next);
	if (!next)
		return false;
	for (uint32_t patient = 0; patient < data->patients; patient++)
		for (uint32_t at = data->first[patient]; at < data->first[patient + 1]; at++)
			data->owners[at] = patient;
	for (uint32_t left = data->recordings; left > 1; left--) {
		uint32_t other = (uint32_t)(draw(data, 'd', left) % left);
		uint32_t last = data->owners[left - 1];
		data->owners[left - 1] = data->owners[other];
		data->owners[other] = last;
	}
	memcpy(next, data->first, data->patients * sizeof *next);
	for (uint32_t recording = 0; recording < data->recordings; recording++)
		data->owned[next[data->owners[recording]]++] = recording;
	free(next);
	return true;
}

bool dataset_share(struct dataset *data, uint32_t patients, uint32_t recordings, uint64_t seed)
{
	*data = (struct dataset){.patients = patients, .recordings = recordings, .seed = seed};
	data->first = calloc((size_t)patients + 1, sizeof *data->first);
	data->owned = calloc(recordings, sizeof *data->owned);
	data->owners = calloc(recordings, sizeof *data->owners);
	if (data->first && data->owned && data->owners && count(data) && deal(data))
		return true;
	dataset_free(data);
	return false;
}

void dataset_free(struct dataset *data)
{
	free(data->first);
	free(data->owned);
	free(data->owners);
	memset(data, 0, sizeof *data);
}

/* ---- names ---- */

size_t dataset_identity(const struct dataset *data, uint32_t patient, char identity[DATASET_IDENTITY_MAX])
{
	int size = data->seed == 0 ? snprintf(identity, DATASET_IDENTITY_MAX, "bench|%" PRIu32, patient)
				   : snprintf(identity, DATASET_IDENTITY_MAX, "bench|%" PRIu64 "|%" PRIu32, data->seed,
					      patient);
	return (size_t)size;
}

void dataset_id(const struct dataset *data, uint32_t recording, uint8_t id[SR_UUID], uint64_t *opened_ms)
{
	uint64_t high = draw(data, 'h', recording), low = draw(data, 'l', recording);
	*opened_ms = FIRST_MS + SPAN_MS / data->recordings * recording;
	for (unsigned at = 0; at < 6; at++)
		id[at] = (uint8_t)(*opened_ms >> (40 - 8 * at));
	memcpy(id + 6, &high, 2);
	memcpy(id + 8, &low, 8);
	id[6] = (uint8_t)(0x70 | (id[6] & 0x0f));
	id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
}

/* ---- one recording ---- */

/* The blob: one segment, then the manifest behind it. Fills the head's fields and the track's. */
static bool seal_blob(const uint8_t *dek, struct dataset_recording *out)
{
	struct sr_track_row *track = &out->track;
	struct sr_segment_place place = {.record = {.length = MEDIA_SIZE}};
	struct sr_head head = {.revision = 3, .state = SR_FINISHED, .segments = 1, .length = MEDIA_SIZE};
	struct sr_context context;
	uint8_t key[SR_KEY], media[MEDIA_SIZE], plain[SR_MANIFEST_FRONT + SR_MANIFEST_RECORD];
	struct sr_builder builder = sr_builder_over(plain, sizeof plain);
	size_t segment_size = (size_t)sr_sealed_size(MEDIA_SIZE), manifest_size = (size_t)sr_sealed_size(sizeof plain);
	memset(media, 0x5a, sizeof media);
	sr_track_key(dek, track->track, key);
	sr_context_segment(&context, out->id, track->track, 0);
	bool sealed = sr_seal(key, context.bytes, context.size, media, sizeof media, out->blob) == SR_OK;
	memcpy(place.record.salt, out->blob, SR_SALT);
	memcpy(place.record.commitment, out->blob + SR_SALT, SR_COMMITMENT);
	sr_chain_start(out->id, track->track, head.chain);
	sr_chain_extend(head.chain, &place.record);
	sr_head_encode(&builder, &head);
	sr_segment_place_encode(&builder, &place);
	sr_manifest_key(dek, key);
	sr_context_manifest(&context, out->id, track->track);
	sealed = sealed &&
		 sr_seal(key, context.bytes, context.size, plain, sizeof plain, out->blob + segment_size) == SR_OK;
	sealed = sealed && sr_digest_of(out->blob + segment_size, manifest_size, track->manifest_hash);
	track->manifest_position = segment_size;
	track->manifest_size = (uint32_t)manifest_size;
	track->segments = head.segments;
	track->length = head.length;
	track->files[0].committed = out->blob_size = segment_size + manifest_size;
	sr_head_key(dek, key);
	sealed = sealed && sr_head_seal(key, out->id, track->track, &head, track->head) == SR_OK;
	sodium_memzero(key, sizeof key);
	return sealed;
}

static bool seal_texts(const uint8_t *dek, struct dataset_recording *out)
{
	static const char label[] = "Follow-up", type[] = "video/webm";
	struct sr_track_words words = {.media_type_size = strlen(type), .label_size = 0};
	memcpy(words.media_type, type, strlen(type));
	return sr_label_seal(dek, out->id, (struct sr_span){(const uint8_t *)label, strlen(label)}, &out->row) ==
		       SR_OK &&
	       sr_track_words_seal(dek, out->id, &words, &out->track) == SR_OK;
}

bool dataset_seal(const struct dataset *data, const struct sr_keyring *keyring, const uint8_t patient_key[SR_KEY],
		  uint32_t recording, struct dataset_recording *out)
{
	uint8_t dek[SR_KEY];
	struct sr_recording_row *row = &out->row;
	struct sr_track_row *track = &out->track;
	memset(out, 0, sizeof *out);
	dataset_id(data, recording, out->id, &row->opened_ms);
	row->life = SR_LIFE_LIVE;
	row->writing = SR_WRITING_FINISHED;
	row->wrap_revision = row->writer_revision = row->life_revision = 1;
	row->finished_ms = row->opened_ms + 600000;
	row->tracks = 1;
	track->track = 1;
	track->generation = 1;
	track->writing = SR_WRITING_FINISHED;
	track->opened_ms = row->opened_ms;
	track->file_count = 1;
	row->epoch = sr_keyring_epoch(keyring);
	bool sealed = sr_dek_make(keyring, patient_key, out->id, row->epoch, row->wrap, dek) == SR_OK &&
		      seal_blob(dek, out) && seal_texts(dek, out);
	struct sr_extent_sum *sum = sr_extent_sum_new(keyring);
	sealed = sealed && sum && sr_extent_sum_begin(sum, out->id, 1, 0, 0, SR_EXTENT_POLY1305) &&
		 sr_extent_sum_add(sum, out->blob, out->blob_size) && sr_extent_sum_row(sum, &out->extent);
	sr_extent_sum_free(sum);
	sodium_memzero(dek, sizeof dek);
	return sealed;
}
