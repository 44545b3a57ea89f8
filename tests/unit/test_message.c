/*
 * Every message by one table: least and greatest fields there and back, frozen bytes, each truncation and each byte
 * too many refused. Values out of range have a table of their own.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "message_codecs.h"

static void set_up(void)
{
	cr_assert_geq(sodium_init(), 0);
	memset(filler, 'a', sizeof filler);
}

TestSuite(message, .init = set_up);

static uint8_t made[SR_MESSAGE_MAX], made_again[SR_MESSAGE_MAX];

static size_t make_into(const struct codec *codec, bool greatest)
{
	struct sr_builder out = sr_builder_over(made, sizeof made);

	codec->make(&out, greatest);
	cr_assert(!out.failed, "%s", codec->name);
	return out.used;
}

/* True if the first `size` bytes of `made` decode to the last; what was decoded then encodes to the same bytes. */
static bool round_trips(const struct codec *codec, size_t size)
{
	/* Its own allocation, so that a read past the end is caught. */
	uint8_t *copy = malloc(size == 0 ? 1 : size);
	struct sr_builder out = sr_builder_over(made_again, sizeof made_again);
	struct sr_cursor in;
	bool done;

	memcpy(copy, made, size);
	in = sr_cursor_over(copy, size);
	codec->again(&in, &out);
	done = sr_take_done(&in);
	if (done) {
		cr_assert(!out.failed && out.used == size, "%s", codec->name);
		cr_assert_arr_eq(made_again, copy, size, "%s", codec->name);
	}
	free(copy);
	return done;
}

Test(message, least_and_greatest_go_there_and_back_in_frozen_bytes)
{
	for (size_t i = 0; i < COUNT(codecs); i++) {
		size_t size = make_into(&codecs[i], false);
		uint8_t hash[crypto_hash_sha256_BYTES];
		char hex[1024];

		cr_assert(round_trips(&codecs[i], size), "%s", codecs[i].name);
		sodium_bin2hex(hex, sizeof hex, made, size);
		cr_assert_str_eq(hex, codecs[i].least, "%s", codecs[i].name);

		size = make_into(&codecs[i], true);
		cr_assert(round_trips(&codecs[i], size), "%s", codecs[i].name);
		crypto_hash_sha256(hash, made, size);
		sodium_bin2hex(hex, sizeof hex, hash, 16);
		cr_assert_str_eq(hex, codecs[i].greatest_hash, "%s: %s", codecs[i].name, hex);
	}
}

Test(message, every_truncation_is_refused)
{
	for (size_t i = 0; i < COUNT(codecs); i++) {
		for (int greatest = 0; greatest < 2; greatest++) {
			size_t whole = make_into(&codecs[i], greatest == 1);
			size_t least = codecs[i].open_ended ? 17 : whole;

			for (size_t size = 0; size < whole; size++)
				cr_assert_eq(round_trips(&codecs[i], size), size >= least, "%s, %zu of %zu",
					     codecs[i].name, size, whole);
		}
	}
}

Test(message, every_trailing_byte_is_refused)
{
	for (size_t i = 0; i < COUNT(codecs); i++) {
		for (int greatest = 0; greatest < 2; greatest++) {
			size_t size = make_into(&codecs[i], greatest == 1);

			made[size] = 0;
			cr_assert_eq(round_trips(&codecs[i], size + 1), codecs[i].open_ended && greatest == 0, "%s",
				     codecs[i].name);
		}
	}
}

/* Any one byte of a least message, changed to anything, gives a message that is refused or stands for itself. */
Test(message, what_decodes_encodes_to_the_same_bytes)
{
	for (size_t i = 0; i < COUNT(codecs); i++) {
		size_t size = make_into(&codecs[i], false);

		for (size_t at = 0; at < size; at++) {
			uint8_t was = made[at];

			for (unsigned value = 0; value < 256; value++) {
				made[at] = (uint8_t)value;
				(void)round_trips(&codecs[i], size);
			}
			made[at] = was;
		}
		cr_assert(round_trips(&codecs[i], size));
	}
}

Test(message, encoders_that_run_out_of_room_say_so)
{
	for (size_t i = 0; i < COUNT(codecs); i++) {
		size_t size = make_into(&codecs[i], false);
		struct sr_builder out = sr_builder_over(made, size - 1);

		codecs[i].make(&out, false);
		cr_assert(out.failed, "%s", codecs[i].name);
	}
}

/* --- Values out of range ------------------------------------------------------------------------------------------ */

/* A least message (or the greatest) with `size` bytes at `at` replaced by the big-endian `value`. */
static const struct {
	const char *codec;
	bool greatest;
	size_t at, size;
	uint64_t value;
	bool valid;
} values[] = {
	{"head", false, 0, 1, 0, false},
	{"head", false, 0, 1, SR_MSG_CLOSED + 1, false},
	{"head", false, 0, 1, 0xff, false},
	{"goodbye", false, 0, 1, SR_CODES - 1, true},
	{"goodbye", false, 0, 1, SR_CODES, false},
	{"error", false, 0, 1, SR_OK, false},
	{"error", false, 0, 1, SR_CODES, false},
	{"error", false, 1, 1, 2, false},
	{"durable", false, 0, 8, (UINT64_C(1) << 63) + 1, false},
	{"record.opened", false, 0, 1, 0, false},
	{"record.opened", false, 0, 1, 3, false},
	{"record.opened", false, 9, 2, SR_TRACKS_MAX + 1, false},
	{"record.resume", false, 18, 2, 0, false},
	{"record.ready", false, 0, 2, 0, false},
	{"record.ready", false, 6, 8, UINT64_MAX, false},
	{"record.append", false, 0, 8, (UINT64_C(1) << 63) - 1, true},
	{"record.append", false, 0, 8, UINT64_C(1) << 63, false},
	{"record.append", true, 0, 8, (UINT64_C(1) << 63) - SR_APPEND_MAX + 1, false},
	{"record.finished", false, 8, 2, SR_TRACKS_MAX + 1, false},
	{"list", false, 34, 2, 0, false},
	{"list", false, 34, 2, SR_LIST_PAGE_MAX + 1, false},
	{"entry.track", false, 0, 2, 0, false},
	{"entry.track", false, 2, 1, 3, false},
	{"entry.track", false, 11, 8, UINT64_MAX, false},
	{"entry", false, 16, 1, 0, false},
	{"entry", false, 43, 2, SR_TRACKS_MAX + 1, false},
	{"listing", false, 20, 2, SR_LIST_PAGE_MAX + 1, false},
	{"info.reply", false, 8, 1, 2, false},
	{"check", false, 2, 2, 0, false},
	{"check", true, SR_TOKEN_MAX + 2, 2, SR_CHECK_MAX - 1, false},
	{"check.reply", false, 2, 1, 1, true},
	{"check.reply", false, 2, 1, 2, false},
	{"check.reply", true, SR_CHECK_MAX + 1, 1, 0xff, false},
	{"play.head", false, 0, 2, 0, false},
	{"play.head", false, 2, 1, 0, false},
	{"play.head", false, 7, 8, UINT64_MAX, false},
	{"play.table", false, 0, 2, 0, false},
	{"play.table", false, 6, 1, SR_TABLE_ALL, true},
	{"play.table", false, 6, 1, SR_TABLE_ALL + 1, false},
	{"play.table.reply", false, 79, 4, UINT32_MAX, true},
	{"play.table.reply", false, 83, 2, 1, false},
	{"play.table.reply", true, 79, 4, UINT32_MAX - SR_TABLE_PAGE_MAX + 1, false},
	{"play.table.reply", true, 83, 2, SR_TABLE_PAGE_MAX + 1, false},
	{"play.read", false, 0, 2, 0, false},
	{"play.read", false, 10, 8, 0, false},
	{"play.read", false, 10, 8, SR_READ_MAX + 1, false},
	{"play.read", false, 2, 8, UINT64_C(1) << 63, false},
	{"play.read", true, 2, 8, (UINT64_C(1) << 63) - SR_READ_MAX + 1, false},
	{"play.start", false, 18, 2, 0, false},
	{"play.start", false, 28, 8, 0, false},
	{"play.start", false, 28, 8, SR_READ_MAX + 1, false},
	{"play.start", false, 20, 8, UINT64_C(1) << 63, false},
	{"play.done", false, 0, 2, 0, false},
	{"play.done", false, 10, 8, SR_READ_MAX + 1, false},
	{"play.done", false, 2, 8, (UINT64_C(1) << 63) + 1, false},
	{"shown", false, 18, 2, 0, false},
	{"shown", false, 28, 8, 0, false},
	{"play.key", false, 0, 2, 0, false},
	{"play.body", false, 0, 2, 0, false},
	{"play.body", false, 10, 4, 16, false},
	{"play.body", false, 10, 4, SR_CHUNK_SEALED, true},
	{"play.body", false, 10, 4, SR_CHUNK_SEALED + 16, false},
	{"play.body", false, 10, 4, SR_CHUNK_SEALED + 17, true},
	{"play.body", false, 10, 4, SR_BODY_MAX + 1, false},
	{"service.add", false, 2, 1, 'A', false},
	{"service.add", false, 2, 1, '-', true},
	{"service.add", false, 2, 1, 0, false},
	{"service.add", false, 3, 2, 0, false},
	{"service.add", false, 3, 2, SR_ROLES_ALL + 1, false},
	{"service.remove", false, 2, 1, '/', false},
	{"services", false, 0, 2, SR_SERVICES_MAX + 1, false},
	{"service.row", false, 2, 1, ' ', false},
	{"service.row", false, 3, 2, 0x8001, false},
	{"stats.reply", false, 0, 2, SR_STATS_MAX + 1, false},
	{"stat", false, 2, 1, '.', false},
	{"stat", false, 2, 1, '_', true},
	{"health.reply", false, 0, 1, SR_CODES, false},
	{"scrub.report", false, 0, 1, 0, false},
	{"scrub.report", false, 0, 1, SR_SCRUB_DONE + 1, false},
	{"scrub.report", false, 31, 4, 1, false},
	{"scrub.report", true, 31 + SR_SCRUB_PLACE_MAX, 4, UINT32_MAX - SR_FINDINGS_PAGE_MAX + 1, false},
	{"scrub.report", true, 35 + SR_SCRUB_PLACE_MAX, 2, SR_FINDINGS_PAGE_MAX + 1, false},
	{"scrub.report", false, 35, 2, 1, false},
	{"finding", false, 0, 1, 0, false},
	{"finding", false, 0, 1, SR_FINDINGS, false},
	{"hold.place", true, 15, 1, 1, false}, /* a recording and an identity */
	{"hold.place", false, 16, 2, 256, false},
	{"hold.place", false, 18, 2, 0, false},
	{"reasoned", false, 16, 2, 0, false},
	{"holds", false, 8, 2, 1, false},
	{"holds", true, 4, 4, UINT32_MAX - SR_HOLDS_PAGE_MAX + 1, false},
	{"holds", true, 8, 2, SR_HOLDS_PAGE_MAX + 1, false},
	{"hold.row", false, 74, 2, 0, false},
	{"patient.erase", false, 0, 2, 0, false},
	{"patient.erase", false, 3, 1, 0, false}, /* no reason */
	{"patient.erase", false, 3, 1, 2, false},
	{"patient.erased", false, 0, 1, 3, false},
	{"rotate.deepened", false, 32, 1, 2, false},
	{"patient.erased", false, 25, 1, 2, false},
	{"patient.erased", false, 34, 2, SR_LOST_BACKUPS_MAX + 1, false},
	{"freeze", false, 0, 1, 0, false},
	{"freeze", false, 0, 1, SR_FREEZE_PATIENT, false}, /* each of these names something */
	{"freeze", false, 0, 1, SR_FREEZE_RECORDING, false},
	{"freeze", false, 0, 1, SR_FREEZE_SERVICE, false},
	{"freeze", false, 0, 1, SR_FREEZE_GRANT, false},
	{"freeze", false, 1, 1, 1, false},
	{"freeze", false, 4, 1, 2, false},
	{"freeze", true, 0, 1, SR_FREEZE_ALL, false},
	{"freeze", true, 0, 1, SR_FREEZE_PATIENT, true},
	{"freeze", true, 0, 1, SR_FREEZE_RECORDING, false},
	{"freeze", true, 0, 1, SR_FREEZE_SERVICE, false}, /* too long for a name */
	{"freeze", true, 0, 1, SR_FREEZE_GRANT, true},
	{"freeze", true, 0, 1, SR_FREEZE_SCOPES, false},
	{"freeze", true, 1, 1, 1, false}, /* too long for a tag */
	{"thaw", true, 0, 1, SR_FREEZE_ACTOR, true},
	{"thaw", true, 0, 1, SR_FREEZE_GRANT, false}, /* which has no tag */
	{"thaw", true, 1, 1, 0, true},
	{"thaw", false, 0, 1, SR_FREEZE_ISSUER, true},
	{"freeze.made", false, 0, 1, 2, false},
	{"freezes", false, 8, 2, 1, false},
	{"freezes", true, 4, 4, UINT32_MAX - SR_FREEZES_PAGE_MAX + 1, false},
	{"freezes", true, 8, 2, SR_FREEZES_PAGE_MAX + 1, false},
	{"freeze.row", false, 0, 1, SR_FREEZE_SCOPES, false},
	{"freeze.row", false, 3, 1, 2, false},
	{"freeze.row", true, 0, 1, SR_FREEZE_ACTOR, false}, /* no tag */
	{"freeze.row", true, 1 + 2 + SR_FREEZE_SUBJECT_MAX + 1 + 8 + 2, 1, 'A', false},
	{"alarms", true, 8, 2, SR_ALARMS_PAGE_MAX + 1, false},
	{"alarm.row", false, 0, 8, 0, false},
	{"alarm.row", false, 8, 1, 0, false},
	{"alarm.row", false, 8, 1, SR_ALARM_KINDS, false},
	{"alarm.row", false, 9, 1, 0, false},
	{"alarm.row", false, 9, 1, SR_ALARM_EARLIER + 1, false},
	{"alarm.row", false, 28, 4, 0, false},
	{"epochs", false, 8, 4, 0, false},
	{"epochs", false, 12, 2, SR_EPOCHS_LISTED_MAX + 1, false},
	{"epoch.item", false, 0, 4, 0, false},
	{"epoch.item", false, 4, 1, 0, false},
	{"epoch.item", false, 4, 1, 4, false},
	{"epoch.made", false, 0, 4, 0, false},
	{"epoch.retire", false, 0, 4, 0, false},
	{"epoch.retire", false, 4, 1, 2, false},
	{"epoch.retired", false, 0, 4, 0, false},
	{"epoch.retired", false, 38, 2, SR_LOST_BACKUPS_MAX + 1, false},
	{"lost.backup", false, 2, 1, '/', false},
	{"rotate.census", false, 0, 4, 0, false},
	{"rotate.census", false, 6, 2, SR_ROTATE_PROGRESS + 1, false},
	{"rotate.census", false, 16, 2, SR_EPOCHS_LISTED_MAX + 1, false},
	{"census.item", false, 0, 4, 0, false},
	{"backup.begin", false, 0, 1, 0, false},
	{"backup.begun", false, 0, 8, 0, false},
	{"backup.rows", false, 0, 8, 0, false},
	{"backup.page", false, 0, 1, 2, false},
	{"backup.item", false, 0, 1, 0, false},
	{"backup.item", false, 0, 1, SR_BACKUP_TABLES, false},
	{"backup.read", false, 0, 8, 0, false},
	{"backup.read", false, 36, 4, 0, false},
	{"backup.read", false, 36, 4, SR_BACKUP_BYTES_MAX + 1, false},
	{"backup.log", false, 0, 8, 0, false},
	{"backup.records", false, 16, 1, 2, false},
	{"backup.end", false, 0, 8, 0, false},
	{"backup.end", false, 8, 1, 2, false},
	{"audit.search", false, 24, 2, 1, false},
	{"audit.search", false, 24, 2, 1u << SR_AUDIT_KINDS, false},
	{"audit.search", false, 26, 1, 1, false},
	{"audit.search", false, 29, 1, 2, false},
	{"audit.search", true, 27, 2, 0, false},
	{"audit.entries", false, 8, 8, 1, false},
	{"audit.entries", false, 80, 2, 1, false},
	{"audit.entries", true, 80, 2, SR_ENTRIES_PAGE_MAX + 1, false},
	{"audit.item", false, 8, 2, 0, false},
	{"audit.sizes", true, 8, 8, UINT64_MAX - 2, false},
	{"audit.sizes", true, 8, 8, 0, true},
	{"audit.signed", false, 0, 2, 0, false},
	{"audit.proof", true, 2 + SR_AUDIT_NOTE_MAX, 2, SR_PROOF_MAX + 1, false},
	{"incident.note", false, 0, 2, 0, false},
	{"incident.note", false, 2, 1, 0x40, false},
	{"incident.note", false, 3, 1, 0, false},
	{"incident.note", false, 3, 1, SR_INCIDENT_WHATS, false},
	{"incident.note", false, 14, 1, 1, false},
	{"incident.note", true, 76 + SR_INCIDENT_TEXT_MAX, 1, SR_INCIDENT_FACTS_MAX + 1, false},
	{"incident.note", true, 79 + SR_INCIDENT_TEXT_MAX, 1, 0x62, false},
	{"audit.tag", false, 0, 1, 2, false},
	{"audit.tag", false, 1, 2, 0, false},
	{"census.item", false, 4, 1, 4, false},
	{"rotate.step", false, 0, 4, 7, true},
	{"rotate.step", false, 4, 4, 0, false},
	{"rotate.step", false, 4, 4, 2, false},
	{"rotate.step", false, 8, 4, 0, false},
	{"rotate.step", false, 12, 2, 0, false},
	{"rotate.step", false, 12, 2, SR_ROTATE_STEP_MAX + 1, false},
	{"patient.moved", false, 12, 1, 2, false},
	{"root.made", false, 0, 4, 0, false},
	{"rotate.stepped", false, 0, 4, 0, false},
	{"rotate.stepped", false, 6, 2, SR_ROTATE_PROGRESS + 1, false},
};

static const struct codec *codec_named(const char *name)
{
	const struct codec *found = NULL;

	for (size_t i = 0; i < COUNT(codecs); i++) {
		if (strcmp(codecs[i].name, name) == 0)
			found = &codecs[i];
	}
	cr_assert_not_null(found, "no codec %s", name);
	return found;
}

Test(message, values_out_of_range_are_refused)
{
	for (size_t i = 0; i < COUNT(values); i++) {
		const struct codec *codec = codec_named(values[i].codec);
		size_t size = make_into(codec, values[i].greatest);

		for (size_t k = 0; k < values[i].size; k++)
			made[values[i].at + k] = (uint8_t)(values[i].value >> (8 * (values[i].size - 1 - k)));
		cr_assert_eq(round_trips(codec, size), values[i].valid, "%s, case %zu", codec->name, i);
	}
}

/* Fields with one byte more than the greatest: the length says so, and the byte is there. */
static const struct {
	const char *codec;
	size_t at; /* of the field's length in the greatest message */
	size_t most;
} fields[] = {
	{"goodbye", 1, SR_TEXT_MAX},
	{"error", 6, SR_TEXT_MAX},
	{"grant.renew", 0, SR_TOKEN_MAX},
	{"hold.place", 16, SR_IDENTITY_FIELD_MAX},
	{"hold.place", 18 + SR_IDENTITY_FIELD_MAX, SR_TEXT_MAX},
	{"reasoned", 16, SR_TEXT_MAX},
	{"hold.row", 72, SR_SERVICE_NAME_MAX},
	{"hold.row", 74 + SR_SERVICE_NAME_MAX, SR_TEXT_MAX},
	{"patient.erase", 0, SR_IDENTITY_FIELD_MAX},
	{"patient.erase", 3 + SR_IDENTITY_FIELD_MAX, SR_TEXT_MAX},
	{"record.open", 0, SR_TOKEN_MAX},
	{"record.open", SR_TOKEN_MAX + 50, SR_LABEL_MAX},
	{"record.track", 0, SR_TOKEN_MAX},
	{"record.track", SR_TOKEN_MAX + 44, SR_MEDIA_TYPE_MAX},
	{"record.track", SR_TOKEN_MAX + 46 + SR_MEDIA_TYPE_MAX, SR_LABEL_MAX},
	{"record.resume", 0, SR_TOKEN_MAX},
	{"named", 0, SR_TOKEN_MAX},
	{"list", 0, SR_TOKEN_MAX},
	{"entry.track", 23, SR_MEDIA_TYPE_MAX},
	{"entry.track", 25 + SR_MEDIA_TYPE_MAX, SR_LABEL_MAX},
	{"entry", 41, SR_LABEL_MAX},
	{"check", 0, SR_TOKEN_MAX},
	{"shown", 0, SR_TOKEN_MAX},
	{"shown", SR_TOKEN_MAX + 36, SR_VIEWER_MAX},
	{"service.add", 0, SR_SERVICE_NAME_MAX},
	{"service.remove", 0, SR_SERVICE_NAME_MAX},
	{"service.row", 0, SR_SERVICE_NAME_MAX},
	{"stat", 0, SR_STAT_NAME_MAX},
	{"health.reply", 1, SR_TEXT_MAX},
	{"scrub.start", 8, SR_SCRUB_PLACE_MAX},
	{"scrub.report", 29, SR_SCRUB_PLACE_MAX},
	{"epoch.retired", 36, SR_PROOF_NOTE_MAX},
	{"lost.backup", 0, SR_BACKUP_LABEL_MAX},
	{"rotate.status", 0, SR_ROTATE_PLACE_MAX},
	{"rotate.census", 4, SR_ROTATE_PLACE_MAX},
	{"rotate.step", 14, SR_ROTATE_PLACE_MAX},
	{"patient.rekey", 0, SR_TOKEN_MAX},
	{"rotate.deep", 0, SR_TOKEN_MAX},
	{"person", 0, SR_PERSON_BOX_MAX},
	{"rotate.stepped", 4, SR_ROTATE_PLACE_MAX},
	{"finding", 37, SR_TEXT_MAX},
	{"freeze", 2, SR_FREEZE_SUBJECT_MAX},
	{"freeze", 5 + SR_FREEZE_SUBJECT_MAX, SR_TEXT_MAX},
	{"thaw", 2, SR_TAG},
	{"thaw", 4 + SR_TAG, SR_TEXT_MAX},
	{"freeze.row", 1, SR_FREEZE_SUBJECT_MAX},
	{"freeze.row", 12 + SR_FREEZE_SUBJECT_MAX, SR_SERVICE_NAME_MAX},
	{"freeze.row", 14 + SR_FREEZE_SUBJECT_MAX + SR_SERVICE_NAME_MAX, SR_TEXT_MAX},
	{"audit.search", 27, SR_TAG},
	{"audit.search", 30 + SR_TAG, 255},
	{"audit.search", 48 + SR_TAG + 255, SR_SERVICE_NAME_MAX},
	{"audit.item", 8, SR_AUDIT_ENTRY_MAX},
	{"audit.signed", 0, SR_AUDIT_NOTE_MAX},
	{"audit.proof", 0, SR_AUDIT_NOTE_MAX},
	{"incident.note", 0, SR_INCIDENT_NAME_MAX},
	{"incident.note", 11 + SR_INCIDENT_NAME_MAX, SR_INCIDENT_TEXT_MAX},
	{"incident.note", 21 + SR_INCIDENT_NAME_MAX + SR_INCIDENT_TEXT_MAX, SR_INCIDENT_VALUE_MAX},
	{"audit.tag", 1, 255},
	{"alarm.row", 40, SR_SERVICE_NAME_MAX},
	{"alarm.row", 46 + 3 * SR_SERVICE_NAME_MAX, SR_ALARM_JTI_MAX},
	{"alarm.row", 48 + 3 * SR_SERVICE_NAME_MAX + SR_ALARM_JTI_MAX, SR_TEXT_MAX},
};

Test(message, fields_that_are_too_long_are_refused)
{
	for (size_t i = 0; i < COUNT(fields); i++) {
		const struct codec *codec = codec_named(fields[i].codec);
		size_t size = make_into(codec, true);
		size_t at = fields[i].at;

		cr_assert_eq((size_t)(made[at] << 8 | made[at + 1]), fields[i].most, "%s, case %zu", codec->name, i);
		memmove(made + at + 3, made + at + 2, size - at - 2);
		made[at] = (uint8_t)((fields[i].most + 1) >> 8);
		made[at + 1] = (uint8_t)(fields[i].most + 1);
		made[at + 2] = 'a';
		cr_assert(!round_trips(codec, size + 1), "%s, case %zu", codec->name, i);
	}
}

/* Fields that may not be empty: their length is 0 and their byte is gone. */
Test(message, fields_that_may_not_be_empty_are_refused)
{
	static const struct {
		const char *codec;
		size_t at;
	} cases[] = {{"record.track", 44},  {"entry.track", 23}, {"service.add", 0},
		     {"service.remove", 0}, {"service.row", 0},  {"stat", 0},
		     {"freeze", 5},         {"freeze.row", 14},  {"lost.backup", 0}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct codec *codec = codec_named(cases[i].codec);
		size_t size = make_into(codec, false);
		size_t at = cases[i].at;

		cr_assert_eq(made[at] << 8 | made[at + 1], 1, "%s", codec->name);
		made[at + 1] = 0;
		memmove(made + at + 2, made + at + 3, size - at - 3);
		cr_assert(!round_trips(codec, size - 1), "%s", codec->name);
	}
}

Test(message, more_ids_than_a_check_may_have_are_refused)
{
	struct sr_check check = {.ids = span((SR_CHECK_MAX + 1) * SR_UUID)};
	struct sr_builder out = sr_builder_over(made, sizeof made);
	struct sr_cursor in;

	sr_check_encode(&out, &check);
	in = sr_cursor_over(made, out.used);
	sr_check_decode(&in, &check);
	cr_assert(!sr_take_done(&in));
}

/* --- Names and roles ---------------------------------------------------------------------------------------------- */

Test(message, types_have_names_of_their_own_and_other_numbers_none)
{
	size_t named = 0;

	for (unsigned type = 0; type < 256; type++) {
		const char *name = sr_message_name((uint8_t)type);

		if (name == NULL)
			continue;
		named++;
		for (unsigned other = 0; other < type; other++) {
			if (sr_message_name((uint8_t)other) != NULL)
				cr_assert_str_neq(sr_message_name((uint8_t)other), name);
		}
	}
	cr_assert_eq(named, 111);
	cr_assert_str_eq(sr_message_name(SR_MSG_RECORD_OPEN), "record.open");
	cr_assert_str_eq(sr_message_name(SR_MSG_PLAY_TABLE), "play.table");
}

Test(message, the_longest_replies_fit_one_message)
{
	struct sr_builder out = sr_builder_over(made, sizeof made);

	sr_put_room(&out, SR_MESSAGE_HEAD);
	make_entry(&out, true);
	for (size_t i = 0; i < SR_TRACKS_MAX; i++)
		make_entry_track(&out, true);
	for (size_t i = 0; i < SR_TRACKS_MAX; i++)
		make_play_head(&out, true);
	cr_assert(!out.failed, "play.opened");

	out = sr_builder_over(made, sizeof made);
	sr_put_room(&out, SR_MESSAGE_HEAD);
	make_table(&out, true);
	sr_put_room(&out, (size_t)SR_TABLE_PAGE_MAX * SR_SEGMENT_RECORD);
	cr_assert(!out.failed, "play.table.reply");

	out = sr_builder_over(made, sizeof made);
	sr_put_room(&out, SR_MESSAGE_HEAD);
	make_services(&out, true);
	for (size_t i = 0; i < SR_SERVICES_MAX; i++)
		make_service_row(&out, true);
	cr_assert(!out.failed, "services");

	out = sr_builder_over(made, sizeof made);
	sr_put_room(&out, SR_MESSAGE_HEAD);
	make_stats(&out, true);
	for (size_t i = 0; i < SR_STATS_MAX; i++)
		make_stat(&out, true);
	cr_assert(!out.failed, "stats.reply");

	out = sr_builder_over(made, sizeof made);
	sr_put_room(&out, SR_MESSAGE_HEAD);
	make_scrub_report(&out, true);
	for (size_t i = 0; i < SR_FINDINGS_PAGE_MAX; i++)
		make_finding(&out, true);
	cr_assert(!out.failed, "scrub.report");
}

Test(message, roles_are_named_and_read)
{
	static const char *const names[] = {"ingest", "playback", "rotate", "operate", "audit"};
	static const char *const bad[] = {"",       ",",       "ingest,", ",ingest", "ingest,,audit",
					  "Ingest", "ingest ", "inges",   "ingestx", "all"};
	uint16_t roles;

	for (size_t i = 0; i < COUNT(names); i++) {
		cr_assert_str_eq(sr_role_name((enum sr_role)(1 << i)), names[i]);
		cr_assert(sr_roles_parse(names[i], strlen(names[i]), &roles));
		cr_assert_eq(roles, 1 << i);
	}
	cr_assert_null(sr_role_name((enum sr_role)3));
	cr_assert_null(sr_role_name((enum sr_role)0x20));
	cr_assert(sr_roles_parse("audit,ingest,audit", 18, &roles));
	cr_assert_eq(roles, SR_ROLE_AUDIT | SR_ROLE_INGEST);
	for (size_t i = 0; i < COUNT(bad); i++) {
		roles = 99;
		cr_assert(!sr_roles_parse(bad[i], strlen(bad[i]), &roles), "\"%s\"", bad[i]);
		cr_assert_eq(roles, 0);
	}
}

Test(message, a_service_name_is_made_of_few_characters)
{
	char name[SR_SERVICE_NAME_MAX + 1];

	memset(name, 'x', sizeof name);
	for (size_t size = 0; size <= sizeof name; size++)
		cr_assert_eq(sr_service_name_valid(name, size), size >= 1 && size <= SR_SERVICE_NAME_MAX, "%zu", size);
	for (int c = 0; c < 256; c++) {
		bool valid = c != 0 && strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", c) != NULL;

		name[1] = (char)c;
		cr_assert_eq(sr_service_name_valid(name, 3), valid, "%d", c);
	}
}
