/* Incidents: what is stated of one, the tags that its report is asked about, and to whom its contacts are sealed. */
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "message_incident.h"
#include "sealreel/audit.h"

_Static_assert(SR_TAG == SR_AUDITOR_HASH && SR_AUDITOR_KEY == SR_AUDITOR_HASH, "both are 32 bytes");

static size_t note_room(const struct sr_incident_note *note)
{
	size_t room = 2 + note->name.size + 1 + 8 + 2 + note->text.size + 1;
	for (size_t at = 0; at < note->count; at++)
		room += 2 + note->facts[at].name.size + 2 + note->facts[at].value.size;
	return room;
}

static struct sr_span span_of(const char *text)
{
	return (struct sr_span){(const uint8_t *)text, text ? strlen(text) : 0};
}

/* False: it is none that the daemon would take. */
static bool make_note(const struct sr_incident_statement *statement, struct sr_incident_note *note)
{
	*note = (struct sr_incident_note){.name = span_of(statement->incident),
					  .what = sr_incident_what_parse(statement->what),
					  .at_ms = statement->at_ms,
					  .text = span_of(statement->text)};
	if (!sr_incident_name_valid(note->name) || note->what == 0 || note->text.size > SR_INCIDENT_TEXT_MAX ||
	    statement->count > SR_INCIDENT_FACTS_MAX)
		return false;
	note->count = (uint8_t)statement->count;
	for (size_t at = 0; at < statement->count; at++) {
		note->facts[at].name = span_of(statement->details[at].name);
		note->facts[at].value = span_of(statement->details[at].value);
		if (!sr_incident_fact_word(note->facts[at].name) || note->facts[at].value.size > SR_INCIDENT_VALUE_MAX)
			return false;
	}
	return true;
}

enum sr_code sr_auditor_state(sr_client *client, const struct sr_incident_statement *statement, sr_done *done,
			      void *context, sr_call **handle)
{
	struct sr_incident_note note;
	if (!make_note(statement, &note))
		return SR_USAGE;
	struct sr_call *call = sr_call_new(client, SR_MSG_DONE, sr_deliver_done, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.done = done;
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_INCIDENT_NOTE, 0, call->request, note_room(&note));
	if (out)
		sr_incident_note_encode(&out->fields, &note);
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}

/* Both replies are 32 bytes. */
static void deliver_bytes(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	uint8_t bytes[SR_AUDITOR_HASH] = {0};
	if (fields) {
		sr_take_copy(fields, bytes, sizeof bytes);
		(void)!sr_decoded(call, fields, &own);
	}
	(*(sr_auditor_bytes **)call->own)(call->context, &own, own.code == SR_OK ? bytes : NULL);
}

enum sr_code sr_auditor_tag(sr_client *client, bool actor, const void *identity, size_t size, sr_auditor_bytes *told,
			    void *context, sr_call **handle)
{
	const struct sr_audit_tag message = {.actor = actor, .identity = {identity, size}};
	if (size == 0 || size > SR_VIEWER_MAX)
		return SR_USAGE;
	struct sr_call *call = sr_call_own(client, SR_MSG_AUDIT_TAGGED, deliver_bytes, context, &told, sizeof told);
	if (!call)
		return SR_INTERNAL;
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_AUDIT_TAG, 0, call->request, 1 + 2 + size);
	if (out)
		sr_audit_tag_encode(&out->fields, &message);
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}

enum sr_code sr_auditor_key(sr_client *client, sr_auditor_bytes *told, void *context, sr_call **handle)
{
	struct sr_call *call =
		sr_call_own(client, SR_MSG_AUDIT_AUDITOR_KEY, deliver_bytes, context, &told, sizeof told);
	if (!call)
		return SR_INTERNAL;
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_AUDIT_AUDITOR, 0, call->request, 0);
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}
