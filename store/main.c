/*
 * sealreeld: its command line, and its exit statuses.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit_fault.h"
#include "audit_offline.h"
#include "config.h"
#include "init.h"
#include "replay.h"
#include "restore.h"
#include "scrub_offline.h"
#include "scrub_text.h"
#include "start.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_BUSY = 5, EXIT_INCOMPLETE = 6 };

/* Options without a letter. */
enum {
	KEY_INIT = 256,
	KEY_CHECK_CONFIG,
	KEY_KEYRING,
	KEY_KEY_SOURCE,
	KEY_LEDGER,
	KEY_LISTEN,
	KEY_RECOVERY,
	KEY_SCRUB,
	KEY_REPLAY,
	KEY_RATE,
	KEY_RESUME,
	KEY_JSON,
	KEY_RESTORE,
	KEY_VERIFY_AUDIT,
	KEY_RESTART_AUDIT,
	KEY_VERIFIER,
	KEY_CHECKPOINT,
};

enum task {
	TASK_SERVE,
	TASK_INIT,
	TASK_CHECK_CONFIG,
	TASK_SCRUB,
	TASK_RESTORE,
	TASK_REPLAY,
	TASK_VERIFY_AUDIT,
	TASK_RESTART_AUDIT,
	TASK_HELP,
	TASK_VERSION
};

/* What the command line asks for. `told` is what argp has been told is wrong with it. */
struct order {
	enum task task;
	const char *directory;
	const char *source; /* of --restore */
	struct sr_config_words words;
	bool worded;
	struct sr_scrub_offline scrub;
	bool scrubs; /* an option of --scrub was given */
	struct sr_audit_offline audit;
	bool told_more; /* --json or --quiet was given */
	const char *told;
};

static const struct argp_option options[] = {
	{"init", KEY_INIT, NULL, 0,
	 "Make a new store in DIR, which must not exist or be empty. (sealreel init also makes the issuer for "
	 "development "
	 "that sealreel.ini names)",
	 1},
	{"restore", KEY_RESTORE, "SRC", 0,
	 "Make the store DIR, which must not exist, from the newest backup in SRC, with the keyring that --keyring "
	 "names. "
	 "Nothing of it is served before the erasure ledger was replayed",
	 1},
	{"key-source", KEY_KEY_SOURCE, "SOURCE", 0,
	 "What opens the keyring: passphrase, passphrase:FILE, credential:NAME, or (development only) file:PATH; by "
	 "default file:keyring.key",
	 2},
	{"keyring", KEY_KEYRING, "FILE", 0, "Where the keyring is; by default DIR/keyring", 2},
	{"ledger", KEY_LEDGER, "FILE", 0, "Where the erasure ledger is; by default DIR/ledger", 2},
	{"listen", KEY_LISTEN, "ADDRESS", 0,
	 "unix:PATH or tcp:HOST:PORT; by default unix:sealreel.sock. Relative paths are under DIR", 2},
	{"recovery", KEY_RECOVERY, "FILE", 0,
	 "Make a recovery key, its private half in FILE: to be moved offline. Retired epochs' keys can be kept for it",
	 2},
	{"check-config", KEY_CHECK_CONFIG, NULL, 0,
	 "Read DIR/sealreel.ini and the files it names, and say what is wrong", 3},
	{"scrub", KEY_SCRUB, NULL, 0,
	 "Check all that the store in DIR holds, and say what does not fit; nothing is changed. Exits 1 on any "
	 "finding, "
	 "5 while a daemon has the store, 6 when a signal stopped it",
	 4},
	{"replay", KEY_REPLAY, NULL, 0,
	 "Do again what the erasure ledger says, in a store that was restored from a backup; only then can it be "
	 "served",
	 4},
	{"verify-audit", KEY_VERIFY_AUDIT, NULL, 0,
	 "Verify the audit log of the store in DIR, or the one that DIR is, with --verifier-key against its checkpoint "
	 "and each --checkpoint. Exits 1 on any finding",
	 4},
	{"restart-audit", KEY_RESTART_AUDIT, NULL, 0,
	 "Begin a new audit log in a store whose log was restored and is behind --checkpoint, the latest that anybody "
	 "has; the old one is put aside, and the new one names it",
	 4},
	{"verifier-key", KEY_VERIFIER, "KEY", 0, "The log's verifier key, as auditor.vkey has it", 5},
	{"checkpoint", KEY_CHECKPOINT, "FILE", 0, "A checkpoint that was kept; up to 16 with --verify-audit", 5},
	{"rate", KEY_RATE, "BYTES", 0, "At most so many bytes a second; by default all it can", 5},
	{"resume", KEY_RESUME, "PLACE", 0, "Go on behind the place that a stopped scrub gave", 5},
	{"json", KEY_JSON, NULL, 0,
	 "Say it as JSON. Of --scrub: " SR_SCRUB_JSON_FIELDS ". Of --verify-audit: " SR_AUDIT_VERIFY_FIELDS, 5},
	{"quiet", 'q', NULL, 0, "Say nothing but findings", 5},
	{"help", 'h', NULL, 0, "Say this", 6},
	{"version", 'V', NULL, 0, "Say the version", 6},
	{0},
};

static const char about[] =
	"Serve the sealreel store in DIR, in the foreground, until SIGTERM.\v"
	"The options of the second group go with --init and --restore; sealreel.ini in DIR then says what they said. "
	"Those behind "
	"--scrub go with it. SIGHUP has the "
	"daemon read issuers and log level again.\n\n"
	"Exit status: 0 done; 1 failed; 2 a wrong option, a bad file, or a store that is in use.\n\n"
	"Example: a store opened by a passphrase, then its daemon:\n\n"
	"  sealreeld --init --key-source passphrase /srv/sealreel\n"
	"  sealreeld /srv/sealreel\n";

static error_t wrong(struct order *order, const char *what)
{
	if (!order->told)
		order->told = what;
	return EINVAL;
}

static error_t set_task(struct order *order, enum task task)
{
	if (order->task != TASK_SERVE && order->task != task)
		return wrong(order,
			     "only one of --init, --restore, --replay, --check-config, --scrub, --verify-audit and "
			     "--restart-audit can be done");
	order->task = task;
	return 0;
}

static error_t set_word(struct order *order, const char **word, const char *value)
{
	*word = value;
	order->worded = true;
	return 0;
}

static error_t take_rate(struct order *order, const char *value)
{
	char *end;
	order->scrub.rate = strtoull(value, &end, 10);
	order->scrubs = true;
	return *value >= '0' && *value <= '9' && *end == '\0' ? 0 : wrong(order, "--rate is no number of bytes");
}

static error_t take_scrub(struct order *order, int key, const char *value)
{
	switch (key) {
	case KEY_RATE:
		return take_rate(order, value);
	case KEY_RESUME:
		order->scrubs = true;
		order->scrub.resume = value;
		return 0;
	case KEY_JSON:
		order->told_more = true;
		order->scrub.json = order->audit.json = true;
		return 0;
	default:
		order->told_more = true;
		order->scrub.quiet = order->audit.quiet = true;
		return 0;
	}
}

static error_t take_checkpoint(struct order *order, const char *path)
{
	if (order->audit.kept_count == SR_AUDIT_OFFLINE_KEPT_MAX)
		return wrong(order, "there are too many --checkpoint");
	order->audit.kept[order->audit.kept_count++] = path;
	return 0;
}

static error_t check_audit(struct order *order)
{
	const struct sr_audit_offline *audit = &order->audit;
	if (order->task == TASK_VERIFY_AUDIT && !audit->verifier)
		return wrong(order, "--verify-audit needs --verifier-key");
	if (order->task == TASK_RESTART_AUDIT && (audit->kept_count != 1 || audit->verifier))
		return wrong(order, "--restart-audit needs one --checkpoint, and no more");
	if (order->task != TASK_VERIFY_AUDIT && order->task != TASK_RESTART_AUDIT &&
	    (audit->verifier || audit->kept_count > 0))
		return wrong(order, "--verifier-key and --checkpoint go with --verify-audit, --checkpoint with "
				    "--restart-audit");
	return 0;
}

/* Options that go with one task alone. */
static error_t check(struct order *order)
{
	if (!order->directory)
		return wrong(order, "there is no DIR");
	if (order->worded && order->task != TASK_INIT && order->task != TASK_RESTORE)
		return wrong(order, "--key-source, --keyring, --ledger and --listen go with --init and --restore, "
				    "--recovery with --init");
	if (order->task == TASK_RESTORE && !order->words.keyring)
		return wrong(order, "--restore needs --keyring: it is not part of a backup");
	if (order->task == TASK_RESTORE && order->words.recovery)
		return wrong(order, "--recovery goes with --init");
	if (order->scrubs && order->task != TASK_SCRUB)
		return wrong(order, "--rate and --resume go with --scrub");
	if (order->told_more && order->task != TASK_SCRUB && order->task != TASK_VERIFY_AUDIT)
		return wrong(order, "--json and --quiet go with --scrub and --verify-audit");
	return check_audit(order);
}

static error_t take(int key, char *value, struct argp_state *state)
{
	struct order *order = state->input;
	if (order->task == TASK_HELP || order->task == TASK_VERSION)
		return 0;
	switch (key) {
	case KEY_INIT:
		return set_task(order, TASK_INIT);
	case KEY_CHECK_CONFIG:
		return set_task(order, TASK_CHECK_CONFIG);
	case KEY_KEY_SOURCE:
		return set_word(order, &order->words.key_source, value);
	case KEY_KEYRING:
		return set_word(order, &order->words.keyring, value);
	case KEY_LEDGER:
		return set_word(order, &order->words.ledger, value);
	case KEY_LISTEN:
		return set_word(order, &order->words.listen, value);
	case KEY_RECOVERY:
		return set_word(order, &order->words.recovery, value);
	case KEY_RESTORE:
		order->source = value;
		return set_task(order, TASK_RESTORE);
	case KEY_SCRUB:
		return set_task(order, TASK_SCRUB);
	case KEY_REPLAY:
		return set_task(order, TASK_REPLAY);
	case KEY_VERIFY_AUDIT:
		return set_task(order, TASK_VERIFY_AUDIT);
	case KEY_RESTART_AUDIT:
		return set_task(order, TASK_RESTART_AUDIT);
	case KEY_VERIFIER:
		order->audit.verifier = value;
		return 0;
	case KEY_CHECKPOINT:
		return take_checkpoint(order, value);
	case KEY_RATE:
	case KEY_RESUME:
	case KEY_JSON:
	case 'q':
		return take_scrub(order, key, value);
	case 'h':
		order->task = TASK_HELP;
		return 0;
	case 'V':
		order->task = TASK_VERSION;
		return 0;
	case ARGP_KEY_ARG:
		if (order->directory)
			return wrong(order, "there is more than one DIR");
		order->directory = value;
		return 0;
	case ARGP_KEY_END:
		return check(order);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {.options = options, .parser = take, .args_doc = "DIR", .doc = about};

/* The one line of a failure. */
static int fail(const struct sr_error *err, int status)
{
	fprintf(stderr, "sealreeld: %s\n", err->text);
	return status;
}

static int serve(const char *directory)
{
	struct sr_error err = {.text = ""};
	bool started;
	enum sr_code code = sr_store_serve(directory, &started, &err);
	if (code == SR_OK)
		return EXIT_DONE;
	return fail(&err, started && code != SR_USAGE ? EXIT_FAILED : EXIT_USAGE);
}

static int init(const char *directory, const struct sr_config_words *words)
{
	struct sr_error err = {.text = ""};
	enum sr_code code = sr_store_init(directory, words, &err);
	if (code == SR_OK)
		return EXIT_DONE;
	return fail(&err, code == SR_USAGE || code == SR_CONFLICT || code == SR_BUSY ? EXIT_USAGE : EXIT_FAILED);
}

static int restore(struct order *order)
{
	struct sr_error err = {.text = ""};
	struct sr_restored restored;
	order->words.bare = true;
	enum sr_code code = sr_store_restore(order->source, order->directory, &order->words, &restored, &err);
	if (code != SR_OK)
		return fail(&err,
			    code == SR_USAGE || code == SR_CONFLICT || code == SR_BUSY ? EXIT_USAGE : EXIT_FAILED);
	printf("restored %llu rows and %.1f MiB of backup %llu, %llu extents damaged\n",
	       (unsigned long long)restored.rows, (double)restored.files_bytes / (1 << 20),
	       (unsigned long long)restored.taken_ms, (unsigned long long)restored.damaged);
	return restored.damaged > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int scrub(struct sr_scrub_offline *work, const char *directory)
{
	struct sr_error err = {.text = ""};
	enum sr_scrub_outcome outcome = SR_SCRUB_CLEAN;
	work->directory = directory;
	enum sr_code code = sr_store_scrub(work, &outcome, &err);
	if (code != SR_OK) {
		if (err.text[0])
			(void)fail(&err, EXIT_FAILED);
		return code == SR_BUSY ? EXIT_BUSY : code == SR_USAGE ? EXIT_USAGE : EXIT_FAILED;
	}
	return outcome == SR_SCRUB_CLEAN ? EXIT_DONE : outcome == SR_SCRUB_FOUND ? EXIT_FAILED : EXIT_INCOMPLETE;
}

static int replay(const char *directory)
{
	struct sr_error err = {.text = ""};
	uint64_t lines;
	enum sr_code code = sr_store_replay(directory, &lines, &err);
	if (code != SR_OK)
		return fail(&err,
			    code == SR_USAGE || code == SR_CONFLICT || code == SR_BUSY ? EXIT_USAGE : EXIT_FAILED);
	printf("replayed %llu lines of the erasure ledger: it keeps the store from being served no more\n",
	       (unsigned long long)lines);
	return EXIT_DONE;
}

static int verify_audit(struct order *order)
{
	struct sr_error err = {.text = ""};
	bool clean;
	order->audit.directory = order->directory;
	enum sr_code code = sr_store_verify_audit(&order->audit, &clean, &err);
	if (code != SR_OK)
		return fail(&err, code == SR_USAGE || code == SR_NOT_FOUND ? EXIT_USAGE : EXIT_FAILED);
	return clean ? EXIT_DONE : EXIT_FAILED;
}

static int restart_audit(const struct order *order)
{
	struct sr_error err = {.text = ""};
	enum sr_code code = sr_store_restart_audit(order->directory, order->audit.kept[0], &err);
	if (code != SR_OK)
		return fail(&err, code == SR_BUSY ? EXIT_BUSY : code == SR_USAGE ? EXIT_USAGE : EXIT_FAILED);
	puts("begun anew: the old audit log is put aside, and the new one names it");
	return EXIT_DONE;
}

static int check_config(const char *directory)
{
	struct sr_error err = {.text = ""};
	struct sr_config *config;
	if (sr_config_load(directory, &config, &err) != SR_OK)
		return fail(&err, EXIT_USAGE);
	sr_config_free(config);
	return EXIT_DONE;
}

static int obey(struct order *order, char *name)
{
	switch (order->task) {
	case TASK_INIT:
		return init(order->directory, &order->words);
	case TASK_CHECK_CONFIG:
		return check_config(order->directory);
	case TASK_RESTORE:
		return restore(order);
	case TASK_REPLAY:
		return replay(order->directory);
	case TASK_SCRUB:
		return scrub(&order->scrub, order->directory);
	case TASK_VERIFY_AUDIT:
		return verify_audit(order);
	case TASK_RESTART_AUDIT:
		return restart_audit(order);
	case TASK_HELP:
		argp_help(&parser, stdout, ARGP_HELP_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC, name);
		return EXIT_DONE;
	case TASK_VERSION:
		puts("sealreeld " SR_VERSION);
		return EXIT_DONE;
	case TASK_SERVE:
		break;
	}
	return serve(order->directory);
}

int main(int argc, char **argv)
{
	struct order order = {.task = TASK_SERVE};
	struct sr_error err = {.text = ""};
	char name[] = "sealreeld";
	int at = 0;
	if (sr_process_prepare(&err) != SR_OK)
		return fail(&err, EXIT_FAILED);
	/* argp's own words for a wrong option take two lines. */
	if (argp_parse(&parser, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT, &at, &order) != 0) {
		if (order.told)
			fprintf(stderr, "sealreeld: %s (see sealreeld --help)\n", order.told);
		else
			fprintf(stderr, "sealreeld: %s is no option, or lacks its value (see sealreeld --help)\n",
				argv[at > 1 ? at - 1 : argc - 1]);
		return EXIT_USAGE;
	}
	return obey(&order, name);
}
