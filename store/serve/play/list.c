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
#include "serve/play/page.h"
#include "serve/removal/holding.h"

#define PAGE_ROOM 60000

/* ---- list ---- */

struct listing {
	struct sr_request *request;
	struct sr_list message;
	struct sr_patient patient;
	struct sr_view *view;
	struct sr_builder *out;
	struct sr_listing reply;
	uint8_t last[SR_UUID]; /* the last recording that was dealt with */
	bool any, failed;
	bool full, stopped; /* the reply has no room for more; there are rows behind what was walked */
	bool new_epoch;     /* a row's epoch is unknown: made since the view began, perhaps */
	unsigned rows;
	struct sr_page page;
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

/* Of freezes that stop the whole request none is in force. */
static bool is_frozen(const struct sr_request *request, const uint8_t *recording)
{
	struct sr_freeze_facts facts = {.recording = recording};
	return sr_freezes_stop(request->freezes, &facts, false);
}

/* Whether a row that opened is shown, if all of it verifies. On any thread: nothing of this changes while rows open. */
static bool shows(const void *context, const uint8_t *recording, const struct sr_recording_row *row)
{
	const struct listing *listing = context;
	return listing->patient.standing == SR_STANDING_HERE && listed(row->life) &&
	       within(&listing->message, row->opened_ms) && !is_frozen(listing->request, recording);
}

/* One that is to be shown: its entry, unless it is damaged further down. */
static void show(struct listing *listing, const struct sr_page_item *item)
{
	struct sr_request *request = listing->request;
	struct sr_builder before = *listing->out;
	switch (item->code) {
	case SR_OK:
		sr_put_bytes(listing->out, item->entry.data, item->entry.size);
		if (listing->out->failed) {
			*listing->out = before;
			listing->full = true;
			break;
		}
		listing->reply.count++;
		sr_account_met(request, item->recording, NULL);
		break;
	case SR_CORRUPT:
		(void)!sr_request_corrupt(request, item->recording, item->damaged);
		withhold(listing);
		break;
	case SR_UNAVAILABLE:
		withhold_for(listing, item->recording, SR_UNAVAILABLE);
		break;
	default:
		(void)SR_FAIL_MEMORY(&request->error);
		listing->failed = true;
		break;
	}
}

/*
 * Whether a row stands for itself: not if it is part of a move whose other end has the recording. One that does not
 * verify does, so that it is found.
 */
static bool stands(struct listing *listing, const uint8_t *recording, struct sr_span value)
{
	const struct sr_keyring *keyring = listing->request->daemon->keyring;
	struct sr_recording_row row;
	struct sr_span other;
	enum sr_life told = sr_row_life_told(value);
	if ((told != SR_LIFE_MOVING && told != SR_LIFE_TOMBSTONE) ||
	    sr_recording_row_decode(keyring, recording, value, &row) != SR_OK)
		return true;
	if (told == SR_LIFE_TOMBSTONE)
		return false;
	struct sr_index_key key = sr_key_recording(row.other, recording);
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

/* One recording's row under the patient's tag, opened. One bad row never breaks a list. */
static void consider(struct listing *listing, const struct sr_page_item *item)
{
	struct sr_request *request = listing->request;
	const uint8_t *recording = item->recording;
	enum sr_row_verdict verdict = item->verdict;
	/* Without a patient row there is no key: whatever stands here is not this patient's. */
	if (verdict == SR_ROW_NOT_THEIRS || (verdict == SR_ROW_OPEN && listing->patient.standing != SR_STANDING_HERE)) {
		misfiled(listing, recording);
		withhold(listing);
	} else if (verdict == SR_ROW_CORRUPT) {
		(void)!sr_request_corrupt(request, recording, "recording row");
		withhold(listing);
	} else if (verdict == SR_ROW_OPEN && item->life == SR_LIFE_DOOMED) {
		/* Deleted: as if it were not there. */
	} else if (is_frozen(request, recording)) {
		withhold_for(listing, recording, SR_FROZEN);
	} else if (verdict == SR_ROW_UNKNOWN_EPOCH || !listed(item->life)) {
		listing->new_epoch = verdict == SR_ROW_UNKNOWN_EPOCH || listing->new_epoch;
		withhold_for(listing, recording, SR_UNAVAILABLE);
	} else if (within(&listing->message, item->opened_ms)) {
		show(listing, item);
	}
}

/* Open what the page has by now, and deal with it in its order. False: the list ends here. */
static bool deal(struct listing *listing)
{
	struct sr_page *page = &listing->page;
	listing->failed = sr_page_open(page) != SR_OK;
	for (size_t at = 0; at < page->count && !listing->full && !listing->failed; at++) {
		const struct sr_page_item *item = &page->items[at];
		if (!item->passed_over)
			consider(listing, item);
		if (listing->full || listing->failed)
			break;
		memcpy(listing->last, item->recording, SR_UUID);
		listing->any = true;
	}
	sr_page_clear(page);
	return !listing->full && !listing->failed;
}

/* The page has as many as the list may still show, and may go on behind them if some of these are not shown. */
static bool has_room(struct listing *listing)
{
	if (listing->page.count < (size_t)(listing->message.limit - listing->reply.count))
		return true;
	return deal(listing) && listing->reply.count < listing->message.limit;
}

static bool visit(void *context, struct sr_span key, struct sr_span value)
{
	struct listing *listing = context;
	const struct sr_keyring *keyring = listing->request->daemon->keyring;
	const uint8_t *recording = key.data + SR_TAG;
	if (key.size != SR_TAG + SR_UUID + 2)
		return true;
	bool seen = memcmp(recording, listing->message.after, SR_UUID) <= 0 &&
		    !sodium_is_zero(listing->message.after, SR_UUID);
	listing->rows++;
	if (sr_key_track_of(key) != 0) {
		if (sr_page_is_last(&listing->page, recording))
			sr_page_add_track(&listing->page, sr_key_track_of(key), value);
		return true;
	}
	if (seen)
		return true;
	if (listing->rows > SR_PAGE_ROWS || !has_room(listing)) {
		listing->stopped = true;
		return false;
	}
	sr_page_add(&listing->page, recording, value,
		    !stands(listing, recording, value) || sr_recording_gone(keyring, recording, value));
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
	if (code == SR_OK && listing->patient.standing != SR_STANDING_ERASING &&
	    sr_view_walk(listing->view, &from, SR_TAG, visit, listing) != SR_OK)
		code = SR_FAIL(&request->error, SR_IO, "reading the index failed");
	if (code == SR_OK && !listing->failed)
		(void)!deal(listing);
	sr_request_view_end(request, listing->view);
	return code;
}

/* Everything that a walk leaves behind, undone. */
static void start_again(struct listing *listing)
{
	sr_page_wipe(&listing->page);
	sr_patient_wipe(&listing->patient);
	sr_account_start_again(listing->request);
	listing->reply = (struct sr_listing){.count = 0};
	listing->any = listing->failed = listing->full = listing->stopped = false;
	listing->new_epoch = false;
	listing->rows = 0;
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
	if ((listing->full || listing->stopped) && listing->any)
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
	listing->page.request = request;
	listing->page.patient_key = listing->patient.key;
	listing->page.shows = shows;
	listing->page.context = listing;
	sr_list_decode(&in, &listing->message);
	if (sr_request_decoded(request, &in) == SR_OK &&
	    sr_request_grant(request, listing->message.grant, NULL) == SR_OK)
		make_page(listing);
	sr_page_wipe(&listing->page);
	sr_patient_wipe(&listing->patient);
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
	if (sr_request_decoded(request, &in) == SR_OK &&
	    sr_request_grant(request, message.grant, message.recording) == SR_OK &&
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
	if (sr_request_decoded(request, &in) == SR_OK && sr_request_grant(request, message.grant, NULL) == SR_OK)
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
