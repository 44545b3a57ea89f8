/*
 * The messages of scrubbing: what to check, how far it is, and what was found.
 */
#include "message_scrub.h"

#include "message_field.h"

static const char *const kinds[SR_FINDINGS] = {
	[SR_FINDING_ROW] = "row",
	[SR_FINDING_WRAP] = "wrap",
	[SR_FINDING_MISSING_ROW] = "missing_row",
	[SR_FINDING_EXTRA_ROW] = "extra_row",
	[SR_FINDING_MISFILED] = "misfiled",
	[SR_FINDING_MISMATCH] = "mismatch",
	[SR_FINDING_MISSING_FILE] = "missing_file",
	[SR_FINDING_SHORT_FILE] = "short_file",
	[SR_FINDING_CHECKSUM] = "checksum",
	[SR_FINDING_MANIFEST] = "manifest",
	[SR_FINDING_ORPHAN_FILE] = "orphan_file",
	[SR_FINDING_UNREADABLE] = "unreadable",
	[SR_FINDING_INDEX] = "index",
	[SR_FINDING_UNKNOWN] = "unknown",
};

static const char *const states[] = {
	[SR_SCRUB_IDLE] = "idle",
	[SR_SCRUB_RUNNING] = "running",
	[SR_SCRUB_STOPPED] = "stopped",
	[SR_SCRUB_DONE] = "done",
};
#define STATES (sizeof states / sizeof states[0])

const char *sr_finding_name(enum sr_finding_kind kind)
{
	return (size_t)kind < SR_FINDINGS ? kinds[kind] : NULL;
}

const char *sr_scrub_state_name(enum sr_scrub_state state)
{
	return (size_t)state < STATES ? states[state] : NULL;
}

void sr_scrub_start_encode(struct sr_builder *out, const struct sr_scrub_start *message)
{
	sr_put_u64(out, message->rate);
	sr_put_span(out, message->after);
}

void sr_scrub_start_decode(struct sr_cursor *in, struct sr_scrub_start *message)
{
	message->rate = sr_take_u64(in);
	message->after = sr_take_field(in, SR_SCRUB_PLACE_MAX);
}

void sr_scrub_status_encode(struct sr_builder *out, uint32_t from)
{
	sr_put_u32(out, from);
}

void sr_scrub_status_decode(struct sr_cursor *in, uint32_t *from)
{
	*from = sr_take_u32(in);
}

void sr_scrub_report_encode(struct sr_builder *out, const struct sr_scrub_report *message)
{
	sr_put_u8(out, (uint8_t)message->state);
	sr_put_u64(out, message->started_ms);
	sr_put_u64(out, message->rows);
	sr_put_u64(out, message->bytes);
	sr_put_u32(out, message->findings);
	sr_put_span(out, message->place);
	sr_put_u32(out, message->from);
	sr_put_u16(out, message->count);
}

void sr_scrub_report_decode(struct sr_cursor *in, struct sr_scrub_report *message)
{
	message->state = (enum sr_scrub_state)sr_take_u8(in);
	if (sr_scrub_state_name(message->state) == NULL)
		sr_take_fail(in);
	message->started_ms = sr_take_u64(in);
	message->rows = sr_take_u64(in);
	message->bytes = sr_take_u64(in);
	message->findings = sr_take_u32(in);
	message->place = sr_take_field(in, SR_SCRUB_PLACE_MAX);
	message->from = sr_take_u32(in);
	message->count = sr_take_count(in, SR_FINDINGS_PAGE_MAX);
	if (message->from > message->findings || message->count > message->findings - message->from)
		sr_take_fail(in);
}

void sr_finding_encode(struct sr_builder *out, const struct sr_finding *finding)
{
	sr_put_u8(out, (uint8_t)finding->kind);
	sr_put_bytes(out, finding->recording, sizeof finding->recording);
	sr_put_u16(out, finding->track);
	sr_put_u16(out, finding->file);
	sr_put_u64(out, finding->offset);
	sr_put_u64(out, finding->length);
	sr_put_span(out, finding->text);
}

void sr_finding_decode(struct sr_cursor *in, struct sr_finding *finding)
{
	finding->kind = (enum sr_finding_kind)sr_take_u8(in);
	if (sr_finding_name(finding->kind) == NULL)
		sr_take_fail(in);
	sr_take_copy(in, finding->recording, SR_UUID);
	finding->track = sr_take_u16(in);
	finding->file = sr_take_u16(in);
	finding->offset = sr_take_u64(in);
	finding->length = sr_take_u64(in);
	finding->text = sr_take_text(in);
}
