/*
 * The one place through which everything passes that must be accounted for: refusals with a meaning, alarms, and the
 * counters that `stats` shows.
 */
#include "account/event.h"

#include <stdatomic.h>
#include <stddef.h>

#include "account/log.h"

/* Set before other threads begin, and taken back when they have ended. */
static sr_event_heard *heard_by;
static void *heard_with;

static _Atomic uint64_t counters[SR_COUNTERS];

static const char *const counter_names[SR_COUNTERS] = {
	[SR_COUNT_MISFILED] = "misfiled",
	[SR_COUNT_FOREIGN] = "foreign",
	[SR_COUNT_CONSULTATION_CONFLICT] = "consultation_conflict",
	[SR_COUNT_CORRUPT] = "corrupt",
	[SR_COUNT_BREAK_GLASS] = "break_glass",
	[SR_COUNT_FOREIGN_CHECK] = "foreign_check",
	[SR_COUNT_REFUSED] = "refused",
	[SR_COUNT_SESSIONS] = "sessions",
	[SR_COUNT_SESSIONS_NOW] = "sessions_now",
	[SR_COUNT_HALF_OPEN_NOW] = "half_open_now",
	[SR_COUNT_HANDSHAKES_REFUSED] = "handshakes_refused",
	[SR_COUNT_REFUSED_SESSIONS] = "refused_sessions",
	[SR_COUNT_REFUSED_HALF_OPEN] = "refused_half_open",
	[SR_COUNT_REFUSED_ADDRESS] = "refused_address",
	[SR_COUNT_REFUSED_SERVICE] = "refused_service",
	[SR_COUNT_REFUSED_STREAMS] = "refused_streams",
	[SR_COUNT_REFUSED_REQUESTS] = "refused_requests",
	[SR_COUNT_REFUSED_MEMORY] = "refused_memory",
	[SR_COUNT_TIMED_OUT] = "timed_out",
	[SR_COUNT_MEMORY_NOW] = "memory_now",
	[SR_COUNT_REQUESTS] = "requests",
	[SR_COUNT_WITHHELD] = "withheld",
	[SR_COUNT_INDEX_READS] = "index_reads",
	[SR_COUNT_DERIVATIONS] = "derivations",
	[SR_COUNT_OPENS] = "opens",
	[SR_COUNT_WRITERS_NOW] = "writers_now",
	[SR_COUNT_PLAYERS_NOW] = "players_now",
	[SR_COUNT_BYTES_RECEIVED] = "bytes_received",
	[SR_COUNT_BYTES_DURABLE] = "bytes_durable",
	[SR_COUNT_BYTES_SENT] = "bytes_sent",
	[SR_COUNT_SEGMENTS] = "segments",
	[SR_COUNT_FLUSHES] = "flushes",
	[SR_COUNT_ROTATED] = "rotated_rows",
	[SR_COUNT_SCRUB_ROWS] = "scrub_rows",
	[SR_COUNT_SCRUB_BYTES] = "scrub_bytes",
	[SR_COUNT_SCRUB_FINDINGS] = "scrub_findings",
	[SR_COUNT_UNUSUAL] = "unusual",
	[SR_COUNT_ALARM_TESTS] = "alarm_tests",
	[SR_COUNT_ALARMS_TOLD] = "alarms_told",
	[SR_COUNT_ALARMS_FAILED] = "alarms_failed",
	[SR_COUNT_ALARMS_MISSED] = "alarms_missed",
	[SR_COUNT_FREEZES_NOW] = "freezes_now",
	[SR_COUNT_REFUSED_FROZEN] = "refused_frozen",
	[SR_COUNT_RESET_FROZEN] = "reset_frozen",
	[SR_COUNT_DELETED] = "recordings_deleted",
	[SR_COUNT_REMOVED] = "recordings_removed",
	[SR_COUNT_ACCOUNT_FAILED] = "account_failed",
};

static const struct {
	const char *name;
	enum sr_log_level level;
	enum sr_counter counter;
} kinds[SR_EVENT_KINDS] = {
	[SR_EVENT_MISFILED] = {"misfiled", SR_LOG_ALARM, SR_COUNT_MISFILED},
	[SR_EVENT_FOREIGN] = {"foreign", SR_LOG_ALARM, SR_COUNT_FOREIGN},
	[SR_EVENT_CONSULTATION_CONFLICT] = {"consultation_conflict", SR_LOG_ALARM, SR_COUNT_CONSULTATION_CONFLICT},
	[SR_EVENT_CORRUPT] = {"corrupt", SR_LOG_ALARM, SR_COUNT_CORRUPT},
	[SR_EVENT_BREAK_GLASS] = {"break_glass", SR_LOG_ALARM, SR_COUNT_BREAK_GLASS},
	[SR_EVENT_FOREIGN_CHECK] = {"foreign_check", SR_LOG_WARN, SR_COUNT_FOREIGN_CHECK},
	[SR_EVENT_REFUSED] = {"refused", SR_LOG_WARN, SR_COUNT_REFUSED},
	[SR_EVENT_UNUSUAL] = {"unusual", SR_LOG_ALARM, SR_COUNT_UNUSUAL},
	[SR_EVENT_TEST] = {"test", SR_LOG_ALARM, SR_COUNT_ALARM_TESTS},
};

void sr_count(enum sr_counter counter, int64_t by)
{
	atomic_fetch_add_explicit(&counters[counter], (uint64_t)by, memory_order_relaxed);
}

uint64_t sr_counted(enum sr_counter counter)
{
	return atomic_load_explicit(&counters[counter], memory_order_relaxed);
}

const char *sr_counter_name(enum sr_counter counter)
{
	return counter_names[counter];
}

const char *sr_event_name(enum sr_event_kind kind)
{
	return kinds[kind].name;
}

bool sr_event_is_alarm(enum sr_event_kind kind)
{
	return kinds[kind].level == SR_LOG_ALARM;
}

static void text(struct sr_log_line *line, const char *name, const char *value)
{
	if (value)
		sr_log_text(line, name, value);
}

static void hex(struct sr_log_line *line, const char *name, const uint8_t *value)
{
	if (value)
		sr_log_hex(line, name, value, SR_TAG);
}

void sr_event(const struct sr_event *event)
{
	struct sr_log_line line;
	sr_count(kinds[event->kind].counter, 1);
	sr_log_begin(&line, kinds[event->kind].level, kinds[event->kind].name);
	text(&line, "operation", event->operation);
	uint8_t request[8];
	for (unsigned at = 0; at < sizeof request; at++)
		request[at] = (uint8_t)(event->request >> (56 - 8 * at));
	sr_log_hex(&line, "request", request, sizeof request);
	text(&line, "service", event->service);
	if (event->recording) {
		char id[SR_UUID_TEXT];
		sr_uuid_format(event->recording, id);
		sr_log_text(&line, "recording", id);
	}
	if (event->has_own_tag)
		sr_log_text(&line, "own_tag", event->own_tag ? "yes" : "no");
	text(&line, "what", event->what);
	if (event->kind == SR_EVENT_REFUSED)
		sr_log_text(&line, "code", sr_code_name(event->code));
	text(&line, "text", event->text);
	hex(&line, "tag", event->tag);
	hex(&line, "actor", event->actor);
	text(&line, "issuer", event->issuer);
	text(&line, "jti", event->jti);
	sr_log_end(&line);
	if (heard_by)
		heard_by(heard_with, event);
}

void sr_event_listen(sr_event_heard *heard, void *context)
{
	heard_by = heard;
	heard_with = context;
}
