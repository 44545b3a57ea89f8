/*
 * From a proven identity and a recording's id to its opened row: the one way that every request which names a
 * recording goes, at the same cost whether the recording is somebody else's or never was.
 */
#ifndef SR_LOOKUP_H
#define SR_LOOKUP_H

#include "account/event.h"
#include "keys/opening.h"
#include "serve/request.h"

/* How a patient stands in the store. */
enum sr_standing {
	SR_STANDING_NONE,    /* no row */
	SR_STANDING_HERE,    /* the row is theirs */
	SR_STANDING_ERASING, /* they are being erased: as if there were no row, and nothing to wonder at */
	SR_STANDING_LEFT     /* the row is a tombstone: they went to another identity */
};

/* A grant's patient, as far as the store knows them. Holds a key: wipe with sr_patient_wipe. */
struct sr_patient {
	enum sr_standing standing;
	struct sr_patient_row row; /* HERE and LEFT; else nothing but the newest root */
	uint8_t mac[SR_ROW_MAC];   /* names exactly this row */
	uint8_t key[SR_KEY];       /* whatever the standing: there is always one to try */
};
void sr_patient_wipe(struct sr_patient *patient);

/*
 * Read and verify the patient row of the request's grant in `view`, and derive the key. SR_CORRUPT (with its event),
 * SR_UNAVAILABLE, SR_IO in request->error. Adds to request->work. Pool.
 */
enum sr_code sr_patient_find(struct sr_request *request, struct sr_view *view, struct sr_patient *patient) SR_MUST_USE;

/* A recording that is the patient's, opened. Holds its DEK: wipe with sr_found_wipe. */
struct sr_found {
	struct sr_recording_row row;
	uint8_t mac[SR_ROW_MAC];
	uint8_t dek[SR_KEY];
	uint32_t root; /* the patient's root version */
	bool doomed;   /* with SR_NOT_FOUND: theirs and opened, but deleted; row, mac and dek are filled */
};
void sr_found_wipe(struct sr_found *found);

/* For who raises an alarm of their own, or none. */
#define SR_NO_EVENT SR_EVENT_KINDS

/*
 * Open `recording` for `patient`. SR_NOT_FOUND for one that never was, one that is deleted, and one that is somebody
 * else's alike: four index reads, one open (design: access.md, "Protocol"); the latter with an event of kind `foreign`,
 * or SR_NO_EVENT. SR_CORRUPT, SR_UNAVAILABLE, SR_IO. The text is in request->error. Pool.
 */
enum sr_code sr_recording_find(struct sr_request *request, struct sr_view *view, const struct sr_patient *patient,
			       const uint8_t recording[SR_UUID], enum sr_event_kind foreign,
			       struct sr_found *found) SR_MUST_USE;

/*
 * Both in a view of their own: begin, find, and leave the view open in *view (out) for further reading. An unknown
 * epoch is read again once. SR_FROZEN: it is the patient's, and a freeze stops the request. On failure no view is left.
 * `found` is wiped by the caller in any case.
 */
enum sr_code sr_lookup(struct sr_request *request, const uint8_t recording[SR_UUID], struct sr_found *found,
		       struct sr_view **view) SR_MUST_USE;

/* Begin a view; end it, adding its reads to request->work. */
enum sr_code sr_request_view(struct sr_request *request, struct sr_view **view) SR_MUST_USE;
void sr_request_view_end(struct sr_request *request, struct sr_view *view);

/*
 * Whether a recording that was found before is still there and live: SR_OK; SR_NOT_FOUND: it was deleted since;
 * SR_CORRUPT with its event; SR_UNAVAILABLE; SR_IO. Opens nothing. Pool.
 */
enum sr_code sr_recording_stands(struct sr_request *request, struct sr_view *view,
				 const uint8_t recording[SR_UUID]) SR_MUST_USE;

/* Read and verify one track's row. SR_NOT_FOUND: no such track; SR_CORRUPT with its event; SR_UNAVAILABLE; SR_IO. */
enum sr_code sr_track_find(struct sr_request *request, struct sr_view *view, const uint8_t recording[SR_UUID],
			   uint16_t track, struct sr_track_row *row, uint8_t mac[SR_ROW_MAC]) SR_MUST_USE;

/*
 * Visit every track row of a recording in order, verified; `visit` returns false to stop. One that does not verify is
 * an event and SR_CORRUPT.
 */
typedef bool sr_track_visit(void *context, const struct sr_track_row *row);
enum sr_code sr_tracks_walk(struct sr_request *request, struct sr_view *view, const uint8_t recording[SR_UUID],
			    sr_track_visit *visit, void *context) SR_MUST_USE;

/* Fail the request with SR_CORRUPT and the event for it: `what` is damaged. */
enum sr_code sr_request_corrupt(struct sr_request *request, const uint8_t recording[SR_UUID], const char *what);

/* The same for what ended with `opening` and not SR_OPENED; SR_INTERNAL if that says nothing about the bytes. */
enum sr_code sr_request_unopened(struct sr_request *request, const uint8_t recording[SR_UUID], enum sr_opening opening,
				 const char *what);

/* Fail the request with SR_UNAVAILABLE: a row of a later version is in its way. */
enum sr_code sr_request_later_format(struct sr_request *request);

/* Fail the request with the code of a data file's failure; its text, which has a path, goes to the log only. */
enum sr_code sr_request_storage(struct sr_request *request, const struct sr_error *err);

#endif
