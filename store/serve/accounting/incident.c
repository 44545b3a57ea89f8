/*
 * incident.note, audit.tag, audit.auditor: what people state of an incident goes into the audit log; under which tag
 * somebody stands there; and the key to which whatever names people is sealed.
 */
#include <string.h>

#include <sodium.h>

#include "keys/derive.h"
#include "message_incident.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"

static void note_text(struct sr_request *request, struct sr_span text)
{
	char copy[SR_INCIDENT_TEXT_MAX + 1];
	if (text.size == 0)
		return;
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	sr_account_reason(request, copy);
}

static void note_fact(struct sr_request *request, const struct sr_incident_fact *fact)
{
	char value[SR_INCIDENT_VALUE_MAX + 1];
	if (fact->value.size > 0)
		memcpy(value, fact->value.data, fact->value.size);
	value[fact->value.size] = '\0';
	sr_account_fact(request, sr_incident_fact_word(fact->name), value);
}

/* A report would count too much, or nothing, by what it cannot read as a condition. */
static bool conditions_valid(const struct sr_incident_note *note)
{
	bool valid = note->what != SR_INCIDENT_WRONG || note->count > 0;
	for (size_t at = 0; at < note->count && note->what == SR_INCIDENT_WRONG; at++)
		valid = valid && sr_incident_condition_valid(&note->facts[at]);
	return valid;
}

/* The log keeps all of it, and nothing else does: whatever is said of the incident later is read from there. */
static void run_note(struct sr_request *request)
{
	struct sr_incident_note note;
	char name[SR_INCIDENT_NAME_MAX + 1];
	struct sr_cursor in = sr_request_fields(request);
	sr_incident_note_decode(&in, &note);
	if (sr_request_decoded(request, &in) != SR_OK)
		return;
	if (!conditions_valid(&note)) {
		(void)SR_FAIL(&request->error, SR_USAGE, "a note wrong has conditions on accesses, and nothing else");
		return;
	}
	memcpy(name, note.name.data, note.name.size);
	name[note.name.size] = '\0';
	sr_account_name(request, name);
	sr_account_fact(request, "what", sr_incident_what_name(note.what));
	if (note.at_ms > 0)
		sr_account_count(request, "at", note.at_ms);
	note_text(request, note.text);
	for (size_t at = 0; at < note.count; at++)
		note_fact(request, &note.facts[at]);
	(void)!sr_request_reply(request, SR_MSG_DONE, 0);
}

/* A tag is asked for by whoever has the identity already; that they asked is an entry. */
static void run_tag(struct sr_request *request)
{
	struct sr_audit_tag message;
	uint8_t tag[SR_TAG];
	char hex[2 * SR_TAG + 1];
	struct sr_cursor in = sr_request_fields(request);
	sr_audit_tag_decode(&in, &message);
	if (sr_request_decoded(request, &in) != SR_OK)
		return;
	if (message.actor)
		sr_actor_tag(request->daemon->keyring, message.identity.data, message.identity.size, tag);
	else
		sr_patient_tag(request->daemon->keyring, message.identity.data, message.identity.size, tag, NULL);
	sr_account_fact(request, message.actor ? "actor" : "patient", sodium_bin2hex(hex, sizeof hex, tag, SR_TAG));
	if (sr_request_reply(request, SR_MSG_AUDIT_TAGGED, SR_TAG))
		sr_audit_tagged_encode(&request->reply.fields, tag);
}

static void run_auditor(struct sr_request *request)
{
	struct sr_cursor in = sr_request_fields(request);
	if (sr_request_decoded(request, &in) == SR_OK &&
	    sr_request_reply(request, SR_MSG_AUDIT_AUDITOR_KEY, SR_AUDITOR_KEY))
		sr_auditor_key_encode(&request->reply.fields, sr_keyring_auditor(request->daemon->keyring));
}

void sr_serve_incident(struct sr_request *request)
{
	sr_request_step *run = request->head.type == SR_MSG_INCIDENT_NOTE ? run_note
			       : request->head.type == SR_MSG_AUDIT_TAG   ? run_tag
									  : run_auditor;
	sr_request_start(request, run, NULL);
}
