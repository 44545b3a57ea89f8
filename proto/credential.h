/*
 * A credential: everything a service needs to call one store, as a small text file. Secret.
 */
#ifndef SR_CREDENTIAL_H
#define SR_CREDENTIAL_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "message.h"

#define SR_CREDENTIAL_TEXT_MAX 2048
#define SR_ADDRESS_MAX 511

/* Wipe with sr_credential_wipe. */
struct sr_credential {
	char name[SR_SERVICE_NAME_MAX + 1];
	char address[SR_ADDRESS_MAX + 1]; /* "unix:PATH" or "tcp:HOST:PORT" */
	uint8_t store[SR_UUID];           /* its lower-case hex is the `aud` of grants */
	uint8_t server_key[32];
	uint8_t secret_key[32];
	uint8_t psk[32];
};

void sr_credential_wipe(struct sr_credential *credential);

/*
 * The file's text (out, at least SR_CREDENTIAL_TEXT_MAX bytes, not terminated), *size (out) its length. Lines of
 * "name value", first "sealreel-credential 1", in a fixed order; binary values in lower-case hex; a newline ends each.
 */
void sr_credential_format(const struct sr_credential *credential, char *out, size_t *size);

/*
 * Parse `size` bytes of such a text. SR_USAGE with a text naming the line for anything but exactly that form (unknown,
 * missing, repeated or reordered lines, wrong lengths, a newer version); `credential` is then wiped.
 */
enum sr_code sr_credential_parse(const char *text, size_t size, struct sr_credential *credential,
				 struct sr_error *err) SR_MUST_USE;

#endif
