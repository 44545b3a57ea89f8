/*
 * Starting the daemon: everything it is made from, opened in order, and closed again in reverse.
 */
#include "start.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "data/ledger.h"
#include "data/lock.h"
#include "ledger_check.h"
#include "options.h"
#include "serve/daemon.h"
#include "start_audit.h"
#include "wiping.h"

#define MIB 1048576u

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif

/* Keep secrets out of core files, and other programs of this user out of our memory. */
static bool forbid_dumps(void)
{
	const struct rlimit none = {0, 0};
	bool done = setrlimit(RLIMIT_CORE, &none) == 0;
#ifndef SANITIZED /* its search for leaks has to look into this process */
	done = done && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
#endif
	return done;
}

/* What the system does not give shows when connections are refused, so that a failure here is none. */
static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)!setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * The index is a mapped file: one that is cut short, or a disk that cannot give a page, ends the daemon with a word. So
 * does a damaged page of it, which LMDB follows to wherever it points; and libuv, which aborts where it cannot say that
 * it has no memory or no thread. Threads may meet it together: the first says so.
 */
static void on_fault(int number)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;
	static const char unread[] = "level=alarm event=fatal code=io text=\"a page of the index cannot be read; "
				     "check the disk, then the store with sealreeld --scrub DIR\"\n";
	static const char gave_up[] = "level=alarm event=fatal code=internal text=\"a library has given up: memory or "
				      "threads are used up, or there is a fault in this program\"\n";
	static const char astray[] = "level=alarm event=fatal code=corrupt text=\"memory was used that is not there: a "
				     "damaged page of the index, or a fault in this program; check the store with "
				     "sealreeld --scrub DIR\"\n";
	while (atomic_flag_test_and_set(&said))
		(void)pause(); /* until the first has ended the process */
	if (number == SIGBUS)
		(void)!write(STDERR_FILENO, unread, sizeof unread - 1);
	else if (number == SIGABRT)
		(void)!write(STDERR_FILENO, gave_up, sizeof gave_up - 1);
	else
		(void)!write(STDERR_FILENO, astray, sizeof astray - 1);
	_exit(1);
}

static void on_faults(void (*handler)(int number))
{
	struct sigaction action = {.sa_handler = handler};
	/* A fault within the handler is the end at once: it would wait for itself. */
	sigfillset(&action.sa_mask);
	(void)!sigaction(SIGBUS, &action, NULL);
#ifndef SANITIZED /* a sanitizer says far more about it */
	(void)!sigaction(SIGSEGV, &action, NULL);
	(void)!sigaction(SIGABRT, &action, NULL);
#endif
}

void sr_process_dies_plainly(void)
{
	on_faults(SIG_DFL);
}

enum sr_code sr_process_prepare(struct sr_error *err)
{
	umask(077);
	if (!sr_wiping_install())
		return SR_FAIL(err, SR_INTERNAL, "libcrypto has been used too early");
	if (sodium_init() < 0)
		return SR_FAIL(err, SR_INTERNAL, "libsodium cannot be set up");
	if (!forbid_dumps())
		return SR_FAIL(err, SR_INTERNAL, "cannot forbid core dumps: %s", strerror(errno));
	raise_descriptors();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a write that is too long fails as one on a full disk does */
	on_faults(on_fault);
	return SR_OK;
}

/* The free bytes below which nothing is recorded: the larger of the share and the minimum. */
static enum sr_code reserve_of(const struct sr_config *config, const char *blobs, uint64_t *reserve,
			       struct sr_error *err)
{
	struct statvfs fs;
	uint64_t least = config->reserve_min_mib * MIB;
	if (statvfs(blobs, &fs) != 0)
		return SR_FAIL(err, SR_IO, "cannot open %s: %s", blobs, strerror(errno));
	uint64_t share = (uint64_t)fs.f_blocks * fs.f_frsize / 100 * config->reserve_percent;
	*reserve = share > least ? share : least;
	return SR_OK;
}

static enum sr_code open_keyring(const struct sr_config *config, struct sr_keyring **out, bool *development,
				 struct sr_error *err)
{
	struct sr_key_source source;
	enum sr_code code = sr_key_source_read(config->key_source, config->directory, false, &source, err);
	if (code != SR_OK)
		return code;
	*development = source.kind == SR_KEY_FILE;
	code = sr_keyring_load(config->keyring, &source, out, err);
	sr_key_source_wipe(&source);
	return code;
}

static enum sr_code open_index(const struct sr_daemon_parts *parts, struct sr_index **out, struct sr_error *err)
{
	char *path = sr_path_under(parts->config->directory, "index");
	struct sr_index_options options = {path, sr_keyring_store(parts->keyring), sr_daemon_fatal, NULL};
	enum sr_code code = path ? sr_index_open(&options, out, err) : SR_FAIL_MEMORY(err);
	free(path);
	return code;
}

static enum sr_code open_blobs(const struct sr_daemon_parts *parts, struct sr_blobs **out, struct sr_error *err)
{
	uint64_t reserve = 0;
	char *path = sr_path_under(parts->config->directory, "blobs");
	enum sr_code code = path ? reserve_of(parts->config, path, &reserve, err) : SR_FAIL_MEMORY(err);
	if (code == SR_OK)
		code = sr_blobs_open(path, reserve, out, err);
	free(path);
	return code;
}

enum sr_code sr_store_take(const char *directory, struct sr_daemon_parts *parts, int *lock, bool *development,
			   struct sr_error *err)
{
	enum sr_code code = sr_config_load(directory, &parts->config, err);
	if (code != SR_OK)
		return code;
	sr_log_level_set(parts->config->log_level);
	code = sr_lock_take(parts->config->directory, lock, err);
	if (code == SR_OK)
		code = open_keyring(parts->config, &parts->keyring, development, err);
	return code;
}

enum sr_code sr_store_open_data(struct sr_daemon_parts *parts, struct sr_error *err)
{
	enum sr_code code = open_index(parts, &parts->index, err);
	return code == SR_OK ? open_blobs(parts, &parts->blobs, err) : code;
}

void sr_store_close(struct sr_daemon_parts *parts, int lock)
{
	sr_audit_close(parts->audit);
	sr_ledger_close(parts->ledger);
	sr_blobs_close(parts->blobs);
	sr_index_close(parts->index);
	sr_keyring_free(parts->keyring);
	if (lock >= 0)
		close(lock);
	sr_config_free(parts->config);
	memset(parts, 0, sizeof *parts);
}

/* By the one process that writes it. */
static enum sr_code open_audit(struct sr_daemon_parts *parts, struct sr_error *err)
{
	const struct sr_store_audit store = {parts->config, parts->keyring, parts->index};
	return sr_store_audit_open(&store, &parts->audit, err);
}

/* What was erased since the backup was taken would be back. */
static enum sr_code refuse_restored(const struct sr_daemon_parts *parts, struct sr_error *err)
{
	bool restored;
	enum sr_code code = sr_store_restored(parts, &restored, err);
	if (code != SR_OK || !restored)
		return code;
	return SR_FAIL(err, SR_USAGE,
		       "%s was restored from a backup: put the newest erasure ledger at %s, then sealreeld --replay",
		       parts->config->directory, parts->config->ledger);
}

enum sr_code sr_store_serve(const char *directory, bool *started, struct sr_error *err)
{
	struct sr_daemon_parts parts = {.config = NULL};
	bool development = false;
	int lock = -1;
	*started = false;
	enum sr_code code = sr_store_take(directory, &parts, &lock, &development, err);
	if (code == SR_OK)
		code = sr_store_open_data(&parts, err);
	if (code == SR_OK)
		code = open_audit(&parts, err);
	if (code == SR_OK)
		code = refuse_restored(&parts, err);
	if (code == SR_OK)
		code = sr_store_open_ledger(&parts, err);
	if (code == SR_OK) {
		if (development)
			sr_log(SR_LOG_WARN, "development_key",
			       "the keyring is opened by a key in a file: for development only");
		*started = true;
		code = sr_daemon_run(&parts, err);
		parts.config = NULL; /* the daemon has released it */
	}
	sr_store_close(&parts, lock);
	return code;
}
