/*
 * bench-floor: what it costs to serve a file with nothing but sendfile. `serve` gives all of a file to whoever
 * connects, one after the other, with the daemon's socket options; `read` takes it as libsealreel's client does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"

#define BUFFER ((size_t)512 * 1024) /* what libsealreel receives in one piece */
#define CHUNK 16400                 /* and opens at once: 16 KiB with its tag */

static const char usage[] = "usage: bench-floor [--piece BYTES] [--unsent BYTES] serve FILE PORT\n"
			    "       bench-floor [--open] read PORT\n"
			    "serve    send FILE to each connection to 127.0.0.1:PORT, until it is ended\n"
			    "  --piece   bytes of one sendfile (default: 262144, a body of the daemon's)\n"
			    "  --unsent  bytes that the kernel takes and has not sent (default: 262144, as the daemon; "
			    "0: as many as it likes)\n"
			    "read     take all that comes, and drop it\n"
			    "  --open    decrypt it with AES-256-GCM before, as libsealreel does";

static struct sockaddr_in address_of(const char *port)
{
	long number = strtol(port, NULL, 10);
	if (number < 1 || number > 65535)
		bench_die("%s is no port\n%s", port, usage);
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)number), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* ---- serving ---- */

static void send_all(int file, off_t size, int peer, size_t piece)
{
	struct pollfd room = {.fd = peer, .events = POLLOUT};
	off_t at = 0;
	while (at < size) {
		ssize_t sent = sendfile(peer, file, &at, piece);
		if (sent == 0 || (sent < 0 && errno != EAGAIN && errno != EINTR))
			return;
		if (sent < 0)
			(void)poll(&room, 1, -1);
	}
}

static void serve(const char *path, const char *port, size_t piece, int unsent)
{
	struct sockaddr_in address = address_of(port);
	struct stat status;
	int one = 1;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (file < 0 || fstat(file, &status) != 0)
		bench_die("%s cannot be read", path);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	(void)setsockopt(listener, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(listener, 8) != 0)
		bench_die("port %s cannot be listened on", port);
	while (true) {
		int peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (peer < 0)
			continue;
		(void)setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (unsent > 0)
			(void)setsockopt(peer, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
		send_all(file, status.st_size, peer, piece);
		(void)close(peer);
	}
}

/* ---- reading ---- */

struct reading {
	EVP_CIPHER_CTX *aead; /* NULL: what comes is dropped as it is */
	uint8_t *buffer, *plain;
	size_t have;
	uint64_t bytes;
};

/* What is whole is opened: with a key that does not fit, which costs the same. */
static void open_chunks(struct reading *reading)
{
	static const uint8_t nonce[12];
	int size;
	size_t at = 0;
	for (; reading->have - at >= CHUNK; at += CHUNK) {
		uint8_t *chunk = reading->buffer + at;
		if (EVP_DecryptInit_ex(reading->aead, NULL, NULL, NULL, nonce) != 1 ||
		    EVP_DecryptUpdate(reading->aead, reading->plain, &size, chunk, CHUNK - 16) != 1 ||
		    EVP_CIPHER_CTX_ctrl(reading->aead, EVP_CTRL_AEAD_SET_TAG, 16, chunk + CHUNK - 16) != 1)
			bench_die("AES-256-GCM does not work");
		(void)EVP_DecryptFinal_ex(reading->aead, reading->plain, &size);
	}
	memmove(reading->buffer, reading->buffer + at, reading->have - at);
	reading->have -= at;
}

static void prepare(struct reading *reading, bool opens)
{
	static const uint8_t key[32];
	reading->buffer = malloc(BUFFER);
	reading->plain = malloc(CHUNK);
	reading->aead = opens ? EVP_CIPHER_CTX_new() : NULL;
	if (!reading->buffer || !reading->plain || (opens && !reading->aead))
		bench_die("memory is used up");
	if (opens && EVP_DecryptInit_ex(reading->aead, EVP_aes_256_gcm(), NULL, key, NULL) != 1)
		bench_die("AES-256-GCM does not work");
}

static void read_all(const char *port, bool opens)
{
	struct sockaddr_in address = address_of(port);
	struct reading reading = {0};
	prepare(&reading, opens);
	struct bench_clock began = bench_now();
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server < 0 || connect(server, (struct sockaddr *)&address, sizeof address) != 0)
		bench_die("port %s cannot be connected to", port);
	while (true) {
		ssize_t got = recv(server, reading.buffer + reading.have, BUFFER - reading.have, 0);
		if (got <= 0)
			break;
		reading.bytes += (uint64_t)got;
		reading.have = opens ? reading.have + (size_t)got : 0;
		if (opens)
			open_chunks(&reading);
	}
	bench_tell(&began, reading.bytes, false);
	(void)close(server);
	EVP_CIPHER_CTX_free(reading.aead);
	free(reading.plain);
	free(reading.buffer);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"piece", required_argument, NULL, 'p'},
						{"unsent", required_argument, NULL, 'u'},
						{"open", no_argument, NULL, 'o'},
						{0}};
	long piece = 262144, unsent = 262144;
	bool opens = false;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p')
			piece = strtol(optarg, NULL, 10);
		else if (option == 'u')
			unsent = strtol(optarg, NULL, 10);
		else if (option == 'o')
			opens = true;
		else
			bench_die("%s", usage);
	}
	if (piece < 1 || unsent < 0 || unsent > INT32_MAX)
		bench_die("%s", usage);
	if (argc - optind == 3 && strcmp(argv[optind], "serve") == 0)
		serve(argv[optind + 1], argv[optind + 2], (size_t)piece, (int)unsent);
	else if (argc - optind == 2 && strcmp(argv[optind], "read") == 0)
		read_all(argv[optind + 1], opens);
	else
		bench_die("%s", usage);
	return 0;
}
