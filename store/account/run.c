/*
 * Search runs: made from entries, sorted, in pages that each have a check.
 */
#include "account/run.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/thread.h"

#define PAGE 4096u
#define PAGE_BODY (PAGE - 8)
#define PAGE_POSTINGS (PAGE_BODY / 8)
#define FORMAT 1
#define NO_POSTING UINT64_MAX

static const uint8_t magic[16] = "sealreel search";

void sr_run_path(char out[SR_TILE_PATH_MAX], uint64_t index)
{
	snprintf(out, SR_TILE_PATH_MAX, "search/%08llu", (unsigned long long)index);
}

/* Which page of which run a page is, is in its check's key. */
static uint64_t check_of(uint64_t index, uint32_t page, const uint8_t body[PAGE_BODY])
{
	uint8_t key[crypto_shorthash_KEYBYTES], hash[crypto_shorthash_BYTES];
	struct sr_builder out = sr_builder_over(key, sizeof key);
	sr_put_bytes(&out, "page", 4);
	sr_put_u64(&out, index);
	sr_put_u32(&out, page);
	crypto_shorthash(hash, body, PAGE_BODY, key);
	struct sr_cursor in = sr_cursor_over(hash, sizeof hash);
	return sr_take_u64(&in);
}

/* 50 bits of a key's hash; below them goes the entry's place in the run. */
static uint64_t posting_of(enum sr_run_key kind, const uint8_t *bytes, size_t size)
{
	uint8_t key[crypto_shorthash_KEYBYTES] = "search", hash[crypto_shorthash_BYTES];
	key[sizeof key - 1] = (uint8_t)kind;
	crypto_shorthash(hash, bytes, size, key);
	struct sr_cursor in = sr_cursor_over(hash, sizeof hash);
	return sr_take_u64(&in) >> SR_RUN_BITS << SR_RUN_BITS;
}

/* ---- making ---- */

struct making {
	struct sr_audit_room *room;
	struct sr_run_times times[SR_RUN_BLOCKS];
	uint64_t *postings;
	size_t count;
	size_t capacity;
	size_t done; /* bytes since others had the processor */
	enum sr_code code;
	struct sr_error *err;
};

static void add(struct making *making, uint64_t number, enum sr_run_key kind, const uint8_t *key, size_t size)
{
	if (!key || making->code != SR_OK)
		return;
	if (making->count == making->capacity) {
		size_t capacity = making->capacity ? 2 * making->capacity : 4 * SR_RUN_ENTRIES;
		uint64_t *more = realloc(making->postings, capacity * sizeof *more);
		if (!more) {
			making->code = SR_FAIL_MEMORY(making->err);
			return;
		}
		making->postings = more;
		making->capacity = capacity;
	}
	making->postings[making->count++] = posting_of(kind, key, size) | number % SR_RUN_ENTRIES;
}

static bool take_entry(void *context, uint64_t number, struct sr_span json)
{
	struct making *making = context;
	struct sr_audit_entry entry;
	sr_thread_share(&making->done, json.size);
	making->code = sr_audit_entry_parse(json.data, json.size, making->room, &entry, making->err);
	if (making->code != SR_OK)
		return false;
	struct sr_run_times *times = &making->times[number % SR_RUN_ENTRIES / SR_RUN_BLOCK];
	if (entry.time_ms < times->least)
		times->least = entry.time_ms;
	if (entry.time_ms > times->most)
		times->most = entry.time_ms;
	add(making, number, SR_RUN_TAG, entry.tag, SR_TAG);
	add(making, number, SR_RUN_TAG, entry.linked, SR_TAG);
	add(making, number, SR_RUN_ACTOR, entry.actor, SR_TAG);
	for (size_t at = 0; at < entry.recording_count; at++) {
		add(making, number, SR_RUN_RECORDING, entry.recordings[at].id, SR_UUID);
		add(making, number, SR_RUN_TAG, entry.recordings[at].owner, SR_TAG);
	}
	return making->code == SR_OK;
}

static int compare(const void *one, const void *other, void *done)
{
	const uint64_t *a = one, *b = other;
	sr_thread_share(done, sizeof *a);
	return (*a > *b) - (*a < *b);
}

static size_t drop_doubles(uint64_t *postings, size_t count)
{
	size_t kept = 0;
	for (size_t at = 0; at < count; at++)
		if (kept == 0 || postings[kept - 1] != postings[at])
			postings[kept++] = postings[at];
	return kept;
}

static void end_page(uint8_t *page, uint64_t index, uint32_t number)
{
	struct sr_builder out = sr_builder_over(page + PAGE_BODY, 8);
	sr_put_u64(&out, check_of(index, number, page));
}

static enum sr_code write_run(const struct making *making, int dir, uint64_t index, struct sr_error *err)
{
	char path[SR_TILE_PATH_MAX];
	uint32_t pages = (uint32_t)((making->count + PAGE_POSTINGS - 1) / PAGE_POSTINGS);
	size_t size = (1 + (size_t)pages) * PAGE, at = 0;
	uint8_t *bytes = calloc(1, size);
	if (!bytes)
		return SR_FAIL_MEMORY(err);
	struct sr_builder out = sr_builder_over(bytes, PAGE_BODY);
	sr_put_bytes(&out, magic, sizeof magic);
	sr_put_u16(&out, FORMAT);
	sr_put_u32(&out, (uint32_t)making->count);
	for (size_t block = 0; block < SR_RUN_BLOCKS; block++) {
		sr_put_u64(&out, making->times[block].least);
		sr_put_u64(&out, making->times[block].most);
	}
	end_page(bytes, index, 0);
	for (uint32_t page = 1; page <= pages; page++) {
		out = sr_builder_over(bytes + (size_t)page * PAGE, PAGE_BODY);
		for (size_t left = PAGE_POSTINGS; left > 0; left--, at++)
			sr_put_u64(&out, at < making->count ? making->postings[at] : NO_POSTING);
		end_page(bytes + (size_t)page * PAGE, index, page);
	}
	sr_run_path(path, index);
	enum sr_code code = sr_tile_write(dir, path, bytes, size, err);
	free(bytes);
	return code;
}

enum sr_code sr_run_make(const struct sr_audit_view *view, uint64_t index, struct sr_error *err)
{
	struct making making = {.room = malloc(sizeof *making.room), .code = SR_OK, .err = err};
	uint64_t from = index * SR_RUN_ENTRIES;
	enum sr_code code = SR_OK;
	for (size_t block = 0; block < SR_RUN_BLOCKS; block++)
		making.times[block].least = UINT64_MAX;
	if (!making.room)
		code = SR_FAIL_MEMORY(err);
	if (code == SR_OK)
		code = sr_audit_view_read(view, from, from + SR_RUN_ENTRIES, take_entry, &making, err);
	if (code == SR_OK)
		code = making.code;
	if (code == SR_OK && making.count > 0) {
		qsort_r(making.postings, making.count, sizeof *making.postings, compare, &making.done);
		making.count = drop_doubles(making.postings, making.count);
	}
	if (code == SR_OK)
		code = write_run(&making, view->dir, index, err);
	free(making.postings);
	free(making.room);
	return code;
}

/* ---- reading ---- */

static bool read_page(const struct sr_run *run, uint32_t number, uint8_t page[PAGE])
{
	if (TEMP_FAILURE_RETRY(pread(run->fd, page, PAGE, (off_t)number * PAGE)) != PAGE)
		return false;
	struct sr_cursor in = sr_cursor_over(page + PAGE_BODY, 8);
	return sr_take_u64(&in) == check_of(run->index, number, page);
}

enum sr_code sr_run_open(int dir, uint64_t index, struct sr_run *run)
{
	char path[SR_TILE_PATH_MAX];
	uint8_t page[PAGE];
	*run = (struct sr_run){.index = index};
	sr_run_path(path, index);
	run->fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (run->fd < 0)
		return errno == ENOENT ? SR_NOT_FOUND : SR_IO;
	bool sound = read_page(run, 0, page);
	struct sr_cursor in = sr_cursor_over(page, PAGE_BODY);
	struct sr_span front = sr_take_span(&in, sizeof magic);
	sound = sound && memcmp(front.data, magic, sizeof magic) == 0 && sr_take_u16(&in) == FORMAT;
	run->count = sr_take_u32(&in);
	for (size_t block = 0; block < SR_RUN_BLOCKS; block++) {
		run->times[block].least = sr_take_u64(&in);
		run->times[block].most = sr_take_u64(&in);
	}
	if (!sound)
		sr_run_close(run);
	return sound ? SR_OK : SR_NOT_FOUND;
}

void sr_run_close(struct sr_run *run)
{
	if (run->fd >= 0)
		(void)close(run->fd);
	run->fd = -1;
}

static uint64_t posting_at(const uint8_t page[PAGE], size_t at)
{
	struct sr_cursor in = sr_cursor_over(page + 8 * at, 8);
	return sr_take_u64(&in);
}

/* The last page that begins at or below `posting`, or the first. 0: a page is not sound. */
static uint32_t find_page(const struct sr_run *run, uint64_t posting, uint8_t page[PAGE])
{
	uint32_t low = 1, high = (uint32_t)((run->count + PAGE_POSTINGS - 1) / PAGE_POSTINGS);
	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;
		if (!read_page(run, middle, page))
			return 0;
		/* Strictly below: what is searched may have begun on the page before. */
		if (posting_at(page, 0) < posting)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

enum sr_code sr_run_find(const struct sr_run *run, enum sr_run_key kind, const uint8_t *key, size_t size,
			 uint8_t marks[SR_RUN_ENTRIES / 8])
{
	uint8_t page[PAGE];
	uint64_t wanted = posting_of(kind, key, size);
	if (run->count == 0)
		return SR_OK;
	uint32_t pages = (uint32_t)((run->count + PAGE_POSTINGS - 1) / PAGE_POSTINGS);
	uint32_t number = find_page(run, wanted, page);
	for (; number != 0 && number <= pages; number++) {
		if (!read_page(run, number, page))
			return SR_NOT_FOUND;
		for (size_t at = 0; at < PAGE_POSTINGS; at++) {
			uint64_t posting = posting_at(page, at);
			if (posting >> SR_RUN_BITS > wanted >> SR_RUN_BITS)
				return SR_OK;
			if (posting >> SR_RUN_BITS < wanted >> SR_RUN_BITS)
				continue;
			uint32_t place = (uint32_t)(posting % SR_RUN_ENTRIES);
			marks[place / 8] = (uint8_t)(marks[place / 8] | 1u << place % 8);
		}
	}
	return number == 0 ? SR_NOT_FOUND : SR_OK;
}
