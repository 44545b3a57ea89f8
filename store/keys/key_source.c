/*
 * Where the secret that unlocks the keyring comes from: a passphrase, a credential, or a key file.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "keys/guarded_file.h"
#include "keys/keyring.h"

#define PASSPHRASE_MAX 1024
#define KEY_LEAST 32
#define KEY_MOST 65536
#define KEY_FILE_SIZE 32

/* A secret that others may change is theirs; one they may read is no secret. Service managers set their own modes. */
static const struct sr_guard guards[] = {
	[SR_KEY_PASSPHRASE] = {.what = "passphrase file", .least = 1, .most = KEY_MOST, .forbidden = 0077},
	[SR_KEY_CREDENTIAL] = {.what = "credential", .least = KEY_LEAST, .most = KEY_MOST, .forbidden = 0022},
	[SR_KEY_FILE] = {.what = "key file", .least = KEY_LEAST, .most = KEY_MOST, .forbidden = 0077},
};

void sr_key_source_wipe(struct sr_key_source *source)
{
	sodium_free(source->secret);
	*source = (struct sr_key_source){.secret = NULL};
}

/* A line from `fd`, byte by byte so that nothing after it is swallowed, without its end. */
static enum sr_code read_line(int fd, uint8_t *line, size_t *size, struct sr_error *err)
{
	uint8_t byte;

	*size = 0;
	for (;;) {
		ssize_t got = read(fd, &byte, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return SR_FAIL(err, SR_IO, "cannot read the passphrase: %s", strerror(errno));
		if (got == 0 || byte == '\n')
			break;
		if (*size == PASSPHRASE_MAX)
			return SR_FAIL(err, SR_USAGE, "the passphrase has more than %d bytes", PASSPHRASE_MAX);
		line[(*size)++] = byte;
	}
	sodium_memzero(&byte, sizeof byte);
	if (*size == 0)
		return SR_FAIL(err, SR_USAGE, "the passphrase is empty");
	return SR_OK;
}

/* One line from the terminal behind `fd`, unseen. */
static enum sr_code ask(int fd, const char *prompt, uint8_t *line, size_t *size, struct sr_error *err)
{
	struct termios shown;
	struct termios hidden;
	enum sr_code code;

	if (tcgetattr(fd, &shown) != 0)
		return SR_FAIL(err, SR_IO, "cannot ask for the passphrase: %s", strerror(errno));
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(fd, TCSAFLUSH, &hidden) != 0)
		return SR_FAIL(err, SR_IO, "cannot hide the passphrase: %s", strerror(errno));
	/* Hidden first: what is typed at sight of the prompt must be neither shown nor flushed. */
	fprintf(stderr, "%s: ", prompt);
	fflush(stderr);
	code = read_line(fd, line, size, err);
	if (tcsetattr(fd, TCSAFLUSH, &shown) != 0 && code == SR_OK)
		code = SR_FAIL(err, SR_IO, "cannot set the terminal back: %s", strerror(errno));
	fputc('\n', stderr);
	return code;
}

/* From the terminal, twice if `confirm`; or, when standard input is none, a line of it. */
static enum sr_code from_input(bool confirm, struct sr_key_source *out, struct sr_error *err)
{
	uint8_t *again = NULL;
	size_t again_size;
	enum sr_code code;

	out->secret = sodium_malloc(PASSPHRASE_MAX);
	if (out->secret == NULL)
		return SR_FAIL_MEMORY(err);
	if (!isatty(STDIN_FILENO))
		return read_line(STDIN_FILENO, out->secret, &out->size, err);
	code = ask(STDIN_FILENO, "Passphrase of the keyring", out->secret, &out->size, err);
	if (code != SR_OK || !confirm)
		return code;
	again = sodium_malloc(PASSPHRASE_MAX);
	if (again == NULL)
		return SR_FAIL_MEMORY(err);
	code = ask(STDIN_FILENO, "The same again", again, &again_size, err);
	if (code == SR_OK && (again_size != out->size || sodium_memcmp(again, out->secret, out->size) != 0))
		code = SR_FAIL(err, SR_USAGE, "the two passphrases differ");
	sodium_free(again);
	return code;
}

/* The first line of what a passphrase file holds. */
static enum sr_code cut_line(const char *path, struct sr_key_source *out, struct sr_error *err)
{
	const uint8_t *end = memchr(out->secret, '\n', out->size);
	size_t size = end == NULL ? out->size : (size_t)(end - out->secret);

	if (size == 0 || size > PASSPHRASE_MAX)
		return SR_FAIL(err, SR_USAGE, "passphrase file %s: its first line has %zu bytes, not 1 to %d", path,
			       size, PASSPHRASE_MAX);
	out->size = size;
	return SR_OK;
}

static enum sr_code from_file(const char *directory, const char *name, struct sr_key_source *out, struct sr_error *err)
{
	char *path = NULL;
	enum sr_code code;
	int made;

	if (name[0] == '/' || directory == NULL)
		made = asprintf(&path, "%s", name);
	else
		made = asprintf(&path, "%s/%s", directory, name);
	if (made < 0)
		return SR_FAIL_MEMORY(err);
	code = sr_guarded_read(path, &guards[out->kind], &out->secret, &out->size, err);
	if (code == SR_OK && out->kind == SR_KEY_PASSPHRASE)
		code = cut_line(path, out, err);
	free(path);
	return code;
}

static enum sr_code from_credential(const char *name, struct sr_key_source *out, struct sr_error *err)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");

	if (directory == NULL || directory[0] != '/')
		return SR_FAIL(err, SR_USAGE, "a credential is named, but CREDENTIALS_DIRECTORY is not set");
	if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return SR_FAIL(err, SR_USAGE, "a credential is a name, not a path");
	return from_file(directory, name, out, err);
}

enum sr_code sr_key_source_read(const char *text, const char *directory, bool confirm, struct sr_key_source *out,
				struct sr_error *err)
{
	const char *colon = strchr(text, ':');
	const char *name = colon == NULL ? "" : colon + 1;
	size_t kind = colon == NULL ? strlen(text) : (size_t)(colon - text);
	enum sr_code code;

	*out = (struct sr_key_source){.secret = NULL};
	if (sodium_init() < 0)
		return SR_FAIL(err, SR_INTERNAL, "libsodium cannot be set up");
	if (strcmp(text, "passphrase") == 0 || strcmp(text, "passphrase:-") == 0) {
		out->kind = SR_KEY_PASSPHRASE;
		code = from_input(confirm, out, err);
	} else if (kind == strlen("passphrase") && strncmp(text, "passphrase", kind) == 0 && name[0] != '\0') {
		out->kind = SR_KEY_PASSPHRASE;
		code = from_file(directory, name, out, err);
	} else if (kind == strlen("credential") && strncmp(text, "credential", kind) == 0 && name[0] != '\0') {
		out->kind = SR_KEY_CREDENTIAL;
		code = from_credential(name, out, err);
	} else if (kind == strlen("file") && strncmp(text, "file", kind) == 0 && name[0] != '\0') {
		out->kind = SR_KEY_FILE;
		code = from_file(directory, name, out, err);
	} else {
		code = SR_FAIL(err, SR_USAGE,
			       "a key source is passphrase, passphrase:FILE, credential:NAME or file:PATH");
	}
	if (code != SR_OK)
		sr_key_source_wipe(out);
	return code;
}

enum sr_code sr_key_file_create(const char *path, struct sr_error *err)
{
	uint8_t key[KEY_FILE_SIZE];
	enum sr_code code;

	randombytes_buf(key, sizeof key);
	code = sr_guarded_create(path, key, sizeof key, err);
	sodium_memzero(key, sizeof key);
	return code;
}
