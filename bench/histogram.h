/*
 * Times in buckets about 3 % wide, so that percentiles of any number of samples take a fixed amount of memory.
 */
#ifndef SR_BENCH_HISTOGRAM_H
#define SR_BENCH_HISTOGRAM_H

#include <stdint.h>

#define BENCH_BUCKETS 1024

/* All zeros is an empty one. */
struct bench_histogram {
	uint64_t count;
	double max; /* exact */
	uint32_t buckets[BENCH_BUCKETS];
};

/* Take in one sample, in milliseconds; below 0 counts as 0. */
void bench_histogram_add(struct bench_histogram *histogram, double ms);

/* What `percent` (0 to 100) of the samples do not exceed, in milliseconds, rounded up by 3 % at most. 0 if empty. */
double bench_histogram_at(const struct bench_histogram *histogram, double percent);

#endif
