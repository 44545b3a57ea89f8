/* Asking a served store's audit log: pages of entries one after the other, checkpoints, proofs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit.h"

int audit_open(struct audit *audit)
{
	int status = CLI_DONE;
	audit->room = malloc(sizeof *audit->room);
	if (!audit->room)
		return cli_fail_text(SR_INTERNAL, "memory is used up");
	audit->blocking = cli_connect(audit->cli, &status);
	return audit->blocking ? CLI_DONE : status;
}

void audit_close(struct audit *audit)
{
	sr_blocking_close(audit->blocking);
	free(audit->room);
	audit->blocking = NULL;
	audit->room = NULL;
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

static bool look_at(struct audit *audit, const struct sr_auditor_entry *item)
{
	struct sr_audit_entry entry;
	struct sr_error err = {.text = ""};
	if (sr_audit_entry_parse(item->json, item->size, audit->room, &entry, &err) != SR_OK)
		audit->status = cli_fail_text(SR_CORRUPT, "entry %llu: %s", (unsigned long long)item->number, err.text);
	else if (entry.number != item->number)
		audit->status = cli_fail_text(SR_CORRUPT, "entry %llu says that it is number %llu",
					      (unsigned long long)item->number, (unsigned long long)entry.number);
	else
		return audit->visit(audit->context, &entry, (struct sr_span){item->json, item->size});
	return false;
}

static void on_page(void *context, const struct sr_result *result, const struct sr_auditor_page *page)
{
	struct audit *audit = context;
	audit->result = *result;
	audit->done = true;
	if (!page)
		return;
	/* Numbers that do not ascend from where we were would have us go round for ever. */
	uint64_t least = audit->next;
	for (size_t at = 0; at < page->count && !audit->stopped; at++) {
		if (page->entries[at].number < least) {
			audit->status = cli_fail_text(SR_CORRUPT, "the store's entries are not in their order");
			audit->stopped = true;
			return;
		}
		least = page->entries[at].number + 1;
		audit->stopped = !look_at(audit, &page->entries[at]);
	}
	if (page->next < least || (page->next == audit->next && page->next < page->size)) {
		audit->status = cli_fail_text(SR_CORRUPT, "the store's pages do not go on");
		audit->stopped = true;
	}
	audit->size = page->size;
	audit->next = page->next;
}

static void begin_walk(struct audit *audit, uint64_t from, audit_visit *visit, void *context)
{
	audit->next = from;
	audit->stopped = false;
	audit->visit = visit;
	audit->context = context;
	audit->status = CLI_DONE;
}

int audit_read(struct audit *audit, uint64_t from, uint64_t to, audit_visit *visit, void *context)
{
	sr_client *client = sr_blocking_client(audit->blocking);
	int status;
	begin_walk(audit, from, visit, context);
	do {
		status = wait_for(audit, sr_auditor_read(client, audit->next, to, on_page, audit, NULL));
	} while (status == CLI_DONE && !audit->stopped && audit->next < audit->size && (to == 0 || audit->next < to));
	return status == CLI_DONE ? audit->status : status;
}

int audit_search(struct audit *audit, const struct sr_auditor_search *search, audit_visit *visit, void *context)
{
	sr_client *client = sr_blocking_client(audit->blocking);
	struct sr_auditor_search page = *search;
	int status;
	begin_walk(audit, search->first, visit, context);
	do {
		page.first = audit->next;
		status = wait_for(audit, sr_auditor_search(client, &page, on_page, audit, NULL));
	} while (status == CLI_DONE && !audit->stopped && audit->next < audit->size);
	return status == CLI_DONE ? audit->status : status;
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

int audit_consistency(struct audit *audit, uint64_t number)
{
	return wait_for(audit,
			sr_auditor_consistency(sr_blocking_client(audit->blocking), number, on_note, audit, NULL));
}
