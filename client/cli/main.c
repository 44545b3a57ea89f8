/* sealreel: which command it is. */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct {
	const char *name;
	cli_command *run;
	const char *about;
	const char *lost; /* what to do next where something is not found; NULL: the id or the grant is to blame */
} commands[] = {
	{"init", cli_init, "make a store", NULL},
	{"service", cli_service, "add, remove and list services", "sealreel service list names them"},
	{"grant", cli_grant, "sign a grant with an issuer's key (development)", NULL},
	{"ingest", cli_ingest, "record files or a pipe", NULL},
	{"finish", cli_finish, "finish a recording", NULL},
	{"list", cli_list, "list the patient's recordings", NULL},
	{"check", cli_check, "ask which ids are this patient's", NULL},
	{"info", cli_info, "show one recording", NULL},
	{"play", cli_play, "play a track to a file or pipe", NULL},
	{"freeze", cli_freeze, "stop what is served, and list what is stopped", "check what is named"},
	{"thaw", cli_thaw, "let go again what was frozen", "sealreel freeze --list names what is"},
	{"shown", cli_shown, "state what a viewer was shown", NULL},
	{"delete", cli_delete, "delete a recording", NULL},
	{"undelete", cli_undelete, "bring a deleted recording back", NULL},
	{"alarm", cli_alarm, "list the latest alarms, or try one out", "check what is named"},
	{"audit", cli_audit, "read, search and verify the account of who was shown what", "check what is named"},
	{"rotate", cli_rotate, "move recordings to the current epoch of the master key", "check the identity"},
	{"epoch", cli_epoch, "list, make and retire epochs of the master key", "sealreel epoch list names them"},
	{"hold", cli_hold, "keep recordings from being deleted",
	 "check what is named; sealreel hold list names the holds"},
	{"status", cli_status, "show the store's state on one screen", NULL},
	{"stats", cli_stats, "print all counters", NULL},
	{"health", cli_health, "exit 0 if the store can do everything", NULL},
	{"scrub", cli_scrub, "check all that the store holds", "check what is named"},
	{"backup", cli_backup, "copy a served store, or read a copy back", "take a new one"},
	{"restore", cli_restore, "make a store again from a backup", NULL},
	{"patient", cli_patient, "erase a patient, or give them a new key or identity", "check the identity"},
};

static const char exits[] =
	"Exit status: 0 done; 1 failed or refused; 2 usage; 3 frozen; 4 a list with rows withheld; 5 unavailable or "
	"busy, try again; 6 incomplete, run again to go on.\n\n"
	"Example:\n\n"
	"  export SEALREEL_CREDENTIAL=player.cred SEALREEL_GRANT=@grant\n"
	"  sealreel list\n";

static struct argp_child children[] = {{&cli_reach_argp, 0, NULL, 0}, {0}};

/* What stands in front of the command. */
struct front {
	struct cli *cli;
	int command; /* its place in argv; 0: none */
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct front *front = state->input;
	(void)value;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = front->cli;
		return 0;
	case ARGP_KEY_ARG:
		/* The rest is the command's. */
		front->command = state->next - 1;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int help(void)
{
	puts("Usage: sealreel [OPTION...] COMMAND [ARGUMENT...]\n\nRecord, list and play consultations in a sealreel "
	     "store. Commands:\n");
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].about);
	printf("\nEach has --help. %s", exits);
	return CLI_DONE;
}

int main(int argc, char **argv)
{
	const struct argp argp = {.parser = parse, .children = children};
	struct cli cli = {0};
	struct front front = {.cli = &cli};
	/* A closed pipe is an error of the write to it. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0)
		return cli_fail_text(SR_INTERNAL, "no source of random bytes");
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("sealreel %s\n", sr_version());
		return CLI_DONE;
	}
	error_t wrong =
		argp_parse(&argp, argc, argv, ARGP_IN_ORDER | ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT, NULL, &front);
	if (cli.help && front.command == 0)
		return help();
	if (wrong != 0 || front.command == 0)
		return cli_fail_text(SR_USAGE, "there is no command, or an option in front of it is wrong");
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(commands[i].name, argv[front.command]) != 0)
			continue;
		if (commands[i].lost)
			cli_hint_lost(commands[i].lost);
		return commands[i].run(&cli, argc - front.command, argv + front.command);
	}
	return cli_fail_text(SR_USAGE, "%.64s is no command", argv[front.command]);
}
