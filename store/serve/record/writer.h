/*
 * A track's writer: from APPEND messages to acknowledgements. The loop owns it; its sealing is lent to one pool job at
 * a time, its commits go through the flush threads and the index thread and come back by post.
 */
#ifndef SR_WRITER_H
#define SR_WRITER_H

#include "serve/record/sealing.h"
#include "serve/session.h"

#define SR_WHOLE_RECORDING 0

struct sr_writer;
struct sr_held_grant;

/* What is reserved, and for which generation of its writer. */
struct sr_writer_claim {
	const uint8_t *recording;
	uint16_t track; /* SR_WHOLE_RECORDING keeps everybody else from all of its tracks */
	uint32_t generation;
};

/*
 * Reserve for a request that is about to write. If an older generation has it, that stream will be ended with
 * `conflict` and *writer (out) is NULL: `wait` is posted on the loop once it is gone, to try again; until then it
 * counts in daemon->jobs, and whoever it wakes takes it off. SR_CONFLICT: this generation or a newer one has it
 * already. With `wait` NULL: SR_BUSY if anybody has it. SR_INTERNAL when memory is used up. A reservation is released
 * with sr_writer_abandon, or becomes live.
 */
enum sr_code sr_writer_reserve(struct sr_daemon *daemon, const struct sr_writer_claim *claim, struct sr_post *wait,
			       struct sr_writer **writer) SR_MUST_USE;
void sr_writer_abandon(struct sr_writer *writer);

/* What turns a reservation into a live writer of `stream`. The request's grant, and `sealing`, are handed over. */
struct sr_writer_start {
	struct sr_session *session;
	struct sr_stream *stream;
	struct sr_request *request; /* that opened the stream; it keeps a share of its settings */
	struct sr_sealing *sealing;
	uint64_t durable;
};
void sr_writer_live(struct sr_writer *writer, const struct sr_writer_start *start);

/* The grant it holds. */
struct sr_held_grant *sr_writer_grant(struct sr_writer *writer);

/* Its session is gone: what was received is sealed and committed, then it frees itself. */
void sr_writer_orphan(struct sr_writer *writer);

/* A freeze is in force: live writers that it stops end with `frozen`; what is under way becomes durable. */
void sr_writers_freeze(struct sr_daemon *daemon);
/*
 * End the streams of all writers of this patient, or with `recording` (not NULL) of that recording: they take nothing
 * more, and end when what is under way is over. Their commits fail by themselves, because the rows have changed under
 * them.
 */
void sr_writers_stop(struct sr_daemon *daemon, const uint8_t tag[SR_TAG], const uint8_t *recording,
		     const struct sr_error *err);

/* Time has passed: segments that are old enough close; writers whose grant and grace are over end. */
void sr_writers_tick(struct sr_daemon *daemon, uint64_t now);

#endif
