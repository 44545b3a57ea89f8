/*
 * bench-crowd: many clients at once, of sealreel or of a web server over TLS 1.3, that all do the same kind of thing.
 * It prints one line: bytes, seconds, this process's own CPU, and percentiles of how long one turn took.
 */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"
#include "crowd.h"
#include "histogram.h"

/* One address may have 64 handshakes with the daemon under way, of which the last step is not waited for here. */
#define CONNECT_AT_ONCE 25

static const char usage[] =
	"usage: bench-crowd [--clients N] [--turns N] [--range BYTES] [--check] WHAT FILE SERVER…\n"
	"WHAT is what each client does in its turns, N turns of all clients together:\n"
	"  part     connect, open, read its Nth part of the file, once\n"
	"  range    read a range of it from a random place; what was opened stays open\n"
	"  first    open, and read a range from a random place; the time ends with its first byte\n"
	"  whole    open, and read all of it\n"
	"  connect  connect and disconnect; the time ends when requests can be made\n"
	"FILE has the bytes that the recording or the served file has; --check compares each one that comes.\n"
	"SERVER is `sealreel RECORDING` or `tls CERTIFICATE unix:PATH|tcp:HOST:PORT PATH`.";

struct member;

/* How a turn goes, and what stands before the clock runs. */
struct kind {
	const char *name;
	void (*turn)(struct member *member);
	bool connected, opened;
};

static struct {
	const struct crowd_server *server;
	const struct kind *kind;
	unsigned clients;
	uint64_t turns, range, length;
	const uint8_t *bytes; /* NULL: nothing is compared */
	pthread_barrier_t ready;
	sem_t connecting;
} plan = {.clients = 1, .turns = 1, .range = 65536};

/* One client. */
struct member {
	pthread_t thread;
	unsigned number;
	void *connection;
	uint64_t random;
	uint64_t at, bytes; /* where the next byte belongs, and how many came */
	double first;       /* when the first byte of this turn came; 0: none yet */
	struct bench_histogram times;
};

/* ---- one turn ---- */

static void connect_member(struct member *member)
{
	(void)sem_wait(&plan.connecting);
	member->connection = plan.server->connect();
	(void)sem_post(&plan.connecting);
}

static void on_data(void *context, const uint8_t *data, size_t size)
{
	struct member *member = context;
	if (member->first <= 0)
		member->first = bench_now().wall;
	if (plan.bytes && memcmp(data, plan.bytes + member->at, size) != 0)
		bench_die("not the right bytes from %" PRIu64, member->at);
	member->at += size;
	member->bytes += size;
}

static void begin_at(struct member *member, uint64_t from)
{
	member->at = from;
	member->first = 0;
}

static void read_from(struct member *member, uint64_t from, uint64_t length)
{
	begin_at(member, from);
	plan.server->read(member->connection, from, length, on_data, member);
}

/* xorshift64: positions differ from client to client, and not from run to run. */
static uint64_t random_place(struct member *member)
{
	member->random ^= member->random << 13;
	member->random ^= member->random >> 7;
	member->random ^= member->random << 17;
	return member->random % (plan.length - plan.range + 1);
}

static void took(struct member *member, double began, double ended)
{
	bench_histogram_add(&member->times, (ended - began) * 1e3);
}

static void turn_part(struct member *member)
{
	double began = bench_now().wall;
	uint64_t from = plan.length / plan.clients * member->number;
	uint64_t to = member->number + 1 == plan.clients ? plan.length : from + plan.length / plan.clients;
	connect_member(member);
	plan.server->open(member->connection);
	read_from(member, from, to - from);
	took(member, began, bench_now().wall);
	plan.server->close(member->connection);
	plan.server->disconnect(member->connection);
}

static void turn_range(struct member *member)
{
	double began = bench_now().wall;
	read_from(member, random_place(member), plan.range);
	took(member, began, bench_now().wall);
}

static void turn_first(struct member *member)
{
	double began = bench_now().wall;
	begin_at(member, random_place(member));
	plan.server->start(member->connection, member->at, plan.range, on_data, member);
	took(member, began, member->first);
	plan.server->close(member->connection);
}

static void turn_whole(struct member *member)
{
	double began = bench_now().wall;
	plan.server->open(member->connection);
	read_from(member, 0, plan.length);
	took(member, began, bench_now().wall);
	plan.server->close(member->connection);
}

static void turn_connect(struct member *member)
{
	double began = bench_now().wall;
	connect_member(member);
	took(member, began, bench_now().wall);
	plan.server->disconnect(member->connection);
}

static const struct kind kinds[] = {
	{"part", turn_part, false, false},  {"range", turn_range, true, true},       {"first", turn_first, true, false},
	{"whole", turn_whole, true, false}, {"connect", turn_connect, false, false},
};

/* ---- all of them ---- */

static void *run_member(void *opaque)
{
	struct member *member = opaque;
	uint64_t turns = plan.turns / plan.clients + (member->number < plan.turns % plan.clients);
	if (plan.kind->connected)
		connect_member(member);
	if (plan.kind->opened)
		plan.server->open(member->connection);
	(void)pthread_barrier_wait(&plan.ready);
	for (uint64_t turn = 0; turn < turns; turn++)
		plan.kind->turn(member);
	(void)pthread_barrier_wait(&plan.ready);
	if (plan.kind->opened)
		plan.server->close(member->connection);
	if (plan.kind->connected)
		plan.server->disconnect(member->connection);
	return NULL;
}

static void add_up(struct bench_histogram *all, const struct bench_histogram *one)
{
	all->count += one->count;
	all->max = one->max > all->max ? one->max : all->max;
	for (unsigned bucket = 0; bucket < BENCH_BUCKETS; bucket++)
		all->buckets[bucket] += one->buckets[bucket];
}

static void run(void)
{
	static struct bench_histogram times;
	uint64_t bytes = 0;
	struct member *members = calloc(plan.clients, sizeof *members);
	if (!members || pthread_barrier_init(&plan.ready, NULL, plan.clients + 1) != 0 ||
	    sem_init(&plan.connecting, 0, CONNECT_AT_ONCE) != 0)
		bench_die("memory is used up");
	for (unsigned at = 0; at < plan.clients; at++) {
		members[at].number = at;
		members[at].random = UINT64_C(0x9e3779b97f4a7c15) * (at + 1);
		if (pthread_create(&members[at].thread, NULL, run_member, &members[at]) != 0)
			bench_die("no thread for each client");
	}
	(void)pthread_barrier_wait(&plan.ready);
	struct bench_clock began = bench_now();
	(void)pthread_barrier_wait(&plan.ready);
	struct bench_clock ended = bench_now();
	for (unsigned at = 0; at < plan.clients; at++) {
		(void)pthread_join(members[at].thread, NULL);
		bytes += members[at].bytes;
		add_up(&times, &members[at].times);
	}
	printf("bytes=%" PRIu64 " seconds=%.6f user=%.6f system=%.6f turns=%" PRIu64 " p50=%.3f p99=%.3f max=%.3f\n",
	       bytes, ended.wall - began.wall, ended.user - began.user, ended.system - began.system, times.count,
	       bench_histogram_at(&times, 50), bench_histogram_at(&times, 99), times.max);
	(void)sem_destroy(&plan.connecting);
	(void)pthread_barrier_destroy(&plan.ready);
	free(members);
}

/* ---- the command line ---- */

static uint64_t number(const char *text, uint64_t most)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);
	if (*text < '1' || *text > '9' || *end != '\0' || value > most)
		bench_die("%s is not a number from 1 to %" PRIu64 "\n%s", text, most, usage);
	return value;
}

/* The file's length, and its bytes if they are to be compared. */
static void take_file(const char *path, bool check)
{
	struct stat status;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || fstat(file, &status) != 0 || status.st_size == 0)
		bench_die("%s cannot be read, or is empty", path);
	plan.length = (uint64_t)status.st_size;
	void *bytes = check ? mmap(NULL, plan.length, PROT_READ, MAP_SHARED, file, 0) : NULL;
	if (bytes == MAP_FAILED)
		bench_die("%s cannot be mapped", path);
	plan.bytes = bytes;
	(void)close(file);
	if (plan.range > plan.length)
		plan.range = plan.length;
}

static void take_words(int count, char **words)
{
	static const struct crowd_server *const servers[] = {&crowd_sealreel, &crowd_tls};
	for (size_t at = 0; at < sizeof kinds / sizeof *kinds; at++)
		if (count > 0 && strcmp(kinds[at].name, words[0]) == 0)
			plan.kind = &kinds[at];
	for (size_t at = 0; at < sizeof servers / sizeof *servers; at++)
		if (count > 2 && strcmp(servers[at]->name, words[2]) == 0 && count == 3 + servers[at]->words)
			plan.server = servers[at];
	if (!plan.kind || !plan.server)
		bench_die("%s", usage);
	if (plan.kind->turn == turn_part)
		plan.turns = plan.clients;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"clients", required_argument, NULL, 'n'},
						{"turns", required_argument, NULL, 't'},
						{"range", required_argument, NULL, 'r'},
						{"check", no_argument, NULL, 'c'},
						{0}};
	bool check = false;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'n')
			plan.clients = (unsigned)number(optarg, 10000);
		else if (option == 't')
			plan.turns = number(optarg, 1000000000);
		else if (option == 'r')
			plan.range = number(optarg, UINT32_MAX);
		else if (option == 'c')
			check = true;
		else
			bench_die("%s", usage);
	}
	take_words(argc - optind, argv + optind);
	take_file(argv[optind + 1], check);
	plan.server->prepare(argv + optind + 3);
	run();
	return 0;
}
