/*
 * What the three files of a session share: session.c (its life), session_receive.c, session_send.c. Nobody else
 * includes this.
 */
#ifndef SR_SESSION_INTERNAL_H
#define SR_SESSION_INTERNAL_H

#include "serve/output.h"
#include "serve/session.h"

#define ADDRESS_MAX 64
#define RECEIVE_BUFFER (SR_FRAME_MAX + 4096)
#define SEND_AT_ONCE (1u << 20)
#define READS_AT_ONCE 4          /* of one session */
#define RECORDING_NS 500000u     /* of each turn of the loop, for reading what is recorded */
#define RETRY_MS 1000            /* the hint with `busy` */
#define LOW_WATER (512u << 10)   /* queued bytes below which the next batch of a player is prepared */
#define LOW_FILES 32             /* and descriptors: segments of a slow recording are many and short */
#define SESSION_COST (16u << 10) /* its keys, contexts and streams; about */
#define DRAIN_MS 750             /* for what a freeze left unsent */
#define UNREAD_MAX (256u << 10)  /* replies in memory above which nothing more is read from a peer who takes none */

/* Where a session stands: before message 1, before its first frame, in use, saying goodbye, gone. */
enum phase { SHAKING, CONFIRMING, OPEN, ENDING, CLOSED };

struct sr_session {
	struct sr_daemon *daemon;
	struct sr_session *next, *previous;
	unsigned holds;
	enum phase phase;
	int fd;
	uv_poll_t poll;
	int polling;                  /* the events asked for */
	struct sr_session *next_read; /* behind it in the line of those who bring what is recorded */
	bool in_line;
	unsigned corked; /* what is queued is sent before the loop is asked for anything */
	struct sr_conn *conn;
	struct sr_output output;
	struct sr_caller caller;
	struct sr_stream streams[SR_STREAMS_MAX];
	uint32_t last_stream; /* numbers only grow */
	unsigned unary;       /* requests outstanding on stream 0 */
	unsigned pauses;
	bool unwelcome; /* its service has too many: it is told so at its first message */
	size_t memory;  /* its share of the budget */
	bool resuming;  /* `resume` is posted */
	struct sr_post resume;
	uint64_t deadline; /* monotonic ms of the phase; 0: none */
	uint64_t last_active;
	uint64_t frame_since; /* when the first byte of what is not whole yet came, or could be read again */
	uint64_t last_sent;   /* or since when something waits to be sent */
	uint64_t sent;        /* bytes handed to the socket, ever */
	uint64_t left_to;     /* such a count: up to there lies what was read out and is not watched over by a player */
	uint64_t drain_to;    /* such a count: up to there it must be gone by `drain_by`, after a freeze */
	uint64_t drain_by;    /* monotonic ms; 0: nothing must */
	char address[ADDRESS_MAX];
	struct sr_session_asked asked; /* of the audit log */
};

/* Look whether a drain that was asked for is done; false, with the connection reset, when its time is over. */
bool sr_session_drain_tick(struct sr_session *session, uint64_t now);

/* GOODBYE, PING and PONG: of the connection itself, neither a request nor an answer to one. */
bool sr_speaks_of_connection(uint8_t type);

/* True while the session counts as half open. */
bool sr_session_half_open(const struct sr_session *session);

/* It counts as half open no more. */
void sr_session_leave_half_open(struct sr_session *session);

/* Ask the loop for what the session now waits for: room to send, bytes to read. */
void sr_session_update_poll(struct sr_session *session);

/* It waits no more for its turn to be read; nothing if it does not. */
void sr_session_leave_line(struct sr_session *session);

/* Go on reading, from the loop, if nothing holds it any more. */
void sr_session_resume_reading(struct sr_session *session);

/* Have the budget know what the session holds now. */
void sr_session_account(struct sr_session *session);

/* True if a writer's buffer is full, or the peer does not take what it asked for. */
bool sr_session_is_held(const struct sr_session *session);

/* True unless it is held, or memory is too scarce to read from it. */
bool sr_session_may_read(const struct sr_session *session);

#endif
