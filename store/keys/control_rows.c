/*
 * The control rows of deleting, holding and erasing: names in hex, fields in the order of FORMAT.md.
 */
#include "keys/control_rows.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

_Static_assert(SR_GENERATION == SR_UUID, "a ledger's line has one place for both");

#define TIME_HEX 16
#define TAG_HEX (2 * SR_TAG)
#define UUID_HEX (2 * SR_UUID)

/* Exactly `size` bytes of lower-case hex at `text`; in any other form it would be another name of the same row. */
static bool parse_hex(const uint8_t *text, uint8_t *out, size_t size)
{
	char again[TAG_HEX + 1];

	for (size_t at = 0; at < 2 * size; at++)
		if (memchr("0123456789abcdef", text[at], 16) == NULL)
			return false;
	if (sodium_hex2bin(out, size, (const char *)text, 2 * size, NULL, NULL, NULL) != 0)
		return false;
	sodium_bin2hex(again, sizeof again, out, size);
	return memcmp(again, text, 2 * size) == 0;
}

/* A name, terminated, that begins with `prefix`; false if it does not, or is too long. */
static bool take_name(struct sr_span name, const char *prefix, char out[SR_CONTROL_NAME])
{
	if (name.size >= SR_CONTROL_NAME || name.size < strlen(prefix) ||
	    memcmp(name.data, prefix, strlen(prefix)) != 0)
		return false;
	memcpy(out, name.data, name.size);
	out[name.size] = '\0';
	return true;
}

static size_t seal(const struct sr_keyring *keyring, const char *name, const struct sr_builder *fields, uint8_t *out)
{
	if (fields->failed)
		sodium_misuse();
	return sr_control_row_seal(keyring, name, (struct sr_span){fields->data, fields->used}, out);
}

/* ---- what is doomed ---- */

void sr_doom_name(const struct sr_doom *doom, char name[SR_CONTROL_NAME])
{
	char tag[TAG_HEX + 1], recording[UUID_HEX + 1];

	sodium_bin2hex(tag, sizeof tag, doom->tag, SR_TAG);
	sodium_bin2hex(recording, sizeof recording, doom->recording, SR_UUID);
	(void)snprintf(name, SR_CONTROL_NAME, SR_DOOM_PREFIX "%016" PRIx64 "/%s/%s", doom->doomed_ms, tag, recording);
}

size_t sr_doom_row_seal(const struct sr_keyring *keyring, const struct sr_doom *doom, uint8_t *out)
{
	char name[SR_CONTROL_NAME];
	uint8_t kind = (uint8_t)doom->kind;

	sr_doom_name(doom, name);
	return sr_control_row_seal(keyring, name, (struct sr_span){&kind, 1}, out);
}

static bool parse_doom(const char *name, struct sr_doom *doom)
{
	const uint8_t *at = (const uint8_t *)name + strlen(SR_DOOM_PREFIX);
	uint8_t time[8] = {0};

	if (strlen(name) != strlen(SR_DOOM_PREFIX) + TIME_HEX + 1 + TAG_HEX + 1 + UUID_HEX ||
	    !parse_hex(at, time, sizeof time) || at[TIME_HEX] != '/' ||
	    !parse_hex(at + TIME_HEX + 1, doom->tag, SR_TAG) || at[TIME_HEX + 1 + TAG_HEX] != '/' ||
	    !parse_hex(at + TIME_HEX + 1 + TAG_HEX + 1, doom->recording, SR_UUID))
		return false;
	struct sr_cursor in = sr_cursor_over(time, sizeof time);
	doom->doomed_ms = sr_take_u64(&in);
	return true;
}

enum sr_code sr_doom_row_open(const struct sr_keyring *keyring, struct sr_span name, struct sr_span value,
			      struct sr_doom *doom)
{
	char text[SR_CONTROL_NAME];
	struct sr_cursor in;
	enum sr_code code = SR_CORRUPT;

	memset(doom, 0, sizeof *doom);
	if (take_name(name, SR_DOOM_PREFIX, text) && parse_doom(text, doom))
		code = sr_control_row_open(keyring, text, value, &in);
	if (code == SR_OK) {
		doom->kind = (enum sr_doom_kind)sr_take_u8(&in);
		if (!sr_take_done(&in))
			code = SR_CORRUPT;
		else if (doom->kind < SR_DOOM_DELETED || doom->kind > SR_DOOM_REPLACED)
			code = SR_UNAVAILABLE;
	}
	if (code != SR_OK)
		memset(doom, 0, sizeof *doom);
	return code;
}

/* ---- holds ---- */

void sr_hold_recording_name(const uint8_t recording[SR_UUID], char name[SR_CONTROL_NAME])
{
	char hex[UUID_HEX + 1];

	sodium_bin2hex(hex, sizeof hex, recording, SR_UUID);
	(void)snprintf(name, SR_CONTROL_NAME, SR_HOLD_PREFIX "r/%s", hex);
}

void sr_hold_patient_name(const uint8_t tag[SR_TAG], char name[SR_CONTROL_NAME])
{
	char hex[TAG_HEX + 1];

	sodium_bin2hex(hex, sizeof hex, tag, SR_TAG);
	(void)snprintf(name, SR_CONTROL_NAME, SR_HOLD_PREFIX "p/%s", hex);
}

bool sr_hold_name_parse(struct sr_span name, bool *patient, uint8_t subject[SR_TAG])
{
	size_t front = strlen(SR_HOLD_PREFIX "p/");
	char text[SR_CONTROL_NAME];
	size_t size;

	*patient = false;
	memset(subject, 0, SR_TAG);
	if (!take_name(name, SR_HOLD_PREFIX, text) || name.size < front || text[front - 1] != '/')
		return false;
	*patient = text[front - 2] == 'p';
	size = *patient ? SR_TAG : SR_UUID;
	return (*patient || text[front - 2] == 'r') && name.size == front + 2 * size &&
	       parse_hex((const uint8_t *)text + front, subject, size);
}

size_t sr_holds_row_seal(const struct sr_keyring *keyring, const char *name, const struct sr_holds *holds, uint8_t *out)
{
	uint8_t bytes[SR_ROW_MAX - 1 - SR_ROW_MAC];
	struct sr_builder fields = sr_builder_over(bytes, sizeof bytes);

	sr_put_u8(&fields, (uint8_t)holds->count);
	for (size_t at = 0; at < holds->count; at++) {
		const struct sr_hold *hold = &holds->list[at];

		sr_put_bytes(&fields, hold->id, SR_UUID);
		sr_put_u64(&fields, hold->placed_ms);
		sr_put_field(&fields, hold->service, hold->service_size);
		sr_put_field(&fields, hold->reason, hold->reason_size);
	}
	return seal(keyring, name, &fields, out);
}

static void take_hold(struct sr_cursor *in, struct sr_hold *hold)
{
	struct sr_span text;

	sr_take_copy(in, hold->id, SR_UUID);
	hold->placed_ms = sr_take_u64(in);
	text = sr_take_field(in, sizeof hold->service);
	if (text.size != 0)
		memcpy(hold->service, text.data, text.size);
	hold->service_size = text.size;
	text = sr_take_field(in, sizeof hold->reason);
	if (text.size != 0)
		memcpy(hold->reason, text.data, text.size);
	hold->reason_size = text.size;
}

enum sr_code sr_holds_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
			       struct sr_holds *holds)
{
	struct sr_cursor in;
	enum sr_code code = sr_control_row_open(keyring, name, value, &in);

	memset(holds, 0, sizeof *holds);
	if (code != SR_OK)
		return code;
	holds->count = sr_take_u8(&in);
	if (holds->count < 1 || holds->count > SR_HOLDS_MAX)
		sr_take_fail(&in);
	for (size_t at = 0; !in.failed && at < holds->count; at++)
		take_hold(&in, &holds->list[at]);
	if (sr_take_done(&in))
		return SR_OK;
	memset(holds, 0, sizeof *holds);
	return SR_CORRUPT;
}

/* ---- erasure ---- */

void sr_erased_name(const uint8_t tag[SR_TAG], char name[SR_CONTROL_NAME])
{
	char hex[TAG_HEX + 1];

	sodium_bin2hex(hex, sizeof hex, tag, SR_TAG);
	(void)snprintf(name, SR_CONTROL_NAME, SR_ERASED_PREFIX "%s", hex);
}

size_t sr_erased_row_seal(const struct sr_keyring *keyring, const char *name, const struct sr_erased *row, uint8_t *out)
{
	uint8_t bytes[SR_GENERATION + 8 + 4 + 4];
	struct sr_builder fields = sr_builder_over(bytes, sizeof bytes);

	sr_put_bytes(&fields, row->generation, SR_GENERATION);
	sr_put_u64(&fields, row->erased_ms);
	sr_put_u32(&fields, row->epoch);
	sr_put_u32(&fields, row->recordings);
	return seal(keyring, name, &fields, out);
}

enum sr_code sr_erased_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
				struct sr_erased *row)
{
	struct sr_cursor in;
	enum sr_code code = sr_control_row_open(keyring, name, value, &in);

	memset(row, 0, sizeof *row);
	if (code != SR_OK)
		return code;
	sr_take_copy(&in, row->generation, SR_GENERATION);
	row->erased_ms = sr_take_u64(&in);
	row->epoch = sr_take_u32(&in);
	row->recordings = sr_take_u32(&in);
	if (sr_take_done(&in))
		return SR_OK;
	memset(row, 0, sizeof *row);
	return SR_CORRUPT;
}

size_t sr_number_row_seal(const struct sr_keyring *keyring, const char *name, uint64_t number, uint8_t *out)
{
	uint8_t bytes[8];
	struct sr_builder fields = sr_builder_over(bytes, sizeof bytes);

	sr_put_u64(&fields, number);
	return seal(keyring, name, &fields, out);
}

enum sr_code sr_number_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
				uint64_t *number)
{
	struct sr_cursor in;
	enum sr_code code = sr_control_row_open(keyring, name, value, &in);

	*number = code == SR_OK ? sr_take_u64(&in) : 0;
	return code == SR_OK && !sr_take_done(&in) ? SR_CORRUPT : code;
}

/* ---- the ledger's lines ---- */

/* A line is made as a control row of this name, which no row of the index has: so it holds for its place alone. */
static void line_name(uint64_t number, char name[SR_CONTROL_NAME])
{
	(void)snprintf(name, SR_CONTROL_NAME, "ledger/%016" PRIx64, number);
}

void sr_ledger_line_seal(const struct sr_keyring *keyring, uint64_t number, const struct sr_ledger_line *line,
			 uint8_t out[SR_LEDGER_LINE])
{
	uint8_t bytes[SR_LEDGER_LINE], row[SR_ROW_MAX];
	struct sr_builder fields = sr_builder_over(bytes, sizeof bytes);
	char name[SR_CONTROL_NAME];

	sr_put_u8(&fields, (uint8_t)line->kind);
	sr_put_bytes(&fields, line->tag, SR_TAG);
	sr_put_bytes(&fields, line->subject, SR_UUID);
	sr_put_u64(&fields, line->erased_ms);
	line_name(number, name);
	if (seal(keyring, name, &fields, row) != SR_LEDGER_LINE)
		sodium_misuse();
	memcpy(out, row, SR_LEDGER_LINE);
}

enum sr_code sr_ledger_line_open(const struct sr_keyring *keyring, uint64_t number, const uint8_t bytes[SR_LEDGER_LINE],
				 struct sr_ledger_line *line)
{
	char name[SR_CONTROL_NAME];
	struct sr_cursor in;
	enum sr_code code;

	memset(line, 0, sizeof *line);
	line_name(number, name);
	code = sr_control_row_open(keyring, name, (struct sr_span){bytes, SR_LEDGER_LINE}, &in);
	if (code != SR_OK)
		return code;
	line->kind = (enum sr_ledger_kind)sr_take_u8(&in);
	sr_take_copy(&in, line->tag, SR_TAG);
	sr_take_copy(&in, line->subject, SR_UUID);
	line->erased_ms = sr_take_u64(&in);
	if (!sr_take_done(&in))
		code = SR_CORRUPT;
	else if (line->kind != SR_LEDGER_PATIENT && line->kind != SR_LEDGER_RECORDING)
		code = SR_UNAVAILABLE;
	if (code != SR_OK)
		memset(line, 0, sizeof *line);
	return code;
}
