/*
 * Seals and opens for the second-language cross-check, one command a line: COMMAND KEY SALT CONTEXT DATA, all in hex,
 * "-" for nothing. Answers each with "ok HEX", "refused" or "unavailable"; what is no command ends it with status 2.
 *
 *   seal, open                 proto's whole messages; seal under SALT, open takes no SALT
 *   stream-seal, stream-open   proto's streams, fed in uneven pieces; stream-seal under a salt of its own
 *   sodium-seal, sodium-open   chunked-encryption once more, by libsodium's AES-256-GCM alone, where hardware has it
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chunked.h"

/* Prime, so that pieces of a stream end everywhere in a chunk. */
#define PIECE ((size_t)9973)

struct bytes {
	uint8_t *at;
	size_t size;
};

struct command {
	struct bytes key;
	struct bytes salt;
	struct bytes context;
	struct bytes data;
};

enum answer { ANSWER_OK, ANSWER_REFUSED, ANSWER_UNAVAILABLE };

typedef enum answer (*run_fn)(const struct command *command, struct bytes *out);

static _Noreturn void give_up(const char *why)
{
	fprintf(stderr, "seal_tool: %s\n", why);
	exit(2);
}

/* Never of size 0, so that NULL always means that memory is used up. */
static struct bytes allocate(size_t size)
{
	struct bytes bytes = {calloc(1, size + 1), size};
	if (bytes.at == NULL)
		give_up("out of memory");
	return bytes;
}

static enum answer run_seal(const struct command *c, struct bytes *out)
{
	if (c->salt.size != SR_SALT)
		give_up("seal needs a salt");
	*out = allocate((size_t)sr_sealed_size(c->data.size));
	if (sr_seal_with_salt(c->key.at, c->salt.at, c->context.at, c->context.size, c->data.at, c->data.size,
			      out->at) != SR_OK)
		give_up("sealing failed");
	return ANSWER_OK;
}

static enum answer run_open(const struct command *c, struct bytes *out)
{
	uint64_t plain;
	if (!sr_plain_size(c->data.size, &plain))
		return ANSWER_REFUSED;
	*out = allocate((size_t)plain);
	enum sr_opening opening = sr_open(c->key.at, c->context.at, c->context.size, c->data.at, c->data.size, out->at);
	if (opening == SR_OPEN_FAILED)
		give_up("opening failed");
	return opening == SR_OPENED ? ANSWER_OK : ANSWER_REFUSED;
}

static enum answer run_stream_seal(const struct command *c, struct bytes *out)
{
	*out = allocate((size_t)sr_sealed_size(c->data.size) + SR_CHUNK_SEALED);
	struct sr_sealer *sealer = sr_sealer_new(c->key.at, c->context.at, c->context.size, out->at);
	if (sealer == NULL)
		give_up("out of memory");
	size_t done = SR_SEALED_FRONT;
	size_t got;
	for (size_t from = 0; from < c->data.size; from += PIECE) {
		size_t size = c->data.size - from < PIECE ? c->data.size - from : PIECE;
		if (sr_sealer_feed(sealer, c->data.at + from, size, out->at + done, &got) != SR_OK)
			give_up("sealing failed");
		done += got;
	}
	if (sr_sealer_close(sealer, out->at + done, &got) != SR_OK)
		give_up("sealing failed");
	sr_sealer_free(sealer);
	out->size = done + got;
	return ANSWER_OK;
}

static enum answer run_stream_open(const struct command *c, struct bytes *out)
{
	*out = allocate(c->data.size + 2 * SR_CHUNK_SEALED);
	struct sr_opener *opener = sr_opener_new(c->key.at, c->context.at, c->context.size);
	if (opener == NULL)
		give_up("out of memory");
	enum sr_opening opening = SR_OPENED;
	size_t done = 0;
	size_t got;
	for (size_t from = 0; from < c->data.size && opening == SR_OPENED; from += PIECE) {
		size_t size = c->data.size - from < PIECE ? c->data.size - from : PIECE;
		opening = sr_opener_feed(opener, c->data.at + from, size, out->at + done, &got);
		done += got;
	}
	if (opening == SR_OPENED) {
		opening = sr_opener_close(opener, out->at + done, &got);
		done += got;
	}
	sr_opener_free(opener);
	out->size = done;
	return opening == SR_OPENED ? ANSWER_OK : ANSWER_REFUSED;
}

/* Key, base nonce and commitment with nothing of proto: two blocks of HKDF-Expand-SHA-512. */
static void sodium_derive(const struct command *c, const uint8_t *salt, uint8_t okm[2 * crypto_auth_hmacsha512_BYTES])
{
	static const char label[] = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM";
	for (uint8_t block = 1; block <= 2; block++) {
		crypto_auth_hmacsha512_state hmac;
		crypto_auth_hmacsha512_init(&hmac, c->key.at, c->key.size);
		if (block == 2)
			crypto_auth_hmacsha512_update(&hmac, okm, crypto_auth_hmacsha512_BYTES);
		crypto_auth_hmacsha512_update(&hmac, (const uint8_t *)label, sizeof(label));
		crypto_auth_hmacsha512_update(&hmac, salt, SR_SALT);
		crypto_auth_hmacsha512_update(&hmac, c->context.at, c->context.size);
		crypto_auth_hmacsha512_update(&hmac, &block, 1);
		crypto_auth_hmacsha512_final(&hmac, okm + (block - 1) * crypto_auth_hmacsha512_BYTES);
	}
}

static void sodium_nonce(const uint8_t *base, uint64_t chunk, uint8_t nonce[12])
{
	memcpy(nonce, base, 12);
	for (int i = 0; i < 8; i++)
		nonce[11 - i] ^= (uint8_t)(chunk >> (8 * i));
}

static enum answer run_sodium_seal(const struct command *c, struct bytes *out)
{
	if (!crypto_aead_aes256gcm_is_available())
		return ANSWER_UNAVAILABLE;
	if (c->salt.size != SR_SALT)
		give_up("sodium-seal needs a salt");
	uint8_t okm[2 * crypto_auth_hmacsha512_BYTES];
	uint8_t nonce[12];
	uint64_t chunks = c->data.size / SR_CHUNK + 1;
	sodium_derive(c, c->salt.at, okm);
	*out = allocate(SR_SALT + SR_COMMITMENT + c->data.size + (size_t)chunks * 16);
	memcpy(out->at, c->salt.at, SR_SALT);
	memcpy(out->at + SR_SALT, okm + 44, SR_COMMITMENT);
	uint8_t *to = out->at + SR_SALT + SR_COMMITMENT;
	for (uint64_t chunk = 0; chunk < chunks; chunk++) {
		size_t from = (size_t)chunk * SR_CHUNK;
		size_t size = chunk + 1 < chunks ? SR_CHUNK : c->data.size - from;
		sodium_nonce(okm + 32, chunk, nonce);
		crypto_aead_aes256gcm_encrypt(to, NULL, c->data.at + from, size, NULL, 0, NULL, nonce, okm);
		to += size + 16;
	}
	return ANSWER_OK;
}

static enum answer run_sodium_open(const struct command *c, struct bytes *out)
{
	if (!crypto_aead_aes256gcm_is_available())
		return ANSWER_UNAVAILABLE;
	if (c->data.size < SR_SALT + SR_COMMITMENT)
		return ANSWER_REFUSED;
	uint8_t okm[2 * crypto_auth_hmacsha512_BYTES];
	uint8_t nonce[12];
	sodium_derive(c, c->data.at, okm);
	if (sodium_memcmp(okm + 44, c->data.at + SR_SALT, SR_COMMITMENT) != 0)
		return ANSWER_REFUSED;
	const uint8_t *from = c->data.at + SR_SALT + SR_COMMITMENT;
	size_t left = c->data.size - SR_SALT - SR_COMMITMENT;
	*out = allocate(left);
	out->size = 0;
	/* One round more than full chunks: the short last one, without which the message is cut. */
	for (uint64_t chunk = 0;; chunk++) {
		size_t size = left < SR_CHUNK + 16 ? left : SR_CHUNK + 16;
		sodium_nonce(okm + 32, chunk, nonce);
		if (size < 16 || crypto_aead_aes256gcm_decrypt(out->at + out->size, NULL, NULL, from, size, NULL, 0,
							       nonce, okm) != 0)
			return ANSWER_REFUSED;
		out->size += size - 16;
		from += size;
		left -= size;
		if (size < SR_CHUNK + 16)
			return ANSWER_OK;
	}
}

static const struct {
	const char *name;
	run_fn run;
} commands[] = {
	{"seal", run_seal},
	{"open", run_open},
	{"stream-seal", run_stream_seal},
	{"stream-open", run_stream_open},
	{"sodium-seal", run_sodium_seal},
	{"sodium-open", run_sodium_open},
};

/* The next word of the line as bytes. */
static struct bytes take_hex(char **line)
{
	const char *word = strsep(line, " ");
	if (word == NULL)
		give_up("a word is missing");
	if (strcmp(word, "-") == 0)
		return allocate(0);
	struct bytes bytes = allocate(strlen(word) / 2);
	const char *end;
	size_t size;
	if (sodium_hex2bin(bytes.at, bytes.size, word, strlen(word), NULL, &size, &end) != 0 || *end != '\0')
		give_up("not hex");
	return bytes;
}

static void print_answer(enum answer answer, const struct bytes *out)
{
	if (answer != ANSWER_OK) {
		puts(answer == ANSWER_REFUSED ? "refused" : "unavailable");
	} else {
		fputs("ok ", stdout);
		for (size_t i = 0; i < out->size; i++)
			printf("%02x", out->at[i]);
		putchar('\n');
	}
	fflush(stdout);
}

static void run_line(char *line)
{
	const char *name = strsep(&line, " ");
	run_fn run = NULL;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			run = commands[i].run;
	if (run == NULL)
		give_up("no such command");
	struct command command;
	command.key = take_hex(&line);
	command.salt = take_hex(&line);
	command.context = take_hex(&line);
	command.data = take_hex(&line);
	if (command.key.size != SR_KEY)
		give_up("the key has 32 bytes");
	struct bytes out = {NULL, 0};
	print_answer(run(&command, &out), &out);
	free(out.at);
	free(command.data.at);
	free(command.context.at);
	free(command.salt.at);
	free(command.key.at);
}

int main(void)
{
	if (sodium_init() < 0)
		give_up("libsodium does not start");
	char *line = NULL;
	size_t room = 0;
	ssize_t size;
	while ((size = getline(&line, &room, stdin)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		run_line(line);
	}
	free(line);
	return 0;
}
