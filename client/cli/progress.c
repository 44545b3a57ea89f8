/* Drawing the bar. */
#include "cli/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define WIDTH 40
#define REDRAW_MS 200

static uint64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void progress_start(struct progress *progress, const char *what, uint64_t total, bool quiet)
{
	*progress = (struct progress){.shown = !quiet && isatty(STDERR_FILENO), .what = what, .total = total};
}

void progress_show(struct progress *progress, uint64_t done)
{
	static const char full[WIDTH + 1] = "########################################";
	uint64_t now;
	if (!progress->shown || (now = now_ms()) < progress->last_ms + REDRAW_MS)
		return;
	progress->last_ms = now;
	double mib = (double)done / (1 << 20);
	if (progress->total == 0) {
		(void)fprintf(stderr, "\r%s %.1f MiB\033[K", progress->what, mib);
		return;
	}
	double part = done < progress->total ? (double)done / (double)progress->total : 1.0;
	(void)fprintf(stderr, "\r%s [%-*.*s] %3.0f %% %.1f MiB\033[K", progress->what, WIDTH, (int)(part * WIDTH), full,
		      part * 100, mib);
}

void progress_clear(struct progress *progress)
{
	if (progress->shown && progress->last_ms != 0)
		(void)fprintf(stderr, "\r\033[K");
}

void progress_end(struct progress *progress)
{
	progress_clear(progress);
	progress->shown = false;
}
