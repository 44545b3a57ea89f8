/* Strict base64url: libsodium's decoder, held to its alphabet and to consuming everything. */
#include "access/base64url.h"

#include <sodium.h>

/* libsodium 1.0.18 takes some bytes above 127 for characters of its alphabet, so the alphabet is checked first. */
static bool in_alphabet(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char c = text[i];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
	}
	return true;
}

bool sr_base64url_decode(const char *text, size_t size, uint8_t *out, size_t capacity, size_t *used)
{
	/* No ignored characters and no end pointer: the decoder then fails unless the whole text is taken. */
	*used = 0;
	size_t decoded = 0;
	if (!in_alphabet(text, size))
		return false;
	if (sodium_base642bin(out, capacity, text, size, NULL, &decoded, NULL,
			      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return false;
	*used = decoded;
	return true;
}

bool sr_base64url_exact(const char *text, size_t size, uint8_t *out, size_t want)
{
	size_t used;
	return sr_base64url_decode(text, size, out, want, &used) && used == want;
}
