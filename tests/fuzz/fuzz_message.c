/*
 * Every message's decoder: the first byte chooses one, the rest is its message. What decodes must encode to the very
 * same bytes.
 */
#include <stdlib.h>

#include "../unit/message_codecs.h"

static void again_entry_whole(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_cursor front = *in;
	struct sr_entry entry;

	sr_entry_decode(&front, &entry);
	again_entry(in, out);
	for (uint16_t i = 0; i < entry.tracks; i++)
		again_entry_track(in, out);
}

static void again_listing_whole(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_cursor front = *in;
	struct sr_listing listing;

	sr_listing_decode(&front, &listing);
	again_listing(in, out);
	for (uint16_t i = 0; i < listing.count; i++)
		again_entry_whole(in, out);
}

static void again_info_whole(struct sr_cursor *in, struct sr_builder *out)
{
	again_info_reply(in, out);
	again_entry_whole(in, out);
}

static void again_play_opened(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_cursor front = *in;
	struct sr_entry entry;

	sr_entry_decode(&front, &entry);
	again_entry_whole(in, out);
	for (uint16_t i = 0; i < entry.tracks; i++)
		again_play_head(in, out);
}

static void again_table_whole(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_cursor front = *in;
	struct sr_table table;

	sr_table_decode(&front, &table);
	again_table(in, out);
	for (uint16_t i = 0; i < table.count; i++) {
		struct sr_segment_record record;

		sr_segment_record_decode(in, &record);
		sr_segment_record_encode(out, &record);
	}
}

static void again_services_whole(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_cursor front = *in;
	uint16_t count;

	sr_services_decode(&front, &count);
	again_services(in, out);
	for (uint16_t i = 0; i < count; i++)
		again_service_row(in, out);
}

static void again_stats_whole(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_cursor front = *in;
	uint16_t count;

	sr_stats_decode(&front, &count);
	again_stats(in, out);
	for (uint16_t i = 0; i < count; i++)
		again_stat(in, out);
}

static void again_head(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_head head;

	sr_head_decode(in, &head);
	sr_head_encode(out, &head);
}

static void again_place(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_segment_place place;

	sr_segment_place_decode(in, &place);
	sr_segment_place_encode(out, &place);
}

static void again_audit_entries_whole(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_cursor front = *in;
	struct sr_audit_entries page;

	sr_audit_entries_decode(&front, &page);
	again_audit_entries(in, out);
	for (uint16_t i = 0; i < page.count; i++)
		again_audit_item(in, out);
}

static again *const wholes[] = {again_listing_whole, again_info_whole,     again_play_opened,
				again_table_whole,   again_services_whole, again_stats_whole,
				again_head,          again_place,          again_audit_entries_whole};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t encoded[1 << 20];
	struct sr_builder out = sr_builder_over(encoded, sizeof encoded);
	struct sr_cursor in;
	size_t chosen;

	if (size < 1)
		return 0;
	chosen = data[0] % (COUNT(codecs) + COUNT(wholes));
	in = sr_cursor_over(data + 1, size - 1);
	if (chosen < COUNT(codecs))
		codecs[chosen].again(&in, &out);
	else
		wholes[chosen - COUNT(codecs)](&in, &out);
	if (sr_take_done(&in) && (out.failed || out.used != size - 1 || memcmp(encoded, data + 1, size - 1) != 0))
		abort();
	return 0;
}
