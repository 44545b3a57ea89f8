/*
 * scrub.start, scrub.status, scrub.stop: the daemon's own scrub, and what the account hears of it.
 */
#include <stdio.h>
#include <string.h>

#include "account/event.h"
#include "account/log.h"
#include "serve/accounting/accounting.h"
#include "serve/dispatch.h"
#include "serve/request.h"
#include "serve/scrub/operate_scrub.h"
#include "serve/scrub/scrub.h"

#define EVENTS_MAX 1000 /* of one scrub: the report has more */

/* ---- what the account hears ---- */

/* Nothing that was stored is lost with these. */
static bool is_harmless(enum sr_finding_kind kind)
{
	return kind == SR_FINDING_EXTRA_ROW || kind == SR_FINDING_ORPHAN_FILE || kind == SR_FINDING_UNKNOWN;
}

static void log_finding(const struct sr_finding *finding, const char *text)
{
	struct sr_log_line line;
	char id[SR_UUID_TEXT];
	sr_uuid_format(finding->recording, id);
	sr_log_begin(&line, SR_LOG_WARN, "scrub_finding");
	sr_log_text(&line, "what", sr_finding_name(finding->kind));
	sr_log_text(&line, "recording", id);
	sr_log_text(&line, "text", text);
	sr_log_end(&line);
}

/* Damage is an alarm, and an entry that nobody waits for. */
static void tell(struct sr_daemon *daemon, const struct sr_event *event)
{
	struct sr_audit_recording recording = {.withheld = NULL};
	struct sr_audit_entry entry = {.kind = SR_AUDIT_ALARM,
				       .operation = event->operation,
				       .name = sr_event_name(event->kind),
				       .reason = event->what,
				       .text = event->text,
				       .recordings = &recording,
				       .recording_count = event->recording != NULL};
	if (event->recording)
		memcpy(recording.id, event->recording, SR_UUID);
	sr_event(event);
	sr_account_say(daemon->accounting, &entry, SR_AUDIT_CLOSING);
}

static void hear(void *context, const struct sr_finding *finding, uint32_t number)
{
	static const uint8_t none[SR_UUID];
	char text[SR_TEXT_MAX + 96];
	struct sr_event event = {.kind = SR_EVENT_CORRUPT,
				 .operation = sr_message_name(SR_MSG_SCRUB_START),
				 .what = sr_finding_name(finding->kind),
				 .text = text};
	if (number == EVENTS_MAX)
		sr_log(SR_LOG_WARN, "scrub_findings_left_out", "the scrub's report has the rest");
	if (number >= EVENTS_MAX)
		return;
	snprintf(text, sizeof text, "track %u file %u offset %llu length %llu: %.*s", finding->track, finding->file,
		 (unsigned long long)finding->offset, (unsigned long long)finding->length, (int)finding->text.size,
		 (const char *)finding->text.data);
	if (memcmp(finding->recording, none, SR_UUID) != 0)
		event.recording = finding->recording;
	if (is_harmless(finding->kind))
		log_finding(finding, text);
	else
		tell(context, &event);
}

struct sr_scrub *sr_daemon_scrub_new(const struct sr_daemon_parts *parts, struct sr_daemon *daemon)
{
	struct sr_scrub_parts own = {.keyring = parts->keyring,
				     .index = parts->index,
				     .blobs = parts->blobs,
				     .hear = hear,
				     .context = daemon};
	return sr_scrub_new(&own);
}

/* ---- requests ---- */

static void answer(struct sr_request *request, uint32_t from)
{
	if (request->error.code == SR_OK && sr_request_reply(request, SR_MSG_SCRUB_REPORT, SR_SCRUB_REPORT_MAX))
		sr_scrub_report(request->daemon->scrub, from, &request->reply.fields);
	sr_request_answer(request, false);
}

void sr_serve_scrub_start(struct sr_request *request)
{
	struct sr_scrub_start order;
	struct sr_cursor in = sr_request_fields(request);
	sr_scrub_start_decode(&in, &order);
	enum sr_code code = sr_request_decoded(request, &in);
	if (code == SR_OK && request->daemon->draining)
		code = SR_FAIL(&request->error, SR_UNAVAILABLE, "the daemon is ending");
	if (code == SR_OK && sr_scrub_begin(request->daemon->scrub, &order, &request->error) == SR_OK)
		sr_log(SR_LOG_INFO, "scrub_started", request->caller.name);
	answer(request, 0);
}

void sr_serve_scrub_status(struct sr_request *request)
{
	uint32_t from;
	struct sr_cursor in = sr_request_fields(request);
	sr_scrub_status_decode(&in, &from);
	(void)!sr_request_decoded(request, &in);
	answer(request, from);
}

void sr_serve_scrub_stop(struct sr_request *request)
{
	if (sr_request_bare(request))
		sr_scrub_stop(request->daemon->scrub);
	answer(request, UINT32_MAX);
}
