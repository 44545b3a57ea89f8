/*
 * A daemon's side of one connection on the test's own loop, which answers as its script says. For the tests of
 * libsealreel.
 */
#ifndef SR_FAKE_DAEMON_H
#define SR_FAKE_DAEMON_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "conn.h"
#include "credential.h"
#include "message.h"
#include "sealreel.h"

#define FAKE_GRANT "grant"
#define FAKE_DEADLINE_MS 20000u

struct fake;
typedef void fake_script(struct fake *fake, const struct sr_message_head *head, struct sr_cursor *fields);

struct fake {
	uv_loop_t loop;
	uv_pipe_t listener;
	uv_pipe_t peer;
	uv_timer_t deadline;
	struct sr_conn *conn;
	fake_script *script;
	void *context;
	bool connected;
	bool admits; /* false: an unknown caller is dropped in silence */
	bool cut;    /* closed by this side */
	bool mute;   /* says nothing more */
	unsigned messages;
	unsigned connections; /* one after the other */
	struct sr_credential credential;
	uint8_t server_secret[32];
	char directory[32];
	char credential_path[64];
	char socket_path[64];
	sr_client *client;
	struct sr_result result; /* of the last call that was waited for */
	bool done;
};

struct fake_write {
	uv_write_t write;
	uint8_t bytes[];
};

static inline void fake_written(uv_write_t *write, int status)
{
	(void)status;
	free(write);
}

/* Send bytes as they are. */
static inline void fake_raw(struct fake *fake, const void *bytes, size_t size)
{
	if (fake->cut || fake->mute || size == 0)
		return;
	struct fake_write *write = malloc(sizeof *write + size);
	memcpy(write->bytes, bytes, size);
	uv_buf_t buffer = uv_buf_init((char *)write->bytes, (unsigned)size);
	cr_assert_eq(uv_write(&write->write, (uv_stream_t *)&fake->peer, &buffer, 1, fake_written), 0);
}

/* A message being made: fields go to `fields`, then fake_send. */
struct fake_message {
	struct sr_builder fields;
	uint8_t frame[SR_FRAME_MAX];
};

static inline struct fake_message *fake_begin(uint8_t type, uint32_t stream, uint64_t request)
{
	static struct fake_message message;
	message.fields = sr_builder_over(message.frame + SR_FRAME_HEAD, SR_MESSAGE_MAX);
	sr_message_head_encode(&message.fields,
			       &(struct sr_message_head){.type = type, .stream = stream, .request = request});
	return &message;
}

static inline void fake_send(struct fake *fake, struct fake_message *message)
{
	cr_assert_not(message->fields.failed);
	if (fake->cut || fake->mute)
		return;
	cr_assert_eq(sr_conn_seal(fake->conn, message->frame, message->fields.used), SR_OK);
	fake_raw(fake, message->frame, SR_FRAME_HEAD + message->fields.used + SR_AEAD_TAG);
}

static inline void fake_empty(struct fake *fake, uint8_t type, const struct sr_message_head *head)
{
	fake_send(fake, fake_begin(type, head->stream, head->request));
}

static inline void fake_error(struct fake *fake, const struct sr_message_head *head, enum sr_code code, bool ended)
{
	struct fake_message *message = fake_begin(SR_MSG_ERROR, head->stream, head->request);
	const struct sr_error_reply error = {
		.code = code, .ended = ended, .retry_ms = 7, .text = {(const uint8_t *)"scripted", 8}};
	sr_error_reply_encode(&message->fields, &error);
	fake_send(fake, message);
}

static inline void fake_durable(struct fake *fake, uint8_t type, const struct sr_message_head *head, uint64_t durable)
{
	struct fake_message *message = fake_begin(type, head->stream, head->request);
	sr_durable_encode(&message->fields, durable);
	fake_send(fake, message);
}

static inline void fake_cut(struct fake *fake)
{
	if (fake->connected && !fake->cut)
		uv_close((uv_handle_t *)&fake->peer, NULL);
	fake->cut = true;
}

static inline void fake_message_came(struct fake *fake, struct sr_conn_event *event)
{
	if (event->head.type == SR_MSG_PING) {
		fake_empty(fake, SR_MSG_PONG, &event->head);
	} else if (event->head.type != SR_MSG_PONG && event->head.type != SR_MSG_GOODBYE) {
		fake->messages++;
		fake->script(fake, &event->head, &event->fields);
	}
}

static inline void fake_events(struct fake *fake)
{
	struct sr_conn_event event;
	struct sr_error err;
	uint8_t reply[SR_NOISE_MESSAGE2];
	while (!fake->cut) {
		cr_assert_eq(sr_conn_next(fake->conn, &event, &err), SR_OK);
		if (event.kind == SR_CONN_NOTHING)
			return;
		if (event.kind == SR_CONN_MESSAGE) {
			fake_message_came(fake, &event);
		} else if (event.kind == SR_CONN_CALLER && !fake->admits) {
			fake_cut(fake);
		} else if (event.kind == SR_CONN_CALLER) {
			cr_assert_eq(sr_conn_admit(fake->conn, fake->credential.psk, reply), SR_OK);
			fake_raw(fake, reply, sizeof reply);
		}
	}
}

static inline void fake_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct fake *fake = handle->data;
	uint8_t *data;
	size_t size;
	(void)suggested;
	cr_assert_eq(sr_conn_room(fake->conn, &data, &size), SR_OK);
	*buffer = uv_buf_init((char *)data, (unsigned)size);
}

static inline void fake_bytes(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	struct fake *fake = stream->data;
	(void)buffer;
	if (got < 0) {
		fake_cut(fake);
	} else if (got > 0) {
		sr_conn_filled(fake->conn, (size_t)got);
		fake_events(fake);
	}
}

static inline void fake_accept(uv_stream_t *listener, int status)
{
	struct fake *fake = listener->data;
	cr_assert_eq(status, 0);
	cr_assert(!fake->connected || fake->cut, "a second connection beside the first");
	sr_conn_free(fake->conn);
	fake->cut = false;
	fake->connections++;
	cr_assert_eq(uv_pipe_init(&fake->loop, &fake->peer, 0), 0);
	fake->peer.data = fake;
	cr_assert_eq(uv_accept(listener, (uv_stream_t *)&fake->peer), 0);
	fake->connected = true;
	fake->conn = sr_conn_server(fake->server_secret, fake->credential.store, 1u << 20);
	cr_assert_not_null(fake->conn);
	cr_assert_eq(uv_read_start((uv_stream_t *)&fake->peer, fake_room, fake_bytes), 0);
}

static inline void fake_late(uv_timer_t *timer)
{
	(void)timer;
	cr_assert_fail("the deadline has passed");
}

static inline void fake_write_credential(struct fake *fake)
{
	char text[SR_CREDENTIAL_TEXT_MAX];
	size_t size;
	sr_credential_format(&fake->credential, text, &size);
	int fd = open(fake->credential_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, size), (ssize_t)size);
	close(fd);
}

/* Listen, write a credential for it, make a client; `context` is the script's. */
static inline void fake_start(struct fake *fake, fake_script *script, void *context,
			      const struct sr_client_options *more)
{
	uint8_t public_key[32];
	struct sr_client_options options = more ? *more : (struct sr_client_options){.grant = FAKE_GRANT};
	*fake = (struct fake){.script = script, .context = context, .admits = true, .directory = "/tmp/sr-fake-XXXXXX"};
	cr_assert_neq(signal(SIGPIPE, SIG_IGN), SIG_ERR);
	cr_assert_geq(sodium_init(), 0);
	cr_assert_not_null(mkdtemp(fake->directory));
	(void)snprintf(fake->credential_path, sizeof fake->credential_path, "%s/cred", fake->directory);
	(void)snprintf(fake->socket_path, sizeof fake->socket_path, "%s/sock", fake->directory);
	(void)snprintf(fake->credential.name, sizeof fake->credential.name, "test");
	(void)snprintf(fake->credential.address, sizeof fake->credential.address, "unix:%s", fake->socket_path);
	randombytes_buf(fake->credential.store, SR_UUID);
	crypto_box_keypair(fake->credential.server_key, fake->server_secret);
	crypto_box_keypair(public_key, fake->credential.secret_key);
	randombytes_buf(fake->credential.psk, sizeof fake->credential.psk);
	fake_write_credential(fake);
	cr_assert_eq(uv_loop_init(&fake->loop), 0);
	cr_assert_eq(uv_pipe_init(&fake->loop, &fake->listener, 0), 0);
	fake->listener.data = fake;
	cr_assert_eq(uv_pipe_bind(&fake->listener, fake->socket_path), 0);
	cr_assert_eq(uv_listen((uv_stream_t *)&fake->listener, 1, fake_accept), 0);
	cr_assert_eq(uv_timer_init(&fake->loop, &fake->deadline), 0);
	cr_assert_eq(uv_timer_start(&fake->deadline, fake_late, FAKE_DEADLINE_MS, 0), 0);
	options.credential = fake->credential_path;
	cr_assert_eq(sr_client_new(&fake->loop, &options, &fake->client, &fake->result), SR_OK, "%s",
		     fake->result.text);
}

static inline void fake_on_done(void *context, const struct sr_result *result)
{
	struct fake *fake = context;
	cr_assert_not(fake->done, "a callback ran twice");
	fake->result = *result;
	fake->done = true;
}

/* Turn the loop until fake->done; the code of what was done. */
static inline enum sr_code fake_wait(struct fake *fake)
{
	while (!fake->done)
		(void)uv_run(&fake->loop, UV_RUN_ONCE);
	fake->done = false;
	return fake->result.code;
}

static inline void fake_connect(struct fake *fake)
{
	cr_assert_eq(sr_connect(fake->client, fake_on_done, fake, NULL), SR_OK);
	cr_assert_eq(fake_wait(fake), SR_OK, "%s", fake->result.text);
}

static inline void fake_stop(struct fake *fake)
{
	if (fake->client)
		sr_client_close(fake->client, NULL, NULL);
	fake_cut(fake);
	uv_close((uv_handle_t *)&fake->listener, NULL);
	uv_close((uv_handle_t *)&fake->deadline, NULL);
	(void)uv_run(&fake->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&fake->loop), 0, "handles are left on the loop");
	sr_conn_free(fake->conn);
	(void)unlink(fake->credential_path);
	(void)unlink(fake->socket_path);
	cr_assert_eq(rmdir(fake->directory), 0);
}

#endif
