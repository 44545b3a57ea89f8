/* `sealreel audit incident contacts`: contact lists, sealed to the auditor and opened with the auditor's key alone. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/identity.h"
#include "cli/incident.h"
#include "cli/proof.h"
#include "cli/show.h"
#include "message_patient.h"

#define CONTACTS_FRONT "sealreel-contacts 1\n"
#define CONTACTS_MAX (1u << 30)

/* ---- sealing ---- */

/* A box on its way. */
struct fetching {
	struct cli_answer answer;
	uint8_t *box;
	size_t size;
	bool failed;
};

static void on_person(void *context, const struct sr_result *result, const uint8_t *box, size_t size)
{
	struct fetching *fetching = context;
	cli_hear(&fetching->answer, result);
	if (!box || size == 0)
		return;
	fetching->box = malloc(size);
	fetching->failed = !fetching->box;
	fetching->size = size;
	if (fetching->box)
		memcpy(fetching->box, box, size);
}

/* Somebody who was erased has no box any more: that is no failure. */
static int fetch(struct incident *incident, struct sr_report_person *person)
{
	struct fetching fetching = {.box = NULL};
	(void)cli_await(
		&fetching.answer, incident->audit.blocking,
		sr_person_read(sr_blocking_client(incident->audit.blocking), person->tag, on_person, &fetching, NULL));
	if (fetching.failed)
		return cli_fail_memory();
	person->box = fetching.box;
	person->box_size = fetching.size;
	return fetching.answer.result.code == SR_NOT_FOUND ? CLI_DONE : cli_fail(&fetching.answer.result);
}

static void on_key(void *context, const struct sr_result *result, const uint8_t *bytes)
{
	struct incident *incident = context;
	cli_hear(&incident->answer, result);
	if (bytes)
		memcpy(incident->bytes, bytes, sizeof incident->bytes);
}

static int fetch_key(struct incident *incident)
{
	return cli_await_status(&incident->answer, incident->audit.blocking,
				sr_auditor_key(sr_blocking_client(incident->audit.blocking), on_key, incident, NULL));
}

/*
 * A box of libsodium's kind, but with the sender's key drawn from the text, so that the same list gives the same bytes.
 * The boxes within the list are random, so that nobody can find out by trying which list it is.
 */
static bool seal(const uint8_t key[crypto_box_PUBLICKEYBYTES], const uint8_t *text, size_t size, uint8_t *out)
{
	static const char domain[] = "sealreel v1 contacts";
	uint8_t seed[crypto_box_SEEDBYTES], secret[crypto_box_SECRETKEYBYTES], nonce[crypto_box_NONCEBYTES];
	crypto_generichash_state state;
	(void)crypto_generichash_init(&state, (const uint8_t *)domain, sizeof domain - 1, sizeof seed);
	(void)crypto_generichash_update(&state, key, crypto_box_PUBLICKEYBYTES);
	(void)crypto_generichash_update(&state, text, size);
	(void)crypto_generichash_final(&state, seed, sizeof seed);
	(void)crypto_box_seed_keypair(out, secret, seed);
	(void)crypto_generichash_init(&state, NULL, 0, sizeof nonce);
	(void)crypto_generichash_update(&state, out, crypto_box_PUBLICKEYBYTES);
	(void)crypto_generichash_update(&state, key, crypto_box_PUBLICKEYBYTES);
	(void)crypto_generichash_final(&state, nonce, sizeof nonce);
	bool done = crypto_box_easy(out + crypto_box_PUBLICKEYBYTES, text, size, nonce, key, secret) == 0;
	sodium_memzero(seed, sizeof seed);
	sodium_memzero(secret, sizeof secret);
	sodium_memzero(&state, sizeof state);
	return done;
}

static int seal_list(struct incident *incident, const struct sr_report_out *list, uint8_t **sealed, size_t *size)
{
	size_t front = sizeof CONTACTS_FRONT - 1;
	*size = front + crypto_box_SEALBYTES + list->size;
	*sealed = malloc(*size);
	if (!*sealed)
		return cli_fail_memory();
	memcpy(*sealed, CONTACTS_FRONT, front);
	if (seal(incident->bytes, (const uint8_t *)list->data, list->size, *sealed + front))
		return CLI_DONE;
	free(*sealed);
	*sealed = NULL;
	return cli_fail_text(SR_INTERNAL, "the store's auditor has no key that can be sealed to");
}

int incident_seal(struct incident *incident, const struct sr_report *report, uint8_t **sealed, size_t *size)
{
	struct sr_report_person *list;
	struct sr_report_out out = {.data = NULL};
	size_t count;
	*sealed = NULL;
	if (!sr_report_people(report, &list, &count))
		return cli_fail_memory();
	int status = fetch_key(incident);
	for (size_t at = 0; at < count && status == CLI_DONE; at++)
		status = fetch(incident, &list[at]);
	if (status == CLI_DONE && !sr_report_contacts(report, list, count, &out))
		status = cli_fail_memory();
	if (status == CLI_DONE)
		status = seal_list(incident, &out, sealed, size);
	for (size_t at = 0; at < count; at++)
		free((void *)(uintptr_t)list[at].box);
	free(list);
	sr_out_free(&out);
	return status;
}

/* ---- opening ---- */

/* The list's JSON, to be wiped and freed; NULL: it does not open. */
static char *open_list(const struct cli_auditor *auditor, const uint8_t *sealed, size_t size)
{
	size_t front = sizeof CONTACTS_FRONT - 1;
	if (size < front + crypto_box_SEALBYTES || memcmp(sealed, CONTACTS_FRONT, front) != 0)
		return NULL;
	char *text = calloc(1, size);
	if (text && cli_auditor_unseal(auditor, sealed + front, size - front, (uint8_t *)text))
		return text;
	free(text);
	return NULL;
}

/* Put the identity in the place of the box that it lies in. */
static bool open_contact(const struct cli_auditor *auditor, json_t *contact)
{
	uint8_t box[SR_PERSON_BOX_MAX];
	char identity[CLI_IDENTITY_MAX + 1] = "";
	const char *hex = json_string_value(json_object_get(contact, "box"));
	size_t size = 0;
	bool opened = !hex;
	if (hex && sodium_hex2bin(box, sizeof box, hex, strlen(hex), NULL, &size, NULL) == 0 &&
	    size > crypto_box_SEALBYTES && size - crypto_box_SEALBYTES <= CLI_IDENTITY_MAX)
		opened = cli_auditor_unseal(auditor, box, size, (uint8_t *)identity);
	(void)json_object_set_new(contact, "identity", hex && opened ? json_string(identity) : json_null());
	(void)json_object_del(contact, "box");
	sodium_memzero(identity, sizeof identity);
	return opened;
}

static void print_contact(const json_t *contact)
{
	const json_t *recipient = json_object_get(contact, "recipient");
	const json_t *number = recipient ? recipient : json_object_get(contact, "person");
	const char *identity = json_string_value(json_object_get(contact, "identity"));
	printf("%s %lld  ", recipient ? "recipient" : "person", (long long)json_integer_value(number));
	incident_put_text(identity ? identity : "(erased)");
	(void)putchar('\n');
}

static void print_access(const json_t *access)
{
	bool presented = json_is_true(json_object_get(access, "presented"));
	bool opened = json_is_true(json_object_get(access, "opened"));
	printf("recipient %lld  recording %lld of person %lld  %s  %s to %s%s%s%s\n",
	       (long long)json_integer_value(json_object_get(access, "recipient")),
	       (long long)json_integer_value(json_object_get(access, "recording")),
	       (long long)json_integer_value(json_object_get(access, "person")),
	       json_string_value(json_object_get(access, "id")), json_string_value(json_object_get(access, "first")),
	       json_string_value(json_object_get(access, "last")), presented ? "  presented" : "",
	       opened ? "  opened" : "", presented || opened ? "" : "  withheld or denied");
}

static int print_list(const struct incident *incident, const struct cli_auditor *auditor, json_t *list)
{
	size_t at;
	json_t *item;
	bool whole = true;
	json_array_foreach(json_object_get(list, "contacts"), at, item) whole &= open_contact(auditor, item);
	if (incident->cli->json) {
		(void)show_json(json_incref(list));
	} else {
		json_array_foreach(json_object_get(list, "contacts"), at, item) print_contact(item);
		json_array_foreach(json_object_get(list, "accesses"), at, item) print_access(item);
	}
	if (!whole)
		return cli_fail_text(SR_CORRUPT, "a contact does not open");
	return cli_flush(CLI_DONE);
}

int incident_contacts(struct incident *incident)
{
	struct cli_auditor *auditor;
	size_t size = 0;
	json_t *list = NULL;
	if (!incident->auditor_key)
		return cli_fail_text(SR_USAGE, "contacts needs --auditor-key");
	int status = cli_auditor_read(incident->auditor_key, &auditor);
	if (status != CLI_DONE)
		return status;
	char *sealed = cli_read_file(incident->name, CONTACTS_MAX, &size);
	char *text = sealed ? open_list(auditor, (const uint8_t *)sealed, size) : NULL;
	if (!sealed) {
		status = cli_fail_text(SR_IO, "%s cannot be read", incident->name);
	} else if (!text) {
		status = cli_fail_text(SR_UNAUTHENTICATED, "%s does not open with this key", incident->name);
	} else {
		list = json_loads(text, 0, NULL);
		status = list ? print_list(incident, auditor, list)
			      : cli_fail_text(SR_CORRUPT, "%s is no contact list", incident->name);
		sodium_memzero(text, size);
	}
	json_decref(list);
	free(text);
	free(sealed);
	cli_auditor_free(auditor);
	return status;
}
