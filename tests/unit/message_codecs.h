/*
 * Every message's encoder and decoder in one table, with its least and greatest fields. For test_message.c.
 */
#ifndef SR_MESSAGE_CODECS_H
#define SR_MESSAGE_CODECS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "message.h"
#include "message_alarm.h"
#include "message_audit.h"
#include "message_backup.h"
#include "message_epoch.h"
#include "message_freeze.h"
#include "message_hold.h"
#include "message_incident.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Bytes for the longest fields; filled by who includes this. */
static uint8_t filler[SR_MESSAGE_MAX];

static struct sr_span span(size_t size)
{
	return (struct sr_span){.data = filler, .size = size};
}

static void fill(uint8_t *out, size_t size, uint8_t value)
{
	memset(out, value, size);
}

/* Make a message with its least or its greatest fields; decode and encode again what `in` holds. */
typedef void make(struct sr_builder *out, bool greatest);
typedef void again(struct sr_cursor *in, struct sr_builder *out);

/* The pair of functions for a message whose struct is filled in by fill_<name>. */
#define PAIR(name, decoder)                                                                                            \
	static void make_##name(struct sr_builder *out, bool greatest)                                                 \
	{                                                                                                              \
		struct sr_##name message = {0};                                                                        \
                                                                                                                       \
		fill_##name(&message, greatest);                                                                       \
		sr_##name##_encode(out, &message);                                                                     \
	}                                                                                                              \
	static void again_##name(struct sr_cursor *in, struct sr_builder *out)                                         \
	{                                                                                                              \
		struct sr_##name message;                                                                              \
                                                                                                                       \
		memset(&message, 0x5a, sizeof message);                                                                \
		decoder(in, &message);                                                                                 \
		sr_##name##_encode(out, &message);                                                                     \
	}

static void fill_message_head(struct sr_message_head *m, bool greatest)
{
	m->type = greatest ? SR_MSG_HEALTH_REPLY : SR_MSG_GOODBYE;
	m->stream = greatest ? UINT32_MAX : 0;
	m->request = greatest ? UINT64_MAX : 0;
}
PAIR(message_head, sr_message_head_decode)

static void fill_goodbye(struct sr_goodbye *m, bool greatest)
{
	m->code = greatest ? SR_INTERNAL : SR_OK;
	m->text = span(greatest ? SR_TEXT_MAX : 0);
}
PAIR(goodbye, sr_goodbye_decode)

static void fill_error_reply(struct sr_error_reply *m, bool greatest)
{
	m->code = greatest ? SR_INTERNAL : SR_USAGE;
	m->ended = greatest;
	m->retry_ms = greatest ? UINT32_MAX : 0;
	m->text = span(greatest ? SR_TEXT_MAX : 0);
}
PAIR(error_reply, sr_error_reply_decode)

static void make_grant_renew(struct sr_builder *out, bool greatest)
{
	sr_grant_renew_encode(out, span(greatest ? SR_TOKEN_MAX : 0));
}

static void again_grant_renew(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_span grant;

	sr_grant_renew_decode(in, &grant);
	sr_grant_renew_encode(out, grant);
}

static void make_renewed(struct sr_builder *out, bool greatest)
{
	sr_renewed_encode(out, greatest ? UINT64_MAX : 0);
}

static void again_renewed(struct sr_cursor *in, struct sr_builder *out)
{
	uint64_t expires;

	sr_renewed_decode(in, &expires);
	sr_renewed_encode(out, expires);
}

static void make_durable(struct sr_builder *out, bool greatest)
{
	sr_durable_encode(out, greatest ? UINT64_C(1) << 63 : 0);
}

static void again_durable(struct sr_cursor *in, struct sr_builder *out)
{
	uint64_t durable;

	sr_durable_decode(in, &durable);
	sr_durable_encode(out, durable);
}

static void fill_record_open(struct sr_record_open *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	fill(m->recording, SR_UUID, 0x11);
	fill(m->nonce, SR_NONCE, 0x22);
	m->started_ms = greatest ? UINT64_MAX : 0;
	m->retain_until_ms = greatest ? UINT64_MAX - 1 : 0;
	m->label = span(greatest ? SR_LABEL_MAX : 0);
}
PAIR(record_open, sr_record_open_decode)

static void fill_record_opened(struct sr_record_opened *m, bool greatest)
{
	m->state = greatest ? SR_FINISHED : SR_UNFINISHED;
	m->opened_ms = greatest ? UINT64_MAX : 0;
	m->tracks = greatest ? SR_TRACKS_MAX : 0;
}
PAIR(record_opened, sr_record_opened_decode)

static void fill_record_track(struct sr_record_track *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	fill(m->recording, SR_UUID, 0x11);
	fill(m->nonce, SR_NONCE, 0x22);
	m->track = greatest ? UINT16_MAX : 0;
	m->start_ms = greatest ? UINT64_MAX : 0;
	m->media_type = span(greatest ? SR_MEDIA_TYPE_MAX : 1);
	m->label = span(greatest ? SR_LABEL_MAX : 0);
}
PAIR(record_track, sr_record_track_decode)

static void fill_record_resume(struct sr_record_resume *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	fill(m->recording, SR_UUID, 0x11);
	m->track = greatest ? UINT16_MAX : 1;
}
PAIR(record_resume, sr_record_resume_decode)

static void fill_track_ready(struct sr_track_ready *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->generation = greatest ? UINT32_MAX : 0;
	m->durable = greatest ? UINT64_C(1) << 63 : 0;
	m->window = greatest ? UINT32_MAX : 0;
}
PAIR(track_ready, sr_track_ready_decode)

static void fill_append(struct sr_append *m, bool greatest)
{
	m->data = span(greatest ? SR_APPEND_MAX : 1);
	m->offset = greatest ? (UINT64_C(1) << 63) - SR_APPEND_MAX : 0;
	m->media_time = greatest ? SR_NO_MEDIA_TIME : 0;
}
PAIR(append, sr_append_decode)

static void fill_named(struct sr_named *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	fill(m->recording, SR_UUID, 0x11);
}
PAIR(named, sr_named_decode)

static void fill_record_finished(struct sr_record_finished *m, bool greatest)
{
	m->finished_ms = greatest ? UINT64_MAX : 0;
	m->tracks = greatest ? SR_TRACKS_MAX : 0;
}
PAIR(record_finished, sr_record_finished_decode)

static void fill_list(struct sr_list *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	m->from_ms = greatest ? UINT64_MAX : 0;
	m->to_ms = greatest ? UINT64_MAX - 1 : 0;
	fill(m->after, SR_UUID, greatest ? 0xff : 0);
	m->limit = greatest ? SR_LIST_PAGE_MAX : 1;
}
PAIR(list, sr_list_decode)

static void fill_entry_track(struct sr_entry_track *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->state = greatest ? SR_FINISHED : SR_UNFINISHED;
	m->start_ms = greatest ? UINT64_MAX : 0;
	m->length = greatest ? UINT64_C(1) << 63 : 0;
	m->segments = greatest ? UINT32_MAX : 0;
	m->media_type = span(greatest ? SR_MEDIA_TYPE_MAX : 1);
	m->label = span(greatest ? SR_LABEL_MAX : 0);
}
PAIR(entry_track, sr_entry_track_decode)

static void fill_entry(struct sr_entry *m, bool greatest)
{
	fill(m->recording, SR_UUID, 0x11);
	m->state = greatest ? SR_FINISHED : SR_UNFINISHED;
	m->opened_ms = greatest ? UINT64_MAX : 0;
	m->finished_ms = greatest ? UINT64_MAX - 1 : 0;
	m->retain_until_ms = greatest ? UINT64_MAX - 2 : 0;
	m->label = span(greatest ? SR_LABEL_MAX : 0);
	m->tracks = greatest ? SR_TRACKS_MAX : 0;
}
PAIR(entry, sr_entry_decode)

static void fill_listing(struct sr_listing *m, bool greatest)
{
	m->withheld = greatest ? UINT32_MAX : 0;
	fill(m->next, SR_UUID, greatest ? 0xff : 0);
	m->count = greatest ? SR_LIST_PAGE_MAX : 0;
}
PAIR(listing, sr_listing_decode)

static void fill_info_reply(struct sr_info_reply *m, bool greatest)
{
	m->epoch = greatest ? UINT32_MAX : 0;
	m->root_version = greatest ? UINT32_MAX - 1 : 0;
	m->held = greatest;
}
PAIR(info_reply, sr_info_reply_decode)

static void fill_check(struct sr_check *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	m->ids = span((greatest ? SR_CHECK_MAX : 1) * SR_UUID);
}
PAIR(check, sr_check_decode)

static void make_check_reply(struct sr_builder *out, bool greatest)
{
	uint8_t theirs[SR_CHECK_MAX] = {[1] = 1, [SR_CHECK_MAX - 1] = 1};

	sr_check_reply_encode(out, (struct sr_span){theirs, greatest ? SR_CHECK_MAX : 1});
}

static void again_check_reply(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_span theirs;

	sr_check_reply_decode(in, &theirs);
	sr_check_reply_encode(out, theirs);
}

static void fill_play_head(struct sr_play_head *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->state = greatest ? SR_FINISHED : SR_UNFINISHED;
	m->segments = greatest ? UINT32_MAX : 0;
	m->length = greatest ? UINT64_C(1) << 63 : 0;
	fill(m->chain, SR_CHAIN, 0x33);
}
PAIR(play_head, sr_play_head_decode)

static void fill_play_table(struct sr_play_table *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->from = greatest ? UINT32_MAX : 0;
	m->wait = greatest;
}
PAIR(play_table, sr_play_table_decode)

static void fill_table(struct sr_table *m, bool greatest)
{
	fill_play_head(&m->head, greatest);
	m->count = greatest ? SR_TABLE_PAGE_MAX : 0;
	m->from = greatest ? UINT32_MAX - SR_TABLE_PAGE_MAX : 0;
}
PAIR(table, sr_table_decode)

static void fill_play_range(struct sr_play_range *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->length = greatest ? SR_READ_MAX : 1;
	m->from = greatest ? (UINT64_C(1) << 63) - SR_READ_MAX : 0;
}
PAIR(play_range, sr_play_range_decode)

static void make_read_done(struct sr_builder *out, bool greatest)
{
	struct sr_play_range message;

	fill_play_range(&message, greatest);
	message.length -= greatest ? 0 : 1;
	sr_play_range_encode(out, &message);
}

static void again_read_done(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_play_range message;

	sr_read_done_decode(in, &message);
	sr_play_range_encode(out, &message);
}

static void fill_segment_release(struct sr_segment_release *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->segment = greatest ? UINT32_MAX : 0;
	fill(m->key.key, sizeof m->key.key, 0x44);
	fill(m->key.base_nonce, sizeof m->key.base_nonce, 0x55);
	fill(m->key.commitment, sizeof m->key.commitment, 0x66);
}
PAIR(segment_release, sr_segment_release_decode)

static void fill_body(struct sr_body *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->segment = greatest ? UINT32_MAX : 0;
	m->chunk = greatest ? UINT32_MAX : 0;
	m->length = greatest ? SR_BODY_MAX : 17;
}
PAIR(body, sr_body_decode)

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
#include "message_codecs_audit.h"
#include "message_codecs_epoch.h"
#include "message_codecs_incident.h"
#include "message_codecs_patient.h"

static void fill_backup_begun(struct sr_backup_begun *m, bool greatest)
{
	m->token = greatest ? UINT64_MAX : 1;
	m->taken_ms = greatest ? UINT64_MAX : 0;
}
PAIR(backup_begun, sr_backup_begun_decode)

static void make_backup_rows(struct sr_builder *out, bool greatest)
{
	sr_backup_rows_encode(out, greatest ? UINT64_MAX : 1);
}

static void again_backup_rows(struct sr_cursor *in, struct sr_builder *out)
{
	uint64_t token;

	sr_backup_rows_decode(in, &token);
	sr_backup_rows_encode(out, token);
}

static void fill_backup_page(struct sr_backup_page *m, bool greatest)
{
	m->more = greatest;
	m->rows = span(greatest ? SR_BACKUP_ROWS_MAX : 0);
}
PAIR(backup_page, sr_backup_page_decode)

static void fill_backup_item(struct sr_backup_item *m, bool greatest)
{
	m->table = greatest ? SR_BACKUP_TABLES - 1 : 1;
	m->key = span(greatest ? SR_BACKUP_KEY_MAX : 1);
	m->value = span(greatest ? SR_BACKUP_ROWS_MAX : 0);
}
PAIR(backup_item, sr_backup_item_decode)

static void fill_backup_read(struct sr_backup_read *m, bool greatest)
{
	m->token = m->position = greatest ? UINT64_MAX : 1;
	fill(m->recording, sizeof m->recording, 0x11);
	m->track = m->file = greatest ? UINT16_MAX : 0;
	m->length = greatest ? SR_BACKUP_BYTES_MAX : 1;
}
PAIR(backup_read, sr_backup_read_decode)

static void make_backup_bytes(struct sr_builder *out, bool greatest)
{
	sr_backup_bytes_encode(out, span(greatest ? SR_BACKUP_BYTES_MAX : 0));
}

static void again_backup_bytes(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_span bytes;

	sr_backup_bytes_decode(in, &bytes);
	sr_backup_bytes_encode(out, bytes);
}

static void fill_backup_log(struct sr_backup_log *m, bool greatest)
{
	m->token = greatest ? UINT64_MAX : 1;
	m->number = m->position = greatest ? UINT64_MAX : 0;
}
PAIR(backup_log, sr_backup_log_decode)

static void fill_backup_records(struct sr_backup_records *m, bool greatest)
{
	m->number = m->position = greatest ? UINT64_MAX : 0;
	m->more = greatest;
	m->records = span(greatest ? SR_BACKUP_RECORDS_MAX : 0);
	m->checkpoint = span(greatest ? SR_BACKUP_CHECKPOINT_MAX : 0);
}
PAIR(backup_records, sr_backup_records_decode)

static void fill_backup_end(struct sr_backup_end *m, bool greatest)
{
	m->token = greatest ? UINT64_MAX : 1;
	m->complete = greatest;
}
PAIR(backup_end, sr_backup_end_decode)

#define Z16 "00000000000000000000000000000000"
#define A16 "61616161616161616161616161616161"
#define X1 "11111111111111111111111111111111"
#define X2 "22222222222222222222222222222222"
#define X3 "33333333333333333333333333333333"
#define X7 "7777777777777777777777777777777777777777777777777777777777777777"

/* The least message is frozen in full; of the greatest the first half of its SHA-256. */
static const struct codec {
	const char *name;
	make *make;
	again *again;
	const char *least;
	const char *greatest_hash;
	bool open_ended; /* its last field is the rest of the message */
} codecs[] = {
	{"head", make_message_head, again_message_head, "01000000000000000000000000",
	 "5609fb64e61d2a473499ee50810767fe", false},
	{"goodbye", make_goodbye, again_goodbye, "000000", "6cfb52d68ef191dbccfb53885a119717", false},
	{"error", make_error_reply, again_error_reply, "0100000000000000", "1c4d36267f04c48603c4e67ce77e03ca", false},
	{"grant.renew", make_grant_renew, again_grant_renew, "0000", "e9d888308033c7dbd96aedf91a45a5a0", false},
	{"grant.renewed", make_renewed, again_renewed, "0000000000000000", "12a3ae445661ce5dee78d0650d33362d", false},
	{"durable", make_durable, again_durable, "0000000000000000", "b1b0bee5378188f5250138bcce25855f", false},
	{"record.open", make_record_open, again_record_open,
	 "0000" X1 X2 "0000000000000000"
	 "0000000000000000"
	 "0000",
	 "d81f86addaa09489879979a581b358ba", false},
	{"record.opened", make_record_opened, again_record_opened, "0100000000000000000000",
	 "7d94f39f5674282f4b7b6a0fd9c785ea", false},
	{"record.track", make_record_track, again_record_track,
	 "0000" X1 X2 "0000"
	 "0000000000000000"
	 "000161"
	 "0000",
	 "187e0a16ef5801ec1abb0af9cdc65b68", false},
	{"record.resume", make_record_resume, again_record_resume, "0000" X1 "0001", "6f04657981283baa6229fa4cb7166834",
	 false},
	{"record.ready", make_track_ready, again_track_ready,
	 "0001"
	 "00000000"
	 "0000000000000000"
	 "00000000",
	 "f282d600ff717bef46c12054a21e1a79", false},
	{"record.append", make_append, again_append,
	 "0000000000000000"
	 "0000000000000000"
	 "61",
	 "0c8899b013fd362a43c32e87ef96d308", true},
	{"named", make_named, again_named, "0000" X1, "540476ae97a15c917e29ce26c7b27dde", false},
	{"record.finished", make_record_finished, again_record_finished, "00000000000000000000",
	 "125465e4b2ff4a3f841e94a59cbb445f", false},
	{"list", make_list, again_list, "0000" Z16 Z16 "0001", "ad406bf38a02aabe6959971569082275", false},
	{"entry.track", make_entry_track, again_entry_track,
	 "0001"
	 "01"
	 "0000000000000000"
	 "0000000000000000"
	 "00000000"
	 "000161"
	 "0000",
	 "309c9c5d1fd960dde4e5cabc2fabf015", false},
	{"entry", make_entry, again_entry,
	 X1 "01"
	    "0000000000000000"
	    "0000000000000000"
	    "0000000000000000"
	    "0000"
	    "0000",
	 "a192b3085e3cbae97e2af368cea68e6b", false},
	{"listing", make_listing, again_listing, "00000000" Z16 "0000", "d32e2d076eca816b3e4e7b42c32f9b0e", false},
	{"info.reply", make_info_reply, again_info_reply, "000000000000000000", "10adea90f3ce499c9add6b4a4a83d320",
	 false},
	{"check", make_check, again_check,
	 "0000"
	 "0001"
	 "61616161616161616161616161616161",
	 "aa66a5d5e0981559d97f1277dd42115d", false},
	{"check.reply", make_check_reply, again_check_reply,
	 "0001"
	 "00",
	 "e287c6ed4544548c305b96288b5c5baf", false},
	{"shown", make_shown, again_shown,
	 "0000" X1 "0001"
	 "0000000000000000"
	 "0000000000000001"
	 "0000",
	 "220399b76a75bb5999b8b89c52b91e60", false},
	{"deleted", make_deleted, again_deleted, "0000000000000000", "12a3ae445661ce5dee78d0650d33362d", false},
	{"play.head", make_play_head, again_play_head,
	 "0001"
	 "01"
	 "00000000"
	 "0000000000000000" X3 X3 X3 X3,
	 "7742cf5067daa85ac205845db9429678", false},
	{"play.table", make_play_table, again_play_table,
	 "0001"
	 "00000000"
	 "00",
	 "feade707989318c8de1dd3359b413ad3", false},
	{"play.table.reply", make_table, again_table,
	 "0001"
	 "01"
	 "00000000"
	 "0000000000000000" X3 X3 X3 X3 "00000000"
	 "0000",
	 "510f6ca07ab617337c02b454cbfad869", false},
	{"play.read", make_play_range, again_play_range,
	 "0001"
	 "0000000000000000"
	 "0000000000000001",
	 "f0305e23d77007d7453688eb9e3123dd", false},
	{"play.done", make_read_done, again_read_done,
	 "0001"
	 "0000000000000000"
	 "0000000000000000",
	 "f0305e23d77007d7453688eb9e3123dd", false},
	{"play.key", make_segment_release, again_segment_release,
	 "0001"
	 "00000000"
	 "4444444444444444444444444444444444444444444444444444444444444444"
	 "555555555555555555555555"
	 "6666666666666666666666666666666666666666666666666666666666666666",
	 "1d209686f9affa3900524a210c2c69d5", false},
	{"play.body", make_body, again_body,
	 "0001"
	 "00000000"
	 "00000000"
	 "00000011",
	 "1295af3065d15254aa58613d4b7d8204", false},
	{"service.add", make_service_add, again_service_add,
	 "000161"
	 "0001" X7,
	 "a44827b105db5fa350268d7c18451378", false},
	{"service.added", make_service_added, again_service_added, Z16 Z16, "af9613760f72635fbdb44a5a0a63c39f", false},
	{"service.remove", make_service_remove, again_service_remove, "000161", "dbd8eaf4d8b9923389e05b65b1356392",
	 false},
	{"services", make_services, again_services, "0000", "47dc540c94ceb704a23875c11273e16b", false},
	{"service.row", make_service_row, again_service_row,
	 "000161"
	 "0010" X7 "0000000000000000",
	 "f28cd513db63161330a5ee7d8d4675ed", false},
	{"stats.reply", make_stats, again_stats, "0000", "47dc540c94ceb704a23875c11273e16b", false},
	{"stat", make_stat, again_stat,
	 "000161"
	 "0000000000000000",
	 "1fe761780a544d160650def287b4108e", false},
	{"health.reply", make_health, again_health, "000000", "6cfb52d68ef191dbccfb53885a119717", false},
	{"scrub.start", make_scrub_start, again_scrub_start,
	 "0000000000000000"
	 "0000",
	 "1df03400235f73f9fa59e81ae72448ea", false},
	{"scrub.status", make_scrub_status, again_scrub_status, "00000000", "ad95131bc0b799c0b1af477fb14fcf26", false},
	{"scrub.report", make_scrub_report, again_scrub_report,
	 "01" Z16 "0000000000000000"
	 "00000000"
	 "0000"
	 "00000000"
	 "0000",
	 "b67be1dd3638aa7335c874231e29174b", false},
	{"finding", make_finding, again_finding, "01" X1 "00000000" Z16 "0000", "b93072558c81cb5f5d66a51e2b6acb76",
	 false},
	{"freeze", make_freeze, again_freeze, "0100000000000161", "b9d362b7ba2eaec1ad3e8b57c8a82b29", false},
	{"thaw", make_thaw, again_thaw, "0300001061616161616161616161616161616161000161",
	 "c45eb9a0ffbaa6a88ef206de9137a28c", false},
	{"freeze.list", make_freeze_list, again_freeze_list, "00000000", "ad95131bc0b799c0b1af477fb14fcf26", false},
	{"freezes", make_freezes_reply, again_freezes_reply, "00000000000000000000", "7dc8a0abc9cf8bb24d2aeac79b22509d",
	 false},
	{"freeze.row", make_freeze_row, again_freeze_row,
	 "01000000"
	 "0000000000000000"
	 "0000"
	 "000161",
	 "eb3c2efd3a48114928ed80d1ec83c147", false},
	{"alarm.list", make_alarm_list, again_alarm_list, "0000000000000000", "12a3ae445661ce5dee78d0650d33362d",
	 false},
	{"alarms", make_alarms_reply, again_alarms_reply, "00000000000000000000", "0c4639c8025eea7a1eb2125466d8a681",
	 false},
	{"alarm.row", make_alarm_row, again_alarm_row,
	 "0000000000000001"
	 "01"
	 "01"
	 "0000" Z16 "00000001"
	 "0000000000000000"
	 "00000000000000000000" X7 X7 X1,
	 "15fd68c7f21000b744e210d1babf74e9", false},
	{"epochs", make_epochs_reply, again_epochs_reply, "0000000000000000000000010000",
	 "1bb2e0dfa06e6ec48ace5ff6476a0fc5", false},
	{"epoch.item", make_epoch_item, again_epoch_item, "0000000101" Z16 "0000000000000000",
	 "b4283c1248b8fec4c0ac7cb15215a2e8", false},
	{"epoch.made", make_epoch_made, again_epoch_made, "000000010000000000000000",
	 "8688d249e9d047b4fc2fb89ce05afe9e", false},
	{"epoch.retire", make_epoch_retire, again_epoch_retire, "0000000100", "fb104f00edd6a63e5cfd2ccd3992b678",
	 false},
	{"epoch.retired", make_epoch_retired, again_epoch_retired, "00000001" Z16 Z16 "00000000",
	 "1a616f513d5142c11b8ce50a2f21b9e3", false},
	{"lost.backup", make_lost_backup, again_lost_backup, "000161", "dbd8eaf4d8b9923389e05b65b1356392", false},
	{"rotate.status", make_rotate_status, again_rotate_status, "0000", "7aa547187e98ee50e1973fa113607e1f", false},
	{"rotate.census", make_rotate_census, again_rotate_census,
	 "00000001000000000000000000000000"
	 "0000",
	 "b1794fec87f8551f26c75d1ba5d83472", false},
	{"census.item", make_census_item, again_census_item, "0000000101" Z16 "0000000000000000",
	 "b4283c1248b8fec4c0ac7cb15215a2e8", false},
	{"rotate.step", make_rotate_step, again_rotate_step, "00000000000000010000000100010000",
	 "51f8e28810f6af36e9fb8679a7234cf1", false},
	{"rotate.stepped", make_rotate_stepped, again_rotate_stepped,
	 "0000000100000000"
	 "000000000000000000000000" X1,
	 "785f18c95247cae84c3057713d534914", false},
	{"rotate.deep", make_rotate_deep, again_rotate_deep, "0000" Z16, "9ccc992ea80b3d3c4314b46dcf1603f7", false},
	{"rotate.deepened", make_rotate_deepened, again_rotate_deepened, Z16 Z16 "00",
	 "9ad79a26fbd56f4c24e7cf1655264ff4", false},
	{"patient.rekey", make_patient_rekey, again_patient_rekey, "0000", "e9d888308033c7dbd96aedf91a45a5a0", false},
	{"patient.pair", make_patient_pair, again_patient_pair, "00000000" X1, "46f7c19194564a6481bec7496b0ce3a7",
	 false},
	{"patient.moved", make_patient_moved, again_patient_moved, "00000000000000000000000000",
	 "2bcbeb5e5d0819d3d3fbe90f10d5fa84", false},
	{"person.read", make_person_read, again_person_read, X7, "af9613760f72635fbdb44a5a0a63c39f", false},
	{"person", make_person_box, again_person_box, "0031" A16 A16 A16 "61", "2e8dda60c92c8f3c66c7bdc76655263f",
	 false},
	{"root.made", make_root_made, again_root_made, "00000001", "ad95131bc0b799c0b1af477fb14fcf26", false},
	{"backup.begun", make_backup_begun, again_backup_begun, "00000000000000010000000000000000",
	 "5ac6a5945f16500911219129984ba8b3", false},
	{"backup.rows", make_backup_rows, again_backup_rows, "0000000000000001", "12a3ae445661ce5dee78d0650d33362d",
	 false},
	{"backup.page", make_backup_page, again_backup_page, "000000", "9f8e6a30c3fead180cb6c22ac01e9e32", false},
	{"backup.item", make_backup_item, again_backup_item, "010001610000", "4225b59cc5339eb0db16d5fe81042f0d", false},
	{"backup.read", make_backup_read, again_backup_read,
	 "00000000000000011111111111111111111111111111111100000000000000000000000100000001",
	 "8a6c963e3fa754f06e3d57ddce87aa29", false},
	{"backup.bytes", make_backup_bytes, again_backup_bytes, "0000", "db1a41c9e7325e33c2c313158fde3207", false},
	{"backup.log", make_backup_log, again_backup_log, "000000000000000100000000000000000000000000000000",
	 "44a5f7891570e5631e8c91c85186e663", false},
	{"backup.records", make_backup_records, again_backup_records, "000000000000000000000000000000000000000000",
	 "7ff2b5216871ccc1f63bbeb257b972ea", false},
	{"backup.end", make_backup_end, again_backup_end, "000000000000000100", "2044bcc90c6521838bb9ecf1d8353da4",
	 false},
	{"audit.read", make_audit_order, again_audit_order, "00000000000000000000000000000000",
	 "0949323ebc74ff0e459bb154e83388ed", false},
	{"audit.search", make_audit_search, again_audit_search, "00000000000000000000" Z16 Z16 "0000000000000000",
	 "1a4a0151293895ea9bf4e4e07644aa16", false},
	{"audit.entries", make_audit_entries, again_audit_entries, Z16 X7 X7 "0000", "69329602d5f650cc63e8ebc2280c4605",
	 false},
	{"audit.item", make_audit_item, again_audit_item, "0000000000000000000161", "008e8de4024a6a58461126b73895bde2",
	 false},
	{"audit.signed", make_audit_signed, again_audit_signed, "000161" X7, "980ac80de5f116a6496bb738a2c5ae28", false},
	{"audit.sizes", make_audit_sizes, again_audit_sizes, Z16, "b35253812b10223998447bcf401fa153", false},
	{"audit.number", make_audit_number, again_audit_number, "0000000000000000", "12a3ae445661ce5dee78d0650d33362d",
	 false},
	{"audit.proof", make_audit_proof, again_audit_proof, "0001610000", "70aedc23e9950d25aede674fa07804d6", false},
	{"incident.note", make_incident_note, again_incident_note,
	 "000161"
	 "01"
	 "0000000000000000"
	 "0000"
	 "00",
	 "5cc387755c56e1d9d2b0658b3cf74205", false},
	{"audit.tag", make_audit_tag, again_audit_tag, "00000161", "30ea48ffcb2cf3da01882303b73f0f50", false},
	{"audit.tagged", make_audit_tagged, again_audit_tagged, X7, "af9613760f72635fbdb44a5a0a63c39f", false},
	{"audit.auditor_key", make_auditor_key, again_auditor_key, X7, "af9613760f72635fbdb44a5a0a63c39f", false},
	{"hold.place", make_hold_place, again_hold_place, X1 "0000000161", "7fbe926478dee9b308930e0fcec0ee37", false},
	{"reasoned", make_reasoned, again_reasoned, X1 "000161", "020e1118ec7177231075876527c6303e", false},
	{"hold.list", make_hold_list, again_hold_list, "00000000", "ad95131bc0b799c0b1af477fb14fcf26", false},
	{"holds", make_holds_reply, again_holds_reply, "00000000000000000000", "7dc8a0abc9cf8bb24d2aeac79b22509d",
	 false},
	{"hold.row", make_hold_row, again_hold_row,
	 X1 X1 X3 X3 "0000000000000000"
		     "0000"
		     "000161",
	 "6560174072de6291b0d45fa1c8df4396", false},
	{"patient.erase", make_patient_erase, again_patient_erase,
	 "000161"
	 "01"
	 "0000",
	 "6edb306545487c2cb780eb4d06da2702", false},
	{"patient.erased", make_patient_erased, again_patient_erased,
	 "00"
	 "0000000000000000"
	 "00000000"
	 "00000000"
	 "00000000"
	 "00000000"
	 "00"
	 "0000000000000000"
	 "0000",
	 "0ddff986f5b277998e7924ded3b34a20", false},
};

#endif
