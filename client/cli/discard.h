/* `sealreel scrub --discard`: end a recording whose row is beyond repair. */
#ifndef SR_CLI_DISCARD_H
#define SR_CLI_DISCARD_H

#include "cli/cli.h"

/* Have the daemon do it, for `reason` (1 to 255 bytes); the exit status. */
int cli_discard(struct cli *cli, const uint8_t recording[SR_ID], const char *reason);

#endif
