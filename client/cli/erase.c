/* `sealreel patient erase`: a patient's recordings, keys and name go for good. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/final.h"
#include "cli/parse.h"
#include "cli/retired.h"
#include "cli/show.h"

enum { KEY_REASON = 1, KEY_STATUS, KEY_FINAL, KEY_ROTATOR, KEY_NO_BACKUP };

struct erasure {
	struct cli *cli;
	bool erases; /* the word was there */
	bool status;
	bool final;
	bool no_backup;
	const char *identity;
	const char *reason;
	const char *rotator;
};

static const struct argp_option options[] = {
	{"reason", KEY_REASON, "TEXT", 0, "Why; name nobody", 1},
	{"status", KEY_STATUS, NULL, 0, "Erase nothing: say how an erasure stands", 1},
	{"final", KEY_FINAL, NULL, 0, "Then rotate and retire all epochs up to it; without --reason, only that", 2},
	{"rotator", KEY_ROTATOR, "FILE", 0, "Credential of a service that may rotate, where the operator's may not", 2},
	{"no-backup", KEY_NO_BACKUP, NULL, 0,
	 "Retire although no backup is registered that was taken after the rotation", 2},
	{0},
};

static error_t check(struct erasure *erasure)
{
	if (!erasure->erases)
		return cli_wrong(erasure->cli, "patient needs erase");
	if (!erasure->identity || erasure->identity[0] == '\0' || strlen(erasure->identity) > 255)
		return cli_wrong(erasure->cli, "there is no ID, of 1 to 255 bytes");
	if (!erasure->final && (erasure->rotator || erasure->no_backup))
		return cli_wrong(erasure->cli, "--rotator and --no-backup go with --final");
	if (erasure->status)
		return erasure->reason || erasure->final
			       ? cli_wrong(erasure->cli, "--status takes neither --reason nor --final")
			       : 0;
	if (erasure->final && !erasure->reason)
		return 0;
	if (!erasure->reason || erasure->reason[0] == '\0' || strlen(erasure->reason) > 255)
		return cli_wrong(erasure->cli, "there is no --reason, of 1 to 255 bytes");
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct erasure *erasure = state->input;
	switch (key) {
	case KEY_REASON:
		erasure->reason = value;
		return 0;
	case KEY_STATUS:
		erasure->status = true;
		return 0;
	case KEY_FINAL:
		erasure->final = true;
		return 0;
	case KEY_ROTATOR:
		erasure->rotator = value;
		return 0;
	case KEY_NO_BACKUP:
		erasure->no_backup = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!erasure->erases) {
			erasure->erases = strcmp(value, "erase") == 0;
			return erasure->erases ? 0 : cli_wrong(erasure->cli, "patient needs erase");
		}
		if (erasure->identity)
			return cli_wrong(erasure->cli, "there is a word too much");
		erasure->identity = value;
		return 0;
	case ARGP_KEY_END:
		return check(erasure);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* clang-format off */
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "erase ID --reason TEXT [--final]\nerase ID --final\nerase ID --status",
	.doc =
	"Erase a patient: streams end, and key, name, recordings and files go at once; this cannot be undone. Refused while "
	"something of theirs is on hold or must be kept. Needs a credential with the role operate.\v"
	"An erasure is pending while a key that sealed something of theirs is still in the keyring, because an older copy of "
	"the disk, a backup for example, could be opened with it: until every epoch up to the one that was current then is "
	"retired, and no key of them is kept for recovery (backup_horizon_s) any more. It is final after that, provided that "
	"no copy of an older keyring survives: that half no store can prove. --final makes a newer epoch if need be, rotates "
	"everything to it, and retires the older ones, each with its proof. It can be interrupted and run again. Exits 6 "
	"while the erasure is pending.\n\n"
	"JSON: an object with \"state\" (none, pending, final), \"erased\" (RFC 3339, or null), \"recordings\", "
	"\"waiting\" (of those, not yet removed, and 1 for the patient's own row), \"epoch\", \"unretired\" (epochs up to it that are not retired), \"kept_until\" "
	"(when the last key of them that is kept goes, or null), \"openable_backups\" (array: registered ones from before "
	"it that these keys open), \"returned\" (whether there is a patient of this identity again); with --final also "
	"\"retired\" (array of the proofs, as sealreel epoch --help has them). When --final fails on the way it is printed too, "
	"with the proofs there are by then, as the erasure stood when the daemon last said.\n\n"
	"Example:\n\n"
	"  sealreel --credential DIR/operator.cred patient erase 'urn:example:patient|4711' --reason 'request 88'\n"
	"  sealreel --credential DIR/operator.cred patient erase 'urn:example:patient|4711' --final --rotator rotate.cred\n",
};
/* clang-format on */

#define BACKUPS_MAX 64
#define BACKUP_NAME 64

struct heard {
	struct cli *cli;
	struct cli_answer answer;
	struct sr_erasure_info info; /* of the last answer that was no failure */
	char backups[BACKUPS_MAX][BACKUP_NAME];
};

static void on_told(void *context, const struct sr_result *result, const struct sr_erasure_info *info)
{
	struct heard *heard = context;
	if (info) {
		heard->info = *info;
		if (heard->info.backups_count > BACKUPS_MAX)
			heard->info.backups_count = BACKUPS_MAX;
		memcpy(heard->backups, info->backups, heard->info.backups_count * sizeof heard->backups[0]);
	}
	cli_hear(&heard->answer, result);
}

static void say(const struct heard *heard)
{
	const struct sr_erasure_info *info = &heard->info;
	char erased[TIME_TEXT], kept[TIME_TEXT];
	format_time(info->erased_ms, erased);
	format_time(info->kept_until_ms, kept);
	if (strcmp(info->state, "none") == 0) {
		puts("none: this patient has not been erased");
		return;
	}
	printf("%s: erased %s, with %u recordings", info->state, erased, info->recordings);
	if (info->waiting > 0)
		printf("; %u rows of theirs are still being removed", info->waiting);
	if (info->unretired > 0)
		printf("; %u epochs up to %u are not retired: their keys open older copies of the disk (--final ends "
		       "that)",
		       info->unretired, info->epoch);
	if (kept[0])
		printf("; the recovery key opens older copies until %s, as backup_horizon_s says", kept);
	for (size_t at = 0; at < info->backups_count; at++)
		printf("%s%s", at == 0 ? "; these backups could be opened so: " : ", ", heard->backups[at]);
	if (strcmp(info->state, "final") == 0)
		printf("; no key of this store opens what older copies have, if no older keyring survives");
	if (info->returned)
		printf("; a patient of this identity has come back since");
	(void)putchar('\n');
}

static json_t *as_json(const struct heard *heard, json_t *proofs)
{
	const struct sr_erasure_info *info = &heard->info;
	json_t *backups = json_array();
	for (size_t at = 0; at < info->backups_count; at++)
		(void)json_array_append_new(backups, json_string(heard->backups[at]));
	json_t *object = json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:b}", "state", info->state, "erased",
				   cli_time_json(info->erased_ms), "recordings", (json_int_t)info->recordings,
				   "waiting", (json_int_t)info->waiting, "epoch", (json_int_t)info->epoch, "unretired",
				   (json_int_t)info->unretired, "kept_until", cli_time_json(info->kept_until_ms),
				   "openable_backups", backups, "returned", info->returned);
	if (object && proofs)
		(void)json_object_set(object, "retired", proofs);
	return object;
}

static int show(const struct heard *heard, json_t *proofs)
{
	bool said = true;
	if (heard->cli->json)
		said = show_json(as_json(heard, proofs));
	else
		say(heard);
	if (!said || fflush(stdout) != 0)
		return cli_fail_output();
	return strcmp(heard->info.state, "pending") == 0 ? CLI_INCOMPLETE : CLI_DONE;
}

/* Erase, or with `reason` NULL look. False: heard->answer.result says why, and what was heard before stands. */
static bool ask(struct heard *heard, sr_blocking *blocking, const char *identity, const char *reason)
{
	return cli_await(&heard->answer, blocking,
			 sr_patient_erase(sr_blocking_client(blocking), identity, reason, on_told, heard, NULL));
}

/* Proofs are given but once: those there are by now are shown although a later step has failed. */
static int finish(const struct erasure *erasure, struct heard *heard, sr_blocking *blocking)
{
	struct cli_final final = {.cli = erasure->cli,
				  .identity = erasure->identity,
				  .rotator = erasure->rotator,
				  .no_backup = erasure->no_backup,
				  .proofs = erasure->cli->json ? json_array() : NULL};
	int status = cli_make_final(&final, blocking);
	bool asked = ask(heard, blocking, erasure->identity, NULL);
	if (status == CLI_DONE)
		status = asked ? show(heard, final.proofs) : cli_fail(&heard->answer.result);
	else if (final.proofs)
		(void)show(heard, final.proofs);
	json_decref(final.proofs);
	return status;
}

static int erase(const struct erasure *erasure, struct heard *heard, sr_blocking *blocking)
{
	if (!ask(heard, blocking, erasure->identity, erasure->reason))
		return cli_fail(&heard->answer.result);
	if (!erasure->final)
		return show(heard, NULL);
	if (strcmp(heard->info.state, "none") == 0)
		return cli_fail_text(SR_NOT_FOUND, "this patient has not been erased; --reason TEXT does it");
	return finish(erasure, heard, blocking);
}

int cli_patient_erase(struct cli *cli, int argc, char **argv)
{
	struct erasure erasure = {.cli = cli};
	struct heard heard = {.cli = cli};
	int status = cli_parse_data(cli, &argp, argc, argv, &erasure);
	if (status >= 0)
		return status;
	sr_blocking *blocking = cli_connect(cli, &status);
	if (!blocking)
		return status;
	status = erase(&erasure, &heard, blocking);
	sr_blocking_close(blocking);
	return status;
}
