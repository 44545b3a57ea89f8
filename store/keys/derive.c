/*
 * Tags, hashes and keys: HMAC-SHA-512 under K_tag, HKDF-SHA-512 for keys.
 */
#include "keys/derive.h"

#include <sodium.h>
#include <string.h>

#include "hkdf.h"

/* The first 32 bytes of HMAC-SHA-512 under K_tag over a context; wipes the context. */
static void tagged(const struct sr_keyring *keyring, struct sr_context *context, uint8_t tag[SR_TAG])
{
	const struct sr_span whole = {.data = context->bytes, .size = context->size};
	uint8_t mac[SR_HMAC];

	sr_hmac_of(sr_keyring_tag_key(keyring), &whole, 1, mac);
	memcpy(tag, mac, SR_TAG);
	sodium_memzero(mac, sizeof mac);
	sr_context_wipe(context);
}

void sr_patient_tag(const struct sr_keyring *keyring, const uint8_t *identity, size_t size, uint8_t tag[SR_TAG],
		    struct sr_work *work)
{
	struct sr_context context;

	sr_context_patient_tag(&context, identity, size);
	tagged(keyring, &context, tag);
	if (work != NULL)
		work->derivations++;
}

void sr_actor_tag(const struct sr_keyring *keyring, const uint8_t *actor, size_t size, uint8_t tag[SR_TAG])
{
	struct sr_context context;

	sr_context_actor_tag(&context, actor, size);
	tagged(keyring, &context, tag);
}

void sr_consultation_hash(const struct sr_keyring *keyring, const char *iss, const char *consultation,
			  uint8_t hash[SR_TAG])
{
	struct sr_context context;

	sr_context_consultation(&context, iss, strlen(iss), consultation, strlen(consultation));
	tagged(keyring, &context, hash);
}

void sr_grant_hash(const struct sr_keyring *keyring, const char *iss, const char *jti, uint8_t hash[SR_TAG])
{
	struct sr_context context;

	sr_context_grant(&context, iss, strlen(iss), jti, strlen(jti));
	tagged(keyring, &context, hash);
}

enum sr_code sr_patient_key(const struct sr_keyring *keyring, uint32_t root, const uint8_t salt[32],
			    const uint8_t *identity, size_t size, uint8_t key[SR_KEY], struct sr_work *work)
{
	uint8_t root_key[SR_KEY];
	uint8_t prk[SR_HKDF_PRK];
	struct sr_context info;

	if (!sr_keyring_root_key(keyring, root, root_key)) {
		sodium_memzero(key, SR_KEY);
		return SR_UNAVAILABLE;
	}
	sr_context_patient_key(&info, identity, size);
	sr_hkdf_extract(salt, 32, root_key, sizeof root_key, prk);
	sr_hkdf_expand(prk, sizeof prk, info.bytes, info.size, key, SR_KEY);
	if (work != NULL)
		work->derivations++;
	sr_context_wipe(&info);
	sodium_memzero(prk, sizeof prk);
	sodium_memzero(root_key, sizeof root_key);
	return SR_OK;
}

/* The DEK is uniform, so Expand alone does. */
static void expand(const uint8_t dek[SR_KEY], const struct sr_context *info, uint8_t key[SR_KEY])
{
	sr_hkdf_expand(dek, SR_KEY, info->bytes, info->size, key, SR_KEY);
}

void sr_entry_key(const uint8_t dek[SR_KEY], uint8_t key[SR_KEY])
{
	struct sr_context info;

	sr_context_entry_key(&info);
	expand(dek, &info, key);
}

void sr_head_key(const uint8_t dek[SR_KEY], uint8_t key[SR_KEY])
{
	struct sr_context info;

	sr_context_head_key(&info);
	expand(dek, &info, key);
}

void sr_shown_keys(const uint8_t dek[SR_KEY], uint8_t entry[SR_KEY], uint8_t head[SR_KEY])
{
	struct sr_hmac_key taken;
	struct sr_context info;
	struct sr_span whole;

	sr_hmac_key(&taken, dek, SR_KEY);
	sr_context_entry_key(&info);
	whole = (struct sr_span){.data = info.bytes, .size = info.size};
	sr_hkdf_expand_keyed(&taken, &whole, 1, entry, SR_KEY);
	sr_context_head_key(&info);
	whole = (struct sr_span){.data = info.bytes, .size = info.size};
	sr_hkdf_expand_keyed(&taken, &whole, 1, head, SR_KEY);
	sodium_memzero(&taken, sizeof taken);
}

void sr_manifest_key(const uint8_t dek[SR_KEY], uint8_t key[SR_KEY])
{
	struct sr_context info;

	sr_context_manifest_key(&info);
	expand(dek, &info, key);
}

void sr_track_key(const uint8_t dek[SR_KEY], uint16_t track, uint8_t key[SR_KEY])
{
	struct sr_context info;

	sr_context_track_key(&info, track);
	expand(dek, &info, key);
}
