/*
 * What the commands of `sealreel audit` share: asking for entries page by page, and checkpoints.
 */
#ifndef SR_CLI_AUDIT_H
#define SR_CLI_AUDIT_H

#include "audit_entry.h"
#include "checkpoint.h"
#include "cli/answer.h"
#include "sealreel/audit.h"

/* Each is one command: argv[0] is "audit NAME". */
cli_command cli_audit_tail, cli_audit_verify, cli_audit_proof, cli_audit_checkpoint, cli_audit_search, cli_audit_export,
	cli_audit_patient, cli_audit_incident;

struct audit_page; /* of entries; audit_ask.c's own */

/* An auditor's connection, and what was heard last. Zeroed but for `cli`; ended with audit_close. */
struct audit {
	struct cli *cli;
	sr_blocking *blocking;
	struct cli_answer answer;
	uint64_t size; /* entries that the log had at the last answer */
	char note[SR_CHECKPOINT_MAX];
	uint8_t key[SR_AUDIT_KEY]; /* that the daemon says it signs with */
	size_t count;
	uint8_t hashes[SR_AUDITOR_HASHES][SR_AUDITOR_HASH];
	struct sr_audit_room *room; /* of the entry being looked at */
	uint64_t next;              /* the number behind the page of entries that is looked at, or was last */
	uint8_t patient[SR_TAG];    /* whom a search was about */
	struct audit_page *pages;   /* the one that is looked at, and the one that is asked for meanwhile */
};

/* Connect as the options say. The exit status, CLI_DONE: it stands; else a line is printed. */
int audit_open(struct audit *audit);
void audit_close(struct audit *audit);

/*
 * Give each entry with a number in [from, to), `to` 0: to the end as it is at the last page, to `visit`: parsed, and as
 * the log has it, both borrowed during the call, in which anything but another walk may be asked; false ends the walk.
 * What is not an entry of the log's form, or has another number than the daemon says, is a failure. The exit status,
 * with its line printed.
 */
typedef bool audit_visit(void *context, const struct sr_audit_entry *entry, struct sr_span json);
int audit_read(struct audit *audit, uint64_t from, uint64_t to, audit_visit *visit, void *context);

/* The same for all entries that meet `search`, from search->first on. */
int audit_search(struct audit *audit, const struct sr_auditor_search *search, audit_visit *visit, void *context);

/* How many entries the log has, in audit->size. The exit status. */
int audit_size(struct audit *audit);

/* A fresh checkpoint in audit->note, and the daemon's key in audit->key. The exit status. */
int audit_checkpoint(struct audit *audit);

/* The inclusion proof of entry `number`, or the consistency proof from `old` to `size` entries: in note, count, hashes.
 */
int audit_prove(struct audit *audit, uint64_t number);
int audit_consistency(struct audit *audit, uint64_t old, uint64_t size);

#endif
