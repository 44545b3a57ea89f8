/*
 * Rows of a list's page, opened together: on several threads where they are many. What is done about each is decided
 * afterwards, one by one and in their order.
 */
#ifndef SR_PAGE_H
#define SR_PAGE_H

#include <stdatomic.h>

#include "serve/crew.h"
#include "serve/play/entry.h"

#define SR_PAGE_ROWS 400 /* recording and track rows visited in one view: a view ends within 1,000 reads */
#define SR_PAGE_TRACKS (SR_PAGE_ROWS + SR_TRACKS_MAX + 1) /* the last recording's may go beyond */

/* A recording of the page. The rows stay where the view has them. */
struct sr_page_item {
	uint8_t recording[SR_UUID];
	struct sr_span value;
	size_t tracks_at, track_count; /* in the page's tracks */
	bool passed_over;              /* has its place, but is not to be opened */
	/* Below: what opening it gave. */
	enum sr_row_verdict verdict;
	enum sr_life life;
	uint64_t opened_ms;
	enum sr_code code;    /* of sr_entry_put; SR_OK with an empty entry: it was not to be shown */
	const char *damaged;  /* as there */
	struct sr_span entry; /* in `entries` */
};

/* What one thread opens rows with. Secret. */
struct sr_page_lane {
	struct sr_row_opener opener;
	struct sr_entry_keys keys;
	struct sr_recording_row row;
	uint8_t dek[SR_KEY];
	struct sr_work work;
};

/* Zeroed; then the first four are set, and items and tracks added; ends with sr_page_wipe. */
struct sr_page {
	struct sr_request *request;
	const uint8_t *patient_key;
	/* Whether a row that opened is shown; sees only what does not change meanwhile. Any thread. */
	bool (*shows)(const void *context, const uint8_t *recording, const struct sr_recording_row *row);
	const void *context;
	struct sr_page_item items[SR_LIST_PAGE_MAX];
	size_t count;
	struct sr_entry_row tracks[SR_PAGE_TRACKS];
	size_t track_count;
	uint8_t *entries;
	size_t entries_size;
	atomic_size_t next; /* whose turn it is */
	struct sr_page_lane lanes[SR_CREW_LANES_MAX];
};

/* Add a recording's row, and a row of its tracks; more tracks of it than a recording can have are not kept. */
void sr_page_add(struct sr_page *page, const uint8_t recording[SR_UUID], struct sr_span value, bool passed_over);
void sr_page_add_track(struct sr_page *page, uint16_t track, struct sr_span value);

/* Is `recording` the last one added? */
bool sr_page_is_last(const struct sr_page *page, const uint8_t recording[SR_UUID]);

/* Open all items and make their entries. SR_INTERNAL, in request->error: memory is used up. Pool. */
enum sr_code sr_page_open(struct sr_page *page) SR_MUST_USE;

/* Forget items, tracks and entries, wiping these; for the next ones of the same patient. And all of it. */
void sr_page_clear(struct sr_page *page);
void sr_page_wipe(struct sr_page *page);

#endif
