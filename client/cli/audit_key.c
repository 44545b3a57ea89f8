/* What an auditor keeps: the log's verifier key, and checkpoints from earlier. */
#include "cli/audit_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_FILE_MAX 1024

int audit_key_read(const char *text, struct audit_key *out)
{
	struct sr_error err = {.text = ""};
	char *file = NULL;
	if (!text)
		text = getenv("SEALREEL_VERIFIER_KEY");
	if (!text)
		return cli_fail_text(SR_USAGE, "the log's verifier key is needed: --verifier-key @auditor.vkey");
	size_t size = strlen(text);
	if (text[0] == '@') {
		file = cli_read_file(text + 1, KEY_FILE_MAX, &size);
		if (!file)
			return cli_fail_text(SR_USAGE, "the verifier key cannot be read from %s", text + 1);
		text = file;
	}
	while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == ' '))
		size--;
	enum sr_code code =
		sr_checkpoint_verifier_read((struct sr_span){(const uint8_t *)text, size}, out->key, out->name, &err);
	free(file);
	return code == SR_OK ? CLI_DONE : cli_fail_text(SR_USAGE, "%s", err.text);
}

enum sr_code audit_note_read(const char *note, const struct audit_key *key, struct sr_checkpoint *out,
			     struct sr_error *err)
{
	struct sr_span text = {(const uint8_t *)note, strlen(note)};
	enum sr_code code = sr_checkpoint_read(text, key->key, out, err);
	if (code != SR_OK)
		(void)!sr_checkpoint_claims(text, out, NULL);
	else if (!sr_checkpoint_origin_fits(out->origin, key->name))
		code = SR_FAIL(err, SR_CORRUPT, "the checkpoint is of %s, the key of %s", out->origin, key->name);
	return code;
}

int audit_checkpoint_read(const char *path, const struct audit_key *key, struct sr_checkpoint *out)
{
	struct sr_error err = {.text = ""};
	size_t size = 0;
	char *text = cli_read_file(path, SR_NOTE_MAX, &size);
	if (!text)
		return cli_fail_text(SR_IO, "the kept checkpoint cannot be read from %s", path);
	enum sr_code code = strlen(text) == size ? audit_note_read(text, key, out, &err)
						 : SR_FAIL(&err, SR_CORRUPT, "it has a NUL in it");
	free(text);
	return code == SR_OK ? CLI_DONE : cli_fail_text(code, "%s: %s", path, err.text);
}

static bool write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t put = write(fd, text, size);
		if (put < 0 && errno != EINTR)
			return false;
		if (put > 0) {
			text += put;
			size -= (size_t)put;
		}
	}
	return fsync(fd) == 0;
}

int audit_keep(const char *path, const char *text)
{
	char fresh[PATH_MAX];
	if (!path) {
		(void)fputs(text, stdout);
		return cli_flush(CLI_DONE);
	}
	if (snprintf(fresh, sizeof fresh, "%s.fresh", path) >= (int)sizeof fresh)
		return cli_fail_text(SR_USAGE, "the path is too long");
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool well = fd >= 0 && write_all(fd, text, strlen(text));
	if (fd >= 0)
		well = close(fd) == 0 && well;
	well = well && rename(fresh, path) == 0;
	if (well)
		return CLI_DONE;
	int why = errno;
	(void)unlink(fresh);
	return cli_fail_text(SR_IO, "%s cannot be written: %s", path, strerror(why));
}
