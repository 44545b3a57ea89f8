/*
 * From a proven identity and a recording's id to its opened row: the one way that every request which names a
 * recording goes, at the same cost whether the recording is somebody else's or never was.
 */
#include "serve/play/lookup.h"

#include <string.h>

#include <sodium.h>

#include "account/log.h"
#include "serve/accounting/account_request.h"
#include "serve/freeze/freezing.h"
#include "serve/patients/move.h"

#define NOT_FOUND_TEXT "this patient has no such recording"

void sr_patient_wipe(struct sr_patient *patient)
{
	sodium_memzero(patient, sizeof *patient);
}

void sr_found_wipe(struct sr_found *found)
{
	sodium_memzero(found, sizeof *found);
}

enum sr_code sr_request_view(struct sr_request *request, struct sr_view **view)
{
	return sr_view_begin(request->daemon->index, view, &request->error);
}

void sr_request_view_end(struct sr_request *request, struct sr_view *view)
{
	if (!view)
		return;
	request->work.index_reads += sr_view_reads(view);
	sr_view_end(view);
}

enum sr_code sr_request_corrupt(struct sr_request *request, const uint8_t recording[SR_UUID], const char *what)
{
	struct sr_event event = {.kind = SR_EVENT_CORRUPT, .recording = recording, .what = what};
	sr_request_event(request, &event);
	return SR_FAIL(&request->error, SR_CORRUPT, "the %s does not verify; tell the operator", what);
}

enum sr_code sr_request_unopened(struct sr_request *request, const uint8_t recording[SR_UUID], enum sr_opening opening,
				 const char *what)
{
	if (opening == SR_OPEN_FAILED)
		return SR_FAIL_MEMORY(&request->error);
	return sr_request_corrupt(request, recording, what);
}

enum sr_code sr_request_storage(struct sr_request *request, const struct sr_error *err)
{
	sr_log_error(SR_LOG_ERROR, "storage", err);
	return SR_FAIL(&request->error, err->code, "%s",
		       err->code == SR_NO_SPACE ? "the disk's reserve is reached" : "a data file failed");
}

static void keep_mac(struct sr_span value, uint8_t mac[SR_ROW_MAC])
{
	memcpy(mac, value.data + value.size - SR_ROW_MAC, SR_ROW_MAC);
}

enum sr_code sr_request_later_format(struct sr_request *request)
{
	return SR_FAIL(&request->error, SR_UNAVAILABLE, "the row is in a state that this version does not serve");
}

/* A point read; a failure of the index itself is the request's error. SR_NOT_FOUND passes through without one. */
static enum sr_code get(struct sr_request *request, struct sr_view *view, struct sr_index_key key,
			struct sr_span *value)
{
	enum sr_code code = sr_view_get(view, &key, value);
	*value = code == SR_OK ? *value : (struct sr_span){NULL, 0};
	if (code != SR_OK && code != SR_NOT_FOUND)
		return SR_FAIL(&request->error, code, "reading the index failed");
	return code;
}

/* A patient is served while a rename brings recordings to them; one who has gone to another identity has nothing. */
static bool served(enum sr_life life)
{
	return life == SR_LIFE_LIVE || life == SR_LIFE_DOOMED || life == SR_LIFE_MOVING || life == SR_LIFE_TOMBSTONE;
}

static enum sr_standing standing_of(enum sr_life life)
{
	return life == SR_LIFE_DOOMED      ? SR_STANDING_ERASING
	       : life == SR_LIFE_TOMBSTONE ? SR_STANDING_LEFT
					   : SR_STANDING_HERE;
}

enum sr_code sr_patient_find(struct sr_request *request, struct sr_view *view, struct sr_patient *patient)
{
	const struct sr_keyring *keyring = request->daemon->keyring;
	struct sr_span value;
	memset(patient, 0, sizeof *patient);
	enum sr_code code = get(request, view, sr_key_patient(request->tag), &value);
	if (code != SR_OK && code != SR_NOT_FOUND)
		return code;
	patient->row.root = sr_keyring_root(keyring);
	if (code == SR_OK) {
		code = sr_patient_row_decode(keyring, request->tag, value, &patient->row);
		if (code == SR_CORRUPT)
			return sr_request_corrupt(request, NULL, "patient row");
		if (code != SR_OK || !served(patient->row.life))
			return sr_request_later_format(request);
		keep_mac(value, patient->mac);
		patient->standing = standing_of(patient->row.life);
	}
	if (patient->standing == SR_STANDING_ERASING)
		patient->row = (struct sr_patient_row){.root = sr_keyring_root(keyring)};
	uint32_t root = patient->standing == SR_STANDING_LEFT ? sr_keyring_root(keyring) : patient->row.root;
	code = sr_patient_key(keyring, root, patient->row.salt, request->grant->identity, request->grant->identity_size,
			      patient->key, &request->work);
	if (code != SR_OK)
		return SR_FAIL(&request->error, code, "the keyring lacks the root version of this patient");
	return SR_OK;
}

/* What the index says of a named recording: the row to open and under whose tag it stands. */
struct candidate {
	struct sr_span value;
	const uint8_t *id; /* the decoy's own, where there is no row */
	bool own;          /* stands under the requester's tag */
	bool hinted_other; /* the hint names another tag */
	bool real;
	bool quiet;           /* what is there is no event */
	const uint8_t *owner; /* the hinted tag, where it is another; NULL: not known */
};

/* Open what is nobody's in its place, so that it costs the same; and nothing that is there is an event. */
static void take_decoy(const struct sr_request *request, struct candidate *candidate)
{
	candidate->value = (struct sr_span){request->daemon->decoy, request->daemon->decoy_size};
	candidate->id = request->daemon->decoy_id;
	candidate->quiet = true;
}

/* The same for a tombstone under another tag, which has no wrap to open: the recording is somebody else's all the same.
 */
static void take_buried(const struct sr_request *request, struct candidate *candidate)
{
	candidate->value = (struct sr_span){request->daemon->decoy, request->daemon->decoy_size};
	candidate->id = request->daemon->decoy_id;
}

/* A row under the requester's tag that is part of a move, and so does not stand for itself. */
struct passage {
	bool arriving; /* moving here from `other` */
	bool gone;     /* a tombstone */
	uint8_t other[SR_TAG];
};

static struct passage passage_of(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], struct sr_span own)
{
	struct passage passage = {.arriving = false};
	struct sr_recording_row row;
	enum sr_life told = sr_row_life_told(own);
	if ((told != SR_LIFE_MOVING && told != SR_LIFE_TOMBSTONE) ||
	    sr_recording_row_decode(keyring, recording, own, &row) != SR_OK)
		return passage;
	passage.arriving = row.life == SR_LIFE_MOVING;
	passage.gone = row.life == SR_LIFE_TOMBSTONE;
	memcpy(passage.other, row.other, SR_TAG);
	return passage;
}

/*
 * Always the same three reads, after the patient's: the row under the requester's tag, the hint, and the row under the
 * hinted tag, or under a tag that is nobody's. Where the first is part of a move, the third is the row at the move's
 * other end, which says under whom the recording stands at this moment.
 */
static enum sr_code find_candidate(struct sr_request *request, struct sr_view *view, const uint8_t recording[SR_UUID],
				   struct candidate *out)
{
	static const uint8_t nobody[SR_TAG];
	const struct sr_keyring *keyring = request->daemon->keyring;
	struct sr_span own, hint, other;
	enum sr_code code = get(request, view, sr_key_recording(request->tag, recording), &own);
	if (code != SR_OK && code != SR_NOT_FOUND)
		return code;
	code = get(request, view, sr_key_hint(recording), &hint);
	if (code != SR_OK && code != SR_NOT_FOUND)
		return code;
	struct passage passage = passage_of(keyring, recording, own);
	out->hinted_other = hint.size == SR_TAG && memcmp(hint.data, request->tag, SR_TAG) != 0;
	const uint8_t *third = out->hinted_other ? hint.data : nobody;
	if (passage.arriving || passage.gone)
		third = passage.other;
	code = get(request, view, sr_key_recording(third, recording), &other);
	if (code != SR_OK && code != SR_NOT_FOUND)
		return code;
	bool arrived = passage.arriving && sr_move_buried(keyring, recording, other, request->tag);
	if (arrived)
		out->hinted_other = false; /* the hint follows last */
	if (passage.gone || (passage.arriving && !arrived))
		own = (struct sr_span){NULL, 0};
	out->own = own.data != NULL;
	out->owner = out->hinted_other ? hint.data : NULL;
	out->real = own.data || other.data;
	out->value = own.data ? own : other;
	out->id = recording;
	if (!out->real)
		take_decoy(request, out);
	else if (!own.data && sr_row_life_told(other) == SR_LIFE_TOMBSTONE)
		take_buried(request, out);
	return SR_OK;
}

/* Somebody else's, or nobody's: one answer. */
static enum sr_code not_theirs(struct sr_request *request, const struct candidate *candidate,
			       const uint8_t recording[SR_UUID], enum sr_event_kind kind)
{
	if (candidate->real && kind != SR_NO_EVENT && !candidate->quiet) {
		struct sr_event event = {.kind = kind,
					 .recording = recording,
					 .has_own_tag = true,
					 .own_tag = candidate->own,
					 .owner = candidate->owner};
		sr_request_event_late(request, &event);
	} else if (kind != SR_NO_EVENT) {
		sr_account_met(request, recording, sr_code_name(SR_NOT_FOUND));
	}
	return SR_FAIL(&request->error, SR_NOT_FOUND, NOT_FOUND_TEXT);
}

enum sr_code sr_recording_find(struct sr_request *request, struct sr_view *view, const struct sr_patient *patient,
			       const uint8_t recording[SR_UUID], enum sr_event_kind foreign, struct sr_found *found)
{
	struct candidate candidate = {.quiet = false};
	found->doomed = false;
	enum sr_code code = find_candidate(request, view, recording, &candidate);
	if (code != SR_OK)
		return code;
	candidate.quiet |= patient->standing == SR_STANDING_ERASING;
	if (candidate.own && sr_recording_gone(request->daemon->keyring, recording, candidate.value))
		take_decoy(request, &candidate);
	enum sr_row_verdict verdict = sr_row_open(request->daemon->keyring, patient->key, candidate.id, candidate.value,
						  &found->row, found->dek, &request->work);
	/* Under another tag it is never this patient's, damaged or not; and damage must not make the answer cheaper. */
	bool elsewhere = !candidate.own || candidate.hinted_other;
	if (elsewhere && verdict != SR_ROW_OPEN && verdict != SR_ROW_NOT_THEIRS)
		verdict = sr_row_open(request->daemon->keyring, patient->key, request->daemon->decoy_id,
				      (struct sr_span){request->daemon->decoy, request->daemon->decoy_size},
				      &found->row, found->dek, &request->work);
	if (verdict == SR_ROW_NOT_THEIRS || !candidate.own || (candidate.hinted_other && verdict != SR_ROW_OPEN))
		return not_theirs(request, &candidate, recording, foreign);
	if (verdict == SR_ROW_CORRUPT)
		return sr_request_corrupt(request, recording, "recording row");
	if (verdict == SR_ROW_UNKNOWN_EPOCH || found->row.life != SR_LIFE_LIVE)
		sr_account_met(request, recording,
			       found->row.life == SR_LIFE_DOOMED ? "doomed" : sr_code_name(SR_UNAVAILABLE));
	if (verdict == SR_ROW_UNKNOWN_EPOCH)
		return SR_FAIL(&request->error, SR_UNAVAILABLE, "the keyring lacks the epoch of this recording");
	keep_mac(candidate.value, found->mac);
	found->root = patient->row.root;
	/* A moving row that got here has arrived. */
	if (found->row.life == SR_LIFE_MOVING) {
		found->row.life = SR_LIFE_LIVE;
		memset(found->row.other, 0, SR_TAG);
	}
	found->doomed = found->row.life == SR_LIFE_DOOMED;
	if (found->doomed)
		return SR_FAIL(&request->error, SR_NOT_FOUND, NOT_FOUND_TEXT);
	return found->row.life == SR_LIFE_LIVE ? SR_OK : sr_request_later_format(request);
}

enum sr_code sr_recording_stands(struct sr_request *request, struct sr_view *view, const uint8_t recording[SR_UUID])
{
	struct sr_recording_row row;
	struct sr_span value;
	enum sr_code code = get(request, view, sr_key_recording(request->tag, recording), &value);
	if (code == SR_OK)
		code = sr_recording_row_decode(request->daemon->keyring, recording, value, &row);
	if (code == SR_CORRUPT)
		return sr_request_corrupt(request, recording, "recording row");
	if (code == SR_NOT_FOUND || (code == SR_OK && (row.life == SR_LIFE_DOOMED || row.life == SR_LIFE_TOMBSTONE)))
		return SR_FAIL(&request->error, SR_NOT_FOUND, NOT_FOUND_TEXT);
	/* One that was opened while it was moving here had arrived. */
	if (code == SR_UNAVAILABLE || (code == SR_OK && row.life != SR_LIFE_LIVE && row.life != SR_LIFE_MOVING))
		return sr_request_later_format(request);
	return code;
}

static enum sr_code find_both(struct sr_request *request, struct sr_view *view, const uint8_t recording[SR_UUID],
			      struct sr_found *found)
{
	struct sr_patient patient;
	enum sr_code code = sr_patient_find(request, view, &patient);
	if (code == SR_OK)
		code = sr_recording_find(request, view, &patient, recording, SR_EVENT_FOREIGN, found);
	sr_patient_wipe(&patient);
	return code;
}

enum sr_code sr_lookup(struct sr_request *request, const uint8_t recording[SR_UUID], struct sr_found *found,
		       struct sr_view **view)
{
	enum sr_code code = SR_INTERNAL;
	*view = NULL;
	/* An epoch made since the view began is in the keyring and the index of a second look. */
	for (int look = 0; look < 2; look++) {
		request->error = (struct sr_error){.code = SR_OK};
		if (look > 0)
			sr_account_start_again(request);
		code = sr_request_view(request, view);
		if (code != SR_OK)
			return code;
		code = find_both(request, *view, recording, found);
		if (code == SR_OK)
			code = sr_request_frozen(request, recording);
		if (code == SR_OK)
			return SR_OK;
		sr_request_view_end(request, *view);
		*view = NULL;
		if (code != SR_UNAVAILABLE)
			return code;
	}
	return code;
}

static enum sr_code decode_track(struct sr_request *request, const uint8_t recording[SR_UUID], struct sr_span value,
				 uint16_t track, struct sr_track_row *row)
{
	enum sr_code code = sr_track_row_decode(request->daemon->keyring, recording, value, row);
	if (code == SR_OK && row->track == track)
		return SR_OK;
	return code == SR_UNAVAILABLE ? sr_request_later_format(request)
				      : sr_request_corrupt(request, recording, "track row");
}

enum sr_code sr_track_find(struct sr_request *request, struct sr_view *view, const uint8_t recording[SR_UUID],
			   uint16_t track, struct sr_track_row *row, uint8_t mac[SR_ROW_MAC])
{
	struct sr_span value;
	enum sr_code code = get(request, view, sr_key_track(request->tag, recording, track), &value);
	if (code == SR_NOT_FOUND)
		return SR_FAIL(&request->error, SR_NOT_FOUND, "the recording has no track %u", track);
	if (code == SR_OK)
		code = decode_track(request, recording, value, track, row);
	if (code == SR_OK)
		keep_mac(value, mac);
	return code;
}

struct walk {
	struct sr_request *request;
	const uint8_t *recording;
	sr_track_visit *visit;
	void *context;
	enum sr_code code;
};

static bool walk_track(void *context, struct sr_span key, struct sr_span value)
{
	struct walk *walk = context;
	struct sr_track_row row;
	uint16_t track = sr_key_track_of(key);
	walk->code = decode_track(walk->request, walk->recording, value, track, &row);
	return walk->code == SR_OK && walk->visit(walk->context, &row);
}

enum sr_code sr_tracks_walk(struct sr_request *request, struct sr_view *view, const uint8_t recording[SR_UUID],
			    sr_track_visit *visit, void *context)
{
	struct walk walk = {request, recording, visit, context, SR_OK};
	struct sr_index_key from = sr_key_track(request->tag, recording, 1);
	enum sr_code code = sr_view_walk(view, &from, SR_TAG + SR_UUID, walk_track, &walk);
	if (code != SR_OK)
		return SR_FAIL(&request->error, code, "reading the index failed");
	return walk.code;
}
