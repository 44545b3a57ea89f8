/*
 * What the bench programs share: the clock, the one line of a result, the way to a store.
 */
#ifndef SR_BENCH_COMMON_H
#define SR_BENCH_COMMON_H

#include <stdint.h>
#include <stdnoreturn.h>

#include "sealreel.h"

/* The time on the wall and of this process's own CPU, in seconds; what bench_now gives is from an arbitrary start. */
struct bench_clock {
	double wall;
	double user;
	double system;
};

/* Read the clocks. */
struct bench_clock bench_now(void);

/* Print the result line of a transfer of `bytes` since `began`: on stderr if stdout carries the bytes, else stdout. */
void bench_tell(const struct bench_clock *began, uint64_t bytes, bool stdout_taken);

/* Write all of it to stdout, or die. */
void bench_put(const void *data, size_t size);

/* Print one line on stderr (printf-style) and exit with 1. */
noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Die unless `code` is SR_OK, naming what was tried and what came of it. */
void bench_must(enum sr_code code, const char *what, const struct sr_result *result);

/*
 * Connect as SEALREEL_SERVER, SEALREEL_CREDENTIAL and SEALREEL_GRANT say, or die. Never NULL; released with
 * sr_blocking_close.
 */
sr_blocking *bench_connect(void);

#endif
