/* How fast a command goes, and waiting where it goes too fast. */
#include "cli/pace.h"

#include <time.h>

double cli_now(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double cli_ahead(double began, uint64_t done, uint64_t rate)
{
	return rate ? began + (double)done / (double)rate - cli_now() : 0;
}

void cli_nap(double seconds)
{
	const struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	(void)nanosleep(&pause, NULL);
}
