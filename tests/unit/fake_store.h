/*
 * A daemon with one recording of one track, which outlives connections: these are cut where the test says, and what had
 * come by then is durable as far as it says. It holds the client to sending each byte at its place, once on each
 * stream. For the tests of how libsealreel goes on.
 */
#ifndef SR_FAKE_STORE_H
#define SR_FAKE_STORE_H

#include "fake_daemon.h"

#define STORE_MOST (1u << 20)
#define STORE_WINDOW (2u * SR_APPEND_MAX)
#define TRACK 3

enum cutting {
	CUT_BEFORE, /* the message does not get there */
	CUT_UNTOLD, /* it does, and its answer is lost */
	CUT_AFTER,  /* it was answered */
	CUTTINGS
};

/* What of the bytes that had come is durable after a cut. */
enum keeping { KEEP_ACKED, KEEP_HALF, KEEP_ALL, KEEPINGS };

struct store {
	struct fake fake;
	uint8_t *bytes;
	uint64_t *times; /* said of the byte there; 0: none */
	uint64_t got;
	uint64_t durable; /* told, or made so by a cut */
	uint64_t told;
	uint64_t ack_every; /* 0: never */
	uint32_t generation;
	uint32_t window;
	uint8_t recording_nonce[SR_NONCE];
	uint8_t track_nonce[SR_NONCE];
	bool opened;
	bool has_track;
	bool finished;
	uint32_t writing; /* the stream; 0: none */
	/* what goes wrong */
	unsigned cut_at;    /* number of the message; 0: none */
	unsigned cut_every; /* so many messages; 0: not */
	enum cutting cutting;
	enum keeping keeping;
	unsigned refusals; /* of the next resumes */
	enum sr_code refusal;
	int64_t resume_at; /* the durable length that a resume is told; -1: the true one */
	unsigned opens, tracks, resumes, finishes, syncs, closes;
};

static inline void store_cut(struct store *store)
{
	uint64_t fresh = store->got - store->durable;
	if (store->keeping == KEEP_HALF)
		store->durable += fresh / 2;
	else if (store->keeping == KEEP_ALL)
		store->durable = store->got;
	store->got = store->durable;
	store->writing = 0;
	fake_cut(&store->fake);
}

static inline void store_ready(struct store *store, const struct sr_message_head *head)
{
	const struct sr_track_ready ready = {.track = TRACK,
					     .generation = ++store->generation,
					     .durable = store->resume_at >= 0 ? (uint64_t)store->resume_at
									      : store->durable,
					     .window = store->window};
	struct fake_message *message = fake_begin(SR_MSG_TRACK_READY, head->stream, head->request);
	store->writing = head->stream;
	store->told = store->got = store->durable = ready.durable;
	sr_track_ready_encode(&message->fields, &ready);
	fake_send(&store->fake, message);
}

static inline void store_open(struct store *store, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct sr_record_open open;
	struct fake_message *message = fake_begin(SR_MSG_RECORD_OPENED, head->stream, head->request);
	sr_record_open_decode(fields, &open);
	cr_assert(sr_take_done(fields));
	cr_assert_eq(open.label.size, 5);
	cr_assert(!store->opened || memcmp(open.nonce, store->recording_nonce, SR_NONCE) == 0, "another nonce");
	memcpy(store->recording_nonce, open.nonce, SR_NONCE);
	store->opened = true;
	store->opens++;
	sr_record_opened_encode(&message->fields, &(struct sr_record_opened){.state = SR_UNFINISHED, .opened_ms = 5});
	fake_send(&store->fake, message);
}

static inline void store_track(struct store *store, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct sr_record_track track;
	sr_record_track_decode(fields, &track);
	cr_assert(sr_take_done(fields));
	cr_assert_eq(track.grant.size, strlen(FAKE_GRANT));
	cr_assert_eq(track.media_type.size, 10);
	cr_assert_eq(track.label.size, 4);
	cr_assert(!store->has_track || memcmp(track.nonce, store->track_nonce, SR_NONCE) == 0, "another nonce");
	memcpy(store->track_nonce, track.nonce, SR_NONCE);
	store->has_track = true;
	store->tracks++;
	store_ready(store, head);
}

static inline void store_resume(struct store *store, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct sr_record_resume resume;
	sr_record_resume_decode(fields, &resume);
	cr_assert(sr_take_done(fields));
	cr_assert(store->has_track);
	cr_assert_eq(resume.track, TRACK);
	cr_assert_eq(resume.grant.size, strlen(FAKE_GRANT));
	store->resumes++;
	if (store->refusals > 0) {
		store->refusals--;
		fake_error(&store->fake, head, store->refusal, true);
	} else {
		store_ready(store, head);
	}
}

static inline void store_append(struct store *store, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct sr_append append;
	sr_append_decode(fields, &append);
	cr_assert(sr_take_done(fields));
	cr_assert_eq(head->stream, store->writing);
	cr_assert_eq(append.offset, store->got, "a gap or a repeat");
	cr_assert_leq(append.offset + append.data.size - store->told, store->window, "more than the window");
	memcpy(store->bytes + store->got, append.data.data, append.data.size);
	for (size_t i = 0; i < append.data.size; i++)
		store->times[store->got + i] = 0;
	if (append.media_time != SR_NO_MEDIA_TIME)
		store->times[store->got] = append.media_time;
	store->got += append.data.size;
	if (store->ack_every != 0 && store->got - store->told >= store->ack_every) {
		store->told = store->durable = store->got;
		fake_durable(&store->fake, SR_MSG_ACK, head, store->durable);
	}
}

static inline void store_stream(struct store *store, const struct sr_message_head *head, uint8_t answer)
{
	cr_assert_eq(head->stream, store->writing);
	store->told = store->durable = store->got;
	fake_durable(&store->fake, answer, head, store->durable);
}

static inline void store_finish(struct store *store, const struct sr_message_head *head)
{
	struct fake_message *message = fake_begin(SR_MSG_RECORD_FINISHED, head->stream, head->request);
	cr_assert_eq(store->writing, 0, "it is finished while it is written");
	store->finished = true;
	store->finishes++;
	sr_record_finished_encode(&message->fields, &(struct sr_record_finished){.finished_ms = 9, .tracks = 1});
	fake_send(&store->fake, message);
}

static inline void store_answer(struct store *store, const struct sr_message_head *head, struct sr_cursor *fields)
{
	switch (head->type) {
	case SR_MSG_RECORD_OPEN:
		store_open(store, head, fields);
		break;
	case SR_MSG_RECORD_TRACK:
		store_track(store, head, fields);
		break;
	case SR_MSG_RECORD_RESUME:
		store_resume(store, head, fields);
		break;
	case SR_MSG_APPEND:
		store_append(store, head, fields);
		break;
	case SR_MSG_SYNC:
		store->syncs++;
		store_stream(store, head, SR_MSG_SYNCED);
		break;
	case SR_MSG_CLOSE:
		store->closes++;
		store_stream(store, head, SR_MSG_CLOSED);
		store->writing = 0;
		break;
	case SR_MSG_RECORD_FINISH:
		store_finish(store, head);
		break;
	default:
		cr_assert_fail("a writer sent %s", sr_message_name(head->type));
	}
}

static inline void store_script(struct fake *fake, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct store *store = fake->context;
	bool now = fake->messages == store->cut_at || (store->cut_every && fake->messages % store->cut_every == 0);
	if (!now || store->cutting != CUT_BEFORE) {
		fake->mute = now && store->cutting == CUT_UNTOLD;
		store_answer(store, head, fields);
		fake->mute = false;
	}
	if (now)
		store_cut(store);
}

#endif
