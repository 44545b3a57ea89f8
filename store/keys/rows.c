/*
 * Each row's fields to bytes and back, in the order of FORMAT.md, with the HMAC that ends it.
 */
#include "keys/rows.h"

#include <sodium.h>
#include <string.h>

#include "equal.h"

/* The HMAC of a row: what its context names, then its bytes. */
static void row_mac(const struct sr_keyring *keyring, const struct sr_context *context, struct sr_span bytes,
		    uint8_t mac[SR_ROW_MAC])
{
	const struct sr_span parts[] = {{.data = context->bytes, .size = context->size}, bytes};
	uint8_t whole[SR_HMAC];

	sr_hmac_of(sr_keyring_row_key(keyring), parts, 2, whole);
	memcpy(mac, whole, SR_ROW_MAC);
}

/* End a row with its HMAC. A row that does not fit could not be read again: only a fault in sealreel makes one. */
static size_t finish(const struct sr_keyring *keyring, const struct sr_context *context, struct sr_builder *row)
{
	struct sr_span bytes = {.data = row->data, .size = row->used};
	uint8_t mac[SR_ROW_MAC];

	row_mac(keyring, context, bytes, mac);
	sr_put_bytes(row, mac, sizeof mac);
	if (row->failed)
		sodium_misuse();
	return row->used;
}

/*
 * Verify a row's HMAC and that its *format (out) is at most `newest`; *fields is then over what lies between format and
 * HMAC. SR_CORRUPT, or SR_UNAVAILABLE for a later format, whose HMAC is where this one's is.
 */
static enum sr_code begin_any(const struct sr_keyring *keyring, const struct sr_context *context, struct sr_span value,
			      uint8_t newest, uint8_t *format, struct sr_cursor *fields)
{
	struct sr_cursor in = sr_cursor_over(value.data, value.size);
	uint8_t mac[SR_ROW_MAC];
	struct sr_span bytes;

	if (value.size < 1 + SR_ROW_MAC)
		return SR_CORRUPT;
	bytes = sr_take_span(&in, value.size - SR_ROW_MAC);
	row_mac(keyring, context, bytes, mac);
	if (!sr_equal(mac, sr_take_span(&in, SR_ROW_MAC).data, SR_ROW_MAC))
		return SR_CORRUPT;
	*fields = sr_cursor_over(bytes.data, bytes.size);
	*format = sr_take_u8(fields);
	if (*format > newest)
		return SR_UNAVAILABLE;
	return *format > 0 ? SR_OK : SR_CORRUPT;
}

/* The same of a row that has had one format only. */
static enum sr_code begin(const struct sr_keyring *keyring, const struct sr_context *context, struct sr_span value,
			  struct sr_cursor *fields)
{
	uint8_t format;

	return begin_any(keyring, context, value, SR_ROW_FORMAT, &format, fields);
}

/* How a decode ended that began well: form first, as a state read from a malformed row says nothing. */
static enum sr_code end(const struct sr_cursor *fields, bool states_known)
{
	if (!sr_take_done(fields))
		return SR_CORRUPT;
	return states_known ? SR_OK : SR_UNAVAILABLE;
}

static bool life_known(enum sr_life life)
{
	return life >= SR_LIFE_LIVE && life <= SR_LIFE_FURTHER;
}

static bool writing_known(enum sr_writing writing)
{
	return writing >= SR_WRITING_OPEN && writing <= SR_WRITING_FINISHED;
}

/* A sealed text in `room` bytes: absent, or at least a seal. */
static uint16_t take_sealed(struct sr_cursor *in, uint8_t *out, size_t room)
{
	struct sr_span sealed = sr_take_field(in, room);

	if (sealed.size != 0 && sealed.size < SR_SEALED_SMALL) {
		sr_take_fail(in);
		return 0;
	}
	if (sealed.size != 0)
		memcpy(out, sealed.data, sealed.size);
	return (uint16_t)sealed.size;
}

/* The same, to be written. */
static void put_sealed(struct sr_builder *out, const uint8_t *sealed, uint16_t size, size_t room)
{
	if (size > room)
		sodium_misuse();
	sr_put_field(out, sealed, size);
}

/* --- a patient's row --- */

size_t sr_patient_row_encode(const struct sr_keyring *keyring, const uint8_t tag[SR_TAG],
			     const struct sr_patient_row *row, uint8_t *out)
{
	struct sr_builder bytes = sr_builder_over(out, SR_ROW_MAX);
	struct sr_context context;

	sr_put_u8(&bytes, SR_ROW_FORMAT);
	sr_put_u8(&bytes, (uint8_t)row->life);
	sr_put_bytes(&bytes, row->generation, sizeof row->generation);
	sr_put_u32(&bytes, row->root);
	sr_put_bytes(&bytes, row->salt, sizeof row->salt);
	sr_put_u64(&bytes, row->created_ms);
	sr_put_u64(&bytes, row->doomed_ms);
	sr_put_bytes(&bytes, row->other, sizeof row->other);
	sr_context_patient_row(&context, tag);
	return finish(keyring, &context, &bytes);
}

enum sr_code sr_patient_row_decode(const struct sr_keyring *keyring, const uint8_t tag[SR_TAG], struct sr_span value,
				   struct sr_patient_row *row)
{
	struct sr_context context;
	struct sr_cursor in;
	enum sr_code code;

	memset(row, 0, sizeof *row);
	sr_context_patient_row(&context, tag);
	code = begin(keyring, &context, value, &in);
	if (code != SR_OK)
		return code;
	row->life = (enum sr_life)sr_take_u8(&in);
	sr_take_copy(&in, row->generation, sizeof row->generation);
	row->root = sr_take_u32(&in);
	sr_take_copy(&in, row->salt, sizeof row->salt);
	row->created_ms = sr_take_u64(&in);
	row->doomed_ms = sr_take_u64(&in);
	sr_take_copy(&in, row->other, sizeof row->other);
	code = end(&in, life_known(row->life));
	if (code != SR_OK)
		memset(row, 0, sizeof *row);
	return code;
}

/* --- a recording's row --- */

static void put_trace(struct sr_builder *out, const struct sr_grant_trace *trace)
{
	sr_put_bytes(out, trace->hash, sizeof trace->hash);
	sr_put_u64(out, trace->expires);
}

static void take_trace(struct sr_cursor *in, struct sr_grant_trace *trace)
{
	sr_take_copy(in, trace->hash, sizeof trace->hash);
	trace->expires = sr_take_u64(in);
}

size_t sr_recording_row_encode(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID],
			       const struct sr_recording_row *row, uint8_t *out)
{
	struct sr_builder bytes = sr_builder_over(out, SR_ROW_MAX);
	struct sr_context context;

	sr_put_u8(&bytes, SR_ROW_FORMAT);
	sr_put_u8(&bytes, (uint8_t)row->life);
	sr_put_u8(&bytes, (uint8_t)row->writing);
	sr_put_u64(&bytes, row->wrap_revision);
	sr_put_u64(&bytes, row->writer_revision);
	sr_put_u64(&bytes, row->life_revision);
	sr_put_u32(&bytes, row->epoch);
	sr_put_bytes(&bytes, row->wrap, sizeof row->wrap);
	sr_put_u64(&bytes, row->opened_ms);
	sr_put_u64(&bytes, row->finished_ms);
	sr_put_u64(&bytes, row->doomed_ms);
	sr_put_u64(&bytes, row->retain_until_ms);
	sr_put_u8(&bytes, row->held ? 1 : 0);
	sr_put_bytes(&bytes, row->other, sizeof row->other);
	sr_put_bytes(&bytes, row->nonce, sizeof row->nonce);
	sr_put_bytes(&bytes, row->consultation, sizeof row->consultation);
	put_trace(&bytes, &row->opened_by);
	put_trace(&bytes, &row->renewed_by);
	sr_put_u16(&bytes, row->tracks);
	put_sealed(&bytes, row->label, row->label_size, sizeof row->label);
	sr_context_recording_row(&context, recording);
	return finish(keyring, &context, &bytes);
}

static void take_recording(struct sr_cursor *in, struct sr_recording_row *row)
{
	uint8_t held;

	row->life = (enum sr_life)sr_take_u8(in);
	row->writing = (enum sr_writing)sr_take_u8(in);
	row->wrap_revision = sr_take_u64(in);
	row->writer_revision = sr_take_u64(in);
	row->life_revision = sr_take_u64(in);
	row->epoch = sr_take_u32(in);
	sr_take_copy(in, row->wrap, sizeof row->wrap);
	row->opened_ms = sr_take_u64(in);
	row->finished_ms = sr_take_u64(in);
	row->doomed_ms = sr_take_u64(in);
	row->retain_until_ms = sr_take_u64(in);
	held = sr_take_u8(in);
	if (held > 1)
		sr_take_fail(in);
	row->held = held == 1;
	sr_take_copy(in, row->other, sizeof row->other);
	sr_take_copy(in, row->nonce, sizeof row->nonce);
	sr_take_copy(in, row->consultation, sizeof row->consultation);
	take_trace(in, &row->opened_by);
	take_trace(in, &row->renewed_by);
	row->tracks = sr_take_u16(in);
	row->label_size = take_sealed(in, row->label, sizeof row->label);
}

enum sr_code sr_recording_row_decode(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID],
				     struct sr_span value, struct sr_recording_row *row)
{
	struct sr_context context;
	struct sr_cursor in;
	enum sr_code code;

	memset(row, 0, sizeof *row);
	sr_context_recording_row(&context, recording);
	code = begin(keyring, &context, value, &in);
	if (code != SR_OK)
		return code;
	take_recording(&in, row);
	code = end(&in, life_known(row->life) && writing_known(row->writing));
	if (code != SR_OK)
		memset(row, 0, sizeof *row);
	return code;
}

bool sr_recording_unwrapped(const struct sr_recording_row *row)
{
	return row->life == SR_LIFE_DOOMED && row->epoch == SR_EPOCH_NONE;
}

bool sr_recording_gone(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], struct sr_span value)
{
	struct sr_recording_row row;

	/* Hardly any row says so, and the HMAC of one that does not need not be computed to believe that. */
	return sr_row_life_told(value) == SR_LIFE_DOOMED &&
	       sr_recording_row_decode(keyring, recording, value, &row) == SR_OK && sr_recording_unwrapped(&row);
}

enum sr_life sr_row_life_told(struct sr_span value)
{
	return value.size > 2 && value.data[0] == SR_ROW_FORMAT ? (enum sr_life)value.data[1] : (enum sr_life)0;
}

/* --- a track's row --- */

size_t sr_track_row_encode(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID],
			   const struct sr_track_row *row, uint8_t *out)
{
	struct sr_builder bytes = sr_builder_over(out, SR_ROW_MAX);
	struct sr_context context;

	if (row->track == 0 || row->file_count > SR_FILES_MAX)
		sodium_misuse();
	sr_put_u8(&bytes, SR_ROW_FORMAT);
	sr_put_u16(&bytes, row->track);
	sr_put_u32(&bytes, row->generation);
	sr_put_u8(&bytes, (uint8_t)row->writing);
	sr_put_bytes(&bytes, row->nonce, sizeof row->nonce);
	sr_put_u64(&bytes, row->opened_ms);
	sr_put_u64(&bytes, row->start_ms);
	sr_put_u32(&bytes, row->segments);
	sr_put_u64(&bytes, row->length);
	sr_put_u16(&bytes, row->file_count);
	for (size_t i = 0; i < row->file_count; i++) {
		sr_put_u16(&bytes, row->files[i].number);
		sr_put_u64(&bytes, row->files[i].committed);
	}
	sr_put_u64(&bytes, row->manifest_position);
	sr_put_u32(&bytes, row->manifest_size);
	sr_put_bytes(&bytes, row->manifest_hash, sizeof row->manifest_hash);
	sr_put_bytes(&bytes, row->head, sizeof row->head);
	put_sealed(&bytes, row->entry, row->entry_size, sizeof row->entry);
	sr_context_track_row(&context, recording, row->track);
	return finish(keyring, &context, &bytes);
}

/* What follows the track's number. */
static void take_track(struct sr_cursor *in, struct sr_track_row *row)
{
	row->generation = sr_take_u32(in);
	row->writing = (enum sr_writing)sr_take_u8(in);
	sr_take_copy(in, row->nonce, sizeof row->nonce);
	row->opened_ms = sr_take_u64(in);
	row->start_ms = sr_take_u64(in);
	row->segments = sr_take_u32(in);
	row->length = sr_take_u64(in);
	row->file_count = sr_take_u16(in);
	if (row->file_count > SR_FILES_MAX) {
		row->file_count = 0;
		sr_take_fail(in);
	}
	for (size_t i = 0; i < row->file_count; i++) {
		row->files[i].number = sr_take_u16(in);
		row->files[i].committed = sr_take_u64(in);
	}
	row->manifest_position = sr_take_u64(in);
	row->manifest_size = sr_take_u32(in);
	sr_take_copy(in, row->manifest_hash, sizeof row->manifest_hash);
	sr_take_copy(in, row->head, sizeof row->head);
	row->entry_size = take_sealed(in, row->entry, sizeof row->entry);
}

enum sr_code sr_track_row_decode(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID],
				 struct sr_span value, struct sr_track_row *row)
{
	struct sr_cursor in = sr_cursor_over(value.data, value.size);
	struct sr_context context;
	enum sr_code code;
	uint16_t track;

	memset(row, 0, sizeof *row);
	/* The HMAC's context names the track, whose number stands behind the format byte in every format. */
	(void)sr_take_u8(&in);
	track = sr_take_u16(&in);
	sr_context_track_row(&context, recording, track);
	code = begin(keyring, &context, value, &in);
	if (code != SR_OK)
		return code;
	row->track = sr_take_u16(&in);
	if (row->track == 0)
		sr_take_fail(&in);
	take_track(&in, row);
	code = end(&in, writing_known(row->writing));
	if (code != SR_OK)
		memset(row, 0, sizeof *row);
	return code;
}

/* --- an extent's row --- */

size_t sr_extent_row_encode(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], uint16_t track,
			    uint16_t file, uint32_t extent, const struct sr_extent_row *row, uint8_t *out)
{
	struct sr_builder bytes = sr_builder_over(out, SR_ROW_MAX);
	struct sr_context context;

	sr_put_u8(&bytes, (uint8_t)row->format);
	sr_put_u32(&bytes, row->covered);
	sr_put_bytes(&bytes, row->sum, sizeof row->sum);
	sr_context_extent_row(&context, recording, track, file, extent);
	return finish(keyring, &context, &bytes);
}

enum sr_code sr_extent_row_decode(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], uint16_t track,
				  uint16_t file, uint32_t extent, struct sr_span value, struct sr_extent_row *row)
{
	struct sr_context context;
	struct sr_cursor in;
	enum sr_code code;
	uint8_t format;

	memset(row, 0, sizeof *row);
	sr_context_extent_row(&context, recording, track, file, extent);
	code = begin_any(keyring, &context, value, SR_EXTENT_POLY1305, &format, &in);
	if (code != SR_OK)
		return code;
	row->format = (enum sr_extent_format)format;
	row->covered = sr_take_u32(&in);
	if (row->covered > SR_EXTENT)
		sr_take_fail(&in);
	sr_take_copy(&in, row->sum, sizeof row->sum);
	code = end(&in, true);
	if (code != SR_OK)
		memset(row, 0, sizeof *row);
	return code;
}

/* --- a service's control row --- */

size_t sr_service_row_seal(const struct sr_keyring *keyring, const char *name, const struct sr_service_state *row,
			   uint8_t *out)
{
	struct sr_builder bytes = sr_builder_over(out, SR_ROW_MAX);
	struct sr_context context;

	sr_put_u8(&bytes, SR_ROW_FORMAT);
	sr_put_bytes(&bytes, row->key, sizeof row->key);
	sr_put_u16(&bytes, row->roles);
	sr_put_u64(&bytes, row->added_ms);
	sr_put_u64(&bytes, row->revision);
	sr_context_control_row(&context, name, strlen(name));
	return finish(keyring, &context, &bytes);
}

enum sr_code sr_service_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
				 struct sr_service_state *row)
{
	struct sr_context context;
	struct sr_cursor in;
	enum sr_code code;

	memset(row, 0, sizeof *row);
	sr_context_control_row(&context, name, strlen(name));
	code = begin(keyring, &context, value, &in);
	if (code != SR_OK)
		return code;
	sr_take_copy(&in, row->key, sizeof row->key);
	row->roles = sr_take_u16(&in);
	row->added_ms = sr_take_u64(&in);
	row->revision = sr_take_u64(&in);
	/* A role of a later version is a state like any other that is not known here. */
	code = end(&in, (row->roles & ~SR_ROLES_ALL) == 0);
	if (code != SR_OK)
		memset(row, 0, sizeof *row);
	return code;
}

/* --- a control row of another kind --- */

size_t sr_control_row_seal(const struct sr_keyring *keyring, const char *name, struct sr_span fields, uint8_t *out)
{
	struct sr_builder bytes = sr_builder_over(out, SR_ROW_MAX);
	struct sr_context context;

	sr_put_u8(&bytes, SR_ROW_FORMAT);
	sr_put_bytes(&bytes, fields.data, fields.size);
	sr_context_control_row(&context, name, strlen(name));
	return finish(keyring, &context, &bytes);
}

enum sr_code sr_control_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
				 struct sr_cursor *fields)
{
	struct sr_context context;
	enum sr_code code;

	*fields = sr_cursor_over(NULL, 0);
	sr_context_control_row(&context, name, strlen(name));
	code = begin(keyring, &context, value, fields);
	if (code != SR_OK)
		*fields = sr_cursor_over(NULL, 0);
	return code;
}
