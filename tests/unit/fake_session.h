/*
 * A session that keeps what it is given instead of sending it. Included before the one source file under test, whose
 * calls then come here; that file's own functions stand in for the library's, as the test defines them first.
 */
#ifndef SR_TEST_FAKE_SESSION_H
#define SR_TEST_FAKE_SESSION_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve/session.h"

/* One message as it was handed over, and the raw bytes that came behind it. */
struct kept {
	uint8_t type;
	uint32_t stream;
	uint64_t request;
	uint8_t fields[256];
	size_t size;
	uint8_t *raw;
	uint32_t raw_size;
};

#define KEPT_MAX 512
static struct kept kept[KEPT_MAX];
static unsigned kept_count;
static unsigned dropped;
static unsigned raw_room = UINT32_MAX; /* how many raw stretches are taken before memory is used up */

static inline void forget_kept(void)
{
	while (kept_count > 0) {
		free(kept[--kept_count].raw);
		kept[kept_count].raw = NULL;
	}
	dropped = 0;
}

static bool keep_reply_begin(struct sr_reply *reply, uint8_t type, size_t room)
{
	reply->frame = malloc(room);
	reply->capacity = room;
	reply->fields = sr_builder_over(reply->frame, room);
	reply->type = type;
	return reply->frame != NULL;
}

static void keep_send(struct sr_session *session, uint32_t stream, uint64_t request, struct sr_reply *reply, bool ended)
{
	struct kept *one = &kept[kept_count++];

	(void)session;
	cr_assert_leq(kept_count, KEPT_MAX);
	cr_assert_not(reply->fields.failed);
	cr_assert_not(ended);
	cr_assert_leq(reply->fields.used, sizeof one->fields);
	*one = (struct kept){.type = reply->type, .stream = stream, .request = request, .size = reply->fields.used};
	memcpy(one->fields, reply->frame, one->size);
	free(reply->frame);
	reply->frame = NULL;
}

static bool keep_send_raw(struct sr_session *session, int fd, uint64_t position, uint32_t size)
{
	struct kept *one = &kept[kept_count - 1];

	(void)session;
	cr_assert_gt(kept_count, 0u);
	cr_assert_null(one->raw, "two raw stretches behind one message");
	if (raw_room == 0)
		return false;
	raw_room--;
	one->raw = malloc(size);
	one->raw_size = size;
	cr_assert_eq(pread(fd, one->raw, size, (off_t)position), size, "a stretch past the file's end");
	return true;
}

static void keep_drop(struct sr_session *session, const char *why)
{
	(void)session, (void)why;
	dropped++;
}

#define sr_session_send keep_send
#define sr_session_send_raw keep_send_raw
#define sr_session_drop keep_drop
#define sr_reply_begin keep_reply_begin

#endif
