/*
 * What still leads to the keys of a patient who was erased: epochs, keys kept for recovery, backups under either.
 */
#include "serve/removal/erasure_leads.h"

#include <stdio.h>
#include <stdlib.h>

#include "serve/backup/registered.h"
#include "serve/daemon.h"
#include "serve/epochs/epochs.h"

struct finding {
	const struct sr_erased *erased;
	struct sr_erasure_leads *leads;
	struct sr_epochs epochs;
	struct sr_keyring_epoch_fact facts[SR_EPOCHS_MAX];
	size_t fact_count;
};

static uint64_t kept_until(const struct finding *finding, uint32_t number)
{
	for (size_t at = 0; at < finding->fact_count; at++)
		if (finding->facts[at].number == number)
			return finding->facts[at].kept_until_ms;
	return 0;
}

static bool is_unretired(const struct finding *finding, uint32_t number)
{
	const struct sr_epoch_row *epoch = sr_epochs_find(&finding->epochs, number);
	return epoch && epoch->state != SR_EPOCH_RETIRED;
}

static void find_keys(struct finding *finding)
{
	struct sr_erasure_leads *leads = finding->leads;
	for (uint16_t at = 0; at < finding->epochs.count; at++)
		if (finding->epochs.list[at].number <= finding->erased->epoch)
			leads->unretired += is_unretired(finding, finding->epochs.list[at].number);
	for (size_t at = 0; at < finding->fact_count; at++) {
		const struct sr_keyring_epoch_fact *fact = &finding->facts[at];
		if (fact->number <= finding->erased->epoch && fact->kept_until_ms > leads->kept_until_ms)
			leads->kept_until_ms = fact->kept_until_ms;
	}
}

/* One that was taken later has nothing of the patient; one whose epochs' keys are gone opens no more. */
static void look_at_backup(void *context, const char *label, const struct sr_backup_row *row)
{
	struct finding *finding = context;
	struct sr_erasure_leads *leads = finding->leads;
	bool opens = false;
	for (uint16_t at = 0; at < row->count; at++) {
		uint32_t number = row->list[at].number;
		opens = opens || is_unretired(finding, number) || kept_until(finding, number) != 0;
	}
	if (opens && row->taken_ms <= finding->erased->erased_ms && leads->backups < SR_LOST_BACKUPS_MAX)
		snprintf(leads->names[leads->backups++], SR_BACKUP_LABEL_MAX + 1, "%s", label);
}

enum sr_code sr_erasure_leads(struct sr_daemon *daemon, const struct sr_erased *erased, struct sr_erasure_leads *out,
			      struct sr_error *err)
{
	struct finding *finding = calloc(1, sizeof *finding);
	uint64_t revision;
	*out = (struct sr_erasure_leads){.unretired = 0};
	if (!finding)
		return SR_FAIL_MEMORY(err);
	finding->erased = erased;
	finding->leads = out;
	/* The row first: a key leaves the keyring before the row says so, and then counts as still there. */
	sr_epoch_book_copy(daemon->epochs, &finding->epochs);
	finding->fact_count = sr_keyring_epochs(daemon->keyring, finding->facts, &revision);
	find_keys(finding);
	enum sr_code code = sr_registered_walk(daemon->index, daemon->keyring, look_at_backup, finding, err);
	free(finding);
	return code;
}

enum sr_erasure sr_erasure_verdict(const struct sr_erasure_state *state, const struct sr_erasure_leads *leads)
{
	if (!state->there)
		return SR_ERASURE_NONE;
	bool leads_nowhere = leads->unretired == 0 && leads->kept_until_ms == 0;
	return !state->pending && leads_nowhere ? SR_ERASURE_FINAL : SR_ERASURE_PENDING;
}
