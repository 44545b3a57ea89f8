/*
 * Alarms from before this daemon was started, as its account has them: entries of their own, and names in others.
 */
#include "serve/accounting/alarms_past.h"

#include <stdlib.h>
#include <string.h>

struct recalling {
	struct sr_audit_room *room;
	struct sr_alarms *alarms;
	uint64_t window_ms;
	enum sr_code code;
	struct sr_error *err;
};

static const char *fact_of(const struct sr_audit_entry *entry, const char *name)
{
	for (size_t at = 0; at < entry->fact_count; at++)
		if (strcmp(entry->facts[at].name, name) == 0)
			return entry->facts[at].value;
	return NULL;
}

static enum sr_event_kind event_named(const char *word, size_t size)
{
	enum sr_event_kind kind = 0;
	while (kind < SR_EVENT_KINDS &&
	       (strlen(sr_event_name(kind)) != size || memcmp(sr_event_name(kind), word, size) != 0))
		kind++;
	return kind;
}

/* The recording that an entry of several would have alarmed about: the one that was withheld for this. */
static const struct sr_audit_recording *subject_of(const struct sr_audit_entry *entry, const char *kind)
{
	for (size_t at = 0; at < entry->recording_count; at++)
		if (entry->recordings[at].withheld && strcmp(entry->recordings[at].withheld, kind) == 0)
			return &entry->recordings[at];
	return entry->recording_count > 0 ? &entry->recordings[0] : NULL;
}

static void recall(struct recalling *recalling, const struct sr_audit_entry *entry, const char *word, size_t size)
{
	struct sr_alarm alarm;
	enum sr_event_kind kind = event_named(word, size);
	if (kind == SR_EVENT_KINDS)
		return; /* of a later sealreel */
	const struct sr_audit_recording *recording = subject_of(entry, sr_event_name(kind));
	const struct sr_event event = {
		.kind = kind,
		.operation = entry->operation,
		.request = entry->request,
		.service = entry->service,
		.issuer = entry->issuer,
		.jti = entry->jti,
		.tag = entry->tag,
		.actor = entry->actor,
		.recording = recording ? recording->id : NULL,
		.owner = recording ? recording->owner : NULL,
		.has_own_tag = recording && recording->has_own_tag,
		.own_tag = recording && recording->own_tag,
		.what = fact_of(entry, "what"),
	};
	if (sr_alarm_of(&event, &alarm))
		sr_alarms_recall(recalling->alarms, &alarm, recalling->window_ms, entry->time_ms);
}

static bool visit(void *context, uint64_t number, struct sr_span json)
{
	struct recalling *recalling = context;
	struct sr_audit_entry entry;
	(void)number;
	recalling->code = sr_audit_entry_parse(json.data, json.size, recalling->room, &entry, recalling->err);
	if (recalling->code != SR_OK)
		return false;
	const char *words = entry.kind == SR_AUDIT_ALARM ? entry.name : fact_of(&entry, "alarm");
	while (words && *words) {
		size_t size = strcspn(words, " ");
		recall(recalling, &entry, words, size);
		words += size + (words[size] == ' ');
	}
	return true;
}

enum sr_code sr_alarms_past(struct sr_audit *audit, uint64_t window_ms, struct sr_alarms *alarms, struct sr_error *err)
{
	struct recalling recalling = {.alarms = alarms, .window_ms = window_ms, .code = SR_OK, .err = err};
	uint64_t size = sr_audit_size(audit);
	recalling.room = malloc(sizeof *recalling.room);
	if (!recalling.room)
		return SR_FAIL_MEMORY(err);
	enum sr_code code = sr_audit_read(audit, size > SR_ALARMS_PAST_ENTRIES ? size - SR_ALARMS_PAST_ENTRIES : 0,
					  visit, &recalling, err);
	free(recalling.room);
	return code == SR_OK ? recalling.code : code;
}
