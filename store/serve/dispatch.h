/*
 * From a message to the room that answers it, and the rooms' doors.
 */
#ifndef SR_DISPATCH_H
#define SR_DISPATCH_H

#include "serve/session.h"

/*
 * Handle one message of an authenticated session: `stream` is its stream, already stepped; NULL for stream 0.
 * Anything malformed ends the session.
 */
void sr_dispatch(struct sr_session *session, struct sr_stream *stream, const struct sr_message_head *head,
		 const struct sr_cursor *fields);

/*
 * The doors, one file per family; operations.c says which answers what. Each is given a request that just came, which
 * is its to answer or free; it starts what that needs and returns. On the loop.
 */
void sr_serve_record_open(struct sr_request *request);
void sr_serve_record_finish(struct sr_request *request);
void sr_serve_list(struct sr_request *request);
void sr_serve_info(struct sr_request *request);
void sr_serve_check(struct sr_request *request);
void sr_serve_shown(struct sr_request *request);
void sr_serve_scrub_discard(struct sr_request *request);
void sr_serve_hold_place(struct sr_request *request);
void sr_serve_hold_release(struct sr_request *request);
void sr_serve_hold_list(struct sr_request *request);
void sr_serve_patient_erase(struct sr_request *request);
/* delete and undelete */
void sr_serve_delete(struct sr_request *request);
void sr_serve_service_add(struct sr_request *request);
void sr_serve_service_remove(struct sr_request *request);
void sr_serve_service_list(struct sr_request *request);
void sr_serve_stats(struct sr_request *request);
void sr_serve_health(struct sr_request *request);
void sr_serve_scrub_start(struct sr_request *request);
void sr_serve_scrub_status(struct sr_request *request);
void sr_serve_scrub_stop(struct sr_request *request);
void sr_serve_freeze(struct sr_request *request);
void sr_serve_backup(struct sr_request *request);
void sr_serve_freeze_list(struct sr_request *request);
void sr_serve_alarm_list(struct sr_request *request);
void sr_serve_alarm_test(struct sr_request *request);
void sr_serve_epoch_list(struct sr_request *request);
void sr_serve_epoch_new(struct sr_request *request);
void sr_serve_epoch_retire(struct sr_request *request);
void sr_serve_rotate_status(struct sr_request *request);
void sr_serve_rotate_step(struct sr_request *request);
void sr_serve_patient_rekey(struct sr_request *request);
void sr_serve_rotate_deep(struct sr_request *request);
void sr_serve_patient_move(struct sr_request *request);
void sr_serve_person_read(struct sr_request *request);
/* audit.read and audit.search; audit.checkpoint, audit.proof and audit.consistency */
void sr_serve_audit_read(struct sr_request *request);
void sr_serve_audit_proof(struct sr_request *request);
/* incident.note, audit.tag, audit.auditor */
void sr_serve_incident(struct sr_request *request);
void sr_serve_root_new(struct sr_request *request);

/* record.track and record.resume, play.open and play.start: these open a stream. */
void sr_serve_track(struct sr_request *request);
void sr_serve_play_open(struct sr_request *request);

/* The same for what comes on an open stream: for its writer, or its player. Copies what it keeps of `fields`. */
void sr_serve_writer(struct sr_session *session, struct sr_stream *stream, const struct sr_message_head *head,
		     const struct sr_cursor *fields);
void sr_serve_player(struct sr_session *session, struct sr_stream *stream, const struct sr_message_head *head,
		     const struct sr_cursor *fields);

#endif
