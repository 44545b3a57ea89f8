/* How fast a command goes, and waiting where it goes too fast. */
#ifndef SR_CLI_PACE_H
#define SR_CLI_PACE_H

#include <stdint.h>

/* Seconds since some fixed point. */
double cli_now(void);

/*
 * By how many seconds it is ahead of `rate` a second (0: whatever it can) that has done `done` since `began` (of
 * cli_now). Not above 0: it is not ahead.
 */
double cli_ahead(double began, uint64_t done, uint64_t rate);

/* Sleep so many seconds (at least 0), or less when a signal comes. */
void cli_nap(double seconds);

#endif
