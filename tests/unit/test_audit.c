/*
 * The audit log as a whole: what is appended is read back, across restarts, whatever the end of its files looks like.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/resource.h>

#include "audit_world.h"

TestSuite(audit, .fini = place_remove);

struct reading {
	uint64_t next;
	uint64_t stop;
	struct sr_audit_room *room;
};

static bool look(void *context, uint64_t number, struct sr_span json)
{
	struct reading *reading = context;
	struct sr_audit_entry entry;
	struct sr_error err = {.text = ""};
	char name[32];
	cr_assert_eq(number, reading->next++);
	cr_assert_eq(sr_audit_entry_parse(json.data, json.size, reading->room, &entry, &err), SR_OK, "%s", err.text);
	cr_assert_eq(entry.number, number);
	snprintf(name, sizeof name, "entry %llu", (unsigned long long)number);
	cr_assert_str_eq(entry.name, name);
	cr_assert_gt(entry.time_ms, 1500000000000);
	return reading->next != reading->stop;
}

static uint64_t read_from(struct sr_audit *audit, uint64_t from, uint64_t stop)
{
	struct reading reading = {from, stop, malloc(sizeof(struct sr_audit_room))};
	struct sr_error err = {.text = ""};
	cr_assert_eq(sr_audit_read(audit, from, look, &reading, &err), SR_OK, "%s", err.text);
	free(reading.room);
	return reading.next;
}

Test(audit, what_is_appended_is_read_from_anywhere)
{
	world_make();
	struct sr_audit *audit = world_open();
	cr_expect_eq(read_from(audit, 0, 0), 0);
	world_fill(audit, 0, 1000);
	cr_expect_eq(sr_audit_size(audit), 1000);
	cr_expect_eq(read_from(audit, 0, 0), 1000);
	for (uint64_t from = 0; from < 1000; from += 37)
		cr_expect_eq(read_from(audit, from, 0), 1000);
	cr_expect_eq(read_from(audit, 255, 257), 257);
	cr_expect_eq(read_from(audit, 1000, 0), 1000);
	cr_expect_eq(read_from(audit, 5000, 0), 5000);
	sr_audit_close(audit);
	audit = world_open();
	cr_expect_eq(sr_audit_size(audit), 1000);
	world_fill(audit, 1000, 1100);
	cr_expect_eq(read_from(audit, 990, 0), 1100);
	sr_audit_close(audit);
}

Test(audit, a_checkpoint_covers_what_is_durable)
{
	char text[SR_CHECKPOINT_MAX];
	world_make();
	struct sr_audit *audit = world_open();
	sr_audit_checkpoint(audit, text);
	cr_expect_eq(world_checkpoint(text).size, 0);
	for (uint64_t size = 1; size < 600; size += 59) {
		world_fill(audit, sr_audit_size(audit), size);
		cr_assert_eq(sr_audit_seal(audit, NULL), SR_OK);
		sr_audit_checkpoint(audit, text);
		cr_expect_eq(world_checkpoint(text).size, size);
	}
	cr_expect_eq(sr_audit_seal(audit, NULL), SR_OK);
	world_fill(audit, sr_audit_size(audit), 601);
	sr_audit_close(audit);
	cr_expect_eq(world_checkpoint(get_file("audit/checkpoint", NULL)).size, 601);
}

/* ---- two that go together ---- */

static enum sr_code append_two(struct sr_audit *audit, uint64_t number, struct sr_error *err)
{
	char first[32], second[32];
	uint64_t given = 0;
	snprintf(first, sizeof first, "entry %llu", (unsigned long long)number);
	snprintf(second, sizeof second, "entry %llu", (unsigned long long)number + 1);
	struct sr_audit_entry behind = {.kind = SR_AUDIT_AUTHORISED,
					.operation = "play.read",
					.request = 9,
					.service = "player",
					.name = second};
	struct sr_audit_entry entry = {
		.kind = SR_AUDIT_PRESENTED, .operation = "play.open", .name = first, .behind = &behind};
	enum sr_code code = sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, &given, err);
	cr_expect_eq(given, number);
	cr_expect_eq(sr_audit_size(audit), number + 2);
	return code;
}

static bool look_of(void *context, uint64_t number, struct sr_span json)
{
	struct reading *reading = context;
	struct sr_audit_entry entry;
	cr_assert_eq(sr_audit_entry_parse(json.data, json.size, reading->room, &entry, NULL), SR_OK);
	bool second = entry.kind == SR_AUDIT_AUTHORISED;
	cr_expect_eq(entry.has_of, second);
	cr_expect(!second || (entry.of == number - 1 && entry.request == 9 && strcmp(entry.service, "player") == 0));
	return true;
}

/* Pairs that begin at even numbers, then at odd ones: every so many-th position is remembered. */
Test(audit, an_entry_behind_another_is_of_it)
{
	struct sr_error err = {.text = ""};
	struct reading reading = {.room = malloc(sizeof(struct sr_audit_room))};
	world_make();
	struct sr_audit *audit = world_open();
	for (uint64_t number = 0; number < 600; number += 2)
		cr_assert_eq(append_two(audit, number, &err), SR_OK, "%s", err.text);
	world_fill(audit, 600, 601);
	for (uint64_t number = 601; number < 1201; number += 2)
		cr_assert_eq(append_two(audit, number, &err), SR_OK, "%s", err.text);
	sr_audit_close(audit);
	audit = world_open();
	cr_expect_eq(sr_audit_size(audit), 1201);
	cr_expect_eq(read_from(audit, 0, 0), 1201);
	for (uint64_t from = 500; from < 800; from += 7)
		cr_expect_eq(read_from(audit, from, from + 10), from + 10);
	cr_expect_eq(sr_audit_read(audit, 0, look_of, &reading, &err), SR_OK, "%s", err.text);
	sr_audit_close(audit);
	free(reading.room);
}

Test(audit, two_entries_are_no_longer_than_one_may_be)
{
	static char text[35001];
	struct sr_error err = {.text = ""};
	memset(text, 'x', sizeof text - 1);
	struct sr_audit_entry behind = {.kind = SR_AUDIT_CONTROL, .operation = "note", .text = text};
	struct sr_audit_entry entry = {.kind = SR_AUDIT_CONTROL, .operation = "note", .text = text, .behind = &behind};
	world_make();
	struct sr_audit *audit = world_open();
	cr_expect_eq(sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, NULL, &err), SR_USAGE);
	cr_expect_eq(sr_audit_size(audit), 0);
	entry.behind = NULL;
	cr_expect_eq(sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, NULL, &err), SR_OK);
	sr_audit_close(audit);
}

/* ---- nobody waits ---- */

struct left {
	_Atomic unsigned told;
	uint64_t numbers[3];
};

static void told_of(void *context, enum sr_code result, uint64_t number, const struct sr_error *err)
{
	struct left *left = context;
	(void)err;
	cr_assert_eq(result, SR_OK);
	left->numbers[left->told] = number;
	left->told++;
}

static void leave_one(struct sr_audit *audit, struct left *left)
{
	struct sr_audit_entry entry = {.kind = SR_AUDIT_SENT, .operation = "play.read"};
	cr_assert_eq(sr_audit_leave(audit, &entry, SR_AUDIT_CLOSING, told_of, left, NULL), SR_OK);
}

Test(audit, what_is_left_goes_with_the_next_or_when_it_is_hurried)
{
	struct sr_audit_entry entry = {.kind = SR_AUDIT_INTENT, .operation = "record.open"};
	struct left left = {0};
	uint64_t number;
	world_make();
	struct sr_audit *audit = world_open();
	leave_one(audit, &left);
	cr_expect_eq(sr_audit_size(audit), 0);
	cr_assert_eq(sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, &number, NULL), SR_OK);
	cr_expect_eq(number, 1);
	cr_expect_eq(left.told, 1);
	leave_one(audit, &left);
	cr_expect_eq(sr_audit_size(audit), 2);
	sr_audit_hurry(audit);
	while (left.told < 2)
		sched_yield();
	cr_expect_eq(sr_audit_size(audit), 3);
	sr_audit_hurry(audit); /* of nothing */
	leave_one(audit, &left);
	sr_audit_close(audit);
	cr_expect_eq(left.told, 3);
	cr_expect_eq(left.numbers[0], 0);
	cr_expect_eq(left.numbers[1], 2);
	cr_expect_eq(left.numbers[2], 3);
	audit = world_open();
	cr_expect_eq(sr_audit_size(audit), 4);
	sr_audit_close(audit);
}

/* ---- written where it was submitted ---- */

struct submitted {
	struct sr_audit *audit;
	sem_t *before; /* its `done` waits for this; NULL: for nothing */
	sem_t began;
	_Atomic bool told;
	pthread_t by;
	uint64_t number;
};

static void told_submitted(void *context, enum sr_code result, uint64_t number, const struct sr_error *err)
{
	struct submitted *submitted = context;
	(void)err;
	cr_assert_eq(result, SR_OK);
	sem_post(&submitted->began);
	if (submitted->before)
		sem_wait(submitted->before);
	submitted->by = pthread_self();
	submitted->number = number;
	submitted->told = true;
}

static void *submit_here(void *context)
{
	struct submitted *submitted = context;
	struct sr_audit_entry entry = {.kind = SR_AUDIT_PRESENTED, .operation = "list"};
	cr_assert_eq(sr_audit_submit_here(submitted->audit, &entry, SR_AUDIT_ORDINARY, told_submitted, submitted, NULL),
		     SR_OK);
	return NULL;
}

Test(audit, an_entry_is_written_where_it_was_submitted_unless_others_are_on_their_way)
{
	sem_t held;
	pthread_t thread;
	struct left left = {0};
	world_make();
	struct sr_audit *audit = world_open();
	struct submitted alone = {.audit = audit}, first = {.audit = audit, .before = &held}, second = {.audit = audit};
	sem_init(&held, 0, 0);
	sem_init(&alone.began, 0, 0);
	sem_init(&first.began, 0, 0);
	sem_init(&second.began, 0, 0);
	leave_one(audit, &left);
	submit_here(&alone);
	cr_assert(alone.told);
	cr_expect(pthread_equal(alone.by, pthread_self()));
	cr_expect_eq(left.told, 1, "what was left goes along");
	cr_expect_eq(alone.number, 1);
	cr_expect_eq(sr_audit_size(audit), 2);
	/* The first is on its way, on a thread that does not get on: the second's thread is not kept. */
	cr_assert_eq(pthread_create(&thread, NULL, submit_here, &first), 0);
	sem_wait(&first.began);
	submit_here(&second);
	cr_expect_not(second.told);
	sem_post(&held);
	pthread_join(thread, NULL);
	sr_audit_close(audit);
	cr_expect(first.told && pthread_equal(first.by, thread));
	cr_expect(second.told, "a log that ends leaves none behind");
	cr_expect_not(pthread_equal(second.by, pthread_self()));
	cr_expect_eq(second.number, first.number + 1);
	sem_destroy(&second.began);
	sem_destroy(&first.began);
	sem_destroy(&alone.began);
	sem_destroy(&held);
}

/* ---- many at once ---- */

#define THREADS 8
#define EACH 200

static struct sr_audit *shared;

static void *append_some(void *context)
{
	struct sr_audit_entry entry = {.kind = SR_AUDIT_INTENT, .operation = "record.open", .service = context};
	uint64_t number, before = 0;
	for (int at = 0; at < EACH; at++) {
		if (sr_audit_append(shared, &entry, SR_AUDIT_ORDINARY, &number, NULL) != SR_OK)
			return context;
		if ((at > 0 && number <= before) || sr_audit_size(shared) <= number)
			return context;
		before = number;
	}
	return NULL;
}

Test(audit, many_threads_append_at_once)
{
	pthread_t threads[THREADS];
	void *failed;
	world_make();
	shared = world_open();
	for (size_t at = 0; at < THREADS; at++)
		cr_assert_eq(pthread_create(&threads[at], NULL, append_some, (void *)(uintptr_t) "a service"), 0);
	for (size_t at = 0; at < THREADS; at++) {
		pthread_join(threads[at], &failed);
		cr_expect_null(failed);
	}
	cr_expect_eq(sr_audit_size(shared), THREADS * EACH);
	sr_audit_close(shared);
	cr_expect_eq(world_checkpoint(get_file("audit/checkpoint", NULL)).size, THREADS * EACH);
}

/* ---- torn ends ---- */

static char *copy_of_records;
static size_t size_of_records;

static void keep_records(void)
{
	FILE *file = fopen(at_place("audit/records"), "r");
	struct stat st;
	cr_assert_not_null(file);
	cr_assert_eq(fstat(fileno(file), &st), 0);
	size_of_records = (size_t)st.st_size;
	copy_of_records = malloc(size_of_records);
	cr_assert_eq(fread(copy_of_records, 1, size_of_records, file), size_of_records);
	fclose(file);
}

static void put_back(const char *name, const char *bytes, size_t size)
{
	FILE *file = fopen(at_place(name), "w");
	cr_assert_not_null(file);
	cr_assert_eq(fwrite(bytes, 1, size, file), size);
	cr_assert_eq(fclose(file), 0);
}

static void keep_checkpoint(char text[SR_CHECKPOINT_MAX])
{
	size_t size;
	const char *read = get_file("audit/checkpoint", &size);
	cr_assert_lt(size, SR_CHECKPOINT_MAX);
	memcpy(text, read, size + 1);
}

static size_t end_of_records(void)
{
	size_t end = size_of_records;
	while (end > 0 && copy_of_records[end - 1] == '\0')
		end--;
	return end;
}

/* As few bytes as can be, as each of them is a restart. */
static void append_small(struct sr_audit *audit, uint64_t number)
{
	char name[32];
	snprintf(name, sizeof name, "entry %llu", (unsigned long long)number);
	struct sr_audit_entry entry = {.kind = SR_AUDIT_SENT, .operation = "a", .name = name};
	cr_assert_eq(sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, NULL, NULL), SR_OK);
}

/* Entries behind the last checkpoint, cut at each byte: what is whole stays, and the log goes on behind it. */
Test(audit, a_torn_end_is_cut_at_every_byte, .timeout = 120)
{
	static char checkpoint[SR_CHECKPOINT_MAX];
	world_log(3);
	keep_checkpoint(checkpoint);
	keep_records();
	size_t covered = end_of_records();
	free(copy_of_records);
	struct sr_audit *audit = world_open();
	append_small(audit, 3);
	append_small(audit, 4);
	sr_audit_close(audit);
	keep_records();
	size_t end = end_of_records();
	for (size_t cut = covered; cut <= end; cut++) {
		char *torn = malloc(size_of_records);
		memcpy(torn, copy_of_records, cut);
		memset(torn + cut, 0, size_of_records - cut);
		/* Half of the time something else stands there, as a block that was written before the one missing. */
		if (cut % 2 == 0 && cut + 4100 < size_of_records)
			memset(torn + cut + 4000, 0x55, 100);
		put_back("audit/records", torn, cut % 3 == 0 ? cut : size_of_records);
		put_back("audit/checkpoint", checkpoint, strlen(checkpoint));
		free(torn);
		audit = world_open();
		uint64_t size = sr_audit_size(audit);
		cr_assert(size >= 3 && size <= 5 && (size == 5) == (cut == end));
		if (cut % 16 == 0) {
			world_fill(audit, size, size + 2);
			size += 2;
		}
		cr_assert_eq(read_from(audit, 0, 0), size);
		sr_audit_close(audit);
	}
	free(copy_of_records);
}

static void expect_refused(const char *word)
{
	struct sr_audit_options options = world_options();
	struct sr_error err = {.text = ""};
	struct sr_audit *audit;
	cr_expect_eq(sr_audit_open(&options, &audit, &err), SR_CORRUPT);
	cr_expect_null(audit);
	cr_expect_not_null(strstr(err.text, word), "%s", err.text);
}

/* Cut at each byte that the checkpoint covers, or changed there in the newest bundle: no start, nothing changed. */
Test(audit, a_log_that_is_not_its_checkpoints_does_not_start, .timeout = 120)
{
	world_log(260);
	keep_records();
	size_t end = end_of_records();
	for (size_t cut = end - 300; cut < end; cut += 7) {
		put_back("audit/records", copy_of_records, cut);
		expect_refused("cut off");
	}
	for (size_t at = end - 700; at < end; at += 13) {
		copy_of_records[at] ^= 1;
		put_back("audit/records", copy_of_records, size_of_records);
		expect_refused("restore the log");
		copy_of_records[at] ^= 1;
	}
	put_back("audit/records", copy_of_records, size_of_records);
	struct sr_audit *audit = world_open();
	cr_expect_eq(read_from(audit, 0, 0), 260);
	sr_audit_close(audit);
	free(copy_of_records);
}

/* Changed by somebody who makes sound records of it: the tree shows it, and nothing but the tree. */
Test(audit, a_forged_entry_does_not_start)
{
	static char tile[SR_TILE_WIDTH * SR_HASH];
	world_log(SR_TILE_WIDTH + 4);
	keep_records();
	memcpy(tile, get_file("audit/tile/0/000", NULL), sizeof tile);
	size_t at = SR_RECORDS_FRONT;
	for (uint64_t number = 0; number < SR_TILE_WIDTH + 4; number++) {
		uint8_t *head = (uint8_t *)copy_of_records + at;
		size_t size = (size_t)head[0] << 8 | head[1];
		head[SR_RECORD_HEAD + size - 20] ^= 1;
		sr_record_head(number, head + SR_RECORD_HEAD, size, head);
		put_back("audit/records", copy_of_records, size_of_records);
		/* What is not in the last bundle shows only to verification, or once a tile is gone. */
		if (number < SR_TILE_WIDTH && number % 64 == 0) {
			cr_assert_eq(rename(at_place("audit/tile/1"), at_place("away")), 0);
			expect_refused("they were changed");
			cr_assert_eq(rename(at_place("away"), at_place("audit/tile/1")), 0);
		} else if (number >= SR_TILE_WIDTH) {
			expect_refused("they were changed");
		}
		cr_expect_arr_eq(get_file("audit/tile/0/000", NULL), tile, sizeof tile, "evidence is lost");
		head[SR_RECORD_HEAD + size - 20] ^= 1;
		sr_record_head(number, head + SR_RECORD_HEAD, size, head);
		at += SR_RECORD_HEAD + size;
	}
	put_back("audit/records", copy_of_records, size_of_records);
	sr_audit_close(world_open());
	free(copy_of_records);
}

Test(audit, a_damaged_checkpoint_does_not_start)
{
	static char text[SR_CHECKPOINT_MAX];
	world_log(5);
	keep_checkpoint(text);
	for (size_t at = 0; text[at]; at++) {
		text[at] ^= 1;
		put_back("audit/checkpoint", text, strlen(text));
		expect_refused("checkpoint");
		text[at] ^= 1;
	}
	cr_assert_eq(unlink(at_place("audit/checkpoint")), 0);
	expect_refused("checkpoint");
}

static void damage(const char *name, bool remove_it)
{
	if (remove_it)
		cr_assert_eq(unlink(at_place(name)), 0, "%s", name);
	else
		put_back(name, "damaged", 7);
}

Test(audit, derived_files_are_made_anew)
{
	static const char *const derived[] = {"audit/tile/0/000", "audit/tile/0/002.p/8", "audit/tile/1/000.p/2",
					      "audit/positions"};
	world_log(520);
	for (size_t at = 0; at < sizeof derived / sizeof *derived; at++)
		for (int way = 0; way < 2; way++) {
			damage(derived[at], way == 0);
			struct sr_audit *audit = world_open();
			cr_expect_eq(read_from(audit, 0, 0), 520);
			cr_expect_eq(read_from(audit, 519, 0), 520);
			sr_audit_close(audit);
		}
}

Test(audit, a_missing_log_is_said_so)
{
	struct sr_audit_options options;
	struct sr_audit *audit;
	cr_assert_geq(sodium_init(), 0);
	place_make();
	options = world_options();
	cr_expect_eq(sr_audit_open(&options, &audit, NULL), SR_NOT_FOUND);
	cr_assert_eq(sr_audit_create(&options, NULL), SR_OK);
	cr_expect_eq(sr_audit_create(&options, NULL), SR_CONFLICT);
	cr_expect_eq(mode_of("audit"), 0700);
	cr_expect_eq(mode_of("audit/records"), 0600);
}

Test(audit, an_entry_that_cannot_be_written_is_refused_at_once)
{
	struct sr_audit_entry entry = {.kind = SR_AUDIT_INTENT, .operation = "\xff"};
	world_make();
	struct sr_audit *audit = world_open();
	cr_expect_eq(sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, NULL, NULL), SR_USAGE);
	cr_expect_eq(sr_audit_size(audit), 0);
	sr_audit_close(audit);
}
