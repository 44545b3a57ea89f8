/*
 * A walk over two tables in slices, each a view of its own.
 */
#include "serve/epochs/epoch_walk.h"

#include <string.h>

#include "serve/daemon.h"

#define ROWS_MAX 1000
#define VIEW_MS 15     /* within the 20 that a view may last */
#define CLOCK_EVERY 32 /* rows between looks at the clock */
#define RECORDING_KEY (SR_INDEX_TAG + SR_UUID + 2)
#define PEOPLE_SHARE 1000 /* of SR_ROTATE_PROGRESS: their rows are smaller and fewer */

static const enum sr_table_name tables[] = {
	[SR_PART_RECORDINGS] = SR_TABLE_RECORDINGS, [SR_PART_PEOPLE] = SR_TABLE_PEOPLE};

static struct sr_epoch_place begin(enum sr_epoch_part part)
{
	struct sr_epoch_place place = {.part = part};
	if (part != SR_PART_END)
		place.after.table = tables[part];
	return place;
}

struct sr_epoch_place sr_epoch_place_start(void)
{
	return begin(SR_PART_RECORDINGS);
}

bool sr_epoch_place_parse(struct sr_span bytes, struct sr_epoch_place *place)
{
	struct sr_cursor in = sr_cursor_over(bytes.data, bytes.size);
	*place = sr_epoch_place_start();
	if (bytes.size == 0)
		return true;
	uint8_t part = sr_take_u8(&in);
	struct sr_span after = sr_take_rest(&in);
	size_t most = part == SR_PART_RECORDINGS ? RECORDING_KEY : SR_INDEX_TAG;
	if (part < SR_PART_RECORDINGS || part > SR_PART_PEOPLE || after.size > most)
		return false;
	*place = begin((enum sr_epoch_part)part);
	if (after.size > 0)
		memcpy(place->after.bytes, after.data, after.size);
	place->after.size = after.size;
	return true;
}

size_t sr_epoch_place_encode(const struct sr_epoch_place *place, uint8_t out[SR_ROTATE_PLACE_MAX])
{
	struct sr_builder bytes = sr_builder_over(out, SR_ROTATE_PLACE_MAX);
	if (place->part == SR_PART_END)
		return 0;
	sr_put_u8(&bytes, (uint8_t)place->part);
	sr_put_bytes(&bytes, place->after.bytes, place->after.size);
	return bytes.used;
}

uint16_t sr_epoch_place_progress(const struct sr_epoch_place *place)
{
	const struct sr_index_key *after = &place->after;
	unsigned front = after->size >= 2 ? (unsigned)after->bytes[0] << 8 | after->bytes[1] : 0;
	unsigned recordings = SR_ROTATE_PROGRESS - PEOPLE_SHARE;
	if (place->part == SR_PART_END)
		return SR_ROTATE_PROGRESS;
	if (place->part == SR_PART_PEOPLE)
		return (uint16_t)(recordings + front * PEOPLE_SHARE / 65536);
	return (uint16_t)(front * recordings / 65536);
}

struct walk {
	struct sr_epoch_place *place;
	sr_epoch_visit *visit;
	void *context;
	uint32_t *passed;
	unsigned rows;
	uint64_t until;
	bool cut; /* it ended before the table did */
};

/* True to go on; *before: the place stays where it is. */
static bool show(struct walk *walk, const struct sr_index_key *key, struct sr_span value, bool *before)
{
	struct sr_epoch_met met = {.part = walk->place->part, .key = key, .value = value};
	bool is_person = walk->place->part == SR_PART_PEOPLE;
	bool whole = key->size == (is_person ? SR_INDEX_TAG : RECORDING_KEY);
	if (whole && !is_person && (key->bytes[key->size - 2] || key->bytes[key->size - 1]))
		return true;
	if (whole) {
		met.tag = key->bytes;
		met.recording = is_person ? NULL : key->bytes + SR_INDEX_TAG;
	}
	bool goes_on = walk->visit(walk->context, &met, before);
	*walk->passed += !*before;
	return goes_on;
}

static bool step(void *context, struct sr_span key, struct sr_span value)
{
	struct walk *walk = context;
	bool before = false;
	const struct sr_index_key *after = &walk->place->after;
	if (key.size == after->size && memcmp(key.data, after->bytes, key.size) == 0)
		return true;
	if (walk->rows == ROWS_MAX || (walk->rows % CLOCK_EVERY == 0 && sr_monotonic_ms() >= walk->until)) {
		walk->cut = true;
		return false;
	}
	walk->rows++;
	struct sr_index_key met = {.table = tables[walk->place->part], .size = key.size};
	memcpy(met.bytes, key.data, key.size);
	walk->cut = !show(walk, &met, value, &before);
	if (!before)
		walk->place->after = met;
	return !walk->cut;
}

enum sr_code sr_epoch_walk(struct sr_index *index, struct sr_epoch_place *place, sr_epoch_visit *visit, void *context,
			   uint32_t *passed, struct sr_error *err)
{
	struct walk walk = {.place = place,
			    .visit = visit,
			    .context = context,
			    .passed = passed,
			    .until = sr_monotonic_ms() + VIEW_MS};
	struct sr_view *view;
	if (place->part == SR_PART_END)
		return SR_OK;
	enum sr_code code = sr_view_begin(index, &view, err);
	if (code != SR_OK)
		return code;
	/* A copy, as the place moves on meanwhile. */
	struct sr_index_key from = place->after;
	code = sr_view_walk(view, &from, 0, step, &walk);
	sr_view_end(view);
	if (code != SR_OK)
		return SR_FAIL(err, code, "reading the index failed");
	if (!walk.cut)
		*place = begin(place->part == SR_PART_RECORDINGS ? SR_PART_PEOPLE : SR_PART_END);
	return SR_OK;
}
