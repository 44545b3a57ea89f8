/*
 * Taking an incident's notes from the log's entries.
 */
#include "incident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

static const char *fact_of(const struct sr_audit_entry *entry, const char *name)
{
	for (size_t at = 0; at < entry->fact_count; at++)
		if (strcmp(entry->facts[at].name, name) == 0)
			return entry->facts[at].value;
	return NULL;
}

bool sr_incident_is(const struct sr_incident *incident, const struct sr_audit_entry *entry)
{
	if (entry->kind != SR_AUDIT_CONTROL || strcmp(entry->operation, SR_INCIDENT_OPERATION) != 0 || !entry->name)
		return false;
	const char *what = fact_of(entry, "what");
	if (!what || sr_incident_what_parse(what) == 0)
		return false;
	return incident->name[0] == '\0' || strcmp(incident->name, entry->name) == 0;
}

static bool copy_text(char **place, const char *text)
{
	*place = text ? strdup(text) : NULL;
	return !text || *place;
}

static bool copy_facts(struct sr_stated *note, const struct sr_audit_entry *entry)
{
	if (entry->fact_count == 0)
		return true;
	note->facts = calloc(entry->fact_count, sizeof *note->facts);
	if (!note->facts)
		return false;
	note->fact_count = entry->fact_count;
	for (size_t at = 0; at < entry->fact_count; at++)
		if (!copy_text(&note->facts[at].name, entry->facts[at].name) ||
		    !copy_text(&note->facts[at].value, entry->facts[at].value))
			return false;
	return true;
}

static void note_free(struct sr_stated *note)
{
	for (size_t at = 0; at < note->fact_count; at++) {
		free(note->facts[at].name);
		free(note->facts[at].value);
	}
	free(note->facts);
	free(note->incident);
	free(note->by);
	free(note->text);
}

bool sr_incident_take(struct sr_incident *incident, const struct sr_audit_entry *entry)
{
	if (!sr_incident_is(incident, entry))
		return true;
	struct sr_stated *notes = sr_report_grown(incident->notes, &incident->room, incident->count, sizeof *notes);
	if (!notes)
		return false;
	incident->notes = notes;
	struct sr_stated *note = &notes[incident->count];
	*note = (struct sr_stated){.number = entry->number,
				   .time_ms = entry->time_ms,
				   .what = sr_incident_what_parse(fact_of(entry, "what"))};
	for (size_t at = 0; at < entry->count_count; at++)
		if (strcmp(entry->counts[at].name, "at") == 0) {
			note->has_at = true;
			note->at_ms = entry->counts[at].value;
		}
	if (!copy_text(&note->incident, entry->name) || !copy_text(&note->by, entry->service) ||
	    !copy_text(&note->text, entry->reason) || !copy_facts(note, entry)) {
		note_free(note);
		return false;
	}
	incident->count++;
	return true;
}

const char *sr_stated_fact(const struct sr_stated *note, const char *name)
{
	for (size_t at = 0; at < note->fact_count; at++)
		if (strcmp(note->facts[at].name, name) == 0)
			return note->facts[at].value;
	return NULL;
}

const struct sr_stated *sr_incident_latest(const struct sr_incident *incident, enum sr_incident_what what,
					   uint64_t size)
{
	const struct sr_stated *latest = NULL;
	for (size_t at = 0; at < incident->count; at++)
		if (incident->notes[at].what == what && incident->notes[at].number < size)
			latest = &incident->notes[at];
	return latest;
}

const struct sr_stated *sr_incident_report(const struct sr_incident *incident, uint64_t report)
{
	const struct sr_stated *latest = NULL;
	char number[24];
	(void)snprintf(number, sizeof number, "%llu", (unsigned long long)report);
	for (size_t at = 0; at < incident->count; at++) {
		const struct sr_stated *note = &incident->notes[at];
		const char *own = note->what == SR_INCIDENT_REPORT ? sr_stated_fact(note, "number") : NULL;
		if (own && strcmp(own, number) == 0)
			latest = note;
	}
	return latest;
}

uint64_t sr_incident_reports(const struct sr_incident *incident, uint64_t size)
{
	uint64_t greatest = 0;
	for (size_t at = 0; at < incident->count; at++) {
		const struct sr_stated *note = &incident->notes[at];
		const char *own =
			note->what == SR_INCIDENT_REPORT && note->number < size ? sr_stated_fact(note, "number") : NULL;
		uint64_t number = own ? strtoull(own, NULL, 10) : 0;
		greatest = number > greatest ? number : greatest;
	}
	return greatest;
}

void sr_incident_free(struct sr_incident *incident)
{
	for (size_t at = 0; at < incident->count; at++)
		note_free(&incident->notes[at]);
	free(incident->notes);
	incident->notes = NULL;
	incident->count = incident->room = 0;
}
