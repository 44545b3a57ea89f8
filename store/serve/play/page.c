/*
 * Opening the rows of a page: each thread takes the next one, with keys of its own taken in once.
 */
#include "serve/play/page.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define ALONE 8 /* so few rows are opened before another thread has woken up */

void sr_page_add(struct sr_page *page, const uint8_t recording[SR_UUID], struct sr_span value, bool passed_over)
{
	struct sr_page_item *item = &page->items[page->count++];
	*item = (struct sr_page_item){.value = value, .tracks_at = page->track_count, .passed_over = passed_over};
	memcpy(item->recording, recording, SR_UUID);
}

void sr_page_add_track(struct sr_page *page, uint16_t track, struct sr_span value)
{
	struct sr_page_item *item = &page->items[page->count - 1];
	if (item->passed_over || item->track_count > SR_TRACKS_MAX)
		return;
	page->tracks[page->track_count++] = (struct sr_entry_row){track, value};
	item->track_count++;
}

bool sr_page_is_last(const struct sr_page *page, const uint8_t recording[SR_UUID])
{
	return page->count > 0 && memcmp(page->items[page->count - 1].recording, recording, SR_UUID) == 0;
}

static void make_entry(struct sr_page *page, struct sr_page_lane *lane, struct sr_page_item *item)
{
	struct sr_builder out =
		sr_builder_over((uint8_t *)(uintptr_t)item->entry.data, sr_entry_room((uint16_t)item->track_count));
	const struct sr_entry_source source = {
		.keyring = page->request->daemon->keyring,
		.recording = item->recording,
		.row = &lane->row,
		.dek = lane->dek,
		.tracks = page->tracks + item->tracks_at,
		.track_count = item->track_count,
		.keys = &lane->keys,
		.work = &lane->work,
	};
	item->code = sr_entry_put(&source, &out, &item->damaged);
	item->entry.size = out.used;
}

static void open_item(struct sr_page *page, struct sr_page_lane *lane, struct sr_page_item *item)
{
	item->verdict =
		sr_row_open_with(&lane->opener, item->recording, item->value, &lane->row, lane->dek, &lane->work);
	item->life = lane->row.life;
	item->opened_ms = lane->row.opened_ms;
	if (item->verdict == SR_ROW_OPEN && page->shows(page->context, item->recording, &lane->row))
		make_entry(page, lane, item);
	sodium_memzero(lane->dek, sizeof lane->dek);
}

static void run_lane(void *context, unsigned number)
{
	struct sr_page *page = context;
	struct sr_page_lane *lane = &page->lanes[number];
	size_t at;
	if (!lane->opener.keyring)
		sr_row_opener_begin(&lane->opener, page->request->daemon->keyring, page->patient_key);
	while ((at = atomic_fetch_add(&page->next, 1)) < page->count)
		if (!page->items[at].passed_over)
			open_item(page, lane, &page->items[at]);
}

enum sr_code sr_page_open(struct sr_page *page)
{
	struct sr_work *work = &page->request->work;
	size_t room = 0;
	for (size_t at = 0; at < page->count; at++)
		room += sr_entry_room((uint16_t)page->items[at].track_count);
	page->entries = malloc(room ? room : 1);
	if (!page->entries)
		return SR_FAIL_MEMORY(&page->request->error);
	page->entries_size = room;
	room = 0;
	for (size_t at = 0; at < page->count; at++) {
		page->items[at].entry.data = page->entries + room;
		room += sr_entry_room((uint16_t)page->items[at].track_count);
	}
	atomic_store(&page->next, 0);
	/* Calls that are late need what processors there are. */
	bool alone = page->count <= ALONE || atomic_load(&page->request->daemon->calls_late);
	sr_crew_run(page->request->daemon->crew, alone, run_lane, page);
	for (unsigned number = 0; number < SR_CREW_LANES_MAX; number++) {
		struct sr_page_lane *lane = &page->lanes[number];
		work->derivations += lane->work.derivations;
		work->opens += lane->work.opens;
		lane->work = (struct sr_work){.opens = 0};
	}
	return SR_OK;
}

void sr_page_clear(struct sr_page *page)
{
	if (page->entries)
		sodium_memzero(page->entries, page->entries_size);
	free(page->entries);
	page->entries = NULL;
	page->entries_size = page->count = page->track_count = 0;
}

void sr_page_wipe(struct sr_page *page)
{
	sr_page_clear(page);
	for (unsigned number = 0; number < SR_CREW_LANES_MAX; number++) {
		struct sr_page_lane *lane = &page->lanes[number];
		sr_row_opener_wipe(&lane->opener);
		sr_entry_keys_free(&lane->keys);
		sodium_memzero(lane, sizeof *lane);
	}
}
