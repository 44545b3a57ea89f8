/* A bar on standard error, on a terminal only. */
#ifndef SR_CLI_PROGRESS_H
#define SR_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool shown;
	const char *what;
	uint64_t total; /* 0: not known */
	uint64_t last_ms;
};

/* Show a bar if standard error is a terminal and `quiet` is not said. */
void progress_start(struct progress *progress, const char *what, uint64_t total, bool quiet);

/* `done` bytes are through: redrawn a few times a second at most. */
void progress_show(struct progress *progress, uint64_t done);

/* Take the bar away for a line of text; the next redrawing brings it back. */
void progress_clear(struct progress *progress);

/* Take the bar away. */
void progress_end(struct progress *progress);

#endif
