/* The lock of a store: one holder, told by its pid, until it is closed or its process ends. */
#include "data/lock.h"

#include <signal.h>
#include <sys/wait.h>

#include "place.h"

TestSuite(lock, .init = place_make, .fini = place_remove);

Test(lock, one_holder_at_a_time)
{
	struct sr_error err = {.text = ""};
	char pid[32];
	int first, second;
	cr_assert_eq(sr_lock_take(place, &first, &err), SR_OK, "%s", err.text);
	cr_expect_eq(mode_of("lock"), 0600);
	cr_expect_eq(sr_lock_take(place, &second, &err), SR_BUSY);
	cr_expect_eq(second, -1);
	snprintf(pid, sizeof pid, "process %ld:", (long)getpid());
	cr_expect_not_null(strstr(err.text, pid), "%s", err.text);
	close(first);
	cr_assert_eq(sr_lock_take(place, &second, &err), SR_OK, "%s", err.text);
	close(second);
}

Test(lock, another_process_holds_it_until_it_ends)
{
	struct sr_error err = {.text = ""};
	char pid[32];
	int ready[2], fd;
	char byte = 0;
	cr_assert_eq(pipe(ready), 0);
	pid_t child = fork();
	cr_assert(child >= 0);
	if (child == 0) {
		bool held = sr_lock_take(place, &fd, NULL) == SR_OK;
		if (!held || write(ready[1], "h", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	cr_expect_eq(sr_lock_take(place, &fd, &err), SR_BUSY);
	snprintf(pid, sizeof pid, "process %ld:", (long)child);
	cr_expect_not_null(strstr(err.text, pid), "%s", err.text);
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	cr_assert_eq(sr_lock_take(place, &fd, &err), SR_OK, "%s", err.text);
	close(fd);
	close(ready[0]);
}

Test(lock, a_longer_pid_before_leaves_nothing_behind)
{
	char want[32];
	int fd;
	put_file("lock", "99999999999999\n", 15, 0600);
	cr_assert_eq(sr_lock_take(place, &fd, NULL), SR_OK);
	snprintf(want, sizeof want, "%ld\n", (long)getpid());
	cr_expect_str_eq(get_file("lock", NULL), want);
	close(fd);
}

Test(lock, a_file_that_tells_no_pid)
{
	static const char *const texts[] = {"", "x\n", "12", "-3\n", "0\n", "12 13\n"};
	for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
		struct sr_error err = {.text = ""};
		int first, second;
		cr_assert_eq(sr_lock_take(place, &first, &err), SR_OK);
		put_file("lock", texts[at], strlen(texts[at]), 0600);
		cr_expect_eq(sr_lock_take(place, &second, &err), SR_BUSY);
		cr_expect_not_null(strstr(err.text, "another process"), "%s", err.text);
		close(first);
	}
}

Test(lock, places_where_it_cannot_be)
{
	struct sr_error err = {.text = ""};
	int fd = 0;
	cr_expect_eq(sr_lock_take(at_place("nowhere"), &fd, &err), SR_IO);
	cr_expect_eq(fd, -1);
	put_file("elsewhere", "", 0, 0600);
	cr_assert_eq(symlink("elsewhere", at_place("lock")), 0);
	cr_expect_eq(sr_lock_take(place, &fd, &err), SR_IO, "a symbolic link is followed");
	cr_expect_eq(fd, -1);
}

Test(lock, is_not_handed_to_programs_that_are_started)
{
	int fd;
	cr_assert_eq(sr_lock_take(place, &fd, NULL), SR_OK);
	char command[64];
	snprintf(command, sizeof command, "test ! -e /proc/self/fd/%d", fd);
	cr_expect_eq(system(command), 0);
	close(fd);
}
