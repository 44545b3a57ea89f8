/*
 * The steps of retiring an epoch, in the order that a crash between any two of them leaves nothing wrong.
 */
#include "serve/epochs/retire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "keys/rewrap.h"
#include "serve/backup/registered.h"
#include "serve/epochs/epoch_walk.h"
#include "serve/epochs/epochs.h"
#include "serve/epochs/rotation.h"

/* ---- backups ---- */

struct looking {
	struct sr_retiring *retiring;
	const struct sr_epoch_row *epoch;
	bool outlived;
};

static void look_at_backup(void *context, const char *label, const struct sr_backup_row *row)
{
	struct looking *looking = context;
	struct sr_retiring *retiring = looking->retiring;
	looking->outlived = looking->outlived || sr_backup_outlives(row, looking->epoch);
	if (sr_backup_needs(row, retiring->number) && retiring->lost < SR_LOST_BACKUPS_MAX)
		snprintf(retiring->lost_names[retiring->lost++], SR_BACKUP_LABEL_MAX + 1, "%s", label);
}

static enum sr_code look_at_backups(struct sr_retiring *retiring, const struct sr_epoch_row *epoch)
{
	struct looking looking = {.retiring = retiring, .epoch = epoch};
	enum sr_code code = sr_registered_walk(retiring->daemon->index, retiring->daemon->keyring, look_at_backup,
					       &looking, &retiring->error);
	if (code == SR_OK && !looking.outlived && !retiring->no_backup)
		return SR_FAIL(&retiring->error, SR_CONFLICT,
			       "no backup is registered that was taken after the last row had left epoch %u; make "
			       "one, or say that there need not be one",
			       retiring->number);
	return code;
}

/* ---- the proof ---- */

/* The first row that stands in the way ends it. */
static bool refuse(struct sr_retiring *retiring, const struct sr_epoch_met *met, enum sr_code code, const char *why)
{
	char id[2 * SR_TAG + 1];
	if (met->recording)
		sr_uuid_format(met->recording, id);
	else
		sodium_bin2hex(id, sizeof id, met->tag ? met->tag : (const uint8_t *)"", met->tag ? SR_TAG : 0);
	(void)SR_FAIL(&retiring->error, code, "%s %s %s", met->recording ? "recording" : "the person's row of tag", id,
		      why);
	return false;
}

static const char refers[] = "is still under this epoch: rotate first";
static const char damaged[] = "is damaged, so that it may be under this epoch: see the scrub";
static const char unknown[] = "is of a later version, or of an epoch that the keyring lacks";

static bool prove_recording(struct sr_retiring *retiring, const struct sr_epoch_met *met)
{
	const struct sr_keyring *keyring = retiring->daemon->keyring;
	struct sr_recording_row row;
	enum sr_code code = sr_recording_row_decode(keyring, met->recording, met->value, &row);
	if (code != SR_OK)
		return refuse(retiring, met, SR_CORRUPT, code == SR_CORRUPT ? damaged : unknown);
	if (row.epoch == retiring->number)
		return refuse(retiring, met, SR_CONFLICT, refers);
	/* A wrap that is gone for good leads to no key. */
	if (row.epoch == SR_EPOCH_NONE && sodium_is_zero(row.wrap, sizeof row.wrap) == 1)
		return true;
	enum sr_row_verdict verdict =
		row.epoch == SR_EPOCH_NONE ? SR_ROW_CORRUPT : sr_row_outer(keyring, met->recording, &row);
	if (verdict != SR_ROW_OPEN)
		return refuse(retiring, met, SR_CORRUPT, verdict == SR_ROW_CORRUPT ? damaged : unknown);
	retiring->recordings++;
	return true;
}

static bool prove_person(struct sr_retiring *retiring, const struct sr_epoch_met *met)
{
	uint32_t epoch;
	enum sr_code code = sr_person_check(retiring->daemon->keyring, met->tag, met->value);
	if (code != SR_OK)
		return refuse(retiring, met, SR_CORRUPT, code == SR_CORRUPT ? damaged : unknown);
	if (!sr_person_epoch(met->value, &epoch))
		return refuse(retiring, met, SR_CORRUPT, damaged);
	if (epoch == retiring->number)
		return refuse(retiring, met, SR_CONFLICT, refers);
	return true;
}

static bool prove(void *context, const struct sr_epoch_met *met, bool *before)
{
	struct sr_retiring *retiring = context;
	(void)before;
	if (!met->tag)
		return refuse(retiring, met, SR_CORRUPT, damaged);
	if (met->part == SR_PART_PEOPLE) {
		retiring->people++;
		return prove_person(retiring, met);
	}
	return prove_recording(retiring, met);
}

static enum sr_code prove_all(struct sr_retiring *retiring)
{
	struct sr_epoch_place place = sr_epoch_place_start();
	uint32_t passed = 0;
	while (place.part != SR_PART_END) {
		if (sr_rotation_stopping(retiring->daemon->rotation))
			return SR_FAIL(&retiring->error, SR_UNAVAILABLE,
				       "the daemon is ending; it goes on with this when it is next started");
		struct sr_error err = {.code = SR_OK};
		enum sr_code code = sr_epoch_walk(retiring->daemon->index, &place, prove, retiring, &passed, &err);
		if (retiring->error.code != SR_OK)
			return retiring->error.code;
		if (code != SR_OK && code != SR_BUSY)
			return SR_FAIL(&retiring->error, SR_CORRUPT, "%s", err.text);
	}
	return SR_OK;
}

/* ---- the steps ---- */

/* What can be refused before anything is changed; *epoch (out): the row as it is. */
static enum sr_code look_ahead(struct sr_retiring *retiring, struct sr_epoch_row *epoch)
{
	struct sr_epochs *epochs = malloc(sizeof *epochs);
	enum sr_code code = SR_OK;
	if (!epochs)
		return SR_FAIL_MEMORY(&retiring->error);
	sr_epoch_book_copy(retiring->daemon->epochs, epochs);
	const struct sr_epoch_row *found = sr_epochs_find(epochs, retiring->number);
	if (found)
		*epoch = *found;
	/* A dry step on the copy tells whether it may close; one that is closing already is gone on with. */
	if (!found || found->state != SR_EPOCH_CLOSING)
		code = sr_epochs_step(epochs, retiring->number, SR_EPOCH_CLOSE, sr_now_ms(), &retiring->error);
	free(epochs);
	if (code == SR_OK && retiring->horizon_ms != 0 && !sr_keyring_recovers(retiring->daemon->keyring))
		code = SR_FAIL(&retiring->error, SR_USAGE,
			       "backup_horizon_s is set, but the store was made without a recovery key");
	return code;
}

static enum sr_code take_key(struct sr_retiring *retiring)
{
	uint64_t now = sr_now_ms();
	if (retiring->horizon_ms != 0)
		retiring->kept_until_ms = now + retiring->horizon_ms;
	struct sr_epoch_also also = {retiring->account.mark, retiring->account.context};
	enum sr_code code = sr_epoch_book_retire(retiring->daemon->epochs, retiring->number, retiring->kept_until_ms,
						 now, &also, &retiring->error);
	retiring->keyring_revision = sr_keyring_revision(retiring->daemon->keyring);
	if (code == SR_OK)
		retiring->account.prove(retiring->account.context, retiring);
	return code;
}

void sr_retire(struct sr_retiring *retiring)
{
	struct sr_epoch_book *book = retiring->daemon->epochs;
	struct sr_epoch_row epoch = {.number = SR_EPOCH_NONE};
	struct sr_error ignored;
	retiring->error = (struct sr_error){.code = SR_OK};
	enum sr_code code = look_ahead(retiring, &epoch);
	if (code == SR_OK)
		code = look_at_backups(retiring, &epoch);
	if (code == SR_OK)
		code = retiring->account.intend(retiring->account.context, &retiring->error);
	if (code == SR_OK && epoch.state != SR_EPOCH_CLOSING)
		code = sr_epoch_book_step(book, retiring->number, SR_EPOCH_CLOSE, sr_now_ms(), &retiring->error);
	if (code != SR_OK)
		return;
	code = prove_all(retiring);
	if (code == SR_OK)
		(void)!take_key(retiring);
	else if (code != SR_UNAVAILABLE)
		/* Nothing has touched the key, so that it may be used again. */
		(void)!sr_epoch_book_step(book, retiring->number, SR_EPOCH_REOPEN, sr_now_ms(), &ignored);
}
