/* A player as its two rooms know it: play.c opens and asks, reading.c checks and opens what comes. */
#ifndef SR_PLAYER_H
#define SR_PLAYER_H

#include "client.h"
#include "table.h"

#define SR_BATCH_CHUNKS 8u /* opened before they are handed out together */

/* The read of the application that is under way. */
struct sr_reading {
	bool active;
	struct sr_call *call; /* if cancelled, what still comes is checked and thrown away */
	sr_play_data *data;
	struct sr_track_table *table;
	uint64_t at;  /* next byte of the track to be handed out */
	uint64_t end; /* where what was asked ends */
	uint64_t given;
	bool follow;
	bool asked;       /* the store has said since that there is no more yet */
	uint64_t request; /* of the PLAY_TABLE or PLAY_READ under way */

	/* the PLAY_READ under way, and where in it we are */
	uint64_t range_from;
	uint64_t range_end;
	uint32_t segment;
	uint32_t chunk;
	bool keyed;         /* `key` is this segment's */
	uint32_t body_left; /* announced raw bytes that have not come */
};

struct sr_player {
	struct sr_stream stream; /* first: it is cast */
	uint8_t recording[SR_ID];
	struct sr_call *opening; /* until the store has answered */
	struct sr_call *first;   /* of sr_play_start, until then: the read that begins with the answer */
	uint16_t first_track;    /* what it reads; from reading.at on */
	uint64_t first_length;   /* bytes that were asked for with it, */
	uint64_t first_known;    /* and how long its track was when the store answered */
	bool paused;             /* as the application wants it */
	bool holding;            /* counted among its client's pauses */
	struct sr_recording_info info;
	struct sr_track_table *tables; /* one per track of `info` */
	struct sr_reading reading;
	struct sr_message_key *key; /* guarded memory */
	struct sr_aead *aead;
	uint8_t *plain; /* SR_BATCH_CHUNKS chunks */
};

/* Start on the range that was just asked for, which may be of nothing: then only its end may come. */
void sr_reading_range(struct sr_reading *reading, uint64_t from, uint64_t end);

/* The messages of a PLAY_READ. False: what came does not fit, the connection must end. */
bool sr_reading_key(struct sr_player *player, struct sr_cursor *fields) SR_MUST_USE;
bool sr_reading_body(struct sr_player *player, struct sr_cursor *fields) SR_MUST_USE;
bool sr_reading_done(struct sr_player *player, struct sr_cursor *fields) SR_MUST_USE;

/* Check, open and hand out whole chunks of the body announced. False as above. */
bool sr_reading_raw(struct sr_player *player, struct sr_span raw) SR_MUST_USE;

#endif
