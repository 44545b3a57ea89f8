/*
 * What a scrub sees of blobs: every entry of a directory, told apart by name, and bytes read exactly or not at all.
 */
#include "data/blob_scan.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN "0189abcd-ef01-7234-8567-89abcdeffd02.7.0" /* its directory is 102 */

static char directory[] = "/tmp/sealreel-scan-XXXXXX";
static struct sr_blobs *blobs;
static struct sr_error err;

static void put(const char *name, const char *content)
{
	char path[200];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/blobs/%s", directory, name);
	file = fopen(path, "w");
	cr_assert_not_null(file, "%s", path);
	(void)fputs(content, file);
	cr_assert_eq(fclose(file), 0);
}

static void set_up(void)
{
	char path[100];

	cr_assert_not_null(mkdtemp(directory));
	(void)snprintf(path, sizeof path, "%s/blobs", directory);
	cr_assert_eq(sr_blobs_create(path, &err), SR_OK, "%s", err.text);
	cr_assert_eq(sr_blobs_open(path, 0, &blobs, &err), SR_OK, "%s", err.text);
}

static void tear_down(void)
{
	char command[100];

	sr_blobs_close(blobs);
	(void)snprintf(command, sizeof command, "rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(blob_scan, .init = set_up, .fini = tear_down);

struct seen {
	unsigned named, others;
	struct sr_blob_entry last;
};

static void visit(void *context, const struct sr_blob_entry *entry)
{
	struct seen *seen = context;

	seen->named += entry->named;
	seen->others += !entry->named;
	seen->last = *entry;
}

Test(blob_scan, a_blob_is_named_only_in_its_own_directory_and_form)
{
	static const char *const others[] = {
		"0189abcd-ef01-7234-8567-89abcdeffd02.7.00", "0189abcd-ef01-7234-8567-89abcdeffd02.+7.0",
		"0189ABCD-ef01-7234-8567-89abcdeffd02.7.0",  "0189abcd-ef01-7234-8567-89abcdeffd02.7.65536",
		"0189abcd-ef01-7234-8567-89abcdeffd02.7",    "0189abcd-ef01-7234-8567-89abcdeffd02.7.0.x",
		"0189abcd-ef01-7234-8567-89abcdeffd03.7.0",  "notes",
	};
	struct seen seen = {0};
	char name[100];

	put("102/" OWN, "x");
	cr_assert_eq(sr_blobs_scan(blobs, 0x102, visit, &seen, &err), SR_OK);
	cr_assert_eq(seen.named, 1u);
	cr_assert_eq(seen.last.name.track, 7);
	cr_assert_eq(seen.last.name.file, 0);
	cr_assert_str_eq(seen.last.text, "102/" OWN);
	cr_assert_gt(seen.last.changed_ms, UINT64_C(1000000000000));
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		(void)snprintf(name, sizeof name, "102/%s", others[i]);
		put(name, "x");
	}
	put("000/" OWN, "x");
	seen = (struct seen){0};
	cr_assert_eq(sr_blobs_scan(blobs, 0x102, visit, &seen, &err), SR_OK);
	cr_expect_eq(seen.named, 1u);
	cr_expect_eq(seen.others, sizeof others / sizeof others[0]);
	seen = (struct seen){0};
	cr_assert_eq(sr_blobs_scan(blobs, 0, visit, &seen, &err), SR_OK);
	cr_expect_eq(seen.named, 0u);
	cr_expect_eq(seen.others, 1u);
}

Test(blob_scan, what_lies_beside_the_directories_is_seen_and_a_missing_directory_is_told)
{
	struct seen seen = {0};
	char path[100];

	cr_assert_eq(sr_blobs_scan(blobs, SR_BLOB_FANOUT, visit, &seen, &err), SR_OK);
	cr_assert_eq(seen.named + seen.others, 0u);
	put("odd\"\n", "x");
	cr_assert_eq(sr_blobs_scan(blobs, SR_BLOB_FANOUT, visit, &seen, &err), SR_OK);
	cr_assert_eq(seen.others, 1u);
	cr_assert_str_eq(seen.last.text, "./odd??");
	(void)snprintf(path, sizeof path, "%s/blobs/3ff", directory);
	cr_assert_eq(rmdir(path), 0);
	cr_assert_eq(sr_blobs_scan(blobs, 0x3ff, visit, &seen, &err), SR_CORRUPT);
}

Test(blob_scan, a_sweep_reads_exactly_what_was_asked_or_fails)
{
	struct sr_blob_name name = {.track = 7};
	uint8_t out[11];
	uint64_t size;
	int fd;

	cr_assert(sr_uuid_parse(OWN, 36, name.recording));
	put("102/" OWN, "0123456789");
	cr_assert_eq(sr_blob_read_open(blobs, &name, &fd, &size, &err), SR_OK);
	for (size_t from = 0; from <= 10; from++)
		for (size_t length = 0; length <= 11; length++) {
			enum sr_code code = sr_blob_sweep(fd, from, out, length, &err);

			cr_assert_eq(code, from + length <= 10 ? SR_OK : SR_CORRUPT, "%zu, %zu", from, length);
			if (code == SR_OK)
				cr_assert_arr_eq(out, (const uint8_t *)"0123456789" + from, length);
		}
	(void)close(fd);
	cr_assert_eq(sr_blob_sweep(-1, 0, out, 1, &err), SR_IO);
}
