/*
 * The scrub as a whole: its thread, how fast it goes, where it is, what it has found.
 */
#include "serve/scrub/scrub_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "account/event.h"
#include "data/thread.h"
#include "serve/daemon.h"

#define NICE 10         /* recording and playing go first */
#define NAP_MS 100      /* the longest wait before it looks whether it must stop */
#define RUN_AHEAD_MS 50 /* how far it may be ahead of its rate */
#define PLACE_KEY (SR_SCRUB_PLACE_MAX - 1)

static const struct {
	enum sr_table_name table;
	sr_scrub_walk *walk;
} phases[SR_PHASES] = {
	[SR_PHASE_PATIENTS] = {SR_TABLE_PATIENTS, sr_scrub_patients},
	[SR_PHASE_RECORDINGS] = {SR_TABLE_RECORDINGS, sr_scrub_recordings},
	[SR_PHASE_SEGMENTS] = {SR_TABLE_SEGMENTS, sr_scrub_segments},
	[SR_PHASE_EXTENTS] = {SR_TABLE_EXTENTS, sr_scrub_extents},
	[SR_PHASE_HINTS] = {SR_TABLE_HINTS, sr_scrub_hints},
	[SR_PHASE_CONSULTATIONS] = {SR_TABLE_CONSULTATIONS, sr_scrub_consultations},
	[SR_PHASE_PEOPLE] = {SR_TABLE_PEOPLE, sr_scrub_people},
	[SR_PHASE_CONTROL] = {SR_TABLE_CONTROL, sr_scrub_control},
	/* Directories have numbers instead of keys. */
	[SR_PHASE_FILES] = {SR_TABLE_META, sr_scrub_files},
};

/* ---- how fast, and how far ---- */

bool sr_scrub_goes_on(struct sr_scrub *scrub)
{
	pthread_mutex_lock(&scrub->lock);
	bool goes_on = !scrub->stopping;
	pthread_mutex_unlock(&scrub->lock);
	return goes_on;
}

void sr_scrub_nap(struct sr_scrub *scrub, unsigned milliseconds)
{
	struct timespec until = sr_thread_deadline(milliseconds);
	pthread_mutex_lock(&scrub->lock);
	while (!scrub->stopping && pthread_cond_timedwait(&scrub->changed, &scrub->lock, &until) == 0)
		;
	pthread_mutex_unlock(&scrub->lock);
}

/* How long all it has read since it began should have taken. */
static uint64_t due_ms(const struct sr_scrub *scrub)
{
	return scrub->rate == 0 ? 0 : (uint64_t)((double)scrub->spent * 1000 / (double)scrub->rate);
}

static void keep_to_rate(struct sr_scrub *scrub, uint64_t bytes)
{
	scrub->spent += bytes;
	uint64_t due = scrub->begun_ms + due_ms(scrub);
	for (uint64_t now; (now = sr_monotonic_ms()) + RUN_AHEAD_MS < due && sr_scrub_goes_on(scrub);)
		sr_scrub_nap(scrub, due - now < NAP_MS ? (unsigned)(due - now) : NAP_MS);
}

void sr_scrub_read_rows(struct sr_scrub *scrub, uint64_t rows, uint64_t bytes)
{
	pthread_mutex_lock(&scrub->lock);
	scrub->rows += rows;
	pthread_mutex_unlock(&scrub->lock);
	sr_count(SR_COUNT_SCRUB_ROWS, (int64_t)rows);
	keep_to_rate(scrub, bytes);
}

void sr_scrub_read_bytes(struct sr_scrub *scrub, uint64_t bytes)
{
	pthread_mutex_lock(&scrub->lock);
	scrub->bytes += bytes;
	pthread_mutex_unlock(&scrub->lock);
	sr_count(SR_COUNT_SCRUB_BYTES, (int64_t)bytes);
	keep_to_rate(scrub, bytes);
}

void sr_scrub_passed(struct sr_scrub *scrub, const struct sr_index_key *key)
{
	scrub->after = *key;
	pthread_mutex_lock(&scrub->lock);
	scrub->place = *key;
	pthread_mutex_unlock(&scrub->lock);
}

/* ---- what it finds ---- */

/* Under the lock. What cannot be kept is counted all the same. */
static void keep(struct sr_scrub *scrub, const struct sr_kept_finding *found)
{
	if (scrub->kept_count == SR_FINDINGS_KEPT)
		return;
	if (scrub->kept_count == scrub->kept_room) {
		uint32_t room = scrub->kept_room ? 2 * scrub->kept_room : 16;
		struct sr_kept_finding *kept = realloc(scrub->kept, room * sizeof *kept);
		if (!kept)
			return;
		scrub->kept = kept;
		scrub->kept_room = room;
	}
	scrub->kept[scrub->kept_count++] = *found;
}

static void report(struct sr_scrub *scrub, struct sr_kept_finding *found)
{
	pthread_mutex_lock(&scrub->lock);
	keep(scrub, found);
	uint32_t number = scrub->findings;
	if (scrub->findings < UINT32_MAX)
		scrub->findings++;
	pthread_mutex_unlock(&scrub->lock);
	sr_count(SR_COUNT_SCRUB_FINDINGS, 1);
	found->finding.text = (struct sr_span){(const uint8_t *)found->text, strlen(found->text)};
	if (scrub->parts.hear)
		scrub->parts.hear(scrub->parts.context, &found->finding, number);
}

void sr_pass_find(struct sr_pass *pass, enum sr_finding_kind kind, const struct sr_extent_at *at, const char *format,
		  ...)
{
	struct sr_kept_finding found = {.finding = {.kind = kind}};
	va_list arguments;
	pass->found++;
	if (!pass->final)
		return;
	memcpy(found.finding.recording, pass->target->recording, SR_UUID);
	found.finding.track = pass->target->track;
	found.finding.file = pass->target->file;
	if (at) {
		found.finding.offset = at->offset;
		found.finding.length = at->length;
	}
	va_start(arguments, format);
	(void)vsnprintf(found.text, sizeof found.text, format, arguments);
	va_end(arguments);
	report(pass->scrub, &found);
}

bool sr_pass_over(struct sr_pass *pass)
{
	return (!pass->final && pass->found > 0) || !sr_scrub_goes_on(pass->scrub);
}

void sr_scrub_judge(struct sr_scrub *scrub, const struct sr_target *target, sr_judge *judge)
{
	struct sr_pass first = {.scrub = scrub, .target = target};
	struct sr_pass second = {.scrub = scrub, .target = target, .final = true};
	judge(&first);
	if (first.found > 0)
		judge(&second);
}

/* ---- its thread ---- */

static bool begin_phase(struct sr_scrub *scrub, enum sr_scrub_phase phase, const struct sr_index_key *after)
{
	scrub->after = (struct sr_index_key){.table = phases[phase].table};
	if (after)
		scrub->after = *after;
	pthread_mutex_lock(&scrub->lock);
	scrub->phase = phase;
	scrub->place = scrub->after;
	bool goes_on = !scrub->stopping;
	pthread_mutex_unlock(&scrub->lock);
	return goes_on;
}

static void *run(void *context)
{
	struct sr_scrub *scrub = context;
	struct sr_index_key first = scrub->place;
	enum sr_scrub_phase phase = scrub->phase;
	sr_thread_is("scrub", NICE);
	bool goes_on = begin_phase(scrub, phase, &first);
	while (goes_on) {
		phases[phase].walk(scrub);
		/* The place of one that was stopped is in the phase it was in. */
		goes_on = sr_scrub_goes_on(scrub) && ++phase < SR_PHASES && begin_phase(scrub, phase, NULL);
	}
	pthread_mutex_lock(&scrub->lock);
	scrub->state = phase == SR_PHASES ? SR_SCRUB_DONE : SR_SCRUB_STOPPED;
	pthread_cond_broadcast(&scrub->changed);
	pthread_mutex_unlock(&scrub->lock);
	return NULL;
}

/* ---- for its owner ---- */

struct sr_scrub *sr_scrub_new(const struct sr_scrub_parts *parts)
{
	pthread_condattr_t monotonic;
	struct sr_scrub *scrub = calloc(1, sizeof *scrub);
	uint8_t *window = malloc(SR_SCRUB_WINDOW);
	struct sr_digest *digest = sr_digest_new();
	struct sr_extent_sum *sum = sr_extent_sum_new(parts->keyring);
	uint8_t(*unhinted)[SR_UUID] = malloc((size_t)SR_UNHINTED_MAX * SR_UUID);
	if (!scrub || !window || !digest || !sum || !unhinted || pthread_condattr_init(&monotonic) != 0) {
		free(unhinted);
		free(window);
		sr_digest_free(digest);
		sr_extent_sum_free(sum);
		free(scrub);
		return NULL;
	}
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	scrub->parts = *parts;
	scrub->window = window;
	scrub->digest = digest;
	scrub->sum = sum;
	scrub->unhinted = unhinted;
	scrub->state = SR_SCRUB_IDLE;
	scrub->phase = SR_PHASE_PATIENTS;
	pthread_mutex_init(&scrub->lock, NULL);
	pthread_cond_init(&scrub->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return scrub;
}

static void join(struct sr_scrub *scrub)
{
	if (scrub->joinable)
		pthread_join(scrub->thread, NULL);
	scrub->joinable = false;
}

void sr_scrub_free(struct sr_scrub *scrub)
{
	if (!scrub)
		return;
	sr_scrub_stop(scrub);
	join(scrub);
	pthread_cond_destroy(&scrub->changed);
	pthread_mutex_destroy(&scrub->lock);
	free(scrub->kept);
	free(scrub->unhinted);
	free(scrub->window);
	sr_digest_free(scrub->digest);
	sr_extent_sum_free(scrub->sum);
	free(scrub);
}

/* A place as reports give it: the phase, then the key. */
static bool parse_place(struct sr_span text, enum sr_scrub_phase *phase, struct sr_index_key *key)
{
	*phase = SR_PHASE_PATIENTS;
	*key = (struct sr_index_key){.table = SR_TABLE_PATIENTS};
	if (text.size == 0)
		return true;
	if (text.data[0] < SR_PHASE_PATIENTS || text.data[0] >= SR_PHASES || text.size - 1 > PLACE_KEY)
		return false;
	*phase = (enum sr_scrub_phase)text.data[0];
	key->table = phases[*phase].table;
	key->size = text.size - 1;
	memcpy(key->bytes, text.data + 1, key->size);
	return *phase != SR_PHASE_FILES || key->size == 0 || key->size == 2;
}

enum sr_code sr_scrub_begin(struct sr_scrub *scrub, const struct sr_scrub_start *order, struct sr_error *err)
{
	enum sr_scrub_phase phase;
	struct sr_index_key after;
	if (!parse_place(order->after, &phase, &after))
		return SR_FAIL(err, SR_USAGE, "no report of a scrub gave that place");
	if (!sr_scrub_wait(scrub, 0))
		return SR_FAIL(err, SR_BUSY, "a scrub is running");
	join(scrub);
	scrub->stopping = false;
	scrub->phase = phase;
	scrub->place = after;
	scrub->rate = order->rate;
	scrub->started_ms = sr_now_ms();
	scrub->begun_ms = sr_monotonic_ms();
	scrub->spent = scrub->rows = scrub->bytes = 0;
	scrub->findings = scrub->kept_count = 0;
	scrub->unhinted_count = 0;
	enum sr_scrub_state before = scrub->state;
	scrub->state = SR_SCRUB_RUNNING;
	scrub->joinable = sr_thread_start(&scrub->thread, run, scrub);
	if (scrub->joinable)
		return SR_OK;
	scrub->state = before;
	return SR_FAIL(err, SR_INTERNAL, "threads are used up");
}

void sr_scrub_stop(struct sr_scrub *scrub)
{
	pthread_mutex_lock(&scrub->lock);
	scrub->stopping = true;
	pthread_cond_broadcast(&scrub->changed);
	pthread_mutex_unlock(&scrub->lock);
}

bool sr_scrub_wait(struct sr_scrub *scrub, unsigned milliseconds)
{
	struct timespec until = sr_thread_deadline(milliseconds);
	pthread_mutex_lock(&scrub->lock);
	while (scrub->state == SR_SCRUB_RUNNING && pthread_cond_timedwait(&scrub->changed, &scrub->lock, &until) == 0)
		;
	bool ended = scrub->state != SR_SCRUB_RUNNING;
	pthread_mutex_unlock(&scrub->lock);
	return ended;
}

static uint16_t page_of(const struct sr_scrub *scrub, uint32_t from)
{
	uint32_t left = from < scrub->kept_count ? scrub->kept_count - from : 0;
	return (uint16_t)(left < SR_FINDINGS_PAGE_MAX ? left : SR_FINDINGS_PAGE_MAX);
}

void sr_scrub_report(struct sr_scrub *scrub, uint32_t from, struct sr_builder *out)
{
	uint8_t place[SR_SCRUB_PLACE_MAX];
	pthread_mutex_lock(&scrub->lock);
	size_t size = scrub->place.size < PLACE_KEY ? scrub->place.size : PLACE_KEY;
	place[0] = (uint8_t)scrub->phase;
	memcpy(place + 1, scrub->place.bytes, size);
	struct sr_scrub_report message = {
		.state = scrub->state,
		.started_ms = scrub->started_ms,
		.rows = scrub->rows,
		.bytes = scrub->bytes,
		.findings = scrub->findings,
		.place = {place, scrub->state == SR_SCRUB_IDLE ? 0 : size + 1},
		.from = from < scrub->findings ? from : scrub->findings,
	};
	message.count = page_of(scrub, message.from);
	sr_scrub_report_encode(out, &message);
	for (uint32_t at = message.from; at < message.from + message.count; at++) {
		struct sr_finding finding = scrub->kept[at].finding;
		finding.text = (struct sr_span){(const uint8_t *)scrub->kept[at].text, strlen(scrub->kept[at].text)};
		sr_finding_encode(out, &finding);
	}
	pthread_mutex_unlock(&scrub->lock);
}

const char *sr_tag_text(const uint8_t tag[SR_TAG], char out[SR_TAG_TEXT])
{
	return sodium_bin2hex(out, SR_TAG_TEXT, tag, SR_TAG);
}
