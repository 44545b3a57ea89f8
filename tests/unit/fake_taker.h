/*
 * A daemon that takes one track, acknowledges as it is told, and keeps what it saw. For the tests of libsealreel's
 * writer.
 */
#ifndef SR_FAKE_TAKER_H
#define SR_FAKE_TAKER_H

#include "fake_daemon.h"

#define WINDOW (4u * SR_APPEND_MAX)
#define NEVER_ACKS 0

/* What the daemon does and saw. */
struct taker {
	struct fake fake;
	uint8_t *bytes;
	uint64_t got;
	uint64_t acked;
	uint64_t ack_every; /* bytes; NEVER_ACKS: only a SYNC makes anything durable */
	uint64_t lies;      /* added to what is acknowledged */
	unsigned appends;
	unsigned syncs;
	unsigned closes;
	unsigned renewals;
	uint64_t first_media_time;
	uint64_t last_media_time;
	struct sr_message_head opened;
	struct sr_message_head pending_sync;
	bool holds_syncs;
	bool refuses;
	bool tracks_zero;
	sr_writer *writer;
	unsigned rooms;
	unsigned durables;
	unsigned endings;
	unsigned dones;
	struct sr_result ending;
	int64_t grant_life;
	unsigned grants;
};

static inline void take_append(struct taker *taker, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct sr_append append;
	sr_append_decode(fields, &append);
	cr_assert(sr_take_done(fields));
	cr_assert_eq(append.offset, taker->got);
	cr_assert_leq(taker->got + append.data.size - taker->acked, WINDOW, "more than the window was sent");
	memcpy(taker->bytes + taker->got, append.data.data, append.data.size);
	taker->got += append.data.size;
	if (taker->appends++ == 0)
		taker->first_media_time = append.media_time;
	taker->last_media_time = append.media_time;
	if (taker->ack_every != NEVER_ACKS && taker->got - taker->acked >= taker->ack_every) {
		taker->acked = taker->got;
		fake_durable(&taker->fake, SR_MSG_ACK, head, taker->acked + taker->lies);
	}
}

static inline void take_sync(struct taker *taker, const struct sr_message_head *head)
{
	taker->syncs++;
	taker->acked = taker->got;
	taker->pending_sync = *head;
	if (!taker->holds_syncs)
		fake_durable(&taker->fake, SR_MSG_SYNCED, head, taker->acked + taker->lies);
}

static inline void answer_track(struct taker *taker, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct sr_record_track track;
	const struct sr_track_ready ready = {.track = 3, .generation = 1, .window = WINDOW};
	sr_record_track_decode(fields, &track);
	cr_assert(sr_take_done(fields));
	cr_assert_eq(track.media_type.size, 10);
	cr_assert_neq(memcmp(track.nonce, (const uint8_t[SR_NONCE]){0}, SR_NONCE), 0);
	taker->opened = *head;
	if (taker->refuses) {
		fake_error(&taker->fake, head, SR_CONFLICT, true);
		return;
	}
	struct fake_message *message = fake_begin(SR_MSG_TRACK_READY, head->stream, head->request);
	sr_track_ready_encode(&message->fields, &ready);
	fake_send(&taker->fake, message);
}

static inline void answer_renewal(struct taker *taker, const struct sr_message_head *head)
{
	struct fake_message *message = fake_begin(SR_MSG_RENEWED, head->stream, head->request);
	taker->renewals++;
	sr_renewed_encode(&message->fields, (uint64_t)time(NULL) + 3600);
	fake_send(&taker->fake, message);
}

static inline void answer_open(struct taker *taker, const struct sr_message_head *head)
{
	struct fake_message *message = fake_begin(SR_MSG_RECORD_OPENED, head->stream, head->request);
	sr_record_opened_encode(&message->fields,
				&(struct sr_record_opened){.state = SR_UNFINISHED, .opened_ms = 5, .tracks = 0});
	fake_send(&taker->fake, message);
}

static inline void taker_script(struct fake *fake, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct taker *taker = fake->context;
	switch (head->type) {
	case SR_MSG_RECORD_OPEN:
		answer_open(taker, head);
		break;
	case SR_MSG_RECORD_TRACK:
		answer_track(taker, head, fields);
		break;
	case SR_MSG_APPEND:
		take_append(taker, head, fields);
		break;
	case SR_MSG_SYNC:
		take_sync(taker, head);
		break;
	case SR_MSG_GRANT_RENEW:
		answer_renewal(taker, head);
		break;
	case SR_MSG_CLOSE:
		taker->closes++;
		fake_durable(fake, SR_MSG_CLOSED, head, taker->acked);
		break;
	default:
		cr_assert_fail("a writer sent %s", sr_message_name(head->type));
	}
}

#endif
