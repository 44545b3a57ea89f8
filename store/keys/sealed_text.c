/*
 * Texts that only the patient's key leads to (labels, media types), and the identity that only the auditor reads.
 */
#include <sodium.h>
#include <string.h>

#include "cursor.h"
#include "keys/opening.h"

#define WORDS_MAX (2 + SR_MEDIA_TYPE_MAX + 2 + SR_LABEL_MAX)
#define BOX_MAX (255 + crypto_box_SEALBYTES)
#define PERSON_FORMAT 1

_Static_assert(SR_PERSON_MAX == 1 + 4 + BOX_MAX + SR_SEALED_SMALL, "the header names libsodium's number");

enum sr_code sr_label_seal(const uint8_t dek[SR_KEY], const uint8_t recording[SR_UUID], struct sr_span label,
			   struct sr_recording_row *row)
{
	struct sr_context context;
	uint8_t key[SR_KEY];
	enum sr_code code;

	row->label_size = 0;
	if (label.size > SR_LABEL_MAX)
		return SR_USAGE;
	sr_entry_key(dek, key);
	sr_context_recording_entry(&context, recording);
	code = sr_seal(key, context.bytes, context.size, label.data, label.size, row->label);
	if (code == SR_OK)
		row->label_size = (uint16_t)sr_sealed_size(label.size);
	sodium_memzero(key, sizeof key);
	return code;
}

/* The entry key of `dek`, taken in; NULL when memory is used up. */
static struct sr_input *entry_of(const uint8_t dek[SR_KEY])
{
	struct sr_input *input;
	uint8_t key[SR_KEY];

	sr_entry_key(dek, key);
	input = sr_input_new(key);
	sodium_memzero(key, sizeof key);
	return input;
}

enum sr_opening sr_label_open(const uint8_t dek[SR_KEY], const uint8_t recording[SR_UUID],
			      const struct sr_recording_row *row, uint8_t label[SR_LABEL_MAX], size_t *size)
{
	struct sr_input *entry = entry_of(dek);
	enum sr_opening opening = SR_OPEN_FAILED;

	*size = 0;
	if (entry != NULL)
		opening = sr_label_open_with(entry, recording, row, label, size);
	sr_input_free(entry);
	return opening;
}

enum sr_opening sr_label_open_with(struct sr_input *entry, const uint8_t recording[SR_UUID],
				   const struct sr_recording_row *row, uint8_t label[SR_LABEL_MAX], size_t *size)
{
	struct sr_context context;
	uint64_t plain;
	enum sr_opening opening;

	*size = 0;
	if (!sr_plain_size(row->label_size, &plain) || plain > SR_LABEL_MAX)
		return SR_DAMAGED;
	sr_context_recording_entry(&context, recording);
	opening = sr_input_open(entry, (struct sr_span){context.bytes, context.size},
				(struct sr_span){row->label, row->label_size}, label);
	if (opening == SR_OPENED)
		*size = (size_t)plain;
	return opening;
}

enum sr_code sr_track_words_seal(const uint8_t dek[SR_KEY], const uint8_t recording[SR_UUID],
				 const struct sr_track_words *words, struct sr_track_row *row)
{
	uint8_t plain[WORDS_MAX];
	struct sr_builder out = sr_builder_over(plain, sizeof plain);
	struct sr_context context;
	uint8_t key[SR_KEY];
	enum sr_code code;

	row->entry_size = 0;
	if (words->media_type_size > SR_MEDIA_TYPE_MAX || words->label_size > SR_LABEL_MAX)
		return SR_USAGE;
	sr_put_field(&out, words->media_type, words->media_type_size);
	sr_put_field(&out, words->label, words->label_size);
	sr_entry_key(dek, key);
	sr_context_track_entry(&context, recording, row->track);
	code = sr_seal(key, context.bytes, context.size, plain, out.used, row->entry);
	if (code == SR_OK)
		row->entry_size = (uint16_t)sr_sealed_size(out.used);
	sodium_memzero(key, sizeof key);
	sodium_memzero(plain, sizeof plain);
	return code;
}

/* Sealed by this code alone, so a form that does not fit is damage. */
static bool take_words(struct sr_span plain, struct sr_track_words *words)
{
	struct sr_cursor in = sr_cursor_over(plain.data, plain.size);
	struct sr_span media_type = sr_take_field(&in, SR_MEDIA_TYPE_MAX);
	struct sr_span label = sr_take_field(&in, SR_LABEL_MAX);

	if (!sr_take_done(&in))
		return false;
	if (media_type.size != 0)
		memcpy(words->media_type, media_type.data, media_type.size);
	if (label.size != 0)
		memcpy(words->label, label.data, label.size);
	words->media_type_size = media_type.size;
	words->label_size = label.size;
	return true;
}

enum sr_opening sr_track_words_open(const uint8_t dek[SR_KEY], const uint8_t recording[SR_UUID],
				    const struct sr_track_row *row, struct sr_track_words *words)
{
	struct sr_input *entry = entry_of(dek);
	enum sr_opening opening = SR_OPEN_FAILED;

	memset(words, 0, sizeof *words);
	if (entry != NULL)
		opening = sr_track_words_open_with(entry, recording, row, words);
	sr_input_free(entry);
	return opening;
}

enum sr_opening sr_track_words_open_with(struct sr_input *entry, const uint8_t recording[SR_UUID],
					 const struct sr_track_row *row, struct sr_track_words *words)
{
	uint8_t plain[WORDS_MAX];
	struct sr_context context;
	uint64_t size;
	enum sr_opening opening;

	memset(words, 0, sizeof *words);
	if (!sr_plain_size(row->entry_size, &size) || size > sizeof plain)
		return SR_DAMAGED;
	sr_context_track_entry(&context, recording, row->track);
	opening = sr_input_open(entry, (struct sr_span){context.bytes, context.size},
				(struct sr_span){row->entry, row->entry_size}, plain);
	if (opening == SR_OPENED && !take_words((struct sr_span){.data = plain, .size = (size_t)size}, words))
		opening = SR_DAMAGED;
	sodium_memzero(plain, sizeof plain);
	return opening;
}

enum sr_code sr_person_seal(const struct sr_keyring *keyring, uint32_t epoch, const uint8_t tag[SR_TAG],
			    struct sr_span identity, uint8_t *out, size_t *size)
{
	struct sr_builder bytes = sr_builder_over(out, SR_PERSON_MAX);
	size_t box_size = identity.size + crypto_box_SEALBYTES;
	struct sr_context context;
	uint8_t epoch_key[SR_KEY];
	uint8_t box[BOX_MAX];
	uint8_t *sealed;
	enum sr_code code = SR_INTERNAL;

	*size = 0;
	if (box_size > sizeof box || !sr_keyring_epoch_key(keyring, epoch, epoch_key))
		return SR_INTERNAL;
	sr_put_u8(&bytes, PERSON_FORMAT);
	sr_put_u32(&bytes, epoch);
	sealed = sr_put_room(&bytes, (size_t)sr_sealed_size(box_size));
	if (sealed == NULL || crypto_box_seal(box, identity.data, identity.size, sr_keyring_auditor(keyring)) != 0)
		goto out;
	sr_context_person(&context, tag, epoch);
	code = sr_seal(epoch_key, context.bytes, context.size, box, box_size, sealed);
	if (code == SR_OK)
		*size = bytes.used;
out:
	sodium_memzero(epoch_key, sizeof epoch_key);
	return code;
}

enum sr_code sr_person_open(const struct sr_keyring *keyring, const uint8_t tag[SR_TAG], struct sr_span value,
			    uint8_t box[SR_PERSON_BOX_MAX], size_t *size)
{
	struct sr_cursor in = sr_cursor_over(value.data, value.size);
	struct sr_context context;
	uint8_t epoch_key[SR_KEY];
	enum sr_opening opening;
	uint64_t plain;

	*size = 0;
	if (sr_take_u8(&in) > PERSON_FORMAT)
		return SR_UNAVAILABLE;
	uint32_t epoch = sr_take_u32(&in);
	struct sr_span sealed = sr_take_rest(&in);
	if (value.size == 0 || value.data[0] == 0 || !sr_plain_size(sealed.size, &plain) || plain > SR_PERSON_BOX_MAX)
		return SR_CORRUPT;
	if (!sr_keyring_epoch_key(keyring, epoch, epoch_key))
		return SR_UNAVAILABLE;
	sr_context_person(&context, tag, epoch);
	opening = sr_open(epoch_key, context.bytes, context.size, sealed.data, sealed.size, box);
	sodium_memzero(epoch_key, sizeof epoch_key);
	if (opening == SR_OPEN_FAILED)
		return SR_INTERNAL;
	/* A box that is too short for an identity is not one that sealing makes. */
	if (opening != SR_OPENED || plain < SR_PERSON_BOX_MIN)
		return SR_CORRUPT;
	*size = (size_t)plain;
	return SR_OK;
}

enum sr_code sr_person_check(const struct sr_keyring *keyring, const uint8_t tag[SR_TAG], struct sr_span value)
{
	uint8_t box[SR_PERSON_BOX_MAX];
	size_t size;

	return sr_person_open(keyring, tag, value, box, &size);
}
