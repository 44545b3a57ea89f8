/*
 * What is put into the index before a recording can be: the patient's row, the consultation's tie, the claim on an id.
 */
#include "serve/record/binding.h"

#include <string.h>

#include <sodium.h>

#include "serve/accounting/account_request.h"

/* Run an operation whose parts were added with `built`; SR_CONFLICT comes back without an error text. */
static enum sr_code run(struct sr_request *request, struct sr_op *op, bool built, size_t *failed)
{
	if (!built) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(&request->error);
	}
	return sr_index_run(request->daemon->index, op, failed);
}

enum sr_code sr_patient_ensure(struct sr_request *request, struct sr_patient *patient)
{
	const struct sr_keyring *keyring = request->daemon->keyring;
	const struct sr_grant *grant = request->grant;
	uint8_t row[SR_ROW_MAX], person[SR_PERSON_MAX];
	size_t person_size, failed;
	struct sr_epoch_hold hold;
	bool left = patient->standing == SR_STANDING_LEFT;
	if (patient->standing == SR_STANDING_HERE)
		return SR_OK;
	if (patient->standing == SR_STANDING_ERASING) {
		request->retry_ms = 1000;
		return SR_FAIL(&request->error, SR_BUSY, "this patient is being erased; it takes a moment");
	}
	patient->row = (struct sr_patient_row){
		.life = SR_LIFE_LIVE, .root = sr_keyring_root(keyring), .created_ms = sr_now_ms()};
	randombytes_buf(patient->row.generation, sizeof patient->row.generation);
	randombytes_buf(patient->row.salt, sizeof patient->row.salt);
	size_t size = sr_patient_row_encode(keyring, request->tag, &patient->row, row);
	sr_epoch_book_hold(request->daemon->epochs, &hold);
	enum sr_code code =
		sr_person_seal(keyring, hold.current, request->tag,
			       (struct sr_span){grant->identity, grant->identity_size}, person, &person_size);
	if (code != SR_OK)
		return SR_FAIL(&request->error, SR_INTERNAL, "sealing the patient's identity failed");
	struct sr_index_key key = sr_key_patient(request->tag), people = sr_key_person(request->tag);
	struct sr_op *op = sr_op_new();
	/* One who has gone to another identity, and comes back, begins anew. */
	bool built = op &&
		     sr_op_check(op, left ? SR_CHECK_SUFFIX : SR_CHECK_ABSENT, &key, left ? patient->mac : NULL,
				 left ? SR_ROW_MAC : 0) &&
		     sr_op_put(op, &key, row, size) && sr_op_put(op, &people, person, person_size) &&
		     sr_epoch_guard(op, &hold);
	code = run(request, op, built, &failed);
	if (code != SR_OK)
		return code;
	memcpy(patient->mac, row + size - SR_ROW_MAC, SR_ROW_MAC);
	patient->standing = SR_STANDING_HERE;
	return sr_patient_key(keyring, patient->row.root, patient->row.salt, grant->identity, grant->identity_size,
			      patient->key, &request->work);
}

/* The tag that stands under `key`; false if there is none. */
static bool holder_of(struct sr_request *request, const struct sr_index_key *key, uint8_t tag[SR_TAG])
{
	struct sr_view *view;
	struct sr_span value;
	if (sr_request_view(request, &view) != SR_OK)
		return false;
	bool found = sr_view_get(view, key, &value) == SR_OK && value.size == SR_TAG;
	if (found)
		memcpy(tag, value.data, SR_TAG);
	sr_request_view_end(request, view);
	return found;
}

/* `key` is what binds it, and says to whom. */
static enum sr_code conflict(struct sr_request *request, const uint8_t recording[SR_UUID],
			     const struct sr_index_key *key, const char *what)
{
	uint8_t owner[SR_TAG];
	struct sr_event event = {.kind = SR_EVENT_CONSULTATION_CONFLICT, .recording = recording, .what = what};
	if (holder_of(request, key, owner))
		event.owner = owner;
	sr_request_event(request, &event);
	return SR_FAIL(&request->error, SR_CONFLICT, "the %s is bound to another patient", what);
}

static struct sr_index_key consultation_key(const struct sr_request *request)
{
	uint8_t hash[SR_TAG];
	sr_consultation_hash(request->daemon->keyring, request->grant->issuer->iss, request->grant->consultation, hash);
	return sr_key_consultation(hash);
}

/* Put-if-absent of our tag under `key`. NULL when memory is used up. */
static struct sr_op *bind_op(const struct sr_request *request, const struct sr_index_key *key)
{
	struct sr_op *op = sr_op_new();
	if (op && sr_op_check(op, SR_CHECK_ABSENT_OR_EQUALS, key, request->tag, SR_TAG) &&
	    sr_op_put(op, key, request->tag, SR_TAG))
		return op;
	sr_op_free(op);
	return NULL;
}

enum sr_code sr_bind_consultation(struct sr_request *request, const uint8_t recording[SR_UUID])
{
	size_t failed;
	if (!request->grant->has_consultation)
		return SR_OK;
	struct sr_index_key key = consultation_key(request);
	struct sr_op *op = bind_op(request, &key);
	enum sr_code code = run(request, op, op != NULL, &failed);
	return code == SR_CONFLICT ? conflict(request, recording, &key, "consultation") : code;
}

/* Claim the id. A claim that another tag holds without a row is left over from a crash, and is taken over. */
static enum sr_code claim(struct sr_request *request, const uint8_t recording[SR_UUID])
{
	uint8_t holder[SR_TAG];
	size_t failed;
	struct sr_index_key key = sr_key_hint(recording);
	struct sr_op *op = bind_op(request, &key);
	enum sr_code code = run(request, op, op != NULL, &failed);
	if (code != SR_CONFLICT || !holder_of(request, &key, holder))
		return code;
	struct sr_index_key row = sr_key_recording(holder, recording);
	op = sr_op_new();
	bool built = op && sr_op_check(op, SR_CHECK_EQUALS, &key, holder, SR_TAG) &&
		     sr_op_check(op, SR_CHECK_ABSENT, &row, NULL, 0) && sr_op_put(op, &key, request->tag, SR_TAG);
	code = run(request, op, built, &failed);
	return code == SR_CONFLICT ? conflict(request, recording, &key, "recording id") : code;
}

/* The row itself: only for this patient as read, only under this claim, only where there is none, only these epochs. */
static bool build_row(struct sr_op *op, const struct sr_request *request, const struct sr_patient *patient,
		      const struct sr_new_row *row)
{
	struct sr_index_key key = sr_key_recording(request->tag, row->recording), hint = sr_key_hint(row->recording);
	struct sr_index_key person = sr_key_patient(request->tag);
	bool built = sr_epoch_guard(op, &row->hold) && sr_op_check(op, SR_CHECK_ABSENT, &key, NULL, 0) &&
		     sr_op_check(op, SR_CHECK_EQUALS, &hint, request->tag, SR_TAG) &&
		     sr_op_check(op, SR_CHECK_SUFFIX, &person, patient->mac, SR_ROW_MAC);
	if (built && request->grant->has_consultation) {
		struct sr_index_key tie = consultation_key(request);
		built = sr_op_check(op, SR_CHECK_EQUALS, &tie, request->tag, SR_TAG);
	}
	return built && sr_op_put(op, &key, row->bytes, row->size);
}

enum sr_code sr_bind_recording(struct sr_request *request, const struct sr_patient *patient,
			       const struct sr_new_row *row)
{
	enum sr_code code = sr_bind_consultation(request, row->recording);
	if (code == SR_OK)
		code = claim(request, row->recording);
	if (code != SR_OK)
		return code;
	struct sr_op *op = sr_op_new();
	if (!op || !build_row(op, request, patient, row)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(&request->error);
	}
	return sr_account_run(request, request->tag, op, NULL);
}
