/* Making an erasure final: everything leaves the epochs up to it, and they are retired. */
#ifndef SR_CLI_FINAL_H
#define SR_CLI_FINAL_H

#include <jansson.h>

#include "cli/cli.h"

struct cli_final {
	struct cli *cli;
	const char *identity;
	const char *rotator; /* credential of a service that may rotate; NULL: the command's own */
	bool no_backup;      /* retire although no backup outlives an epoch */
	json_t *proofs;      /* (out) array; NULL: proofs are printed */
};

/*
 * Go on from wherever an earlier run or an operator has left it. CLI_DONE: nothing more can be done now, and how the
 * erasure stands says whether it is final; else its line is printed, and the status given to exit with.
 */
int cli_make_final(const struct cli_final *final, sr_blocking *operate);

#endif
