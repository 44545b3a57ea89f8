/*
 * epoch.list, epoch.new, epoch.retire: what operators do with the generations of the master key.
 */
#include <stdlib.h>
#include <string.h>

#include "account/audit.h"
#include "account/log.h"
#include "message_epoch.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/epochs/epochs.h"
#include "serve/epochs/retire.h"
#include "serve/epochs/rotation.h"

#define ITEM 29

/* ---- epoch.list ---- */

static uint64_t kept_until(const struct sr_keyring_epoch_fact *facts, size_t count, uint32_t number)
{
	for (size_t at = 0; at < count; at++)
		if (facts[at].number == number)
			return facts[at].kept_until_ms;
	return 0;
}

static void put_epochs(struct sr_request *request, const struct sr_epochs *epochs, struct sr_keyring_epoch_fact *facts)
{
	struct sr_epochs_reply reply = {.current = sr_epochs_current(epochs), .count = epochs->count};
	size_t count = sr_keyring_epochs(request->daemon->keyring, facts, &reply.keyring_revision);
	if (!sr_request_reply(request, SR_MSG_EPOCHS, 8 + 4 + 2 + (size_t)epochs->count * ITEM))
		return;
	sr_epochs_reply_encode(&request->reply.fields, &reply);
	for (size_t at = 0; at < epochs->count; at++) {
		const struct sr_epoch_row *epoch = &epochs->list[at];
		struct sr_epoch_item item = {.number = epoch->number,
					     .state = (uint8_t)epoch->state,
					     .made_ms = epoch->made_ms,
					     .changed_ms = epoch->changed_ms,
					     .kept_until_ms = kept_until(facts, count, epoch->number)};
		sr_epoch_item_encode(&request->reply.fields, &item);
	}
}

static void list(struct sr_request *request)
{
	struct sr_epochs *epochs = malloc(sizeof *epochs);
	struct sr_keyring_epoch_fact *facts = calloc(SR_EPOCHS_MAX, sizeof *facts);
	if (!epochs || !facts) {
		(void)SR_FAIL_MEMORY(&request->error);
	} else if (sr_request_bare(request)) {
		sr_epoch_book_copy(request->daemon->epochs, epochs);
		put_epochs(request, epochs, facts);
	}
	free(facts);
	free(epochs);
}

void sr_serve_epoch_list(struct sr_request *request)
{
	sr_request_start(request, list, NULL);
}

/* ---- epoch.new ---- */

/* The intent's mark goes with the row that makes the change. */
static bool add_mark(void *context, struct sr_op *op)
{
	return sr_account_mark(context, sr_no_patient, op);
}

static void make(struct sr_request *request)
{
	struct sr_epoch_made made = {.number = SR_EPOCH_NONE};
	struct sr_epoch_also also = {add_mark, request};
	if (!sr_request_bare(request) || sr_account_intent(request) != SR_OK ||
	    sr_epoch_book_new(request->daemon->epochs, sr_now_ms(), &also, &made.number, &request->error) != SR_OK)
		return;
	sr_account_applied(request);
	made.keyring_revision = sr_keyring_revision(request->daemon->keyring);
	sr_account_count(request, "epoch", made.number);
	sr_account_count(request, "keyring_revision", made.keyring_revision);
	struct sr_log_line line;
	sr_log_begin(&line, SR_LOG_INFO, "epoch_made");
	sr_log_number(&line, "epoch", made.number);
	sr_log_number(&line, "keyring_revision", made.keyring_revision);
	sr_log_text(&line, "by", request->caller.name);
	sr_log_end(&line);
	if (sr_request_reply(request, SR_MSG_EPOCH_MADE, 4 + 8))
		sr_epoch_made_encode(&request->reply.fields, &made);
}

void sr_serve_epoch_new(struct sr_request *request)
{
	sr_request_start(request, make, NULL);
}

/* ---- epoch.retire ---- */

/*
 * The proof in the log, and a checkpoint that covers it, so that it can be held against the log by whoever keeps it.
 * What was retired stays so without: then there is none, and false is returned.
 */
static bool sign_proof(struct sr_request *request, const struct sr_retiring *retiring, char note[SR_CHECKPOINT_MAX])
{
	struct sr_audit *audit = request->daemon->audit;
	struct sr_error err = {.text = ""};
	const struct sr_audit_count counts[] = {{"epoch", retiring->number},
						{"keyring_revision", retiring->keyring_revision},
						{"people", retiring->people},
						{"recordings", retiring->recordings}};
	struct sr_audit_entry entry = sr_account_words(request);
	entry.kind = SR_AUDIT_CONTROL;
	entry.counts = counts;
	entry.count_count = sizeof counts / sizeof *counts;
	if (!audit || sr_audit_append(audit, &entry, SR_AUDIT_CLOSING, NULL, &err) != SR_OK ||
	    sr_audit_seal(audit, &err) != SR_OK) {
		sr_log_error(SR_LOG_ERROR, "proof_unsigned", &err);
		return false;
	}
	sr_audit_checkpoint(audit, note);
	return strlen(note) <= SR_PROOF_NOTE_MAX;
}

static void put_proof(struct sr_request *request, const struct sr_retiring *retiring)
{
	char note[SR_CHECKPOINT_MAX];
	struct sr_epoch_retired proof = {.number = retiring->number,
					 .recordings = retiring->recordings,
					 .people = retiring->people,
					 .keyring_revision = retiring->keyring_revision,
					 .kept_until_ms = retiring->kept_until_ms,
					 .lost = retiring->lost};
	size_t room = 4 + 4 * 8 + 2 + SR_PROOF_NOTE_MAX + 2 + (size_t)proof.lost * (2 + SR_BACKUP_LABEL_MAX);
	if (sign_proof(request, retiring, note))
		proof.checkpoint = (struct sr_span){(const uint8_t *)note, strlen(note)};
	if (!sr_request_reply(request, SR_MSG_EPOCH_RETIRED, room))
		return;
	sr_epoch_retired_encode(&request->reply.fields, &proof);
	for (size_t at = 0; at < proof.lost; at++) {
		const char *name = retiring->lost_names[at];
		sr_lost_backup_encode(&request->reply.fields, (struct sr_span){(const uint8_t *)name, strlen(name)});
	}
}

static void retire(struct sr_request *request)
{
	struct sr_retiring *retiring = request->owner;
	sr_account_count(request, "epoch", retiring->number);
	sr_retire(retiring);
	request->error = retiring->error;
	sr_retiring_log(retiring, request->caller.name);
	if (request->error.code == SR_OK)
		put_proof(request, retiring);
}

/* Nothing has been changed yet, and nothing will be without this. */
static enum sr_code intend(void *context, struct sr_error *err)
{
	struct sr_request *request = context;
	enum sr_code code = sr_account_intent(request);
	if (code != SR_OK)
		*err = request->error;
	return code;
}

/* The proof is the outcome's. */
static void prove(void *context, const struct sr_retiring *retiring)
{
	struct sr_request *request = context;
	sr_account_applied(request);
	sr_account_count(request, "epoch", retiring->number);
	sr_account_count(request, "recordings", retiring->recordings);
	sr_account_count(request, "people", retiring->people);
	sr_account_count(request, "keyring_revision", retiring->keyring_revision);
}

static void retired(struct sr_request *request)
{
	sr_rotation_retired(request->daemon->rotation);
	free(request->owner);
	sr_request_answer(request, false);
}

/* What the message says, and whether it may begin; NULL with request->error otherwise. */
static struct sr_retiring *take_retiring(struct sr_request *request)
{
	struct sr_cursor in = sr_request_fields(request);
	struct sr_epoch_retire order;
	sr_epoch_retire_decode(&in, &order);
	if (sr_request_decoded(request, &in) != SR_OK)
		return NULL;
	struct sr_retiring *retiring = calloc(1, sizeof *retiring);
	if (!retiring) {
		(void)SR_FAIL_MEMORY(&request->error);
		return NULL;
	}
	request->retry_ms = 1000;
	if (sr_rotation_retire(request->daemon->rotation, &request->error) != SR_OK) {
		free(retiring);
		return NULL;
	}
	request->retry_ms = 0;
	retiring->daemon = request->daemon;
	retiring->account = (struct sr_retiring_account){intend, add_mark, prove, request};
	retiring->number = order.number;
	retiring->no_backup = order.no_backup;
	retiring->horizon_ms = (uint64_t)request->settings->config->backup_horizon_s * 1000;
	return retiring;
}

void sr_serve_epoch_retire(struct sr_request *request)
{
	request->owner = take_retiring(request);
	if (request->owner)
		sr_request_start(request, retire, retired);
	else
		sr_request_answer(request, false);
}
