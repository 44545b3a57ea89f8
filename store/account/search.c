/*
 * Searching the audit log: run by run, and record by record where there is none.
 */
#include "account/search.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/audit_internal.h"
#include "account/run.h"

struct search {
	const struct sr_audit_view *view;
	const struct sr_audit_query *query;
	sr_audit_found *found;
	void *context;
	struct sr_audit_room *room;
	struct sr_record_reader reader;
	bool reading; /* the reader has been begun */
	uint64_t given;
	uint64_t next;
	bool over;
	struct sr_error *err;
};

static bool same(const uint8_t *wanted, const uint8_t *got, size_t size)
{
	return got && memcmp(wanted, got, size) == 0;
}

static bool names_tag(const struct sr_audit_entry *entry, const uint8_t *tag)
{
	if (same(tag, entry->tag, SR_TAG) || same(tag, entry->linked, SR_TAG))
		return true;
	for (size_t at = 0; at < entry->recording_count; at++)
		if (same(tag, entry->recordings[at].owner, SR_TAG))
			return true;
	return false;
}

static bool names_recording(const struct sr_audit_entry *entry, const uint8_t *id)
{
	for (size_t at = 0; at < entry->recording_count; at++)
		if (same(id, entry->recordings[at].id, SR_UUID))
			return true;
	return false;
}

bool sr_audit_matches(const struct sr_audit_query *query, const struct sr_audit_entry *entry)
{
	return entry->time_ms >= query->from_ms && (query->to_ms == 0 || entry->time_ms < query->to_ms) &&
	       (query->kinds == 0 || (query->kinds >> entry->kind & 1) != 0) &&
	       (!query->tag || names_tag(entry, query->tag)) &&
	       (!query->actor || same(query->actor, entry->actor, SR_TAG)) &&
	       (!query->recording || names_recording(entry, query->recording)) &&
	       (!query->service || (entry->service && strcmp(query->service, entry->service) == 0));
}

/* Give the record to its finder if it is one that is searched. */
static enum sr_code judge(struct search *search, struct sr_span json)
{
	struct sr_audit_entry entry;
	enum sr_code code = sr_audit_entry_parse(json.data, json.size, search->room, &entry, search->err);
	if (code != SR_OK || !sr_audit_matches(search->query, &entry))
		return code;
	search->given++;
	search->over = !search->found(search->context, &entry, json) || search->given == search->query->limit;
	return SR_OK;
}

/* Have the reader stand before record `number`: by reading on, if that is near. */
static enum sr_code go_to(struct search *search, uint64_t number)
{
	struct sr_span json;
	enum sr_code code = SR_OK;
	if (search->reading &&
	    (number < search->reader.number || number / SR_POSITION_STEP > search->reader.number / SR_POSITION_STEP)) {
		sr_record_reader_end(&search->reader);
		search->reading = false;
	}
	if (!search->reading) {
		search->reading = true;
		return sr_audit_view_seek(search->view, number, &search->reader, search->err);
	}
	while (code == SR_OK && search->reader.number < number)
		code = sr_record_next(&search->reader, &json, search->err);
	return code;
}

static enum sr_code read_one(struct search *search, uint64_t number)
{
	struct sr_span json;
	enum sr_code code = search->reading && search->reader.number == number ? SR_OK : go_to(search, number);
	if (code == SR_OK)
		code = sr_record_next(&search->reader, &json, search->err);
	if (code == SR_NOT_FOUND)
		code = SR_FAIL(search->err, SR_CORRUPT, "the audit log has no record %llu", (unsigned long long)number);
	if (code == SR_OK)
		code = judge(search, json);
	search->next = number + 1;
	return code;
}

static enum sr_code read_all(struct search *search, uint64_t from, uint64_t to)
{
	enum sr_code code = SR_OK;
	for (; from < to && code == SR_OK && !search->over; from++)
		code = read_one(search, from);
	return code;
}

static bool in_time(const struct sr_audit_query *query, const struct sr_run_times *times)
{
	return times->most >= query->from_ms && (query->to_ms == 0 || times->least < query->to_ms);
}

/* Mark the run's candidates. SR_NOT_FOUND: it has to be read instead. */
static enum sr_code candidates(const struct sr_audit_query *query, const struct sr_run *run,
			       uint8_t marks[SR_RUN_ENTRIES / 8])
{
	memset(marks, 0, SR_RUN_ENTRIES / 8);
	if (query->recording)
		return sr_run_find(run, SR_RUN_RECORDING, query->recording, SR_UUID, marks);
	if (query->tag)
		return sr_run_find(run, SR_RUN_TAG, query->tag, SR_TAG, marks);
	if (query->actor)
		return sr_run_find(run, SR_RUN_ACTOR, query->actor, SR_TAG, marks);
	memset(marks, 0xff, SR_RUN_ENTRIES / 8);
	return SR_OK;
}

static enum sr_code search_marked(struct search *search, const struct sr_run *run,
				  const uint8_t marks[SR_RUN_ENTRIES / 8])
{
	uint64_t base = run->index * SR_RUN_ENTRIES;
	enum sr_code code = SR_OK;
	for (size_t place = 0; place < SR_RUN_ENTRIES && code == SR_OK && !search->over; place++) {
		if ((marks[place / 8] >> place % 8 & 1) == 0 || base + place < search->query->first ||
		    !in_time(search->query, &run->times[place / SR_RUN_BLOCK]))
			continue;
		code = read_one(search, base + place);
	}
	return code;
}

/* A run that is there and not sound is removed, so that the daemon misses it. */
static void report_damage(const struct search *search, uint64_t index)
{
	char path[SR_TILE_PATH_MAX];
	struct sr_audit *audit = search->view->live;
	if (!audit)
		return;
	sr_run_path(path, index);
	(void)unlinkat(search->view->dir, path, 0);
	atomic_store(&audit->runs_damaged, true);
}

static enum sr_code search_run(struct search *search, uint64_t index)
{
	uint8_t marks[SR_RUN_ENTRIES / 8];
	struct sr_run run = {.fd = -1};
	uint64_t from = index * SR_RUN_ENTRIES;
	enum sr_code code = sr_run_open(search->view->dir, index, &run);
	if (code == SR_OK)
		code = candidates(search->query, &run, marks);
	if (code == SR_OK) {
		code = search_marked(search, &run, marks);
		if (!search->over)
			search->next = from + SR_RUN_ENTRIES;
	} else {
		report_damage(search, index);
		code = read_all(search, from > search->query->first ? from : search->query->first,
				from + SR_RUN_ENTRIES);
	}
	sr_run_close(&run);
	return code;
}

enum sr_code sr_audit_search(const struct sr_audit_view *view, const struct sr_audit_query *query,
			     sr_audit_found *found, void *context, uint64_t *next, struct sr_error *err)
{
	struct search search = {
		.view = view, .query = query, .found = found, .context = context, .next = query->first, .err = err};
	enum sr_code code = SR_OK;
	search.room = malloc(sizeof *search.room);
	if (!search.room)
		return SR_FAIL_MEMORY(err);
	while (code == SR_OK && !search.over && search.next < view->size) {
		uint64_t index = search.next / SR_RUN_ENTRIES;
		if (query->scan || (index + 1) * SR_RUN_ENTRIES > view->size)
			code = read_all(&search, search.next, view->size);
		else
			code = search_run(&search, index);
	}
	if (next)
		*next = search.next < view->size ? search.next : view->size;
	if (search.reading)
		sr_record_reader_end(&search.reader);
	free(search.room);
	return code;
}
