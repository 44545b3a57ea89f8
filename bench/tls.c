/*
 * Files of a web server over TLS 1.3 with AES-256-GCM, whole or in ranges, one after the other on one connection.
 */
#include "tls.h"

#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common.h"

#define BUFFER ((size_t)512 * 1024) /* what libsealreel receives in one piece */
#define HEAD_MAX 4096

struct bench_tls {
	int socket;
	SSL *ssl;
	uint8_t *buffer;
};

/* ---- the connection ---- */

static int connect_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (strlen(path) >= sizeof address.sun_path)
		bench_die("the socket's path is too long");
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (socket_fd < 0 || connect(socket_fd, (const struct sockaddr *)&address, sizeof address) != 0)
		bench_die("cannot connect to %s", path);
	return socket_fd;
}

static int connect_tcp(const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *address = NULL;
	if (getaddrinfo(host, port, &hints, &address) != 0)
		bench_die("%s %s is no address", host, port);
	int socket_fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (socket_fd < 0 || connect(socket_fd, address->ai_addr, address->ai_addrlen) != 0)
		bench_die("cannot connect to %s %s", host, port);
	freeaddrinfo(address);
	return socket_fd;
}

static int connect_to(const char *server)
{
	char host[64];
	const char *colon = strrchr(server, ':');
	if (strncmp(server, "unix:", 5) == 0)
		return connect_unix(server + 5);
	if (strncmp(server, "tcp:", 4) != 0 || colon < server + 4 || (size_t)(colon - server) - 4 >= sizeof host)
		bench_die("%s is neither unix:PATH nor tcp:HOST:PORT", server);
	(void)snprintf(host, sizeof host, "%.*s", (int)(colon - server - 4), server + 4);
	return connect_tcp(host, colon + 1);
}

SSL_CTX *bench_tls_context(const char *certificate)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	if (!context || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") != 1 ||
	    SSL_CTX_load_verify_locations(context, certificate, NULL) != 1)
		bench_die("TLS 1.3 with AES-256-GCM cannot be set up");
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_default_read_buffer_len(context, BUFFER);
	return context;
}

struct bench_tls *bench_tls_open(SSL_CTX *context, const char *server)
{
	struct bench_tls *tls = calloc(1, sizeof *tls);
	uint8_t *buffer = malloc(BUFFER);
	SSL *ssl = SSL_new(context);
	if (!tls || !buffer || !ssl)
		bench_die("memory is used up");
	*tls = (struct bench_tls){.socket = connect_to(server), .ssl = ssl, .buffer = buffer};
	if (SSL_set_fd(ssl, tls->socket) != 1 || SSL_connect(ssl) != 1)
		bench_die("no TLS 1.3 with the server");
	return tls;
}

void bench_tls_close(struct bench_tls *tls)
{
	SSL_free(tls->ssl);
	(void)close(tls->socket);
	free(tls->buffer);
	free(tls);
}

/* ---- a file ---- */

static void ask(struct bench_tls *tls, const char *path, uint64_t from, uint64_t length)
{
	char request[512], range[80] = "";
	if (length != UINT64_MAX)
		(void)snprintf(range, sizeof range, "Range: bytes=%" PRIu64 "-%" PRIu64 "\r\n", from,
			       from + length - 1);
	int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, range);
	if (size < 0 || (size_t)size >= sizeof request || SSL_write(tls->ssl, request, size) != size)
		bench_die("the request cannot be sent");
}

/* Read the answer's head: *length (out) is what it promises. Returns how many bytes of the body came with it. */
static size_t read_head(struct bench_tls *tls, const char *wanted, uint64_t *length, const uint8_t **body)
{
	size_t have = 0;
	char *end = NULL;
	while (!end) {
		size_t got = 0;
		if (have == HEAD_MAX || SSL_read_ex(tls->ssl, tls->buffer + have, HEAD_MAX - have, &got) != 1)
			bench_die("no answer came");
		have += got;
		tls->buffer[have] = '\0';
		end = strstr((char *)tls->buffer, "\r\n\r\n");
	}
	*end = '\0';
	const char *promise = strcasestr((char *)tls->buffer, "\r\nContent-Length: ");
	if (strncmp((char *)tls->buffer, wanted, strlen(wanted)) != 0 || !promise)
		bench_die("the answer is not what was asked for");
	*length = strtoull(promise + 18, NULL, 10);
	*body = (uint8_t *)end + 4;
	return have - (size_t)(*body - tls->buffer);
}

uint64_t bench_tls_get(struct bench_tls *tls, const char *path, uint64_t from, uint64_t length, bench_sink *sink,
		       void *context)
{
	const uint8_t *data;
	uint64_t promised, bytes = 0;
	ask(tls, path, from, length);
	size_t got = read_head(tls, length == UINT64_MAX ? "HTTP/1.1 200 " : "HTTP/1.1 206 ", &promised, &data);
	if (length != UINT64_MAX && promised != length)
		bench_die("the answer is not as long as what was asked for");
	while (true) {
		bytes += got;
		if (sink && got > 0)
			sink(context, data, got);
		if (bytes >= promised)
			break;
		data = tls->buffer;
		if (SSL_read_ex(tls->ssl, tls->buffer, BUFFER, &got) != 1)
			bench_die("the answer was cut off");
	}
	return bytes;
}
