/*
 * How long refusals take: of ids that never existed, of other patients' recordings, and of other patients' recordings
 * whose rows lie under the asking patient's tag. One request at a time, the kinds shuffled; a table of percentiles,
 * and how far the distributions are apart.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

#define IDS_MAX 256
#define COUNT_MAX 100000
#define WARM_UP 50 /* of each kind, not counted */

/* The yardstick is a second sample of what never existed: two samples of one thing differ too. */
enum kind { NEVER, NEVER_AGAIN, FOREIGN, MISFILED, KINDS };
static const char *const kind_names[KINDS] = {"never", "never_again", "foreign", "misfiled"};

struct ids {
	size_t count;
	uint8_t id[IDS_MAX][SR_ID];
};

struct sample {
	size_t count;
	double *us; /* microseconds */
};

typedef enum sr_code ask(sr_blocking *blocking, const uint8_t id[SR_ID], struct sr_result *result);

static enum sr_code ask_play(sr_blocking *blocking, const uint8_t id[SR_ID], struct sr_result *result)
{
	sr_player *player = NULL;
	return sr_blocking_play_open(blocking, id, &player, result);
}

static enum sr_code ask_info(sr_blocking *blocking, const uint8_t id[SR_ID], struct sr_result *result)
{
	struct sr_recording_info *info = NULL;
	return sr_blocking_info(blocking, id, &info, result);
}

static void read_ids(const char *path, struct ids *ids)
{
	char line[64];
	FILE *file = fopen(path, "re");
	if (!file)
		bench_die("%s cannot be read", path);
	while (ids->count < IDS_MAX && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!sr_id_parse(line, ids->id[ids->count++]))
			bench_die("%s holds a line that is no id", path);
	}
	(void)fclose(file);
	if (ids->count == 0)
		bench_die("%s holds no id", path);
}

static void shuffle(enum kind order[KINDS])
{
	for (unsigned left = KINDS; left > 1; left--) {
		unsigned other = (unsigned)(random() % (long)left);
		enum kind last = order[left - 1];
		order[left - 1] = order[other];
		order[other] = last;
	}
}

/* One refusal of this kind, in microseconds. */
static double time_one(sr_blocking *blocking, ask *question, enum kind kind, const struct ids known[KINDS], size_t turn)
{
	struct sr_result result = {0};
	uint8_t id[SR_ID];
	sr_id_new(id);
	if (known[kind].count > 0)
		memcpy(id, known[kind].id[turn % known[kind].count], SR_ID);
	struct bench_clock began = bench_now();
	enum sr_code code = question(blocking, id, &result);
	struct bench_clock ended = bench_now();
	if (code != SR_NOT_FOUND)
		bench_die("%s: the answer is %s, not not_found", kind_names[kind], sr_result_name(code));
	return (ended.wall - began.wall) * 1e6;
}

static void measure(sr_blocking *blocking, ask *question, const struct ids known[KINDS], size_t count,
		    struct sample samples[KINDS])
{
	enum kind order[KINDS] = {NEVER, NEVER_AGAIN, FOREIGN, MISFILED};
	for (size_t turn = 0; turn < count + WARM_UP; turn++) {
		shuffle(order);
		for (unsigned at = 0; at < KINDS; at++) {
			double us = time_one(blocking, question, order[at], known, turn);
			struct sample *sample = &samples[order[at]];
			if (turn >= WARM_UP)
				sample->us[sample->count++] = us;
		}
	}
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

static double percentile(const struct sample *sample, double percent)
{
	size_t at = (size_t)(percent / 100 * (double)(sample->count - 1) + 0.5);
	return sample->us[at];
}

/* The Kolmogorov-Smirnov distance of two sorted samples: the widest gap between their distributions, 0 to 1. */
static double distance(const struct sample *a, const struct sample *b)
{
	double widest = 0;
	size_t i = 0, j = 0;
	while (i < a->count && j < b->count) {
		double at = a->us[i] < b->us[j] ? a->us[i] : b->us[j];
		while (i < a->count && a->us[i] <= at)
			i++;
		while (j < b->count && b->us[j] <= at)
			j++;
		double gap = fabs((double)i / (double)a->count - (double)j / (double)b->count);
		widest = gap > widest ? gap : widest;
	}
	return widest;
}

/* A line for each kind: tab-separated, for the report to lay out. */
static void tell(const char *request, struct sample samples[KINDS])
{
	static const double percents[] = {1, 10, 25, 50, 75, 90, 99};
	for (int kind = 0; kind < KINDS; kind++)
		qsort(samples[kind].us, samples[kind].count, sizeof *samples[kind].us, compare);
	for (int kind = 0; kind < KINDS; kind++) {
		printf("%s\t%s\t%zu", request, kind_names[kind], samples[kind].count);
		for (size_t at = 0; at < sizeof percents / sizeof *percents; at++)
			printf("\t%.1f", percentile(&samples[kind], percents[at]));
		printf("\t%.4f\n", distance(&samples[kind], &samples[NEVER]));
	}
}

int main(int argc, char **argv)
{
	static struct ids known[KINDS];
	struct sample samples[KINDS] = {0};
	bool play = argc == 5 && strcmp(argv[1], "play") == 0;
	size_t count = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;
	if (count == 0 || count > COUNT_MAX || (!play && strcmp(argv[1], "info") != 0))
		bench_die("usage: bench-refusals play|info COUNT FOREIGN-IDS-FILE MISFILED-IDS-FILE");
	read_ids(argv[3], &known[FOREIGN]);
	read_ids(argv[4], &known[MISFILED]);
	for (int kind = 0; kind < KINDS; kind++) {
		samples[kind].us = calloc(count, sizeof *samples[kind].us);
		if (!samples[kind].us)
			bench_die("memory is used up");
	}
	srandom(1);
	sr_blocking *blocking = bench_connect();
	measure(blocking, play ? ask_play : ask_info, known, count, samples);
	tell(argv[1], samples);
	sr_blocking_close(blocking);
	for (int kind = 0; kind < KINDS; kind++)
		free(samples[kind].us);
	return 0;
}
