/*
 * Saves of the keyring with every system call that matters failing in turn, and the order those calls are made in.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixed_keyring.h"
#include "keys/keyring.h"

static bool armed;     /* between arm() and disarm() calls are noted, and one may fail */
static size_t failing; /* the call that fails, counted from 1; 0: none */
static int with;       /* its errno */
static size_t calls;
static char
	noted[64]; /* a letter per call: u unlink, w write, m fchmod, s fsync of a file, r rename, d of a directory */

/* Note one call; true if it must fail. */
static bool note(char letter)
{
	if (!armed)
		return false;
	cr_assert(calls + 1 < sizeof noted);
	noted[calls++] = letter;
	if (calls != failing)
		return false;
	errno = with;
	return true;
}

/* These stand before libc's own: the program's symbols are found first. */

ssize_t write(int fd, const void *data, size_t size)
{
	ssize_t (*next)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");

	return note('w') ? -1 : next(fd, data, size);
}

int fsync(int fd)
{
	int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	return note(S_ISDIR(st.st_mode) ? 'd' : 's') ? -1 : next(fd);
}

int fchmod(int fd, mode_t mode)
{
	int (*next)(int, mode_t) = (int (*)(int, mode_t))dlsym(RTLD_NEXT, "fchmod");

	return note('m') ? -1 : next(fd, mode);
}

int rename(const char *from, const char *to)
{
	int (*next)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");

	return note('r') ? -1 : next(from, to);
}

int unlink(const char *path)
{
	int (*next)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");

	return note('u') ? -1 : next(path);
}

static void arm(size_t call, int number)
{
	memset(noted, 0, sizeof noted);
	calls = 0;
	failing = call;
	with = number;
	armed = true;
}

static void disarm(void)
{
	armed = false;
}

static char directory[64];
static char path[128];
static struct sr_error err;
static struct sr_key_source source;
static struct sr_keyring *keyring;

static const uint8_t kept[32] = {1};
static const uint8_t added[32] = {2};

static void set_up(void)
{
	static const uint8_t store[SR_UUID] = {1};
	uint8_t psk[32];

	cr_assert(sodium_init() >= 0);
	snprintf(directory, sizeof directory, "/tmp/sealreel-faults-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/keyring", directory);
	source = (struct sr_key_source){.kind = SR_KEY_FILE, .secret = sodium_malloc(32), .size = 32};
	cr_assert_not_null(source.secret);
	memset(source.secret, 7, 32);
	keyring = sr_keyring_new(store, kept);
	cr_assert_not_null(keyring);
	cr_assert_eq(sr_keyring_create(keyring, path, &source, &err), SR_OK, "%s", err.text);
	cr_assert_eq(sr_keyring_service_add(keyring, kept, psk, &err), SR_OK, "%s", err.text);
}

static void tear_down(void)
{
	char command[128];

	disarm();
	sr_keyring_free(keyring);
	sr_key_source_wipe(&source);
	snprintf(command, sizeof command, "rm -rf -- '%s'", directory);
	cr_assert_eq(system(command), 0);
}

/* Whether the file on disk, which must be whole, has the added service. */
static bool file_has_added(void)
{
	struct sr_keyring *back;
	uint8_t psk[32];
	bool has;

	cr_assert_eq(sr_keyring_load(path, &source, &back, &err), SR_OK, "%s", err.text);
	cr_assert(sr_keyring_service(back, kept, psk));
	has = sr_keyring_service(back, added, psk);
	sr_keyring_free(back);
	return has;
}

Test(keyring_faults, written_and_synced_before_it_is_renamed_and_the_directory_after, .init = set_up, .fini = tear_down)
{
	uint8_t psk[32];

	arm(0, 0);
	cr_assert_eq(sr_keyring_service_add(keyring, added, psk, &err), SR_OK, "%s", err.text);
	disarm();
	cr_assert_str_eq(noted, "uwmsrd");
	cr_assert(file_has_added());
}

/* After a failure anywhere memory is as before, the file is whole and old (new only past the rename), nothing is left.
 */
static void fail_each(int number, enum sr_code expected)
{
	for (size_t call = 1; call <= 6; call++) {
		enum sr_code code;
		char made[160];
		uint8_t psk[32];

		arm(call, number);
		code = sr_keyring_service_add(keyring, added, psk, &err);
		disarm();
		cr_assert_eq(code, expected, "call %zu of %s: %s", call, noted, err.text);
		cr_assert_eq(sodium_is_zero(psk, sizeof psk), 1);
		cr_assert(!sr_keyring_service(keyring, added, psk), "call %zu", call);
		cr_assert_eq(sr_keyring_revision(keyring), 2);
		cr_assert_eq(file_has_added(), noted[call - 1] == 'd', "call %zu of %s", call, noted);
		snprintf(made, sizeof made, "%s.new", path);
		cr_assert_eq(access(made, F_OK), -1, "call %zu of %s", call, noted);
		/* The next save makes the file say what memory holds. */
		cr_assert_eq(sr_keyring_create(keyring, path, &source, &err), SR_OK, "%s", err.text);
		cr_assert(!file_has_added());
	}
}

Test(keyring_faults, each_call_failing_with_an_io_error, .init = set_up, .fini = tear_down)
{
	fail_each(EIO, SR_IO);
}

Test(keyring_faults, each_call_failing_for_want_of_space, .init = set_up, .fini = tear_down)
{
	fail_each(ENOSPC, SR_NO_SPACE);
}

/* The number of epochs with a key in the file. */
static size_t keys_in_file(void)
{
	struct sr_keyring *back;
	uint8_t key[SR_KEY];
	size_t keys = 0;

	cr_assert_eq(sr_keyring_load(path, &source, &back, &err), SR_OK, "%s", err.text);
	for (uint32_t number = 1; number <= 9; number++)
		keys += sr_keyring_epoch_key(back, number, key);
	sr_keyring_free(back);
	return keys;
}

/* A new epoch, and the end of one: memory has what it had, whatever the file has come to. */
Test(keyring_faults, epochs_come_and_go_with_each_call_failing, .init = set_up, .fini = tear_down)
{
	uint8_t key[SR_KEY];
	uint32_t number = 0;

	for (size_t call = 1; call <= 6; call++) {
		arm(call, EIO);
		cr_assert_eq(sr_keyring_epoch_add(keyring, &number, &err), SR_IO);
		disarm();
		cr_assert_eq(sr_keyring_epoch(keyring), 1, "call %zu of %s", call, noted);
		cr_assert_eq(number, 0);
		cr_assert_eq(keys_in_file(), noted[call - 1] == 'd' ? 2 : 1, "call %zu of %s", call, noted);
		cr_assert_eq(sr_keyring_create(keyring, path, &source, &err), SR_OK);
	}
	cr_assert_eq(sr_keyring_epoch_add(keyring, &number, &err), SR_OK);
	cr_assert_eq(number, 2);
	cr_assert_eq(keys_in_file(), 2);
	cr_assert_eq(sr_keyring_epoch_retire(keyring, 2, 0, &err), SR_CONFLICT, "the current one");
	cr_assert_eq(sr_keyring_epoch_retire(keyring, 3, 0, &err), SR_NOT_FOUND);
	for (size_t call = 1; call <= 6; call++) {
		arm(call, EIO);
		cr_assert_eq(sr_keyring_epoch_retire(keyring, 1, 0, &err), SR_IO);
		disarm();
		cr_assert(sr_keyring_epoch_key(keyring, 1, key), "call %zu of %s", call, noted);
		cr_assert_eq(keys_in_file(), noted[call - 1] == 'd' ? 1 : 2, "call %zu of %s", call, noted);
		cr_assert_eq(sr_keyring_create(keyring, path, &source, &err), SR_OK);
	}
	arm(0, 0);
	cr_assert_eq(sr_keyring_epoch_retire(keyring, 1, 0, &err), SR_OK, "%s", err.text);
	disarm();
	cr_assert_str_eq(noted, "uwmsrd");
	cr_assert(!sr_keyring_epoch_key(keyring, 1, key));
	cr_assert_eq(keys_in_file(), 1);
	cr_assert_eq(sr_keyring_epoch_retire(keyring, 1, 0, &err), SR_OK, "twice is as once");
}

Test(keyring_faults, a_key_file_that_cannot_be_made_is_gone, .init = set_up, .fini = tear_down)
{
	char key[160];

	snprintf(key, sizeof key, "%s/key", directory);
	for (size_t call = 1; call <= 4; call++) {
		enum sr_code code;

		arm(call, ENOSPC);
		code = sr_key_file_create(key, &err);
		disarm();
		cr_assert_eq(code, SR_NO_SPACE, "call %zu of %s", call, noted);
		cr_assert_eq(access(key, F_OK), -1, "call %zu of %s", call, noted);
	}
	arm(0, 0);
	cr_assert_eq(sr_key_file_create(key, &err), SR_OK, "%s", err.text);
	disarm();
	cr_assert_str_eq(noted, "wmsd");
}
