/*
 * bench-fill: a store filled with patients and finished recordings, through the daemon's own index and row code.
 * Identities and ids come from the seed; keys and salts are random, as always.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dataset.h"
#include "serve/daemon.h"
#include "start.h"

#define UNDER_WAY 40000 /* operations submitted and not yet durable: so many rows share a commit */
#define SHARE 64        /* patients or hints that a thread seals before it takes more: keys stay nearly in order */
#define THREADS_MAX 64

static const char usage[] =
	"Usage: bench-fill STORE PATIENTS RECORDINGS [SEED [BLOBS [LIST]]]\n"
	"Fill STORE, new and not served, with patients bench|0, bench|1, … and their finished recordings of one "
	"track.\n"
	"Only every BLOBS-th recording has its blob (0, the default: none; 1: all); of the others only the rows are\n"
	"there. LIST, a new file, gets a line for each that has its blob: its patient's name and its id.\n"
	"Patient N has 500 recordings if N is a multiple of 10,000, 50 if it ends in 50, 1 if it ends in 01.\n"
	"\nExample: sealreel init /srv/big && bench-fill /srv/big 230000 1000000 0 1000\n";

struct patient {
	uint8_t tag[SR_TAG];
	uint32_t number;
};

struct filling {
	struct dataset data;
	struct sr_daemon_parts parts;
	uint32_t blobs;        /* every so many-th recording has one; 0: none */
	struct patient *order; /* by tag, which is the order of the index's keys */
	uint8_t *tags;         /* by number, SR_TAG each */
	_Atomic uint64_t rows;
	_Atomic uint32_t next; /* the first that no thread has taken */
	/* What is under way, shared with the index thread. */
	pthread_mutex_t lock;
	pthread_cond_t less;
	unsigned under_way;
};

static void die(const char *what)
{
	fprintf(stderr, "bench-fill: %s\n", what);
	exit(1);
}

static void tell(const char *what, uint64_t done, uint64_t of)
{
	fprintf(stderr, "%s %" PRIu64 " of %" PRIu64 "\n", what, done, of);
}

/* ---- operations, many at once ---- */

static void on_done(void *context, enum sr_code result, size_t failed_check)
{
	struct filling *filling = context;
	(void)failed_check;
	if (result != SR_OK)
		die("an operation was refused: the store must be new");
	pthread_mutex_lock(&filling->lock);
	if (--filling->under_way == UNDER_WAY / 2 || filling->under_way == 0)
		pthread_cond_broadcast(&filling->less);
	pthread_mutex_unlock(&filling->lock);
}

static void submit(struct filling *filling, struct sr_op *op)
{
	pthread_mutex_lock(&filling->lock);
	if (filling->under_way >= UNDER_WAY)
		while (filling->under_way > UNDER_WAY / 2)
			pthread_cond_wait(&filling->less, &filling->lock);
	filling->under_way++;
	pthread_mutex_unlock(&filling->lock);
	sr_index_submit(filling->parts.index, op, on_done, filling);
}

static void wait_for_all(struct filling *filling)
{
	pthread_mutex_lock(&filling->lock);
	while (filling->under_way > 0)
		pthread_cond_wait(&filling->less, &filling->lock);
	pthread_mutex_unlock(&filling->lock);
}

static void put(struct filling *filling, struct sr_op *op, struct sr_index_key key, const void *value, size_t size)
{
	if (!op || !sr_op_put(op, &key, value, size))
		die("memory is used up");
	filling->rows++;
}

/* ---- on all processors ---- */

/* What a thread does with the items [from, to). */
typedef void fill_share(struct filling *filling, uint32_t from, uint32_t to);

struct task {
	struct filling *filling;
	fill_share *share;
	const char *what;
	uint32_t count;
};

static void *take_shares(void *opaque)
{
	const struct task *task = opaque;
	uint32_t from;
	while ((from = atomic_fetch_add(&task->filling->next, SHARE)) < task->count) {
		if (from / 500000 != (from + SHARE) / 500000 || from == 0)
			tell(task->what, from, task->count);
		task->share(task->filling, from, task->count - from < SHARE ? task->count : from + SHARE);
	}
	return NULL;
}

/* All `count` items, a thread to a processor; done when they are durable. */
static void fill_all(struct filling *filling, const char *what, uint32_t count, fill_share *share)
{
	struct task task = {.filling = filling, .share = share, .what = what, .count = count};
	pthread_t threads[THREADS_MAX];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned wanted = processors < 1 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (unsigned)processors;
	atomic_store(&filling->next, 0);
	for (unsigned at = 0; at < wanted; at++)
		if (pthread_create(&threads[at], NULL, take_shares, &task) != 0)
			die("a thread cannot be made");
	for (unsigned at = 0; at < wanted; at++)
		(void)pthread_join(threads[at], NULL);
	wait_for_all(filling);
}

/* ---- patients, in the order of their tags ---- */

static bool has_blob(const struct filling *filling, uint32_t recording)
{
	return filling->blobs > 0 && recording % filling->blobs == 0;
}

static void put_extent(struct filling *filling, struct sr_op *op, const uint8_t *id, const struct sr_extent_row *extent)
{
	uint8_t row[SR_ROW_MAX];
	size_t size = sr_extent_row_encode(filling->parts.keyring, id, 1, 0, 0, extent, row);
	put(filling, op, sr_key_extent(id, 1, 0, 0), row, size);
}

static void write_blob(struct filling *filling, const struct dataset_recording *recording)
{
	struct sr_blob_name name = {.track = 1};
	struct sr_blob *blob = NULL;
	struct sr_error err = {.text = ""};
	memcpy(name.recording, recording->id, SR_UUID);
	if (sr_blob_create(filling->parts.blobs, &name, &blob, &err) != SR_OK ||
	    sr_blob_append(blob, recording->blob, recording->blob_size, &err) != SR_OK ||
	    sr_blob_sync(blob, &err) != SR_OK)
		die(err.text);
	sr_blob_close(blob);
}

static void put_recording(struct filling *filling, const struct patient *patient, const uint8_t *patient_key,
			  uint32_t number)
{
	struct dataset_recording recording;
	const struct sr_keyring *keyring = filling->parts.keyring;
	struct sr_op *op = sr_op_new();
	uint8_t row[SR_ROW_MAX];
	if (!dataset_seal(&filling->data, keyring, patient_key, number, &recording))
		die("sealing a recording failed");
	size_t size = sr_recording_row_encode(keyring, recording.id, &recording.row, row);
	put(filling, op, sr_key_recording(patient->tag, recording.id), row, size);
	size = sr_track_row_encode(keyring, recording.id, &recording.track, row);
	put(filling, op, sr_key_track(patient->tag, recording.id, 1), row, size);
	if (has_blob(filling, number)) {
		put_extent(filling, op, recording.id, &recording.extent);
		write_blob(filling, &recording);
	}
	submit(filling, op);
}

static void put_patient(struct filling *filling, const struct patient *patient)
{
	const struct sr_keyring *keyring = filling->parts.keyring;
	struct sr_patient_row row = {.life = SR_LIFE_LIVE, .root = sr_keyring_root(keyring), .created_ms = sr_now_ms()};
	char name[DATASET_IDENTITY_MAX];
	uint8_t bytes[SR_ROW_MAX], person[SR_PERSON_MAX], key[SR_KEY];
	const uint8_t *identity = (const uint8_t *)name;
	struct sr_index_key check = sr_key_patient(patient->tag);
	struct sr_op *op = sr_op_new();
	size_t identity_size = dataset_identity(&filling->data, patient->number, name), person_size;
	randombytes_buf(row.generation, sizeof row.generation);
	randombytes_buf(row.salt, sizeof row.salt);
	if (!op || !sr_op_check(op, SR_CHECK_ABSENT, &check, NULL, 0))
		die("memory is used up");
	if (sr_person_seal(keyring, sr_keyring_epoch(keyring), patient->tag, (struct sr_span){identity, identity_size},
			   person, &person_size) != SR_OK ||
	    sr_patient_key(keyring, row.root, row.salt, identity, identity_size, key, NULL) != SR_OK)
		die("sealing an identity failed");
	size_t size = sr_patient_row_encode(keyring, patient->tag, &row, bytes);
	put(filling, op, check, bytes, size);
	put(filling, op, sr_key_person(patient->tag), person, person_size);
	submit(filling, op);
	const struct dataset *data = &filling->data;
	for (uint32_t at = data->first[patient->number]; at < data->first[patient->number + 1]; at++)
		put_recording(filling, patient, key, data->owned[at]);
	sodium_memzero(key, sizeof key);
}

static void put_patients(struct filling *filling, uint32_t from, uint32_t to)
{
	for (uint32_t at = from; at < to; at++)
		put_patient(filling, &filling->order[at]);
}

/* ---- what is found by a recording's id, in the order of ids ---- */

static void put_hints(struct filling *filling, uint32_t from, uint32_t to)
{
	struct sr_extent_row nothing = {.format = SR_EXTENT_POLY1305, .covered = 1};
	uint8_t id[SR_UUID];
	uint64_t opened_ms;
	for (uint32_t at = from; at < to; at++) {
		struct sr_op *op = sr_op_new();
		dataset_id(&filling->data, at, id, &opened_ms);
		put(filling, op, sr_key_hint(id), filling->tags + (size_t)filling->data.owners[at] * SR_TAG, SR_TAG);
		if (!has_blob(filling, at))
			put_extent(filling, op, id, &nothing);
		submit(filling, op);
	}
}

/* Identities' tags, in the order of numbers. */
static void name_share(struct filling *filling, uint32_t from, uint32_t to)
{
	char identity[DATASET_IDENTITY_MAX];
	for (uint32_t at = from; at < to; at++) {
		struct patient *patient = &filling->order[at];
		size_t size = dataset_identity(&filling->data, at, identity);
		patient->number = at;
		sr_patient_tag(filling->parts.keyring, (const uint8_t *)identity, size, patient->tag, NULL);
		memcpy(filling->tags + (size_t)at * SR_TAG, patient->tag, SR_TAG);
	}
}

/* ---- what can be played ---- */

static void list_blobs(const struct filling *filling, const char *path)
{
	char identity[DATASET_IDENTITY_MAX], text[SR_UUID_TEXT];
	uint8_t id[SR_UUID];
	uint64_t opened_ms;
	FILE *list = fopen(path, "wxe");
	for (uint32_t at = 0; list && at < filling->data.recordings; at++) {
		if (!has_blob(filling, at))
			continue;
		(void)dataset_identity(&filling->data, filling->data.owners[at], identity);
		dataset_id(&filling->data, at, id, &opened_ms);
		sr_uuid_format(id, text);
		(void)fprintf(list, "%s %s\n", identity, text);
	}
	if (!list || fclose(list) != 0)
		die("the list of what can be played cannot be written");
}

/* ---- beginning and end ---- */

static int by_tag(const void *one, const void *other)
{
	return memcmp(((const struct patient *)one)->tag, ((const struct patient *)other)->tag, SR_TAG);
}

static void name_patients(struct filling *filling)
{
	uint32_t count = filling->data.patients;
	filling->order = calloc(count, sizeof *filling->order);
	filling->tags = calloc(count, SR_TAG);
	if (!filling->order || !filling->tags)
		die("memory is used up");
	fill_all(filling, "names", count, name_share);
	qsort(filling->order, count, sizeof *filling->order, by_tag);
}

static uint64_t number(const char *text, uint64_t most)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || value > most)
		die("a number is none, or is too large");
	return value;
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static struct filling filling = {.lock = PTHREAD_MUTEX_INITIALIZER, .less = PTHREAD_COND_INITIALIZER};
	struct sr_error err = {.text = ""};
	bool development;
	int lock = -1;
	double began = now();
	if (argc < 4 || argc > 7) {
		fputs(usage, stderr);
		return 2;
	}
	filling.blobs = argc > 5 ? (uint32_t)number(argv[5], UINT32_MAX) : 0;
	if (sr_process_prepare(&err) != SR_OK ||
	    sr_store_take(argv[1], &filling.parts, &lock, &development, &err) != SR_OK ||
	    sr_store_open_data(&filling.parts, &err) != SR_OK)
		die(err.text);
	if (!dataset_share(&filling.data, (uint32_t)number(argv[2], 100000000), (uint32_t)number(argv[3], 1000000000),
			   argc > 4 ? number(argv[4], UINT64_MAX) : 0))
		die("so many recordings cannot be shared among so many patients");
	name_patients(&filling);
	fill_all(&filling, "patients", filling.data.patients, put_patients);
	fill_all(&filling, "hints", filling.data.recordings, put_hints);
	if (argc > 6)
		list_blobs(&filling, argv[6]);
	sr_store_close(&filling.parts, lock);
	printf("patients=%" PRIu32 " recordings=%" PRIu32 " rows=%" PRIu64 " seconds=%.1f\n", filling.data.patients,
	       filling.data.recordings, filling.rows, now() - began);
	dataset_free(&filling.data);
	free(filling.order);
	free(filling.tags);
	return 0;
}
