/*
 * The disk's part in many calls, without sealreel: files that each grow every half second by what a call brings in it,
 * and how long one write and one fdatasync of it take, from when they are due.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"
#include "histogram.h"

#define PERIOD_S 0.5
#define SOURCE_SIZE                                                                                                    \
	((size_t)64 << 20) /* each write takes another stretch of it: nothing can be told to be the same               \
			    */
#define ALIGNMENT 4096

struct file {
	int fd;
	uint64_t size, reserved;
	uint64_t dropped; /* up to here a sync has begun that drops it from the page cache */
	double due;
	struct file *next; /* in the queue */
	bool queued;
};

struct disk {
	const char *directory;
	unsigned streams, threads;
	double bits_per_second, seconds;
	uint64_t reserve; /* bytes to preallocate at a time; 0: none */
	bool direct, drop;
	struct file *files;
	uint8_t *source;
	size_t part;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct file *first, **last;
	bool over;
	uint64_t syncs, behind; /* behind: writes whose file was still waiting to be synced */
	struct bench_histogram synced;
};

/* ---- syncing ---- */

/* Sync it, and drop [from, to) if that is wanted. Takes the lock and keeps it. */
static void sync_file(struct disk *disk, const struct file *file, double due, uint64_t from, uint64_t to)
{
	if (fdatasync(file->fd) != 0)
		bench_die("fdatasync: %s", strerror(errno));
	double took = 1000 * (bench_now().wall - due);
	if (disk->drop)
		(void)posix_fadvise(file->fd, (off_t)from, (off_t)(to - from), POSIX_FADV_DONTNEED);
	pthread_mutex_lock(&disk->lock);
	disk->syncs++;
	bench_histogram_add(&disk->synced, took);
}

static void *sync_thread(void *context)
{
	struct disk *disk = context;
	pthread_mutex_lock(&disk->lock);
	while (disk->first || !disk->over) {
		struct file *file = disk->first;
		if (!file) {
			pthread_cond_wait(&disk->changed, &disk->lock);
			continue;
		}
		disk->first = file->next;
		if (!disk->first)
			disk->last = &disk->first;
		file->queued = false;
		double due = file->due;
		uint64_t from = file->dropped, to = file->size;
		file->dropped = to;
		pthread_mutex_unlock(&disk->lock);
		sync_file(disk, file, due, from, to);
	}
	pthread_mutex_unlock(&disk->lock);
	return NULL;
}

static void queue(struct disk *disk, struct file *file, double due)
{
	pthread_mutex_lock(&disk->lock);
	file->size += disk->part;
	disk->behind += file->queued;
	if (!file->queued) {
		file->due = due;
		file->queued = true;
		file->next = NULL;
		*disk->last = file;
		disk->last = &file->next;
	}
	pthread_mutex_unlock(&disk->lock);
	pthread_cond_signal(&disk->changed);
}

/* ---- writing ---- */

static void append(struct disk *disk, struct file *file, double due)
{
	uint64_t end = file->size + disk->part;
	size_t from = (size_t)(file->size + (uint64_t)(file - disk->files) * ALIGNMENT) % (SOURCE_SIZE - disk->part);
	if (disk->reserve && end > file->reserved) {
		if (fallocate(file->fd, FALLOC_FL_KEEP_SIZE, (off_t)file->reserved, (off_t)disk->reserve) != 0)
			bench_die("fallocate: %s", strerror(errno));
		file->reserved += disk->reserve;
	}
	if (pwrite(file->fd, disk->source + from / ALIGNMENT * ALIGNMENT, disk->part, (off_t)file->size) !=
	    (ssize_t)disk->part)
		bench_die("write: %s", strerror(errno));
	queue(disk, file, due);
}

static void name_of(const struct disk *disk, unsigned number, char name[static 4096])
{
	(void)snprintf(name, 4096, "%s/%u", disk->directory, number);
}

static void make_files(struct disk *disk)
{
	char name[4096];
	disk->part = (size_t)(disk->bits_per_second / 8 * PERIOD_S);
	if (disk->direct)
		disk->part = (disk->part + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	disk->files = calloc(disk->streams, sizeof *disk->files);
	disk->source = aligned_alloc(ALIGNMENT, SOURCE_SIZE);
	if (!disk->files || !disk->source || disk->part == 0 || disk->part > SOURCE_SIZE / 2)
		bench_die("memory is used up, or the rate is impossible");
	uint64_t state = 1;
	for (size_t at = 0; at < SOURCE_SIZE; at += sizeof state) {
		state ^= state << 13, state ^= state >> 7, state ^= state << 17;
		memcpy(disk->source + at, &state, sizeof state);
	}
	for (unsigned i = 0; i < disk->streams; i++) {
		name_of(disk, i, name);
		disk->files[i].fd =
			open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | (disk->direct ? O_DIRECT : 0), 0600);
		if (disk->files[i].fd < 0 || fsync(disk->files[i].fd) != 0)
			bench_die("%s: %s", name, strerror(errno));
	}
}

static void remove_files(struct disk *disk)
{
	char name[4096];
	for (unsigned i = 0; i < disk->streams; i++) {
		name_of(disk, i, name);
		(void)close(disk->files[i].fd);
		(void)unlink(name);
	}
	free(disk->files);
	free(disk->source);
}

/* Every file has its turn in every period, spread evenly over it. */
static void run(struct disk *disk)
{
	pthread_t threads[64];
	struct bench_clock began = bench_now();
	for (unsigned i = 0; i < disk->threads; i++)
		if (pthread_create(&threads[i], NULL, sync_thread, disk) != 0)
			bench_die("threads are used up");
	uint64_t turns = (uint64_t)(disk->seconds / PERIOD_S) * disk->streams;
	for (uint64_t turn = 0; turn < turns; turn++) {
		double due = began.wall + PERIOD_S * (double)turn / disk->streams;
		double early = due - bench_now().wall;
		if (early > 0)
			(void)usleep((useconds_t)(early * 1e6));
		append(disk, &disk->files[turn % disk->streams], due);
	}
	pthread_mutex_lock(&disk->lock);
	disk->over = true;
	pthread_cond_broadcast(&disk->changed);
	pthread_mutex_unlock(&disk->lock);
	for (unsigned i = 0; i < disk->threads; i++)
		(void)pthread_join(threads[i], NULL);
	struct bench_clock ended = bench_now();
	double took = ended.wall - began.wall;
	const struct bench_histogram *synced = &disk->synced;
	printf("disk_mib_s=%.1f disk_syncs_per_s=%.1f disk_behind=%llu disk_cpu=%.3f disk_p50=%.1f disk_p95=%.1f "
	       "disk_p99=%.1f disk_max=%.1f\n",
	       (double)turns * (double)disk->part / 1048576 / took, (double)disk->syncs / took,
	       (unsigned long long)disk->behind, (ended.user + ended.system - began.user - began.system) / took,
	       bench_histogram_at(synced, 50), bench_histogram_at(synced, 95), bench_histogram_at(synced, 99),
	       synced->max);
}

/* ---- options ---- */

static const char usage[] =
	"usage: bench-disk [--streams N] [--rate BITS] [--seconds S] [--threads N] [--reserve KIB]\n"
	"                  [--direct] [--drop] DIRECTORY, which is empty";

static const struct option names[] = {
	{"streams", required_argument, NULL, 'n'}, {"rate", required_argument, NULL, 'r'},
	{"seconds", required_argument, NULL, 's'}, {"threads", required_argument, NULL, 't'},
	{"reserve", required_argument, NULL, 'a'}, {"direct", no_argument, NULL, 'd'},
	{"drop", no_argument, NULL, 'x'},          {0},
};

static double number(const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);
	if (end == text || *end != '\0' || !(value >= least && value <= most))
		bench_die("%s is not a number from %g to %g\n%s", text, least, most, usage);
	return value;
}

static void read_option(struct disk *disk, int option)
{
	switch (option) {
	case 'n':
		disk->streams = (unsigned)number(optarg, 1, 100000);
		break;
	case 'r':
		disk->bits_per_second = number(optarg, 80, 1e8);
		break;
	case 's':
		disk->seconds = number(optarg, 1, 86400);
		break;
	case 't':
		disk->threads = (unsigned)number(optarg, 1, 64);
		break;
	case 'a':
		disk->reserve = (uint64_t)number(optarg, 0, 1048576) << 10;
		break;
	case 'd':
		disk->direct = true;
		break;
	case 'x':
		disk->drop = true;
		break;
	default:
		bench_die("%s", usage);
	}
}

int main(int argc, char **argv)
{
	struct disk disk = {.streams = 1000, .threads = 4, .bits_per_second = 2e6, .seconds = 10};
	int option;
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
		read_option(&disk, option);
	if (argc != optind + 1)
		bench_die("%s", usage);
	disk.directory = argv[optind];
	disk.last = &disk.first;
	(void)pthread_mutex_init(&disk.lock, NULL);
	(void)pthread_cond_init(&disk.changed, NULL);
	make_files(&disk);
	run(&disk);
	remove_files(&disk);
	return 0;
}
