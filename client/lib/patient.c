/* Identities and keys of patients: rekey, rename, merge, new roots, the name under a tag. */
#include <string.h>

#include "client.h"
#include "message_patient.h"

static void deliver_changed(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_patient_moved moved = {0};
	if (fields) {
		sr_patient_moved_decode(fields, &moved);
		(void)!sr_decoded(call, fields, &own);
	}
	const struct sr_patient_info info = {moved.recordings, moved.left, moved.root_version, moved.more};
	call->callback.patient_changed(call->context, &own, own.code == SR_OK ? &info : NULL);
}

static struct sr_span token_span(const char *token)
{
	return (struct sr_span){(const uint8_t *)token, strlen(token)};
}

static bool is_token(const char *token)
{
	return token && *token && strlen(token) <= SR_TOKEN_MAX;
}

enum sr_code sr_patient_rekey(sr_client *client, const char *grant, sr_patient_changed *done, void *context,
			      sr_call **handle)
{
	if (!is_token(grant))
		return SR_UNAUTHENTICATED;
	struct sr_call *call = sr_call_new(client, SR_MSG_PATIENT_MOVED, deliver_changed, context);
	struct sr_outgoing *out =
		call ? sr_outgoing_new(SR_MSG_PATIENT_REKEY, 0, call->request, 2 + strlen(grant)) : NULL;
	if (!call)
		return SR_INTERNAL;
	call->callback.patient_changed = done;
	if (out)
		sr_patient_rekey_encode(&out->fields, token_span(grant));
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}

static void deliver_deep(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_rotate_deepened reply = {0};
	if (fields) {
		sr_rotate_deepened_decode(fields, &reply);
		(void)!sr_decoded(call, fields, &own);
	}
	struct sr_deep_info info = {
		.recordings = reply.recordings, .left = reply.left, .bytes = reply.bytes, .more = reply.more};
	memcpy(info.place, reply.place, SR_ID);
	call->callback.deep_told(call->context, &own, own.code == SR_OK ? &info : NULL);
}

enum sr_code sr_rotate_deep(sr_client *client, const char *grant, const uint8_t *after, sr_deep_told *told,
			    void *context, sr_call **handle)
{
	if (!is_token(grant))
		return SR_UNAUTHENTICATED;
	struct sr_rotate_deep message = {.grant = token_span(grant)};
	if (after)
		memcpy(message.after, after, SR_ID);
	struct sr_call *call = sr_call_new(client, SR_MSG_ROTATE_DEEPENED, deliver_deep, context);
	struct sr_outgoing *out =
		call ? sr_outgoing_new(SR_MSG_ROTATE_DEEP, 0, call->request, 2 + strlen(grant) + SR_ID) : NULL;
	if (!call)
		return SR_INTERNAL;
	call->callback.deep_told = told;
	if (out)
		sr_rotate_deep_encode(&out->fields, &message);
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}

/* The request of both, which differ by type alone. */
struct pairing {
	uint8_t type;
	const char *from, *to;
	const uint8_t *recording;
	sr_patient_changed *done;
	void *context;
};

static enum sr_code send_pair(struct sr_client *client, const struct pairing *pairing, sr_call **handle)
{
	if (!is_token(pairing->from) || !is_token(pairing->to))
		return SR_UNAUTHENTICATED;
	struct sr_patient_pair pair = {.from = token_span(pairing->from), .to = token_span(pairing->to)};
	if (pairing->recording)
		memcpy(pair.recording, pairing->recording, SR_ID);
	struct sr_call *call = sr_call_new(client, SR_MSG_PATIENT_MOVED, deliver_changed, pairing->context);
	size_t room = 2 + pair.from.size + 2 + pair.to.size + SR_ID;
	struct sr_outgoing *out = call ? sr_outgoing_new(pairing->type, 0, call->request, room) : NULL;
	if (!call)
		return SR_INTERNAL;
	call->callback.patient_changed = pairing->done;
	if (out)
		sr_patient_pair_encode(&out->fields, &pair);
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}

enum sr_code sr_patient_rename(sr_client *client, const char *from, const char *to, sr_patient_changed *done,
			       void *context, sr_call **handle)
{
	const struct pairing pairing = {SR_MSG_PATIENT_RENAME, from, to, NULL, done, context};
	return send_pair(client, &pairing, handle);
}

enum sr_code sr_patient_merge(sr_client *client, const char *from, const char *to, const uint8_t recording[SR_ID],
			      sr_patient_changed *done, void *context, sr_call **handle)
{
	const struct pairing pairing = {SR_MSG_PATIENT_MERGE, from, to, recording, done, context};
	return send_pair(client, &pairing, handle);
}

static void deliver_root(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	uint32_t version = 0;
	if (fields) {
		sr_root_made_decode(fields, &version);
		(void)!sr_decoded(call, fields, &own);
	}
	call->callback.root_made(call->context, &own, own.code == SR_OK ? version : 0);
}

enum sr_code sr_root_new(sr_client *client, sr_root_made *done, void *context, sr_call **handle)
{
	struct sr_call *call = sr_call_new(client, SR_MSG_ROOT_MADE, deliver_root, context);
	struct sr_outgoing *out = call ? sr_outgoing_new(SR_MSG_ROOT_NEW, 0, call->request, 0) : NULL;
	if (!call)
		return SR_INTERNAL;
	call->callback.root_made = done;
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}

static void deliver_person(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_span box = {NULL, 0};
	if (fields) {
		sr_person_box_decode(fields, &box);
		if (!sr_decoded(call, fields, &own))
			box = (struct sr_span){NULL, 0};
	}
	call->callback.person_told(call->context, &own, box.data, box.size);
}

enum sr_code sr_person_read(sr_client *client, const uint8_t tag[32], sr_person_told *done, void *context,
			    sr_call **handle)
{
	struct sr_call *call = sr_call_new(client, SR_MSG_PERSON, deliver_person, context);
	struct sr_outgoing *out = call ? sr_outgoing_new(SR_MSG_PERSON_READ, 0, call->request, 32) : NULL;
	if (!call)
		return SR_INTERNAL;
	call->callback.person_told = done;
	if (out)
		sr_person_read_encode(&out->fields, tag);
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}
