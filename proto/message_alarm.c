/*
 * The messages of alarms: those there were lately, and the trying out of their command.
 */
#include "message_alarm.h"

#include "message_field.h"

static const struct {
	const char *name, *severity;
} kinds[SR_ALARM_KINDS] = {
	[SR_ALARM_MISFILED] = {"misfiled", "critical"},
	[SR_ALARM_FOREIGN] = {"foreign", "high"},
	[SR_ALARM_CONSULTATION_CONFLICT] = {"consultation_conflict", "critical"},
	[SR_ALARM_CORRUPT] = {"corrupt", "critical"},
	[SR_ALARM_BREAK_GLASS] = {"break_glass", "notice"},
	[SR_ALARM_UNUSUAL] = {"unusual", "high"},
	[SR_ALARM_TEST] = {"test", "test"},
};

static const char *const deliveries[] = {
	[SR_ALARM_UNTOLD] = "untold",     [SR_ALARM_WAITING] = "waiting", [SR_ALARM_TOLD] = "told",
	[SR_ALARM_GIVEN_UP] = "given_up", [SR_ALARM_EARLIER] = "earlier",
};
#define DELIVERIES (sizeof deliveries / sizeof deliveries[0])

const char *sr_alarm_kind_name(enum sr_alarm_kind kind)
{
	return (size_t)kind < SR_ALARM_KINDS ? kinds[kind].name : NULL;
}

const char *sr_alarm_severity(enum sr_alarm_kind kind)
{
	return (size_t)kind < SR_ALARM_KINDS ? kinds[kind].severity : NULL;
}

const char *sr_alarm_delivery_name(enum sr_alarm_delivery delivery)
{
	return (size_t)delivery < DELIVERIES ? deliveries[delivery] : NULL;
}

void sr_alarm_list_encode(struct sr_builder *out, uint64_t after)
{
	sr_put_u64(out, after);
}

void sr_alarm_list_decode(struct sr_cursor *in, uint64_t *after)
{
	*after = sr_take_u64(in);
}

void sr_alarms_reply_encode(struct sr_builder *out, const struct sr_alarms_reply *message)
{
	sr_put_u64(out, message->lost);
	sr_put_u16(out, message->count);
}

void sr_alarms_reply_decode(struct sr_cursor *in, struct sr_alarms_reply *message)
{
	message->lost = sr_take_u64(in);
	message->count = sr_take_count(in, SR_ALARMS_PAGE_MAX);
}

void sr_alarm_row_encode(struct sr_builder *out, const struct sr_alarm_row *row)
{
	sr_put_u64(out, row->number);
	sr_put_u8(out, (uint8_t)row->kind);
	sr_put_u8(out, (uint8_t)row->delivery);
	sr_put_u16(out, row->tries);
	sr_put_u64(out, row->first_ms);
	sr_put_u64(out, row->last_ms);
	sr_put_u32(out, row->count);
	sr_put_u64(out, row->request);
	sr_put_span(out, row->operation);
	sr_put_span(out, row->service);
	sr_put_span(out, row->issuer);
	sr_put_span(out, row->jti);
	sr_put_span(out, row->what);
	sr_put_bytes(out, row->patient, sizeof row->patient);
	sr_put_bytes(out, row->actor, sizeof row->actor);
	sr_put_bytes(out, row->recording, sizeof row->recording);
}

void sr_alarm_row_decode(struct sr_cursor *in, struct sr_alarm_row *row)
{
	row->number = sr_take_u64(in);
	row->kind = (enum sr_alarm_kind)sr_take_u8(in);
	row->delivery = (enum sr_alarm_delivery)sr_take_u8(in);
	row->tries = sr_take_u16(in);
	row->first_ms = sr_take_u64(in);
	row->last_ms = sr_take_u64(in);
	row->count = sr_take_u32(in);
	if (row->number == 0 || sr_alarm_kind_name(row->kind) == NULL ||
	    sr_alarm_delivery_name(row->delivery) == NULL || row->count == 0)
		sr_take_fail(in);
	row->request = sr_take_u64(in);
	row->operation = sr_take_field(in, SR_SERVICE_NAME_MAX);
	row->service = sr_take_field(in, SR_SERVICE_NAME_MAX);
	row->issuer = sr_take_field(in, SR_SERVICE_NAME_MAX);
	row->jti = sr_take_field(in, SR_ALARM_JTI_MAX);
	row->what = sr_take_text(in);
	sr_take_copy(in, row->patient, sizeof row->patient);
	sr_take_copy(in, row->actor, sizeof row->actor);
	sr_take_copy(in, row->recording, sizeof row->recording);
}
