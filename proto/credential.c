/*
 * The credential file's lines, written and read in one fixed order.
 */
#include "credential.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "sealreel-credential"
#define VERSION "1"
#define HEX_MAX (2 * sizeof(((struct sr_credential *)NULL)->psk) + 1)

/* A line's value inside the text: not terminated, holds no newline. */
struct value {
	const char *text;
	size_t size;
};

/* How one line's value reaches its member; false if it is not of the right form. */
typedef bool take_value(struct sr_credential *credential, struct value value);

void sr_credential_wipe(struct sr_credential *credential)
{
	sodium_memzero(credential, sizeof *credential);
}

void sr_credential_format(const struct sr_credential *credential, char *out, size_t *size)
{
	char store[2 * SR_UUID + 1], server[HEX_MAX], secret[HEX_MAX], psk[HEX_MAX];
	int length;

	sodium_bin2hex(store, sizeof store, credential->store, sizeof credential->store);
	sodium_bin2hex(server, sizeof server, credential->server_key, sizeof credential->server_key);
	sodium_bin2hex(secret, sizeof secret, credential->secret_key, sizeof credential->secret_key);
	sodium_bin2hex(psk, sizeof psk, credential->psk, sizeof credential->psk);
	length = snprintf(out, SR_CREDENTIAL_TEXT_MAX,
			  MAGIC " " VERSION "\nname %s\naddress %s\nstore %s\nserver-key %s\nsecret-key %s\npsk %s\n",
			  credential->name, credential->address, store, server, secret, psk);
	/* Every member is bounded, so that the text always fits. */
	*size = length < 0 ? 0 : (size_t)length;
	sodium_memzero(secret, sizeof secret);
	sodium_memzero(psk, sizeof psk);
}

/* Lower-case hexadecimal of exactly `size` bytes. */
static bool take_hex(struct value value, uint8_t *out, size_t size)
{
	size_t made;

	if (value.size != 2 * size)
		return false;
	for (size_t i = 0; i < value.size; i++) {
		if (value.text[i] >= 'A' && value.text[i] <= 'F')
			return false;
	}
	return sodium_hex2bin(out, size, value.text, value.size, NULL, &made, NULL) == 0 && made == size;
}

static bool take_version(struct sr_credential *credential, struct value value)
{
	(void)credential;
	return value.size == strlen(VERSION) && memcmp(value.text, VERSION, value.size) == 0;
}

static bool take_name(struct sr_credential *credential, struct value value)
{
	if (!sr_service_name_valid(value.text, value.size))
		return false;
	memcpy(credential->name, value.text, value.size);
	credential->name[value.size] = '\0';
	return true;
}

static bool has_prefix(struct value value, const char *prefix)
{
	return value.size > strlen(prefix) && memcmp(value.text, prefix, strlen(prefix)) == 0;
}

/* What follows "tcp:": a host (one with colons in brackets), a colon, a port from 1 to 65535 without leading zeros. */
static bool is_host_and_port(const char *text, size_t size)
{
	const char *colon = memrchr(text, ':', size);
	size_t digits;
	unsigned port = 0;

	if (colon == NULL || colon == text)
		return false;
	if (memchr(text, ':', (size_t)(colon - text)) != NULL && (text[0] != '[' || colon[-1] != ']'))
		return false;
	digits = (size_t)(text + size - (colon + 1));
	if (digits < 1 || digits > 5 || colon[1] == '0')
		return false;
	for (size_t i = 1; i <= digits; i++) {
		if (colon[i] < '0' || colon[i] > '9')
			return false;
		port = port * 10 + (unsigned)(colon[i] - '0');
	}
	return port <= UINT16_MAX;
}

/* "unix:PATH" or "tcp:HOST:PORT", without control characters. */
static bool is_address(const char *address, size_t size)
{
	struct value value = {address, size};

	if (size > SR_ADDRESS_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)address[i] < ' ' || address[i] == 0x7f)
			return false;
	}
	return has_prefix(value, "unix:") || (has_prefix(value, "tcp:") && is_host_and_port(address + 4, size - 4));
}

static bool take_address(struct sr_credential *credential, struct value value)
{
	if (!is_address(value.text, value.size))
		return false;
	memcpy(credential->address, value.text, value.size);
	credential->address[value.size] = '\0';
	return true;
}

static bool take_store(struct sr_credential *credential, struct value value)
{
	return take_hex(value, credential->store, sizeof credential->store);
}

static bool take_server_key(struct sr_credential *credential, struct value value)
{
	return take_hex(value, credential->server_key, sizeof credential->server_key);
}

static bool take_secret_key(struct sr_credential *credential, struct value value)
{
	return take_hex(value, credential->secret_key, sizeof credential->secret_key);
}

static bool take_psk(struct sr_credential *credential, struct value value)
{
	return take_hex(value, credential->psk, sizeof credential->psk);
}

static const struct {
	const char *name;
	take_value *take;
} lines[] = {
	{MAGIC, take_version},
	{"name", take_name},
	{"address", take_address},
	{"store", take_store},
	{"server-key", take_server_key},
	{"secret-key", take_secret_key},
	{"psk", take_psk},
};
#define LINES (sizeof lines / sizeof lines[0])

/* Cut the next line off *text: true if it is "`name` value" and ends with a newline. */
static bool next_line(struct value *text, const char *name, struct value *value)
{
	const char *newline = text->size == 0 ? NULL : memchr(text->text, '\n', text->size);
	size_t name_size = strlen(name);
	size_t line_size;

	if (newline == NULL)
		return false;
	line_size = (size_t)(newline - text->text);
	if (line_size <= name_size || memcmp(text->text, name, name_size) != 0 || text->text[name_size] != ' ')
		return false;
	*value = (struct value){text->text + name_size + 1, line_size - name_size - 1};
	*text = (struct value){newline + 1, text->size - line_size - 1};
	return true;
}

enum sr_code sr_credential_parse(const char *text, size_t size, struct sr_credential *credential, struct sr_error *err)
{
	struct value rest = {text, size};
	struct value value;
	enum sr_code code = SR_OK;

	sr_credential_wipe(credential);
	for (size_t i = 0; code == SR_OK && i < LINES; i++) {
		if (!next_line(&rest, lines[i].name, &value))
			code = SR_FAIL(err, SR_USAGE, "credential: line %zu is not \"%s …\"", i + 1, lines[i].name);
		else if (!lines[i].take(credential, value))
			code = SR_FAIL(err, SR_USAGE, "credential: line %zu: bad value of \"%s\"", i + 1,
				       lines[i].name);
	}
	if (code == SR_OK && rest.size != 0)
		code = SR_FAIL(err, SR_USAGE, "credential: line %zu is one too many", LINES + 1);
	if (code != SR_OK)
		sr_credential_wipe(credential);
	return code;
}
