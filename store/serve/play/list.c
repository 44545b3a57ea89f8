/*
 * list, info, check: what is there, for the patient that the grant proves.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/freeze/freezing.h"
#include "serve/patients/move.h"
#include "serve/play/entry.h"
#include "serve/removal/holding.h"

#define PAGE_ROOM 60000
#define PAGE_ROWS 400 /* recording and track rows visited in one view: a view ends within 1,000 reads */

/* ---- list ---- */

struct listing {
	struct sr_request *request;
	struct sr_list message;
	struct sr_patient patient;
	struct sr_view *view;
	struct sr_builder *out;
	struct sr_listing reply;
	uint8_t last[SR_UUID]; /* the last recording that was dealt with */
	bool any, full, failed;
	bool new_epoch; /* a row's epoch is unknown: made since the view began, perhaps */
	unsigned rows;
	struct sr_found found;
	struct sr_entry_keys keys;
};

static void withhold(struct listing *listing)
{
	listing->reply.withheld++;
	sr_count(SR_COUNT_WITHHELD, 1);
	listing->request->error = (struct sr_error){.code = SR_OK};
}

/* The same where no event has noted why. */
static void withhold_for(struct listing *listing, const uint8_t *recording, enum sr_code why)
{
	sr_account_met(listing->request, recording, sr_code_name(why));
	withhold(listing);
}

/* A moving row that is considered at all has arrived. */
static bool listed(enum sr_life life)
{
	return life == SR_LIFE_LIVE || life == SR_LIFE_MOVING;
}

static bool within(const struct sr_list *message, uint64_t opened_ms)
{
	return opened_ms >= message->from_ms && (message->to_ms == 0 || opened_ms < message->to_ms);
}

/* A row that opened: its entry, unless it is outside the times asked for, or damaged further down. */
static void show(struct listing *listing, const uint8_t *recording)
{
	struct sr_entry_job job = {.request = listing->request,
				   .view = listing->view,
				   .recording = recording,
				   .found = &listing->found,
				   .keys = &listing->keys};
	if (!within(&listing->message, listing->found.row.opened_ms))
		return;
	switch (sr_entry_make(&job, listing->out)) {
	case SR_OK:
		listing->reply.count++;
		sr_account_met(listing->request, recording, NULL);
		break;
	case SR_NO_SPACE:
		listing->full = true;
		break;
	case SR_CORRUPT: /* noted with its event */
		withhold(listing);
		break;
	case SR_UNAVAILABLE:
		withhold_for(listing, recording, SR_UNAVAILABLE);
		break;
	default:
		listing->failed = true;
		break;
	}
}

/* Of freezes that stop the whole request none is in force. */
static bool is_frozen(const struct sr_request *request, const uint8_t *recording)
{
	struct sr_freeze_facts facts = {.recording = recording};
	return sr_freezes_stop(request->freezes, &facts, false);
}

/*
 * Whether a row stands for itself: not if it is part of a move whose other end has the recording. One that does not
 * verify does, so that it is found.
 */
static bool stands(struct listing *listing, const uint8_t *recording, struct sr_span value)
{
	const struct sr_keyring *keyring = listing->request->daemon->keyring;
	struct sr_recording_row *row = &listing->found.row;
	struct sr_span other;
	enum sr_life told = sr_row_life_told(value);
	if ((told != SR_LIFE_MOVING && told != SR_LIFE_TOMBSTONE) ||
	    sr_recording_row_decode(keyring, recording, value, row) != SR_OK)
		return true;
	if (told == SR_LIFE_TOMBSTONE)
		return false;
	struct sr_index_key key = sr_key_recording(row->other, recording);
	return sr_view_get(listing->view, &key, &other) == SR_OK &&
	       sr_move_buried(keyring, recording, other, listing->request->tag);
}

/* Somebody else's row in this list: whose, as far as the recording's claim says, is for the account. */
static void misfiled(struct listing *listing, const uint8_t *recording)
{
	struct sr_request *request = listing->request;
	struct sr_event event = {.kind = SR_EVENT_MISFILED, .recording = recording};
	struct sr_index_key hint = sr_key_hint(recording);
	struct sr_span holder;
	if (sr_view_get(listing->view, &hint, &holder) == SR_OK && holder.size == SR_TAG &&
	    memcmp(holder.data, request->tag, SR_TAG) != 0)
		event.owner = holder.data;
	sr_request_event(request, &event);
}

/* One recording's row under the patient's tag. One bad row never breaks a list. */
static void consider(struct listing *listing, const uint8_t *recording, struct sr_span value)
{
	struct sr_request *request = listing->request;
	if (sr_recording_gone(request->daemon->keyring, recording, value))
		return;
	enum sr_row_verdict verdict = sr_row_open(request->daemon->keyring, listing->patient.key, recording, value,
						  &listing->found.row, listing->found.dek, &request->work);
	/* Without a patient row there is no key: whatever stands here is not this patient's. */
	if (verdict == SR_ROW_NOT_THEIRS || (verdict == SR_ROW_OPEN && !listing->patient.exists)) {
		misfiled(listing, recording);
		withhold(listing);
	} else if (verdict == SR_ROW_CORRUPT) {
		(void)!sr_request_corrupt(request, recording, "recording row");
		withhold(listing);
	} else if (verdict == SR_ROW_OPEN && listing->found.row.life == SR_LIFE_DOOMED) {
		/* Deleted: as if it were not there. */
	} else if (is_frozen(request, recording)) {
		withhold_for(listing, recording, SR_FROZEN);
	} else if (verdict == SR_ROW_UNKNOWN_EPOCH || !listed(listing->found.row.life)) {
		listing->new_epoch = verdict == SR_ROW_UNKNOWN_EPOCH || listing->new_epoch;
		withhold_for(listing, recording, SR_UNAVAILABLE);
	} else {
		show(listing, recording);
	}
	sr_found_wipe(&listing->found);
}

static bool visit(void *context, struct sr_span key, struct sr_span value)
{
	struct listing *listing = context;
	const uint8_t *recording = key.data + SR_TAG;
	if (key.size != SR_TAG + SR_UUID + 2)
		return true;
	bool is_track = key.data[key.size - 1] || key.data[key.size - 2];
	bool seen = memcmp(recording, listing->message.after, SR_UUID) <= 0 &&
		    !sodium_is_zero(listing->message.after, SR_UUID);
	listing->rows++;
	if (is_track || seen)
		return true;
	if (listing->reply.count == listing->message.limit || listing->rows > PAGE_ROWS)
		listing->full = true;
	if (!listing->full && stands(listing, recording, value))
		consider(listing, recording, value);
	if (listing->full || listing->failed)
		return false;
	memcpy(listing->last, recording, SR_UUID);
	listing->any = true;
	return true;
}

static enum sr_code walk(struct listing *listing)
{
	struct sr_request *request = listing->request;
	struct sr_index_key from = sr_key_recording(request->tag, listing->message.after);
	enum sr_code code = sr_request_view(request, &listing->view);
	if (code != SR_OK)
		return code;
	code = sr_patient_find(request, listing->view, &listing->patient);
	if (code == SR_OK && !listing->patient.erasing &&
	    sr_view_walk(listing->view, &from, SR_TAG, visit, listing) != SR_OK)
		code = SR_FAIL(&request->error, SR_IO, "reading the index failed");
	sr_request_view_end(request, listing->view);
	return code;
}

/* Everything that a walk leaves behind, undone. */
static void start_again(struct listing *listing)
{
	struct listing fresh = {.request = listing->request, .message = listing->message, .keys = listing->keys};
	sr_patient_wipe(&listing->patient);
	sr_account_start_again(listing->request);
	*listing = fresh;
}

static void make_page(struct listing *listing)
{
	struct sr_request *request = listing->request;
	for (int look = 0; look < 2 && (look == 0 || listing->new_epoch); look++) {
		start_again(listing);
		if (!sr_request_reply(request, SR_MSG_LISTING, PAGE_ROOM))
			return;
		listing->out = &request->reply.fields;
		sr_listing_encode(listing->out, &listing->reply);
		if (walk(listing) != SR_OK || listing->failed)
			return;
	}
	if (listing->full && listing->any)
		memcpy(listing->reply.next, listing->last, SR_UUID);
	/* The front again, with what is known now; it has the same size. */
	struct sr_builder front = sr_builder_over(listing->out->data, listing->out->used);
	sr_listing_encode(&front, &listing->reply);
}

static void run_list(struct sr_request *request)
{
	struct listing *listing = calloc(1, sizeof *listing);
	struct sr_cursor in = sr_request_fields(request);
	if (!listing) {
		(void)SR_FAIL_MEMORY(&request->error);
		return;
	}
	listing->request = request;
	sr_list_decode(&in, &listing->message);
	if (!sr_take_done(&in))
		(void)sr_request_malformed(request);
	else if (sr_request_grant(request, listing->message.grant, NULL) == SR_OK)
		make_page(listing);
	sr_patient_wipe(&listing->patient);
	sr_entry_keys_free(&listing->keys);
	sodium_memzero(listing, sizeof *listing);
	free(listing);
}

/* ---- info ---- */

static void tell(struct sr_request *request, struct sr_view *view, const uint8_t *recording,
		 const struct sr_found *found)
{
	struct sr_info_reply reply = {.epoch = found->row.epoch, .root_version = found->root};
	if (sr_holds_look(view, request->tag, recording, &reply.held) != SR_OK) {
		(void)SR_FAIL(&request->error, SR_IO, "reading the index failed");
		return;
	}
	reply.held |= found->row.held;
	struct sr_entry_job job = {.request = request, .view = view, .recording = recording, .found = found};
	if (!sr_request_reply(request, SR_MSG_INFO_REPLY, 16 + sr_entry_room(found->row.tracks)))
		return;
	sr_info_reply_encode(&request->reply.fields, &reply);
	enum sr_code code = sr_entry_make(&job, &request->reply.fields);
	if (code == SR_NO_SPACE)
		(void)SR_FAIL(&request->error, SR_INTERNAL, "the entry is too long");
	if (code != SR_CORRUPT)
		sr_account_met(request, recording, NULL);
}

static void run_info(struct sr_request *request)
{
	struct sr_named message;
	struct sr_found found = {0};
	struct sr_view *view;
	struct sr_cursor in = sr_request_fields(request);
	sr_named_decode(&in, &message);
	if (!sr_take_done(&in))
		(void)sr_request_malformed(request);
	else if (sr_request_grant(request, message.grant, message.recording) == SR_OK &&
		 sr_lookup(request, message.recording, &found, &view) == SR_OK) {
		tell(request, view, message.recording, &found);
		sr_request_view_end(request, view);
	}
	sr_found_wipe(&found);
}

/* ---- check ---- */

/* One look at all of them; *unjudged (out): a row could not be opened, which another look may change. */
static enum sr_code look_at_all(struct sr_request *request, const struct sr_check *message, uint8_t *theirs,
				bool *unjudged)
{
	struct sr_patient patient = {0};
	struct sr_found found;
	struct sr_view *view;
	size_t count = message->ids.size / SR_UUID;
	*unjudged = false;
	sr_account_start_again(request);
	if (sr_request_view(request, &view) != SR_OK)
		return request->error.code;
	enum sr_code code = sr_patient_find(request, view, &patient);
	/* At most 200 ids of three reads each: within one view. */
	for (size_t at = 0; code == SR_OK && at < count; at++) {
		code = sr_recording_find(request, view, &patient, message->ids.data + at * SR_UUID,
					 SR_EVENT_FOREIGN_CHECK, &found);
		theirs[at] = code == SR_OK;
		if (code == SR_OK)
			sr_account_met(request, message->ids.data + at * SR_UUID, NULL);
		sr_found_wipe(&found);
		*unjudged = *unjudged || code == SR_UNAVAILABLE;
		if (code == SR_NOT_FOUND || code == SR_CORRUPT || code == SR_UNAVAILABLE) {
			request->error = (struct sr_error){.code = SR_OK};
			code = SR_OK;
		}
	}
	sr_request_view_end(request, view);
	sr_patient_wipe(&patient);
	return code;
}

static void check_all(struct sr_request *request, const struct sr_check *message, uint8_t *theirs)
{
	size_t count = message->ids.size / SR_UUID;
	bool unjudged = true;
	enum sr_code code = SR_OK;
	for (int look = 0; look < 2 && code == SR_OK && unjudged; look++)
		code = look_at_all(request, message, theirs, &unjudged);
	if (code == SR_OK && sr_request_reply(request, SR_MSG_CHECK_REPLY, 2 + count))
		sr_check_reply_encode(&request->reply.fields, (struct sr_span){theirs, count});
}

static void run_check(struct sr_request *request)
{
	struct sr_check message;
	uint8_t theirs[SR_CHECK_MAX] = {0};
	struct sr_cursor in = sr_request_fields(request);
	sr_check_decode(&in, &message);
	if (!sr_take_done(&in))
		(void)sr_request_malformed(request);
	else if (sr_request_grant(request, message.grant, NULL) == SR_OK)
		check_all(request, &message, theirs);
}

/* ---- from the loop ---- */

void sr_serve_list(struct sr_request *request)
{
	sr_request_start(request, run_list, NULL);
}

void sr_serve_info(struct sr_request *request)
{
	sr_request_start(request, run_info, NULL);
}

void sr_serve_check(struct sr_request *request)
{
	sr_request_start(request, run_check, NULL);
}
