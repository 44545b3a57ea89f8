/*
 * Reading the secret that unlocks the keyring: each way to name one, and each rule its file may break.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keys/keyring.h"

#define KEY_TEXT "0123456789abcdef0123456789abcdef"

static char directory[64];
static struct sr_error err;
static struct sr_key_source source;

static void set_up(void)
{
	cr_assert(sodium_init() >= 0);
	umask(022);
	snprintf(directory, sizeof directory, "/tmp/sealreel-source-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void tear_down(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf -- '%s'", directory);
	cr_assert_eq(system(command), 0);
}

static void full_name(const char *name, char full[160])
{
	snprintf(full, 160, "%s/%s", directory, name);
}

static void write_file(const char *name, const char *data, size_t size, mode_t mode)
{
	char full[160];
	FILE *file;

	full_name(name, full);
	file = fopen(full, "wb");
	cr_assert_not_null(file);
	cr_assert_eq(fwrite(data, 1, size, file), size);
	cr_assert_eq(fclose(file), 0);
	cr_assert_eq(chmod(full, mode), 0);
}

/* Read a source that must be refused with `expected`: nothing is kept of it. */
static void refused(const char *text, enum sr_code expected)
{
	enum sr_code code = sr_key_source_read(text, directory, false, &source, &err);

	cr_assert_eq(code, expected, "%s: %s, %s", text, sr_code_name(code), err.text);
	cr_assert_null(source.secret);
	cr_assert_eq(source.size, 0);
}

/* Read a source that must hold exactly these bytes. */
static void holds(const char *text, enum sr_key_source_kind kind, const char *secret, size_t size)
{
	cr_assert_eq(sr_key_source_read(text, directory, false, &source, &err), SR_OK, "%s: %s", text, err.text);
	cr_assert_eq(source.kind, kind);
	cr_assert_eq(source.size, size, "%s has %zu bytes", text, source.size);
	cr_assert_arr_eq(source.secret, secret, size);
	sr_key_source_wipe(&source);
	cr_assert_null(source.secret);
}

/* Standard input becomes these bytes. */
static void feed(const char *data, size_t size)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(write(ends[1], data, size), (ssize_t)size);
	cr_assert_eq(close(ends[1]), 0);
	cr_assert_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	cr_assert_eq(close(ends[0]), 0);
}

Test(key_source, files_by_relative_and_whole_paths, .init = set_up, .fini = tear_down)
{
	char text[200];

	write_file("key", KEY_TEXT "\n\n", 34, 0600);
	holds("file:key", SR_KEY_FILE, KEY_TEXT "\n\n", 34);
	snprintf(text, sizeof text, "file:%s/key", directory);
	holds(text, SR_KEY_FILE, KEY_TEXT "\n\n", 34);
	refused("file:missing", SR_IO);
}

Test(key_source, a_key_has_at_least_32_bytes, .init = set_up, .fini = tear_down)
{
	static char large[65537];

	for (size_t size = 0; size < 32; size++) {
		write_file("key", KEY_TEXT, size, 0600);
		refused("file:key", SR_USAGE);
	}
	write_file("key", KEY_TEXT, 32, 0600);
	holds("file:key", SR_KEY_FILE, KEY_TEXT, 32);
	write_file("key", large, 65536, 0600);
	holds("file:key", SR_KEY_FILE, large, 65536);
	write_file("key", large, 65537, 0600);
	refused("file:key", SR_USAGE);
}

Test(key_source, a_passphrase_is_the_first_line, .init = set_up, .fini = tear_down)
{
	char longest[1030];

	write_file("words", "correct horse\nbattery\n", 22, 0600);
	holds("passphrase:words", SR_KEY_PASSPHRASE, "correct horse", 13);
	write_file("words", "no end", 6, 0600);
	holds("passphrase:words", SR_KEY_PASSPHRASE, "no end", 6);
	write_file("words", "\nsecond", 7, 0600);
	refused("passphrase:words", SR_USAGE);
	write_file("words", "", 0, 0600);
	refused("passphrase:words", SR_USAGE);
	memset(longest, 'w', sizeof longest);
	write_file("words", longest, 1024, 0600);
	holds("passphrase:words", SR_KEY_PASSPHRASE, longest, 1024);
	write_file("words", longest, 1025, 0600);
	refused("passphrase:words", SR_USAGE);
}

Test(key_source, a_passphrase_from_standard_input_is_one_line_of_it, .init = set_up, .fini = tear_down)
{
	feed("one\ntwo\n\nfour", 13);
	holds("passphrase", SR_KEY_PASSPHRASE, "one", 3);
	holds("passphrase:-", SR_KEY_PASSPHRASE, "two", 3);
	refused("passphrase", SR_USAGE);
	holds("passphrase", SR_KEY_PASSPHRASE, "four", 4);
	refused("passphrase", SR_USAGE);
}

Test(key_source, a_passphrase_that_never_ends_is_refused, .init = set_up, .fini = tear_down)
{
	char line[1100];

	memset(line, 'w', sizeof line);
	feed(line, 1024);
	holds("passphrase", SR_KEY_PASSPHRASE, line, 1024);
	feed(line, 1025);
	refused("passphrase", SR_USAGE);
}

Test(key_source, others_may_not_reach_the_file, .init = set_up, .fini = tear_down)
{
	write_file("key", KEY_TEXT, 32, 0600);
	for (mode_t mode = 0; mode <= 0777; mode++) {
		char full[160];

		/* What the owner may do is not the question, and nothing is refused to root. */
		if ((mode & 0700) != 0600)
			continue;
		full_name("key", full);
		cr_assert_eq(chmod(full, mode), 0);
		if ((mode & 0077) == 0) {
			holds("file:key", SR_KEY_FILE, KEY_TEXT, 32);
			holds("passphrase:key", SR_KEY_PASSPHRASE, KEY_TEXT, 32);
			continue;
		}
		refused("file:key", SR_USAGE);
		refused("passphrase:key", SR_USAGE);
		cr_assert_not_null(strstr(err.text, "mode 0"), "%s", err.text);
	}
}

Test(key_source, only_regular_files, .init = set_up, .fini = tear_down)
{
	char full[160];
	char link[160];

	write_file("key", KEY_TEXT, 32, 0600);
	full_name("key", full);
	full_name("link", link);
	cr_assert_eq(symlink(full, link), 0);
	refused("file:link", SR_USAGE);
	refused("passphrase:link", SR_USAGE);
	full_name("pipe", full);
	cr_assert_eq(mkfifo(full, 0600), 0);
	refused("file:pipe", SR_USAGE);
	full_name("directory", full);
	cr_assert_eq(mkdir(full, 0700), 0);
	refused("file:directory", SR_USAGE);
}

Test(key_source, credentials_come_from_their_directory, .init = set_up, .fini = tear_down)
{
	char full[160];

	write_file("key", KEY_TEXT, 32, 0440);
	refused("credential:key", SR_USAGE);
	cr_assert_eq(setenv("CREDENTIALS_DIRECTORY", "relative", 1), 0);
	refused("credential:key", SR_USAGE);
	cr_assert_eq(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
	holds("credential:key", SR_KEY_CREDENTIAL, KEY_TEXT, 32);
	refused("credential:missing", SR_IO);
	refused("credential:../key", SR_USAGE);
	refused("credential:..", SR_USAGE);
	refused("credential:.", SR_USAGE);
	/* A service manager may let a group read it; nobody may let others write it. */
	full_name("key", full);
	cr_assert_eq(chmod(full, 0620), 0);
	refused("credential:key", SR_USAGE);
	cr_assert_eq(chmod(full, 0602), 0);
	refused("credential:key", SR_USAGE);
	cr_assert_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

Test(key_source, names_that_make_no_sense, .init = set_up, .fini = tear_down)
{
	static const char *const texts[] = {
		"",       ":",          "file",        "file:",       "files:x", "fil:x",
		"FILE:x", "credential", "credential:", "passphrase:", "env:X",   "passphrases"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		refused(texts[i], SR_USAGE);
}

Test(key_source, a_key_file_is_made_once, .init = set_up, .fini = tear_down)
{
	uint8_t first[32];
	char full[160];
	char other[160];
	struct stat st;

	full_name("key", full);
	full_name("other", other);
	cr_assert_eq(sr_key_file_create(full, &err), SR_OK, "%s", err.text);
	cr_assert_eq(stat(full, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(st.st_size, 32);
	cr_assert_eq(sr_key_source_read("file:key", directory, false, &source, &err), SR_OK, "%s", err.text);
	memcpy(first, source.secret, 32);
	sr_key_source_wipe(&source);
	cr_assert_eq(sr_key_file_create(full, &err), SR_CONFLICT);
	holds("file:key", SR_KEY_FILE, (const char *)first, 32);
	cr_assert_eq(sr_key_file_create(other, &err), SR_OK);
	cr_assert_eq(sr_key_source_read("file:other", directory, false, &source, &err), SR_OK);
	cr_assert_arr_neq(first, source.secret, 32);
	sr_key_source_wipe(&source);
	cr_assert_eq(sr_key_file_create("/nonexistent/key", &err), SR_IO);
}

/* Read what a terminal shows until it ends in a prompt; a terminal that closes ends it too. */
static void await_prompt(int terminal, char *shown, size_t room)
{
	size_t size = strlen(shown);

	while (size < room - 1 && read(terminal, shown + size, 1) == 1) {
		shown[++size] = '\0';
		if (size >= 2 && strcmp(shown + size - 2, ": ") == 0)
			return;
	}
	cr_assert_fail("no prompt, but: %s", shown);
}

/* The exit status of a process that asks twice at a terminal where these lines are typed; `shown` is what it shows. */
static int ask_twice(const char *first, const char *second, char *shown, size_t room)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY);
	int status;
	int end;
	pid_t child;

	cr_assert(terminal >= 0);
	cr_assert_eq(grantpt(terminal), 0);
	cr_assert_eq(unlockpt(terminal), 0);
	end = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	cr_assert(end >= 0);
	child = fork();
	cr_assert(child >= 0);
	if (child == 0) {
		bool fits;

		if (dup2(end, STDIN_FILENO) < 0 || dup2(end, STDERR_FILENO) < 0)
			_exit(99);
		if (sr_key_source_read("passphrase", NULL, true, &source, &err) != SR_OK)
			_exit((int)err.code);
		fits = source.size == strlen(first) - 1 && memcmp(source.secret, first, source.size) == 0;
		_exit(fits ? 0 : 98);
	}
	shown[0] = '\0';
	await_prompt(terminal, shown, room);
	cr_assert_eq(write(terminal, first, strlen(first)), (ssize_t)strlen(first));
	await_prompt(terminal, shown, room);
	cr_assert_eq(write(terminal, second, strlen(second)), (ssize_t)strlen(second));
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status));
	close(end);
	close(terminal);
	return WEXITSTATUS(status);
}

Test(key_source, a_terminal_is_asked_twice_and_shows_nothing, .init = set_up, .fini = tear_down)
{
	char shown[200];

	cr_assert_eq(ask_twice("open sesame\n", "open sesame\n", shown, sizeof shown), 0);
	cr_assert_null(strstr(shown, "sesame"), "%s", shown);
	cr_assert_eq(ask_twice("open sesame\n", "open sesamf\n", shown, sizeof shown), SR_USAGE);
	cr_assert_eq(ask_twice("open sesame\n", "open\n", shown, sizeof shown), SR_USAGE);
}
