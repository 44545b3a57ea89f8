/*
 * Messages: their names, their head, and those that every kind of stream shares.
 */
#include "message.h"

#include <string.h>

#include "message_field.h"

static const char *const names[] = {
	[SR_MSG_GOODBYE] = "goodbye",
	[SR_MSG_PING] = "ping",
	[SR_MSG_PONG] = "pong",
	[SR_MSG_ERROR] = "error",
	[SR_MSG_DONE] = "done",
	[SR_MSG_GRANT_RENEW] = "grant.renew",
	[SR_MSG_RENEWED] = "grant.renewed",
	[SR_MSG_CLOSE] = "close",
	[SR_MSG_CLOSED] = "closed",
	[SR_MSG_RECORD_OPEN] = "record.open",
	[SR_MSG_RECORD_OPENED] = "record.opened",
	[SR_MSG_RECORD_TRACK] = "record.track",
	[SR_MSG_RECORD_RESUME] = "record.resume",
	[SR_MSG_TRACK_READY] = "record.ready",
	[SR_MSG_APPEND] = "record.append",
	[SR_MSG_ACK] = "record.ack",
	[SR_MSG_SYNC] = "record.sync",
	[SR_MSG_SYNCED] = "record.synced",
	[SR_MSG_RECORD_FINISH] = "record.finish",
	[SR_MSG_RECORD_FINISHED] = "record.finished",
	[SR_MSG_LIST] = "list",
	[SR_MSG_LISTING] = "listing",
	[SR_MSG_INFO] = "info",
	[SR_MSG_INFO_REPLY] = "info.reply",
	[SR_MSG_CHECK] = "check",
	[SR_MSG_CHECK_REPLY] = "check.reply",
	[SR_MSG_DELETE] = "delete",
	[SR_MSG_UNDELETE] = "undelete",
	[SR_MSG_DELETED] = "deleted",
	[SR_MSG_PLAY_OPEN] = "play.open",
	[SR_MSG_PLAY_OPENED] = "play.opened",
	[SR_MSG_PLAY_TABLE] = "play.table",
	[SR_MSG_TABLE] = "play.table.reply",
	[SR_MSG_PLAY_READ] = "play.read",
	[SR_MSG_SEGMENT_KEY] = "play.key",
	[SR_MSG_BODY] = "play.body",
	[SR_MSG_READ_DONE] = "play.done",
	[SR_MSG_SHOWN] = "shown",
	[SR_MSG_TABLE_PART] = "play.table.part",
	[SR_MSG_PLAY_START] = "play.start",
	[SR_MSG_SERVICE_ADD] = "service.add",
	[SR_MSG_SERVICE_ADDED] = "service.added",
	[SR_MSG_SERVICE_REMOVE] = "service.remove",
	[SR_MSG_SERVICE_LIST] = "service.list",
	[SR_MSG_SERVICES] = "services",
	[SR_MSG_STATS] = "stats",
	[SR_MSG_STATS_REPLY] = "stats.reply",
	[SR_MSG_HEALTH] = "health",
	[SR_MSG_HEALTH_REPLY] = "health.reply",
	[SR_MSG_SCRUB_START] = "scrub.start",
	[SR_MSG_SCRUB_STATUS] = "scrub.status",
	[SR_MSG_SCRUB_STOP] = "scrub.stop",
	[SR_MSG_SCRUB_REPORT] = "scrub.report",
	[SR_MSG_SCRUB_DISCARD] = "scrub.discard",
	[SR_MSG_FREEZE] = "freeze",
	[SR_MSG_THAW] = "thaw",
	[SR_MSG_FREEZE_LIST] = "freeze.list",
	[SR_MSG_FREEZES] = "freezes",
	[SR_MSG_ALARM_LIST] = "alarm.list",
	[SR_MSG_ALARMS] = "alarms",
	[SR_MSG_ALARM_TEST] = "alarm.test",
	[SR_MSG_FREEZE_MADE] = "freeze.made",
	[SR_MSG_HOLD_PLACE] = "hold.place",
	[SR_MSG_HOLD_RELEASE] = "hold.release",
	[SR_MSG_HOLD_LIST] = "hold.list",
	[SR_MSG_HOLDS] = "holds",
	[SR_MSG_EPOCH_LIST] = "epoch.list",
	[SR_MSG_EPOCHS] = "epochs",
	[SR_MSG_EPOCH_NEW] = "epoch.new",
	[SR_MSG_EPOCH_MADE] = "epoch.made",
	[SR_MSG_EPOCH_RETIRE] = "epoch.retire",
	[SR_MSG_EPOCH_RETIRED] = "epoch.retired",
	[SR_MSG_ROTATE_STATUS] = "rotate.status",
	[SR_MSG_ROTATE_CENSUS] = "rotate.census",
	[SR_MSG_ROTATE_STEP] = "rotate.step",
	[SR_MSG_ROTATE_STEPPED] = "rotate.stepped",
	[SR_MSG_PATIENT_REKEY] = "patient.rekey",
	[SR_MSG_PATIENT_RENAME] = "patient.rename",
	[SR_MSG_PATIENT_MERGE] = "patient.merge",
	[SR_MSG_PATIENT_MOVED] = "patient.moved",
	[SR_MSG_ROTATE_DEEP] = "rotate.deep",
	[SR_MSG_ROTATE_DEEPENED] = "rotate.deepened",
	[SR_MSG_PERSON_READ] = "person.read",
	[SR_MSG_PERSON] = "person",
	[SR_MSG_ROOT_NEW] = "root.new",
	[SR_MSG_ROOT_MADE] = "root.made",
	[SR_MSG_BACKUP_BEGIN] = "backup.begin",
	[SR_MSG_BACKUP_BEGUN] = "backup.begun",
	[SR_MSG_BACKUP_ROWS] = "backup.rows",
	[SR_MSG_BACKUP_PAGE] = "backup.page",
	[SR_MSG_BACKUP_READ] = "backup.read",
	[SR_MSG_BACKUP_BYTES] = "backup.bytes",
	[SR_MSG_BACKUP_LOG] = "backup.log",
	[SR_MSG_BACKUP_RECORDS] = "backup.records",
	[SR_MSG_BACKUP_END] = "backup.end",
	[SR_MSG_AUDIT_READ] = "audit.read",
	[SR_MSG_AUDIT_ENTRIES] = "audit.entries",
	[SR_MSG_AUDIT_SEARCH] = "audit.search",
	[SR_MSG_AUDIT_CHECKPOINT] = "audit.checkpoint",
	[SR_MSG_AUDIT_SIGNED] = "audit.signed",
	[SR_MSG_AUDIT_PROOF] = "audit.proof",
	[SR_MSG_AUDIT_PROVED] = "audit.proved",
	[SR_MSG_AUDIT_CONSISTENCY] = "audit.consistency",
	[SR_MSG_AUDIT_CONSISTENT] = "audit.consistent",
	[SR_MSG_INCIDENT_NOTE] = "incident.note",
	[SR_MSG_AUDIT_TAG] = "audit.tag",
	[SR_MSG_AUDIT_TAGGED] = "audit.tagged",
	[SR_MSG_AUDIT_AUDITOR] = "audit.auditor",
	[SR_MSG_AUDIT_AUDITOR_KEY] = "audit.auditor_key",
	[SR_MSG_PATIENT_ERASE] = "patient.erase",
	[SR_MSG_PATIENT_ERASED] = "patient.erased",
};

const char *sr_message_name(uint8_t type)
{
	return type < sizeof names / sizeof names[0] ? names[type] : NULL;
}

/* --- Shared fields ------------------------------------------------------------------------------------------------ */

bool sr_take_flag(struct sr_cursor *in)
{
	uint8_t value = sr_take_u8(in);

	if (value > 1)
		sr_take_fail(in);
	return value == 1;
}

uint16_t sr_take_track(struct sr_cursor *in)
{
	uint16_t track = sr_take_u16(in);

	if (track == 0)
		sr_take_fail(in);
	return track;
}

uint16_t sr_take_count(struct sr_cursor *in, uint16_t most)
{
	uint16_t count = sr_take_u16(in);

	if (count > most) {
		sr_take_fail(in);
		return 0;
	}
	return count;
}

uint64_t sr_take_position(struct sr_cursor *in)
{
	uint64_t position = sr_take_u64(in);

	if (position > SR_POSITION_MAX) {
		sr_take_fail(in);
		return 0;
	}
	return position;
}

enum sr_track_state sr_take_state(struct sr_cursor *in)
{
	uint8_t state = sr_take_u8(in);

	if (state != SR_UNFINISHED && state != SR_FINISHED) {
		sr_take_fail(in);
		return SR_UNFINISHED;
	}
	return (enum sr_track_state)state;
}

enum sr_code sr_take_code(struct sr_cursor *in)
{
	uint8_t code = sr_take_u8(in);

	if (code >= SR_CODES) {
		sr_take_fail(in);
		return SR_INTERNAL;
	}
	return (enum sr_code)code;
}

struct sr_span sr_take_grant(struct sr_cursor *in)
{
	return sr_take_field(in, SR_TOKEN_MAX);
}

struct sr_span sr_take_label(struct sr_cursor *in)
{
	return sr_take_field(in, SR_LABEL_MAX);
}

struct sr_span sr_take_media_type(struct sr_cursor *in)
{
	struct sr_span type = sr_take_field(in, SR_MEDIA_TYPE_MAX);

	if (type.size == 0)
		sr_take_fail(in);
	return type;
}

struct sr_span sr_take_text(struct sr_cursor *in)
{
	return sr_take_field(in, SR_TEXT_MAX);
}

void sr_put_span(struct sr_builder *out, struct sr_span span)
{
	sr_put_field(out, span.data, span.size);
}

/* --- Head and shared messages ------------------------------------------------------------------------------------- */

void sr_message_head_encode(struct sr_builder *out, const struct sr_message_head *head)
{
	sr_put_u8(out, head->type);
	sr_put_u32(out, head->stream);
	sr_put_u64(out, head->request);
}

void sr_message_head_decode(struct sr_cursor *in, struct sr_message_head *head)
{
	head->type = sr_take_u8(in);
	head->stream = sr_take_u32(in);
	head->request = sr_take_u64(in);
	if (sr_message_name(head->type) == NULL)
		sr_take_fail(in);
}

void sr_goodbye_encode(struct sr_builder *out, const struct sr_goodbye *message)
{
	sr_put_u8(out, (uint8_t)message->code);
	sr_put_span(out, message->text);
}

void sr_goodbye_decode(struct sr_cursor *in, struct sr_goodbye *message)
{
	message->code = sr_take_code(in);
	message->text = sr_take_text(in);
}

void sr_error_reply_encode(struct sr_builder *out, const struct sr_error_reply *message)
{
	sr_put_u8(out, (uint8_t)message->code);
	sr_put_u8(out, message->ended);
	sr_put_u32(out, message->retry_ms);
	sr_put_span(out, message->text);
}

void sr_error_reply_decode(struct sr_cursor *in, struct sr_error_reply *message)
{
	message->code = sr_take_code(in);
	if (message->code == SR_OK)
		sr_take_fail(in);
	message->ended = sr_take_flag(in);
	message->retry_ms = sr_take_u32(in);
	message->text = sr_take_text(in);
}

void sr_grant_renew_encode(struct sr_builder *out, struct sr_span grant)
{
	sr_put_span(out, grant);
}

void sr_grant_renew_decode(struct sr_cursor *in, struct sr_span *grant)
{
	*grant = sr_take_grant(in);
}

void sr_renewed_encode(struct sr_builder *out, uint64_t expires)
{
	sr_put_u64(out, expires);
}

void sr_renewed_decode(struct sr_cursor *in, uint64_t *expires)
{
	*expires = sr_take_u64(in);
}

void sr_durable_encode(struct sr_builder *out, uint64_t durable)
{
	sr_put_u64(out, durable);
}

void sr_durable_decode(struct sr_cursor *in, uint64_t *durable)
{
	*durable = sr_take_position(in);
}

void sr_named_encode(struct sr_builder *out, const struct sr_named *message)
{
	sr_put_span(out, message->grant);
	sr_put_bytes(out, message->recording, SR_UUID);
}

void sr_named_decode(struct sr_cursor *in, struct sr_named *message)
{
	message->grant = sr_take_grant(in);
	sr_take_copy(in, message->recording, SR_UUID);
}
