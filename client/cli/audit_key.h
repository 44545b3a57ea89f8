/*
 * What an auditor keeps: the log's verifier key, and checkpoints from earlier.
 */
#ifndef SR_CLI_AUDIT_KEY_H
#define SR_CLI_AUDIT_KEY_H

#include "audit_fault.h"
#include "cli/cli.h"

#define AUDIT_KEPT_MAX 64

/* For --help of whatever takes one. */
#define AUDIT_KEY_OPTION "The log's verifier key, or @FILE: what `init` wrote to auditor.vkey (SEALREEL_VERIFIER_KEY)"

struct audit_key {
	uint8_t key[SR_AUDIT_KEY];
	char name[SR_AUDIT_ORIGIN_MAX];
};

/* Read `text`, or the environment's where it is NULL: a key, or @FILE. The exit status, with its line printed. */
int audit_key_read(const char *text, struct audit_key *out);

/* Read the checkpoint in the file `path`, which the key must have signed. The exit status, with its line printed. */
int audit_checkpoint_read(const char *path, const struct audit_key *key, struct sr_checkpoint *out);

/*
 * Read a checkpoint's text, which the key must have signed, for the log that the key is of. SR_CORRUPT: *err says what
 * is wrong; *out then has what the text claims, if that much can be read.
 */
enum sr_code audit_note_read(const char *note, const struct audit_key *key, struct sr_checkpoint *out,
			     struct sr_error *err) SR_MUST_USE;

/* Write `text` as the file `path`, whole or not at all, in place of one that is there; NULL: standard output. */
int audit_keep(const char *path, const char *text);

#endif
