/* `sealreel audit`: which of its commands it is. */
#include <stdio.h>
#include <string.h>

#include "cli/audit.h"

#define NAME_MAX_SIZE 32

static const struct {
	const char *name;
	cli_command *run;
	const char *about;
} commands[] = {
	{"tail", cli_audit_tail, "print the latest entries, and those that come"},
	{"search", cli_audit_search, "print the entries that meet conditions"},
	{"export", cli_audit_export, "print entries as CSV, FHIR, OCSF … for other programs"},
	{"patient", cli_audit_patient, "print who looked at a patient's recordings"},
	{"verify", cli_audit_verify, "verify the log against checkpoints that were kept"},
	{"proof", cli_audit_proof, "prove that an entry is in the log"},
	{"checkpoint", cli_audit_checkpoint, "keep what the log is now"},
	{"incident", cli_audit_incident, "note what is known of an incident, and report on it"},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static int help(void)
{
	puts("Usage: sealreel audit COMMAND [ARGUMENT...]\n\nRead and verify the account of who was shown what. "
	     "Commands:\n");
	for (size_t at = 0; at < COMMANDS; at++)
		printf("  %-10s %s\n", commands[at].name, commands[at].about);
	puts("\nEach has --help, with an example.");
	return CLI_DONE;
}

int cli_audit(struct cli *cli, int argc, char **argv)
{
	char name[NAME_MAX_SIZE];
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || cli->help))
		return help();
	for (size_t at = 0; argc > 1 && at < COMMANDS; at++) {
		if (strcmp(commands[at].name, argv[1]) != 0)
			continue;
		(void)snprintf(name, sizeof name, "audit %s", commands[at].name);
		argv[1] = name;
		return commands[at].run(cli, argc - 1, argv + 1);
	}
	return cli_fail_text(SR_USAGE, "audit needs one of its commands");
}
