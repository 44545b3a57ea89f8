/*
 * Checkpoints: tlog-checkpoint in signed-note.
 */
#include "checkpoint.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define DASH "\xe2\x80\x94 " /* an em dash and a space: how a signature's line begins */
#define ED25519 0x01
#define ID_SIZE 4
#define BASE64 sodium_base64_VARIANT_ORIGINAL
#define HASH_TEXT 44 /* 32 bytes in base 64 */
#define SIGNATURE_SIZE (ID_SIZE + crypto_sign_BYTES)
#define SIGNATURE_TEXT 92

void sr_checkpoint_key(const uint8_t seed[SR_AUDIT_SEED], uint8_t key[SR_AUDIT_KEY])
{
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	crypto_sign_seed_keypair(key, secret, seed);
	sodium_memzero(secret, sizeof secret);
}

static void key_id(const char *name, size_t size, const uint8_t key[SR_AUDIT_KEY], uint8_t id[ID_SIZE])
{
	static const uint8_t middle[] = {'\n', ED25519};
	uint8_t hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)name, size);
	crypto_hash_sha256_update(&state, middle, sizeof middle);
	crypto_hash_sha256_update(&state, key, SR_AUDIT_KEY);
	crypto_hash_sha256_final(&state, hash);
	memcpy(id, hash, ID_SIZE);
}

void sr_checkpoint_verifier(const char *origin, const uint8_t key[SR_AUDIT_KEY], char text[SR_VERIFIER_MAX])
{
	uint8_t id[ID_SIZE], typed[1 + SR_AUDIT_KEY] = {ED25519};
	char hex[2 * ID_SIZE + 1], base[HASH_TEXT + 1];
	key_id(origin, strlen(origin), key, id);
	memcpy(typed + 1, key, SR_AUDIT_KEY);
	sodium_bin2hex(hex, sizeof hex, id, sizeof id);
	sodium_bin2base64(base, sizeof base, typed, sizeof typed, BASE64);
	snprintf(text, SR_VERIFIER_MAX, "%.*s+%s+%s", SR_AUDIT_ORIGIN_MAX - 1, origin, hex, base);
}

void sr_checkpoint_sign(const struct sr_checkpoint *checkpoint, const uint8_t seed[SR_AUDIT_SEED],
			char text[SR_CHECKPOINT_MAX])
{
	uint8_t key[SR_AUDIT_KEY], secret[crypto_sign_SECRETKEYBYTES], signature[SIGNATURE_SIZE];
	char root[HASH_TEXT + 1], base[SIGNATURE_TEXT + 1];
	sodium_bin2base64(root, sizeof root, checkpoint->root, SR_HASH, BASE64);
	int written = snprintf(text, SR_CHECKPOINT_MAX, "%s\n%llu\n%s\n", checkpoint->origin,
			       (unsigned long long)checkpoint->size, root);
	size_t size = (size_t)written;
	crypto_sign_seed_keypair(key, secret, seed);
	key_id(checkpoint->origin, strlen(checkpoint->origin), key, signature);
	crypto_sign_detached(signature + ID_SIZE, NULL, (const uint8_t *)text, size, secret);
	sodium_memzero(secret, sizeof secret);
	sodium_bin2base64(base, sizeof base, signature, sizeof signature, BASE64);
	snprintf(text + size, SR_CHECKPOINT_MAX - size, "\n" DASH "%s %s\n", checkpoint->origin, base);
}

/* ---- reading ---- */

/* A note taken apart: the signed text, and the lines of signatures behind the last empty line. */
struct note {
	struct sr_span text;
	struct sr_cursor signatures;
};

/* The next line without its end; latches `failed` if it has none. */
static struct sr_span take_line(struct sr_cursor *in)
{
	const uint8_t *end = in->left > 0 ? memchr(in->at, '\n', in->left) : NULL;
	if (!end) {
		sr_take_fail(in);
		return (struct sr_span){NULL, 0};
	}
	struct sr_span line = sr_take_span(in, (size_t)(end - in->at));
	(void)sr_take_u8(in);
	return line;
}

static bool take_apart(struct sr_span whole, struct note *note)
{
	if (whole.size < 3 || whole.size > SR_NOTE_MAX || !sr_text_is_utf8(whole) || whole.data[whole.size - 1] != '\n')
		return false;
	for (size_t at = 0; at < whole.size; at++)
		if (whole.data[at] < 0x20 && whole.data[at] != '\n')
			return false;
	for (size_t at = whole.size - 1; at > 1; at--) {
		if (whole.data[at - 1] != '\n' || whole.data[at - 2] != '\n')
			continue;
		note->text = (struct sr_span){whole.data, at - 1};
		note->signatures = sr_cursor_over(whole.data + at, whole.size - at);
		return true;
	}
	return false;
}

static bool decode(struct sr_span text, uint8_t *out, size_t size)
{
	size_t got;
	return sodium_base642bin(out, size, (const char *)text.data, text.size, NULL, &got, NULL, BASE64) == 0 &&
	       got == size;
}

static bool read_size(struct sr_span digits, uint64_t *size)
{
	*size = 0;
	if (digits.size == 0 || (digits.size > 1 && digits.data[0] == '0'))
		return false;
	for (size_t at = 0; at < digits.size; at++) {
		unsigned digit = digits.data[at] - (unsigned)'0';
		if (digit > 9 || *size > (UINT64_MAX - digit) / 10)
			return false;
		*size = *size * 10 + digit;
	}
	return true;
}

static bool read_claims(struct sr_span text, struct sr_checkpoint *out)
{
	struct sr_cursor in = sr_cursor_over(text.data, text.size);
	struct sr_span origin = take_line(&in);
	struct sr_span size = take_line(&in);
	struct sr_span root = take_line(&in);
	memset(out, 0, sizeof *out);
	if (in.failed || origin.size == 0 || origin.size >= sizeof out->origin || root.size != HASH_TEXT)
		return false;
	memcpy(out->origin, origin.data, origin.size);
	if (!read_size(size, &out->size) || !decode(root, out->root, SR_HASH))
		return false;
	while (in.left > 0 && !in.failed)
		if (take_line(&in).size == 0)
			return false;
	return !in.failed;
}

/* A line's key name and signature bytes. False: it is not of the form. */
static bool read_signature(struct sr_span line, struct sr_span *name, struct sr_span *base)
{
	const size_t dash = sizeof DASH - 1;
	if (line.size <= dash || memcmp(line.data, DASH, dash) != 0)
		return false;
	const uint8_t *start = line.data + dash;
	const uint8_t *space = memchr(start, ' ', line.size - dash);
	if (!space || space == start)
		return false;
	*name = (struct sr_span){start, (size_t)(space - start)};
	*base = (struct sr_span){space + 1, line.size - dash - name->size - 1};
	return base->size > 0;
}

static bool is_signed(struct note *note, const char *origin, const uint8_t key[SR_AUDIT_KEY])
{
	uint8_t id[ID_SIZE], signature[SIGNATURE_SIZE];
	struct sr_span name, base;
	bool found = false;
	key_id(origin, strlen(origin), key, id);
	while (note->signatures.left > 0) {
		struct sr_span line = take_line(&note->signatures);
		if (note->signatures.failed || !read_signature(line, &name, &base))
			return false;
		if (name.size != strlen(origin) || memcmp(name.data, origin, name.size) != 0 ||
		    !decode(base, signature, sizeof signature) || memcmp(signature, id, ID_SIZE) != 0)
			continue;
		if (crypto_sign_verify_detached(signature + ID_SIZE, note->text.data, note->text.size, key) != 0)
			return false;
		found = true;
	}
	return found;
}

enum sr_code sr_checkpoint_claims(struct sr_span text, struct sr_checkpoint *out, struct sr_error *err)
{
	struct note note;
	if (!take_apart(text, &note) || !read_claims(note.text, out))
		return SR_FAIL(err, SR_CORRUPT, "this is no checkpoint of an audit log");
	return SR_OK;
}

enum sr_code sr_checkpoint_read(struct sr_span text, const uint8_t key[SR_AUDIT_KEY], struct sr_checkpoint *out,
				struct sr_error *err)
{
	struct note note;
	if (!take_apart(text, &note) || !read_claims(note.text, out))
		return SR_FAIL(err, SR_CORRUPT, "this is no checkpoint of an audit log");
	if (!is_signed(&note, out->origin, key))
		return SR_FAIL(err, SR_CORRUPT, "the checkpoint of %s is not signed by its key", out->origin);
	return SR_OK;
}

/* ---- verifier keys ---- */

enum sr_code sr_checkpoint_verifier_read(struct sr_span text, uint8_t key[SR_AUDIT_KEY], char name[SR_AUDIT_ORIGIN_MAX],
					 struct sr_error *err)
{
	uint8_t typed[1 + SR_AUDIT_KEY];
	char again[SR_VERIFIER_MAX];
	const size_t behind = 1 + 2 * ID_SIZE + 1 + HASH_TEXT; /* the name: + ID + KEY */
	size_t size = text.size > behind ? text.size - behind : 0;
	bool well = size > 0 && size < SR_AUDIT_ORIGIN_MAX && sr_text_is_utf8(text) &&
		    decode((struct sr_span){text.data + text.size - HASH_TEXT, HASH_TEXT}, typed, sizeof typed) &&
		    typed[0] == ED25519;
	if (well) {
		memcpy(name, text.data, size);
		name[size] = '\0';
		memcpy(key, typed + 1, SR_AUDIT_KEY);
		/* There is one way to write it. */
		sr_checkpoint_verifier(name, key, again);
		well = strpbrk(name, "+ \t\r\n") == NULL && strlen(again) == text.size &&
		       memcmp(again, text.data, text.size) == 0;
	}
	return well ? SR_OK : SR_FAIL(err, SR_CORRUPT, "this is no verifier key of an audit log");
}

bool sr_checkpoint_origin_fits(const char *origin, const char *name)
{
	size_t size = strlen(name);
	const char *rest = origin + size;
	if (strncmp(origin, name, size) != 0)
		return false;
	if (*rest == '\0')
		return true;
	return rest[0] == '/' && rest[1] >= '1' && rest[1] <= '9' &&
	       strspn(rest + 1, "0123456789") == strlen(rest + 1) && strcmp(rest, "/1") != 0;
}

bool sr_checkpoints_diverge(const struct sr_checkpoint *one, const struct sr_checkpoint *other)
{
	return strcmp(one->origin, other->origin) == 0 && one->size == other->size &&
	       memcmp(one->root, other->root, SR_HASH) != 0;
}
