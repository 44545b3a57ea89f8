/* `sealreel rotate --deep`: one patient's recordings sealed anew under new data keys. */
#ifndef SR_CLI_DEEP_H
#define SR_CLI_DEEP_H

#include "cli/proof.h"

struct cli_deep {
	const char *identity; /* NULL: that was not asked for */
	bool resumes;
	uint8_t after[SR_ID]; /* only recordings behind it */
	struct cli_proofs proofs;
};

/* Recording by recording until none is left, with a new grant each time; prints what came of it. The exit status. */
int cli_deepen(struct cli_deep *deep, sr_blocking *blocking);

#endif
