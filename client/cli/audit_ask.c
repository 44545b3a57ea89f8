/* Asking a served store's audit log: pages of entries one after the other, checkpoints, proofs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit.h"
#include "message_audit.h"

/* A page of entries: the message's items, one behind the other. A callback's page is its own, so this is a copy. */
struct audit_page {
	bool heard;
	sr_call *call; /* until it is heard */
	struct sr_result result;
	uint64_t asked; /* the number it was to begin at */
	uint64_t size;
	uint64_t next;
	uint8_t patient[SR_TAG];
	size_t count;
	size_t used;
	uint8_t bytes[SR_ENTRIES_BYTES_MAX];
};

int audit_open(struct audit *audit)
{
	int status = CLI_DONE;
	audit->room = malloc(sizeof *audit->room);
	audit->pages = calloc(2, sizeof *audit->pages);
	if (!audit->room || !audit->pages)
		return cli_fail_memory();
	audit->blocking = cli_connect(audit->cli, &status);
	return audit->blocking ? CLI_DONE : status;
}

void audit_close(struct audit *audit)
{
	sr_blocking_close(audit->blocking);
	free(audit->room);
	free(audit->pages);
	audit->blocking = NULL;
	audit->room = NULL;
	audit->pages = NULL;
}

/* ---- entries ---- */

static void on_page(void *context, const struct sr_result *result, const struct sr_auditor_page *page)
{
	struct audit_page *heard = context;
	struct sr_builder out = sr_builder_over(heard->bytes, sizeof heard->bytes);
	heard->result = *result;
	heard->heard = true;
	heard->call = NULL;
	if (!page)
		return;
	heard->size = page->size;
	heard->next = page->next;
	memcpy(heard->patient, page->patient, sizeof heard->patient);
	heard->count = page->count;
	for (size_t at = 0; at < page->count; at++) {
		const struct sr_auditor_entry *entry = &page->entries[at];
		const struct sr_audit_item item = {entry->number, {entry->json, entry->size}};
		sr_audit_item_encode(&out, &item);
	}
	heard->used = out.failed ? 0 : out.used;
}

/* A walk over all entries below number `to` (0: all), or those that meet `search`. */
struct walk {
	struct audit *audit;
	const struct sr_auditor_search *search;
	uint64_t to;
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

/* One that does not lead on would have us go round for ever. */
static void look_through(struct walk *walk, const struct audit_page *page)
{
	struct sr_cursor in = sr_cursor_over(page->bytes, page->used);
	for (size_t at = 0; at < page->count && !walk->stopped; at++) {
		struct sr_audit_item item;
		sr_audit_item_decode(&in, &item);
		look_at(walk, &item);
	}
	if (!walk->stopped && (page->next < walk->least || (page->next == page->asked && page->next < page->size)))
		fail(walk, page->asked, "the store's pages do not lead on from here");
}

static enum sr_code ask(struct walk *walk, uint64_t from, struct audit_page *into)
{
	sr_client *client = sr_blocking_client(walk->audit->blocking);
	into->heard = false;
	into->asked = from;
	if (!walk->search)
		return sr_auditor_read(client, from, walk->to, on_page, into, &into->call);
	struct sr_auditor_search page = *walk->search;
	page.first = from;
	return sr_auditor_search(client, &page, on_page, into, &into->call);
}

static bool leads_on(const struct walk *walk, const struct audit_page *page)
{
	return page->next < page->size && (walk->to == 0 || page->next < walk->to);
}

/* Wait for a page that was asked for with `code`, and take over what it says of the log. The exit status. */
static int hear(struct audit *audit, enum sr_code code, struct audit_page *page)
{
	if (code != SR_OK)
		return cli_fail_text(code, "the request could not be sent");
	while (!page->heard)
		(void)uv_run(sr_blocking_loop(audit->blocking), UV_RUN_ONCE);
	if (page->result.code != SR_OK)
		return cli_fail(&page->result);
	audit->size = page->size;
	audit->next = page->next;
	memcpy(audit->patient, page->patient, sizeof audit->patient);
	return CLI_DONE;
}

/* While a page is looked at the daemon makes the next one. */
static int go_through(struct walk *walk, uint64_t from)
{
	struct audit_page *page = &walk->audit->pages[0], *ahead = &walk->audit->pages[1];
	enum sr_code code = ask(walk, from, page);
	bool more = true;
	while (more && !walk->stopped) {
		int status = hear(walk->audit, code, page);
		if (status != CLI_DONE)
			return status;
		more = leads_on(walk, page);
		if (more)
			code = ask(walk, page->next, ahead);
		look_through(walk, page);
		struct audit_page *seen = page;
		page = ahead;
		ahead = seen;
	}
	if (more && code == SR_OK && page->call)
		sr_cancel(page->call);
	return walk->status;
}

int audit_read(struct audit *audit, uint64_t from, uint64_t to, audit_visit *visit, void *context)
{
	struct walk walk = {
		.audit = audit, .to = to, .visit = visit, .context = context, .least = from, .status = CLI_DONE};
	return go_through(&walk, from);
}

int audit_search(struct audit *audit, const struct sr_auditor_search *search, audit_visit *visit, void *context)
{
	struct walk walk = {.audit = audit,
			    .search = search,
			    .visit = visit,
			    .context = context,
			    .least = search->first,
			    .status = CLI_DONE};
	return go_through(&walk, search->first);
}

static void on_size(void *context, const struct sr_result *result, const struct sr_auditor_page *page)
{
	struct audit *audit = context;
	cli_hear(&audit->answer, result);
	audit->size = page ? page->size : 0;
}

int audit_size(struct audit *audit)
{
	return cli_await_status(
		&audit->answer, audit->blocking,
		sr_auditor_read(sr_blocking_client(audit->blocking), UINT64_MAX, 0, on_size, audit, NULL));
}

/* ---- checkpoints and proofs ---- */

static void on_note(void *context, const struct sr_result *result, const struct sr_auditor_note *note)
{
	struct audit *audit = context;
	cli_hear(&audit->answer, result);
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
	return cli_await_status(&audit->answer, audit->blocking,
				sr_auditor_checkpoint(sr_blocking_client(audit->blocking), on_note, audit, NULL));
}

int audit_prove(struct audit *audit, uint64_t number)
{
	return cli_await_status(&audit->answer, audit->blocking,
				sr_auditor_prove(sr_blocking_client(audit->blocking), number, on_note, audit, NULL));
}

int audit_consistency(struct audit *audit, uint64_t old, uint64_t size)
{
	return cli_await_status(
		&audit->answer, audit->blocking,
		sr_auditor_consistency(sr_blocking_client(audit->blocking), old, size, on_note, audit, NULL));
}
