/*
 * What is read of an audit log. The first byte chooses: `e` an entry's JSON, which if it is taken must be what writing
 * it gives; `r` a record file's content behind its front; `c` a checkpoint; `p` a proof; `s` a search run;
 * `v` a verifier key.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/proof.h"
#include "account/record.h"
#include "account/run.h"

static struct sr_audit_room *room;
static uint8_t key[SR_AUDIT_KEY];
static char directory[] = "/tmp/sealreel-fuzz-XXXXXX";
static int dir = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void leave(void)
{
	(void)unlinkat(dir, "search/00000000", 0);
	(void)unlinkat(dir, "search", AT_REMOVEDIR);
	(void)rmdir(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t seed[SR_AUDIT_SEED] = {7};
	(void)argc;
	(void)argv;
	must(sodium_init() >= 0);
	sr_checkpoint_key(seed, key);
	room = malloc(sizeof *room);
	must(room != NULL && mkdtemp(directory) != NULL);
	dir = open(directory, O_RDONLY | O_DIRECTORY);
	must(dir >= 0 && mkdirat(dir, "search", 0700) == 0);
	must(atexit(leave) == 0);
	return 0;
}

static void fuzz_entry(const uint8_t *data, size_t size)
{
	static uint8_t again[SR_AUDIT_ENTRY_MAX];
	struct sr_audit_entry entry;
	size_t again_size;
	if (sr_audit_entry_parse(data, size, room, &entry, NULL) != SR_OK)
		return;
	/* The longest that are read may have too long a front to be written by the log itself. */
	if (sr_audit_entry_write(&entry, again, &again_size, NULL) != SR_OK) {
		must(size > SR_AUDIT_ENTRY_MAX - 64);
		return;
	}
	must(again_size == size && memcmp(again, data, size) == 0);
}

static void fuzz_records(const uint8_t *data, size_t size)
{
	struct sr_record_reader reader;
	struct sr_span json;
	int fd = memfd_create("records", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	must(sr_record_reader_begin(&reader, fd, 0, 0));
	uint64_t at = 0;
	while (sr_record_next(&reader, &json, NULL) == SR_OK) {
		must(json.size > 0 && json.size <= SR_AUDIT_ENTRY_MAX);
		must(reader.at == at + SR_RECORD_HEAD + json.size && reader.at <= size);
		at = reader.at;
	}
	must(reader.at == at);
	sr_record_reader_end(&reader);
	close(fd);
}

static void fuzz_checkpoint(const uint8_t *data, size_t size)
{
	struct sr_checkpoint claims, checkpoint;
	struct sr_span text = {data, size};
	enum sr_code code = sr_checkpoint_claims(text, &claims, NULL);
	if (sr_checkpoint_read(text, key, &checkpoint, NULL) == SR_OK)
		must(code == SR_OK && memcmp(&claims, &checkpoint, sizeof claims) == 0);
}

static void fuzz_proof(const uint8_t *data, size_t size)
{
	struct sr_checkpoint checkpoint;
	uint64_t number;
	struct sr_span json = {(const uint8_t *)"{}", 2};
	if (sr_tlog_proof_check((struct sr_span){data, size}, json, key, &number, &checkpoint, NULL) == SR_OK)
		must(number < checkpoint.size);
}

static void fuzz_run(const uint8_t *data, size_t size)
{
	static uint8_t marks[SR_RUN_ENTRIES / 8];
	struct sr_run run;
	int fd = openat(dir, "search/00000000", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	if (sr_run_open(dir, 0, &run) == SR_OK) {
		(void)!sr_run_find(&run, SR_RUN_TAG, key, SR_TAG, marks);
		sr_run_close(&run);
	}
}

static void fuzz_verifier(const uint8_t *data, size_t size)
{
	uint8_t read[SR_AUDIT_KEY];
	char name[SR_AUDIT_ORIGIN_MAX], again[SR_VERIFIER_MAX];
	if (sr_checkpoint_verifier_read((struct sr_span){data, size}, read, name, NULL) != SR_OK)
		return;
	sr_checkpoint_verifier(name, read, again);
	must(strlen(again) == size && memcmp(again, data, size) == 0);
	must(sr_checkpoint_origin_fits(name, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0]) {
	case 'e':
		fuzz_entry(data + 1, size - 1);
		break;
	case 'r':
		fuzz_records(data + 1, size - 1);
		break;
	case 'c':
		fuzz_checkpoint(data + 1, size - 1);
		break;
	case 'p':
		fuzz_proof(data + 1, size - 1);
		break;
	case 's':
		fuzz_run(data + 1, size - 1);
		break;
	case 'v':
		fuzz_verifier(data + 1, size - 1);
		break;
	default:
		break;
	}
	return 0;
}
