/*
 * The two ends of a connection for tests: before, during and after their handshake.
 */
#ifndef SR_TEST_ENDS_H
#define SR_TEST_ENDS_H

#include "noise.h"
#include "vectors.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t prologue[] = "prologue";

static inline void set_up(void)
{
	cr_assert_geq(sodium_init(), 0);
}

/* The two ends of a connection; keys differ in each run, as no outcome may hang on them. */
struct ends {
	uint8_t initiator_secret[SR_NOISE_KEY], initiator_public[SR_NOISE_KEY];
	uint8_t responder_secret[SR_NOISE_KEY], responder_public[SR_NOISE_KEY];
	uint8_t psk[SR_NOISE_KEY];
	struct sr_handshake *initiator, *responder;
};

static inline void ends_begin(struct ends *ends)
{
	ends->initiator = sr_handshake_initiator(ends->initiator_secret, ends->responder_public, ends->psk, prologue,
						 sizeof prologue, NULL);
	ends->responder = sr_handshake_responder(ends->responder_secret, prologue, sizeof prologue, NULL);
	cr_assert(ends->initiator != NULL && ends->responder != NULL);
}

static inline struct ends ends_new(void)
{
	struct ends ends;

	crypto_box_keypair(ends.initiator_public, ends.initiator_secret);
	crypto_box_keypair(ends.responder_public, ends.responder_secret);
	randombytes_buf(ends.psk, sizeof ends.psk);
	ends_begin(&ends);
	return ends;
}

static inline void ends_free(struct ends *ends)
{
	sr_handshake_free(ends->initiator);
	sr_handshake_free(ends->responder);
}

static inline void ends_again(struct ends *ends)
{
	ends_free(ends);
	ends_begin(ends);
}

/* An established session: both directions at both ends. */
struct session {
	struct sr_transport *there_send, *there_receive, *back_send, *back_receive;
};

static inline struct session session_of(struct ends *ends)
{
	uint8_t message1[SR_NOISE_MESSAGE1], message2[SR_NOISE_MESSAGE2], peer[SR_NOISE_KEY];
	uint8_t hash[2][SR_NOISE_HASH];
	struct session session;

	cr_assert_eq(sr_handshake_write1(ends->initiator, NULL, 0, message1), SR_OK);
	cr_assert_eq(sr_handshake_read1(ends->responder, message1, sizeof message1, peer, NULL), SR_OK);
	cr_assert_arr_eq(peer, ends->initiator_public, sizeof peer);
	cr_assert_eq(sr_handshake_write2(ends->responder, ends->psk, NULL, 0, message2), SR_OK);
	cr_assert_eq(sr_handshake_read2(ends->initiator, message2, sizeof message2, NULL), SR_OK);
	cr_assert_eq(sr_handshake_split(ends->initiator, &session.there_send, &session.back_receive, hash[0]), SR_OK);
	cr_assert_eq(sr_handshake_split(ends->responder, &session.back_send, &session.there_receive, hash[1]), SR_OK);
	cr_assert_arr_eq(hash[0], hash[1], SR_NOISE_HASH);
	return session;
}

static inline void session_free(struct session *session)
{
	sr_transport_free(session->there_send);
	sr_transport_free(session->there_receive);
	sr_transport_free(session->back_send);
	sr_transport_free(session->back_receive);
}

#endif
