/*
 * Searching finds exactly what reading everything finds, with its runs there, missing or damaged.
 */
#include <fcntl.h>
#include <sched.h>

#include "account/run.h"
#include "account/search.h"
#include "audit_world.h"

#define COUNT (2 * SR_RUN_ENTRIES + 700)

static uint64_t found[COUNT];
static size_t found_count;

static bool collect(void *context, const struct sr_audit_entry *entry, struct sr_span json)
{
	(void)context;
	cr_assert_gt(json.size, 0);
	cr_assert(found_count == 0 || found[found_count - 1] < entry->number);
	found[found_count++] = entry->number;
	return true;
}

static uint64_t search(const struct sr_audit_view *view, const struct sr_audit_query *query)
{
	uint64_t next;
	struct sr_error err = {.text = ""};
	found_count = 0;
	cr_assert_eq(sr_audit_search(view, query, collect, NULL, &next, &err), SR_OK, "%s", err.text);
	return next;
}

/* What the runs give must be what the records give. */
static void expect_as_scanned(const struct sr_audit_view *view, struct sr_audit_query query)
{
	static uint64_t fast[COUNT];
	cr_assert_eq(search(view, &query), view->size);
	size_t count = found_count;
	memcpy(fast, found, count * sizeof *fast);
	query.scan = true;
	cr_assert_eq(search(view, &query), view->size);
	cr_assert_eq(found_count, count);
	if (count > 0)
		cr_assert_arr_eq(found, fast, count * sizeof *fast);
}

/* Submitted without waiting, because 33,000 syncs take too long. */
static void ignore(void *context, enum sr_code result, uint64_t number, const struct sr_error *err)
{
	(void)context;
	(void)number;
	cr_assert_eq(result, SR_OK, "%s", err->text);
}

static void submit(struct sr_audit *audit, uint64_t number)
{
	uint8_t tag[SR_TAG] = {1, (uint8_t)(number % 251)}, actor[SR_TAG] = {2, (uint8_t)(number % 3)};
	uint8_t other[SR_TAG] = {3};
	struct sr_audit_recording recording = {.id = {9, [14] = (uint8_t)(number >> 8), [15] = (uint8_t)number}};
	if (number % 5000 == 0)
		recording.owner = other;
	struct sr_audit_entry entry = {.kind = number % 2 == 0 ? SR_AUDIT_PRESENTED : SR_AUDIT_SENT,
				       .operation = "list",
				       .service = number % 1000 == 0 ? "rare" : "player",
				       .tag = tag,
				       .actor = actor,
				       .linked = number == 77 ? other : NULL,
				       .recordings = &recording,
				       .recording_count = 1};
	cr_assert_eq(sr_audit_submit(audit, &entry, SR_AUDIT_ORDINARY, ignore, NULL, NULL), SR_OK);
}

static void make_log(void)
{
	world_make();
	struct sr_audit *audit = world_open();
	for (uint64_t number = 0; number < COUNT; number++)
		submit(audit, number);
	sr_audit_close(audit);
	/* The runs are made once the log stands still. */
	audit = world_open();
	char path[SR_TILE_PATH_MAX + 16];
	for (unsigned run = 0; run < 2; run++) {
		snprintf(path, sizeof path, "audit/search/%08u", run);
		while (mode_of(path) == (mode_t)-1)
			sched_yield();
	}
	sr_audit_close(audit);
}

static void try_all(const struct sr_audit_view *view)
{
	const uint8_t tag[SR_TAG] = {1, 17}, actor[SR_TAG] = {2, 1}, other[SR_TAG] = {3}, nobody[SR_TAG] = {4};
	const uint8_t recording[SR_UUID] = {9, [14] = 3, [15] = 44};
	expect_as_scanned(view, (struct sr_audit_query){.tag = tag});
	cr_expect_eq(found_count, (COUNT - 17 + 250) / 251);
	expect_as_scanned(view, (struct sr_audit_query){.tag = other});
	cr_expect_eq(found_count, 8);
	expect_as_scanned(view, (struct sr_audit_query){.tag = nobody});
	cr_expect_eq(found_count, 0);
	expect_as_scanned(view, (struct sr_audit_query){.recording = recording});
	cr_expect_eq(found_count, 1);
	expect_as_scanned(view, (struct sr_audit_query){.tag = tag, .actor = actor, .kinds = 1u << SR_AUDIT_SENT});
	cr_expect_gt(found_count, 10);
	expect_as_scanned(view, (struct sr_audit_query){.actor = actor, .service = "rare", .first = 12345});
	cr_expect_gt(found_count, 3);
}

Test(audit_search, finds_what_is_there_also_without_sound_runs, .fini = place_remove, .timeout = 120)
{
	struct sr_audit_view view;
	make_log();
	cr_assert_eq(sr_audit_view_open(at_place("audit"), &view, NULL), SR_OK);
	cr_assert_eq(view.size, COUNT);
	try_all(&view);
	/* Pages of ten: each goes on where the last ended. */
	const uint8_t tag[SR_TAG] = {1, 17};
	struct sr_audit_query query = {.tag = tag, .limit = 10};
	size_t all = 0;
	while (query.first < COUNT) {
		query.first = search(&view, &query);
		cr_assert_leq(found_count, 10);
		all += found_count;
	}
	cr_expect_eq(all, (COUNT - 17 + 250) / 251);
	put_file("audit/search/00000000", "damaged", 7, 0600);
	cr_assert_eq(unlink(at_place("audit/search/00000001")), 0);
	try_all(&view);
	sr_audit_view_close(&view);
	/* The daemon makes them anew once a search has missed them. */
	struct sr_audit *audit = world_open();
	cr_assert_eq(sr_audit_view_live(audit, &view, NULL), SR_OK);
	query = (struct sr_audit_query){.tag = tag};
	search(&view, &query);
	cr_expect_eq(found_count, all);
	sr_audit_view_close(&view);
	submit(audit, COUNT);
	while (mode_of("audit/search/00000000") == (mode_t)-1 || mode_of("audit/search/00000001") == (mode_t)-1)
		sched_yield();
	sr_audit_close(audit);
}

/* Every bit of a run's pages that a search reads is checked: a flipped one is seen, or not read. */
Test(audit_search, a_damaged_page_is_never_believed, .fini = place_remove, .timeout = 120)
{
	static uint8_t marks[SR_RUN_ENTRIES / 8], right[SR_RUN_ENTRIES / 8];
	const uint8_t tag[SR_TAG] = {1, 17};
	struct sr_run run;
	make_log();
	int dir = open(at_place("audit"), O_RDONLY | O_DIRECTORY);
	int fd = openat(dir, "search/00000000", O_RDWR);
	struct stat st;
	cr_assert(fd >= 0 && fstat(fd, &st) == 0);
	cr_assert_eq(sr_run_open(dir, 0, &run), SR_OK);
	cr_assert_eq(sr_run_find(&run, SR_RUN_TAG, tag, SR_TAG, right), SR_OK);
	sr_run_close(&run);
	unsigned seen = 0;
	for (off_t at = 0; at < st.st_size; at += 509) {
		uint8_t byte, flipped;
		cr_assert_eq(pread(fd, &byte, 1, at), 1);
		flipped = (uint8_t)(byte ^ 1u << at % 8);
		cr_assert_eq(pwrite(fd, &flipped, 1, at), 1);
		memset(marks, 0, sizeof marks);
		enum sr_code code = sr_run_open(dir, 0, &run);
		if (code == SR_OK)
			code = sr_run_find(&run, SR_RUN_TAG, tag, SR_TAG, marks);
		sr_run_close(&run);
		if (code == SR_OK)
			cr_assert_arr_eq(marks, right, sizeof right, "byte %zu", (size_t)at);
		seen += code != SR_OK;
		cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
	}
	cr_expect_gt(seen, 8);
	close(fd);
	close(dir);
}
