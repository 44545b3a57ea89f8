/*
 * The messages of freezes: what is stopped, by whom, why.
 */
#include "message_freeze.h"

#include "message_field.h"

static const char *const scopes[SR_FREEZE_SCOPES] = {
	[SR_FREEZE_ALL] = "all",         [SR_FREEZE_PATIENT] = "patient", [SR_FREEZE_RECORDING] = "recording",
	[SR_FREEZE_SERVICE] = "service", [SR_FREEZE_ISSUER] = "issuer",   [SR_FREEZE_GRANT] = "grant",
	[SR_FREEZE_ACTOR] = "actor",
};

const char *sr_freeze_scope_name(enum sr_freeze_scope scope)
{
	return (size_t)scope < SR_FREEZE_SCOPES ? scopes[scope] : NULL;
}

bool sr_freeze_subject_valid(enum sr_freeze_scope scope, bool tagged, struct sr_span subject)
{
	switch (scope) {
	case SR_FREEZE_ALL:
		return !tagged && subject.size == 0;
	case SR_FREEZE_RECORDING:
		return !tagged && subject.size == SR_UUID;
	case SR_FREEZE_SERVICE:
	case SR_FREEZE_ISSUER:
		return !tagged && sr_service_name_valid((const char *)subject.data, subject.size);
	case SR_FREEZE_GRANT:
		return !tagged && subject.size > 0 && subject.size <= SR_FREEZE_SUBJECT_MAX;
	case SR_FREEZE_PATIENT:
	case SR_FREEZE_ACTOR:
		return tagged ? subject.size == SR_TAG : subject.size > 0 && subject.size <= SR_FREEZE_SUBJECT_MAX;
	default:
		return false;
	}
}

static void put_subject(struct sr_builder *out, const struct sr_freeze *message)
{
	sr_put_u8(out, (uint8_t)message->scope);
	sr_put_u8(out, message->tagged);
	sr_put_span(out, message->subject);
}

static void take_subject(struct sr_cursor *in, struct sr_freeze *message)
{
	message->scope = (enum sr_freeze_scope)sr_take_u8(in);
	message->tagged = sr_take_flag(in);
	message->subject = sr_take_field(in, SR_FREEZE_SUBJECT_MAX);
	if (!sr_freeze_subject_valid(message->scope, message->tagged, message->subject))
		sr_take_fail(in);
}

static struct sr_span take_reason(struct sr_cursor *in)
{
	struct sr_span reason = sr_take_text(in);

	if (reason.size == 0)
		sr_take_fail(in);
	return reason;
}

void sr_freeze_encode(struct sr_builder *out, const struct sr_freeze *message)
{
	put_subject(out, message);
	sr_put_u8(out, message->ingest);
	sr_put_span(out, message->reason);
}

void sr_freeze_decode(struct sr_cursor *in, struct sr_freeze *message)
{
	take_subject(in, message);
	message->ingest = sr_take_flag(in);
	message->reason = take_reason(in);
}

void sr_freeze_made_encode(struct sr_builder *out, bool unknown)
{
	sr_put_u8(out, unknown);
}

void sr_freeze_made_decode(struct sr_cursor *in, bool *unknown)
{
	*unknown = sr_take_flag(in);
}

void sr_thaw_encode(struct sr_builder *out, const struct sr_freeze *message)
{
	put_subject(out, message);
	sr_put_span(out, message->reason);
}

void sr_thaw_decode(struct sr_cursor *in, struct sr_freeze *message)
{
	take_subject(in, message);
	message->ingest = false;
	message->reason = take_reason(in);
}

void sr_freeze_list_encode(struct sr_builder *out, uint32_t from)
{
	sr_put_u32(out, from);
}

void sr_freeze_list_decode(struct sr_cursor *in, uint32_t *from)
{
	*from = sr_take_u32(in);
}

void sr_freezes_reply_encode(struct sr_builder *out, const struct sr_freezes_reply *message)
{
	sr_put_u32(out, message->total);
	sr_put_u32(out, message->from);
	sr_put_u16(out, message->count);
}

void sr_freezes_reply_decode(struct sr_cursor *in, struct sr_freezes_reply *message)
{
	message->total = sr_take_u32(in);
	message->from = sr_take_u32(in);
	message->count = sr_take_count(in, SR_FREEZES_PAGE_MAX);
	if (message->from > message->total || message->count > message->total - message->from)
		sr_take_fail(in);
}

void sr_freeze_row_encode(struct sr_builder *out, const struct sr_freeze_row *row)
{
	sr_put_u8(out, (uint8_t)row->scope);
	sr_put_span(out, row->subject);
	sr_put_u8(out, row->ingest);
	sr_put_u64(out, row->frozen_ms);
	sr_put_span(out, row->by);
	sr_put_span(out, row->reason);
}

void sr_freeze_row_decode(struct sr_cursor *in, struct sr_freeze_row *row)
{
	bool tagged;

	row->scope = (enum sr_freeze_scope)sr_take_u8(in);
	row->subject = sr_take_field(in, SR_FREEZE_SUBJECT_MAX);
	tagged = row->scope == SR_FREEZE_PATIENT || row->scope == SR_FREEZE_ACTOR;
	if (!sr_freeze_subject_valid(row->scope, tagged, row->subject))
		sr_take_fail(in);
	row->ingest = sr_take_flag(in);
	row->frozen_ms = sr_take_u64(in);
	row->by = sr_take_field(in, SR_SERVICE_NAME_MAX);
	if (row->by.size > 0 && !sr_service_name_valid((const char *)row->by.data, row->by.size))
		sr_take_fail(in);
	row->reason = take_reason(in);
}
