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
#include "message_operate.h"
#include "message_scrub.h"

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

#include "message_codecs_audit.h"
#include "message_codecs_backup.h"
#include "message_codecs_epoch.h"
#include "message_codecs_incident.h"
#include "message_codecs_operate.h"
#include "message_codecs_patient.h"
#include "message_codecs_play.h"
#include "message_codecs_record.h"

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
	 "d7f682aabc19d9e722734215858f81c6", false},
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
	{"play.start", make_play_start, again_play_start,
	 "0000" X1 "0001"
	 "0000000000000000"
	 "0000000000000001",
	 "876423260e28e9a8e492672a81cc1707", false},
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
	{"freeze.made", make_freeze_made, again_freeze_made, "00", "4bf5122f344554c53bde2ebb8cd2b7e3", false},
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
	{"backup.begin", make_backup_begin, again_backup_begin, "01", "a8100ae6aa1940d0b663bb31cd466142", false},
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
