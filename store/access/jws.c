/* Taking tokens apart. */
#include "access/jws.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "access/base64url.h"
#include "access/strict_json.h"

/* The three runs of a token between its two dots. */
struct parts {
	const char *at[3];
	size_t size[3];
};

enum part { HEADER, PAYLOAD, SIGNATURE };

static bool split(const char *token, size_t size, struct parts *out)
{
	size_t part = 0;
	out->at[0] = token;
	for (size_t i = 0; i < size; i++) {
		if (token[i] != '.')
			continue;
		if (part == SIGNATURE)
			return false;
		out->size[part] = (size_t)(token + i - out->at[part]);
		out->at[++part] = token + i + 1;
	}
	out->size[part] = (size_t)(token + size - out->at[part]);
	return part == SIGNATURE && out->size[HEADER] > 0 && out->size[PAYLOAD] > 0;
}

/* Decode and parse one part; `name` is for the text. */
static enum sr_code read_object(const char *text, size_t size, const char *name, json_t **out, struct sr_error *err)
{
	size_t used = 0;
	enum sr_code code = SR_OK;
	uint8_t *bytes = malloc(SR_JWS_MAX);
	if (!bytes)
		return SR_FAIL(err, SR_UNAVAILABLE, "out of memory for a grant");
	if (!sr_base64url_decode(text, size, bytes, SR_JWS_MAX, &used)) {
		code = SR_FAIL(err, SR_UNAUTHENTICATED, "grant: the %s is not strict base64url", name);
	} else {
		const char *why;
		*out = sr_strict_json_object((const char *)bytes, used, &why);
		if (!*out)
			code = SR_FAIL(err, SR_UNAUTHENTICATED, "grant: the %s %s", name, why);
	}
	sodium_memzero(bytes, SR_JWS_MAX);
	free(bytes);
	return code;
}

static enum sr_code text_param(const json_t *header, const char *name, const char **out, struct sr_error *err)
{
	const json_t *value = json_object_get(header, name);
	if (!value)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: header %s is missing", name);
	*out = json_string_value(value);
	if (!*out)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: header %s is not a string", name);
	return SR_OK;
}

static enum sr_code read_header(struct sr_jws *jws, struct sr_error *err)
{
	static const char *const refused[] = {"crit", "b64", "jku", "jwk", "x5u", "x5c"};
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		if (json_object_get(jws->header, refused[i]))
			return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: header %s is not accepted", refused[i]);
	enum sr_code code = text_param(jws->header, "alg", &jws->alg, err);
	if (code == SR_OK)
		code = text_param(jws->header, "typ", &jws->typ, err);
	if (code == SR_OK)
		code = text_param(jws->header, "kid", &jws->kid, err);
	if (code != SR_OK)
		return code;
	jws->kid_size = strlen(jws->kid);
	if (jws->kid_size == 0 || jws->kid_size > SR_KID_MAX)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: header kid is empty or too long");
	return SR_OK;
}

enum sr_code sr_jws_read(const char *token, size_t size, struct sr_jws *out, struct sr_error *err)
{
	memset(out, 0, sizeof *out);
	struct parts parts;
	if (size > SR_JWS_MAX)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: over %d bytes", SR_JWS_MAX);
	if (size == 0 || !split(token, size, &parts))
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: not a token of three parts");
	enum sr_code code = read_object(parts.at[HEADER], parts.size[HEADER], "header", &out->header, err);
	if (code == SR_OK)
		code = read_header(out, err);
	if (code == SR_OK)
		code = read_object(parts.at[PAYLOAD], parts.size[PAYLOAD], "payload", &out->payload, err);
	if (code != SR_OK)
		return code;
	if (!sr_base64url_decode(parts.at[SIGNATURE], parts.size[SIGNATURE], out->signature, sizeof out->signature,
				 &out->signature_size))
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: the signature is not strict base64url");
	out->input = (const uint8_t *)token;
	out->input_size = parts.size[HEADER] + 1 + parts.size[PAYLOAD];
	return SR_OK;
}

void sr_jws_clear(struct sr_jws *jws)
{
	json_decref(jws->payload);
	json_decref(jws->header);
	sodium_memzero(jws, sizeof *jws);
}
