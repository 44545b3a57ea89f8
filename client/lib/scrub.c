/* Scrubbing: having the daemon check all it stores, and reading its reports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "message_scrub.h"

_Static_assert(SR_SCRUB_PLACE == SR_SCRUB_PLACE_MAX, "the public header has the protocol's number");

/* The callback of a call, which is of no kind that other calls have. */
struct telling {
	sr_scrub_told *told;
};

static void take_finding(struct sr_cursor *fields, struct sr_finding_info *info)
{
	struct sr_finding finding;
	sr_finding_decode(fields, &finding);
	if (fields->failed)
		return;
	info->kind = (unsigned)finding.kind;
	(void)snprintf(info->name, sizeof info->name, "%s", sr_finding_name(finding.kind));
	memcpy(info->recording, finding.recording, SR_ID);
	info->track = finding.track;
	info->file = finding.file;
	info->offset = finding.offset;
	info->length = finding.length;
	(void)snprintf(info->text, sizeof info->text, "%.*s", (int)finding.text.size,
		       finding.text.data ? (const char *)finding.text.data : "");
}

/* The findings of a report, owned by the caller; NULL if they are malformed or memory is used up. */
static struct sr_finding_info *take_report(struct sr_cursor *fields, struct sr_scrub_info *info)
{
	struct sr_scrub_report report;
	sr_scrub_report_decode(fields, &report);
	if (fields->failed)
		return NULL;
	info->state = sr_scrub_state_name(report.state);
	info->started_ms = report.started_ms;
	info->rows = report.rows;
	info->bytes = report.bytes;
	info->total = report.findings;
	if (report.place.size > 0)
		memcpy(info->place, report.place.data, report.place.size);
	info->place_size = report.place.size;
	info->from = report.from;
	info->count = report.count;
	struct sr_finding_info *findings = calloc(report.count ? report.count : 1u, sizeof *findings);
	for (uint16_t at = 0; findings && at < report.count; at++)
		take_finding(fields, &findings[at]);
	return findings;
}

static void deliver(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_scrub_info info = {.state = "idle"};
	struct sr_finding_info *findings = fields ? take_report(fields, &info) : NULL;
	if (fields && !findings)
		sr_take_fail(fields);
	if (fields)
		(void)!sr_decoded(call, fields, &own);
	info.findings = findings;
	((struct telling *)call->own)->told(call->context, &own, own.code == SR_OK ? &info : NULL);
	free(findings);
}

/* A call whose `out` the caller fills; NULL (also in *out) when memory is used up. */
static struct sr_call *begin(struct sr_client *client, uint8_t type, sr_scrub_told *told, void *context,
			     struct sr_outgoing **out, size_t room)
{
	const struct telling telling = {.told = told};
	struct sr_call *call = sr_call_own(client, SR_MSG_SCRUB_REPORT, deliver, context, &telling, sizeof telling);
	*out = sr_call_outgoing(call, type, room);
	return *out ? call : NULL;
}

enum sr_code sr_scrub_start(sr_client *client, uint64_t rate, const uint8_t *place, size_t place_size,
			    sr_scrub_told *told, void *context, sr_call **handle)
{
	struct sr_scrub_start start = {.rate = rate, .after = {place, place_size}};
	struct sr_outgoing *out;
	if (place_size > SR_SCRUB_PLACE)
		return SR_USAGE;
	struct sr_call *call = begin(client, SR_MSG_SCRUB_START, told, context, &out, 8 + 2 + place_size);
	if (!call)
		return SR_INTERNAL;
	sr_scrub_start_encode(&out->fields, &start);
	return sr_call_send(call, out, handle);
}

enum sr_code sr_scrub_status(sr_client *client, uint32_t from, sr_scrub_told *told, void *context, sr_call **handle)
{
	struct sr_outgoing *out;
	struct sr_call *call = begin(client, SR_MSG_SCRUB_STATUS, told, context, &out, 4);
	if (!call)
		return SR_INTERNAL;
	sr_scrub_status_encode(&out->fields, from);
	return sr_call_send(call, out, handle);
}

enum sr_code sr_scrub_stop(sr_client *client, sr_scrub_told *told, void *context, sr_call **handle)
{
	struct sr_outgoing *out;
	struct sr_call *call = begin(client, SR_MSG_SCRUB_STOP, told, context, &out, 0);
	if (!call)
		return SR_INTERNAL;
	return sr_call_send(call, out, handle);
}
