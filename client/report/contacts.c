/*
 * The contact list: whom the numbers of the regulator's copy mean. Written in the clear here; whoever keeps it seals
 * it.
 */
#include <stdlib.h>

#include <sodium.h>

#include "write.h"

static bool is_recipient_listed(const struct sr_report *report, uint32_t at)
{
	return report->recipient_numbers[at] != 0;
}

bool sr_report_people(const struct sr_report *report, struct sr_report_person **list, size_t *count)
{
	*count = 0;
	*list = calloc((size_t)report->recipients.count + report->people.count + 1, sizeof **list);
	if (!*list)
		return false;
	for (uint32_t at = 0; at < report->recipients.count; at++)
		if (is_recipient_listed(report, at))
			(*list)[(*count)++] = (struct sr_report_person){
				.recipient = true,
				.number = report->recipient_numbers[at],
				.tag = sr_report_key(&report->recipients, at) + 1,
			};
	for (uint32_t at = 0; at < report->people.count; at++) {
		uint32_t number = report->person_numbers[sr_report_root(report, at)];
		if (number != 0)
			(*list)[(*count)++] = (struct sr_report_person){
				.number = number,
				.tag = sr_report_key(&report->people, at),
			};
	}
	return true;
}

static void put_person(const struct sr_report_person *person, struct sr_report_out *out)
{
	char hex[2 * SR_TAG + 1];
	sr_json_begin(out, NULL, '{');
	sr_json_number(out, person->recipient ? "recipient" : "person", person->number);
	sr_json_text(out, "tag", sodium_bin2hex(hex, sizeof hex, person->tag, SR_TAG));
	if (person->box) {
		char *box = malloc(2 * person->box_size + 1);
		sr_json_text(out, "box",
			     box ? sodium_bin2hex(box, 2 * person->box_size + 1, person->box, person->box_size) : NULL);
		out->failed |= !box;
		free(box);
	} else {
		sr_json_null(out, "box");
	}
	sr_json_end(out, '}');
}

static void put_recording(const struct sr_report *report, const struct sr_report_pair *pair, struct sr_report_out *out)
{
	char id[SR_UUID_TEXT];
	uint64_t confirmed, possibly;
	sr_report_pair_bytes(pair, &confirmed, &possibly);
	sr_uuid_format(sr_report_key(&report->recordings, pair->recording), id);
	sr_json_begin(out, NULL, '{');
	sr_json_number(out, "recipient", report->recipient_numbers[pair->recipient]);
	sr_json_number(out, "recording", report->recording_numbers[pair->recording]);
	uint32_t owner = report->owners[pair->recording];
	if (owner == SR_REPORT_NONE)
		sr_json_null(out, "person");
	else
		sr_json_number(out, "person", report->person_numbers[sr_report_root(report, owner)]);
	sr_json_text(out, "id", id);
	sr_json_time(out, "first", pair->first_ms);
	sr_json_time(out, "last", pair->last_ms);
	sr_json_bool(out, "presented", pair->presented > 0);
	sr_json_bool(out, "opened", pair->opened > 0);
	sr_json_number(out, "bytes_at_least", confirmed);
	sr_json_number(out, "bytes_at_most", possibly);
	sr_json_end(out, '}');
}

bool sr_report_contacts(const struct sr_report *report, const struct sr_report_person *list, size_t count,
			struct sr_report_out *out)
{
	sr_json_begin(out, NULL, '{');
	sr_json_text(out, "format", "sealreel contact list 1");
	sr_json_text(out, "incident", report->request.incident->name);
	sr_json_number(out, "report", report->request.number);
	sr_json_begin(out, "contacts", '[');
	for (size_t at = 0; at < count; at++)
		put_person(&list[at], out);
	sr_json_end(out, ']');
	sr_json_begin(out, "accesses", '[');
	for (uint32_t at = 0; at < report->pair_keys.count; at++)
		put_recording(report, &report->pairs[at], out);
	sr_json_end(out, ']');
	sr_json_end(out, '}');
	return !out->failed;
}
