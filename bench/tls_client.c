/*
 * The peer of read_client.c: gets one file from a web server over TLS 1.3 with AES-256-GCM, and says how long that
 * took. The server's certificate is checked. The bytes are dropped, or written to stdout.
 */
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common.h"

#define BUFFER ((size_t)512 * 1024) /* what libsealreel receives in one piece */
#define HEAD_MAX 4096

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

/* A socket to unix:PATH or tcp:HOST:PORT. */
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

/* Settings that favour the peer: many records from one read of the socket. */
static SSL_CTX *make_context(const char *certificate)
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

static void ask(SSL *tls, const char *path)
{
	char request[512];
	int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
			    path);
	if (size < 0 || (size_t)size >= sizeof request || SSL_write(tls, request, size) != size)
		bench_die("the request cannot be sent");
}

/* Read the answer's head: *length (out) is what it promises. Returns how many bytes of the body came with it. */
static size_t read_head(SSL *tls, uint8_t *buffer, uint64_t *length, const uint8_t **body)
{
	size_t have = 0;
	char *end = NULL;
	while (!end) {
		size_t got = 0;
		if (have == HEAD_MAX || SSL_read_ex(tls, buffer + have, HEAD_MAX - have, &got) != 1)
			bench_die("no answer came");
		have += got;
		buffer[have] = '\0';
		end = strstr((char *)buffer, "\r\n\r\n");
	}
	*end = '\0';
	const char *promise = strcasestr((char *)buffer, "\r\nContent-Length: ");
	if (strncmp((char *)buffer, "HTTP/1.1 200 ", 13) != 0 || !promise)
		bench_die("the answer is not the file");
	*length = strtoull(promise + 18, NULL, 10);
	*body = (uint8_t *)end + 4;
	return have - (size_t)(*body - buffer);
}

static uint64_t get(SSL *tls, const char *path, bool put)
{
	const uint8_t *data;
	uint64_t length;
	uint8_t *buffer = malloc(BUFFER);
	if (!buffer)
		bench_die("memory is used up");
	ask(tls, path);
	size_t got = read_head(tls, buffer, &length, &data);
	uint64_t bytes = got;
	if (put)
		bench_put(data, got);
	while (bytes < length && SSL_read_ex(tls, buffer, BUFFER, &got) == 1) {
		bytes += got;
		if (put)
			bench_put(buffer, got);
	}
	free(buffer);
	if (bytes != length)
		bench_die("the answer was cut off");
	return bytes;
}

int main(int argc, char **argv)
{
	bool put = argc == 5 && strcmp(argv[4], "-") == 0;
	if (argc < 4 || argc > 5 || (argc == 5 && !put))
		bench_die("usage: bench-tls CERTIFICATE unix:PATH|tcp:HOST:PORT PATH [-]");

	struct bench_clock began = bench_now();
	SSL_CTX *context = make_context(argv[1]);
	SSL *tls = SSL_new(context);
	int socket_fd = connect_to(argv[2]);
	if (!tls || SSL_set_fd(tls, socket_fd) != 1 || SSL_connect(tls) != 1)
		bench_die("no TLS 1.3 with the server");
	uint64_t bytes = get(tls, argv[3], put);
	bench_tell(&began, bytes, put);

	SSL_free(tls);
	SSL_CTX_free(context);
	(void)close(socket_fd);
	return 0;
}
