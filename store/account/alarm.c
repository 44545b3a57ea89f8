/*
 * Alarms: what is told to people. Which events make one alarm, when each is told, tried again and given up: pure, with
 * the time as an argument. The latest stay in a ring.
 */
#include "account/alarm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#define FIRST_PAUSE_MS 200
#define LONGEST_PAUSE_MS 60000
#define NEVER UINT64_MAX

struct sr_alarms {
	struct sr_alarm ring[SR_ALARMS_KEPT]; /* number 0: free */
	uint64_t last;                        /* number given */
	uint64_t lost, lost_untold;
};

static const enum sr_alarm_kind kinds[SR_EVENT_KINDS] = {
	[SR_EVENT_MISFILED] = SR_ALARM_MISFILED,
	[SR_EVENT_FOREIGN] = SR_ALARM_FOREIGN,
	[SR_EVENT_CONSULTATION_CONFLICT] = SR_ALARM_CONSULTATION_CONFLICT,
	[SR_EVENT_CORRUPT] = SR_ALARM_CORRUPT,
	[SR_EVENT_BREAK_GLASS] = SR_ALARM_BREAK_GLASS,
	[SR_EVENT_UNUSUAL] = SR_ALARM_UNUSUAL,
	[SR_EVENT_TEST] = SR_ALARM_TEST,
};

static void keep_text(char *out, size_t room, const char *text)
{
	snprintf(out, room, "%s", text ? text : "");
}

static void keep_bytes(uint8_t *out, const uint8_t *bytes, size_t size)
{
	if (bytes)
		memcpy(out, bytes, size);
}

bool sr_alarm_of(const struct sr_event *event, struct sr_alarm *alarm)
{
	memset(alarm, 0, sizeof *alarm);
	alarm->kind = kinds[event->kind];
	if (alarm->kind == 0)
		return false;
	alarm->request = event->request;
	keep_text(alarm->operation, sizeof alarm->operation, event->operation);
	keep_text(alarm->service, sizeof alarm->service, event->service);
	keep_text(alarm->issuer, sizeof alarm->issuer, event->issuer);
	keep_text(alarm->jti, sizeof alarm->jti, event->jti);
	keep_text(alarm->what, sizeof alarm->what, event->what);
	keep_bytes(alarm->patient, event->tag, SR_TAG);
	keep_bytes(alarm->actor, event->actor, SR_TAG);
	keep_bytes(alarm->recording, event->recording, SR_UUID);
	alarm->has_own_tag = event->has_own_tag;
	alarm->own_tag = event->own_tag;
	alarm->has_owner = event->owner != NULL;
	keep_bytes(alarm->owner, event->owner, SR_TAG);
	return true;
}

struct sr_alarms *sr_alarms_new(void)
{
	return calloc(1, sizeof(struct sr_alarms));
}

void sr_alarms_free(struct sr_alarms *alarms)
{
	free(alarms);
}

static bool same_subject(const struct sr_alarm *one, const struct sr_alarm *other)
{
	if (one->kind != other->kind || one->kind == SR_ALARM_TEST)
		return false;
	if (one->kind == SR_ALARM_CORRUPT && memcmp(one->recording, other->recording, SR_UUID) != 0)
		return false;
	return strcmp(one->service, other->service) == 0 && strcmp(one->issuer, other->issuer) == 0 &&
	       strcmp(one->what, other->what) == 0 && sodium_memcmp(one->patient, other->patient, SR_TAG) == 0 &&
	       sodium_memcmp(one->actor, other->actor, SR_TAG) == 0;
}

static bool is_settled(const struct sr_alarm *alarm)
{
	return alarm->due == NEVER && !alarm->telling;
}

/* Where the next alarm goes: a free place, else the oldest that is settled, else the oldest. */
static struct sr_alarm *make_room(struct sr_alarms *alarms)
{
	struct sr_alarm *oldest = NULL, *settled = NULL;
	for (struct sr_alarm *at = alarms->ring; at < alarms->ring + SR_ALARMS_KEPT; at++) {
		if (at->number == 0)
			return at;
		if (!oldest || at->number < oldest->number)
			oldest = at;
		if (is_settled(at) && (!settled || at->number < settled->number))
			settled = at;
	}
	alarms->lost++;
	if (settled)
		return settled;
	alarms->lost_untold++;
	return oldest;
}

uint64_t sr_alarms_note(struct sr_alarms *alarms, const struct sr_alarm *alarm, const struct sr_alarm_rules *rules,
			uint64_t wall_ms, uint64_t now)
{
	for (struct sr_alarm *at = alarms->ring; at < alarms->ring + SR_ALARMS_KEPT; at++) {
		if (at->number == 0 || now >= at->until || !same_subject(at, alarm))
			continue;
		at->count += at->count < UINT32_MAX;
		at->last_ms = wall_ms;
		if (rules->told && is_settled(at) && at->delivery == SR_ALARM_TOLD)
			at->due = at->until;
		return at->number;
	}
	struct sr_alarm *place = make_room(alarms);
	*place = *alarm;
	place->number = ++alarms->last;
	place->count = 1;
	place->first_ms = place->last_ms = wall_ms;
	place->until = now + rules->window_ms;
	place->due = rules->told ? now : NEVER;
	place->delivery = rules->told ? SR_ALARM_WAITING : SR_ALARM_UNTOLD;
	return place->number;
}

void sr_alarms_recall(struct sr_alarms *alarms, const struct sr_alarm *alarm, uint64_t window_ms, uint64_t wall_ms)
{
	for (struct sr_alarm *at = alarms->ring; at < alarms->ring + SR_ALARMS_KEPT; at++) {
		if (at->number == 0 || !same_subject(at, alarm) || wall_ms < at->first_ms ||
		    wall_ms - at->first_ms >= window_ms)
			continue;
		at->count += at->count < UINT32_MAX;
		at->last_ms = wall_ms;
		return;
	}
	struct sr_alarm *place = make_room(alarms);
	*place = *alarm;
	place->number = ++alarms->last;
	place->count = 1;
	place->first_ms = place->last_ms = wall_ms;
	place->due = NEVER;
	place->delivery = SR_ALARM_EARLIER;
}

const struct sr_alarm *sr_alarms_next(struct sr_alarms *alarms, uint64_t now)
{
	struct sr_alarm *next = NULL;
	for (struct sr_alarm *at = alarms->ring; at < alarms->ring + SR_ALARMS_KEPT; at++)
		if (at->number && !at->telling && at->due <= now && (!next || at->due < next->due))
			next = at;
	if (!next)
		return NULL;
	next->telling = true;
	next->telling_count = next->count;
	next->tries++;
	next->delivery = SR_ALARM_WAITING;
	return next;
}

static uint64_t pause_after(unsigned failures)
{
	uint64_t pause = FIRST_PAUSE_MS;
	for (unsigned at = 1; at < failures && pause < LONGEST_PAUSE_MS; at++)
		pause *= 2;
	return pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS;
}

void sr_alarms_told(struct sr_alarms *alarms, uint64_t number, bool done, const struct sr_alarm_rules *rules,
		    uint64_t now, bool *given_up)
{
	struct sr_alarm *alarm = NULL;
	*given_up = false;
	for (struct sr_alarm *at = alarms->ring; at < alarms->ring + SR_ALARMS_KEPT; at++)
		if (at->number == number)
			alarm = at;
	if (!alarm)
		return; /* it had to make room */
	alarm->telling = false;
	if (done) {
		alarm->told = alarm->telling_count;
		alarm->failures = 0;
		alarm->delivery = SR_ALARM_TOLD;
		alarm->due = alarm->count > alarm->told ? alarm->until : NEVER;
		return;
	}
	alarm->failures++;
	*given_up = alarm->failures >= rules->tries_max;
	alarm->delivery = *given_up ? SR_ALARM_GIVEN_UP : SR_ALARM_WAITING;
	alarm->due = *given_up ? NEVER : now + pause_after(alarm->failures);
}

const struct sr_alarm *sr_alarms_after(const struct sr_alarms *alarms, uint64_t after)
{
	const struct sr_alarm *first = NULL;
	for (const struct sr_alarm *at = alarms->ring; at < alarms->ring + SR_ALARMS_KEPT; at++)
		if (at->number > after && (!first || at->number < first->number))
			first = at;
	return first;
}

uint64_t sr_alarms_lost(const struct sr_alarms *alarms)
{
	return alarms->lost;
}

uint64_t sr_alarms_lost_untold(const struct sr_alarms *alarms)
{
	return alarms->lost_untold;
}

/* ---- JSON ---- */

/* What is still to be written of a text; what does not fit is left out, and the room is made for all there can be. */
struct writing {
	char *out;
	size_t used;
};

static void put(struct writing *writing, const char *text)
{
	size_t size = strlen(text);
	if (size < SR_ALARM_JSON_MAX - writing->used) {
		memcpy(writing->out + writing->used, text, size + 1);
		writing->used += size;
	}
}

static void put_name(struct writing *writing, const char *name)
{
	put(writing, writing->used > 1 ? ",\"" : "\"");
	put(writing, name);
	put(writing, "\":");
}

static void put_text(struct writing *writing, const char *name, const char *text)
{
	if (!text[0])
		return;
	put_name(writing, name);
	put(writing, "\"");
	for (; *text; text++) {
		char piece[8] = {*text};
		if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
			snprintf(piece, sizeof piece, "\\u%04x", (unsigned)(unsigned char)*text);
		put(writing, piece);
	}
	put(writing, "\"");
}

static void put_number(struct writing *writing, const char *name, uint64_t value)
{
	char digits[24];
	put_name(writing, name);
	snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
	put(writing, digits);
}

static void put_time(struct writing *writing, const char *name, uint64_t ms)
{
	char stamp[64];
	time_t seconds = (time_t)(ms / 1000);
	struct tm utc;
	gmtime_r(&seconds, &utc);
	size_t size = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(stamp + size, sizeof stamp - size, ".%03uZ", (unsigned)(ms % 1000));
	put_text(writing, name, stamp);
}

static void put_hex(struct writing *writing, const char *name, const uint8_t *bytes)
{
	char hex[2 * SR_TAG + 1];
	if (!sodium_is_zero(bytes, SR_TAG))
		put_text(writing, name, sodium_bin2hex(hex, sizeof hex, bytes, SR_TAG));
}

size_t sr_alarm_json(const struct sr_alarm *alarm, const char *store, char out[SR_ALARM_JSON_MAX])
{
	struct writing writing = {out, 0};
	char id[SR_UUID_TEXT] = "", request[17] = "";
	if (!sodium_is_zero(alarm->recording, SR_UUID))
		sr_uuid_format(alarm->recording, id);
	if (alarm->request)
		snprintf(request, sizeof request, "%016llx", (unsigned long long)alarm->request);
	put(&writing, "{");
	put_text(&writing, "store", store);
	put_number(&writing, "number", alarm->number);
	put_text(&writing, "kind", sr_alarm_kind_name(alarm->kind));
	put_text(&writing, "severity", sr_alarm_severity(alarm->kind));
	put_time(&writing, "first", alarm->first_ms);
	put_time(&writing, "last", alarm->last_ms);
	put_number(&writing, "count", alarm->count);
	put_text(&writing, "request", request);
	put_text(&writing, "operation", alarm->operation);
	put_text(&writing, "service", alarm->service);
	put_text(&writing, "issuer", alarm->issuer);
	put_text(&writing, "jti", alarm->jti);
	put_text(&writing, "what", alarm->what);
	put_hex(&writing, "patient_tag", alarm->patient);
	put_hex(&writing, "actor_tag", alarm->actor);
	put_text(&writing, "recording", id);
	if (alarm->has_own_tag)
		put_text(&writing, "own_tag", alarm->own_tag ? "yes" : "no");
	put(&writing, "}\n");
	return writing.used;
}
