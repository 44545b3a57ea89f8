/*
 * Rows that stand alone, for a scrub: patients and people, hints, consultations, control.
 */
#include <string.h>

#include "keys/control_rows.h"
#include "keys/epochs.h"
#include "keys/freeze_row.h"
#include "keys/opening.h"
#include "serve/patients/move.h"
#include "serve/scrub/scrub_internal.h"

/* Judge every key of a table: it is for `judge` to read the row. */
static void walk(struct sr_scrub *scrub, sr_judge *judge)
{
	struct sr_target target = {.track = 0};
	while (sr_scrub_goes_on(scrub) && sr_scrub_next(scrub, &scrub->after, &target.key)) {
		sr_scrub_judge(scrub, &target, judge);
		if (!sr_scrub_goes_on(scrub))
			return;
		sr_scrub_passed(scrub, &target.key);
		sr_scrub_read_rows(scrub, 1, target.key.size);
	}
}

/* The target's row, if its key has `key_size` bytes and the row is still there. */
static bool own_row(struct sr_pass *pass, struct sr_view *view, size_t key_size, const char *what,
		    struct sr_span *value)
{
	if (pass->target->key.size != key_size) {
		sr_pass_find(pass, SR_FINDING_ROW, NULL, "a key among the %s is malformed", what);
		return false;
	}
	return sr_pass_get(pass, view, &pass->target->key, value) == SR_OK;
}

/* That a row of this patient is there, for `whom`. */
static void demand(struct sr_pass *pass, struct sr_view *view, const struct sr_index_key *key, const char *format,
		   const uint8_t *tag)
{
	struct sr_span value;
	char text[SR_TAG_TEXT];
	if (sr_pass_get(pass, view, key, &value) == SR_NOT_FOUND)
		sr_pass_find(pass, SR_FINDING_MISSING_ROW, NULL, "%s of tag %s is missing", format,
			     sr_tag_text(tag, text));
}

/* ---- patients and people ---- */

static void judge_patient(struct sr_pass *pass)
{
	const uint8_t *tag = pass->target->key.bytes;
	struct sr_patient_row row;
	struct sr_span value;
	char text[SR_TAG_TEXT], what[SR_TAG_TEXT + 32] = "the patient's row of tag ";
	struct sr_view *view = sr_pass_view(pass);
	if (view && own_row(pass, view, SR_TAG, "patients", &value)) {
		enum sr_code code = sr_patient_row_decode(pass->scrub->parts.keyring, tag, value, &row);
		strcat(what, sr_tag_text(tag, text));
		sr_pass_decoded(pass, code, what);
		struct sr_index_key person = sr_key_person(tag);
		if (code == SR_OK && (row.life == SR_LIFE_LIVE || row.life == SR_LIFE_MOVING))
			demand(pass, view, &person, "the person's row", tag);
	}
	sr_view_end(view);
}

void sr_scrub_patients(struct sr_scrub *scrub)
{
	walk(scrub, judge_patient);
}

/* Who is no patient here has a person's row as well: whoever acted, or asked for what was not there. */
static void judge_person(struct sr_pass *pass)
{
	const uint8_t *tag = pass->target->key.bytes;
	struct sr_span value;
	char text[SR_TAG_TEXT], what[SR_TAG_TEXT + 32] = "the person's row of tag ";
	struct sr_view *view = sr_pass_view(pass);
	if (view && own_row(pass, view, SR_TAG, "people", &value)) {
		strcat(what, sr_tag_text(tag, text));
		/* Whoever acts has such a row too, and no patient's. */
		sr_pass_decoded(pass, sr_person_check(pass->scrub->parts.keyring, tag, value), what);
	}
	sr_view_end(view);
}

void sr_scrub_people(struct sr_scrub *scrub)
{
	walk(scrub, judge_person);
}

/* ---- hints and consultations ---- */

/* What it leads to is looked at from the other side: a claim without a recording's row may stay. */
static void judge_hint(struct sr_pass *pass)
{
	struct sr_span value;
	struct sr_view *view = sr_pass_view(pass);
	if (view && own_row(pass, view, SR_UUID, "hints", &value) && value.size != SR_TAG)
		sr_pass_find(pass, SR_FINDING_ROW, NULL, "the hint is no tag");
	sr_view_end(view);
}

void sr_scrub_hints(struct sr_scrub *scrub)
{
	struct sr_target target = {.track = 0};
	while (sr_scrub_goes_on(scrub) && sr_scrub_next(scrub, &scrub->after, &target.key)) {
		memset(target.recording, 0, SR_UUID);
		memcpy(target.recording, target.key.bytes, target.key.size < SR_UUID ? target.key.size : SR_UUID);
		sr_scrub_judge(scrub, &target, judge_hint);
		if (!sr_scrub_goes_on(scrub))
			return;
		sr_scrub_passed(scrub, &target.key);
		sr_scrub_read_rows(scrub, 1, SR_UUID + SR_TAG);
	}
}

/* A consultation is bound before anything of its patient's is written: that comes at once, or the recorder crashed. */
static void judge_consultation(struct sr_pass *pass)
{
	struct sr_span value;
	char text[SR_TAG_TEXT];
	struct sr_view *view = sr_pass_view(pass);
	if (view && own_row(pass, view, SR_TAG, "consultations", &value)) {
		if (value.size != SR_TAG) {
			sr_pass_find(pass, SR_FINDING_ROW, NULL, "the consultation %s is bound to no tag",
				     sr_tag_text(pass->target->key.bytes, text));
		} else {
			struct sr_index_key patient = sr_key_patient(value.data);
			demand(pass, view, &patient, "a consultation's patient's row", value.data);
		}
	}
	sr_view_end(view);
}

void sr_scrub_consultations(struct sr_scrub *scrub)
{
	walk(scrub, judge_consultation);
}

/* ---- control ---- */

static bool begins(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* True for the names of rows whose fields their users judge. */
static bool is_known(const char *name)
{
	return begins(name, SR_DOOM_PREFIX) || begins(name, SR_HOLD_PREFIX) || begins(name, SR_ERASED_PREFIX) ||
	       begins(name, SR_MOVE_PREFIX) || strcmp(name, SR_LEDGER_NAME) == 0 ||
	       strcmp(name, SR_RESTORED_NAME) == 0 || strcmp(name, "audit") == 0 || strcmp(name, "account") == 0;
}

/* What the row's own decoder says. A row of a kind that is not known here may be whole all the same. */
static enum sr_code open_control(const struct sr_keyring *keyring, const char *name, struct sr_span value)
{
	struct sr_service_state service;
	struct sr_backup_row backup;
	struct sr_epochs epochs;
	struct sr_freeze_row freeze;
	struct sr_cursor fields;
	if (begins(name, "service/"))
		return sr_service_row_open(keyring, name, value, &service);
	if (begins(name, SR_BACKUP_PREFIX))
		return sr_backup_row_open(keyring, name, value, &backup);
	if (begins(name, SR_FREEZE_PREFIX))
		return sr_freeze_row_open(keyring, name, value, &freeze);
	if (strcmp(name, SR_EPOCHS_ROW_NAME) == 0)
		return sr_epochs_row_open(keyring, value, &epochs);
	enum sr_code code = sr_control_row_open(keyring, name, value, &fields);
	return code == SR_OK && !is_known(name) ? SR_UNAVAILABLE : code;
}

static void judge_control(struct sr_pass *pass)
{
	const struct sr_index_key *key = &pass->target->key;
	struct sr_span value;
	char name[SR_INDEX_KEY_MAX + 1], what[SR_INDEX_KEY_MAX + 32] = "the control row ";
	struct sr_view *view = sr_pass_view(pass);
	memcpy(name, key->bytes, key->size);
	name[key->size] = '\0';
	for (char *at = name; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	strcat(what, name);
	if (view && sr_pass_get(pass, view, key, &value) == SR_OK)
		sr_pass_decoded(pass, open_control(pass->scrub->parts.keyring, name, value), what);
	sr_view_end(view);
}

void sr_scrub_control(struct sr_scrub *scrub)
{
	walk(scrub, judge_control);
}
