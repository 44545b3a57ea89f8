/*
 * The identity under a tag, which only the auditor's private key opens. That key never leaves this program.
 */
#ifndef SR_CLI_IDENTITY_H
#define SR_CLI_IDENTITY_H

#include "cli/cli.h"

struct cli_unsealing {
	uint8_t tag[32];
	const char *key_path; /* as `init` writes auditor.key */
};

/* Fetch the box under the tag, open it, print the identity. The exit status, with a failure's line printed. */
int cli_unseal_identity(const struct cli *cli, sr_blocking *blocking, const struct cli_unsealing *unsealing);

#endif
