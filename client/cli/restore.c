/* `sealreel restore`: the daemon's program makes a store again from a backup. */
#include "cli/cli.h"

enum { KEY_KEY_SOURCE = 1, KEY_KEYRING, KEY_LEDGER, KEY_LISTEN };

struct restore {
	struct cli *cli;
	struct cli_daemon daemon;
	const char *source, *directory;
	bool keyring;
};

static const struct argp_option options[] = {
	{"keyring", KEY_KEYRING, "PATH", 0, "The store's keyring: it is not part of a backup", 1},
	{"key-source", KEY_KEY_SOURCE, "SOURCE", 0, "What opens the keyring, as for init; a PATH is best absolute", 1},
	{"ledger", KEY_LEDGER, "PATH", 0, "Where the erasure ledger is", 1},
	{"listen", KEY_LISTEN, "ADDRESS", 0, "unix:PATH or tcp:HOST:PORT", 1},
	{0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct restore *restore = state->input;
	switch (key) {
	case KEY_KEY_SOURCE:
		return cli_pass_on(restore->cli, &restore->daemon, "--key-source", value);
	case KEY_KEYRING:
		restore->keyring = true;
		return cli_pass_on(restore->cli, &restore->daemon, "--keyring", value);
	case KEY_LEDGER:
		return cli_pass_on(restore->cli, &restore->daemon, "--ledger", value);
	case KEY_LISTEN:
		return cli_pass_on(restore->cli, &restore->daemon, "--listen", value);
	case ARGP_KEY_ARG:
		if (restore->directory)
			return cli_wrong(restore->cli, "restore takes SRC and DIR");
		if (!restore->source) {
			restore->source = value;
			return cli_pass_on(restore->cli, &restore->daemon, "--restore", value);
		}
		restore->directory = value;
		return cli_pass_on(restore->cli, &restore->daemon, value, NULL);
	case ARGP_KEY_END:
		if (!restore->directory)
			return cli_wrong(restore->cli, "restore takes SRC and DIR");
		if (!restore->keyring)
			return cli_wrong(restore->cli, "--keyring is needed: it is not part of a backup");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "SRC DIR",
	.doc = "Make the store DIR, which must not exist, from the newest complete backup in SRC. Every row and data "
	       "file is held against its checksum. Nothing is served before the erasure ledger has been replayed: "
	       "sealreeld --replay DIR. Its configuration has no issuers: copy theirs into DIR/issuers and "
	       "sealreel.ini."
	       "\vExits 1 if the backup is damaged; what could be restored then is there.\n\nExample:\n\n"
	       "  sealreel restore --keyring /safe/keyring --key-source passphrase --ledger /safe/ledger /mnt/backup "
	       "/srv/store\n",
};

int cli_restore(struct cli *cli, int argc, char **argv)
{
	struct restore restore = {.cli = cli};
	int status = cli_parse(cli, &argp, argc, argv, &restore);
	return status >= 0 ? status : cli_become_daemon(&restore.daemon);
}
