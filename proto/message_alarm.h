/*
 * The messages of alarms: those there were lately, and the trying out of their command. Encoders and decoders as
 * message.h says.
 */
#ifndef SR_MESSAGE_ALARM_H
#define SR_MESSAGE_ALARM_H

#include "context.h"
#include "message.h"

#define SR_ALARMS_PAGE_MAX 48
#define SR_ALARM_JTI_MAX 255

/* What an alarm is about (design: access.md, "Wrong rows"). */
enum sr_alarm_kind {
	SR_ALARM_MISFILED = 1,
	SR_ALARM_FOREIGN = 2,
	SR_ALARM_CONSULTATION_CONFLICT = 3,
	SR_ALARM_CORRUPT = 4,
	SR_ALARM_BREAK_GLASS = 5,
	SR_ALARM_UNUSUAL = 6,
	SR_ALARM_TEST = 7
};
#define SR_ALARM_KINDS 8 /* one more than the greatest */

/*
 * What became of the telling: no command is configured, it waits or is tried again, it was told, it was given up; or it
 * is from before the daemon was started, which nothing is told of any more.
 */
enum sr_alarm_delivery {
	SR_ALARM_UNTOLD = 1,
	SR_ALARM_WAITING = 2,
	SR_ALARM_TOLD = 3,
	SR_ALARM_GIVEN_UP = 4,
	SR_ALARM_EARLIER = 5
};

/* The names of a kind ("misfiled", …), of its severity ("critical", "high", "notice", "test"), and of a delivery.
 * Static; NULL for a number that is none. */
const char *sr_alarm_kind_name(enum sr_alarm_kind kind);
const char *sr_alarm_severity(enum sr_alarm_kind kind);
const char *sr_alarm_delivery_name(enum sr_alarm_delivery delivery);

/* ALARM_LIST: after u64 (the number of the last alarm seen, 0: none). ALARM_TEST has no fields. */
void sr_alarm_list_encode(struct sr_builder *out, uint64_t after);
void sr_alarm_list_decode(struct sr_cursor *in, uint64_t *after);

/* ALARMS: lost u64 (alarms no longer kept, and never listed here), count u16 (at most SR_ALARMS_PAGE_MAX), then rows.
 */
struct sr_alarms_reply {
	uint64_t lost;
	uint16_t count;
};
void sr_alarms_reply_encode(struct sr_builder *out, const struct sr_alarms_reply *message);
void sr_alarms_reply_decode(struct sr_cursor *in, struct sr_alarms_reply *message);

/*
 * One alarm: number u64 (from 1, ascending), kind u8, delivery u8, tries u16 (of the command), first_ms u64, last_ms
 * u64, count u32 (events it stands for, at least 1), request u64, then fields of text, empty where not known:
 * operation, service, issuer, jti, what; then patient 32 and actor 32 (tags), recording 16, each zeros where not known.
 */
struct sr_alarm_row {
	uint64_t number;
	enum sr_alarm_kind kind;
	enum sr_alarm_delivery delivery;
	uint16_t tries;
	uint64_t first_ms;
	uint64_t last_ms;
	uint32_t count;
	uint64_t request;
	struct sr_span operation;
	struct sr_span service;
	struct sr_span issuer;
	struct sr_span jti;
	struct sr_span what;
	uint8_t patient[SR_TAG];
	uint8_t actor[SR_TAG];
	uint8_t recording[SR_UUID];
};
void sr_alarm_row_encode(struct sr_builder *out, const struct sr_alarm_row *row);
void sr_alarm_row_decode(struct sr_cursor *in, struct sr_alarm_row *row);

#endif
