/* The audit log: pages of entries, checkpoints, proofs. */
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "message_audit.h"
#include "sealreel/audit.h"

_Static_assert(SR_AUDITOR_HASH == SR_HASH && SR_AUDITOR_HASHES == SR_PROOF_MAX, "the public header's numbers are ours");

#define SUBJECT_MAX 255

/* The callback of a call, which is of no kind that other calls have. */
union auditing {
	sr_auditor_told *told;
	sr_auditor_noted *noted;
};

/* A call and the message that it sends, whose fields (`room` bytes) the caller fills. NULL when memory is used up. */
static struct sr_call *make(struct sr_client *client, uint8_t type, uint8_t reply, sr_deliver *deliver, void *context,
			    union auditing auditing, size_t room, struct sr_outgoing **out)
{
	struct sr_call *call = sr_call_own(client, reply, deliver, context, &auditing, sizeof auditing);
	*out = sr_call_outgoing(call, type, room);
	return *out ? call : NULL;
}

/* ---- entries ---- */

static struct sr_auditor_entry *take_entries(struct sr_cursor *fields, struct sr_auditor_page *page)
{
	struct sr_audit_entries reply;
	sr_audit_entries_decode(fields, &reply);
	if (fields->failed)
		return NULL;
	*page = (struct sr_auditor_page){.size = reply.size, .next = reply.next, .count = reply.count};
	memcpy(page->patient, reply.patient, sizeof page->patient);
	memcpy(page->actor, reply.actor, sizeof page->actor);
	struct sr_auditor_entry *entries = calloc(reply.count ? reply.count : 1u, sizeof *entries);
	for (uint16_t at = 0; entries && at < reply.count; at++) {
		struct sr_audit_item item;
		sr_audit_item_decode(fields, &item);
		entries[at] = (struct sr_auditor_entry){item.number, item.json.data, item.json.size};
	}
	return entries;
}

static void deliver_entries(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_auditor_page page = {.size = 0};
	struct sr_auditor_entry *entries = fields ? take_entries(fields, &page) : NULL;
	if (fields && !entries)
		sr_take_fail(fields);
	if (fields)
		(void)!sr_decoded(call, fields, &own);
	page.entries = entries;
	((union auditing *)call->own)->told(call->context, &own, own.code == SR_OK ? &page : NULL);
	free(entries);
}

enum sr_code sr_auditor_read(sr_client *client, uint64_t from, uint64_t to, sr_auditor_told *told, void *context,
			     sr_call **handle)
{
	const struct sr_audit_order order = {.from = from, .to = to};
	struct sr_outgoing *out;
	struct sr_call *call = make(client, SR_MSG_AUDIT_READ, SR_MSG_AUDIT_ENTRIES, deliver_entries, context,
				    (union auditing){.told = told}, 8 + 8, &out);
	if (!call)
		return SR_INTERNAL;
	sr_audit_order_encode(&out->fields, &order);
	return sr_call_send(call, out, handle);
}

static bool subject_fits(const struct sr_audit_subject *subject)
{
	return subject->subject.size <= SUBJECT_MAX && (!subject->tagged || subject->subject.size == SR_TAG);
}

enum sr_code sr_auditor_search(sr_client *client, const struct sr_auditor_search *search, sr_auditor_told *told,
			       void *context, sr_call **handle)
{
	size_t name_size = search->service ? strlen(search->service) : 0;
	struct sr_audit_search message = {
		.first = search->first,
		.from_ms = search->from_ms,
		.to_ms = search->to_ms,
		.kinds = search->kinds,
		.patient = {search->patient_tagged, {search->patient, search->patient_size}},
		.actor = {search->actor_tagged, {search->actor, search->actor_size}},
		.service = {(const uint8_t *)search->service, name_size},
	};
	struct sr_outgoing *out;
	if (!subject_fits(&message.patient) || !subject_fits(&message.actor) ||
	    (message.kinds & ~SR_AUDIT_KINDS_ANY) != 0 ||
	    (search->service && !sr_service_name_valid(search->service, name_size)))
		return SR_USAGE;
	if (search->recording)
		memcpy(message.recording, search->recording, SR_ID);
	struct sr_call *call =
		make(client, SR_MSG_AUDIT_SEARCH, SR_MSG_AUDIT_ENTRIES, deliver_entries, context,
		     (union auditing){.told = told},
		     26 + 2 * 3 + search->patient_size + search->actor_size + SR_ID + 2 + name_size, &out);
	if (!call)
		return SR_INTERNAL;
	sr_audit_search_encode(&out->fields, &message);
	return sr_call_send(call, out, handle);
}

/* ---- checkpoints and proofs ---- */

static void tell_note(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields,
		      struct sr_span note, struct sr_auditor_note *told)
{
	struct sr_result own = *result;
	char text[SR_CHECKPOINT_MAX] = "";
	if (fields && sr_decoded(call, fields, &own) && note.size < sizeof text)
		memcpy(text, note.data, note.size);
	told->text = text;
	((union auditing *)call->own)->noted(call->context, &own, own.code == SR_OK ? told : NULL);
}

static void deliver_signed(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_audit_signed reply = {.note = {NULL, 0}};
	if (fields)
		sr_audit_signed_decode(fields, &reply);
	struct sr_auditor_note told = {.key = reply.key};
	tell_note(call, result, fields, reply.note, &told);
}

static void deliver_proof(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_audit_proof reply = {.note = {NULL, 0}};
	if (fields)
		sr_audit_proof_decode(fields, &reply);
	struct sr_auditor_note told = {.count = reply.proof.count, .hashes = reply.proof.hashes};
	tell_note(call, result, fields, reply.note, &told);
}

enum sr_code sr_auditor_checkpoint(sr_client *client, sr_auditor_noted *noted, void *context, sr_call **handle)
{
	struct sr_outgoing *out;
	struct sr_call *call = make(client, SR_MSG_AUDIT_CHECKPOINT, SR_MSG_AUDIT_SIGNED, deliver_signed, context,
				    (union auditing){.noted = noted}, 0, &out);
	return call ? sr_call_send(call, out, handle) : SR_INTERNAL;
}

enum sr_code sr_auditor_prove(sr_client *client, uint64_t number, sr_auditor_noted *noted, void *context,
			      sr_call **handle)
{
	struct sr_outgoing *out;
	struct sr_call *call = make(client, SR_MSG_AUDIT_PROOF, SR_MSG_AUDIT_PROVED, deliver_proof, context,
				    (union auditing){.noted = noted}, 8, &out);
	if (!call)
		return SR_INTERNAL;
	sr_audit_number_encode(&out->fields, number);
	return sr_call_send(call, out, handle);
}

enum sr_code sr_auditor_consistency(sr_client *client, uint64_t old, uint64_t size, sr_auditor_noted *noted,
				    void *context, sr_call **handle)
{
	const struct sr_audit_sizes sizes = {.old = old, .size = size};
	struct sr_outgoing *out;
	if (size != 0 && old > size)
		return SR_USAGE;
	struct sr_call *call = make(client, SR_MSG_AUDIT_CONSISTENCY, SR_MSG_AUDIT_CONSISTENT, deliver_proof, context,
				    (union auditing){.noted = noted}, 8 + 8, &out);
	if (!call)
		return SR_INTERNAL;
	sr_audit_sizes_encode(&out->fields, &sizes);
	return sr_call_send(call, out, handle);
}
