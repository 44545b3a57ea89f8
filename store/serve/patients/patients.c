/*
 * What requests that change a patient as a whole share: a second proven identity, claims, walks over all recordings.
 */
#include "serve/patients/patients.h"

#include <string.h>

#include <sodium.h>

#include "serve/patients/claims.h"

#define WALK_ROWS 500 /* of one view: each may take another read */

void sr_proof_exchange(struct sr_request *request, struct sr_proof *proof)
{
	struct sr_proof now = {.grant = request->grant, .words = request->words};
	memcpy(now.tag, request->tag, SR_TAG);
	memcpy(now.actor, request->actor, SR_TAG);
	request->grant = proof->grant;
	request->words = proof->words;
	memcpy(request->tag, proof->tag, SR_TAG);
	memcpy(request->actor, proof->actor, SR_TAG);
	request->proven = request->grant != NULL;
	*proof = now;
}

void sr_proof_free(struct sr_proof *proof)
{
	sr_grant_free(proof->grant);
	sodium_memzero(proof, sizeof *proof);
}

struct walking {
	struct sr_view *view;
	struct sr_index_key last; /* the key that the next view begins at */
	sr_recording_visit *visit;
	void *context;
	unsigned rows;
	bool more;
	enum sr_code code;
};

static bool visit_row(void *context, struct sr_span key, struct sr_span value)
{
	struct walking *walking = context;
	if (key.size != SR_TAG + SR_UUID + 2)
		return true;
	if (walking->rows++ == WALK_ROWS) {
		memcpy(walking->last.bytes, key.data, key.size);
		walking->last.size = key.size;
		walking->more = true;
		return false;
	}
	if (key.data[key.size - 1] || key.data[key.size - 2])
		return true;
	walking->code = walking->visit(walking->context, walking->view, key.data + SR_TAG, value);
	return walking->code == SR_OK;
}

enum sr_code sr_recordings_walk(struct sr_request *request, const uint8_t tag[SR_TAG], sr_recording_visit *visit,
				void *context)
{
	static const uint8_t first[SR_UUID];
	struct walking walking = {.last = sr_key_recording(tag, first), .visit = visit, .context = context};
	enum sr_code code;
	do {
		walking.rows = 0;
		walking.more = false;
		code = sr_request_view(request, &walking.view);
		if (code != SR_OK)
			return code;
		struct sr_index_key from = walking.last;
		code = sr_view_walk(walking.view, &from, SR_TAG, visit_row, &walking);
		sr_request_view_end(request, walking.view);
	} while (code == SR_OK && walking.more);
	if (code != SR_OK)
		return SR_FAIL(&request->error, code, "reading the index failed");
	return walking.code;
}

enum sr_code sr_patient_claim(struct sr_request *request, const uint8_t tag[SR_TAG])
{
	enum sr_code code = sr_claim(request->daemon->claims, tag, SR_CLAIM_CHANGING);
	if (code == SR_BUSY) {
		request->retry_ms = 200;
		return SR_FAIL(&request->error, code, "another request is adding to or changing this patient");
	}
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, code, "memory is used up");
}
