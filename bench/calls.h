/*
 * What the load generator's files share: the run, its connections, its calls. calls.c has the run, call.c what one call
 * does, calls_check.c the reading back.
 */
#ifndef SR_BENCH_CALLS_H
#define SR_BENCH_CALLS_H

#include <stdbool.h>

#include "histogram.h"
#include "sealreel.h"
#include "tokens.h"

#define TRACKS_MAX 2
#define WINDOWS_MAX 1000

struct plan {
	unsigned calls;
	unsigned per_connection;
	double bits_per_second; /* of one call */
	double seconds;         /* how long there are calls */
	double call_seconds;    /* how long one goes on, on average; 0: as long as there are calls */
	double spread;          /* seconds within which they begin */
	double write_ms;        /* between two writes, on average */
	unsigned switching;     /* percent of the calls that go on in a second track */
	unsigned checked;       /* how many recordings are read back */
	double window;          /* seconds of one line of the results */
	double reconnect;       /* seconds for which a lost connection is made again; 0: a loss is an error */
};

/* Bytes that were written and are not durable: up to `end` of the track, due at `due_ms`. */
struct range {
	uint64_t end;
	double due_ms;
};

struct call;

struct track {
	struct call *call;
	sr_writer *writer; /* NULL: not open yet, or closed */
	uint16_t number;
	bool opened;
	uint64_t written;
	struct range *ranges; /* a ring */
	size_t first, count, capacity;
};

struct connection {
	struct load *load;
	sr_client *client;
	size_t grant; /* of the call that asks next: which of the tokens */
};

struct call {
	struct load *load;
	struct connection *connection;
	unsigned number;
	size_t grant;
	uint8_t recording[SR_ID];
	uv_timer_t timer;
	double end_ms;    /* when nothing is written any more */
	double due_ms;    /* of the next write */
	double switch_ms; /* when the second track is to be opened; 0: never, or done */
	double asked_ms;  /* when what is being opened was asked for */
	double step_ms;   /* what the next write covers */
	bool opening;     /* a track is being opened */
	bool over;
	unsigned open_tracks;
	struct track tracks[TRACKS_MAX];
	struct track *now; /* written to */
};

struct load {
	struct plan plan;
	uv_loop_t *loop;
	struct bench_tokens grants;
	struct connection *connections;
	unsigned connection_count, connected;
	struct call *calls;
	unsigned calls_left, calls_checked, finished;
	double began_ms, end_ms;
	uint64_t bytes, writes, held_back;
	unsigned errors;
	struct bench_histogram ack, late, opening;
	struct bench_histogram *windows;
	unsigned window_count;
	double cpu; /* this process's own, in cores */
};

/* The time, in milliseconds, as uv_now has it but finer. */
double load_ms(void);

/* Count an error, and print the first of them. */
void load_error(struct load *load, const char *what, const struct sr_result *result);

/* A random number in [0, 1). */
double load_random(void);

/* The bytes of a call's track from `position`: at least LOAD_PIECE of them can be used. The same in every run. */
#define LOAD_PIECE ((size_t)1 << 20)
const uint8_t *load_content(const struct track *track, uint64_t position);

/*
 * Begin a call: it opens its recording, writes, finishes, and begins again if it is to, until the run is over; then it
 * says call_over. A recording in whose place another begins is told on stdout: `over`, and its id.
 */
void call_begin(struct call *call);

/* Called once for each call, finished or failed. */
void call_over(struct load *load);

/* Read the sample back and compare it; then load_checked. */
void check_begin(struct load *load);
void load_checked(struct load *load);

#endif
