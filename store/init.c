/*
 * `sealreeld --init DIR`: makes a new store, whole or not at all.
 */
#include "init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credential.h"
#include "data/blob.h"
#include "data/index.h"
#include "data/lock.h"
#include "keys/guarded_file.h"
#include "keys/keyring.h"
#include "keys/rows.h"
#include "made.h"
#include "options.h"
#include "serve/daemon.h"
#include "serve/epochs/epochs.h"
#include "start_audit.h"

#define KEY_FILE_SOURCE "file:"
#define AUDITOR_TEXT_MAX 256

/* A store being made. The steps below fill it, in their order. */
struct making {
	const struct sr_config_words *words;
	char *directory; /* absolute */
	struct sr_config *config;
	struct sr_made made;
	int lock;
	struct sr_key_source source;
	struct sr_keyring *keyring;
	uint8_t store[SR_UUID];
	uint8_t auditor[32];
	struct sr_credential operator_credential;
	char warning[SR_ERROR_TEXT_MAX];
};

typedef enum sr_code step(struct making *making, struct sr_error *err);

/* Note the thing `name` of the store, and give its path: released with free, NULL on failure. */
static char *about_to_make(struct making *making, const char *name, const char *what, enum sr_code *code,
			   struct sr_error *err)
{
	char *path = sr_path_under(making->directory, name);
	*code = path ? sr_made_note(&making->made, path, what, err) : SR_FAIL_MEMORY(err);
	if (*code == SR_OK)
		return path;
	free(path);
	return NULL;
}

static enum sr_code make_file(struct making *making, const char *name, const char *what, const char *text, size_t size,
			      struct sr_error *err)
{
	enum sr_code code;
	char *path = about_to_make(making, name, what, &code, err);
	if (path)
		code = sr_guarded_create(path, (const uint8_t *)text, size, err);
	free(path);
	return code;
}

static enum sr_code check_empty(const char *directory, struct sr_error *err)
{
	struct stat st;
	const struct dirent *entry;
	DIR *listing = opendir(directory);
	if (!listing)
		return SR_FAIL(err, errno == ENOTDIR ? SR_CONFLICT : SR_IO, "cannot use %s: %s", directory,
			       strerror(errno));
	do
		entry = readdir(listing);
	while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	bool known = fstat(dirfd(listing), &st) == 0;
	closedir(listing);
	if (entry)
		return SR_FAIL(err, SR_CONFLICT,
			       "%s is not empty; if it is what an init left that was cut short, remove it and run init "
			       "again",
			       directory);
	if (!known || st.st_uid != geteuid() || (st.st_mode & 0022) != 0)
		return SR_FAIL(err, SR_USAGE, "%s must belong to this user, and nobody else may write in it",
			       directory);
	return SR_OK;
}

static enum sr_code make_directory(struct making *making, const char *directory, struct sr_error *err)
{
	enum sr_code code = SR_OK;
	bool is_new = mkdir(directory, 0700) == 0;
	if (!is_new && errno != EEXIST)
		return SR_FAIL(err, errno == ENOSPC || errno == EDQUOT ? SR_NO_SPACE : SR_IO, "cannot make %s: %s",
			       directory, strerror(errno));
	if (!is_new)
		code = check_empty(directory, err);
	if (code != SR_OK)
		return code;
	making->directory = realpath(directory, NULL);
	if (!making->directory) {
		code = SR_FAIL(err, SR_IO, "cannot open %s: %s", directory, strerror(errno));
		if (is_new)
			rmdir(directory);
	}
	return code;
}

static enum sr_code settle(struct making *making, struct sr_error *err)
{
	enum sr_code code = sr_config_new(making->directory, making->words, &making->config, err);
	if (code != SR_OK)
		return code;
	if (making->config->listen_unix && !sr_unix_path_fits(making->config->listen_unix))
		return SR_FAIL(err, SR_USAGE, "%s is too long for a socket; listen at a shorter path",
			       making->config->listen_unix);
	return SR_OK;
}

static enum sr_code take_lock(struct making *making, struct sr_error *err)
{
	enum sr_code code;
	char *path = about_to_make(making, "lock", NULL, &code, err);
	if (path)
		code = sr_lock_take(making->directory, &making->lock, err);
	free(path);
	return code;
}

static enum sr_code make_key(struct making *making, struct sr_error *err)
{
	const char *source = making->config->key_source;
	enum sr_code code = SR_OK;
	if (strncmp(source, KEY_FILE_SOURCE, strlen(KEY_FILE_SOURCE)) == 0) {
		char *path = about_to_make(making, source + strlen(KEY_FILE_SOURCE),
					   "the key that opens the keyring. FOR DEVELOPMENT ONLY: whoever has both can "
					   "read every recording",
					   &code, err);
		if (path)
			code = sr_key_file_create(path, err);
		free(path);
	}
	if (code != SR_OK)
		return code;
	return sr_key_source_read(source, making->directory, true, &making->source, err);
}

static enum sr_code make_issuers(struct making *making, struct sr_error *err)
{
	enum sr_code code;
	char *path = about_to_make(making, "issuers", "issuers' public keys", &code, err);
	if (path && mkdir(path, 0700) != 0)
		code = SR_FAIL(err, SR_IO, "cannot make %s: %s", path, strerror(errno));
	free(path);
	return code;
}

static enum sr_code make_index(struct making *making, struct sr_error *err)
{
	enum sr_code code;
	char *path = about_to_make(making, "index", "the index", &code, err);
	if (path)
		code = sr_index_create(path, making->store, err);
	free(path);
	return code;
}

static enum sr_code make_blobs(struct making *making, struct sr_error *err)
{
	struct sr_error why = {.text = ""};
	enum sr_code code;
	char *path = about_to_make(making, "blobs", "the recordings, sealed", &code, err);
	if (path) {
		code = sr_blobs_create(path, &why);
		if (code == SR_OK)
			memcpy(making->warning, why.text, sizeof making->warning);
		else if (err)
			*err = why;
	}
	free(path);
	return code;
}

/* In lower-case hex, a line each; `secret` is wiped by the caller. */
static enum sr_code write_auditor(struct making *making, const uint8_t secret[32], struct sr_error *err)
{
	char text[AUDITOR_TEXT_MAX];
	char secret_hex[65], public_hex[65];
	sodium_bin2hex(secret_hex, sizeof secret_hex, secret, 32);
	sodium_bin2hex(public_hex, sizeof public_hex, making->auditor, 32);
	int size =
		snprintf(text, sizeof text, "sealreel-auditor-key 1\nsecret %s\npublic %s\n", secret_hex, public_hex);
	enum sr_code code =
		make_file(making, "auditor.key",
			  "the auditor's private key. MOVE IT OFFLINE: it names the people in the audit log", text,
			  (size_t)size, err);
	sodium_memzero(text, sizeof text);
	sodium_memzero(secret_hex, sizeof secret_hex);
	return code;
}

static enum sr_code make_auditor(struct making *making, struct sr_error *err)
{
	uint8_t secret[32];
	crypto_box_keypair(making->auditor, secret);
	enum sr_code code = write_auditor(making, secret, err);
	sodium_memzero(secret, sizeof secret);
	return code;
}

/* As the auditor's: in lower-case hex, a line each. */
static enum sr_code make_recovery(struct making *making, struct sr_error *err)
{
	uint8_t secret[32], public_key[32];
	char text[AUDITOR_TEXT_MAX], secret_hex[65], public_hex[65];
	crypto_box_keypair(public_key, secret);
	sodium_bin2hex(secret_hex, sizeof secret_hex, secret, 32);
	sodium_bin2hex(public_hex, sizeof public_hex, public_key, 32);
	int size =
		snprintf(text, sizeof text, "sealreel-recovery-key 1\nsecret %s\npublic %s\n", secret_hex, public_hex);
	enum sr_code code =
		make_file(making, making->words->recovery,
			  "the recovery key's private half. MOVE IT OFFLINE: it opens retired keys that are kept", text,
			  (size_t)size, err);
	if (code == SR_OK)
		sr_keyring_set_recovery(making->keyring, public_key);
	sodium_memzero(text, sizeof text);
	sodium_memzero(secret_hex, sizeof secret_hex);
	sodium_memzero(secret, sizeof secret);
	return code;
}

/* An empty file claims the path first, because saving a keyring replaces what is there. */
static enum sr_code make_keyring(struct making *making, struct sr_error *err)
{
	enum sr_code code = make_file(making, making->config->keyring, "the keyring, sealed", "", 0, err);
	if (code != SR_OK)
		return code;
	making->keyring = sr_keyring_new(making->store, making->auditor);
	if (!making->keyring)
		return SR_FAIL_MEMORY(err);
	if (making->words && making->words->recovery)
		code = make_recovery(making, err);
	if (code != SR_OK)
		return code;
	return sr_keyring_create(making->keyring, making->config->keyring, &making->source, err);
}

/* What an auditor checks checkpoints with: no secret, but worth as much as the way that it came. */
static enum sr_code make_verifier(struct making *making, struct sr_error *err)
{
	const struct sr_store_audit store = {making->config, making->keyring, NULL};
	char origin[SR_AUDIT_ORIGIN_MAX], text[SR_VERIFIER_MAX];
	uint8_t key[SR_AUDIT_KEY];
	(void)sr_store_audit_options(&store, origin);
	sr_checkpoint_key(sr_keyring_audit_seed(making->keyring), key);
	sr_checkpoint_verifier(origin, key, text);
	strcat(text, "\n");
	return make_file(making, "auditor.vkey",
			 "the audit log's verifier key. GIVE IT TO THE AUDITOR: checkpoints are checked with it", text,
			 strlen(text), err);
}

/* The file of the erasure ledger; what it will hold is written by erasing. */
static enum sr_code make_ledger(struct making *making, struct sr_error *err)
{
	return make_file(making, making->config->ledger, "the erasure ledger", "", 0, err);
}

static enum sr_code describe_operator(struct making *making, struct sr_error *err)
{
	struct sr_credential *credential = &making->operator_credential;
	const struct sr_config *config = making->config;
	uint8_t public_key[32];
	memcpy(credential->name, SR_OPERATOR, sizeof SR_OPERATOR);
	snprintf(credential->address, sizeof credential->address, "%s%s", config->listen_unix ? "unix:" : "tcp:",
		 config->listen_unix ? config->listen_unix : config->listen_tcp);
	memcpy(credential->store, making->store, SR_UUID);
	sr_keyring_server_public(making->keyring, credential->server_key);
	crypto_box_keypair(public_key, credential->secret_key);
	return sr_keyring_service_add(making->keyring, public_key, credential->psk, err);
}

static enum sr_code write_operator(struct making *making, struct sr_error *err)
{
	char text[SR_CREDENTIAL_TEXT_MAX];
	size_t size;
	sr_credential_format(&making->operator_credential, text, &size);
	enum sr_code code =
		make_file(making, SR_OPERATOR ".cred", "the operator's credential. Secret", text, size, err);
	sodium_memzero(text, sizeof text);
	return code;
}

static enum sr_code make_operator(struct making *making, struct sr_error *err)
{
	enum sr_code code = describe_operator(making, err);
	return code == SR_OK ? write_operator(making, err) : code;
}

/* The index cannot answer any more, so that nobody will come back to clean up. */
static void give_up(void *context, const struct sr_error *err)
{
	const struct making *making = context;
	sr_made_remove(&making->made);
	fprintf(stderr, "sealreeld: %s\n", err->text);
	_exit(1);
}

static enum sr_code put_operator(struct making *making, struct sr_index *index, struct sr_error *err)
{
	struct sr_service_state state = {.roles = SR_ROLE_OPERATE | SR_ROLE_AUDIT, .revision = 1};
	struct sr_index_key key = sr_key_control("service/" SR_OPERATOR);
	uint8_t row[SR_ROW_MAX];
	size_t failed_check;
	state.added_ms = sr_now_ms();
	crypto_scalarmult_base(state.key, making->operator_credential.secret_key);
	size_t size = sr_service_row_seal(making->keyring, "service/" SR_OPERATOR, &state, row);
	struct sr_op *op = sr_op_new();
	if (!op || !sr_op_check(op, SR_CHECK_ABSENT, &key, NULL, 0) || !sr_op_put(op, &key, row, size)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(err);
	}
	enum sr_code code = sr_index_run(index, op, &failed_check);
	return code == SR_OK ? SR_OK : SR_FAIL(err, code, "cannot put the operator into the index");
}

/* When the first epoch was made. */
static enum sr_code put_epochs(struct making *making, struct sr_index *index, struct sr_error *err)
{
	struct sr_epoch_book *book;
	enum sr_code code = sr_epoch_book_open(making->keyring, index, sr_now_ms(), &book, err);
	sr_epoch_book_free(book);
	return code;
}

static enum sr_code begin_audit(struct making *making, struct sr_index *index, struct sr_error *err)
{
	const struct sr_store_audit store = {making->config, making->keyring, index};
	enum sr_code code = sr_made_note(&making->made, making->config->audit, "the audit log", err);
	return code == SR_OK ? sr_store_audit_begin(&store, err) : code;
}

static enum sr_code enrol_operator(struct making *making, struct sr_error *err)
{
	struct sr_index *index = NULL;
	enum sr_code code = SR_INTERNAL;
	char *path = sr_path_under(making->directory, "index");
	struct sr_index_options options = {path, making->store, give_up, making};
	if (path)
		code = sr_index_open(&options, &index, err);
	else
		SR_FAIL(err, code, "memory is used up");
	if (code == SR_OK)
		code = put_operator(making, index, err);
	if (code == SR_OK)
		code = put_epochs(making, index, err);
	if (code == SR_OK)
		code = begin_audit(making, index, err);
	sr_index_close(index);
	free(path);
	return code;
}

static enum sr_code sync_directory(const char *directory, struct sr_error *err)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum sr_code code = SR_OK;
	if (fd < 0 || fsync(fd) != 0)
		code = SR_FAIL(err, SR_IO, "cannot sync %s: %s", directory, strerror(errno));
	if (fd >= 0)
		close(fd);
	return code;
}

static enum sr_code make_durable(struct making *making, struct sr_error *err)
{
	char *parent = sr_path_under(making->directory, "..");
	enum sr_code code = sync_directory(making->directory, err);
	if (!parent)
		code = SR_FAIL_MEMORY(err);
	if (code == SR_OK)
		code = sync_directory(parent, err);
	free(parent);
	return code;
}

/* The configuration comes last, when all else is durable: a directory without it is no store. */
static enum sr_code make_config(struct making *making, struct sr_error *err)
{
	enum sr_code code;
	char *path = about_to_make(making, SR_CONFIG_FILE, "the configuration", &code, err);
	if (path)
		code = sr_config_write(making->directory, making->words, err);
	free(path);
	return code;
}

static step *const steps[] = {settle,        take_lock,      make_key,     make_issuers,  make_index,
			      make_blobs,    make_auditor,   make_keyring, make_verifier, make_ledger,
			      make_operator, enrol_operator, make_durable, make_config};

static void announce(const struct making *making)
{
	char hex[2 * SR_UUID + 1];
	sr_made_print(&making->made);
	if (making->warning[0])
		fprintf(stderr, "sealreeld: %s\n", making->warning);
	printf("store %s\n", sodium_bin2hex(hex, sizeof hex, making->store, SR_UUID));
	fflush(stdout);
}

static void clear(struct making *making)
{
	sr_keyring_free(making->keyring);
	sr_key_source_wipe(&making->source);
	sr_credential_wipe(&making->operator_credential);
	sr_config_free(making->config);
	sr_made_free(&making->made);
	if (making->lock >= 0)
		close(making->lock);
	free(making->directory);
}

enum sr_code sr_store_init(const char *directory, const struct sr_config_words *words, struct sr_error *err)
{
	struct making making = {.words = words, .lock = -1};
	struct stat before;
	enum sr_code code;
	if (sodium_init() < 0)
		return SR_FAIL(err, SR_INTERNAL, "libsodium cannot be set up");
	bool is_new = lstat(directory, &before) != 0;
	randombytes_buf(making.store, sizeof making.store);
	code = make_directory(&making, directory, err);
	if (code != SR_OK)
		return code;
	for (size_t at = 0; at < sizeof steps / sizeof *steps && code == SR_OK; at++)
		code = steps[at](&making, err);
	if (code == SR_OK) {
		announce(&making);
	} else {
		sr_made_remove(&making.made);
		if (is_new)
			rmdir(making.directory);
	}
	clear(&making);
	return code;
}
