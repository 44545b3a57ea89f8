/*
 * What the command line reads: the first byte chooses `j`, an issuer's private key in JSON, or what people type: `d` a
 * duration, `o` an offset, `t` a time, `r` a range, `k` a key, `n` a number, `g` a file's front and name;
 * `m` or `M` a map of identities, for a merge or a rename.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cli/map.h"
#include "cli/mint.h"
#include "cli/parse.h"
#include "cli/proof.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(sodium_init() >= 0);
	return 0;
}

/* A key that is taken signs: three parts come out. One that is not gives nothing but a reason. */
static void fuzz_issuer_key(const char *text, size_t size)
{
	const struct sr_mint grant = {
		.identity = (const uint8_t *)"urn:ward|7",
		.identity_size = 10,
		.audience = "5ea15ea15ea15ea15ea15ea15ea15ea1",
		.scope = "list play",
		.role = "patient",
		.actor = "seven",
		.now = 1000000,
		.ttl = 60,
	};
	struct sr_error err = {.text = ""};
	char *token;
	enum sr_code code = sr_mint_grant(text, size, &grant, &token, &err);

	if (code == SR_OK) {
		const char *first = strchr(token, '.');

		must(first != NULL && strchr(first + 1, '.') != NULL);
	} else {
		must(code == SR_USAGE && token == NULL && err.text[0] != '\0');
	}
	sr_mint_free(token);
}

/* A time that is taken, up to the year 9999, is the same when it is shown and read again. */
static void fuzz_time(const char *text)
{
	char shown[TIME_TEXT];
	uint64_t time;
	uint64_t again;

	if (!parse_time(text, &time) || time == 0)
		return;
	format_time(time, shown);
	must(parse_time(shown, &again) && again == time);
}

static void fuzz_range(const char *text)
{
	uint64_t from;
	uint64_t length;

	if (parse_range(text, &from, &length))
		must(from <= INT64_MAX && length >= 1 && (length == UINT64_MAX || from + length - 1 <= INT64_MAX));
}

static void fuzz_typed(char what, const char *text)
{
	uint8_t key[32];
	int64_t seconds;
	uint64_t value;

	switch (what) {
	case 'd':
		must(!parse_duration(text, &seconds) || seconds > 0);
		break;
	case 'o':
		must(!parse_offset(text, &value) || value < UINT64_C(1000000000000));
		break;
	case 't':
		fuzz_time(text);
		break;
	case 'r':
		fuzz_range(text);
		break;
	case 'k':
		must(!parse_key(text, key) || strlen(text) == 64);
		break;
	case 'n':
		must(!parse_number(text, 65535, &value) || value <= 65535);
		break;
	case 'g':
		must(guess_media_type((const uint8_t *)text, strlen(text), NULL) != NULL);
		must(guess_media_type((const uint8_t *)text, 0, text) != NULL);
		break;
	default:
		break;
	}
}

/* What a map lets through are pairs of two identities each, in the order of its lines. */
static void fuzz_map(const char *bytes, size_t size, bool alone)
{
	struct cli_map map;
	struct sr_error err;
	char *text = malloc(size + 1);
	must(text != NULL);
	memcpy(text, bytes, size);
	text[size] = '\0';
	if (cli_map_parse(text, size, alone, &map, &err) == SR_OK) {
		for (size_t at = 0; at < map.count; at++) {
			const struct cli_pair *pair = &map.pairs[at];
			must(cli_identity_valid(pair->from, strlen(pair->from)));
			must(cli_identity_valid(pair->to, strlen(pair->to)) && strcmp(pair->from, pair->to) != 0);
			must(pair->line == at + 1);
		}
	}
	cli_map_free(&map);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (data[0] == 'm' || data[0] == 'M') {
		fuzz_map((const char *)data + 1, size - 1, data[0] == 'M');
		return 0;
	}
	if (data[0] == 'j') {
		fuzz_issuer_key((const char *)data + 1, size - 1);
		return 0;
	}
	char *text = strndup((const char *)data + 1, size - 1);
	must(text != NULL);
	fuzz_typed((char)data[0], text);
	free(text);
	return 0;
}
