/* The crowd's clients of a web server over TLS 1.3, one to a thread. */
#include <signal.h>
#include <stdlib.h>

#include "crowd.h"
#include "tls.h"

static SSL_CTX *shared;
static const char *server, *path;

static void prepare(char **words)
{
	(void)signal(SIGPIPE, SIG_IGN);
	shared = bench_tls_context(words[0]);
	server = words[1];
	path = words[2];
}

static void *open_connection(void)
{
	return bench_tls_open(shared, server);
}

static void close_connection(void *connection)
{
	bench_tls_close(connection);
}

/* A file needs no opening: each request names it. */
static void nothing(void *connection)
{
	(void)connection;
}

static void read_range(void *connection, uint64_t from, uint64_t length, crowd_sink *sink, void *context)
{
	(void)bench_tls_get(connection, path, from, length, sink, context);
}

const struct crowd_server crowd_tls = {
	.name = "tls",
	.words = 3,
	.prepare = prepare,
	.connect = open_connection,
	.disconnect = close_connection,
	.open = nothing,
	.close = nothing,
	.read = read_range,
	.start = read_range,
};
