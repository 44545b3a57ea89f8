/* The erasure ledger's file: what was appended is there after every way to stop, and nothing else. */
#include "data/ledger.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index_fixture.h"

#define LINE 9

static char file[96];
static struct sr_error err;

static void setup(void)
{
	make_directory();
	(void)snprintf(file, sizeof file, "%s/ledger", directory);
}

TestSuite(ledger, .init = setup, .fini = remove_directory);

static struct sr_ledger *open_ledger(void)
{
	struct sr_ledger *ledger;
	cr_assert_eq(sr_ledger_open(file, LINE, &ledger, &err), SR_OK, "%s", err.text);
	return ledger;
}

static void append(struct sr_ledger *ledger, uint64_t number)
{
	uint8_t line[LINE] = {(uint8_t)number, 1, 2, 3, 4, 5, 6, 7, (uint8_t)~number};
	cr_assert_eq(sr_ledger_append(ledger, number, line, &err), SR_OK, "%s", err.text);
}

Test(ledger, lines_are_there_when_it_is_opened_again)
{
	uint8_t line[LINE];
	struct stat found;
	struct sr_ledger *ledger = open_ledger();
	cr_expect_eq(sr_ledger_count(ledger), 0u);
	for (uint64_t number = 0; number < 5; number++)
		append(ledger, number);
	sr_ledger_close(ledger);
	ledger = open_ledger();
	cr_expect_eq(sr_ledger_count(ledger), 5u);
	for (uint64_t number = 0; number < 5; number++) {
		cr_assert_eq(sr_ledger_read(ledger, number, line, &err), SR_OK);
		cr_expect_eq(line[0], number);
		cr_expect_eq(line[LINE - 1], (uint8_t)~number);
	}
	cr_expect_eq(sr_ledger_read(ledger, 5, line, &err), SR_CORRUPT);
	sr_ledger_close(ledger);
	cr_assert_eq(stat(file, &found), 0);
	cr_expect_eq(found.st_mode & 0777, 0600);
	cr_expect_eq(found.st_size, 5 * LINE);
}

Test(ledger, a_torn_line_is_cut)
{
	for (off_t torn = 1; torn < LINE; torn++) {
		struct sr_ledger *ledger = open_ledger();
		uint64_t count = sr_ledger_count(ledger);
		append(ledger, count);
		append(ledger, count + 1);
		sr_ledger_close(ledger);
		cr_assert_eq(truncate(file, (off_t)(count + 1) * LINE + torn), 0);
		ledger = open_ledger();
		cr_expect_eq(sr_ledger_count(ledger), count + 1);
		append(ledger, count + 1);
		sr_ledger_close(ledger);
	}
}

Test(ledger, an_append_names_the_count_it_knows)
{
	uint8_t line[LINE] = {0};
	struct sr_ledger *ledger = open_ledger();
	append(ledger, 0);
	cr_expect_eq(sr_ledger_append(ledger, 0, line, &err), SR_CONFLICT);
	cr_expect_eq(sr_ledger_append(ledger, 2, line, &err), SR_CONFLICT);
	cr_expect_eq(sr_ledger_count(ledger), 1u);
	sr_ledger_close(ledger);
}

Test(ledger, after_a_failed_sync_it_takes_nothing_more)
{
	uint8_t line[LINE] = {0};
	struct sr_ledger *ledger = open_ledger();
	append(ledger, 0);
	atomic_store(&sync_errno, EIO);
	cr_expect_eq(sr_ledger_append(ledger, 1, line, &err), SR_IO);
	atomic_store(&sync_errno, 0);
	cr_expect_eq(sr_ledger_append(ledger, 1, line, &err), SR_IO);
	cr_expect_eq(sr_ledger_count(ledger), 1u);
	sr_ledger_close(ledger);
	/* Another process finds the line, and has it synced before it counts. */
	unsigned before = atomic_load(&syncs);
	ledger = open_ledger();
	cr_expect_eq(sr_ledger_count(ledger), 2u);
	cr_expect_gt(atomic_load(&syncs), before);
	sr_ledger_close(ledger);
	atomic_store(&sync_errno, EIO);
	cr_expect_eq(sr_ledger_open(file, LINE, &ledger, &err), SR_IO);
	atomic_store(&sync_errno, 0);
}

Test(ledger, no_link_and_no_directory_is_one)
{
	struct sr_ledger *ledger;
	cr_assert_eq(symlink("elsewhere", file), 0);
	cr_expect_eq(sr_ledger_open(file, LINE, &ledger, &err), SR_IO);
	cr_expect_null(ledger);
	cr_assert_eq(unlink(file), 0);
	cr_assert_eq(mkdir(file, 0700), 0);
	cr_expect_neq(sr_ledger_open(file, LINE, &ledger, &err), SR_OK);
	cr_expect_null(ledger);
	cr_assert_eq(rmdir(file), 0);
	cr_expect_eq(sr_ledger_open(file, 0, &ledger, &err), SR_USAGE);
	cr_expect_eq(sr_ledger_open(file, 257, &ledger, &err), SR_USAGE);
}
