/*
 * The peer of read_client.c: gets one file from a web server over TLS 1.3 with AES-256-GCM, and says how long that
 * took. The server's certificate is checked. The bytes are dropped, or written to stdout.
 */
#include <string.h>

#include "common.h"
#include "tls.h"

static void put(void *context, const uint8_t *data, size_t size)
{
	(void)context;
	bench_put(data, size);
}

int main(int argc, char **argv)
{
	bool shown = argc == 5 && strcmp(argv[4], "-") == 0;
	if (argc < 4 || argc > 5 || (argc == 5 && !shown))
		bench_die("usage: bench-tls CERTIFICATE unix:PATH|tcp:HOST:PORT PATH [-]");

	struct bench_clock began = bench_now();
	SSL_CTX *context = bench_tls_context(argv[1]);
	struct bench_tls *tls = bench_tls_open(context, argv[2]);
	uint64_t bytes = bench_tls_get(tls, argv[3], 0, UINT64_MAX, shown ? put : NULL, NULL);
	bench_tell(&began, bytes, shown);

	bench_tls_close(tls);
	SSL_CTX_free(context);
	return 0;
}
