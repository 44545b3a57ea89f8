/* The options that every command has, and connecting as they say. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/parse.h"
#include "message.h"

#define RETRY_S_MOST 86400
#define DAEMON "sealreeld"

enum { KEY_SERVER = 0x200, KEY_CREDENTIAL, KEY_GRANT, KEY_GRANT_COMMAND, KEY_JSON, KEY_HELP };

static const struct argp_option reach_options[] = {
	{"server", KEY_SERVER, "ADDRESS", 0, "unix:PATH or tcp:HOST:PORT (SEALREEL_SERVER; else the credential's own)",
	 90},
	{"credential", KEY_CREDENTIAL, "FILE", 0, "Who calls: a service's credential file (SEALREEL_CREDENTIAL)", 90},
	{"grant", KEY_GRANT, "TOKEN|@FILE", 0, "The grant, or a file that holds it (SEALREEL_GRANT)", 90},
	{"grant-command", KEY_GRANT_COMMAND, "CMD", 0, "A shell command that prints a grant; run again to renew it",
	 90},
	{"quiet", 'q', NULL, 0, "Say nothing but data and failures", 91},
	{"help", KEY_HELP, NULL, 0, "Say this", 92},
	{0},
};

static const struct argp_option json_options[] = {
	{"json", KEY_JSON, NULL, 0, "Print JSON", 80},
	{0},
};

static error_t parse_reach(int key, char *value, struct argp_state *state)
{
	struct cli *cli = state->input;
	switch (key) {
	case KEY_SERVER:
		cli->server = value;
		return 0;
	case KEY_CREDENTIAL:
		cli->credential = value;
		return 0;
	case KEY_GRANT:
		cli->grant = value;
		return 0;
	case KEY_GRANT_COMMAND:
		cli->grant_command = value;
		return 0;
	case KEY_JSON:
		cli->json = true;
		return 0;
	case 'q':
		cli->quiet = true;
		return 0;
	case KEY_HELP:
		cli->help = true;
		return 0;
	case ARGP_KEY_ARG:
		return cli_wrong(cli, "there is a word too much");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cli_reach_argp = {.options = reach_options, .parser = parse_reach};
static const struct argp json_argp = {.options = json_options, .parser = parse_reach};

error_t cli_wrong(struct cli *cli, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	if (!cli->told[0])
		(void)vsnprintf(cli->told, sizeof cli->told, format, arguments);
	va_end(arguments);
	return EINVAL;
}

/* The option that argp stopped at, without its value: that may be a token. */
static const char *option_name(int argc, char **argv, int at, char option[32])
{
	const char *word = argv[at > 1 ? at - 1 : argc - 1];
	(void)snprintf(option, 32, "%.*s", (int)strcspn(word, "="), word);
	return word[0] == '-' ? option : "an option";
}

/* argp fills lines, which would break an example's command in two: those behind the last "Example" are as they are. */
static int print_help(const struct argp *argp, struct argp *own, char *name)
{
	char *text = own->doc ? strdup(own->doc) : NULL;
	char *example = NULL;
	for (char *at = text ? strstr(text, "Example") : NULL; at; at = strstr(at + 1, "Example"))
		example = at > text && (at[-1] == '\n' || at[-1] == '\v') ? at : example;
	char *commands = example ? strstr(example, "\n\n") : NULL;
	if (commands) {
		*commands = '\0';
		own->doc = text;
	}
	argp_help(argp, stdout, ARGP_HELP_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC, name);
	if (commands)
		printf("\n%s", commands + 2);
	free(text);
	return CLI_DONE;
}

/* A command's line: its own options and words first, then those of every command. */
struct frame {
	struct cli *cli;
	void *input; /* of the command's own */
};

static error_t parse_frame(int key, char *value, struct argp_state *state)
{
	const struct frame *frame = state->input;
	(void)value;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = frame->input;
	for (size_t at = 1; state->root_argp->children[at].argp; at++)
		state->child_inputs[at] = frame->cli;
	return 0;
}

static int parse_with(const struct frame *frame, const struct argp *argp, const struct argp *data, int argc,
		      char **argv)
{
	struct cli *cli = frame->cli;
	struct frame input = *frame;
	struct argp own = *argp;
	const struct argp_child children[] = {
		{&own, 0, NULL, 0}, {&cli_reach_argp, 0, NULL, 0}, {data, 0, NULL, 0}, {0}};
	const struct argp whole = {.parser = parse_frame, .children = children};
	char name[64];
	char option[32];
	int at = 0;
	(void)snprintf(name, sizeof name, "sealreel %s", argv[0]);
	/* argp's own words for a wrong option take two lines. */
	error_t wrong = argp_parse(&whole, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT, &at, &input);
	if (cli->help)
		return print_help(&whole, &own, name);
	if (wrong == 0)
		return -1;
	if (cli->told[0])
		(void)fprintf(stderr, "sealreel: usage: %s; see %s --help\n", cli->told, name);
	else
		(void)fprintf(stderr, "sealreel: usage: %s is unknown or lacks its value; see %s --help\n",
			      option_name(argc, argv, at, option), name);
	return CLI_USAGE;
}

int cli_parse(struct cli *cli, const struct argp *argp, int argc, char **argv, void *input)
{
	return parse_with(&(const struct frame){cli, input}, argp, NULL, argc, argv);
}

int cli_parse_data(struct cli *cli, const struct argp *argp, int argc, char **argv, void *input)
{
	return parse_with(&(const struct frame){cli, input}, argp, &json_argp, argc, argv);
}

/* What to do about an answer that names nothing here; a command may know better. */
static const char *lost_step = "check the id and whose grant it is";

static const char *const next_steps[SR_CODES] = {
	[SR_USAGE] = "see --help",
	[SR_UNAUTHENTICATED] = "check --credential and --grant, or get a new grant",
	[SR_DENIED] = "use a credential and a grant that allow it",
	[SR_EXPIRED] = "get a new grant",
	[SR_FROZEN] = "ask the operator why",
	[SR_CONFLICT] = "look at what is there first",
	[SR_BUSY] = "try again soon",
	[SR_NO_SPACE] = "free some space",
	[SR_IO] = "check the file or disk",
	[SR_CORRUPT] = "tell the operator: what is stored or sent is damaged",
	[SR_UNAVAILABLE] = "check that the daemon runs, and try again",
	[SR_INTERNAL] = "tell the operator",
};

static int status_of(enum sr_code code)
{
	switch (code) {
	case SR_OK:
		return CLI_DONE;
	case SR_USAGE:
		return CLI_USAGE;
	case SR_FROZEN:
		return CLI_FROZEN;
	case SR_BUSY:
	case SR_UNAVAILABLE:
		return CLI_UNAVAILABLE;
	default:
		return CLI_FAILED;
	}
}

static void print_failure(const struct sr_result *result, const char *next)
{
	char request[32] = "";
	if (result->request != 0)
		(void)snprintf(request, sizeof request, " (request %016llx)", (unsigned long long)result->request);
	(void)fprintf(stderr, "sealreel: %s: %s; %s%s\n", sr_result_name(result->code),
		      result->text[0] ? result->text : "it failed", next, request);
}

void cli_hint_lost(const char *next)
{
	lost_step = next;
}

static const char *next_step(const struct sr_result *result)
{
	if (result->code == SR_NOT_FOUND)
		return lost_step;
	/* The daemon ran when this request was sent. */
	if (result->code == SR_UNAVAILABLE && result->request != 0)
		return "try again, and if it stays so see what the daemon logs";
	return next_steps[result->code];
}

int cli_fail(const struct sr_result *result)
{
	if (result->code != SR_OK)
		print_failure(result, next_step(result));
	return status_of(result->code);
}

int cli_fail_incomplete(const struct sr_result *result, const char *next)
{
	print_failure(result, next);
	return result->code == SR_FROZEN ? CLI_FROZEN : CLI_INCOMPLETE;
}

int cli_fail_text(enum sr_code code, const char *format, ...)
{
	struct sr_result result = {.code = code};
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(result.text, sizeof result.text, format, arguments);
	va_end(arguments);
	return cli_fail(&result);
}

int cli_fail_memory(void)
{
	return cli_fail_text(SR_INTERNAL, "memory is used up");
}

int cli_fail_output(void)
{
	return cli_fail_text(SR_IO, "standard output cannot be written");
}

int cli_flush(int status)
{
	return fflush(stdout) != 0 && status == CLI_DONE ? cli_fail_output() : status;
}

/* Read up to `capacity` bytes from a descriptor; -1 if it fails or has more. */
static ssize_t read_all(int fd, char *out, size_t capacity)
{
	size_t size = 0;
	char more;
	while (size < capacity) {
		ssize_t got = read(fd, out + size, capacity - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			return (ssize_t)size;
		size += (size_t)got;
	}
	return read(fd, &more, 1) == 0 ? (ssize_t)size : -1;
}

char *cli_read_file(const char *path, size_t most, size_t *size)
{
	ssize_t got = -1;
	char *text = malloc(most + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && text)
		got = read_all(fd, text, most);
	if (fd >= 0)
		close(fd);
	if (got < 0) {
		free(text);
		return NULL;
	}
	text[got] = '\0';
	*size = (size_t)got;
	return text;
}

/* A token's length without the line end behind it. */
static ssize_t trimmed(const char *token, ssize_t size)
{
	while (size > 0 && strchr(" \t\r\n", token[size - 1]))
		size--;
	return size;
}

static ssize_t grant_from_file(void *context, bool renewal, char *token, size_t capacity)
{
	const struct cli *cli = context;
	ssize_t size = -1;
	(void)renewal;
	int fd = open(cli->grant + 1, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		size = trimmed(token, read_all(fd, token, capacity));
		close(fd);
	}
	return size;
}

static ssize_t grant_from_command(void *context, bool renewal, char *token, size_t capacity)
{
	const struct cli *cli = context;
	(void)renewal;
	FILE *command = popen(cli->grant_command, "re");
	if (!command)
		return -1;
	ssize_t size = trimmed(token, read_all(fileno(command), token, capacity));
	return pclose(command) == 0 ? size : -1;
}

const char *cli_credential(const struct cli *cli)
{
	return cli->credential ? cli->credential : getenv("SEALREEL_CREDENTIAL");
}

error_t cli_take_retry(struct cli *cli, const char *value)
{
	int64_t seconds = 0;
	if (strcmp(value, "0") != 0 && (!parse_duration(value, &seconds) || seconds > RETRY_S_MOST))
		return cli_wrong(cli, "--retry is no duration of at most a day (as 90s, 10m, 0)");
	cli->reconnect_ms = (uint32_t)seconds * 1000;
	return 0;
}

void cli_say_trying(const struct sr_result *result)
{
	(void)fprintf(stderr, "sealreel: %s\n",
		      result->code == SR_OK ? "connected again" : "connection lost; trying again");
}

static int fail_no_daemon(void)
{
	print_failure(
		&(const struct sr_result){.code = SR_UNAVAILABLE,
					  .text = "the program " DAEMON " is neither beside this one nor in PATH"},
		"install it");
	return CLI_UNAVAILABLE;
}

error_t cli_pass_on(struct cli *cli, struct cli_daemon *daemon, const char *word, const char *value)
{
	if (daemon->count + 2 > CLI_DAEMON_WORDS)
		return cli_wrong(cli, "an option is given too often");
	daemon->words[daemon->count++] = word;
	if (value)
		daemon->words[daemon->count++] = value;
	return 0;
}

int cli_become_daemon(const struct cli_daemon *daemon)
{
	char own[PATH_MAX], beside[PATH_MAX + sizeof DAEMON + 1];
	char name[] = DAEMON;
	char *arguments[CLI_DAEMON_WORDS + 2] = {name};
	for (size_t at = 0; at < daemon->count; at++)
		arguments[1 + at] = strdup(daemon->words[at]);
	ssize_t size = readlink("/proc/self/exe", own, sizeof own - 1);
	if (size > 0) {
		own[size] = '\0';
		(void)snprintf(beside, sizeof beside, "%s/%s", dirname(own), DAEMON);
		(void)execv(beside, arguments);
	}
	(void)execvp(DAEMON, arguments);
	for (size_t at = 1; arguments[at]; at++)
		free(arguments[at]);
	return fail_no_daemon();
}

sr_blocking *cli_connect(struct cli *cli, int *status)
{
	sr_blocking *blocking = NULL;
	struct sr_result result = {0};
	struct sr_client_options options = {
		.credential = cli_credential(cli), .grant_context = cli, .reconnect_ms = cli->reconnect_ms};
	options.server = cli->server ? cli->server : getenv("SEALREEL_SERVER");
	if (!cli->grant && !cli->grant_command)
		cli->grant = getenv("SEALREEL_GRANT");
	if (cli->grant_command)
		options.grant_callback = grant_from_command;
	else if (cli->grant && cli->grant[0] == '@')
		options.grant_callback = grant_from_file;
	else
		options.grant = cli->grant;
	if (!options.credential)
		*status = cli_fail_text(SR_USAGE, "no credential is given: use --credential or SEALREEL_CREDENTIAL");
	else if (sr_blocking_open(&options, &blocking, &result) != SR_OK)
		*status = cli_fail(&result);
	return blocking;
}
