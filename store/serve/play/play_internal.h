/*
 * What the files of a player share: play_open.c (how it begins), play.c (its life, its tables, its messages) and
 * play_read.c (its reads). Nobody else includes this.
 */
#ifndef SR_PLAY_INTERNAL_H
#define SR_PLAY_INTERNAL_H

#include "serve/play/play.h"
#include "serve/play/play_account.h"
#include "serve/play/reading.h"
#include "serve/renewal.h"

struct sr_player {
	struct sr_player *next, *previous;
	struct sr_daemon *daemon;
	struct sr_session *session; /* NULL: its stream is gone; it ends when its job comes back */
	struct sr_stream *stream;
	struct sr_held_grant held;
	uint8_t recording[SR_UUID];
	uint8_t dek[SR_KEY];
	uint64_t opening_request;
	bool job_runs;
	/* a PLAY_TABLE under way */
	struct sr_message_head table_head;
	struct sr_play_table table;
	bool starts; /* asked for by play.start: behind the table's last page `range` follows unasked */
	bool waiting, woken;
	uint64_t wait_until; /* monotonic ms */
	bool nothing_new;    /* the look found the end of a track that may grow; the job's alone while it runs */
	uint16_t part;       /* the look made a part, of so many records, and not the last page; as well the job's */
	/* a PLAY_READ under way */
	bool reading;
	struct sr_message_head read_head;
	struct sr_play_range range;
	uint64_t sent; /* plaintext bytes of the range handed to the socket's queue */
	bool batch_runs;
	struct sr_batch *batch; /* made, and not all of it queued */
	struct sr_batch *
		ready; /* the first of a play.start's range, made when it was opened; gone with that turn of the loop */
	uint64_t batch_since; /* monotonic ms */
	bool fast;            /* the range's batch before this one was taken at once */
	uint64_t fed;         /* when it last had a batch, as a count */
	/* what it accounts for */
	struct sr_play_account account;
	struct sr_request *held_back; /* has a batch that may not leave yet; its job counts as running */
	char service[SR_SERVICE_NAME_MAX + 1];
	const char *reason; /* why it ended, for the account */
};

/* Who plays, and for whom. Borrowed from the player. */
struct sr_audit_entry sr_player_words(const struct sr_player *player);

/* Free it once its stream is gone, and neither pool nor account has it any more. */
void sr_player_free_if_over(struct sr_player *player);

/*
 * A request on behalf of a player: it has no fields, the player has decoded them. NULL: the session is being dropped.
 */
struct sr_request *sr_player_request(struct sr_player *player, const struct sr_message_head *head);

/* The job has come back; true if the player is still wanted, otherwise the request is freed, and perhaps the player. */
bool sr_player_still_wanted(struct sr_player *player, struct sr_request *request);

/* True if the stream has just been ended, because its grant is over. */
bool sr_player_ended_by_time(struct sr_player *player);

/* Keys are given out only of what has not been deleted since the player was opened. False: in request->error. Pool. */
bool sr_player_stands(struct sr_request *request, const struct sr_player *player);

/* A page of what was started has left: behind the last one the range is read. */
void sr_player_page_left(struct sr_player *player);

/* One of a session's tables that were asked for whole goes on, if its socket has room: called as each page is made. */
void sr_players_tables(struct sr_session *session);

/* Its account has told of an ask. */
void sr_player_asked(struct sr_play_account *account);

#endif
