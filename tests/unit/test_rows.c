/*
 * Rows of the index: every field there and back, every damaged bit and every cut refused, and the bytes of version 1.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "row_forge.h"

#define NAME "service/front-desk"

static struct sr_keyring *keyring;

static void set_up(void)
{
	keyring = fixed_keyring();
}

static void tear_down(void)
{
	sr_keyring_free(keyring);
}

/* Structs are made from zeros, member by member, so that they can be compared whole. */

static void sample_patient(struct sr_patient_row *row)
{
	memset(row, 0, sizeof *row);
	row->life = SR_LIFE_MOVING;
	fill_run(row->generation, 0x31, sizeof row->generation);
	row->root = 0x01020304;
	fill_run(row->salt, 0x51, sizeof row->salt);
	row->created_ms = 0x1112131415161718;
	row->doomed_ms = 0x2122232425262728;
	fill_run(row->other, 0x71, sizeof row->other);
}

static void sample_recording(struct sr_recording_row *row)
{
	memset(row, 0, sizeof *row);
	row->life = SR_LIFE_LIVE;
	row->writing = SR_WRITING_CLOSING;
	row->wrap_revision = 0x0102030405060708;
	row->writer_revision = 0x1112131415161718;
	row->life_revision = 0x2122232425262728;
	row->epoch = 0x31323334;
	fill_run(row->wrap, 0x40, sizeof row->wrap);
	row->opened_ms = 0x4142434445464748;
	row->finished_ms = 0x5152535455565758;
	row->doomed_ms = 0x6162636465666768;
	row->retain_until_ms = 0x7172737475767778;
	row->held = true;
	fill_run(row->other, 0x81, sizeof row->other);
	fill_run(row->nonce, 0x91, sizeof row->nonce);
	fill_run(row->consultation, 0xa1, sizeof row->consultation);
	fill_run(row->opened_by.hash, 0xb1, SR_TAG);
	row->opened_by.expires = 0x8182838485868788;
	fill_run(row->renewed_by.hash, 0xc1, SR_TAG);
	row->renewed_by.expires = 0x9192939495969798;
	row->tracks = 0xa1a2;
	row->label_size = 75;
	fill_run(row->label, 0xd1, row->label_size);
}

static void sample_track(struct sr_track_row *row)
{
	memset(row, 0, sizeof *row);
	row->track = 0x0102;
	row->generation = 0x11121314;
	row->writing = SR_WRITING_FINISHED;
	fill_run(row->nonce, 0x21, sizeof row->nonce);
	row->opened_ms = 0x2122232425262728;
	row->start_ms = 0x3132333435363738;
	row->segments = 0x41424344;
	row->length = 0x5152535455565758;
	row->file_count = 2;
	row->files[0].number = 1;
	row->files[0].committed = 0x6162636465666768;
	row->files[1].number = 7;
	row->files[1].committed = 0x7172737475767778;
	row->manifest_position = 0x8182838485868788;
	row->manifest_size = 0x91929394;
	fill_run(row->manifest_hash, 0xa1, sizeof row->manifest_hash);
	fill_run(row->head, 0xb1, sizeof row->head);
	row->entry_size = 80;
	fill_run(row->entry, 0xc1, row->entry_size);
}

static void sample_extent(struct sr_extent_row *row)
{
	memset(row, 0, sizeof *row);
	row->covered = SR_EXTENT;
	row->format = SR_EXTENT_SHA256;
	fill_run(row->sum, 0x11, sizeof row->sum);
}

static void sample_service(struct sr_service_state *row)
{
	memset(row, 0, sizeof *row);
	fill_run(row->key, 0x11, sizeof row->key);
	row->roles = SR_ROLE_INGEST | SR_ROLE_AUDIT;
	row->added_ms = 0x2122232425262728;
	row->revision = 0x3132333435363738;
}

/* One kind of row, so that every rule can be held against all of them. `decode` also compares what came back. */
struct kind {
	const char *name;
	size_t (*encode)(uint8_t *out);
	enum sr_code (*decode)(struct sr_span value, bool *same, bool *zeros);
	struct row_context (*context)(void);
	uint8_t newest; /* format that is read */
};

static bool all_zeros(const void *row, size_t size)
{
	return sodium_is_zero(row, size) == 1;
}

static size_t encode_patient(uint8_t *out)
{
	struct sr_patient_row row;

	sample_patient(&row);
	return sr_patient_row_encode(keyring, forge_tag, &row, out);
}

static enum sr_code decode_patient(struct sr_span value, bool *same, bool *zeros)
{
	struct sr_patient_row row;
	struct sr_patient_row sample;
	enum sr_code code = sr_patient_row_decode(keyring, forge_tag, value, &row);

	sample_patient(&sample);
	*same = memcmp(&row, &sample, sizeof row) == 0;
	*zeros = all_zeros(&row, sizeof row);
	return code;
}

static struct row_context context_patient(void)
{
	return row_context("sealreel v1 patient row", forge_tag, sizeof forge_tag);
}

static size_t encode_recording(uint8_t *out)
{
	struct sr_recording_row row;

	sample_recording(&row);
	return sr_recording_row_encode(keyring, forge_recording, &row, out);
}

static enum sr_code decode_recording(struct sr_span value, bool *same, bool *zeros)
{
	struct sr_recording_row row;
	struct sr_recording_row sample;
	enum sr_code code = sr_recording_row_decode(keyring, forge_recording, value, &row);

	sample_recording(&sample);
	*same = memcmp(&row, &sample, sizeof row) == 0;
	*zeros = all_zeros(&row, sizeof row);
	return code;
}

static struct row_context context_recording(void)
{
	return row_context("sealreel v1 recording row", forge_recording, sizeof forge_recording);
}

static size_t encode_track(uint8_t *out)
{
	struct sr_track_row row;

	sample_track(&row);
	return sr_track_row_encode(keyring, forge_recording, &row, out);
}

static enum sr_code decode_track(struct sr_span value, bool *same, bool *zeros)
{
	struct sr_track_row row;
	struct sr_track_row sample;
	enum sr_code code = sr_track_row_decode(keyring, forge_recording, value, &row);

	sample_track(&sample);
	*same = memcmp(&row, &sample, sizeof row) == 0;
	*zeros = all_zeros(&row, sizeof row);
	return code;
}

static struct row_context context_track(void)
{
	uint8_t fields[SR_UUID + 2];

	memcpy(fields, forge_recording, SR_UUID);
	fields[SR_UUID] = 1;
	fields[SR_UUID + 1] = 2;
	return row_context("sealreel v1 track row", fields, sizeof fields);
}

static size_t encode_extent(uint8_t *out)
{
	struct sr_extent_row row;

	sample_extent(&row);
	return sr_extent_row_encode(keyring, forge_recording, 0x0102, 0x0304, 0x05060708, &row, out);
}

static enum sr_code decode_extent(struct sr_span value, bool *same, bool *zeros)
{
	struct sr_extent_row row;
	struct sr_extent_row sample;
	enum sr_code code = sr_extent_row_decode(keyring, forge_recording, 0x0102, 0x0304, 0x05060708, value, &row);

	sample_extent(&sample);
	*same = memcmp(&row, &sample, sizeof row) == 0;
	*zeros = all_zeros(&row, sizeof row);
	return code;
}

static struct row_context context_extent(void)
{
	uint8_t fields[SR_UUID + 8];

	memcpy(fields, forge_recording, SR_UUID);
	fill_run(fields + SR_UUID, 1, 8);
	return row_context("sealreel v1 extent row", fields, sizeof fields);
}

static size_t encode_service(uint8_t *out)
{
	struct sr_service_state row;

	sample_service(&row);
	return sr_service_row_seal(keyring, NAME, &row, out);
}

static enum sr_code decode_service(struct sr_span value, bool *same, bool *zeros)
{
	struct sr_service_state row;
	struct sr_service_state sample;
	enum sr_code code = sr_service_row_open(keyring, NAME, value, &row);

	sample_service(&sample);
	*same = memcmp(&row, &sample, sizeof row) == 0;
	*zeros = all_zeros(&row, sizeof row);
	return code;
}

static struct row_context context_service(void)
{
	uint8_t fields[2 + sizeof NAME - 1] = {0, sizeof NAME - 1};

	memcpy(fields + 2, NAME, sizeof NAME - 1);
	return row_context("sealreel v1 control row", fields, sizeof fields);
}

static const struct kind kinds[] = {
	{"patient", encode_patient, decode_patient, context_patient, 1},
	{"recording", encode_recording, decode_recording, context_recording, 1},
	{"track", encode_track, decode_track, context_track, 1},
	{"extent", encode_extent, decode_extent, context_extent, 2},
	{"service", encode_service, decode_service, context_service, 1},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

/* Decode bytes of exactly this size on the heap, so that a read past them is seen; a refusal gives zeros. */
static enum sr_code decode(const struct kind *kind, const uint8_t *bytes, size_t size)
{
	uint8_t *exact = malloc(size == 0 ? 1 : size);
	bool same;
	bool zeros;
	enum sr_code code;

	memcpy(exact, bytes, size);
	code = kind->decode((struct sr_span){.data = exact, .size = size}, &same, &zeros);
	free(exact);
	cr_assert_eq(code != SR_OK, zeros, "%s: zeros on refusal alone", kind->name);
	return code;
}

Test(rows, every_field_comes_back, .init = set_up, .fini = tear_down)
{
	uint8_t bytes[SR_ROW_MAX];

	for (size_t i = 0; i < KINDS; i++) {
		size_t size = kinds[i].encode(bytes);
		bool same;
		bool zeros;

		cr_assert_eq(kinds[i].decode((struct sr_span){.data = bytes, .size = size}, &same, &zeros), SR_OK, "%s",
			     kinds[i].name);
		cr_assert(same, "%s", kinds[i].name);
	}
}

Test(rows, sizes_are_those_of_the_format, .init = set_up, .fini = tear_down)
{
	static const size_t sizes[KINDS] = {134, 436 + 75, 289 + 20 + 80, SR_EXTENT_ROW, 83};
	uint8_t bytes[SR_ROW_MAX];

	for (size_t i = 0; i < KINDS; i++)
		cr_assert_eq(kinds[i].encode(bytes), sizes[i], "%s", kinds[i].name);
	cr_assert_eq(SR_EXTENT_ROW, 69);
}

/* Whatever lay in the buffer before must not matter. */
Test(rows, every_byte_is_written, .init = set_up, .fini = tear_down)
{
	static uint8_t over_zeros[SR_ROW_MAX];
	static uint8_t over_ones[SR_ROW_MAX];

	for (size_t i = 0; i < KINDS; i++) {
		size_t size;

		memset(over_zeros, 0, sizeof over_zeros);
		memset(over_ones, 0xff, sizeof over_ones);
		size = kinds[i].encode(over_zeros);
		cr_assert_eq(kinds[i].encode(over_ones), size);
		cr_assert_arr_eq(over_zeros, over_ones, size, "%s", kinds[i].name);
		for (size_t at = size; at < SR_ROW_MAX; at++)
			cr_assert_eq(over_ones[at], 0xff, "%s writes past its end", kinds[i].name);
	}
}

Test(rows, every_flipped_bit_is_corrupt, .init = set_up, .fini = tear_down)
{
	uint8_t bytes[SR_ROW_MAX];

	for (size_t i = 0; i < KINDS; i++) {
		size_t size = kinds[i].encode(bytes);

		for (size_t bit = 0; bit < size * 8; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			cr_assert_eq(decode(&kinds[i], bytes, size), SR_CORRUPT, "%s, bit %zu", kinds[i].name, bit);
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		cr_assert_eq(decode(&kinds[i], bytes, size), SR_OK);
	}
}

Test(rows, every_cut_is_corrupt, .init = set_up, .fini = tear_down)
{
	uint8_t bytes[SR_ROW_MAX];

	for (size_t i = 0; i < KINDS; i++) {
		size_t size = kinds[i].encode(bytes);

		bytes[size] = 0;
		cr_assert_eq(decode(&kinds[i], bytes, size + 1), SR_CORRUPT, "%s with a byte more", kinds[i].name);
		for (size_t cut = 0; cut < size; cut++)
			cr_assert_eq(decode(&kinds[i], bytes, cut), SR_CORRUPT, "%s cut at %zu", kinds[i].name, cut);
	}
}

/* A right HMAC over a wrong form: every shorter and one longer row, sealed anew, is refused by its form. */
Test(rows, every_cut_under_a_right_hmac_is_corrupt, .init = set_up, .fini = tear_down)
{
	uint8_t bytes[SR_ROW_MAX];
	uint8_t cut[SR_ROW_MAX];

	for (size_t i = 0; i < KINDS; i++) {
		struct row_context context = kinds[i].context();
		size_t size = kinds[i].encode(bytes);
		bool is_track = kinds[i].encode == encode_track;

		/* Below three bytes a track's row names no track, and so has no HMAC that could be right. */
		for (size_t fields = is_track ? 3 : 1; fields <= size - SR_ROW_MAC + 1; fields++) {
			memcpy(cut, bytes, size);
			cut[size - SR_ROW_MAC] = 0;
			remac(&context, cut, fields + SR_ROW_MAC);
			cr_assert_eq(decode(&kinds[i], cut, fields + SR_ROW_MAC),
				     fields == size - SR_ROW_MAC ? SR_OK : SR_CORRUPT, "%s with %zu bytes",
				     kinds[i].name, fields);
		}
	}
}

Test(rows, a_later_format_is_unavailable_and_none_is_corrupt, .init = set_up, .fini = tear_down)
{
	uint8_t bytes[SR_ROW_MAX];

	for (size_t i = 0; i < KINDS; i++) {
		struct row_context context = kinds[i].context();
		size_t size = kinds[i].encode(bytes);

		for (unsigned format = 0; format <= 255; format++) {
			enum sr_code expected = format == 0                 ? SR_CORRUPT
						: format <= kinds[i].newest ? SR_OK
									    : SR_UNAVAILABLE;

			bytes[0] = (uint8_t)format;
			remac(&context, bytes, size);
			cr_assert_eq(decode(&kinds[i], bytes, size), expected, "%s, format %u", kinds[i].name, format);
		}
		/* What a later format holds, and how much of it, is not this one's to judge. */
		bytes[0] = (uint8_t)(kinds[i].newest + 1);
		remac(&context, bytes, size + 500);
		cr_assert_eq(decode(&kinds[i], bytes, size + 500), SR_UNAVAILABLE, "%s", kinds[i].name);
	}
}

/* Every value of one byte of a row under a right HMAC, and how many of them, from `first`, are known. */
static void check_byte(const struct kind *kind, size_t at, unsigned first, unsigned last, enum sr_code otherwise)
{
	struct row_context context = kind->context();
	uint8_t bytes[SR_ROW_MAX];
	size_t size = kind->encode(bytes);

	for (unsigned value = 0; value <= 255; value++) {
		bytes[at] = (uint8_t)value;
		remac(&context, bytes, size);
		cr_assert_eq(decode(kind, bytes, size), value >= first && value <= last ? SR_OK : otherwise,
			     "%s: byte %zu is %u", kind->name, at, value);
	}
}

Test(rows, unknown_states_are_unavailable, .init = set_up, .fini = tear_down)
{
	check_byte(&kinds[0], 1, 1, 5, SR_UNAVAILABLE);  /* a patient's life */
	check_byte(&kinds[1], 1, 1, 5, SR_UNAVAILABLE);  /* a recording's */
	check_byte(&kinds[1], 2, 1, 3, SR_UNAVAILABLE);  /* its writing */
	check_byte(&kinds[2], 7, 1, 3, SR_UNAVAILABLE);  /* a track's writing */
	check_byte(&kinds[4], 33, 0, 0, SR_UNAVAILABLE); /* roles above the known ones */
	check_byte(&kinds[4], 34, 0, 31, SR_UNAVAILABLE);
}

Test(rows, numbers_out_of_range_are_corrupt, .init = set_up, .fini = tear_down)
{
	check_byte(&kinds[1], 239, 0, 1, SR_CORRUPT);   /* held */
	check_byte(&kinds[1], 403, 75, 75, SR_CORRUPT); /* the label's length */
	check_byte(&kinds[2], 53, 2, 2, SR_CORRUPT);    /* the count of files */
	check_byte(&kinds[2], 52, 0, 0, SR_CORRUPT);    /* above 256 of them */
	check_byte(&kinds[3], 1, 0, 0, SR_CORRUPT);     /* an extent of more than 4 MiB */
	check_byte(&kinds[3], 4, 0, 0, SR_CORRUPT);
}

Test(rows, a_sealed_text_is_absent_or_a_whole_seal, .init = set_up, .fini = tear_down)
{
	uint8_t bytes[SR_ROW_MAX];
	struct sr_recording_row row;
	struct sr_recording_row back;

	for (uint16_t size = 0; size <= sizeof row.label; size++) {
		bool fits = size == 0 || size >= SR_SEALED_SMALL;
		struct sr_span value = {.data = bytes};

		sample_recording(&row);
		memset(row.label, 0, sizeof row.label);
		row.label_size = size;
		value.size = sr_recording_row_encode(keyring, forge_recording, &row, bytes);
		cr_assert_eq(value.size, 436u + size);
		cr_assert_eq(sr_recording_row_decode(keyring, forge_recording, value, &back), fits ? SR_OK : SR_CORRUPT,
			     "%u bytes", (unsigned)size);
	}
}

Test(rows, the_largest_rows_come_back, .init = set_up, .fini = tear_down)
{
	static struct sr_track_row row;
	static struct sr_track_row back;
	static uint8_t bytes[SR_ROW_MAX];
	struct sr_span value = {.data = bytes};

	sample_track(&row);
	row.track = UINT16_MAX;
	row.file_count = SR_FILES_MAX;
	for (uint16_t i = 0; i < SR_FILES_MAX; i++) {
		row.files[i].number = i;
		row.files[i].committed = UINT64_MAX - i;
	}
	row.entry_size = sizeof row.entry;
	fill_run(row.entry, 3, sizeof row.entry);
	value.size = sr_track_row_encode(keyring, forge_recording, &row, bytes);
	cr_assert_eq(value.size, 289 + 2560 + 458);
	cr_assert_eq(sr_track_row_decode(keyring, forge_recording, value, &back), SR_OK);
	cr_assert_arr_eq(&back, &row, sizeof row);
}

/* A copied recording's row must verify, so that it shows as misfiled; a patient's row belongs to its tag alone. */
Test(rows, what_a_row_is_bound_to, .init = set_up, .fini = tear_down)
{
	uint8_t bytes[SR_ROW_MAX];
	uint8_t other_tag[SR_TAG];
	uint8_t other_recording[SR_UUID];
	static struct sr_track_row track;
	struct sr_patient_row patient;
	struct sr_recording_row recording;
	struct sr_extent_row extent;
	struct sr_service_state service;
	struct sr_span value = {.data = bytes};

	memcpy(other_tag, forge_tag, SR_TAG);
	memcpy(other_recording, forge_recording, SR_UUID);
	other_tag[31] ^= 1;
	other_recording[15] ^= 1;

	value.size = encode_patient(bytes);
	cr_assert_eq(sr_patient_row_decode(keyring, other_tag, value, &patient), SR_CORRUPT);
	/* Nothing of the tag goes into a recording's row: the decoder is not even told where it stands. */
	value.size = encode_recording(bytes);
	cr_assert_eq(sr_recording_row_decode(keyring, forge_recording, value, &recording), SR_OK);
	cr_assert_eq(sr_recording_row_decode(keyring, other_recording, value, &recording), SR_CORRUPT);
	value.size = encode_track(bytes);
	cr_assert_eq(sr_track_row_decode(keyring, other_recording, value, &track), SR_CORRUPT);
	value.size = encode_extent(bytes);
	cr_assert_eq(sr_extent_row_decode(keyring, other_recording, 0x0102, 0x0304, 0x05060708, value, &extent),
		     SR_CORRUPT);
	cr_assert_eq(sr_extent_row_decode(keyring, forge_recording, 0x0103, 0x0304, 0x05060708, value, &extent),
		     SR_CORRUPT);
	cr_assert_eq(sr_extent_row_decode(keyring, forge_recording, 0x0102, 0x0305, 0x05060708, value, &extent),
		     SR_CORRUPT);
	cr_assert_eq(sr_extent_row_decode(keyring, forge_recording, 0x0102, 0x0304, 0x05060709, value, &extent),
		     SR_CORRUPT);
	value.size = encode_service(bytes);
	cr_assert_eq(sr_service_row_open(keyring, "service/front-desl", value, &service), SR_CORRUPT);
	cr_assert_eq(sr_service_row_open(keyring, "service/front-des", value, &service), SR_CORRUPT);
}

/* No kind of row passes for another, whatever its bytes are. */
Test(rows, kinds_do_not_mix, .init = set_up, .fini = tear_down)
{
	uint8_t bytes[SR_ROW_MAX];

	for (size_t from = 0; from < KINDS; from++) {
		size_t size = kinds[from].encode(bytes);

		for (size_t to = 0; to < KINDS; to++)
			cr_assert_eq(decode(&kinds[to], bytes, size), from == to ? SR_OK : SR_CORRUPT, "%s as %s",
				     kinds[from].name, kinds[to].name);
	}
}

Test(rows, frozen, .init = set_up, .fini = tear_down)
{
	static const char *const frozen[KINDS] = {
		"01033132333435363738393a3b3c3d3e3f40010203045152535455565758595a5b5c5d5e5f606162636465666768696a"
		"6b6c6d6e6f70111213141516171821222324252627287172737475767778797a7b7c7d7e7f808182838485868788898a"
		"8b8c8d8e8f905c1801762e001230b722b7ab7132be1455b39a90437a915b1fa7ad8d21cd73c3",
		"01010201020304050607081112131415161718212223242526272831323334404142434445464748494a4b4c4d4e4f50"
		"5152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80"
		"8182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0"
		"b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0"
		"e1e2e3e4e5e6e7e8e9eaebecedeeef414243444546474851525354555657586162636465666768717273747576777801"
		"8182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa09192939495969798999a9b9c9d9e9fa0"
		"a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0"
		"c1c2c3c4c5c6c7c8c9cacbcccdcecfd08182838485868788c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8"
		"d9dadbdcdddedfe09192939495969798a1a2004bd1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebec"
		"edeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f101112131415161718191a1bcd"
		"cbc7548ce9295581bd60612aec1ecb080259ad01029ffbaf26c5859f949687",
		"01010211121314032122232425262728292a2b2c2d2e2f30212223242526272831323334353637384142434451525354"
		"5556575800020001616263646566676800077172737475767778818283848586878891929394a1a2a3a4a5a6a7a8a9aa"
		"abacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9ca"
		"cbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fa"
		"fbfcfdfeff000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a"
		"2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d0050c1c2c3c4c5c6c7c8c9cacb"
		"cccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafb"
		"fcfdfeff000102030405060708090a0b0c0d0e0f105b9871aaa42f9fc5ecee5fd9748293d7b952acffa49597093310ff"
		"9952f2e7fb",
		"01004000001112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3053c9c618f0e2836f480107"
		"e3b9e56ebe2caabc5aac1c55339119a055c326289b",
		"011112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30001121222324252627283132333435"
		"3637382bc8f535159d4853c796ad5161d0105804eb43653a3520c22e7c32b69908bfb6",
	};
	uint8_t bytes[SR_ROW_MAX];

	for (size_t i = 0; i < KINDS; i++)
		assert_hex(bytes, kinds[i].encode(bytes), frozen[i], kinds[i].name);
}
