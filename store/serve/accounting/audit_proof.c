/*
 * audit.checkpoint, audit.proof, audit.consistency: what proves to somebody who does not trust the daemon that the log
 * says what it said. Hashes and signatures alone: none of this is a reading of the log.
 */
#include <string.h>

#include "account/proof.h"
#include "keys/keyring.h"
#include "message_audit.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"

/* What is asked for, by its type. */
struct order {
	uint64_t number;
	struct sr_audit_sizes sizes;
};

static enum sr_code take_order(struct sr_request *request, struct order *order)
{
	struct sr_cursor in = sr_request_fields(request);
	if (request->head.type == SR_MSG_AUDIT_PROOF)
		sr_audit_number_decode(&in, &order->number);
	else if (request->head.type == SR_MSG_AUDIT_CONSISTENCY)
		sr_audit_sizes_decode(&in, &order->sizes);
	return sr_request_decoded(request, &in);
}

static struct sr_span note_of(const struct sr_audit_view *view)
{
	return (struct sr_span){(const uint8_t *)view->checkpoint, strlen(view->checkpoint)};
}

static void sign(struct sr_request *request, const struct sr_audit_view *view)
{
	struct sr_audit_signed reply = {.note = note_of(view)};
	if (!sr_request_reply(request, SR_MSG_AUDIT_SIGNED, 2 + reply.note.size + SR_AUDIT_KEY))
		return;
	sr_checkpoint_key(sr_keyring_audit_seed(request->daemon->keyring), reply.key);
	sr_audit_signed_encode(&request->reply.fields, &reply);
}

static void put_proof(struct sr_request *request, const struct sr_audit_view *view, uint8_t type,
		      struct sr_audit_proof *reply)
{
	reply->note = note_of(view);
	if (sr_request_reply(request, type, 2 + reply->note.size + 2 + reply->proof.count * SR_HASH))
		sr_audit_proof_encode(&request->reply.fields, reply);
}

static void prove(struct sr_request *request, const struct sr_audit_view *view, const struct order *order)
{
	struct sr_audit_proof reply;
	if (sr_audit_prove_inclusion(view, order->number, &reply.proof, &request->error) == SR_OK)
		put_proof(request, view, SR_MSG_AUDIT_PROVED, &reply);
}

static void compare(struct sr_request *request, const struct sr_audit_view *view, const struct order *order)
{
	struct sr_audit_proof reply;
	if (sr_audit_prove_consistency(view, order->sizes.old, order->sizes.size, &reply.proof, &request->error) ==
	    SR_OK)
		put_proof(request, view, SR_MSG_AUDIT_CONSISTENT, &reply);
}

/* A checkpoint of all that is durable now stands before anything is said about the log. */
static void run(struct sr_request *request)
{
	struct sr_audit *audit = request->daemon->audit;
	struct sr_audit_view view;
	struct order order = {.number = 0};
	if (take_order(request, &order) != SR_OK || sr_audit_seal(audit, &request->error) != SR_OK ||
	    sr_audit_view_live(audit, &view, &request->error) != SR_OK)
		return;
	if (request->head.type == SR_MSG_AUDIT_CHECKPOINT)
		sign(request, &view);
	else if (request->head.type == SR_MSG_AUDIT_PROOF)
		prove(request, &view, &order);
	else
		compare(request, &view, &order);
	sr_audit_view_close(&view);
}

void sr_serve_audit_proof(struct sr_request *request)
{
	sr_request_start(request, run, NULL);
}
