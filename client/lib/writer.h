/* A writer as its two rooms know it: record.c asks for its track, writer.c writes it and keeps what is not durable. */
#ifndef SR_WRITER_H
#define SR_WRITER_H

#include "client.h"
#include "retain.h"

/* How a track was asked for, kept until it is answered: the same is asked again if the connection is lost. */
struct sr_track_wish {
	uint8_t recording[SR_ID];
	uint16_t track;
	bool resumes;
	uint8_t nonce[SR_NONCE];
	uint64_t start_ms;
	char media_type[SR_MEDIA_TYPE_MAX + 1];
	char label[SR_LABEL_MAX + 1];
};

/*
 * `durable` <= `sent` <= `taken`: lengths of the track in bytes, as the store has acknowledged, as the present stream
 * has been sent, and as sr_write has taken. The last two differ only while a connection is made again.
 */
struct sr_writer {
	struct sr_stream stream; /* first: it is cast */
	struct sr_track_wish wish;
	uint16_t track;
	uint64_t taken;
	uint64_t sent;
	uint64_t durable;
	uint32_t window;
	bool refused; /* the last write, for want of room */
	uint32_t generation;
	uint32_t asked;           /* how often it was asked for since `generation` */
	struct sr_retained kept;  /* [durable, taken), if a lost connection is made again */
	struct sr_call *readying; /* the call that TRACK_READY answers; NULL: the application has the writer */
	struct sr_call *syncing;  /* the call whose SYNC is under way; others wait */
	struct sr_result end;     /* why the stream ended */
	void (*on_room)(void *context);
	void *room_context;
	void (*on_durable)(void *context, uint64_t durable);
	void *durable_context;
	sr_done *on_ended;
	void *ended_context;
};

/* ---- record.c ---- */

/* Ask for the track on the present connection: as wished, or once it was there, to be resumed. */
enum sr_code sr_writer_ask(struct sr_stream *stream) SR_MUST_USE;

/* ---- writer.c ---- */

extern const struct sr_stream_kind sr_writer_kind;

/* Begin at what the store has said of the track for the first time. */
void sr_writer_begin(struct sr_writer *writer, const struct sr_track_ready *ready);

#endif
