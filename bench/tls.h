/*
 * Files of a web server over TLS 1.3 with AES-256-GCM, whole or in ranges, one after the other on one connection.
 * Whatever fails ends the process.
 */
#ifndef SR_BENCH_TLS_H
#define SR_BENCH_TLS_H

#include <openssl/ssl.h>
#include <stdint.h>

/* Called with what came, in order. */
typedef void bench_sink(void *context, const uint8_t *data, size_t size);

struct bench_tls;

/*
 * What connections share: only a server that shows `certificate` (path of a PEM file) is talked to. Settings favour the
 * peer: many records from one read of the socket. Released with SSL_CTX_free. Connections may be made from several
 * threads.
 */
SSL_CTX *bench_tls_context(const char *certificate);

/* Connect to `server`, unix:PATH or tcp:HOST:PORT, and do the handshake. Never NULL; released with bench_tls_close. */
struct bench_tls *bench_tls_open(SSL_CTX *context, const char *server);
void bench_tls_close(struct bench_tls *tls);

/*
 * Get the bytes [from, from + length) of the file `path`, which must have them all; a length of UINT64_MAX is the whole
 * file, with `from` 0. Returns how many bytes were given to `sink` (NULL: dropped).
 */
uint64_t bench_tls_get(struct bench_tls *tls, const char *path, uint64_t from, uint64_t length, bench_sink *sink,
		       void *context);

#endif
