/* The socket under a client: addresses, connecting, and bytes between it and the connection's state machine. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client.h"

#define KEEPALIVE_SECONDS 30

/* It outlives the client's interest in it until libuv has let go: its client no longer points to it then. */
struct sr_socket {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} uv;
	uv_connect_t connecting;
	uv_getaddrinfo_t resolving;
	struct sr_client *client;
};

/* Host and port of "tcp:HOST:PORT", where a host with colons stands in brackets. */
static bool split_tcp(const char *address, char host[256], char port[6])
{
	const char *from = address + strlen("tcp:");
	const char *colon = strrchr(from, ':');
	if (!colon || colon == from || colon[1] == '\0' || strlen(colon + 1) > 5 ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1) || colon[1] == '0' || atoi(colon + 1) > 65535)
		return false;
	size_t size = (size_t)(colon - from);
	if (from[0] == '[' && size > 2 && colon[-1] == ']') {
		from++;
		size -= 2;
	} else if (memchr(from, ':', size)) {
		return false;
	}
	if (size > 255)
		return false;
	memcpy(host, from, size);
	host[size] = '\0';
	(void)snprintf(port, 6, "%s", colon + 1);
	return true;
}

bool sr_address_valid(const char *address)
{
	char host[256];
	char port[6];
	if (strlen(address) > SR_ADDRESS_MAX)
		return false;
	if (strncmp(address, "unix:", 5) == 0)
		return address[5] != '\0' && strlen(address + 5) < sizeof((struct sockaddr_un *)0)->sun_path;
	return strncmp(address, "tcp:", 4) == 0 && split_tcp(address, host, port);
}

static void on_socket_closed(uv_handle_t *handle)
{
	struct sr_socket *socket = handle->data;
	struct sr_client *client = socket->client;
	free(socket);
	sr_client_release(client);
}

void sr_socket_close(struct sr_client *client)
{
	struct sr_socket *socket = client->socket;
	if (!socket)
		return;
	client->socket = NULL;
	(void)uv_cancel((uv_req_t *)&socket->resolving);
	uv_close(&socket->uv.handle, on_socket_closed);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct sr_socket *socket = handle->data;
	struct sr_client *client = socket->client;
	uint8_t *data = NULL;
	size_t size = 0;
	(void)suggested;
	if (client->socket == socket && client->conn && sr_conn_room(client->conn, &data, &size) != SR_OK)
		size = 0;
	*buffer = uv_buf_init((char *)data, (unsigned)size);
}

/* The stream ended without a GOODBYE: nobody may take that for the end of anything. */
static void on_end(struct sr_client *client, ssize_t got)
{
	if (got == UV_ENOBUFS)
		sr_client_fail(client, SR_INTERNAL, NULL);
	else if (client->phase == SR_PHASE_HANDSHAKE)
		/* The daemon says no word before it knows who asks: also when it has as many connections as it takes.
		 */
		sr_client_fail(client, SR_UNAUTHENTICATED,
			       "the daemon ended the handshake: it does not accept this credential, is not the store "
			       "that it names, or takes no more connections now");
	else if (sr_conn_at_boundary(client->conn))
		sr_client_fail(client, SR_UNAVAILABLE, "the connection ended without a goodbye");
	else
		sr_client_fail(client, SR_UNAVAILABLE, "the connection was cut in the middle of a message");
}

static void on_bytes(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	struct sr_socket *socket = stream->data;
	struct sr_client *client = socket->client;
	(void)buffer;
	if (client->socket != socket || got == 0)
		return;
	if (got < 0) {
		on_end(client, got);
		return;
	}
	sr_conn_filled(client->conn, (size_t)got);
	sr_dispatch(client);
}

void sr_socket_pause(struct sr_client *client, bool paused)
{
	if (!client->socket || client->phase != SR_PHASE_OPEN)
		return;
	if (paused)
		(void)uv_read_stop(&client->socket->uv.stream);
	else if (uv_read_start(&client->socket->uv.stream, on_room, on_bytes) != 0)
		sr_client_fail(client, SR_IO, "the connection cannot be read");
}

static void on_hello_sent(uv_write_t *write, int status)
{
	struct sr_socket *socket = write->handle->data;
	if (status != 0 && status != UV_ECANCELED && socket->client->socket == socket)
		sr_client_fail(socket->client, SR_UNAVAILABLE, "the connection was cut before the handshake");
	free(write);
}

/* Make the connection's state machine and send its first bytes, which stand behind the request that sends them. */
static enum sr_code send_hello(struct sr_client *client)
{
	const size_t size = SR_PREAMBLE + SR_NOISE_MESSAGE1;
	const struct sr_conn_client_keys keys = {
		.secret_key = client->credential->secret_key,
		.server_key = client->credential->server_key,
		.psk = client->credential->psk,
		.store = client->credential->store,
	};
	uv_write_t *write = malloc(sizeof *write + size);
	if (!write)
		return SR_INTERNAL;
	uint8_t *hello = (uint8_t *)(write + 1);
	client->conn = sr_conn_client(&keys, SR_RECEIVE_BUFFER, hello);
	uv_buf_t buffer = uv_buf_init((char *)hello, (unsigned)size);
	if (!client->conn || uv_write(write, &client->socket->uv.stream, &buffer, 1, on_hello_sent) != 0) {
		free(write);
		return SR_INTERNAL;
	}
	return SR_OK;
}

static void on_connected(uv_connect_t *connecting, int status)
{
	struct sr_socket *socket = connecting->handle->data;
	struct sr_client *client = socket->client;
	char text[128];
	if (client->socket != socket)
		return;
	if (status != 0) {
		(void)snprintf(text, sizeof text, "no store listens there: %s", uv_strerror(status));
		sr_client_fail(client, SR_UNAVAILABLE, text);
		return;
	}
	client->phase = SR_PHASE_HANDSHAKE;
	if (send_hello(client) != SR_OK || uv_read_start(&socket->uv.stream, on_room, on_bytes) != 0)
		sr_client_fail(client, SR_INTERNAL, NULL);
}

static void on_resolved(uv_getaddrinfo_t *resolving, int status, struct addrinfo *found)
{
	struct sr_socket *socket = (struct sr_socket *)resolving->data;
	struct sr_client *client = socket->client;
	if (client->socket == socket) {
		if (status == 0)
			status = uv_tcp_connect(&socket->connecting, &socket->uv.tcp, found->ai_addr, on_connected);
		if (status != 0)
			sr_client_fail(client, SR_UNAVAILABLE, "the server's name cannot be resolved or reached");
	}
	uv_freeaddrinfo(found);
	/* The socket's own hold is given back when it closes; this one was the resolver's. */
	sr_client_release(client);
}

static int start_tcp(struct sr_client *client, struct sr_socket *socket)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	char host[256];
	char port[6];
	(void)split_tcp(client->address, host, port);
	(void)uv_tcp_nodelay(&socket->uv.tcp, 1);
	(void)uv_tcp_keepalive(&socket->uv.tcp, 1, KEEPALIVE_SECONDS);
	socket->resolving.data = socket;
	int status = uv_getaddrinfo(client->loop, &socket->resolving, on_resolved, host, port, &hints);
	if (status == 0)
		client->holds++;
	return status;
}

enum sr_code sr_socket_open(struct sr_client *client)
{
	bool is_unix = strncmp(client->address, "unix:", 5) == 0;
	struct sr_socket *socket = calloc(1, sizeof *socket);
	if (!socket)
		return SR_INTERNAL;
	int status =
		is_unix ? uv_pipe_init(client->loop, &socket->uv.pipe, 0) : uv_tcp_init(client->loop, &socket->uv.tcp);
	if (status != 0) {
		free(socket);
		return SR_INTERNAL;
	}
	socket->uv.handle.data = socket;
	socket->client = client;
	client->socket = socket;
	client->holds++;
	if (is_unix)
		uv_pipe_connect(&socket->connecting, &socket->uv.pipe, client->address + 5, on_connected);
	else if (start_tcp(client, socket) != 0) {
		sr_socket_close(client);
		return SR_UNAVAILABLE;
	}
	return SR_OK;
}

static void on_sent(uv_write_t *write, int status)
{
	struct sr_outgoing *out = (struct sr_outgoing *)write->data;
	struct sr_socket *socket = write->handle->data;
	if (status != 0 && status != UV_ECANCELED && socket->client->socket == socket)
		sr_client_fail(socket->client, SR_UNAVAILABLE, "the connection was cut");
	free(out);
}

/*
 * Write a sealed frame; `out` is used up, but for a false. What the kernel takes at once is freed at once, so that the
 * next message lies in the same memory, still warm: a frame that waited for the loop's next turn would have the heap
 * grow and shrink with each. The rest is queued, and so is a write that fails here, for on_sent to say so.
 */
static bool write_frame(struct sr_socket *socket, struct sr_outgoing *out, size_t size)
{
	uv_buf_t buffer = uv_buf_init((char *)out->frame, (unsigned)size);
	int taken = uv_try_write(&socket->uv.stream, &buffer, 1);
	if (taken > 0 && (size_t)taken == size) {
		free(out);
		return true;
	}
	if (taken > 0) {
		buffer.base += taken;
		buffer.len -= (size_t)taken;
	}
	out->write.data = out;
	return uv_write(&out->write, &socket->uv.stream, &buffer, 1, on_sent) == 0;
}

enum sr_code sr_outgoing_send(struct sr_client *client, struct sr_stream *stream, struct sr_outgoing *out)
{
	enum sr_code code = SR_OK;
	enum sr_stream_state next = SR_STREAM_UNARY;
	size_t size = out->fields.used;
	if (out->fields.failed)
		code = SR_USAGE;
	else if (client->phase != SR_PHASE_OPEN || (stream && stream->over))
		code = SR_UNAVAILABLE;
	else if (!sr_stream_step(stream ? stream->state : SR_STREAM_UNARY, out->fields.data[0], true, false, &next))
		code = SR_BUSY;
	else
		code = sr_conn_seal(client->conn, out->frame, size);
	if (code != SR_OK) {
		sr_outgoing_drop(out);
		return code;
	}
	if (stream)
		stream->state = next;
	if (!write_frame(client->socket, out, SR_FRAME_HEAD + size + SR_AEAD_TAG)) {
		sr_outgoing_drop(out);
		sr_client_fail(client, SR_UNAVAILABLE, "the connection was cut");
		return SR_UNAVAILABLE;
	}
	return SR_OK;
}
