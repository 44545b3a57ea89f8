/*
 * What waits to be sent on one socket, in order: sealed frames from memory, and stretches of files straight from the
 * page cache.
 */
#ifndef SR_OUTPUT_H
#define SR_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct sr_output_item;

/* A queue; zeroed is empty. */
struct sr_output {
	struct sr_output_item *first;
	struct sr_output_item *last;
	size_t queued;    /* bytes of both kinds */
	size_t in_memory; /* bytes of frames */
	size_t held;      /* memory that all items take */
	size_t files;     /* stretches of files, and so descriptors */
};

/* Queue `size` bytes of `frame`, malloc'ed and taken over. Ciphertext only. False: memory is used up, frame freed. */
bool sr_output_frame(struct sr_output *output, uint8_t *frame, size_t size) SR_MUST_USE;

/* Queue a stretch of a file; the descriptor is duplicated. False: memory or descriptors are used up. */
bool sr_output_file(struct sr_output *output, int fd, uint64_t position, uint32_t size) SR_MUST_USE;

/*
 * Send as much as `socket` (non-blocking) takes, up to `most` bytes so that one session cannot keep the loop;
 * *sent (out) says how much. SR_OK also when it would block; SR_IO: the peer is gone; SR_CORRUPT: a file is shorter
 * than the stretch, so the connection must end now.
 */
enum sr_code sr_output_send(struct sr_output *output, int socket, size_t most, size_t *sent) SR_MUST_USE;

/* Drop everything. */
void sr_output_clear(struct sr_output *output);

#endif
