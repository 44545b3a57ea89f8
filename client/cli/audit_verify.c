/* `sealreel audit verify`: the whole log against its checkpoint, and that against what the auditor has kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/audit.h"
#include "cli/audit_key.h"

#define PROGRESS_STEP 4096 /* entries */
#define DAEMON_KEPT_MAX 16 /* checkpoints that its command line takes */

enum { KEY_VERIFIER = 1, KEY_CHECKPOINT, KEY_QUICK };

struct verify {
	struct cli *cli;
	const char *directory; /* NULL: the log of the store that is served */
	const char *key_text;
	const char *kept_paths[AUDIT_KEPT_MAX];
	size_t kept_count;
	bool quick;
	const char *out; /* where the verified checkpoint is kept */
	struct audit_key key;
	struct sr_checkpoint kept[AUDIT_KEPT_MAX];
	struct sr_checkpoint own;
	struct sr_merkle_stack tree;
	uint64_t entries;
	uint64_t findings;
	bool progress;
};

static const struct argp_option options[] = {
	{"verifier-key", KEY_VERIFIER, "KEY|@FILE", 0, AUDIT_KEY_OPTION, 1},
	{"checkpoint", KEY_CHECKPOINT, "FILE", 0,
	 "A checkpoint that was kept earlier: the log must begin as it says. May be given several times", 1},
	{"quick", KEY_QUICK, NULL, 0,
	 "Read no entries: only that the latest checkpoint is signed, and goes on from those that were kept", 1},
	{"output", 'o', "FILE", 0, "Keep the checkpoint that was verified in FILE, once nothing was found", 1},
	{0},
};

static error_t check(struct verify *verify)
{
	if (verify->directory && (verify->quick || verify->out))
		return cli_wrong(verify->cli, "--quick and -o go with a store that is served");
	if (verify->quick && verify->kept_count == 0)
		return cli_wrong(verify->cli, "--quick needs a --checkpoint");
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct verify *verify = state->input;
	switch (key) {
	case KEY_VERIFIER:
		verify->key_text = value;
		return 0;
	case KEY_CHECKPOINT:
		if (verify->kept_count == AUDIT_KEPT_MAX)
			return cli_wrong(verify->cli, "at most %d checkpoints can be given", AUDIT_KEPT_MAX);
		verify->kept_paths[verify->kept_count++] = value;
		return 0;
	case KEY_QUICK:
		verify->quick = true;
		return 0;
	case 'o':
		verify->out = value;
		return 0;
	case ARGP_KEY_ARG:
		if (verify->directory)
			return cli_wrong(verify->cli, "there is more than one DIR");
		verify->directory = value;
		return 0;
	case ARGP_KEY_END:
		return check(verify);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[DIR]",
	.doc = "Verify the audit log: fetch every entry, compute the tree anew, and hold it against the checkpoint "
	       "that "
	       "the store signs and against those that you kept. With DIR the log beside the files, without the "
	       "daemon, whether it runs or not: of a store's directory, of the log's own, or of a copy; its tiles and "
	       "bundles are then checked too.\v"
	       "Only a checkpoint that was kept elsewhere shows a log that was rewritten and signed again, or cut: "
	       "keep one each time with -o. Nothing that the store says is believed: the verifier key comes from where "
	       "the store was made. A log that was begun anew for a restored store says so in its first entry, and "
	       "other_log is found for checkpoints of the one before.\n\n"
	       "JSON: " SR_AUDIT_VERIFY_FIELDS ".\n\n"
	       "Exits with 0 if all is as it was signed; 1 on any finding, or if it failed; 2 wrong usage; 5 the store "
	       "is unavailable.\n\nExample:\n\n"
	       "  sealreel --credential auditor.cred audit verify --verifier-key @auditor.vkey \\\n"
	       "    --checkpoint yesterday.note -o today.note || page-somebody\n",
};

static int become_daemon(const struct verify *verify)
{
	static char words[DAEMON_KEPT_MAX][4096];
	struct cli_daemon daemon = {.words = {"--verify-audit"}, .count = 1};
	char key[SR_VERIFIER_MAX + 32];
	if (verify->kept_count > DAEMON_KEPT_MAX)
		return cli_fail_text(SR_USAGE, "with DIR at most %d checkpoints can be given", DAEMON_KEPT_MAX);
	char text[SR_VERIFIER_MAX];
	sr_checkpoint_verifier(verify->key.name, verify->key.key, text);
	(void)snprintf(key, sizeof key, "--verifier-key=%s", text);
	daemon.words[daemon.count++] = key;
	for (size_t at = 0; at < verify->kept_count; at++) {
		if (snprintf(words[at], sizeof words[at], "--checkpoint=%s", verify->kept_paths[at]) >=
		    (int)sizeof words[at])
			return cli_fail_text(SR_USAGE, "a path is too long");
		daemon.words[daemon.count++] = words[at];
	}
	if (verify->cli->json)
		daemon.words[daemon.count++] = "--json";
	if (verify->cli->quiet)
		daemon.words[daemon.count++] = "--quiet";
	daemon.words[daemon.count++] = verify->directory;
	return cli_become_daemon(&daemon);
}

/* ---- the log that is served ---- */

static void on_finding(void *context, const struct sr_audit_finding *finding)
{
	struct verify *verify = context;
	char line[SR_AUDIT_LINE_MAX];
	sr_audit_finding_line(finding, verify->cli->json, line);
	puts(line);
}

static void find(struct verify *verify, enum sr_audit_fault fault, uint64_t number, const char *text)
{
	struct sr_audit_finding finding = {.fault = fault, .number = number};
	(void)snprintf(finding.text, sizeof finding.text, "%s", text);
	verify->findings++;
	on_finding(verify, &finding);
}

static struct sr_audit_kept kept_of(struct verify *verify)
{
	return (struct sr_audit_kept){&verify->own, verify->kept, verify->kept_count, on_finding, verify};
}

/* The tree has come to this size: is it the one that was kept? */
static void compare_kept(struct verify *verify)
{
	struct sr_audit_kept kept = kept_of(verify);
	uint8_t root[SR_HASH];
	if (!sr_audit_kept_has(&kept, verify->tree.size))
		return;
	sr_merkle_stack_root(&verify->tree, root);
	verify->findings += sr_audit_kept_compare(&kept, verify->tree.size, root);
}

static bool add(void *context, const struct sr_audit_entry *entry, struct sr_span json)
{
	struct verify *verify = context;
	uint8_t leaf[SR_HASH];
	if (entry->number != verify->tree.size || entry->number >= verify->own.size) {
		find(verify, SR_FAULT_RECORD, verify->tree.size,
		     "the store does not give this entry, or more than it signed");
		return false;
	}
	sr_merkle_leaf(json.data, json.size, leaf);
	sr_merkle_stack_add(&verify->tree, leaf);
	verify->entries++;
	compare_kept(verify);
	if (verify->progress && verify->tree.size % PROGRESS_STEP == 0)
		(void)fprintf(stderr, "\rverify %llu of %llu entries\033[K", (unsigned long long)verify->tree.size,
			      (unsigned long long)verify->own.size);
	return true;
}

/* Read it all, and see that it gives the root. */
static int read_all(struct verify *verify, struct audit *audit)
{
	uint8_t root[SR_HASH];
	int status = CLI_DONE;
	compare_kept(verify);
	if (verify->own.size > 0)
		status = audit_read(audit, 0, verify->own.size, add, verify);
	if (verify->progress)
		(void)fputs("\r\033[K", stderr);
	if (status != CLI_DONE)
		return status;
	sr_merkle_stack_root(&verify->tree, root);
	if (verify->tree.size < verify->own.size && verify->findings == 0)
		find(verify, SR_FAULT_RECORD, verify->tree.size, "the store does not give this entry");
	else if (verify->tree.size >= verify->own.size && memcmp(root, verify->own.root, SR_HASH) != 0)
		find(verify, SR_FAULT_ROOT, verify->own.size,
		     "the entries give another tree than the checkpoint signed");
	return CLI_DONE;
}

/* Does the latest go on from this kept one? The proof is between these two alone. */
static int prove_one(struct verify *verify, struct audit *audit, const struct sr_checkpoint *kept)
{
	struct sr_merkle_proof proof;
	if (strcmp(kept->origin, verify->own.origin) != 0 || kept->size > verify->own.size)
		return CLI_DONE; /* found already */
	int status = audit_consistency(audit, kept->size, verify->own.size);
	if (status != CLI_DONE)
		return status;
	proof.count = audit->count;
	memcpy(proof.hashes, audit->hashes, sizeof proof.hashes);
	if (!sr_merkle_consistent(&proof, kept->size, kept->root, verify->own.size, verify->own.root))
		find(verify, SR_FAULT_REWRITTEN, kept->size,
		     "the store cannot prove that its log goes on from the kept checkpoint");
	return CLI_DONE;
}

static int prove_kept(struct verify *verify, struct audit *audit)
{
	int status = CLI_DONE;
	for (size_t at = 0; at < verify->kept_count && status == CLI_DONE; at++)
		status = prove_one(verify, audit, &verify->kept[at]);
	return status;
}

static int verify_served(struct verify *verify, struct audit *audit)
{
	struct sr_error err = {.text = ""};
	char note[SR_CHECKPOINT_MAX];
	int status = audit_checkpoint(audit);
	if (status != CLI_DONE)
		return status;
	memcpy(note, audit->note, sizeof note);
	if (audit_note_read(note, &verify->key, &verify->own, &err) != SR_OK)
		find(verify, SR_FAULT_CHECKPOINT, 0, err.text);
	struct sr_audit_kept kept = kept_of(verify);
	verify->findings += sr_audit_kept_check(&kept);
	status = verify->quick ? prove_kept(verify, audit) : read_all(verify, audit);
	if (status == CLI_DONE && verify->findings == 0 && verify->out)
		status = audit_keep(verify->out, note);
	return status;
}

static int tell_end(const struct verify *verify)
{
	char line[SR_AUDIT_LINE_MAX];
	const struct sr_audit_end_line end = {
		.checkpoint = &verify->own, .entries = verify->entries, .findings = verify->findings};
	sr_audit_end_line(&end, verify->cli->json, line);
	if (verify->cli->json || !verify->cli->quiet || verify->findings > 0)
		puts(line);
	return cli_flush(verify->findings > 0 ? CLI_FAILED : CLI_DONE);
}

static int run(struct verify *verify)
{
	struct audit audit = {.cli = verify->cli};
	int status = audit_key_read(verify->key_text, &verify->key);
	for (size_t at = 0; at < verify->kept_count && status == CLI_DONE; at++)
		status = audit_checkpoint_read(verify->kept_paths[at], &verify->key, &verify->kept[at]);
	if (status != CLI_DONE)
		return status;
	if (verify->directory)
		return become_daemon(verify);
	verify->progress = !verify->cli->quiet && isatty(STDERR_FILENO);
	status = audit_open(&audit);
	if (status == CLI_DONE)
		status = verify_served(verify, &audit);
	audit_close(&audit);
	return status == CLI_DONE ? tell_end(verify) : cli_flush(status);
}

int cli_audit_verify(struct cli *cli, int argc, char **argv)
{
	struct verify *verify = calloc(1, sizeof *verify);
	if (!verify)
		return cli_fail_memory();
	verify->cli = cli;
	int status = cli_parse_data(cli, &argp, argc, argv, verify);
	if (status < 0)
		status = run(verify);
	free(verify);
	return status;
}
