/*
 * The keys of the index's tables, byte for byte as FORMAT.md has them: big-endian numbers, so that LMDB's order of
 * bytes is the order of numbers.
 */
#include "data/index.h"

#include <string.h>

/* No key below comes near the most, so a builder over one never fails. */
static struct sr_builder start(struct sr_index_key *key, enum sr_table_name table)
{
	memset(key, 0, sizeof *key);
	key->table = table;
	return sr_builder_over(key->bytes, sizeof key->bytes);
}

/* A key of one run of bytes; of size 0 if they are none or too many. */
static struct sr_index_key plain(enum sr_table_name table, const void *bytes, size_t size)
{
	struct sr_index_key key;
	struct sr_builder out = start(&key, table);

	sr_put_bytes(&out, bytes, size);
	key.size = out.used;
	return key;
}

struct sr_index_key sr_key_meta(const char *name)
{
	return plain(SR_TABLE_META, name, strlen(name));
}

struct sr_index_key sr_key_patient(const uint8_t tag[SR_INDEX_TAG])
{
	return plain(SR_TABLE_PATIENTS, tag, SR_INDEX_TAG);
}

struct sr_index_key sr_key_recording(const uint8_t tag[SR_INDEX_TAG], const uint8_t recording[SR_UUID])
{
	return sr_key_track(tag, recording, 0);
}

struct sr_index_key sr_key_track(const uint8_t tag[SR_INDEX_TAG], const uint8_t recording[SR_UUID], uint16_t track)
{
	struct sr_index_key key;
	struct sr_builder out = start(&key, SR_TABLE_RECORDINGS);

	sr_put_bytes(&out, tag, SR_INDEX_TAG);
	sr_put_bytes(&out, recording, SR_UUID);
	sr_put_u16(&out, track);
	key.size = out.used;
	return key;
}

uint16_t sr_key_track_of(struct sr_span key)
{
	return (uint16_t)(key.data[key.size - 2] << 8 | key.data[key.size - 1]);
}

struct sr_index_key sr_key_segment(const uint8_t tag[SR_INDEX_TAG], const uint8_t recording[SR_UUID], uint16_t track,
				   uint32_t segment)
{
	struct sr_index_key key;
	struct sr_builder out = start(&key, SR_TABLE_SEGMENTS);

	sr_put_bytes(&out, tag, SR_INDEX_TAG);
	sr_put_bytes(&out, recording, SR_UUID);
	sr_put_u16(&out, track);
	sr_put_u32(&out, segment);
	key.size = out.used;
	return key;
}

struct sr_index_key sr_key_extent(const uint8_t recording[SR_UUID], uint16_t track, uint16_t file, uint32_t extent)
{
	struct sr_index_key key;
	struct sr_builder out = start(&key, SR_TABLE_EXTENTS);

	sr_put_bytes(&out, recording, SR_UUID);
	sr_put_u16(&out, track);
	sr_put_u16(&out, file);
	sr_put_u32(&out, extent);
	key.size = out.used;
	return key;
}

struct sr_index_key sr_key_hint(const uint8_t recording[SR_UUID])
{
	return plain(SR_TABLE_HINTS, recording, SR_UUID);
}

struct sr_index_key sr_key_consultation(const uint8_t hash[SR_INDEX_TAG])
{
	return plain(SR_TABLE_CONSULTATIONS, hash, SR_INDEX_TAG);
}

struct sr_index_key sr_key_person(const uint8_t tag[SR_INDEX_TAG])
{
	return plain(SR_TABLE_PEOPLE, tag, SR_INDEX_TAG);
}

struct sr_index_key sr_key_control(const char *name)
{
	return plain(SR_TABLE_CONTROL, name, strlen(name));
}

struct sr_index_key sr_key_done(const uint8_t tag[SR_INDEX_TAG], uint64_t intent)
{
	struct sr_index_key key;
	struct sr_builder out = start(&key, SR_TABLE_DONE);

	sr_put_bytes(&out, tag, SR_INDEX_TAG);
	sr_put_u64(&out, intent);
	key.size = out.used;
	return key;
}
