/*
 * From a message's type to the room that answers it. The only list of them.
 */
#include "serve/dispatch.h"

#include <stddef.h>

#include "access/decide.h"
#include "account/event.h"
#include "serve/accounting/accounting.h"

static sr_request_step *const doors[UINT8_MAX + 1] = {
	[SR_MSG_RECORD_OPEN] = sr_serve_record_open,
	[SR_MSG_RECORD_FINISH] = sr_serve_record_finish,
	[SR_MSG_LIST] = sr_serve_list,
	[SR_MSG_INFO] = sr_serve_info,
	[SR_MSG_CHECK] = sr_serve_check,
	[SR_MSG_SHOWN] = sr_serve_shown,
	[SR_MSG_SCRUB_DISCARD] = sr_serve_scrub_discard,
	[SR_MSG_HOLD_PLACE] = sr_serve_hold_place,
	[SR_MSG_HOLD_RELEASE] = sr_serve_hold_release,
	[SR_MSG_HOLD_LIST] = sr_serve_hold_list,
	[SR_MSG_PATIENT_ERASE] = sr_serve_patient_erase,
	[SR_MSG_DELETE] = sr_serve_delete,
	[SR_MSG_UNDELETE] = sr_serve_delete,
	[SR_MSG_SERVICE_ADD] = sr_serve_service_add,
	[SR_MSG_SERVICE_REMOVE] = sr_serve_service_remove,
	[SR_MSG_SERVICE_LIST] = sr_serve_service_list,
	[SR_MSG_STATS] = sr_serve_stats,
	[SR_MSG_HEALTH] = sr_serve_health,
	[SR_MSG_SCRUB_START] = sr_serve_scrub_start,
	[SR_MSG_SCRUB_STATUS] = sr_serve_scrub_status,
	[SR_MSG_SCRUB_STOP] = sr_serve_scrub_stop,
	[SR_MSG_EPOCH_LIST] = sr_serve_epoch_list,
	[SR_MSG_EPOCH_NEW] = sr_serve_epoch_new,
	[SR_MSG_EPOCH_RETIRE] = sr_serve_epoch_retire,
	[SR_MSG_ROTATE_STATUS] = sr_serve_rotate_status,
	[SR_MSG_ROTATE_STEP] = sr_serve_rotate_step,
	[SR_MSG_FREEZE] = sr_serve_freeze,
	[SR_MSG_THAW] = sr_serve_freeze,
	[SR_MSG_FREEZE_LIST] = sr_serve_freeze_list,
	[SR_MSG_ALARM_LIST] = sr_serve_alarm_list,
	[SR_MSG_ALARM_TEST] = sr_serve_alarm_test,
	[SR_MSG_PATIENT_REKEY] = sr_serve_patient_rekey,
	[SR_MSG_ROTATE_DEEP] = sr_serve_rotate_deep,
	[SR_MSG_PATIENT_RENAME] = sr_serve_patient_move,
	[SR_MSG_PATIENT_MERGE] = sr_serve_patient_move,
	[SR_MSG_PERSON_READ] = sr_serve_person_read,
	[SR_MSG_ROOT_NEW] = sr_serve_root_new,
	[SR_MSG_BACKUP_BEGIN] = sr_serve_backup,
	[SR_MSG_BACKUP_ROWS] = sr_serve_backup,
	[SR_MSG_BACKUP_READ] = sr_serve_backup,
	[SR_MSG_BACKUP_LOG] = sr_serve_backup,
	[SR_MSG_BACKUP_END] = sr_serve_backup,
	[SR_MSG_AUDIT_READ] = sr_serve_audit_read,
	[SR_MSG_AUDIT_SEARCH] = sr_serve_audit_read,
	[SR_MSG_AUDIT_CHECKPOINT] = sr_serve_audit_proof,
	[SR_MSG_AUDIT_PROOF] = sr_serve_audit_proof,
	[SR_MSG_AUDIT_CONSISTENCY] = sr_serve_audit_proof,
	[SR_MSG_INCIDENT_NOTE] = sr_serve_incident,
	[SR_MSG_AUDIT_TAG] = sr_serve_incident,
	[SR_MSG_AUDIT_AUDITOR] = sr_serve_incident,
	/* These three open a stream. */
	[SR_MSG_RECORD_TRACK] = sr_serve_track,
	[SR_MSG_RECORD_RESUME] = sr_serve_track,
	[SR_MSG_PLAY_OPEN] = sr_serve_play_open,
};

static void pong(struct sr_session *session, const struct sr_message_head *head)
{
	struct sr_reply reply = {0};
	if (sr_reply_begin(&reply, SR_MSG_PONG, 0))
		sr_session_send(session, 0, head->request, &reply, false);
}

/* True if the role does not allow it; the refusal is then on its way. */
static bool refused(struct sr_session *session, struct sr_stream *stream, const struct sr_message_head *head)
{
	struct sr_error err;
	if (sr_role_allows(sr_session_caller(session)->roles, head->type, &err) == SR_OK)
		return false;
	struct sr_event event = {.kind = SR_EVENT_REFUSED,
				 .operation = sr_message_name(head->type),
				 .request = head->request,
				 .service = sr_session_caller(session)->name,
				 .code = err.code,
				 .text = err.text};
	sr_event(&event);
	sr_account_refusal(sr_session_daemon(session)->accounting, event.service, event.operation, &err);
	sr_session_send_error(session, head->stream, head->request, &err, stream != NULL, 0);
	return true;
}

/* Requests go by their type; whatever else comes on a stream goes by what the stream turned out to be. */
static void serve(struct sr_session *session, struct sr_stream *stream, const struct sr_message_head *head,
		  const struct sr_cursor *fields)
{
	sr_request_step *door = doors[head->type];
	struct sr_request *request = door ? sr_request_new(session, head, fields) : NULL;
	if (request)
		door(request);
	else if (!door && stream && stream->writer)
		sr_serve_writer(session, stream, head, fields);
	else if (!door && stream && stream->player)
		sr_serve_player(session, stream, head, fields);
}

void sr_dispatch(struct sr_session *session, struct sr_stream *stream, const struct sr_message_head *head,
		 const struct sr_cursor *fields)
{
	if (head->type == SR_MSG_GOODBYE) {
		sr_session_drop(session, "the peer said goodbye");
		return;
	}
	bool bare = head->type == SR_MSG_PING || head->type == SR_MSG_PONG;
	if (bare && fields->left) {
		sr_session_end(session, SR_USAGE, "trailing bytes");
		return;
	}
	if (head->type == SR_MSG_PING)
		pong(session, head);
	else if (!bare && !refused(session, stream, head))
		serve(session, stream, head, fields);
}
