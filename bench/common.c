/*
 * What the bench programs share: the clock, the one line of a result, the way to a store.
 */
#include "common.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

struct bench_clock bench_now(void)
{
	struct timespec wall;
	struct rusage used;
	(void)clock_gettime(CLOCK_MONOTONIC, &wall);
	(void)getrusage(RUSAGE_SELF, &used);
	return (struct bench_clock){
		.wall = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9,
		.user = seconds(&used.ru_utime),
		.system = seconds(&used.ru_stime),
	};
}

void bench_tell(const struct bench_clock *began, uint64_t bytes, bool stdout_taken)
{
	struct bench_clock now = bench_now();
	fprintf(stdout_taken ? stderr : stdout, "bytes=%" PRIu64 " seconds=%.6f user=%.6f system=%.6f\n", bytes,
		now.wall - began->wall, now.user - began->user, now.system - began->system);
}

void bench_put(const void *data, size_t size)
{
	const uint8_t *from = data;
	while (size > 0) {
		ssize_t wrote = write(STDOUT_FILENO, from, size);
		if (wrote < 0)
			bench_die("stdout cannot be written");
		from += wrote;
		size -= (size_t)wrote;
	}
}

noreturn void bench_die(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	exit(1);
}

void bench_must(enum sr_code code, const char *what, const struct sr_result *result)
{
	if (code != SR_OK)
		bench_die("%s: %s: %s", what, sr_result_name(code), result->text);
}

sr_blocking *bench_connect(void)
{
	const struct sr_client_options options = {
		.server = getenv("SEALREEL_SERVER"),
		.credential = getenv("SEALREEL_CREDENTIAL"),
		.grant = getenv("SEALREEL_GRANT"),
	};
	struct sr_result result = {0};
	sr_blocking *blocking = NULL;
	(void)signal(SIGPIPE, SIG_IGN);
	if (!options.credential || !options.grant)
		bench_die("SEALREEL_CREDENTIAL and SEALREEL_GRANT must be set");
	bench_must(sr_blocking_open(&options, &blocking, &result), "connect", &result);
	return blocking;
}
