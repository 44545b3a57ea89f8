/*
 * One file or pipe on its way into one track: bytes are sent as they come, held back by the writer's window.
 */
#ifndef SR_CLI_SOURCE_H
#define SR_CLI_SOURCE_H

#include "sealreel.h"

#define SOURCE_FRONT 4096 /* first bytes of a file, by which its media type is guessed */

struct source {
	const char *name;
	int fd;
	bool is_file;  /* else something that is waited for */
	uint64_t size; /* of a file, when it was opened */
	uint8_t front[SOURCE_FRONT];
	size_t front_size;
	uint8_t *buffer;
	sr_writer *writer;
	union {
		uv_handle_t handle;
		uv_idle_t idle;
		uv_poll_t poll;
	} uv;
	bool has_handle;
	bool ended; /* nothing more is read */
	bool over;  /* all of it is durable, or `result` says why not */
	uint64_t durable;
	struct sr_result result;
	void (*changed)(void *context); /* durable, or over */
	void *context;
};

/* Open `name` ("-": standard input). False: errno says why. Closed with source_close, also if never started. */
bool source_open(struct source *source, const char *name);

/* Skip the first `size` bytes of a file, which are stored already. False: it is not as long, or is no file. */
bool source_skip(struct source *source, uint64_t size);

/* Send all of it to `writer`, which becomes the source's, on `loop`. */
enum sr_code source_start(struct source *source, uv_loop_t *loop, sr_writer *writer);

/* Read no more: what was read is made durable, then it is over. */
void source_end(struct source *source);

/* Close what is open; a handle on the loop is gone only when the loop has turned. */
void source_close(struct source *source);

#endif
