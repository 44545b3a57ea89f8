/*
 * What waits to be sent on one socket, in order: sealed frames from memory, and stretches of files straight from the
 * page cache.
 */
#include "serve/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

struct sr_output_item {
	struct sr_output_item *next;
	uint8_t *frame; /* NULL: a file's stretch */
	int fd;
	off_t position; /* next byte, of frame or file */
	size_t left;
	size_t held;
};

/* The allocator's own part of each item and each frame, about. */
#define ALLOCATOR 32

static void item_free(struct sr_output *output, struct sr_output_item *item)
{
	output->held -= item->held;
	output->files -= item->fd >= 0;
	if (item->fd >= 0)
		close(item->fd);
	free(item->frame);
	free(item);
}

static void append(struct sr_output *output, struct sr_output_item *item)
{
	if (output->last)
		output->last->next = item;
	else
		output->first = item;
	output->last = item;
	output->queued += item->left;
	item->held = sizeof *item + ALLOCATOR + (item->frame ? item->left : 0);
	output->held += item->held;
	output->files += item->fd >= 0;
	if (item->frame)
		output->in_memory += item->left;
}

bool sr_output_frame(struct sr_output *output, uint8_t *frame, size_t size)
{
	struct sr_output_item *item = calloc(1, sizeof *item);
	if (!item) {
		free(frame);
		return false;
	}
	item->frame = frame;
	item->fd = -1;
	item->left = size;
	append(output, item);
	return true;
}

bool sr_output_file(struct sr_output *output, int fd, uint64_t position, uint32_t size)
{
	struct sr_output_item *item = calloc(1, sizeof *item);
	if (!item)
		return false;
	item->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (item->fd < 0) {
		free(item);
		return false;
	}
	item->position = (off_t)position;
	item->left = size;
	append(output, item);
	return true;
}

/* One system call for the first item. 0 bytes sent and SR_OK: the socket is full. */
static enum sr_code send_some(struct sr_output *output, int socket, size_t most, size_t *sent)
{
	struct sr_output_item *item = output->first;
	size_t size = item->left < most ? item->left : most;
	ssize_t got;
	*sent = 0;
	do {
		if (item->frame)
			got = send(socket, item->frame + item->position, size,
				   MSG_NOSIGNAL | (item->next ? MSG_MORE : 0));
		else
			got = sendfile(socket, item->fd, &item->position, size);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? SR_OK : SR_IO;
	if (got == 0)
		return SR_CORRUPT; /* a file that ends early; a frame is never empty */
	if (item->frame) {
		item->position += got;
		output->in_memory -= (size_t)got;
	}
	item->left -= (size_t)got;
	output->queued -= (size_t)got;
	*sent = (size_t)got;
	return SR_OK;
}

enum sr_code sr_output_send(struct sr_output *output, int socket, size_t most, size_t *sent)
{
	*sent = 0;
	while (output->first && *sent < most) {
		size_t now;
		enum sr_code code = send_some(output, socket, most - *sent, &now);
		if (code != SR_OK || now == 0)
			return code;
		*sent += now;
		if (output->first->left == 0) {
			struct sr_output_item *done = output->first;
			output->first = done->next;
			if (!output->first)
				output->last = NULL;
			item_free(output, done);
		}
	}
	return SR_OK;
}

void sr_output_clear(struct sr_output *output)
{
	while (output->first) {
		struct sr_output_item *item = output->first;
		output->first = item->next;
		item_free(output, item);
	}
	output->last = NULL;
	output->queued = output->in_memory = 0;
}
