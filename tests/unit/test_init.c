/* Making a store: everything that belongs to it, for its owner alone; or nothing. */
#include "init.h"

#include <dirent.h>
#include <sodium.h>

#include "credential.h"
#include "data/blob.h"
#include "data/index.h"
#include "data/lock.h"
#include "keys/keyring.h"
#include "keys/rows.h"
#include "place.h"

static char store[80];
static char said[65536]; /* what init printed */

static void setup(void)
{
	cr_assert(sodium_init() >= 0);
	umask(0);
	place_make();
	snprintf(store, sizeof store, "%s/store", place);
}

TestSuite(init, .init = setup, .fini = place_remove);

/* Runs init with its standard output in `said`. */
static enum sr_code make(const char *directory, const struct sr_config_words *words, struct sr_error *err)
{
	fflush(stdout);
	int screen = dup(STDOUT_FILENO);
	cr_assert(screen >= 0);
	cr_assert_not_null(freopen(at_place("said"), "w", stdout));
	enum sr_code code = sr_store_init(directory, words, err);
	fflush(stdout);
	cr_assert(dup2(screen, STDOUT_FILENO) >= 0);
	close(screen);
	snprintf(said, sizeof said, "%s", get_file("said", NULL));
	cr_assert_eq(remove(at_place("said")), 0);
	return code;
}

static void made(const struct sr_config_words *words)
{
	struct sr_error err = {.text = ""};
	cr_assert_eq(make(store, words, &err), SR_OK, "%s", err.text);
}

static size_t entries(const char *directory)
{
	size_t count = 0;
	DIR *listing = opendir(directory);
	cr_assert_not_null(listing);
	for (const struct dirent *entry; (entry = readdir(listing));)
		count += entry->d_name[0] != '.';
	closedir(listing);
	return count;
}

static struct sr_keyring *keyring_of(const char *key_source, const char *path)
{
	struct sr_key_source source;
	struct sr_keyring *keyring = NULL;
	struct sr_error err = {.text = ""};
	cr_assert_eq(sr_key_source_read(key_source, store, false, &source, &err), SR_OK, "%s", err.text);
	cr_assert_eq(sr_keyring_load(path, &source, &keyring, &err), SR_OK, "%s", err.text);
	sr_key_source_wipe(&source);
	return keyring;
}

static void operator_of(struct sr_credential *credential)
{
	size_t size;
	struct sr_error err = {.text = ""};
	const char *text = get_file("store/operator.cred", &size);
	cr_assert_eq(sr_credential_parse(text, size, credential, &err), SR_OK, "%s", err.text);
}

Test(init, makes_everything_for_its_owner_alone)
{
	static const struct {
		const char *name;
		mode_t mode;
	} things[] = {{"store", 0700},
		      {"store/index", 0700},
		      {"store/blobs", 0700},
		      {"store/audit", 0700},
		      {"store/audit/records", 0600},
		      {"store/audit/checkpoint", 0600},
		      {"store/issuers", 0700},
		      {"store/keyring", 0600},
		      {"store/keyring.key", 0600},
		      {"store/ledger", 0600},
		      {"store/operator.cred", 0600},
		      {"store/auditor.key", 0600},
		      {"store/auditor.vkey", 0600},
		      {"store/sealreel.ini", 0600},
		      {"store/lock", 0600}};
	made(NULL);
	for (size_t at = 0; at < sizeof things / sizeof *things; at++)
		cr_expect_eq(mode_of(things[at].name), things[at].mode, "%s", things[at].name);
	cr_expect_eq(entries(store), sizeof things / sizeof *things - 3, "there is more than that");
	cr_expect_eq(entries(at_place("store/blobs")), SR_BLOB_FANOUT);
	cr_expect_eq(entries(at_place("store/issuers")), 0);
}

Test(init, says_what_it_made_and_last_the_store)
{
	made(NULL);
	static const char *const names[] = {"index",       "audit",        "blobs",       "issuers",
					    "keyring",     "keyring.key",  "ledger",      "operator.cred",
					    "auditor.key", "auditor.vkey", "sealreel.ini"};
	for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
		char line[160];
		snprintf(line, sizeof line, "made %s/%s: ", store, names[at]);
		cr_expect_not_null(strstr(said, line), "%s", line);
	}
	struct sr_keyring *keyring = keyring_of("file:keyring.key", at_place("store/keyring"));
	char hex[33], last[64];
	sodium_bin2hex(hex, sizeof hex, sr_keyring_store(keyring), 16);
	snprintf(last, sizeof last, "\nstore %s\n", hex);
	size_t size = strlen(said);
	cr_assert(size > strlen(last));
	cr_expect_str_eq(said + size - strlen(last), last);
	sr_keyring_free(keyring);
}

Test(init, keyring_operator_and_auditor_fit_together)
{
	struct sr_credential credential;
	uint8_t public_key[32], psk[32], server[32], secret[32];
	char want[160];
	made(NULL);
	struct sr_keyring *keyring = keyring_of("file:keyring.key", at_place("store/keyring"));
	operator_of(&credential);
	cr_expect_str_eq(credential.name, SR_OPERATOR);
	snprintf(want, sizeof want, "unix:%s/sealreel.sock", store);
	cr_expect_str_eq(credential.address, want);
	cr_expect_arr_eq(credential.store, sr_keyring_store(keyring), 16);
	sr_keyring_server_public(keyring, server);
	cr_expect_arr_eq(credential.server_key, server, 32);
	crypto_scalarmult_base(public_key, credential.secret_key);
	cr_assert(sr_keyring_service(keyring, public_key, psk));
	cr_expect_arr_eq(credential.psk, psk, 32);
	/* The auditor's file: its two halves belong together, and the keyring has the public one. */
	const char *text = get_file("store/auditor.key", NULL);
	char secret_hex[65], public_hex[65];
	cr_assert_eq(sscanf(text, "sealreel-auditor-key 1\nsecret %64s\npublic %64s\n", secret_hex, public_hex), 2);
	cr_assert_eq(sodium_hex2bin(secret, 32, secret_hex, 64, NULL, NULL, NULL), 0);
	cr_assert_eq(sodium_hex2bin(public_key, 32, public_hex, 64, NULL, NULL, NULL), 0);
	cr_expect_arr_eq(public_key, sr_keyring_auditor(keyring), 32);
	crypto_scalarmult_base(server, secret);
	cr_expect_arr_eq(server, public_key, 32);
	sr_keyring_free(keyring);
}

static void no_fatal(void *context, const struct sr_error *err)
{
	(void)context;
	cr_assert_fail("%s", err->text);
}

Test(init, operator_stands_in_the_index)
{
	struct sr_credential credential;
	struct sr_error err = {.text = ""};
	made(NULL);
	struct sr_keyring *keyring = keyring_of("file:keyring.key", at_place("store/keyring"));
	struct sr_index_options options = {at_place("store/index"), sr_keyring_store(keyring), no_fatal, NULL};
	struct sr_index *index;
	struct sr_view *view;
	struct sr_span value;
	struct sr_service_state state;
	uint8_t public_key[32];
	cr_assert_eq(sr_index_open(&options, &index, &err), SR_OK, "%s", err.text);
	cr_assert_eq(sr_view_begin(index, &view, &err), SR_OK);
	struct sr_index_key key = sr_key_control("service/" SR_OPERATOR);
	cr_assert_eq(sr_view_get(view, &key, &value), SR_OK);
	cr_assert_eq(sr_service_row_open(keyring, "service/" SR_OPERATOR, value, &state), SR_OK);
	operator_of(&credential);
	crypto_scalarmult_base(public_key, credential.secret_key);
	cr_expect_arr_eq(state.key, public_key, 32);
	cr_expect_eq(state.roles, SR_ROLE_OPERATE | SR_ROLE_AUDIT);
	cr_expect_eq(state.revision, 1);
	cr_expect_gt(state.added_ms, 1600000000000);
	sr_view_end(view);
	sr_index_close(index);
	struct sr_blobs *blobs;
	cr_assert_eq(sr_blobs_open(at_place("store/blobs"), 0, &blobs, &err), SR_OK, "%s", err.text);
	sr_blobs_close(blobs);
	sr_keyring_free(keyring);
}

Test(init, secrets_may_lie_elsewhere)
{
	char keyring_path[128], key_source[128], ledger[128];
	struct sr_config *config;
	struct sr_credential credential;
	snprintf(keyring_path, sizeof keyring_path, "%s/my-keyring", place);
	snprintf(key_source, sizeof key_source, "file:%s/my-key", place);
	snprintf(ledger, sizeof ledger, "%s/my-ledger", place);
	struct sr_config_words words = {keyring_path, key_source, ledger, "tcp:127.0.0.1:7000", NULL, false};
	made(&words);
	cr_expect_eq(mode_of("my-keyring"), 0600);
	cr_expect_eq(mode_of("my-key"), 0600);
	cr_expect_eq(mode_of("my-ledger"), 0600);
	cr_expect_eq(mode_of("store/keyring"), (mode_t)-1);
	cr_expect_eq(mode_of("store/keyring.key"), (mode_t)-1);
	cr_expect_eq(mode_of("store/ledger"), (mode_t)-1);
	sr_keyring_free(keyring_of(key_source, keyring_path));
	operator_of(&credential);
	cr_expect_str_eq(credential.address, "tcp:127.0.0.1:7000");
	/* Without its issuer, whose keys are not there yet, the configuration reads back. */
	char *text = get_file("store/sealreel.ini", NULL);
	*strstr(text, "\n[issuer") = '\0';
	put_file("store/sealreel.ini", text, strlen(text), 0600);
	cr_assert_eq(sr_config_load(store, &config, NULL), SR_OK);
	cr_expect_str_eq(config->keyring, keyring_path);
	cr_expect_str_eq(config->key_source, key_source);
	cr_expect_str_eq(config->ledger, ledger);
	sr_config_free(config);
}

Test(init, an_empty_directory_will_do)
{
	struct sr_error err = {.text = ""};
	cr_assert_eq(mkdir(store, 0755), 0);
	made(NULL);
	cr_expect_eq(make(store, NULL, &err), SR_CONFLICT);
	cr_expect_str_eq(said, "");
}

Test(init, twice_is_refused_and_changes_nothing)
{
	struct sr_error err = {.text = ""};
	made(NULL);
	size_t count = entries(store);
	char *before = strdup(get_file("store/operator.cred", NULL));
	cr_expect_eq(make(store, NULL, &err), SR_CONFLICT);
	cr_expect_not_null(strstr(err.text, "is not empty"), "%s", err.text);
	cr_expect_eq(entries(store), count);
	cr_expect_str_eq(get_file("store/operator.cred", NULL), before);
	free(before);
	sr_keyring_free(keyring_of("file:keyring.key", at_place("store/keyring")));
}

Test(init, places_that_are_refused)
{
	struct sr_error err = {.text = ""};
	cr_expect_eq(make(at_place("no/parent"), NULL, &err), SR_IO);
	put_file("store", "mine", 4, 0600);
	cr_expect_eq(make(store, NULL, &err), SR_CONFLICT);
	cr_expect_str_eq(get_file("store", NULL), "mine");
	cr_assert_eq(remove(store), 0);
	cr_assert_eq(mkdir(store, 0700), 0);
	cr_assert_eq(chmod(store, 0777), 0);
	cr_expect_eq(make(store, NULL, &err), SR_USAGE);
	cr_expect_eq(entries(store), 0);
}

/* A failure at any step: nothing new is left, and what was there stands. */
static void fails_cleanly(const struct sr_config_words *words, enum sr_code want)
{
	struct sr_error err = {.text = ""};
	size_t before = entries(place);
	cr_expect_eq(make(store, words, &err), want, "%s", err.text);
	cr_expect_neq(err.text[0], '\0');
	cr_expect_str_eq(said, "");
	cr_expect_eq(mode_of("store"), (mode_t)-1, "the store is left");
	cr_expect_eq(entries(place), before);
	/* A directory that was there stays, empty. */
	cr_assert_eq(mkdir(store, 0700), 0);
	cr_expect_eq(make(store, words, &err), want, "%s", err.text);
	cr_expect_eq(entries(store), 0);
	cr_assert_eq(rmdir(store), 0);
}

Test(init, names_that_are_taken)
{
	char taken[128], source[144];
	put_file("taken", "mine", 4, 0600);
	snprintf(taken, sizeof taken, "%s/taken", place);
	snprintf(source, sizeof source, "file:%s", taken);
	const struct sr_config_words words[] = {{.keyring = taken}, {.key_source = source}, {.ledger = taken}};
	for (size_t at = 0; at < 3; at++) {
		fails_cleanly(&words[at], SR_CONFLICT);
		cr_expect_str_eq(get_file("taken", NULL), "mine");
	}
	/* Two things cannot have one name, and names inside are taken too. */
	fails_cleanly(&(struct sr_config_words){.keyring = "ledger"}, SR_CONFLICT);
	fails_cleanly(&(struct sr_config_words){.ledger = "index"}, SR_CONFLICT);
	fails_cleanly(&(struct sr_config_words){.ledger = "sealreel.ini"}, SR_CONFLICT);
}

Test(init, words_that_are_unfit)
{
	char socket_path[140];
	fails_cleanly(&(struct sr_config_words){.keyring = "no/parent"}, SR_IO);
	fails_cleanly(&(struct sr_config_words){.ledger = "no/parent"}, SR_IO);
	fails_cleanly(&(struct sr_config_words){.key_source = "file:no/parent"}, SR_IO);
	fails_cleanly(&(struct sr_config_words){.key_source = "password"}, SR_USAGE);
	fails_cleanly(&(struct sr_config_words){.key_source = "passphrase:/no/such"}, SR_IO);
	fails_cleanly(&(struct sr_config_words){.listen = "nowhere"}, SR_USAGE);
	memset(socket_path, 's', sizeof socket_path);
	memcpy(socket_path, "unix:/", 6);
	socket_path[sizeof socket_path - 1] = '\0';
	fails_cleanly(&(struct sr_config_words){.listen = socket_path}, SR_USAGE);
}

Test(init, a_passphrase_file_opens_the_keyring)
{
	char source[144];
	put_file("phrase", "correct horse\n", 14, 0600);
	snprintf(source, sizeof source, "passphrase:%s/phrase", place);
	made(&(struct sr_config_words){.key_source = source});
	cr_expect_eq(mode_of("store/keyring.key"), (mode_t)-1);
	sr_keyring_free(keyring_of(source, at_place("store/keyring")));
}

Test(init, nobody_holds_the_lock_afterwards)
{
	int fd;
	made(NULL);
	cr_assert_eq(sr_lock_take(store, &fd, NULL), SR_OK);
	close(fd);
}
