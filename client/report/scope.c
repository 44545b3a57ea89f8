/*
 * Conditions on entries.
 */
#include "scope.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

static bool take_tag(const char *value, bool *has, uint8_t tag[SR_TAG])
{
	size_t size = 0;
	*has = strlen(value) == 2 * SR_TAG && sodium_hex2bin(tag, SR_TAG, value, 2 * SR_TAG, NULL, &size, NULL) == 0 &&
	       size == SR_TAG;
	return *has;
}

bool sr_report_filter_set(struct sr_report_filter *filter, const char *word, const char *value)
{
	if (strcmp(word, "service") == 0)
		filter->service = value;
	else if (strcmp(word, "issuer") == 0)
		filter->issuer = value;
	else if (strcmp(word, "grant") == 0)
		filter->grant = value;
	else if (strcmp(word, "actor") == 0)
		return take_tag(value, &filter->has_actor, filter->actor);
	else if (strcmp(word, "patient") == 0)
		return take_tag(value, &filter->has_patient, filter->patient);
	else if (strcmp(word, "except_patient") == 0)
		return take_tag(value, &filter->has_except, filter->except);
	else if (strcmp(word, "recording") == 0)
		return filter->has_recording = sr_uuid_parse(value, strlen(value), filter->recording);
	else
		return false;
	return true;
}

bool sr_report_filter_empty(const struct sr_report_filter *filter)
{
	return !filter->service && !filter->issuer && !filter->grant && !filter->has_actor && !filter->has_patient &&
	       !filter->has_except && !filter->has_recording;
}

static bool meets_text(const char *wanted, const char *text)
{
	return !wanted || (text && strcmp(wanted, text) == 0);
}

static bool is_tag(const uint8_t wanted[SR_TAG], const uint8_t *tag)
{
	return tag && memcmp(wanted, tag, SR_TAG) == 0;
}

bool sr_report_filter_meets(const struct sr_report_filter *filter, const struct sr_audit_entry *entry)
{
	bool viewer = entry->kind == SR_AUDIT_SHOWN && is_tag(filter->actor, entry->linked);
	return meets_text(filter->service, entry->service) && meets_text(filter->issuer, entry->issuer) &&
	       meets_text(filter->grant, entry->jti) &&
	       (!filter->has_actor || viewer || is_tag(filter->actor, entry->actor)) &&
	       (!filter->has_patient || is_tag(filter->patient, entry->tag)) &&
	       (!filter->has_except || !is_tag(filter->except, entry->tag));
}

bool sr_report_filter_meets_recording(const struct sr_report_filter *filter, const uint8_t id[SR_UUID])
{
	return !filter->has_recording || memcmp(filter->recording, id, SR_UUID) == 0;
}

static bool take_number(const char *value, uint64_t *number)
{
	char *end = NULL;
	if (!value || *value < '0' || *value > '9')
		return false;
	*number = strtoull(value, &end, 10);
	return *end == '\0';
}

bool sr_report_arguments_of(const struct sr_stated *note, struct sr_report_arguments *arguments)
{
	*arguments = (struct sr_report_arguments){.since = 0};
	if (note->what != SR_INCIDENT_REPORT || !take_number(sr_stated_fact(note, "from"), &arguments->from_ms) ||
	    !take_number(sr_stated_fact(note, "to"), &arguments->to_ms))
		return false;
	const char *since = sr_stated_fact(note, "since");
	if (since && !take_number(since, &arguments->since))
		return false;
	static const char *const words[] = {"service", "issuer",         "grant",    "actor",
					    "patient", "except_patient", "recording"};
	for (size_t at = 0; at < sizeof words / sizeof *words; at++) {
		const char *value = sr_stated_fact(note, words[at]);
		if (value && !sr_report_filter_set(&arguments->filter, words[at], value))
			return false;
	}
	return true;
}
