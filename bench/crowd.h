/*
 * A crowd of clients, each on a thread and a connection of its own, as crowd.c drives it; and the two kinds of server
 * that it reads from. Whatever fails ends the process.
 */
#ifndef SR_BENCH_CROWD_H
#define SR_BENCH_CROWD_H

#include <stddef.h>
#include <stdint.h>

/* Called with what came, in order. */
typedef void crowd_sink(void *context, const uint8_t *data, size_t size);

/* A kind of server. Every function but `prepare` runs on the client's thread. */
struct crowd_server {
	const char *name;
	int words; /* how many words say where it is and what is read from it */
	/* Once, before the threads: take those words, which outlive the run. */
	void (*prepare)(char **words);
	/* A connection, ready for requests; `disconnect` releases it. */
	void *(*connect)(void);
	void (*disconnect)(void *connection);
	/* Get ready to read, as a player does before it can; and let go of that. */
	void (*open)(void *connection);
	void (*close)(void *connection);
	/* The bytes [from, from + length), which must be there, to the sink. */
	void (*read)(void *connection, uint64_t from, uint64_t length, crowd_sink *sink, void *context);
	/* The same of what is not open yet, which it is then. */
	void (*start)(void *connection, uint64_t from, uint64_t length, crowd_sink *sink, void *context);
};

extern const struct crowd_server crowd_sealreel, crowd_tls;

#endif
