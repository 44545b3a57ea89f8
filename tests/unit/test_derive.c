/*
 * Derivations against the same constructions on libcrypto's HMAC and HKDF, labels written out here; and frozen values.
 */
#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sodium.h>
#include <string.h>

#include "fixed_keyring.h"
#include "keys/derive.h"

#define IDENTITY "urn:example:mrn|0042"

static const uint8_t row_salt[32] = {1, 2, 3};

/* label, zero byte, then for each part a u16 length and its bytes. */
static size_t labelled(uint8_t *out, const char *label, const void *first, size_t first_size, const void *second,
		       size_t second_size)
{
	uint8_t *at = out + strlen(label) + 1;

	memcpy(out, label, strlen(label) + 1);
	*at++ = (uint8_t)(first_size >> 8);
	*at++ = (uint8_t)first_size;
	memcpy(at, first, first_size);
	at += first_size;
	if (second != NULL) {
		*at++ = (uint8_t)(second_size >> 8);
		*at++ = (uint8_t)second_size;
		memcpy(at, second, second_size);
		at += second_size;
	}
	return (size_t)(at - out);
}

/* HMAC-SHA-512 under the fixed K_tag. */
static void hmac(const uint8_t *message, size_t size, uint8_t out[64])
{
	uint8_t key[32];
	unsigned length = 64;

	for (size_t i = 0; i < 32; i++)
		key[i] = (uint8_t)(0x10 + i);
	cr_assert_not_null(HMAC(EVP_sha512(), key, 32, message, size, out, &length));
}

/* HKDF-SHA-512 on libcrypto; without a salt, Expand alone. */
static void hkdf(const uint8_t *key, const uint8_t *salt, const uint8_t *info, size_t info_size, uint8_t out[32])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	int mode = salt == NULL ? EVP_KDF_HKDF_MODE_EXPAND_ONLY : EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND;
	OSSL_PARAM params[6];
	size_t n = 0;

	params[n++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA512", 0);
	params[n++] = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	params[n++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, 32);
	params[n++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, info_size);
	if (salt != NULL)
		params[n++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, 32);
	params[n] = OSSL_PARAM_construct_end();
	cr_assert_eq(EVP_KDF_derive(ctx, out, 32, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

Test(derive, tags_of_every_length_are_labelled_hmacs)
{
	struct sr_keyring *keyring = fixed_keyring();
	uint8_t identity[255];
	uint8_t message[400];
	uint8_t expected[64];
	uint8_t tag[SR_TAG];

	for (size_t i = 0; i < sizeof identity; i++)
		identity[i] = (uint8_t)(i * 7);
	for (size_t size = 1; size <= sizeof identity; size++) {
		hmac(message, labelled(message, "sealreel v1 patient tag", identity, size, NULL, 0), expected);
		sr_patient_tag(keyring, identity, size, tag, NULL);
		cr_assert_arr_eq(tag, expected, SR_TAG, "patient tag of %zu bytes", size);
		hmac(message, labelled(message, "sealreel v1 actor tag", identity, size, NULL, 0), expected);
		sr_actor_tag(keyring, identity, size, tag);
		cr_assert_arr_eq(tag, expected, SR_TAG, "actor tag of %zu bytes", size);
	}
	sr_keyring_free(keyring);
}

Test(derive, pairs_are_hashed_with_their_lengths)
{
	struct sr_keyring *keyring = fixed_keyring();
	uint8_t message[800];
	uint8_t expected[64];
	uint8_t hash[SR_TAG];
	uint8_t other[SR_TAG];

	hmac(message, labelled(message, "sealreel v1 consultation", "issuer", 6, "visit-1", 7), expected);
	sr_consultation_hash(keyring, "issuer", "visit-1", hash);
	cr_assert_arr_eq(hash, expected, SR_TAG);
	hmac(message, labelled(message, "sealreel v1 grant", "issuer", 6, "visit-1", 7), expected);
	sr_grant_hash(keyring, "issuer", "visit-1", other);
	cr_assert_arr_eq(other, expected, SR_TAG);
	cr_assert_arr_neq(hash, other, SR_TAG, "each use has its own label");
	sr_consultation_hash(keyring, "issuerv", "isit-1", other);
	cr_assert_arr_neq(hash, other, SR_TAG, "where one part ends counts");
	sr_keyring_free(keyring);
}

Test(derive, patient_key_is_hkdf_with_root_salt_and_identity)
{
	struct sr_keyring *keyring = fixed_keyring();
	uint8_t info[400];
	uint8_t root[32];
	uint8_t expected[32];
	uint8_t key[SR_KEY];
	uint8_t identity[255];

	for (size_t i = 0; i < sizeof identity; i++)
		identity[i] = (uint8_t)(i * 5 + 1);
	for (size_t i = 0; i < 32; i++)
		root[i] = (uint8_t)(0x60 + i);
	for (size_t size = 1; size <= sizeof identity; size++) {
		hkdf(root, row_salt, info, labelled(info, "sealreel v1 patient key", identity, size, NULL, 0),
		     expected);
		cr_assert_eq(sr_patient_key(keyring, 3, row_salt, identity, size, key, NULL), SR_OK);
		cr_assert_arr_eq(key, expected, SR_KEY, "patient key of %zu bytes", size);
	}
	sr_keyring_free(keyring);
}

Test(derive, patient_key_depends_on_root_salt_and_each_bit_of_the_identity)
{
	struct sr_keyring *keyring = fixed_keyring();
	uint8_t identity[] = IDENTITY;
	uint8_t salt[32];
	uint8_t key[SR_KEY];
	uint8_t other[SR_KEY];

	memcpy(salt, row_salt, sizeof salt);
	cr_assert_eq(sr_patient_key(keyring, 1, salt, identity, 20, key, NULL), SR_OK);
	cr_assert_eq(sr_patient_key(keyring, 3, salt, identity, 20, other, NULL), SR_OK);
	cr_assert_arr_neq(key, other, SR_KEY);
	for (size_t bit = 0; bit < 256; bit++) {
		salt[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(sr_patient_key(keyring, 1, salt, identity, 20, other, NULL), SR_OK);
		cr_assert_arr_neq(key, other, SR_KEY, "salt's bit %zu", bit);
		salt[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 160; bit++) {
		identity[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(sr_patient_key(keyring, 1, salt, identity, 20, other, NULL), SR_OK);
		cr_assert_arr_neq(key, other, SR_KEY, "identity's bit %zu", bit);
		identity[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	sr_keyring_free(keyring);
}

Test(derive, a_root_that_is_not_there_is_unavailable_and_gives_zeros)
{
	struct sr_keyring *keyring = fixed_keyring();
	static const uint32_t missing[] = {0, 2, 4, UINT32_MAX};
	uint8_t key[SR_KEY];

	for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
		memset(key, 0xff, sizeof key);
		cr_assert_eq(sr_patient_key(keyring, missing[i], row_salt, (const uint8_t *)"x", 1, key, NULL),
			     SR_UNAVAILABLE);
		cr_assert_eq(sodium_is_zero(key, sizeof key), 1);
	}
	sr_keyring_free(keyring);
}

Test(derive, keys_under_a_dek_are_expansions_with_their_labels)
{
	static const uint16_t tracks[] = {1, 2, 255, 256, 65535};
	static const struct {
		const char *label;
		void (*derive)(const uint8_t dek[SR_KEY], uint8_t key[SR_KEY]);
	} cases[] = {
		{"sealreel v1 entry key", sr_entry_key},
		{"sealreel v1 head key", sr_head_key},
		{"sealreel v1 manifest key", sr_manifest_key},
	};
	uint8_t dek[SR_KEY];
	uint8_t info[64];
	uint8_t expected[32];
	uint8_t key[SR_KEY];

	memset(dek, 0x5a, sizeof dek);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		hkdf(dek, NULL, (const uint8_t *)cases[i].label, strlen(cases[i].label) + 1, expected);
		cases[i].derive(dek, key);
		cr_assert_arr_eq(key, expected, SR_KEY, "%s", cases[i].label);
	}
	for (size_t i = 0; i < sizeof tracks / sizeof tracks[0]; i++) {
		size_t size = sizeof "sealreel v1 track key";

		memcpy(info, "sealreel v1 track key", size);
		info[size++] = (uint8_t)(tracks[i] >> 8);
		info[size++] = (uint8_t)tracks[i];
		hkdf(dek, NULL, info, size, expected);
		sr_track_key(dek, tracks[i], key);
		cr_assert_arr_eq(key, expected, SR_KEY, "track %u", (unsigned)tracks[i]);
	}
}

Test(derive, what_a_recording_is_shown_with)
{
	uint8_t dek[SR_KEY], entry[SR_KEY], head[SR_KEY], expected[SR_KEY];

	for (unsigned first = 0; first < 256; first += 85) {
		memset(dek, (int)first, sizeof dek);
		sr_shown_keys(dek, entry, head);
		sr_entry_key(dek, expected);
		cr_assert_arr_eq(entry, expected, SR_KEY);
		sr_head_key(dek, expected);
		cr_assert_arr_eq(head, expected, SR_KEY);
	}
}

Test(derive, work_is_counted)
{
	struct sr_keyring *keyring = fixed_keyring();
	struct sr_work work = {.index_reads = 5};
	uint8_t out[32];

	sr_patient_tag(keyring, (const uint8_t *)"x", 1, out, &work);
	cr_assert_eq(work.derivations, 1);
	cr_assert_eq(sr_patient_key(keyring, 1, row_salt, (const uint8_t *)"x", 1, out, &work), SR_OK);
	cr_assert_eq(work.derivations, 2);
	cr_assert_eq(work.opens, 0);
	cr_assert_eq(work.index_reads, 5);
	sr_keyring_free(keyring);
}

/* Made with Python's hmac and hashlib from FORMAT.md; what version 1 has stored must be found for ever. */
Test(derive, frozen)
{
	struct sr_keyring *keyring = fixed_keyring();
	const uint8_t *identity = (const uint8_t *)IDENTITY;
	uint8_t dek[SR_KEY];
	uint8_t out[32];

	memset(dek, 0x5a, sizeof dek);
	sr_patient_tag(keyring, identity, strlen(IDENTITY), out, NULL);
	assert_hex(out, 32, "39ad197b754247ff59dcc48b26410888068a19fb3e37cbffc2d89a9e8a0bd695", "patient tag");
	sr_actor_tag(keyring, identity, strlen(IDENTITY), out);
	assert_hex(out, 32, "26ba42293ae4e4d49cfe18021f0be4bc312cf55f288b2a4fe3617a72b7510a7e", "actor tag");
	sr_consultation_hash(keyring, "issuer", "visit-1", out);
	assert_hex(out, 32, "1b657af71ef14973e1e3cdbf90f004c95723d6992474e2949bc6274abef8e02a", "consultation hash");
	sr_grant_hash(keyring, "issuer", "token-1", out);
	assert_hex(out, 32, "ca7f12376b85af17a74f291ef1e9b57524773e48280136ab6201e66692afcbae", "grant hash");
	cr_assert_eq(sr_patient_key(keyring, 3, row_salt, identity, strlen(IDENTITY), out, NULL), SR_OK);
	assert_hex(out, 32, "918dfb6d2bf067e4ef09cb6e5dd5543fa54c3b7adc8443e05bdbe200e33fcd57", "patient key");
	sr_entry_key(dek, out);
	assert_hex(out, 32, "b79a13deb2fe40df5a46538e777d9dd85a80a08b96c6620a417e124fab9ffb16", "entry key");
	sr_track_key(dek, 258, out);
	assert_hex(out, 32, "0d381722d95ceaf88f518c966abd70dd0abaa5e52bd5e5c1204e2c5cb0705f65", "track key");
	sr_keyring_free(keyring);
}
