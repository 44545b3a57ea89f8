/*
 * The life of one stream as a table, state by message: what either side may send when. Shared by daemon and client.
 */
#ifndef SR_STREAM_H
#define SR_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/*
 * FREE: never opened. *_OPENING: asked for, not answered. WRITER, PLAYER: open. SYNCING: a writer whose SYNC is not
 * answered (appends may go on). READING, TABLING: a player with one request under way. STARTING: asked for together
 * with its first range, not answered; STARTED: answered, and the track's table is on its way, behind which it is
 * READING. CLOSING: CLOSE sent, not answered. ENDED: over, by CLOSED or by the daemon's ERROR. UNARY: stream 0.
 *
 * A client never uses a stream number twice on a connection: each stream it opens has a higher number than the last.
 * The daemon holds it to that, so that any number up to the last one opened that is not open is ENDED, and nothing
 * need be remembered of it. What a client had sent before it saw the end is swallowed in ENDED, without an answer.
 *
 * A renewal may be asked in any open state and answered in any, and leaves the state as it is. Refused, its answer is
 * an ERROR with `ended` 0 and the renewal's request number; whoever sends or receives that one steps it as RENEWED,
 * since any other ERROR with `ended` 0 answers the one request a player has under way.
 */
enum sr_stream_state {
	SR_STREAM_FREE,
	SR_STREAM_UNARY,
	SR_STREAM_WRITER_OPENING,
	SR_STREAM_WRITER,
	SR_STREAM_WRITER_SYNCING,
	SR_STREAM_PLAYER_OPENING,
	SR_STREAM_PLAYER,
	SR_STREAM_PLAYER_STARTING,
	SR_STREAM_PLAYER_STARTED,
	SR_STREAM_PLAYER_TABLING,
	SR_STREAM_PLAYER_READING,
	SR_STREAM_CLOSING,
	SR_STREAM_ENDED,
	SR_STREAM_STATES
};

/*
 * The state that follows when a message of `type` passes in `state`, `from_client` or from the daemon; `ended` is the
 * ERROR message's flag and ignored otherwise. False if that message may not pass now: the connection must end.
 * *next is untouched then. Stream 0 is always in SR_STREAM_UNARY; all others start as SR_STREAM_FREE.
 */
bool sr_stream_step(enum sr_stream_state state, uint8_t type, bool from_client, bool ended,
		    enum sr_stream_state *next) SR_MUST_USE;

/* True in the states in which a stream has been asked for and not been answered. */
bool sr_stream_is_opening(enum sr_stream_state state) SR_MUST_USE;

#endif
