/* `sealreel init`: the daemon makes the store, and this adds an issuer for development. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/mint.h"

#define DAEMON "sealreeld"
#define ISSUER "sealreel-dev"

enum { KEY_KEY_SOURCE = 1, KEY_KEYRING, KEY_LEDGER, KEY_LISTEN, KEY_RECOVERY };

struct init {
	struct cli *cli;
	const char *directory;
	struct cli_daemon daemon;
};

static const struct argp_option options[] = {
	{"key-source", KEY_KEY_SOURCE, "SOURCE", 0,
	 "What opens the keyring: passphrase, passphrase:FILE, credential:NAME, or (development only) file:PATH", 1},
	{"keyring", KEY_KEYRING, "PATH", 0, "Where the keyring is", 1},
	{"ledger", KEY_LEDGER, "PATH", 0, "Where the erasure ledger is", 1},
	{"recovery", KEY_RECOVERY, "FILE", 0,
	 "Make a recovery key for retired epochs, its private half in FILE: to be moved offline", 1},
	{"listen", KEY_LISTEN, "ADDRESS", 0, "unix:PATH or tcp:HOST:PORT", 1},
	{0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct init *init = state->input;
	switch (key) {
	case KEY_KEY_SOURCE:
		return cli_pass_on(init->cli, &init->daemon, "--key-source", value);
	case KEY_KEYRING:
		return cli_pass_on(init->cli, &init->daemon, "--keyring", value);
	case KEY_LEDGER:
		return cli_pass_on(init->cli, &init->daemon, "--ledger", value);
	case KEY_RECOVERY:
		return cli_pass_on(init->cli, &init->daemon, "--recovery", value);
	case KEY_LISTEN:
		return cli_pass_on(init->cli, &init->daemon, "--listen", value);
	case ARGP_KEY_ARG:
		if (init->directory)
			return cli_wrong(init->cli, "there is more than one DIR");
		init->directory = value;
		return 0;
	case ARGP_KEY_END:
		if (!init->directory)
			return cli_wrong(init->cli, "there is no DIR");
		return cli_pass_on(init->cli, &init->daemon, "--init", init->directory);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "DIR",
	.doc = "Make a store in DIR, with a credential for its operator, a key pair for its auditor and an issuer for "
	       "development.\vThe last line of the output is the store's id: \"store HEX\".\n\nExample:\n\n"
	       "  sealreel init --key-source file:keyring.key /tmp/store && sealreeld /tmp/store\n",
};

/* In the child, whose lines go to the parent. */
static _Noreturn void make_store(const struct init *init, int out)
{
	if (dup2(out, STDOUT_FILENO) < 0)
		_exit(cli_fail_text(SR_IO, "no pipe: %s", strerror(errno)));
	_exit(cli_become_daemon(&init->daemon));
}

/* Have the daemon make the store; its lines but the last are passed on, the last is kept. */
static int run_daemon(struct init *init, char last[128])
{
	int ends[2];
	int status = 0;
	char line[1024];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return cli_fail_text(SR_IO, "no pipe: %s", strerror(errno));
	pid_t child = fork();
	if (child == 0)
		make_store(init, ends[1]);
	close(ends[1]);
	FILE *lines = child > 0 ? fdopen(ends[0], "r") : NULL;
	last[0] = '\0';
	while (lines && fgets(line, sizeof line, lines)) {
		if (strncmp(line, "store ", 6) == 0)
			(void)snprintf(last, 128, "%.120s", line);
		else if (!init->cli->quiet)
			(void)fputs(line, stdout);
	}
	if (lines)
		(void)fclose(lines);
	else
		close(ends[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child < 0 || !WIFEXITED(status))
		return cli_fail_text(SR_INTERNAL, "%s did not end as it should", DAEMON);
	return WEXITSTATUS(status);
}

/* Make the names in a directory durable. */
static bool sync_names(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Whole and durable, its name too. */
static bool write_new(const char *directory, const char *name, mode_t mode, const char *text)
{
	char path[PATH_MAX];
	size_t size = strlen(text);
	size_t done = 0;
	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return false;
	bool ok = fchmod(fd, mode) == 0;
	while (ok && done < size) {
		ssize_t put = write(fd, text + done, size - done);
		if (put > 0)
			done += (size_t)put;
		else
			ok = put < 0 && errno == EINTR;
	}
	ok = ok && fsync(fd) == 0;
	close(fd);
	return ok && sync_names(dirname(path));
}

static int make_issuer(const struct init *init)
{
	char *jwk = NULL;
	char *jwks = NULL;
	struct sr_error err = {0};
	int status = CLI_DONE;
	if (sr_mint_issuer(ISSUER, &jwk, &jwks, &err) != SR_OK)
		status = cli_fail_text(err.code, "%s", err.text);
	else if (!write_new(init->directory, "dev-issuer.jwk", 0600, jwk) ||
		 !write_new(init->directory, "issuers/dev.jwks", 0644, jwks))
		status = cli_fail_text(SR_IO, "the issuer for development cannot be written: %s", strerror(errno));
	sr_mint_free(jwk);
	sr_mint_free(jwks);
	return status;
}

static void announce(const struct init *init)
{
	const char *dir = init->directory;
	printf("made %s/dev-issuer.jwk and %s/issuers/dev.jwks: an issuer FOR DEVELOPMENT ONLY: whoever has the first "
	       "can sign grants for every patient\n\n",
	       dir, dir);
	printf("Move %s/auditor.key offline now: only it opens the names in the audit log.\n", dir);
	printf("Give %s/auditor.vkey to the auditor, who checks the audit log's checkpoints with it.\n", dir);
	printf("Before real use, remove the section [issuer dev] from %s/sealreel.ini, and both files above.\n\n", dir);
	printf("Next:\n");
	printf("  sealreeld %s &\n", dir);
	printf("  sealreel --credential %s/operator.cred service add clinic --role ingest,playback -o clinic.cred\n",
	       dir);
	printf("  export SEALREEL_CREDENTIAL=clinic.cred\n");
	printf("  export SEALREEL_GRANT=$(sealreel grant --issuer-key %s/dev-issuer.jwk --patient demo "
	       "--scope record,list,play --act clinician:me)\n",
	       dir);
	printf("  sealreel ingest call.webm && sealreel list\n");
}

int cli_init(struct cli *cli, int argc, char **argv)
{
	struct init init = {.cli = cli};
	char last[128];
	int status = cli_parse(cli, &argp, argc, argv, &init);
	if (status >= 0)
		return status;
	(void)fflush(stdout);
	status = run_daemon(&init, last);
	if (status == CLI_DONE)
		status = make_issuer(&init);
	if (status == CLI_DONE && !cli->quiet)
		announce(&init);
	if (status == CLI_DONE)
		(void)fputs(last, stdout);
	return status;
}
