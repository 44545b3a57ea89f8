/*
 * What every command of `sealreel` shares: the options that say how to reach a store, the exit statuses, the one line
 * of a failure.
 */
#ifndef SR_CLI_H
#define SR_CLI_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sealreel/operate.h"

enum cli_status {
	CLI_DONE = 0,
	CLI_FAILED = 1, /* or refused */
	CLI_USAGE = 2,
	CLI_FROZEN = 3,
	CLI_WITHHELD = 4,    /* a list with rows withheld */
	CLI_UNAVAILABLE = 5, /* or busy: try again */
	CLI_INCOMPLETE = 6   /* run again to go on */
};

/* One run of the program. Texts are borrowed from argv and the environment. */
struct cli {
	const char *server;
	const char *credential;
	const char *grant; /* TOKEN or @FILE */
	const char *grant_command;
	bool json;
	bool quiet;
	bool help;
	uint32_t reconnect_ms; /* how long a lost connection is tried again; 0: not at all */
	char told[256];        /* what is wrong with the command line; "" while nothing is */
};

/* A command: parses its own arguments (argv[0] is its name) and returns the exit status. */
typedef int cli_command(struct cli *cli, int argc, char **argv);
cli_command cli_init, cli_service, cli_grant, cli_ingest, cli_finish, cli_list, cli_check, cli_info, cli_play,
	cli_status, cli_stats, cli_health, cli_scrub, cli_backup, cli_restore, cli_freeze, cli_thaw, cli_alarm,
	cli_shown, cli_delete, cli_undelete, cli_epoch, cli_rotate, cli_patient, cli_hold, cli_patient_erase, cli_audit;

/* The options of --server, --credential …, which every command has. Its input is the struct cli. */
extern const struct argp cli_reach_argp;

/*
 * Parse a command's line: with `argp`, whose input is `input`, for the command's own options and words, and beside it
 * with cli_reach_argp, which says what is wrong with a word that `argp` does not know. When --help is given, it does
 * not matter what `argp` finds wrong. -1: go on; else the status to exit with: help was printed, or one line says what
 * is wrong.
 */
int cli_parse(struct cli *cli, const struct argp *argp, int argc, char **argv, void *input);

/* The same for a command that prints data: it has --json as well. */
int cli_parse_data(struct cli *cli, const struct argp *argp, int argc, char **argv, void *input);

/* In a command's parser: note what is wrong (printf-style); returns what the parser must. */
error_t cli_wrong(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define CLI_DAEMON_WORDS 30

/* A command line for the daemon's program. */
struct cli_daemon {
	const char *words[CLI_DAEMON_WORDS]; /* borrowed */
	size_t count;
};

/*
 * In a command's parser: add a word of ours, and a value (NULL: none) for it, both borrowed; returns what the parser
 * must.
 */
error_t cli_pass_on(struct cli *cli, struct cli_daemon *daemon, const char *word, const char *value);

/*
 * Become the daemon's program that lies beside this one, or else the one in PATH, with this command line. Returns only
 * if there is none: the exit status, its line printed.
 */
int cli_become_daemon(const struct cli_daemon *daemon);

/* In a command's parser: take the value of --retry, a duration, into cli->reconnect_ms. */
error_t cli_take_retry(struct cli *cli, const char *value);

/* Say that the connection is lost and tried again, or stands again (SR_OK): a line on stderr. */
void cli_say_trying(const struct sr_result *result);

/* What the line of any not_found says to do next from here on, for commands that are not about one's recordings. */
void cli_hint_lost(const char *next);

/* Print a failure's one line and give its exit status. */
int cli_fail(const struct sr_result *result);

/* The same for a failure of our own. */
int cli_fail_text(enum sr_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same where an allocation failed. */
int cli_fail_memory(void);

/* The same where standard output cannot be written. */
int cli_fail_output(void);

/* Flush standard output at a command's end: `status`, but cli_fail_output's where all went well until then. */
int cli_flush(int status);

/* As cli_fail with the status CLI_INCOMPLETE, whatever the code is unless it is a freeze. */
int cli_fail_incomplete(const struct sr_result *result, const char *next);

/* Connect as the options say. NULL, with the line printed and *status (out) set, if that fails. */
sr_blocking *cli_connect(struct cli *cli, int *status);

/* The credential's path, or NULL with the usage line noted; and the whole of a small text file, NULL if unreadable. */
const char *cli_credential(const struct cli *cli);
char *cli_read_file(const char *path, size_t most, size_t *size);

#endif
