/* Issuers: releasing them, and the names of scopes and roles. */
#include "access/issuer.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct name {
	const char *text;
	unsigned bit;
};

static const struct name scope_names[] = {
	{"record", SR_SCOPE_RECORD}, {"list", SR_SCOPE_LIST},     {"play", SR_SCOPE_PLAY},
	{"delete", SR_SCOPE_DELETE}, {"manage", SR_SCOPE_MANAGE},
};

static const struct name role_names[SR_ACT_ROLES] = {
	[SR_ACT_PATIENT] = {"patient", 1U << SR_ACT_PATIENT},
	[SR_ACT_CLINICIAN] = {"clinician", 1U << SR_ACT_CLINICIAN},
	[SR_ACT_GUARDIAN] = {"guardian", 1U << SR_ACT_GUARDIAN},
	[SR_ACT_SYSTEM] = {"system", 1U << SR_ACT_SYSTEM},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

void sr_issuer_clear(struct sr_issuer *issuer)
{
	free(issuer->name);
	free(issuer->iss);
	free(issuer->typ);
	for (size_t i = 0; i < issuer->prefix_count; i++)
		free(issuer->prefixes[i]);
	free(issuer->claims.sub);
	free(issuer->claims.scope);
	free(issuer->claims.act_sub);
	free(issuer->claims.act_role);
	free(issuer->claims.consultation);
	free(issuer->claims.recording);
	sr_jwks_free(issuer->keys);
	sodium_memzero(issuer, sizeof *issuer);
}

/* The bit of a name of `size` bytes, or 0. */
static unsigned bit_of(const struct name *names, size_t count, const char *text, size_t size)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(names[i].text) == size && memcmp(names[i].text, text, size) == 0)
			return names[i].bit;
	return 0;
}

static bool separates(char c)
{
	return c == ' ' || c == ',';
}

static bool parse(const struct name *names, size_t count, const char *text, size_t size, unsigned *bits)
{
	unsigned found = 0;
	size_t at = 0;
	while (at < size) {
		if (separates(text[at])) {
			at++;
			continue;
		}
		size_t end = at;
		while (end < size && !separates(text[end]))
			end++;
		unsigned bit = bit_of(names, count, text + at, end - at);
		if (bit == 0 || (found & bit) != 0)
			return false;
		found |= bit;
		at = end;
	}
	if (found == 0)
		return false;
	*bits = found;
	return true;
}

bool sr_scopes_parse(const char *text, size_t size, unsigned *bits)
{
	return parse(scope_names, COUNT(scope_names), text, size, bits);
}

bool sr_act_roles_parse(const char *text, size_t size, unsigned *bits)
{
	return parse(role_names, COUNT(role_names), text, size, bits);
}

bool sr_act_role_parse(const char *text, size_t size, enum sr_act_role *role)
{
	unsigned bit = bit_of(role_names, COUNT(role_names), text, size);
	for (int i = 0; bit != 0 && i < SR_ACT_ROLES; i++) {
		if (role_names[i].bit == bit) {
			*role = (enum sr_act_role)i;
			return true;
		}
	}
	return false;
}

const char *sr_scope_name(enum sr_scope scope)
{
	for (size_t i = 0; i < COUNT(scope_names); i++)
		if (scope_names[i].bit == (unsigned)scope)
			return scope_names[i].text;
	return NULL;
}

const char *sr_act_role_name(enum sr_act_role role)
{
	return (unsigned)role < SR_ACT_ROLES ? role_names[role].text : NULL;
}
