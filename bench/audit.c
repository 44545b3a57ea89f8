/*
 * Fills an audit log through the daemon's own code, then measures what is done with it: open, search, read, verify, an
 * incident's report.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "account/run.h"
#include "account/search.h"
#include "account/verify.h"
#include "checkpoint.h"
#include "report/report.h"
#include "serve/daemon.h"
#include "start.h"
#include "start_audit.h"

#define IN_FLIGHT 4096 /* entries that wait for one sync: as many requests at once */
#define PATIENTS 100000
#define SINGLES 200 /* entries appended one by one */

static const uint8_t seed[SR_AUDIT_SEED] = {1};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned in_flight;

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void must(enum sr_code code, const struct sr_error *err)
{
	if (code == SR_OK)
		return;
	(void)fprintf(stderr, "bench-audit: %s: %s\n", sr_code_name(code), err->text);
	exit(1);
}

static void say(const char *what, double seconds, uint64_t count)
{
	printf("%-44s %10.3f s", what, seconds);
	if (count > 0)
		printf("  %10" PRIu64 " entries", count);
	printf("\n");
	(void)fflush(stdout);
}

static void key_of(uint8_t kind, uint64_t number, uint8_t out[32])
{
	uint8_t bytes[9] = {kind};
	memcpy(bytes + 1, &number, sizeof number);
	crypto_generichash(out, 32, bytes, sizeof bytes, NULL, 0);
}

/* Number `number` of a day's work: a list or a play.open, a range authorised, confirmed, sent. */
static void make_entry(uint64_t number, struct sr_audit_entry *entry, struct sr_audit_recording *recording,
		       uint8_t hashes[3][32])
{
	uint64_t patient = number / 4 * 2654435761u % PATIENTS;
	key_of('p', patient, hashes[0]);
	key_of('a', number % 500, hashes[1]);
	key_of('r', patient * 4 + number / 4 % 4, hashes[2]);
	memset(recording, 0, sizeof *recording);
	memcpy(recording->id, hashes[2], SR_UUID);
	recording->has_track = recording->has_range = number % 4 > 0;
	recording->track = 1;
	recording->to = 4194304;
	static const enum sr_audit_kind kinds[] = {SR_AUDIT_PRESENTED, SR_AUDIT_AUTHORISED, SR_AUDIT_CONFIRMED,
						   SR_AUDIT_SENT};
	*entry = (struct sr_audit_entry){.kind = kinds[number % 4],
					 .operation = number % 8 == 0   ? "play.open"
						      : number % 4 == 0 ? "list"
									: "play.read",
					 .request = number + 1,
					 .has_of = number % 4 > 0,
					 .of = number - number % 4,
					 .outcome = number % 4 == 3 ? "closed" : NULL,
					 .service = "portal",
					 .issuer = "hospital",
					 .jti = "0196b0a2-7d3c-4d2e-9b5a-64a1c2d3e4f5",
					 .tag = hashes[0],
					 .actor = hashes[1],
					 .role = "clinician",
					 .recordings = recording,
					 .recording_count = 1};
}

static void durable(void *context, enum sr_code result, uint64_t number, const struct sr_error *err)
{
	(void)context;
	(void)number;
	must(result, err);
	pthread_mutex_lock(&lock);
	if (--in_flight == IN_FLIGHT / 2 || in_flight == 0)
		pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

static void fill(struct sr_audit *audit, uint64_t from, uint64_t to)
{
	struct sr_error err = {.text = ""};
	struct sr_audit_entry entry;
	struct sr_audit_recording recording;
	uint8_t hashes[3][32];
	for (; from < to; from++) {
		make_entry(from, &entry, &recording, hashes);
		pthread_mutex_lock(&lock);
		while (in_flight >= IN_FLIGHT)
			pthread_cond_wait(&changed, &lock);
		in_flight++;
		pthread_mutex_unlock(&lock);
		must(sr_audit_submit(audit, &entry, SR_AUDIT_ORDINARY, durable, NULL, &err), &err);
	}
	pthread_mutex_lock(&lock);
	while (in_flight > 0)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void append_singly(struct sr_audit *audit, uint64_t from)
{
	struct sr_error err = {.text = ""};
	struct sr_audit_entry entry;
	struct sr_audit_recording recording;
	uint8_t hashes[3][32];
	double start = now();
	for (uint64_t number = from; number < from + SINGLES; number++) {
		make_entry(number, &entry, &recording, hashes);
		must(sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, NULL, &err), &err);
	}
	printf("%-44s %10.3f ms each\n", "appended one by one, durable", (now() - start) * 1e3 / SINGLES);
}

static bool count_found(void *context, const struct sr_audit_entry *entry, struct sr_span json)
{
	(void)json;
	uint64_t *count = context;
	*count += entry->number != UINT64_MAX;
	return true;
}

/* They are made in the background, one after the other. */
static void wait_for_runs(const char *directory, uint64_t entries)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	char path[4096];
	for (uint64_t run = 0; run < entries / SR_RUN_ENTRIES; run++) {
		(void)snprintf(path, sizeof path, "%s/search/%08" PRIu64, directory, run);
		while (access(path, F_OK) != 0)
			(void)nanosleep(&pause, NULL);
	}
}

static void measure_search(const struct sr_audit_view *view, const char *what, const struct sr_audit_query *query)
{
	struct sr_error err = {.text = ""};
	uint64_t count = 0;
	double start = now();
	must(sr_audit_search(view, query, count_found, &count, NULL, &err), &err);
	say(what, now() - start, count);
}

static bool first_time(void *context, const struct sr_audit_entry *entry, struct sr_span json)
{
	(void)json;
	*(uint64_t *)context = entry->time_ms;
	return false;
}

static void measure_searches(const struct sr_audit_view *view)
{
	struct sr_error err = {.text = ""};
	uint8_t patient[32], recording[32], actor[32];
	uint64_t time = 0;
	key_of('p', 4711, patient);
	key_of('r', 0, recording);
	key_of('a', 17, actor);
	measure_search(view, "search by patient", &(struct sr_audit_query){.tag = patient});
	measure_search(view, "search by recording", &(struct sr_audit_query){.recording = recording});
	measure_search(view, "search by actor, the first 100", &(struct sr_audit_query){.actor = actor, .limit = 100});
	must(sr_audit_search(view, &(struct sr_audit_query){.first = view->size / 2}, first_time, &time, NULL, &err),
	     &err);
	measure_search(view, "search by time, 100 ms in the middle",
		       &(struct sr_audit_query){.from_ms = time, .to_ms = time + 100});
	measure_search(view, "search by patient, every record read",
		       &(struct sr_audit_query){.tag = patient, .scan = true});
}

static void finding(void *context, const struct sr_audit_finding *found)
{
	(void)context;
	printf("finding: %s: %s\n", sr_audit_fault_name(found->fault), found->text);
}

static void measure_verify(const struct sr_audit_view *view, const uint8_t log_seed[SR_AUDIT_SEED])
{
	struct sr_error err = {.text = ""};
	struct sr_audit_verdict verdict;
	uint8_t key[SR_AUDIT_KEY];
	sr_checkpoint_key(log_seed, key);
	struct sr_audit_verification work = {.view = view, .key = key, .found = finding};
	double start = now();
	must(sr_audit_verify(&work, &verdict, &err), &err);
	say("verify", now() - start, verdict.entries);
}

/* ---- an incident's report over all of the log ---- */

/* The incident "few": what one actor was given was unintended. */
static void state_incident(struct sr_audit *audit)
{
	struct sr_error err = {.text = ""};
	uint8_t actor[32];
	char hex[65];
	key_of('a', 16, actor);
	const struct sr_audit_fact facts[] = {{"actor", sodium_bin2hex(hex, sizeof hex, actor, sizeof actor)},
					      {"what", "wrong"}};
	const struct sr_audit_fact opened = {"what", "opened"};
	struct sr_audit_entry entry = {.kind = SR_AUDIT_CONTROL,
				       .operation = SR_INCIDENT_OPERATION,
				       .service = "auditor",
				       .name = "few",
				       .facts = &opened,
				       .fact_count = 1};
	must(sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, NULL, &err), &err);
	entry.facts = facts;
	entry.fact_count = 2;
	must(sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, NULL, &err), &err);
}

static bool note_found(void *context, const struct sr_audit_entry *entry, struct sr_span json)
{
	(void)json;
	return sr_incident_take(context, entry);
}

static bool report_found(void *context, const struct sr_audit_entry *entry, struct sr_span json)
{
	struct sr_error err = {.text = ""};
	must(sr_report_reading_take(context, entry, json, &err), &err);
	return true;
}

static void measure_report(const struct sr_audit_view *view, const char *what, const char *name)
{
	struct sr_error err = {.text = ""};
	struct sr_incident incident = {.count = 0};
	struct sr_report_request request = {.incident = &incident,
					    .arguments = {.from_ms = 0, .to_ms = UINT64_MAX},
					    .number = 1,
					    .checkpoint = view->checkpoint};
	struct sr_report_out json = {.data = NULL};
	struct sr_report *report;
	double start = now();
	(void)snprintf(incident.name, sizeof incident.name, "%s", name);
	must(sr_audit_search(view, &(struct sr_audit_query){.kinds = 1u << SR_AUDIT_CONTROL}, note_found, &incident,
			     NULL, &err),
	     &err);
	must(sr_report_new(&request, &report, &err), &err);
	struct sr_report_reading *reading = sr_report_reading_new(&report, 1);
	must(reading ? SR_OK : SR_INTERNAL, &err);
	must(sr_audit_search(view, &(struct sr_audit_query){.scan = true}, report_found, reading, NULL, &err), &err);
	must(sr_report_count(report, &err), &err);
	must(sr_report_json(report, NULL, &json) ? SR_OK : SR_INTERNAL, &err);
	say(what, now() - start, view->size);
	printf("%-44s %10zu KiB %10" PRIu64 " recordings\n", "  of which came", json.size >> 10,
	       sr_report_figure(report, SR_REPORT_RECORDINGS, SR_REPORT_PRESENTED));
	sr_out_free(&json);
	sr_report_reading_free(reading);
	sr_report_free(report);
	sr_incident_free(&incident);
}

static void measure_reports(const struct sr_audit_view *view)
{
	measure_report(view, "report, nothing unintended", "none");
	measure_report(view, "report, one actor of 500", "few");
}

/* A log: one of its own in a new directory, or a store's, whose daemon must not run. */
struct place {
	struct sr_audit_options options;
	char origin[SR_AUDIT_ORIGIN_MAX];
	struct sr_daemon_parts parts;
	int lock;
};

static void find_place(struct place *place, const char *directory)
{
	struct sr_error err = {.text = ""};
	char configuration[4096];
	bool development;
	(void)snprintf(configuration, sizeof configuration, "%s/sealreel.ini", directory);
	if (access(configuration, F_OK) == 0) {
		must(sr_process_prepare(&err), &err);
		must(sr_store_take(directory, &place->parts, &place->lock, &development, &err), &err);
		struct sr_store_audit store = {.config = place->parts.config, .keyring = place->parts.keyring};
		place->options = sr_store_audit_options(&store, place->origin);
		return;
	}
	place->options = (struct sr_audit_options){.directory = directory,
						   .origin = "sealreel/bench",
						   .seed = seed,
						   .reserve = 8u << 20,
						   .interval_ms = 1000};
	must(sr_audit_create(&place->options, &err), &err);
}

int main(int count, char **words)
{
	struct sr_error err = {.text = ""};
	struct place place = {.lock = -1};
	struct sr_audit *audit;
	struct sr_audit_view view;
	char *end = NULL;
	uint64_t entries = count == 3 ? strtoull(words[2], &end, 10) : 0;
	if (entries == 0 || *end != '\0' || sodium_init() < 0) {
		(void)fprintf(stderr,
			      "usage: bench-audit DIR ENTRIES    (DIR is made anew, and stays; or it is a store)\n");
		return 2;
	}
	find_place(&place, words[1]);
	must(sr_audit_open(&place.options, &audit, &err), &err);
	double start = now();
	fill(audit, 0, entries);
	say("appended, durable", now() - start, entries);
	start = now();
	sr_audit_close(audit);
	say("closed, with a checkpoint of all", now() - start, 0);
	start = now();
	must(sr_audit_open(&place.options, &audit, &err), &err);
	say("opened again", now() - start, sr_audit_size(audit));
	append_singly(audit, entries);
	state_incident(audit);
	must(sr_audit_seal(audit, &err), &err);
	start = now();
	wait_for_runs(place.options.directory, entries);
	say("search runs made, in the background", now() - start, 0);
	must(sr_audit_view_live(audit, &view, &err), &err);
	measure_searches(&view);
	measure_verify(&view, place.options.seed);
	measure_reports(&view);
	sr_audit_view_close(&view);
	sr_audit_close(audit);
	if (place.parts.config)
		sr_store_close(&place.parts, place.lock);
	return 0;
}
