/* Reading claims: one reader per kind of claim, a table of the texts. */
#include "access/claims.h"

#include <string.h>

#include "access/base64url.h"
#include "uuid.h"

#define CLAIM_NAME_MAX 255

/* A claim by our name, the issuer's path to it, and whether it must be there. */
struct claim {
	const char *name;
	const char *path;
	bool required;
};

/* A claim that is text, and where it goes. */
struct text_claim {
	struct claim claim;
	void *out;
	size_t most;  /* bytes; `out` has room for a NUL behind them only if its owner wants one there */
	size_t *size; /* NULL where the NUL tells */
	bool plain;   /* no control characters */
};

static enum sr_code missing(const struct claim *claim, struct sr_error *err)
{
	if (!claim->required)
		return SR_OK;
	return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: claim %s is missing", claim->name);
}

static enum sr_code mistyped(const struct claim *claim, const char *type, struct sr_error *err)
{
	return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: claim %s is not %s", claim->name, type);
}

/* Take one name off a path: up to the next dot, without its escapes. Returns what follows, or NULL if it is too long.
 */
static const char *next_name(const char *path, char name[CLAIM_NAME_MAX + 1])
{
	size_t size = 0;
	while (*path != '\0' && *path != '.') {
		if (*path == '\\' && path[1] != '\0')
			path++;
		if (size == CLAIM_NAME_MAX)
			return NULL;
		name[size++] = *path++;
	}
	name[size] = '\0';
	return path;
}

static const json_t *find(const json_t *payload, const char *path)
{
	char name[CLAIM_NAME_MAX + 1];
	const json_t *at = payload;
	while (at) {
		path = next_name(path, name);
		if (!path)
			return NULL;
		at = json_object_get(at, name); /* NULL if `at` is no object */
		if (*path == '\0')
			return at;
		path++;
	}
	return NULL;
}

static bool has_control(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return true;
	return false;
}

static enum sr_code read_text(const json_t *payload, const struct text_claim *want, struct sr_error *err)
{
	const struct claim *claim = &want->claim;
	const json_t *value = find(payload, claim->path);
	if (!value)
		return missing(claim, err);
	if (!json_is_string(value))
		return mistyped(claim, "a string", err);
	const char *text = json_string_value(value); /* valid UTF-8 without NUL: strict_json.c let nothing else in */
	size_t size = json_string_length(value);
	if (size == 0 || size > want->most)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: claim %s is not of 1 to %zu bytes", claim->name,
			       want->most);
	if (want->plain && has_control(text, size))
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: claim %s has control characters", claim->name);
	memcpy(want->out, text, size);
	if (want->size)
		*want->size = size;
	return SR_OK;
}

static const char *path_or(const char *mapped, const char *ours)
{
	return mapped ? mapped : ours;
}

static enum sr_code read_texts(const json_t *payload, const struct sr_claim_names *names, struct sr_grant *grant,
			       struct sr_error *err)
{
	const struct text_claim texts[] = {
		{{"sub", path_or(names->sub, "sub"), true},
		 grant->identity,
		 SR_IDENTITY_MAX,
		 &grant->identity_size,
		 false},
		{{"jti", "jti", true}, grant->jti, SR_JTI_MAX, NULL, true},
		{{"act.sub", path_or(names->act_sub, "act.sub"), true},
		 grant->actor,
		 SR_ACTOR_MAX,
		 &grant->actor_size,
		 false},
		{{"act.purpose", "act.purpose", false}, grant->purpose, SR_PURPOSE_MAX, NULL, true},
		{{"act.sid", "act.sid", false}, grant->sid, SR_SID_MAX, NULL, true},
		{{"consultation", path_or(names->consultation, "consultation"), false},
		 grant->consultation,
		 SR_CONSULTATION_MAX,
		 NULL,
		 false},
	};
	enum sr_code code = SR_OK;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0] && code == SR_OK; i++)
		code = read_text(payload, &texts[i], err);
	grant->has_consultation = grant->consultation[0] != '\0';
	return code;
}

/* `act` itself, before its members, so that a text says which of the two is wrong. */
static enum sr_code check_act(const json_t *payload, const struct sr_claim_names *names, struct sr_error *err)
{
	const struct claim claim = {"act", "act", !names->act_sub || !names->act_role};
	const json_t *act = json_object_get(payload, "act");
	if (!act)
		return missing(&claim, err);
	return json_is_object(act) ? SR_OK : mistyped(&claim, "an object", err);
}

static enum sr_code read_role(const json_t *payload, const struct sr_claim_names *names, struct sr_grant *grant,
			      struct sr_error *err)
{
	const struct claim claim = {"act.role", path_or(names->act_role, "act.role"), true};
	const json_t *value = find(payload, claim.path);
	if (!value)
		return missing(&claim, err);
	if (!json_is_string(value))
		return mistyped(&claim, "a string", err);
	if (!sr_act_role_parse(json_string_value(value), json_string_length(value), &grant->role))
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: the role is not understood");
	return SR_OK;
}

static enum sr_code read_scope(const json_t *payload, const struct sr_claim_names *names, struct sr_grant *grant,
			       struct sr_error *err)
{
	const struct claim claim = {"scope", path_or(names->scope, "scope"), true};
	const json_t *value = find(payload, claim.path);
	if (!value)
		return missing(&claim, err);
	if (!json_is_string(value))
		return mistyped(&claim, "a string", err);
	const char *text = json_string_value(value);
	/* Commas separate in our configuration, not in RFC 6749's scope. */
	if (strchr(text, ',') || !sr_scopes_parse(text, strlen(text), &grant->scopes))
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: the scope is not understood");
	return SR_OK;
}

static enum sr_code read_audience(const json_t *payload, const char *audience, struct sr_error *err)
{
	const struct claim claim = {"aud", "aud", true};
	const json_t *aud = json_object_get(payload, claim.name);
	if (!aud)
		return missing(&claim, err);
	bool named = json_is_string(aud) && strcmp(json_string_value(aud), audience) == 0;
	if (!json_is_string(aud) && !json_is_array(aud))
		return mistyped(&claim, "a string or an array of strings", err);
	size_t i;
	const json_t *one;
	json_array_foreach(aud, i, one)
	{
		if (!json_is_string(one))
			return mistyped(&claim, "a string or an array of strings", err);
		named = named || strcmp(json_string_value(one), audience) == 0;
	}
	return named ? SR_OK : SR_FAIL(err, SR_UNAUTHENTICATED, "grant: not for this store");
}

static enum sr_code read_time(const json_t *payload, const char *name, bool required, int64_t *out,
			      struct sr_error *err)
{
	const struct claim claim = {name, name, required};
	const json_t *value = json_object_get(payload, name);
	if (!value)
		return missing(&claim, err);
	if (!json_is_integer(value))
		return mistyped(&claim, "an integer", err);
	json_int_t seconds = json_integer_value(value);
	if (seconds < 0 || seconds > SR_CLAIM_TIME_MAX)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: claim %s is out of range", name);
	*out = seconds;
	return SR_OK;
}

static enum sr_code read_times(const json_t *payload, struct sr_grant *grant, int64_t *not_before, struct sr_error *err)
{
	*not_before = 0;
	enum sr_code code = read_time(payload, "exp", true, &grant->expires, err);
	if (code == SR_OK)
		code = read_time(payload, "iat", true, &grant->issued, err);
	if (code == SR_OK)
		code = read_time(payload, "nbf", false, not_before, err);
	if (code == SR_OK && grant->expires <= grant->issued)
		code = SR_FAIL(err, SR_UNAUTHENTICATED, "grant: claim exp is not after iat");
	return code;
}

static enum sr_code read_recording(const json_t *payload, const struct sr_claim_names *names, struct sr_grant *grant,
				   struct sr_error *err)
{
	const struct claim claim = {"recording", path_or(names->recording, "recording"), false};
	const json_t *value = find(payload, claim.path);
	if (!value)
		return missing(&claim, err);
	if (!json_is_string(value))
		return mistyped(&claim, "a string", err);
	if (!sr_uuid_parse(json_string_value(value), json_string_length(value), grant->recording))
		return mistyped(&claim, "a UUID", err);
	grant->has_recording = true;
	return SR_OK;
}

static enum sr_code read_confirmation(const json_t *payload, struct sr_grant *grant, struct sr_error *err)
{
	const struct claim cnf_claim = {"cnf", "cnf", false};
	const struct claim jkt_claim = {"cnf.jkt", "cnf.jkt", true};
	const json_t *cnf = json_object_get(payload, "cnf");
	if (!cnf)
		return missing(&cnf_claim, err);
	if (!json_is_object(cnf))
		return mistyped(&cnf_claim, "an object", err);
	const json_t *jkt = json_object_get(cnf, "jkt");
	if (!jkt)
		return missing(&jkt_claim, err);
	if (!json_is_string(jkt))
		return mistyped(&jkt_claim, "a string", err);
	if (json_object_size(cnf) != 1)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: claim cnf has more than jkt");
	if (!sr_base64url_exact(json_string_value(jkt), json_string_length(jkt), grant->jkt, sizeof grant->jkt))
		return mistyped(&jkt_claim, "32 bytes of base64url", err);
	grant->has_jkt = true;
	return SR_OK;
}

enum sr_code sr_claims_read(const json_t *payload, const struct sr_claim_names *names, const char *audience,
			    struct sr_grant *grant, int64_t *not_before, struct sr_error *err)
{
	enum sr_code code = read_audience(payload, audience, err);
	if (code == SR_OK)
		code = check_act(payload, names, err);
	if (code == SR_OK)
		code = read_texts(payload, names, grant, err);
	if (code == SR_OK)
		code = read_role(payload, names, grant, err);
	if (code == SR_OK)
		code = read_scope(payload, names, grant, err);
	if (code == SR_OK)
		code = read_times(payload, grant, not_before, err);
	if (code == SR_OK)
		code = read_recording(payload, names, grant, err);
	if (code == SR_OK)
		code = read_confirmation(payload, grant, err);
	return code;
}
