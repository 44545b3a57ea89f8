/*
 * Times in buckets about 3 % wide: 32 to each doubling of microseconds.
 */
#include "histogram.h"

#define FINE_BITS 5
#define FINE (1u << FINE_BITS)

static unsigned bucket_of(uint64_t us)
{
	if (us < FINE)
		return (unsigned)us;
	unsigned doublings = 63u - FINE_BITS - (unsigned)__builtin_clzll(us);
	unsigned bucket = (doublings + 1) * FINE + (unsigned)((us >> doublings) - FINE);
	return bucket < BENCH_BUCKETS ? bucket : BENCH_BUCKETS - 1;
}

/* The largest time, in microseconds, that falls into a bucket. */
static uint64_t bucket_top(unsigned bucket)
{
	if (bucket < FINE)
		return bucket;
	unsigned doublings = bucket / FINE - 1;
	return (((uint64_t)bucket % FINE + FINE + 1) << doublings) - 1;
}

void bench_histogram_add(struct bench_histogram *histogram, double ms)
{
	double at_least_0 = ms > 0 ? ms : 0;
	histogram->count++;
	histogram->buckets[bucket_of((uint64_t)(at_least_0 * 1000))]++;
	if (at_least_0 > histogram->max)
		histogram->max = at_least_0;
}

double bench_histogram_at(const struct bench_histogram *histogram, double percent)
{
	double wanted = percent / 100 * (double)histogram->count;
	uint64_t seen = 0;
	for (unsigned bucket = 0; bucket < BENCH_BUCKETS; bucket++) {
		seen += histogram->buckets[bucket];
		if (seen > 0 && (double)seen >= wanted) {
			double top = (double)bucket_top(bucket) / 1000;
			return top < histogram->max ? top : histogram->max;
		}
	}
	return 0;
}
