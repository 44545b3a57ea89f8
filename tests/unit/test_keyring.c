/*
 * The keyring's file: each source of its key, everything that may be wrong with it, and saves that fail.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixed_keyring.h"
#include "keys/keyring.h"

#define FRONT 67
#define SEAL_FRONT 56 /* salt and commitment */
#define FILE_MAX 8192

static char directory[64];
static char path[128];
static struct sr_error err;

static const uint8_t store[SR_UUID] = {1, 2, 3};
static const uint8_t auditor[32] = {9, 9};

static void set_up(void)
{
	cr_assert(sodium_init() >= 0);
	umask(022);
	snprintf(directory, sizeof directory, "/tmp/sealreel-keyring-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/keyring", directory);
}

static void remove_all(const char *where)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf -- '%s'", where);
	cr_assert_eq(system(command), 0);
}

static void tear_down(void)
{
	cr_assert_eq(chmod(directory, 0700), 0);
	remove_all(directory);
}

static void write_file(const char *name, const void *data, size_t size, mode_t mode)
{
	char full[160];
	FILE *file;

	snprintf(full, sizeof full, "%s/%s", directory, name);
	file = fopen(full, "wb");
	cr_assert_not_null(file);
	cr_assert_eq(fwrite(data, 1, size, file), size);
	cr_assert_eq(fclose(file), 0);
	cr_assert_eq(chmod(full, mode), 0);
}

static size_t read_file(uint8_t *data)
{
	FILE *file = fopen(path, "rb");
	size_t size;

	cr_assert_not_null(file);
	size = fread(data, 1, FILE_MAX, file);
	cr_assert_eq(fclose(file), 0);
	return size;
}

/* A source made without a file. */
static struct sr_key_source source_of(enum sr_key_source_kind kind, const char *secret)
{
	struct sr_key_source source = {.kind = kind, .size = strlen(secret)};

	source.secret = sodium_malloc(source.size);
	cr_assert_not_null(source.secret);
	memcpy(source.secret, secret, source.size);
	return source;
}

#define KEY_TEXT "0123456789abcdef0123456789abcdef"

static struct sr_keyring *created(const struct sr_key_source *source)
{
	struct sr_keyring *keyring = sr_keyring_new(store, auditor);

	cr_assert_not_null(keyring);
	cr_assert_eq(sr_keyring_create(keyring, path, source, &err), SR_OK, "%s", err.text);
	return keyring;
}

static enum sr_code load(const struct sr_key_source *source)
{
	struct sr_keyring *keyring = (struct sr_keyring *)1;
	enum sr_code code = sr_keyring_load(path, source, &keyring, &err);

	if (code == SR_OK)
		sr_keyring_free(keyring);
	else
		cr_assert_null(keyring);
	return code;
}

/* Every fact and key of both is the same. */
static void assert_same(const struct sr_keyring *a, const struct sr_keyring *b)
{
	uint8_t of_a[32];
	uint8_t of_b[32];

	cr_assert_arr_eq(sr_keyring_store(a), sr_keyring_store(b), SR_UUID);
	cr_assert_arr_eq(sr_keyring_auditor(a), sr_keyring_auditor(b), 32);
	cr_assert_arr_eq(sr_keyring_server_secret(a), sr_keyring_server_secret(b), 32);
	cr_assert_eq(sr_keyring_revision(a), sr_keyring_revision(b));
	cr_assert_eq(sr_keyring_epoch(a), sr_keyring_epoch(b));
	cr_assert_eq(sr_keyring_root(a), sr_keyring_root(b));
	cr_assert_arr_eq(sr_keyring_tag_key(a), sr_keyring_tag_key(b), sizeof(struct sr_hmac_key));
	cr_assert_arr_eq(sr_keyring_row_key(a), sr_keyring_row_key(b), sizeof(struct sr_hmac_key));
	cr_assert(sr_keyring_epoch_key(a, sr_keyring_epoch(a), of_a));
	cr_assert(sr_keyring_epoch_key(b, sr_keyring_epoch(b), of_b));
	cr_assert_arr_eq(of_a, of_b, 32);
	cr_assert(sr_keyring_root_key(a, sr_keyring_root(a), of_a));
	cr_assert(sr_keyring_root_key(b, sr_keyring_root(b), of_b));
	cr_assert_arr_eq(of_a, of_b, 32);
}

Test(keyring, comes_back_with_a_credential_or_a_file, .init = set_up, .fini = tear_down)
{
	for (int kind = SR_KEY_CREDENTIAL; kind <= SR_KEY_FILE; kind++) {
		struct sr_key_source source = source_of((enum sr_key_source_kind)kind, KEY_TEXT);
		struct sr_keyring *made = created(&source);
		struct sr_keyring *back;
		struct stat st;

		cr_assert_eq(sr_keyring_load(path, &source, &back, &err), SR_OK, "%s", err.text);
		assert_same(made, back);
		cr_assert_arr_eq(sr_keyring_store(back), store, SR_UUID);
		cr_assert_arr_eq(sr_keyring_auditor(back), auditor, 32);
		cr_assert_eq(stat(path, &st), 0);
		cr_assert_eq(st.st_mode & 07777, 0600);
		sr_keyring_free(back);
		sr_keyring_free(made);
		sr_key_source_wipe(&source);
	}
}

Test(keyring, comes_back_with_its_passphrase_and_no_other, .init = set_up, .fini = tear_down)
{
	struct sr_key_source source = source_of(SR_KEY_PASSPHRASE, "correct horse");
	struct sr_key_source wrong = source_of(SR_KEY_PASSPHRASE, "correct hors");
	struct sr_keyring *made = created(&source);
	struct sr_keyring *back;
	uint8_t file[FILE_MAX];
	size_t size;

	cr_assert_eq(sr_keyring_load(path, &source, &back, &err), SR_OK, "%s", err.text);
	assert_same(made, back);
	sr_keyring_free(back);
	cr_assert_eq(load(&wrong), SR_UNAUTHENTICATED);
	/* What the file says of Argon2id is what it was made with. */
	size = read_file(file);
	cr_assert_eq(file[18], 1);
	cr_assert_eq(sodium_is_zero(file + 35, 16), 0, "the salt is there");
	/* Damage behind the right commitment is not called a wrong passphrase. */
	file[size - 1] ^= 1;
	write_file("keyring", file, size, 0600);
	cr_assert_eq(load(&source), SR_CORRUPT);
	sr_keyring_free(made);
	sr_key_source_wipe(&source);
	sr_key_source_wipe(&wrong);
}

/* Refused by the front alone, before a byte is allocated for Argon2id. */
Test(keyring, absurd_limits_are_refused, .init = set_up, .fini = tear_down)
{
	static const struct {
		uint64_t ops;
		uint64_t mem;
	} limits[] = {
		{0, 65536}, {21, 65536}, {UINT64_MAX, 65536}, {3, 8191}, {3, (1u << 30) + 1u}, {3, UINT64_MAX}, {3, 0},
	};
	struct sr_key_source source = source_of(SR_KEY_PASSPHRASE, "x");
	uint8_t file[400] = {0};

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		struct sr_builder out = sr_builder_over(file, sizeof file);

		sr_put_bytes(&out, "sealreel keyring", 16);
		sr_put_u16(&out, 1);
		sr_put_u8(&out, 1);
		sr_put_u64(&out, limits[i].ops);
		sr_put_u64(&out, limits[i].mem);
		write_file("keyring", file, sizeof file, 0600);
		cr_assert_eq(load(&source), SR_CORRUPT, "limits %zu", i);
	}
	sr_key_source_wipe(&source);
}

Test(keyring, another_key_or_kind_is_told_apart, .init = set_up, .fini = tear_down)
{
	struct sr_key_source source = source_of(SR_KEY_FILE, KEY_TEXT);
	struct sr_key_source other = source_of(SR_KEY_FILE, "1123456789abcdef0123456789abcdef");
	struct sr_key_source longer = source_of(SR_KEY_FILE, KEY_TEXT "0");
	struct sr_key_source credential = source_of(SR_KEY_CREDENTIAL, KEY_TEXT);
	struct sr_key_source passphrase = source_of(SR_KEY_PASSPHRASE, KEY_TEXT);

	sr_keyring_free(created(&source));
	cr_assert_eq(load(&source), SR_OK);
	cr_assert_eq(load(&other), SR_UNAUTHENTICATED);
	cr_assert_eq(load(&longer), SR_UNAUTHENTICATED);
	cr_assert_eq(load(&credential), SR_USAGE);
	cr_assert_not_null(strstr(err.text, "file, not credential"), "%s", err.text);
	cr_assert_eq(load(&passphrase), SR_USAGE);
	sr_key_source_wipe(&source);
	sr_key_source_wipe(&other);
	sr_key_source_wipe(&longer);
	sr_key_source_wipe(&credential);
	sr_key_source_wipe(&passphrase);
}

/* A front that leads to the same key and store, and yet is not the one the body was sealed with. */
Test(keyring, the_front_is_held_to_its_copy_inside, .init = set_up, .fini = tear_down)
{
	struct sr_key_source source = source_of(SR_KEY_FILE, KEY_TEXT);
	struct sr_key_source credential = source_of(SR_KEY_CREDENTIAL, KEY_TEXT);
	uint8_t file[FILE_MAX];
	size_t size;

	sr_keyring_free(created(&source));
	size = read_file(file);
	file[18] = SR_KEY_CREDENTIAL;
	write_file("keyring", file, size, 0600);
	cr_assert_eq(load(&credential), SR_CORRUPT);
	sr_key_source_wipe(&source);
	sr_key_source_wipe(&credential);
}

/* What a flipped bit at `at` of a file sealed by a key file gives. */
static enum sr_code expected_flip(size_t at, unsigned bit)
{
	if (at < 16)
		return SR_CORRUPT; /* magic */
	if (at < 18)
		return at == 17 && bit == 0 ? SR_CORRUPT : SR_USAGE; /* format 0, or a newer one */
	if (at == 18)
		return bit == 0 ? SR_USAGE : SR_CORRUPT; /* a credential's; a passphrase's has limits; no kind */
	if (at < 51)
		return SR_CORRUPT; /* zeros that are none */
	if (at < FRONT + SEAL_FRONT)
		return SR_UNAUTHENTICATED; /* store id, salt, commitment */
	return SR_CORRUPT;
}

Test(keyring, every_flipped_bit_is_refused, .init = set_up, .fini = tear_down)
{
	struct sr_key_source source = source_of(SR_KEY_FILE, KEY_TEXT);
	uint8_t file[FILE_MAX];
	size_t size;

	sr_keyring_free(created(&source));
	size = read_file(file);
	for (size_t at = 0; at < size; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			file[at] ^= (uint8_t)(1 << bit);
			write_file("keyring", file, size, 0600);
			cr_assert_eq(load(&source), expected_flip(at, bit), "byte %zu, bit %u: %s", at, bit, err.text);
			file[at] ^= (uint8_t)(1 << bit);
		}
	}
	sr_key_source_wipe(&source);
}

Test(keyring, every_cut_is_corrupt, .init = set_up, .fini = tear_down)
{
	struct sr_key_source source = source_of(SR_KEY_FILE, KEY_TEXT);
	uint8_t file[FILE_MAX] = {0};
	size_t size;

	sr_keyring_free(created(&source));
	size = read_file(file);
	for (size_t cut = 0; cut < size; cut++) {
		write_file("keyring", file, cut, 0600);
		cr_assert_eq(load(&source), SR_CORRUPT, "cut at %zu: %s", cut, err.text);
	}
	write_file("keyring", file, size + 1, 0600);
	cr_assert_eq(load(&source), SR_CORRUPT, "with a byte more");
	sr_key_source_wipe(&source);
}

Test(keyring, rules_of_its_file, .init = set_up, .fini = tear_down)
{
	static const mode_t refused[] = {0644, 0640, 0604, 0620, 0602, 0666, 0610, 0601};
	struct sr_key_source source = source_of(SR_KEY_FILE, KEY_TEXT);
	char moved[160];

	sr_keyring_free(created(&source));
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		cr_assert_eq(chmod(path, refused[i]), 0);
		cr_assert_eq(load(&source), SR_USAGE, "mode %o", (unsigned)refused[i]);
	}
	cr_assert_eq(chmod(path, 0400), 0);
	cr_assert_eq(load(&source), SR_OK);
	snprintf(moved, sizeof moved, "%s/elsewhere", directory);
	cr_assert_eq(rename(path, moved), 0);
	cr_assert_eq(load(&source), SR_IO, "not there");
	cr_assert_eq(symlink(moved, path), 0);
	cr_assert_eq(load(&source), SR_USAGE, "a symbolic link");
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(load(&source), SR_USAGE, "a pipe, which nobody waits for");
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(load(&source), SR_USAGE, "a directory");
	cr_assert_eq(rmdir(path), 0);
	write_file("keyring", "", 0, 0600);
	cr_assert_eq(truncate(path, SR_KEYRING_FILE_MAX + 1), 0);
	cr_assert_eq(load(&source), SR_USAGE, "larger than any keyring");
	sr_key_source_wipe(&source);
}

Test(keyring, services_are_kept, .init = set_up, .fini = tear_down)
{
	struct sr_key_source source = source_of(SR_KEY_FILE, KEY_TEXT);
	struct sr_keyring *keyring = created(&source);
	struct sr_keyring *back;
	uint8_t keys[3][32] = {{2}, {1}, {3}};
	uint8_t psks[3][32];
	uint8_t psk[32];

	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(sr_keyring_service_add(keyring, keys[i], psks[i], &err), SR_OK, "%s", err.text);
		cr_assert_eq(sr_keyring_revision(keyring), 2 + i);
		cr_assert(sr_keyring_service(keyring, keys[i], psk));
		cr_assert_arr_eq(psk, psks[i], 32);
	}
	cr_assert_arr_neq(psks[0], psks[1], 32);
	cr_assert_eq(sr_keyring_service_add(keyring, keys[1], psk, &err), SR_CONFLICT);
	cr_assert_eq(sr_keyring_service_remove(keyring, keys[0], &err), SR_OK);
	cr_assert_eq(sr_keyring_service_remove(keyring, keys[0], &err), SR_NOT_FOUND);
	cr_assert_eq(sr_keyring_revision(keyring), 5, "refusals change nothing");

	cr_assert_eq(sr_keyring_load(path, &source, &back, &err), SR_OK, "%s", err.text);
	assert_same(keyring, back);
	cr_assert(!sr_keyring_service(back, keys[0], psk));
	cr_assert_eq(sodium_is_zero(psk, 32), 1);
	cr_assert(sr_keyring_service(back, keys[1], psk));
	cr_assert_arr_eq(psk, psks[1], 32);
	cr_assert(sr_keyring_service(back, keys[2], psk));
	cr_assert_arr_eq(psk, psks[2], 32);
	/* A loaded keyring saves under the key it was opened with. */
	cr_assert_eq(sr_keyring_service_remove(back, keys[2], &err), SR_OK);
	cr_assert_eq(load(&source), SR_OK);
	sr_keyring_free(back);
	sr_keyring_free(keyring);
	sr_key_source_wipe(&source);
}

Test(keyring, takes_so_many_services_and_no_more, .init = set_up, .fini = tear_down)
{
	struct sr_key_source source = source_of(SR_KEY_FILE, KEY_TEXT);
	struct sr_keyring *keyring = created(&source);
	struct sr_keyring *back;
	uint8_t key[32] = {0};
	uint8_t psk[32];

	for (unsigned i = 0; i < SR_KEYRING_SERVICES_MAX; i++) {
		key[0] = (uint8_t)(i * 37);
		cr_assert_eq(sr_keyring_service_add(keyring, key, psk, &err), SR_OK, "%s", err.text);
	}
	key[1] = 1;
	cr_assert_eq(sr_keyring_service_add(keyring, key, psk, &err), SR_BUSY);
	cr_assert_eq(sodium_is_zero(psk, 32), 1);
	cr_assert_eq(sr_keyring_load(path, &source, &back, &err), SR_OK, "%s", err.text);
	key[1] = 0;
	for (unsigned i = 0; i < SR_KEYRING_SERVICES_MAX; i++) {
		key[0] = (uint8_t)i;
		cr_assert(sr_keyring_service(back, key, psk), "service %u", i);
	}
	sr_keyring_free(back);
	sr_keyring_free(keyring);
	sr_key_source_wipe(&source);
}

/* A directory in the place of the new file makes every save fail, for root too. */
Test(keyring, a_save_that_fails_changes_nothing, .init = set_up, .fini = tear_down)
{
	struct sr_key_source source = source_of(SR_KEY_FILE, KEY_TEXT);
	struct sr_keyring *keyring = created(&source);
	uint8_t kept[32] = {1};
	uint8_t refused[32] = {2};
	uint8_t before[FILE_MAX];
	uint8_t after[FILE_MAX];
	uint8_t psk[32];
	char blocked[160];
	size_t size;

	cr_assert_eq(sr_keyring_service_add(keyring, kept, psk, &err), SR_OK);
	size = read_file(before);
	snprintf(blocked, sizeof blocked, "%s.new", path);
	cr_assert_eq(mkdir(blocked, 0700), 0);
	cr_assert_eq(sr_keyring_service_add(keyring, refused, psk, &err), SR_IO);
	cr_assert_eq(sodium_is_zero(psk, 32), 1);
	cr_assert_eq(sr_keyring_service_remove(keyring, kept, &err), SR_IO);
	cr_assert(!sr_keyring_service(keyring, refused, psk));
	cr_assert(sr_keyring_service(keyring, kept, psk));
	cr_assert_eq(sr_keyring_revision(keyring), 2);
	cr_assert_eq(read_file(after), size);
	cr_assert_arr_eq(after, before, size);
	/* Out of the way, the same change goes through. */
	cr_assert_eq(rmdir(blocked), 0);
	cr_assert_eq(sr_keyring_service_add(keyring, refused, psk, &err), SR_OK);
	cr_assert_eq(load(&source), SR_OK);
	sr_keyring_free(keyring);
	sr_key_source_wipe(&source);
}

Test(keyring, a_create_that_fails_leaves_the_file_before, .init = set_up, .fini = tear_down)
{
	struct sr_key_source source = source_of(SR_KEY_FILE, KEY_TEXT);
	struct sr_key_source other = source_of(SR_KEY_CREDENTIAL, "another secret of thirty-two byte");
	struct sr_keyring *keyring = created(&source);
	uint8_t key[32] = {1};
	uint8_t psk[32];

	cr_assert_eq(sr_keyring_create(keyring, "/nonexistent/keyring", &other, &err), SR_IO);
	cr_assert_eq(sr_keyring_service_add(keyring, key, psk, &err), SR_OK, "still saved to the first file");
	cr_assert_eq(load(&source), SR_OK, "and under the first key");
	sr_keyring_free(keyring);
	sr_key_source_wipe(&other);
	sr_key_source_wipe(&source);
}

/* What a crash left behind is neither read nor in the way, and nothing of it stays. */
Test(keyring, a_left_over_new_file_is_replaced, .init = set_up, .fini = tear_down)
{
	struct sr_key_source source = source_of(SR_KEY_FILE, KEY_TEXT);
	struct sr_keyring *keyring = created(&source);
	uint8_t key[32] = {1};
	uint8_t psk[32];
	char left[160];

	write_file("keyring.new", "half a keyring", 14, 0600);
	cr_assert_eq(load(&source), SR_OK);
	cr_assert_eq(sr_keyring_service_add(keyring, key, psk, &err), SR_OK, "%s", err.text);
	cr_assert_eq(load(&source), SR_OK);
	snprintf(left, sizeof left, "%s.new", path);
	cr_assert_eq(access(left, F_OK), -1);
	sr_keyring_free(keyring);
	sr_key_source_wipe(&source);
}

Test(keyring, each_save_is_sealed_anew, .init = set_up, .fini = tear_down)
{
	struct sr_key_source source = source_of(SR_KEY_FILE, KEY_TEXT);
	uint8_t first[FILE_MAX];
	uint8_t second[FILE_MAX];
	struct sr_keyring *keyring = created(&source);

	read_file(first);
	cr_assert_eq(sr_keyring_create(keyring, path, &source, &err), SR_OK);
	read_file(second);
	cr_assert_arr_eq(first, second, FRONT);
	cr_assert_arr_neq(first + FRONT, second + FRONT, 24, "the salt");
	sr_keyring_free(keyring);
	sr_key_source_wipe(&source);
}

Test(keyring, without_a_file_there_is_nothing_to_save)
{
	struct sr_keyring *keyring = fixed_keyring();
	uint8_t key[32] = {1};
	uint8_t psk[32];

	cr_assert_eq(sr_keyring_service_add(keyring, key, psk, &err), SR_IO);
	cr_assert(!sr_keyring_service(keyring, key, psk));
	sr_keyring_free(keyring);
}

Test(keyring, two_new_ones_share_nothing)
{
	struct sr_keyring *a;
	struct sr_keyring *b;
	uint8_t of_a[32];
	uint8_t of_b[32];

	cr_assert(sodium_init() >= 0);
	a = sr_keyring_new(store, auditor);
	b = sr_keyring_new(store, auditor);
	cr_assert(a != NULL && b != NULL);
	cr_assert_eq(sr_keyring_revision(a), 1);
	cr_assert_eq(sr_keyring_epoch(a), 1);
	cr_assert_eq(sr_keyring_root(a), 1);
	cr_assert_arr_neq(sr_keyring_server_secret(a), sr_keyring_server_secret(b), 32);
	cr_assert_arr_neq(sr_keyring_tag_key(a), sr_keyring_tag_key(b), sizeof(struct sr_hmac_key));
	cr_assert_arr_neq(sr_keyring_row_key(a), sr_keyring_row_key(b), sizeof(struct sr_hmac_key));
	sr_keyring_server_public(a, of_a);
	cr_assert_eq(crypto_scalarmult_base(of_b, sr_keyring_server_secret(a)), 0);
	cr_assert_arr_eq(of_a, of_b, 32);
	cr_assert(!sr_keyring_service(a, of_a, of_b));
	sr_keyring_free(a);
	sr_keyring_free(b);
	sr_keyring_free(NULL);
}
