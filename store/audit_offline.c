/*
 * An audit log that no daemon writes: verified, or begun anew.
 */
#include "audit_offline.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/restart.h"
#include "account/verify.h"
#include "config.h"
#include "serve/daemon.h"
#include "start.h"
#include "start_audit.h"

/* A small text file whole, terminated; released by the caller. */
static char *read_text(const char *path, size_t *size, struct sr_error *err)
{
	char *text = malloc(SR_NOTE_MAX + 1);
	int fd = text ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t got = fd >= 0 ? TEMP_FAILURE_RETRY(read(fd, text, SR_NOTE_MAX)) : -1;
	if (!text)
		(void)SR_FAIL_MEMORY(err);
	else if (got < 0)
		(void)SR_FAIL(err, SR_IO, "%s cannot be read: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	if (got < 0) {
		free(text);
		return NULL;
	}
	text[got] = '\0';
	*size = (size_t)got;
	return text;
}

/* Where the log lies: `directory` itself, or where its configuration says, or where it lies in a copy without one. */
static enum sr_code find_log(const char *directory, char path[PATH_MAX], struct sr_error *err)
{
	struct sr_config *config;
	struct sr_error own = {.text = ""};
	int size = snprintf(path, PATH_MAX, "%s/records", directory);
	if (size > 0 && size < PATH_MAX && access(path, F_OK) == 0) {
		(void)snprintf(path, PATH_MAX, "%s", directory);
		return SR_OK;
	}
	if (sr_config_load(directory, &config, &own) == SR_OK) {
		size = snprintf(path, PATH_MAX, "%s", config->audit);
		sr_config_free(config);
	} else {
		size = snprintf(path, PATH_MAX, "%s/audit", directory);
	}
	return size > 0 && size < PATH_MAX ? SR_OK : SR_FAIL(err, SR_USAGE, "the path is too long");
}

/* ---- verifying ---- */

struct telling {
	const struct sr_audit_offline *order;
	bool progress;
};

static void on_finding(void *context, const struct sr_audit_finding *finding)
{
	const struct telling *telling = context;
	char line[SR_AUDIT_LINE_MAX];
	sr_audit_finding_line(finding, telling->order->json, line);
	puts(line);
}

static bool on_progress(void *context, uint64_t done, uint64_t all)
{
	const struct telling *telling = context;
	if (telling->progress)
		(void)fprintf(stderr, "\rverify %llu of %llu entries\033[K", (unsigned long long)done,
			      (unsigned long long)all);
	return true;
}

static enum sr_code read_kept(const struct sr_audit_offline *order, const uint8_t key[SR_AUDIT_KEY],
			      struct sr_checkpoint *kept, struct sr_error *err)
{
	for (size_t at = 0; at < order->kept_count; at++) {
		struct sr_error why = {.text = ""};
		size_t size = 0;
		char *text = read_text(order->kept[at], &size, err);
		if (!text)
			return SR_IO;
		enum sr_code code = sr_checkpoint_read((struct sr_span){(uint8_t *)text, size}, key, &kept[at], &why);
		free(text);
		if (code != SR_OK)
			return SR_FAIL(err, SR_USAGE, "%s: %s", order->kept[at], why.text);
	}
	return SR_OK;
}

static void tell_end(const struct telling *telling, const struct sr_audit_verdict *verdict)
{
	char line[SR_AUDIT_LINE_MAX];
	const struct sr_audit_end_line end = {.checkpoint = &verdict->checkpoint,
					      .entries = verdict->entries,
					      .findings = verdict->findings,
					      .stopped = verdict->stopped};
	if (telling->progress)
		(void)fputs("\r\033[K", stderr);
	sr_audit_end_line(&end, telling->order->json, line);
	if (telling->order->json || !telling->order->quiet || verdict->findings > 0)
		puts(line);
}

/* The view's checkpoint may be signed by the key and still be another log's. */
static void check_origin(const struct telling *telling, const char *name, struct sr_audit_verdict *verdict)
{
	struct sr_audit_finding finding = {.fault = SR_FAULT_CHECKPOINT};
	if (sr_checkpoint_origin_fits(verdict->checkpoint.origin, name))
		return;
	(void)snprintf(finding.text, sizeof finding.text, "the checkpoint is of %s, the key of %s",
		       verdict->checkpoint.origin, name);
	verdict->findings++;
	on_finding((void *)(uintptr_t)telling, &finding);
}

static enum sr_code verify(struct telling *telling, const char *path, bool *clean, struct sr_error *err)
{
	const struct sr_audit_offline *order = telling->order;
	struct sr_checkpoint kept[SR_AUDIT_OFFLINE_KEPT_MAX];
	struct sr_audit_verdict verdict;
	struct sr_audit_view view;
	uint8_t key[SR_AUDIT_KEY];
	char name[SR_AUDIT_ORIGIN_MAX];
	struct sr_span text = {(const uint8_t *)order->verifier, strlen(order->verifier)};
	if (sr_checkpoint_verifier_read(text, key, name, err) != SR_OK)
		return SR_USAGE;
	enum sr_code code = read_kept(order, key, kept, err);
	if (code == SR_OK)
		code = sr_audit_view_open(path, &view, err);
	if (code != SR_OK)
		return code;
	const struct sr_audit_verification work = {.view = &view,
						   .key = key,
						   .kept = kept,
						   .kept_count = order->kept_count,
						   .found = on_finding,
						   .progress = on_progress,
						   .context = telling};
	code = sr_audit_verify(&work, &verdict, err);
	sr_audit_view_close(&view);
	if (code != SR_OK)
		return code;
	check_origin(telling, name, &verdict);
	tell_end(telling, &verdict);
	*clean = verdict.findings == 0 && !verdict.stopped;
	return fflush(stdout) == 0 ? SR_OK : SR_FAIL(err, SR_IO, "standard output cannot be written");
}

enum sr_code sr_store_verify_audit(const struct sr_audit_offline *order, bool *clean, struct sr_error *err)
{
	struct telling telling = {.order = order, .progress = !order->quiet && isatty(STDERR_FILENO)};
	char path[PATH_MAX];
	*clean = false;
	if (!order->verifier)
		return SR_FAIL(err, SR_USAGE, "--verify-audit needs --verifier-key");
	enum sr_code code = find_log(order->directory, path, err);
	return code == SR_OK ? verify(&telling, path, clean, err) : code;
}

/* ---- beginning anew ---- */

enum sr_code sr_store_restart_audit(const char *directory, const char *kept, struct sr_error *err)
{
	struct sr_daemon_parts parts = {.config = NULL};
	char origin[SR_AUDIT_ORIGIN_MAX];
	bool development;
	size_t size = 0;
	int lock = -1;
	char *text = read_text(kept, &size, err);
	if (!text)
		return SR_IO;
	enum sr_code code = sr_store_take(directory, &parts, &lock, &development, err);
	if (code == SR_OK) {
		const struct sr_store_audit store = {parts.config, parts.keyring, NULL};
		struct sr_audit_options options = sr_store_audit_options(&store, origin);
		code = sr_audit_restart(&options, (struct sr_span){(uint8_t *)text, size}, err);
	}
	sr_store_close(&parts, lock);
	free(text);
	return code;
}
