/*
 * Beginning a new log in the place of one that was restored from an old copy.
 */
#include "account/restart.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/audit_internal.h"
#include "account/proof.h"
#include "data/directory.h"

/* What is known of both logs. */
struct restarting {
	const struct sr_audit_options *options;
	struct sr_checkpoint lost;
	struct sr_checkpoint restored;
	char lost_text[SR_CHECKPOINT_MAX];
	char restored_text[SR_CHECKPOINT_MAX];
	unsigned long number; /* of the lost log */
	char origin[SR_AUDIT_ORIGIN_MAX];
	char aside[PATH_MAX];
	char next[PATH_MAX];
};

/* The number of the log of this origin: 1 for the store's own, what stands behind it for a later one; 0: another's. */
static unsigned long number_of(const char *origin, const char *own)
{
	size_t size = strlen(own);
	char *end;
	if (strncmp(origin, own, size) != 0)
		return 0;
	if (origin[size] == '\0')
		return 1;
	unsigned long number = strtoul(origin + size + 1, &end, 10);
	return origin[size] == '/' && *end == '\0' && number > 1 && number < UINT32_MAX ? number : 0;
}

/* Does the restored log have all that the lost one's checkpoint covers? Then nothing was lost. */
static bool nothing_lost(const struct restarting *restarting)
{
	struct sr_audit_view view;
	uint8_t root[SR_HASH];
	if (strcmp(restarting->lost.origin, restarting->restored.origin) != 0 ||
	    restarting->lost.size > restarting->restored.size ||
	    sr_audit_view_open(restarting->options->directory, &view, NULL) != SR_OK)
		return false;
	bool same = sr_audit_root(&view, restarting->lost.size, root, NULL) == SR_OK &&
		    memcmp(root, restarting->lost.root, SR_HASH) == 0;
	sr_audit_view_close(&view);
	return same;
}

static enum sr_code read_both(struct restarting *restarting, struct sr_span kept, struct sr_error *err)
{
	const struct sr_audit_options *options = restarting->options;
	struct sr_audit_view view;
	uint8_t key[SR_AUDIT_KEY];
	if (kept.size >= sizeof restarting->lost_text)
		return SR_FAIL(err, SR_CORRUPT, "the kept checkpoint is longer than any of ours");
	memcpy(restarting->lost_text, kept.data, kept.size);
	sr_checkpoint_key(options->seed, key);
	enum sr_code code = sr_checkpoint_read(kept, key, &restarting->lost, err);
	if (code == SR_OK)
		code = sr_audit_view_open(options->directory, &view, err);
	if (code != SR_OK)
		return code;
	memcpy(restarting->restored_text, view.checkpoint, sizeof restarting->restored_text);
	sr_audit_view_close(&view);
	struct sr_span text = {(const uint8_t *)restarting->restored_text, strlen(restarting->restored_text)};
	code = sr_checkpoint_read(text, key, &restarting->restored, err);
	if (code != SR_OK)
		return code;
	unsigned long lost = number_of(restarting->lost.origin, options->origin);
	unsigned long restored = number_of(restarting->restored.origin, options->origin);
	restarting->number = lost > restored ? lost : restored;
	if (lost == 0 || restored == 0)
		return SR_FAIL(err, SR_CORRUPT, "a checkpoint is of another store than %s", options->origin);
	if (nothing_lost(restarting))
		return SR_FAIL(err, SR_CONFLICT, "the audit log has all that the kept checkpoint covers: use it");
	return SR_OK;
}

static enum sr_code name_both(struct restarting *restarting, struct sr_error *err)
{
	const char *directory = restarting->options->directory;
	int aside = snprintf(restarting->aside, sizeof restarting->aside, "%s.%lu", directory, restarting->number);
	int next = snprintf(restarting->next, sizeof restarting->next, "%s.next", directory);
	int origin = snprintf(restarting->origin, sizeof restarting->origin, "%s/%lu", restarting->options->origin,
			      restarting->number + 1);
	if (aside >= PATH_MAX || next >= PATH_MAX || origin >= SR_AUDIT_ORIGIN_MAX)
		return SR_FAIL(err, SR_USAGE, "the path of the audit log is too long");
	if (faccessat(AT_FDCWD, restarting->aside, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return SR_FAIL(err, SR_CONFLICT, "%s exists already", restarting->aside);
	return SR_OK;
}

/* The new log, beside its place, with its first entry under a checkpoint. */
static enum sr_code begin(const struct restarting *restarting, struct sr_error *err)
{
	struct sr_audit_options options = *restarting->options;
	struct sr_audit_fact restored = {"restored", restarting->restored_text};
	struct sr_audit_entry entry = {.kind = SR_AUDIT_RESTARTED,
				       .operation = "audit.restart",
				       .text = restarting->lost_text,
				       .facts = &restored,
				       .fact_count = 1};
	struct sr_audit *audit = NULL;
	options.directory = restarting->next;
	options.origin = restarting->origin;
	enum sr_code code = sr_audit_create(&options, err);
	if (code == SR_OK)
		code = sr_audit_open(&options, &audit, err);
	if (code == SR_OK)
		code = sr_audit_append(audit, &entry, SR_AUDIT_CLOSING, NULL, err);
	if (code == SR_OK)
		code = sr_audit_seal(audit, err);
	sr_audit_close(audit);
	return code;
}

static enum sr_code exchange(const struct restarting *restarting, struct sr_error *err)
{
	const char *directory = restarting->options->directory;
	if (rename(directory, restarting->aside) != 0)
		return SR_FAIL(err, SR_IO, "%s cannot be put aside: %s", directory, strerrordesc_np(errno));
	if (rename(restarting->next, directory) != 0)
		return SR_FAIL(err, SR_IO, "%s cannot be named %s: %s", restarting->next, directory,
			       strerrordesc_np(errno));
	return sr_directory_sync_parent(directory, err);
}

enum sr_code sr_audit_restart(const struct sr_audit_options *options, struct sr_span kept, struct sr_error *err)
{
	struct restarting *restarting = calloc(1, sizeof *restarting);
	if (!restarting)
		return SR_FAIL_MEMORY(err);
	restarting->options = options;
	enum sr_code code = read_both(restarting, kept, err);
	if (code == SR_OK)
		code = name_both(restarting, err);
	if (code == SR_OK)
		code = begin(restarting, err);
	if (code == SR_OK)
		code = exchange(restarting, err);
	free(restarting);
	return code;
}
