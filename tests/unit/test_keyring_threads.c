/*
 * A keyring read by several threads while its services change: every answer is whole.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixed_keyring.h"
#include "keys/keyring.h"

#define READERS 3
#define CHANGES 30

static struct sr_keyring *keyring;
static uint8_t kept_psk[32];
static atomic_bool over;
static atomic_uint reading;

static const uint8_t kept[32] = {0xff};

/* The result is how many answers were wrong. */
static void *read_on(void *context)
{
	uintptr_t wrong = 0;
	uint64_t before = 0;
	bool first = true;

	(void)context;
	while (!atomic_load(&over)) {
		uint8_t psk[32];
		uint64_t revision;

		if (!sr_keyring_service(keyring, kept, psk) || memcmp(psk, kept_psk, 32) != 0)
			wrong++;
		revision = sr_keyring_revision(keyring);
		if (revision < before || sr_keyring_epoch(keyring) != 1)
			wrong++;
		before = revision;
		if (first)
			atomic_fetch_add(&reading, 1);
		first = false;
	}
	return (void *)wrong;
}

/* Services before the one that is read come and go, so that its place moves each time. */
static void change(void)
{
	struct sr_error err;
	uint8_t psk[32];

	for (uint8_t i = 0; i < CHANGES; i++) {
		uint8_t key[32] = {i};

		cr_assert_eq(sr_keyring_service_add(keyring, key, psk, &err), SR_OK, "%s", err.text);
		if (i % 2 == 1)
			cr_assert_eq(sr_keyring_service_remove(keyring, key, &err), SR_OK, "%s", err.text);
	}
}

Test(keyring_threads, readers_get_whole_answers_while_services_change)
{
	static uint8_t secret[32] = {7};
	const struct sr_key_source source = {.kind = SR_KEY_FILE, .secret = secret, .size = sizeof secret};
	char directory[] = "/tmp/sealreel-threads-XXXXXX";
	char path[64];
	pthread_t readers[READERS];
	struct sr_error err;

	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/keyring", directory);
	keyring = sr_keyring_new(kept, kept);
	cr_assert_not_null(keyring);
	cr_assert_eq(sr_keyring_create(keyring, path, &source, &err), SR_OK, "%s", err.text);
	cr_assert_eq(sr_keyring_service_add(keyring, kept, kept_psk, &err), SR_OK, "%s", err.text);
	for (size_t i = 0; i < READERS; i++)
		cr_assert_eq(pthread_create(&readers[i], NULL, read_on, NULL), 0);
	while (atomic_load(&reading) < READERS)
		sched_yield();
	change();
	atomic_store(&over, true);
	for (size_t i = 0; i < READERS; i++) {
		void *wrong;

		cr_assert_eq(pthread_join(readers[i], &wrong), 0);
		cr_assert_null(wrong);
	}
	cr_assert_eq(sr_keyring_revision(keyring), 2 + CHANGES + CHANGES / 2);
	sr_keyring_free(keyring);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(rmdir(directory), 0);
}
