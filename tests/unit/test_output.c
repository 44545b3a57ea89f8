/*
 * What waits to be sent on a socket: its order whatever the socket takes at a time, its figures, its ends.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/output.h"

#define FILE_SIZE 100000

static int ends[2];
static int file;
static uint8_t stored[FILE_SIZE];

static void set_up(void)
{
	int small = 1; /* the kernel makes the least it has of it */
	char name[] = "/tmp/sealreel-output-XXXXXX";

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	cr_assert_eq(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	for (size_t i = 0; i < FILE_SIZE; i++)
		stored[i] = (uint8_t)(i * 31 >> 3 ^ i);
	file = mkstemp(name);
	cr_assert_geq(file, 0);
	cr_assert_eq(unlink(name), 0);
	cr_assert_eq(write(file, stored, FILE_SIZE), FILE_SIZE);
}

TestSuite(output, .init = set_up);

static unsigned open_descriptors(void)
{
	unsigned count = 0;
	DIR *all = opendir("/proc/self/fd");

	cr_assert_not_null(all);
	while (readdir(all))
		count++;
	closedir(all);
	return count;
}

/* What is queued: frames where `position` is negative, else stretches of the file. */
struct part {
	long position;
	uint32_t size;
};
static const struct part parts[] = {{-1, 700},  {17, 70000}, {-1, 1}, {-1, 5000},   {FILE_SIZE - 1, 1},
				    {0, 20000}, {17, 1},     {-1, 9}, {99000, 1000}};
#define PARTS (sizeof parts / sizeof parts[0])

static uint8_t frame_byte(size_t part, size_t at)
{
	return (uint8_t)(0xa0 + 7 * part + at);
}

static void queue_part(struct sr_output *output, size_t number)
{
	const struct part *part = &parts[number];
	uint8_t *frame;

	if (part->position >= 0) {
		/* Its own descriptor may be closed at once. */
		int other = dup(file);

		cr_assert(sr_output_file(output, other, (uint64_t)part->position, part->size));
		close(other);
		return;
	}
	frame = malloc(part->size);
	for (size_t i = 0; i < part->size; i++)
		frame[i] = frame_byte(number, i);
	cr_assert(sr_output_frame(output, frame, part->size));
}

/* All parts as the peer must see them; `frames_left[n]`: bytes of frames among those after the first n. */
static size_t expected(uint8_t *out, size_t *frames_left)
{
	size_t size = 0;
	size_t frames = 0;

	for (size_t number = 0; number < PARTS; number++)
		for (size_t i = 0; i < parts[number].size; i++) {
			bool in_file = parts[number].position >= 0;

			frames_left[size] = in_file ? 0 : 1;
			out[size++] = in_file ? stored[(size_t)parts[number].position + i] : frame_byte(number, i);
		}
	frames_left[size] = 0;
	for (size_t at = size + 1; at-- > 0;)
		frames_left[at] = frames += frames_left[at];
	return size;
}

static size_t receive(uint8_t *into, size_t room)
{
	ssize_t got = recv(ends[1], into, room, 0);

	return got > 0 ? (size_t)got : 0;
}

static void send_all_by(size_t most)
{
	static uint8_t want[200000], seen[200000];
	static size_t frames_left[200001];
	struct sr_output output = {0};
	unsigned before = open_descriptors(), full = 0;
	size_t total = expected(want, frames_left), sent = 0, got = 0;

	for (size_t number = 0; number < PARTS; number++)
		queue_part(&output, number);
	cr_assert_eq(output.queued, total);
	while (sent < total) {
		size_t now = SIZE_MAX;

		cr_assert_eq(sr_output_send(&output, ends[0], most, &now), SR_OK);
		cr_assert_leq(now, most);
		sent += now;
		cr_assert_eq(output.queued, total - sent);
		cr_assert_eq(output.in_memory, frames_left[sent]);
		if (now < most && sent < total) {
			full++;
			got += receive(seen + got, 3001);
		}
	}
	while (got < total) {
		size_t now = receive(seen + got, total - got);

		cr_assert_neq(now, 0u);
		got += now;
	}
	cr_expect_gt(full, 10u, "the socket was to be full again and again");
	cr_expect_arr_eq(seen, want, total);
	cr_expect_null(output.first);
	cr_expect_null(output.last);
	cr_expect_eq(open_descriptors(), before);
	cr_expect_eq(recv(ends[1], seen, 1, 0), -1, "more came than was queued");
}

Test(output, order_holds_however_little_is_taken)
{
	static const size_t mosts[] = {1, 7, 699, 700, 701, 4096, 70000, SIZE_MAX};

	for (size_t i = 0; i < sizeof mosts / sizeof mosts[0]; i++)
		send_all_by(mosts[i]);
}

Test(output, a_full_socket_and_an_empty_queue_are_no_failures)
{
	struct sr_output output = {0};
	size_t sent = 9;

	cr_expect_eq(sr_output_send(&output, ends[0], 100, &sent), SR_OK);
	cr_expect_eq(sent, 0u);
	queue_part(&output, 1);
	cr_assert_eq(sr_output_send(&output, ends[0], SIZE_MAX, &sent), SR_OK);
	cr_assert_lt(sent, parts[1].size);
	size_t queued = output.queued;
	cr_expect_eq(sr_output_send(&output, ends[0], SIZE_MAX, &sent), SR_OK);
	cr_expect_eq(sent, 0u);
	cr_expect_eq(output.queued, queued);
	cr_expect_eq(sr_output_send(&output, ends[0], 0, &sent), SR_OK);
	cr_expect_eq(sent, 0u);
	sr_output_clear(&output);
}

Test(output, a_file_shorter_than_its_stretch_ends_it)
{
	static const struct {
		uint64_t position;
		uint32_t size, there;
	} cases[] = {{FILE_SIZE - 5, 6, 5}, {FILE_SIZE, 1, 0}, {FILE_SIZE + 77, 1, 0}, {FILE_SIZE - 1, UINT32_MAX, 1}};
	unsigned before = open_descriptors();

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sr_output output = {0};
		uint8_t seen[16];
		size_t sent;

		queue_part(&output, 2);
		cr_assert(sr_output_file(&output, file, cases[i].position, cases[i].size));
		queue_part(&output, 7);
		cr_expect_eq(sr_output_send(&output, ends[0], SIZE_MAX, &sent), SR_CORRUPT);
		cr_expect_eq(sent, 1 + cases[i].there);
		/* And what is behind it never leaves. */
		cr_expect_eq(sr_output_send(&output, ends[0], SIZE_MAX, &sent), SR_CORRUPT);
		cr_expect_eq(sent, 0u);
		cr_assert_eq(receive(seen, sizeof seen), 1 + cases[i].there);
		cr_expect_eq(seen[0], frame_byte(2, 0));
		cr_expect_eq(memcmp(seen + 1, stored + FILE_SIZE - cases[i].there, cases[i].there), 0);
		sr_output_clear(&output);
		cr_expect_eq(open_descriptors(), before);
	}
}

Test(output, a_peer_that_is_gone_is_io)
{
	struct sr_output frames = {0}, files = {0};
	size_t sent;

	queue_part(&frames, 0);
	queue_part(&files, 1);
	close(ends[1]);
	/* A frame raises no signal; for files the process ignores it, as libuv's programs do. */
	cr_expect_eq(sr_output_send(&frames, ends[0], SIZE_MAX, &sent), SR_IO);
	cr_expect_eq(sent, 0u);
	signal(SIGPIPE, SIG_IGN);
	cr_expect_eq(sr_output_send(&files, ends[0], SIZE_MAX, &sent), SR_IO);
	cr_expect_eq(sent, 0u);
	sr_output_clear(&frames);
	sr_output_clear(&files);
}

Test(output, clearing_in_the_middle_leaves_an_empty_queue)
{
	struct sr_output output = {0};
	unsigned before = open_descriptors();
	uint8_t seen[8000];
	size_t sent;

	for (size_t number = 0; number < PARTS; number++)
		queue_part(&output, number);
	cr_assert_eq(sr_output_send(&output, ends[0], 702, &sent), SR_OK);
	cr_assert_eq(sent, 702u);
	sr_output_clear(&output);
	cr_expect_eq(output.queued, 0u);
	cr_expect_eq(output.in_memory, 0u);
	cr_expect_eq(open_descriptors(), before);
	queue_part(&output, 2);
	cr_expect_eq(sr_output_send(&output, ends[0], SIZE_MAX, &sent), SR_OK);
	cr_expect_eq(receive(seen, sizeof seen), 703u);
	cr_expect_eq(seen[702], frame_byte(2, 0));
}

Test(output, without_a_descriptor_nothing_is_queued)
{
	struct sr_output output = {0};
	struct rlimit limit, none;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	queue_part(&output, 2);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	cr_expect_not(sr_output_file(&output, file, 0, 10));
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(output.queued, 1u);
	cr_expect_eq(output.first, output.last);
	sr_output_clear(&output);
}
