/* Asking a served store's audit log: pages of entries one after the other, checkpoints, proofs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit.h"
#include "message_audit.h"

int audit_open(struct audit *audit)
{
	int status = CLI_DONE;
	audit->room = malloc(sizeof *audit->room);
	audit->page = malloc(SR_ENTRIES_BYTES_MAX);
	if (!audit->room || !audit->page)
		return cli_fail_text(SR_INTERNAL, "memory is used up");
	audit->blocking = cli_connect(audit->cli, &status);
	return audit->blocking ? CLI_DONE : status;
}

void audit_close(struct audit *audit)
{
	sr_blocking_close(audit->blocking);
	free(audit->room);
	free(audit->page);
	audit->blocking = NULL;
	audit->room = NULL;
	audit->page = NULL;
}

int audit_flush(int status)
{
	if (fflush(stdout) != 0 && status == CLI_DONE)
		return cli_fail_text(SR_IO, "standard output cannot be written");
	return status;
}

/* Turn the loop until what was started with `code` is done; the exit status. */
static int wait_for(struct audit *audit, enum sr_code code)
{
	if (code != SR_OK)
		return cli_fail_text(code, "the request could not be sent");
	while (!audit->done)
		(void)uv_run(sr_blocking_loop(audit->blocking), UV_RUN_ONCE);
	audit->done = false;
	return cli_fail(&audit->result);
}

/* ---- entries ---- */

/* The page is the callback's alone: what is looked at afterwards is a copy. */
static void on_page(void *context, const struct sr_result *result, const struct sr_auditor_page *page)
{
	struct audit *audit = context;
	struct sr_builder out = sr_builder_over(audit->page, SR_ENTRIES_BYTES_MAX);
	audit->result = *result;
	audit->done = true;
	if (!page)
		return;
	audit->size = page->size;
	audit->next = page->next;
	memcpy(audit->patient, page->patient, sizeof audit->patient);
	audit->page_count = page->count;
	for (size_t at = 0; at < page->count; at++) {
		const struct sr_auditor_entry *entry = &page->entries[at];
		const struct sr_audit_item item = {entry->number, {entry->json, entry->size}};
		sr_audit_item_encode(&out, &item);
	}
	audit->page_used = out.failed ? 0 : out.used;
}

/* A walk from number `from` on. */
struct walk {
	struct audit *audit;
	audit_visit *visit;
	void *context;
	uint64_t least; /* that the next entry may have */
	bool stopped;
	int status;
};

static void fail(struct walk *walk, uint64_t number, const char *why)
{
	walk->status = cli_fail_text(SR_CORRUPT, "entry %llu: %s", (unsigned long long)number, why);
	walk->stopped = true;
}

static void look_at(struct walk *walk, const struct sr_audit_item *item)
{
	struct sr_audit_entry entry;
	struct sr_error err = {.text = ""};
	if (item->number < walk->least)
		fail(walk, item->number, "the store does not give its entries in their order");
	else if (sr_audit_entry_parse(item->json.data, item->json.size, walk->audit->room, &entry, &err) != SR_OK)
		fail(walk, item->number, err.text);
	else if (entry.number != item->number)
		fail(walk, item->number, "it says that it is another one");
	else
		walk->stopped = !walk->visit(walk->context, &entry, item->json);
	walk->least = item->number + 1;
}

/* A page was heard. One that does not lead on would have us go round for ever. */
static void look_through(struct walk *walk, uint64_t asked)
{
	struct audit *audit = walk->audit;
	struct sr_cursor in = sr_cursor_over(audit->page, audit->page_used);
	for (size_t at = 0; at < audit->page_count && !walk->stopped; at++) {
		struct sr_audit_item item;
		sr_audit_item_decode(&in, &item);
		look_at(walk, &item);
	}
	if (!walk->stopped && (audit->next < walk->least || (audit->next == asked && audit->next < audit->size)))
		fail(walk, asked, "the store's pages do not lead on from here");
}

int audit_read(struct audit *audit, uint64_t from, uint64_t to, audit_visit *visit, void *context)
{
	struct walk walk = {.audit = audit, .visit = visit, .context = context, .least = from, .status = CLI_DONE};
	audit->next = from;
	do {
		uint64_t asked = audit->next;
		int status = wait_for(
			audit, sr_auditor_read(sr_blocking_client(audit->blocking), asked, to, on_page, audit, NULL));
		if (status != CLI_DONE)
			return status;
		look_through(&walk, asked);
	} while (!walk.stopped && audit->next < audit->size && (to == 0 || audit->next < to));
	return walk.status;
}

int audit_search(struct audit *audit, const struct sr_auditor_search *search, audit_visit *visit, void *context)
{
	struct walk walk = {
		.audit = audit, .visit = visit, .context = context, .least = search->first, .status = CLI_DONE};
	struct sr_auditor_search page = *search;
	audit->next = search->first;
	do {
		page.first = audit->next;
		int status = wait_for(
			audit, sr_auditor_search(sr_blocking_client(audit->blocking), &page, on_page, audit, NULL));
		if (status != CLI_DONE)
			return status;
		look_through(&walk, page.first);
	} while (!walk.stopped && audit->next < audit->size);
	return walk.status;
}

static void on_size(void *context, const struct sr_result *result, const struct sr_auditor_page *page)
{
	struct audit *audit = context;
	audit->result = *result;
	audit->done = true;
	audit->size = page ? page->size : 0;
}

int audit_size(struct audit *audit)
{
	return wait_for(audit,
			sr_auditor_read(sr_blocking_client(audit->blocking), UINT64_MAX, 0, on_size, audit, NULL));
}

/* ---- checkpoints and proofs ---- */

static void on_note(void *context, const struct sr_result *result, const struct sr_auditor_note *note)
{
	struct audit *audit = context;
	audit->result = *result;
	audit->done = true;
	if (!note)
		return;
	(void)snprintf(audit->note, sizeof audit->note, "%s", note->text);
	if (note->key)
		memcpy(audit->key, note->key, sizeof audit->key);
	audit->count = note->count;
	if (note->count > 0)
		memcpy(audit->hashes, note->hashes, note->count * sizeof audit->hashes[0]);
}

int audit_checkpoint(struct audit *audit)
{
	return wait_for(audit, sr_auditor_checkpoint(sr_blocking_client(audit->blocking), on_note, audit, NULL));
}

int audit_prove(struct audit *audit, uint64_t number)
{
	return wait_for(audit, sr_auditor_prove(sr_blocking_client(audit->blocking), number, on_note, audit, NULL));
}

int audit_consistency(struct audit *audit, uint64_t old, uint64_t size)
{
	return wait_for(audit,
			sr_auditor_consistency(sr_blocking_client(audit->blocking), old, size, on_note, audit, NULL));
}
