/*
 * Credential files: frozen text, and nothing but exactly that form.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "credential.h"

#define HEX_STORE "000102030405060708090a0b0c0d0e0f"
#define HEX_11 "1111111111111111111111111111111111111111111111111111111111111111"
#define HEX_22 "2222222222222222222222222222222222222222222222222222222222222222"
#define HEX_AB "abababababababababababababababababababababababababababababababab"

static const char known[] = "sealreel-credential 1\n"
			    "name clinic-ingest\n"
			    "address unix:/run/sealreel/sealreel.sock\n"
			    "store " HEX_STORE "\n"
			    "server-key " HEX_11 "\n"
			    "secret-key " HEX_22 "\n"
			    "psk " HEX_AB "\n";

static void set_up(void)
{
	cr_assert_geq(sodium_init(), 0);
}

TestSuite(credential, .init = set_up);

static enum sr_code parse(const char *text, struct sr_credential *credential, struct sr_error *err)
{
	return sr_credential_parse(text, strlen(text), credential, err);
}

/* Refused as usage with a text that names this line; nothing is left in the credential. */
static void expect_refused(const char *text, size_t size, unsigned line)
{
	static const struct sr_credential zeros;
	struct sr_credential credential;
	struct sr_error err;
	char start[32];

	memset(&credential, 0xff, sizeof credential);
	cr_assert_eq(sr_credential_parse(text, size, &credential, &err), SR_USAGE, "%.*s", (int)size, text);
	cr_assert_eq(memcmp(&credential, &zeros, sizeof credential), 0);
	(void)snprintf(start, sizeof start, "credential: line %u", line);
	cr_assert_eq(strncmp(err.text, start, strlen(start)), 0, "\"%s\", not %s", err.text, start);
	cr_assert_null(strstr(err.text, "222222"), "no key in a text");
}

Test(credential, text_is_frozen_and_goes_there_and_back)
{
	struct sr_credential credential;
	char text[SR_CREDENTIAL_TEXT_MAX];
	size_t size;

	cr_assert_eq(parse(known, &credential, NULL), SR_OK);
	cr_assert_str_eq(credential.name, "clinic-ingest");
	cr_assert_str_eq(credential.address, "unix:/run/sealreel/sealreel.sock");
	cr_assert_eq(credential.store[15], 0x0f);
	cr_assert_eq(credential.server_key[31], 0x11);
	cr_assert_eq(credential.secret_key[0], 0x22);
	cr_assert_eq(credential.psk[31], 0xab);
	sr_credential_format(&credential, text, &size);
	cr_assert_eq(size, strlen(known));
	cr_assert_arr_eq(text, known, size);
}

Test(credential, the_longest_fits)
{
	struct sr_credential credential, back;
	char text[SR_CREDENTIAL_TEXT_MAX];
	size_t size;

	cr_assert_eq(parse(known, &credential, NULL), SR_OK);
	memset(credential.name, 'n', SR_SERVICE_NAME_MAX);
	credential.name[SR_SERVICE_NAME_MAX] = '\0';
	memset(credential.address, 'a', SR_ADDRESS_MAX);
	memcpy(credential.address, "unix:", 5);
	credential.address[SR_ADDRESS_MAX] = '\0';
	sr_credential_format(&credential, text, &size);
	cr_assert_lt(size, SR_CREDENTIAL_TEXT_MAX);
	cr_assert_eq(sr_credential_parse(text, size, &back, NULL), SR_OK);
	cr_assert_eq(memcmp(&back, &credential, sizeof back), 0);
	/* One character more in the address is one too many. */
	memmove(text + 22 + 5 + SR_SERVICE_NAME_MAX + 1 + 9, text + 22 + 5 + SR_SERVICE_NAME_MAX + 1 + 8,
		size - (22 + 5 + SR_SERVICE_NAME_MAX + 1 + 8));
	text[22 + 5 + SR_SERVICE_NAME_MAX + 1 + 8] = 'u';
	expect_refused(text, size + 1, 3);
}

Test(credential, every_truncation_is_refused)
{
	for (size_t size = 0; size < strlen(known); size++) {
		unsigned line = 1;

		for (size_t i = 0; i < size; i++)
			line += known[i] == '\n';
		expect_refused(known, size, line);
	}
}

Test(credential, what_is_behind_it_is_refused)
{
	static const char *const more[] = {"\n", "x", "psk " HEX_AB "\n", "# comment\n"};
	char text[2 * SR_CREDENTIAL_TEXT_MAX];

	for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
		(void)snprintf(text, sizeof text, "%s%s", known, more[i]);
		expect_refused(text, strlen(text), 8);
	}
	expect_refused(known, sizeof known, 8);
}

/* `from` in the known text replaced by `to`: refused at this line. */
static const struct {
	const char *from, *to;
	unsigned line;
} wrong[] = {
	{"sealreel-credential 1\n", "sealreel-credential 2\n", 1},
	{"sealreel-credential 1\n", "sealreel-credential 1 \n", 1},
	{"sealreel-credential 1\n", "sealreel-credential 11\n", 1},
	{"sealreel-credential 1\n", "Sealreel-credential 1\n", 1},
	{"sealreel-credential 1\n", "\nsealreel-credential 1\n", 1},
	{"1\n", "1\r\n", 1},
	{"name clinic-ingest\n", "", 2},
	{"name clinic-ingest\n", "name clinic-ingest\nname clinic-ingest\n", 3},
	{"name clinic-ingest\n", "nickname clinic-ingest\n", 2},
	{"name clinic-ingest", "name", 2},
	{"name clinic-ingest", "name ", 2},
	{"name clinic-ingest", "name  clinic-ingest", 2},
	{"name clinic-ingest", "name clinic ingest", 2},
	{"name clinic-ingest", "name Clinic", 2},
	{"name clinic-ingest", "name\tclinic", 2},
	{"address unix:/run/sealreel/sealreel.sock", "address unix:", 3},
	{"address unix:/run/sealreel/sealreel.sock", "address /run/sealreel.sock", 3},
	{"address unix:/run/sealreel/sealreel.sock", "address tcp:host", 3},
	{"address unix:/run/sealreel/sealreel.sock", "address tcp::80", 3},
	{"address unix:/run/sealreel/sealreel.sock", "address tcp:host:", 3},
	{"address unix:/run/sealreel/sealreel.sock", "address tcp:host:0", 3},
	{"address unix:/run/sealreel/sealreel.sock", "address tcp:::1:80", 3},
	{"address unix:/run/sealreel/sealreel.sock", "address tcp:[::1:80", 3},
	{"address unix:/run/sealreel/sealreel.sock", "address tcp:host:08", 3},
	{"address unix:/run/sealreel/sealreel.sock", "address tcp:host:65536", 3},
	{"address unix:/run/sealreel/sealreel.sock", "address tcp:host:8a", 3},
	{"address unix:/run/sealreel/sealreel.sock", "address tcp:host:123456", 3},
	{"address unix:/run/sealreel/sealreel.sock", "address unix:/a\tb", 3},
	{"store " HEX_STORE, "store " HEX_STORE "0", 4},
	{"store " HEX_STORE, "store " HEX_STORE "00", 4},
	{"store 00", "store ", 4},
	{"store 00", "store 0g", 4},
	{"store 00", "store 0\n", 4},
	{"0a0b0c", "0A0b0c", 4},
	{"store " HEX_STORE "\nserver-key " HEX_11 "\n", "server-key " HEX_11 "\nstore " HEX_STORE "\n", 4},
	{"server-key 1", "server-key ", 5},
	{"secret-key " HEX_22, "secret-key", 6},
	{"secret-key 22", "secret-key zz", 6},
	{"psk ", "psk 00", 7},
	{"psk ab", "psk AB", 7},
	{"psk ", "key ", 7},
};

Test(credential, anything_but_the_one_form_is_refused)
{
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		const char *at = strstr(known, wrong[i].from);
		char text[2 * SR_CREDENTIAL_TEXT_MAX];

		cr_assert_not_null(at, "%s", wrong[i].from);
		(void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - known), known, wrong[i].to,
			       at + strlen(wrong[i].from));
		expect_refused(text, strlen(text), wrong[i].line);
	}
}

Test(credential, addresses_of_both_kinds_are_taken)
{
	static const char *const good[] = {"unix:relative.sock", "unix:/with space", "tcp:localhost:1",
					   "tcp:[::1]:65535", "tcp:10.0.0.1:7443"};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		const char *at = strstr(known, "unix:/run/sealreel/sealreel.sock");
		struct sr_credential credential;
		char text[2 * SR_CREDENTIAL_TEXT_MAX];

		(void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - known), known, good[i], strchr(at, '\n'));
		cr_assert_eq(parse(text, &credential, NULL), SR_OK, "%s", good[i]);
		cr_assert_str_eq(credential.address, good[i]);
	}
}

Test(credential, wiping_leaves_zeros)
{
	static const struct sr_credential zeros;
	struct sr_credential credential;

	cr_assert_eq(parse(known, &credential, NULL), SR_OK);
	sr_credential_wipe(&credential);
	cr_assert_eq(memcmp(&credential, &zeros, sizeof credential), 0);
}
