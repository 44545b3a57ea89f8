/*
 * Noise_IKpsk2_25519_AESGCM_SHA512 (noiseprotocol.org, revision 34): handshake and transport ciphers.
 * Bytes in, bytes out; who is allowed in, and framing, live in conn.h.
 */
#ifndef SR_NOISE_H
#define SR_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aead.h"
#include "error.h"

#define SR_NOISE_KEY 32
#define SR_NOISE_HASH 64
#define SR_NOISE_MESSAGE1 96 /* e, encrypted s, tag of the empty payload */
#define SR_NOISE_MESSAGE2 48 /* e, tag of the empty payload */
#define SR_NOISE_REKEY_AFTER (UINT64_C(1) << 20)

/* A handshake in progress, either side. Opaque; lives in memory that is wiped when freed. */
struct sr_handshake;

/* One direction of an established session. Opaque. Rekeys itself after every SR_NOISE_REKEY_AFTER messages. */
struct sr_transport;

/*
 * Begin as initiator. `secret_key` is the initiator's static X25519 key, `peer_key` the responder's public one, `psk`
 * 32 bytes, `prologue` any bytes both sides share (copied). `ephemeral` is NULL, but for published vectors.
 * NULL when memory is used up. Released with sr_handshake_free (NULL allowed).
 */
struct sr_handshake *sr_handshake_initiator(const uint8_t secret_key[SR_NOISE_KEY],
					    const uint8_t peer_key[SR_NOISE_KEY], const uint8_t psk[SR_NOISE_KEY],
					    const uint8_t *prologue, size_t prologue_size,
					    const uint8_t *ephemeral) SR_MUST_USE;

/* Begin as responder; the psk is given later, once message 1 has told who calls. */
struct sr_handshake *sr_handshake_responder(const uint8_t secret_key[SR_NOISE_KEY], const uint8_t *prologue,
					    size_t prologue_size, const uint8_t *ephemeral) SR_MUST_USE;

void sr_handshake_free(struct sr_handshake *handshake);

/*
 * Initiator: write message 1 with `payload` (NULL/0 in sealreel, where both are empty). `out` takes SR_NOISE_MESSAGE1 +
 * payload bytes. Responder: read it; `peer_key` (out) is the initiator's static key; `payload` (out) takes
 * size - SR_NOISE_MESSAGE1 bytes. SR_UNAUTHENTICATED if it does not open or a DH result is all zero; SR_INTERNAL if
 * libcrypto fails, a message would exceed 65,535 bytes, or the call is out of turn. After a failure only
 * sr_handshake_free may follow, `peer_key` is zeros and `payload` holds no plaintext.
 */
enum sr_code sr_handshake_write1(struct sr_handshake *handshake, const uint8_t *payload, size_t payload_size,
				 uint8_t *out) SR_MUST_USE;
enum sr_code sr_handshake_read1(struct sr_handshake *handshake, const uint8_t *in, size_t size,
				uint8_t peer_key[SR_NOISE_KEY], uint8_t *payload) SR_MUST_USE;

/* Responder: write message 2 under `psk`. Initiator: read it. As above, sizes with SR_NOISE_MESSAGE2. */
enum sr_code sr_handshake_write2(struct sr_handshake *handshake, const uint8_t psk[SR_NOISE_KEY],
				 const uint8_t *payload, size_t payload_size, uint8_t *out) SR_MUST_USE;
enum sr_code sr_handshake_read2(struct sr_handshake *handshake, const uint8_t *in, size_t size,
				uint8_t *payload) SR_MUST_USE;

/*
 * After message 2, once, on either side: the two directions and the handshake hash (out, SR_NOISE_HASH bytes, may be
 * NULL). SR_INTERNAL when memory is used up or the handshake is not complete, with neither made (both NULL). Each is
 * released with sr_transport_free.
 */
enum sr_code sr_handshake_split(struct sr_handshake *handshake, struct sr_transport **send,
				struct sr_transport **receive, uint8_t *hash) SR_MUST_USE;

void sr_transport_free(struct sr_transport *transport);

/*
 * Seal the next message of this direction: `out` takes size + SR_AEAD_TAG bytes (in place allowed), size at most
 * 65,519. Open likewise: `size` is the ciphertext's. SR_INTERNAL if sealing fails, SR_UNAUTHENTICATED if it does not
 * open, with `out` zeros: the direction is then over, and no later message of it is sealed or opened.
 */
enum sr_code sr_transport_seal(struct sr_transport *transport, const uint8_t *plain, size_t size,
			       uint8_t *out) SR_MUST_USE;
enum sr_code sr_transport_open(struct sr_transport *transport, const uint8_t *sealed, size_t size,
			       uint8_t *out) SR_MUST_USE;

#endif
