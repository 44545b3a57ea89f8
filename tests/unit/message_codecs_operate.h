/*
 * Least and greatest of what operators ask: services, figures, holds, erasure, scrubs, freezes, alarms; and of shown: a
 * part of message_codecs.h, which includes it.
 */
#ifndef SR_TEST_MESSAGE_CODECS_OPERATE_H
#define SR_TEST_MESSAGE_CODECS_OPERATE_H

static void fill_service_add(struct sr_service_add *m, bool greatest)
{
	m->name = span(greatest ? SR_SERVICE_NAME_MAX : 1);
	m->roles = greatest ? SR_ROLES_ALL : SR_ROLE_INGEST;
	fill(m->key, sizeof m->key, 0x77);
}
PAIR(service_add, sr_service_add_decode)

static void make_service_added(struct sr_builder *out, bool greatest)
{
	uint8_t psk[32];

	fill(psk, sizeof psk, greatest ? 0xff : 0);
	sr_service_added_encode(out, psk);
}

static void again_service_added(struct sr_cursor *in, struct sr_builder *out)
{
	uint8_t psk[32];

	sr_service_added_decode(in, psk);
	sr_service_added_encode(out, psk);
}

static void make_service_remove(struct sr_builder *out, bool greatest)
{
	sr_service_remove_encode(out, span(greatest ? SR_SERVICE_NAME_MAX : 1));
}

static void again_service_remove(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_span name;

	sr_service_remove_decode(in, &name);
	sr_service_remove_encode(out, name);
}

static void make_services(struct sr_builder *out, bool greatest)
{
	sr_services_encode(out, greatest ? SR_SERVICES_MAX : 0);
}

static void again_services(struct sr_cursor *in, struct sr_builder *out)
{
	uint16_t count;

	sr_services_decode(in, &count);
	sr_services_encode(out, count);
}

static void fill_service_row(struct sr_service_row *m, bool greatest)
{
	m->name = span(greatest ? SR_SERVICE_NAME_MAX : 1);
	m->roles = greatest ? SR_ROLES_ALL : SR_ROLE_AUDIT;
	fill(m->key, sizeof m->key, 0x77);
	m->added_ms = greatest ? UINT64_MAX : 0;
}
PAIR(service_row, sr_service_row_decode)

static void make_stats(struct sr_builder *out, bool greatest)
{
	sr_stats_encode(out, greatest ? SR_STATS_MAX : 0);
}

static void again_stats(struct sr_cursor *in, struct sr_builder *out)
{
	uint16_t count;

	sr_stats_decode(in, &count);
	sr_stats_encode(out, count);
}

static void fill_stat(struct sr_stat *m, bool greatest)
{
	m->name = span(greatest ? SR_STAT_NAME_MAX : 1);
	m->value = greatest ? UINT64_MAX : 0;
}
PAIR(stat, sr_stat_decode)

static void fill_health(struct sr_health *m, bool greatest)
{
	m->code = greatest ? SR_INTERNAL : SR_OK;
	m->text = span(greatest ? SR_TEXT_MAX : 0);
}
PAIR(health, sr_health_decode)

static void fill_shown(struct sr_shown *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	fill(m->recording, SR_UUID, 0x11);
	m->track = greatest ? UINT16_MAX : 1;
	m->from_ms = greatest ? UINT64_MAX - 1 : 0;
	m->to_ms = greatest ? UINT64_MAX : 1;
	m->who = span(greatest ? SR_VIEWER_MAX : 0);
}
PAIR(shown, sr_shown_decode)
static void fill_hold_place(struct sr_hold_place *m, bool greatest)
{
	memset(m->recording, 0, sizeof m->recording);
	if (!greatest)
		fill(m->recording, sizeof m->recording, 0x11);
	m->identity = span(greatest ? SR_IDENTITY_FIELD_MAX : 0);
	m->reason = span(greatest ? SR_TEXT_MAX : 1);
}
PAIR(hold_place, sr_hold_place_decode)

static void fill_reasoned(struct sr_reasoned *m, bool greatest)
{
	fill(m->id, sizeof m->id, 0x11);
	m->reason = span(greatest ? SR_TEXT_MAX : 1);
}
PAIR(reasoned, sr_reasoned_decode)

static void make_hold_list(struct sr_builder *out, bool greatest)
{
	sr_hold_list_encode(out, greatest ? UINT32_MAX : 0);
}

static void again_hold_list(struct sr_cursor *in, struct sr_builder *out)
{
	uint32_t from;

	sr_hold_list_decode(in, &from);
	sr_hold_list_encode(out, from);
}

static void fill_holds_reply(struct sr_holds_reply *m, bool greatest)
{
	m->total = greatest ? UINT32_MAX : 0;
	m->from = greatest ? UINT32_MAX - SR_HOLDS_PAGE_MAX : 0;
	m->count = greatest ? SR_HOLDS_PAGE_MAX : 0;
}
PAIR(holds_reply, sr_holds_reply_decode)

static void fill_hold_row(struct sr_hold_row *m, bool greatest)
{
	fill(m->id, sizeof m->id, 0x11);
	fill(m->recording, sizeof m->recording, 0x11);
	fill(m->tag, sizeof m->tag, 0x33);
	m->placed_ms = greatest ? UINT64_MAX : 0;
	m->service = span(greatest ? SR_SERVICE_NAME_MAX : 0);
	m->reason = span(greatest ? SR_TEXT_MAX : 1);
}
PAIR(hold_row, sr_hold_row_decode)

static void fill_patient_erase(struct sr_patient_erase *m, bool greatest)
{
	m->identity = span(greatest ? SR_IDENTITY_FIELD_MAX : 1);
	m->look = !greatest;
	m->reason = span(greatest ? SR_TEXT_MAX : 0);
}
PAIR(patient_erase, sr_patient_erase_decode)

static void fill_patient_erased(struct sr_patient_erased *m, bool greatest)
{
	m->state = greatest ? SR_ERASURE_FINAL : SR_ERASURE_NONE;
	m->erased_ms = greatest ? UINT64_MAX : 0;
	m->recordings = greatest ? UINT32_MAX : 0;
	m->waiting = greatest ? UINT32_MAX : 0;
	m->epoch = greatest ? UINT32_MAX : 0;
	m->unretired = greatest ? UINT32_MAX : 0;
	m->returned = greatest;
	m->kept_until_ms = greatest ? UINT64_MAX : 0;
	m->backups = greatest ? SR_LOST_BACKUPS_MAX : 0;
}
PAIR(patient_erased, sr_patient_erased_decode)

static void make_deleted(struct sr_builder *out, bool greatest)
{
	sr_deleted_encode(out, greatest ? UINT64_MAX : 0);
}

static void again_deleted(struct sr_cursor *in, struct sr_builder *out)
{
	uint64_t until;

	sr_deleted_decode(in, &until);
	sr_deleted_encode(out, until);
}

static void fill_scrub_start(struct sr_scrub_start *m, bool greatest)
{
	m->rate = greatest ? UINT64_MAX : 0;
	m->after = span(greatest ? SR_SCRUB_PLACE_MAX : 0);
}
PAIR(scrub_start, sr_scrub_start_decode)

static void make_scrub_status(struct sr_builder *out, bool greatest)
{
	sr_scrub_status_encode(out, greatest ? UINT32_MAX : 0);
}

static void again_scrub_status(struct sr_cursor *in, struct sr_builder *out)
{
	uint32_t from;

	sr_scrub_status_decode(in, &from);
	sr_scrub_status_encode(out, from);
}

static void fill_scrub_report(struct sr_scrub_report *m, bool greatest)
{
	m->state = greatest ? SR_SCRUB_DONE : SR_SCRUB_IDLE;
	m->started_ms = greatest ? UINT64_MAX : 0;
	m->rows = greatest ? UINT64_MAX : 0;
	m->bytes = greatest ? UINT64_MAX : 0;
	m->findings = greatest ? UINT32_MAX : 0;
	m->place = span(greatest ? SR_SCRUB_PLACE_MAX : 0);
	m->from = greatest ? UINT32_MAX - SR_FINDINGS_PAGE_MAX : 0;
	m->count = greatest ? SR_FINDINGS_PAGE_MAX : 0;
}
PAIR(scrub_report, sr_scrub_report_decode)

static void fill_finding(struct sr_finding *m, bool greatest)
{
	m->kind = greatest ? SR_FINDING_UNKNOWN : SR_FINDING_ROW;
	fill(m->recording, sizeof m->recording, 0x11);
	m->track = greatest ? UINT16_MAX : 0;
	m->file = greatest ? UINT16_MAX : 0;
	m->offset = greatest ? UINT64_MAX : 0;
	m->length = greatest ? UINT64_MAX : 0;
	m->text = span(greatest ? SR_TEXT_MAX : 0);
}
PAIR(finding, sr_finding_decode)

static void fill_freeze(struct sr_freeze *m, bool greatest)
{
	m->scope = greatest ? SR_FREEZE_ACTOR : SR_FREEZE_ALL;
	m->subject = span(greatest ? SR_FREEZE_SUBJECT_MAX : 0);
	m->ingest = greatest;
	m->reason = span(greatest ? SR_TEXT_MAX : 1);
}
PAIR(freeze, sr_freeze_decode)

static void make_thaw(struct sr_builder *out, bool greatest)
{
	struct sr_freeze message = {.scope = greatest ? SR_FREEZE_PATIENT : SR_FREEZE_RECORDING, .tagged = greatest};

	message.subject = span(greatest ? SR_TAG : SR_UUID);
	message.reason = span(greatest ? SR_TEXT_MAX : 1);
	sr_thaw_encode(out, &message);
}

static void again_thaw(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_freeze message;

	sr_thaw_decode(in, &message);
	sr_thaw_encode(out, &message);
}

static void make_freeze_list(struct sr_builder *out, bool greatest)
{
	sr_freeze_list_encode(out, greatest ? UINT32_MAX : 0);
}

static void again_freeze_list(struct sr_cursor *in, struct sr_builder *out)
{
	uint32_t from;

	sr_freeze_list_decode(in, &from);
	sr_freeze_list_encode(out, from);
}

static void fill_freezes_reply(struct sr_freezes_reply *m, bool greatest)
{
	m->total = greatest ? UINT32_MAX : 0;
	m->from = greatest ? UINT32_MAX - SR_FREEZES_PAGE_MAX : 0;
	m->count = greatest ? SR_FREEZES_PAGE_MAX : 0;
}
PAIR(freezes_reply, sr_freezes_reply_decode)

static void make_freeze_made(struct sr_builder *out, bool greatest)
{
	sr_freeze_made_encode(out, greatest);
}

static void again_freeze_made(struct sr_cursor *in, struct sr_builder *out)
{
	bool unknown;

	sr_freeze_made_decode(in, &unknown);
	sr_freeze_made_encode(out, unknown);
}

static void fill_freeze_row(struct sr_freeze_row *m, bool greatest)
{
	m->scope = greatest ? SR_FREEZE_GRANT : SR_FREEZE_ALL;
	m->subject = span(greatest ? SR_FREEZE_SUBJECT_MAX : 0);
	m->ingest = greatest;
	m->frozen_ms = greatest ? UINT64_MAX : 0;
	m->by = span(greatest ? SR_SERVICE_NAME_MAX : 0);
	m->reason = span(greatest ? SR_TEXT_MAX : 1);
}
PAIR(freeze_row, sr_freeze_row_decode)

static void make_alarm_list(struct sr_builder *out, bool greatest)
{
	sr_alarm_list_encode(out, greatest ? UINT64_MAX : 0);
}

static void again_alarm_list(struct sr_cursor *in, struct sr_builder *out)
{
	uint64_t after;

	sr_alarm_list_decode(in, &after);
	sr_alarm_list_encode(out, after);
}

static void fill_alarms_reply(struct sr_alarms_reply *m, bool greatest)
{
	m->lost = greatest ? UINT64_MAX : 0;
	m->count = greatest ? SR_ALARMS_PAGE_MAX : 0;
}
PAIR(alarms_reply, sr_alarms_reply_decode)

static void fill_alarm_row(struct sr_alarm_row *m, bool greatest)
{
	m->number = greatest ? UINT64_MAX : 1;
	m->kind = greatest ? SR_ALARM_TEST : SR_ALARM_MISFILED;
	m->delivery = greatest ? SR_ALARM_GIVEN_UP : SR_ALARM_UNTOLD;
	m->tries = greatest ? UINT16_MAX : 0;
	m->first_ms = m->last_ms = m->request = greatest ? UINT64_MAX : 0;
	m->count = greatest ? UINT32_MAX : 1;
	m->operation = m->service = m->issuer = span(greatest ? SR_SERVICE_NAME_MAX : 0);
	m->jti = span(greatest ? SR_ALARM_JTI_MAX : 0);
	m->what = span(greatest ? SR_TEXT_MAX : 0);
	fill(m->patient, sizeof m->patient, 0x77);
	fill(m->actor, sizeof m->actor, 0x77);
	fill(m->recording, sizeof m->recording, 0x11);
}
PAIR(alarm_row, sr_alarm_row_decode)

#endif
