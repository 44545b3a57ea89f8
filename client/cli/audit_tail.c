/* `sealreel audit tail`: the latest entries, and those that come. */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "cli/audit.h"
#include "cli/audit_form.h"
#include "cli/parse.h"

#define LINES 10
#define LOOK_MS 500

struct tail {
	struct cli *cli;
	uint64_t lines;
	bool follows;
	struct audit_printer printer;
};

static volatile sig_atomic_t asked;

static void on_signal(int number)
{
	(void)number;
	asked = 1;
}

static const struct argp_option options[] = {
	{"follow", 'f', NULL, 0, "Go on with entries as they come, until an interrupt", 1},
	{"lines", 'n', "N", 0, "The latest N entries; by default 10", 1},
	{0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct tail *tail = state->input;
	switch (key) {
	case 'f':
		tail->follows = true;
		return 0;
	case 'n':
		return parse_number(value, UINT32_MAX, &tail->lines) ? 0 : cli_wrong(tail->cli, "-n is no number");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Print the latest entries of the audit log, oldest first, a line each; needs a credential with the role "
	       "audit. People appear as tags. That you read is an entry too.\v"
	       "JSON: one line for each entry, exactly as the log has it; store/FORMAT.md, section 7, has its "
	       "members.\n\nExits with 0, also after an interrupt; 1 if it failed or was refused, 5 if the store is "
	       "unavailable.\n\nExample:\n\n  sealreel --credential auditor.cred audit tail -n 100 --follow\n",
};

static bool print(void *context, const struct sr_audit_entry *entry, struct sr_span json)
{
	struct tail *tail = context;
	return audit_print(&tail->printer, entry, json) && !asked;
}

static int follow(struct tail *tail, struct audit *audit)
{
	const struct timespec pause = {0, LOOK_MS * 1000000L};
	int status = cli_flush(CLI_DONE);
	while (status == CLI_DONE && tail->follows && !asked) {
		(void)nanosleep(&pause, NULL);
		if (asked)
			break;
		status = audit_read(audit, audit->next, 0, print, tail);
		status = cli_flush(status);
	}
	return status;
}

int cli_audit_tail(struct cli *cli, int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct tail tail = {.cli = cli, .lines = LINES, .printer = {.out = stdout}};
	struct audit audit = {.cli = cli};
	int status = cli_parse_data(cli, &argp, argc, argv, &tail);
	if (status >= 0)
		return status;
	tail.printer.form = cli->json ? AUDIT_JSON : AUDIT_TEXT;
	status = audit_open(&audit);
	if (status == CLI_DONE && tail.follows) {
		(void)sigaction(SIGINT, &action, NULL);
		(void)sigaction(SIGTERM, &action, NULL);
	}
	if (status == CLI_DONE)
		status = audit_size(&audit);
	if (status == CLI_DONE) {
		uint64_t end = audit.size;
		audit.next = end;
		if (tail.lines > 0 && end > 0)
			status = audit_read(&audit, end > tail.lines ? end - tail.lines : 0, end, print, &tail);
	}
	if (status == CLI_DONE)
		status = follow(&tail, &audit);
	audit_close(&audit);
	return status;
}
