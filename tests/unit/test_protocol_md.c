/*
 * PROTOCOL.md's worked examples: made again here, each must stand in the document to the letter, and no others.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "context.h"
#include "credential.h"
#include "hkdf.h"
#include "message.h"
#include "message_epoch.h"
#include "message_patient.h"
#include "noise.h"
#include "track.h"

#define MARK "Example `"
#define LINE_BYTES 32

static char *document;
static size_t examples; /* how many were looked for */

static const uint8_t identity[] = "https://clinic.example/mrn|4711";
static uint8_t recording[SR_UUID], store[SR_UUID], dek[SR_KEY], salt[SR_SALT];
static uint8_t client_secret[32], server_secret[32], psk[32], client_ephemeral[32], server_ephemeral[32];

static void fill(uint8_t *out, size_t size, uint8_t first)
{
	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t)(first + i);
}

/* A whole file as a string of the caller's. */
static char *read_text(const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t most = 1 << 20, size;
	char *text = malloc(most);

	cr_assert(file != NULL && text != NULL, "%s", path);
	size = fread(text, 1, most - 1, file);
	cr_assert(feof(file));
	text[size] = '\0';
	fclose(file);
	return text;
}

static void set_up(void)
{
	cr_assert_geq(sodium_init(), 0);
	document = read_text(SR_SOURCE_DIR "/proto/PROTOCOL.md");
	cr_assert(sr_uuid_parse("018fa3c4-5b6d-7e8f-90a1-b2c3d4e5f607", 36, recording));
	fill(store, sizeof store, 0x00);
	fill(dek, sizeof dek, 0x20);
	fill(salt, sizeof salt, 0x40);
	fill(server_secret, 32, 0x60);
	fill(client_secret, 32, 0x80);
	fill(psk, 32, 0xa0);
	fill(client_ephemeral, 32, 0xc0);
	fill(server_ephemeral, 32, 0xe0);
}

static void tear_down(void)
{
	free(document);
}

TestSuite(protocol_md, .init = set_up, .fini = tear_down);

/* The document must hold this text in a block under its marker. */
static void expect_text(const char *name, const char *text)
{
	size_t most = strlen(text) + 256;
	char *block = malloc(most);

	cr_assert_not_null(block);
	(void)snprintf(block, most, MARK "%s`:\n```\n%s```\n", name, text);
	examples++;
	cr_expect_not_null(strstr(document, block), "PROTOCOL.md lacks\n%s", block);
	free(block);
}

static void expect_hex(const char *name, const uint8_t *data, size_t size)
{
	char text[4096];
	size_t used = 0;

	for (size_t at = 0; at < size; at += LINE_BYTES) {
		size_t part = size - at < LINE_BYTES ? size - at : LINE_BYTES;

		cr_assert_lt(used + 2 * part + 2, sizeof text);
		sodium_bin2hex(text + used, sizeof text - used, data + at, part);
		used += 2 * part;
		text[used++] = '\n';
	}
	text[used] = '\0';
	expect_text(name, text);
}

static void expect_context(const char *name, const struct sr_context *context)
{
	expect_hex(name, context->bytes, context->size);
}

static void contexts(void)
{
	struct sr_context context;

	sr_context_patient_key(&context, identity, sizeof identity - 1);
	expect_context("context-patient-key", &context);
	sr_context_consultation(&context, "https://id.example", 18, "c-9", 3);
	expect_context("context-consultation", &context);
	sr_context_outer_wrap(&context, recording, 1);
	expect_context("context-outer-wrap", &context);
	sr_context_track_key(&context, 1);
	expect_context("context-track-key", &context);
	sr_context_segment(&context, recording, 1, 0);
	expect_context("context-segment", &context);
	sr_context_chain(&context, recording, 1);
	expect_context("context-chain", &context);
}

static void credential(void)
{
	struct sr_credential made = {.name = "clinic-playback", .address = "unix:/run/sealreel/sealreel.sock"};
	char text[SR_CREDENTIAL_TEXT_MAX + 1];
	size_t size;

	memcpy(made.store, store, sizeof store);
	memcpy(made.secret_key, client_secret, 32);
	memcpy(made.psk, psk, 32);
	cr_assert_eq(crypto_scalarmult_base(made.server_key, server_secret), 0);
	sr_credential_format(&made, text, &size);
	text[size] = '\0';
	expect_text("credential", text);
}

/* Both directions as the client has them, and as the daemon has them. */
struct session {
	struct sr_transport *client_sends, *client_receives, *daemon_sends, *daemon_receives;
};

static struct session handshake(void)
{
	struct sr_handshake *client, *daemon;
	uint8_t server_public[32], client_public[32], peer[32], prologue[SR_PREAMBLE + SR_UUID];
	uint8_t hello[SR_PREAMBLE + SR_NOISE_MESSAGE1], reply[SR_NOISE_MESSAGE2], hash[SR_NOISE_HASH];
	struct session session;

	cr_assert_eq(crypto_scalarmult_base(server_public, server_secret), 0);
	cr_assert_eq(crypto_scalarmult_base(client_public, client_secret), 0);
	memcpy(prologue, "sealreel\0\1", SR_PREAMBLE);
	memcpy(prologue + SR_PREAMBLE, store, SR_UUID);
	expect_hex("server-public", server_public, 32);
	expect_hex("client-public", client_public, 32);
	expect_hex("prologue", prologue, sizeof prologue);

	client = sr_handshake_initiator(client_secret, server_public, psk, prologue, sizeof prologue, client_ephemeral);
	daemon = sr_handshake_responder(server_secret, prologue, sizeof prologue, server_ephemeral);
	cr_assert(client != NULL && daemon != NULL);
	memcpy(hello, prologue, SR_PREAMBLE);
	cr_assert_eq(sr_handshake_write1(client, NULL, 0, hello + SR_PREAMBLE), SR_OK);
	cr_assert_eq(sr_handshake_read1(daemon, hello + SR_PREAMBLE, SR_NOISE_MESSAGE1, peer, NULL), SR_OK);
	cr_assert_eq(sr_handshake_write2(daemon, psk, NULL, 0, reply), SR_OK);
	cr_assert_eq(sr_handshake_read2(client, reply, sizeof reply, NULL), SR_OK);
	cr_assert_eq(sr_handshake_split(client, &session.client_sends, &session.client_receives, hash), SR_OK);
	cr_assert_eq(sr_handshake_split(daemon, &session.daemon_sends, &session.daemon_receives, NULL), SR_OK);
	expect_hex("hello", hello, sizeof hello);
	expect_hex("reply", reply, sizeof reply);
	expect_hex("handshake-hash", hash, sizeof hash);
	sr_handshake_free(client);
	sr_handshake_free(daemon);
	return session;
}

/* A message in the clear and as a frame of its direction; the other end must open it. */
static void expect_message(const char *name, struct sr_transport *sends, struct sr_transport *receives,
			   const struct sr_builder *message)
{
	uint8_t frame[512], opened[512];
	struct sr_builder out = sr_builder_over(frame, sizeof frame);
	char label[64];

	cr_assert(!message->failed);
	sr_put_u16(&out, (uint16_t)(message->used + SR_AEAD_TAG));
	cr_assert_eq(sr_transport_seal(sends, message->data, message->used, frame + SR_FRAME_HEAD), SR_OK);
	(void)snprintf(label, sizeof label, "%s-plain", name);
	expect_hex(label, message->data, message->used);
	(void)snprintf(label, sizeof label, "%s-frame", name);
	expect_hex(label, frame, SR_FRAME_HEAD + message->used + SR_AEAD_TAG);
	cr_assert_eq(sr_transport_open(receives, frame + SR_FRAME_HEAD, message->used + SR_AEAD_TAG, opened), SR_OK);
	cr_assert_arr_eq(opened, message->data, message->used);
}

static void frames(const struct session *session)
{
	uint8_t bytes[256];
	struct sr_builder out = sr_builder_over(bytes, sizeof bytes);
	struct sr_named open = {.grant = {(const uint8_t *)"TOKEN", 5}};
	struct sr_error_reply error = {
		.code = SR_NOT_FOUND, .ended = true, .text = {(const uint8_t *)"no such recording", 17}};

	sr_message_head_encode(&out, &(struct sr_message_head){.type = SR_MSG_PING, .request = 1});
	expect_message("ping", session->client_sends, session->daemon_receives, &out);
	out = sr_builder_over(bytes, sizeof bytes);
	sr_message_head_encode(&out, &(struct sr_message_head){.type = SR_MSG_PONG, .request = 1});
	expect_message("pong", session->daemon_sends, session->client_receives, &out);

	memcpy(open.recording, recording, SR_UUID);
	out = sr_builder_over(bytes, sizeof bytes);
	sr_message_head_encode(&out, &(struct sr_message_head){SR_MSG_PLAY_OPEN, 1, UINT64_C(0x1122334455667788)});
	sr_named_encode(&out, &open);
	expect_message("play-open", session->client_sends, session->daemon_receives, &out);
	out = sr_builder_over(bytes, sizeof bytes);
	sr_message_head_encode(&out, &(struct sr_message_head){SR_MSG_ERROR, 1, UINT64_C(0x1122334455667788)});
	sr_error_reply_encode(&out, &error);
	expect_message("error", session->daemon_sends, session->client_receives, &out);
}

/* A message of request 1 on stream 0, in the clear. */
static struct sr_builder begin_plain(uint8_t *bytes, size_t size, uint8_t type)
{
	struct sr_builder out = sr_builder_over(bytes, size);

	sr_message_head_encode(&out, &(struct sr_message_head){.type = type, .request = 1});
	return out;
}

static void rotation(void)
{
	static const uint8_t place[] = {1, 0xaa};
	struct sr_epoch_retire retire = {.number = 3, .no_backup = true};
	struct sr_rotate_step step = {.first = 1, .last = 2, .limit = SR_ROTATE_STEP_MAX};
	struct sr_rotate_stepped stepped = {
		.to = 3, .place = {place, sizeof place}, .progress = 6667, .passed = 1234, .moved = 1000};
	uint8_t bytes[256];
	struct sr_builder out = begin_plain(bytes, sizeof bytes, SR_MSG_EPOCH_RETIRE);

	sr_epoch_retire_encode(&out, &retire);
	expect_hex("epoch-retire-plain", bytes, out.used);
	out = begin_plain(bytes, sizeof bytes, SR_MSG_ROTATE_STEP);
	sr_rotate_step_encode(&out, &step);
	expect_hex("rotate-step-plain", bytes, out.used);
	out = begin_plain(bytes, sizeof bytes, SR_MSG_ROTATE_STEPPED);
	sr_rotate_stepped_encode(&out, &stepped);
	expect_hex("rotate-stepped-plain", bytes, out.used);
}

static void identities(void)
{
	struct sr_patient_pair pair = {.from = {(const uint8_t *)"a.b.c", 5}, .to = {(const uint8_t *)"d.e.f", 5}};
	struct sr_patient_moved moved = {.recordings = 64, .root_version = 2, .more = true};
	uint8_t bytes[256];
	struct sr_builder out = begin_plain(bytes, sizeof bytes, SR_MSG_PATIENT_MERGE);

	memcpy(pair.recording, recording, SR_UUID);
	sr_patient_pair_encode(&out, &pair);
	expect_hex("patient-merge-plain", bytes, out.used);
	out = begin_plain(bytes, sizeof bytes, SR_MSG_PATIENT_MOVED);
	sr_patient_moved_encode(&out, &moved);
	expect_hex("patient-moved-plain", bytes, out.used);
}

static void session_free(struct session *session)
{
	sr_transport_free(session->client_sends);
	sr_transport_free(session->client_receives);
	sr_transport_free(session->daemon_sends);
	sr_transport_free(session->daemon_receives);
}

/* A segment of one whole chunk and five bytes, as a player meets it: key, record, chain, chunks. */
static void segment(void)
{
	static uint8_t plain[SR_CHUNK + 5], sealed[SR_SEALED_FRONT + SR_CHUNK_SEALED + 5 + SR_AEAD_TAG];
	struct sr_segment_record record = {.length = sizeof plain, .media_time = 0};
	struct sr_message_key key;
	struct sr_context context;
	uint8_t track_key[SR_KEY], chain[SR_CHAIN], bytes[SR_SEGMENT_RECORD], hash[crypto_hash_sha256_BYTES];
	struct sr_builder out = sr_builder_over(bytes, sizeof bytes);

	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (uint8_t)(i % 251);
	sr_context_track_key(&context, 1);
	sr_hkdf_expand(dek, sizeof dek, context.bytes, context.size, track_key, sizeof track_key);
	expect_hex("track-key", track_key, sizeof track_key);
	sr_context_segment(&context, recording, 1, 0);
	sr_message_key_derive(track_key, salt, context.bytes, context.size, &key);
	expect_hex("segment-key", key.key, sizeof key.key);
	expect_hex("segment-base-nonce", key.base_nonce, sizeof key.base_nonce);
	expect_hex("segment-commitment", key.commitment, sizeof key.commitment);
	cr_assert_eq(sr_seal_with_salt(track_key, salt, context.bytes, context.size, plain, sizeof plain, sealed),
		     SR_OK);
	expect_hex("segment-first-chunk-begins", sealed + SR_SEALED_FRONT, 32);
	expect_hex("segment-last-chunk", sealed + sr_chunk_offset(1), 5 + SR_AEAD_TAG);
	crypto_hash_sha256(hash, sealed, sizeof sealed);
	expect_hex("segment-sha-256", hash, sizeof hash);

	memcpy(record.salt, salt, SR_SALT);
	memcpy(record.commitment, key.commitment, SR_COMMITMENT);
	sr_segment_record_encode(&out, &record);
	expect_hex("segment-record", bytes, sizeof bytes);
	sr_chain_start(recording, 1, chain);
	expect_hex("chain-0", chain, sizeof chain);
	sr_chain_extend(chain, &record);
	expect_hex("chain-1", chain, sizeof chain);
}

Test(protocol_md, the_document_has_these_examples_and_no_others)
{
	struct session session;
	size_t marks = 0;

	contexts();
	credential();
	session = handshake();
	frames(&session);
	session_free(&session);
	segment();
	rotation();
	identities();
	for (const char *at = strstr(document, MARK); at != NULL; at = strstr(at + 1, MARK))
		marks++;
	cr_assert_eq(marks, examples, "%zu examples in PROTOCOL.md, %zu made", marks, examples);
}

/* Every type is in the document's table with its number and name. */
Test(protocol_md, every_type_has_a_row)
{
	for (unsigned type = 0; type < 256; type++) {
		char row[64];

		if (sr_message_name((uint8_t)type) == NULL)
			continue;
		(void)snprintf(row, sizeof row, "| `%02x` | `%s` |", type, sr_message_name((uint8_t)type));
		cr_expect_not_null(strstr(document, row), "no row %s", row);
	}
}

Test(protocol_md, every_code_has_a_row)
{
	for (unsigned code = 0; code < SR_CODES; code++) {
		char row[64];

		(void)snprintf(row, sizeof row, "| %u | `%s` |", code, sr_code_name((enum sr_code)code));
		cr_expect_not_null(strstr(document, row), "no row %s", row);
	}
}

/* Every label that context.c knows is in the document's table. */
Test(protocol_md, every_context_has_a_row)
{
	static const char prefix[] = "\"sealreel v1 ";
	char *source = read_text(SR_SOURCE_DIR "/proto/context.c");
	size_t labels = 0;

	for (char *at = strstr(source, prefix); at != NULL; at = strstr(at, prefix)) {
		char row[64];

		at += sizeof prefix - 1;
		(void)snprintf(row, sizeof row, "| `%.*s` |", (int)(strchr(at, '"') - at), at);
		cr_expect_not_null(strstr(document, row), "no row %s", row);
		labels++;
	}
	cr_assert_eq(labels, 27);
	free(source);
}
