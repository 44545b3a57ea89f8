/*
 * libsealreel: record, list and play consultations in a sealreel store. Asynchronous on libuv, with a blocking face on
 * top (the sr_blocking_* functions at the end). Every byte handed out has been opened and checked.
 *
 * Asynchronous rules, said once: if a start call returns SR_OK its callback runs exactly once, later, on the loop's
 * thread, never from inside the start call. If it returns anything else the callback never runs. *call (out, may be
 * NULL) is a handle for sr_cancel until the callback runs; after sr_cancel it never runs. Arguments are copied or used
 * up before a start call returns; what a callback is given lives until it returns. A client belongs to one loop and
 * thread. Errors carry a code, a text for a person, and the request id that the daemon's account also has. Whoever
 * uses it ignores SIGPIPE, as with any sockets on libuv.
 */
#ifndef SEALREEL_H
#define SEALREEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <uv.h>

#include "sealreel/code.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SR_PUBLIC __attribute__((visibility("default")))
#define SR_ID 16 /* a recording's id: a UUIDv7 as raw bytes */
#define SR_ID_TEXT 37

/* How something ended. `text` is "" with SR_OK; `request` is 0 where no request was made. */
struct sr_result {
	enum sr_code code;
	char text[256];
	uint64_t request;
	uint32_t retry_ms; /* with SR_BUSY or SR_UNAVAILABLE: when to try again; 0: not said */
};

/* The stable name of a code ("not_found", …; static). The library's version ("1.0.0"; static). */
SR_PUBLIC const char *sr_result_name(enum sr_code code);
SR_PUBLIC const char *sr_version(void);

/* Make a new recording id from the system's clock; text to id (false: no UUID) and back (SR_ID_TEXT bytes). */
SR_PUBLIC void sr_id_new(uint8_t id[SR_ID]);
SR_PUBLIC bool sr_id_parse(const char *text, uint8_t id[SR_ID]);
SR_PUBLIC void sr_id_format(const uint8_t id[SR_ID], char text[SR_ID_TEXT]);

typedef struct sr_client sr_client;
typedef struct sr_call sr_call;

/*
 * Where grants come from: write the token, without a NUL, to `token` (`capacity` bytes) and return its length, or a
 * negative number if there is none (the request then fails with SR_UNAUTHENTICATED). Asked before every request that
 * needs one, and `renewal` true shortly before an open stream's grant expires. Must not block for long.
 */
typedef ssize_t sr_grant_callback(void *context, bool renewal, char *token, size_t capacity);

/* How to reach a store and who is calling. All are borrowed during sr_client_new only, but `grant_context`. */
struct sr_client_options {
	const char *credential; /* path of a credential file (0600) */
	const char *server;     /* "unix:PATH" or "tcp:HOST:PORT"; NULL: the credential's own address */
	const char *grant;      /* one fixed token; or NULL with `grant_callback`, or neither */
	sr_grant_callback *grant_callback;
	void *grant_context;
	/*
	 * 0: the end of an established connection ends all that is under way. Else the connection is made again, for so
	 * many milliseconds at a time in which nothing comes of it; recording and playing go on: "Going on after a
	 * loss".
	 */
	uint32_t reconnect_ms;
};

/*
 * Read the credential and make an unconnected client on `loop`. SR_USAGE: the file or address is malformed or readable
 * by others; SR_IO: it cannot be read. *out (out) is closed with sr_client_close; NULL on failure. *result (out) tells.
 */
SR_PUBLIC enum sr_code sr_client_new(uv_loop_t *loop, const struct sr_client_options *options, sr_client **out,
				     struct sr_result *result);

/* The address that the client connects to; lives as long as the client. */
SR_PUBLIC const char *sr_client_server(const sr_client *client);

/* The store's id, 32 hex digits and a NUL: the audience of grants. */
SR_PUBLIC void sr_client_audience(const sr_client *client, char text[33]);

typedef void sr_done(void *context, const struct sr_result *result);

/*
 * Connect and authenticate. SR_UNAUTHENTICATED: the daemon did not accept the credential, is not the store it
 * names, or has as many connections as its limits let in (it says nothing to whom it does not know);
 * SR_UNAVAILABLE: nothing listens there. SR_CONFLICT at once if connected already.
 */
SR_PUBLIC enum sr_code sr_connect(sr_client *client, sr_done *done, void *context, sr_call **call);

/*
 * Called whenever an established connection ends by itself, after every open call, writer and player has failed with
 * the reason; with `reconnect_ms`, when it is given up. May be set at any time; sr_connect may be called in it.
 */
SR_PUBLIC void sr_client_on_lost(sr_client *client, sr_done *lost, void *context);

/*
 * Going on after a loss. With `reconnect_ms` a writer outlives its connection, and the daemon. The library keeps what
 * sr_write has taken until it is durable (the writer's window of bytes at most), makes the connection again with
 * growing pauses of up to 2 s, resumes each track with a grant as it was got before, drops what turns out to be
 * durable, sends the rest again, and goes on: no byte is left out or repeated. sr_write, sr_writer_sync,
 * sr_writer_close, sr_record_open, sr_track_open, sr_track_resume and sr_record_finish may be called meanwhile, and
 * those under way at the loss are asked again; their callbacks come later, but as ever. So it is, too, when the store
 * answers a track with `busy`, or a track or recording with `unavailable` or `busy` and a time to try again, when the
 * grant callback has none just then, and when a track's file has failed (five times in a row at most). An unexpired
 * grant is no condition: the one that opened or last renewed a track resumes it as long as the store's record_grace
 * says. Where the store ends a connection as `busy`, the next one is made when it said that it is no longer.
 *
 * A player outlives its connection as well: the recording is opened again, with a grant as it was got before, which
 * must not have expired, and a read goes on behind the last byte that was handed out, so that each byte comes once.
 * What the store then says of the recording must follow what it said before, or the connection ends with SR_CORRUPT.
 * sr_play_open and sr_play_read may be called meanwhile. Tracks that were added since do not show in sr_player_info.
 *
 * A writer ends (sr_writer_on_ended) with SR_CONFLICT if somebody else has resumed its track, with SR_CORRUPT if the
 * store has lost what it had acknowledged, with what the store says if it refuses for good, and with SR_UNAVAILABLE or
 * what failed last if nothing comes of it for `reconnect_ms`; a last attempt may take ten seconds more. What is durable
 * then is durable. A read is given up for the last two reasons as well. All other calls fail with the connection, and
 * are not started before it stands. sr_connect is tried once.
 *
 * `trying` (NULL: none) is called with the reason when such a connection is lost, and with SR_OK when it stands again.
 */
SR_PUBLIC void sr_client_on_trying(sr_client *client, sr_done *trying, void *context);

/*
 * Close: every outstanding callback is dropped, keys are wiped, writers and players are freed with it, `closed` runs
 * last (NULL allowed).
 */
SR_PUBLIC void sr_client_close(sr_client *client, void (*closed)(void *context), void *context);

/* Give up a call: its callback never runs. The request may still have its effect. */
SR_PUBLIC void sr_cancel(sr_call *call);

/* ---- recording ---- */

/* A new recording, or the same again (a repeat with one `nonce` gets the same answer). Zeros in `nonce`: a fresh one.
 */
struct sr_recording_options {
	uint8_t recording[SR_ID];
	uint8_t nonce[16];
	uint64_t started_ms;      /* since 1970; 0: now */
	uint64_t retain_until_ms; /* 0: no rule */
	const char *label;        /* at most 255 bytes; NULL: none */
};
/* SR_CONFLICT: the id is another writer's or another patient's, or its consultation is bound to another patient. */
SR_PUBLIC enum sr_code sr_record_open(sr_client *client, const struct sr_recording_options *options, sr_done *done,
				      void *context, sr_call **call);

/* A track being written. */
typedef struct sr_writer sr_writer;

struct sr_track_options {
	uint8_t recording[SR_ID];
	uint16_t track;         /* 0: the daemon chooses */
	uint8_t nonce[16];      /* zeros: a fresh one */
	uint64_t start_ms;      /* after the recording's start */
	const char *media_type; /* 1 to 127 bytes */
	const char *label;      /* at most 255 bytes; NULL: none */
};
typedef void sr_writer_ready(void *context, const struct sr_result *result, sr_writer *writer);

/* Add a track and write it, or go on with one that was cut off. The writer is closed with sr_writer_close. */
SR_PUBLIC enum sr_code sr_track_open(sr_client *client, const struct sr_track_options *options, sr_writer_ready *ready,
				     void *context, sr_call **call);
SR_PUBLIC enum sr_code sr_track_resume(sr_client *client, const uint8_t recording[SR_ID], uint16_t track,
				       sr_writer_ready *ready, void *context, sr_call **call);

/* The track's number; its durable length in bytes; and bytes taken by sr_write that are not durable yet. */
SR_PUBLIC uint16_t sr_writer_track(const sr_writer *writer);
SR_PUBLIC uint64_t sr_writer_durable(const sr_writer *writer);
SR_PUBLIC size_t sr_writer_pending(const sr_writer *writer);

/*
 * Bytes that sr_write takes now: what is left of the window. `on_room` is called whenever it grows from nothing, or has
 * grown since a write was refused: perhaps not by enough, and then again.
 */
SR_PUBLIC size_t sr_writer_room(const sr_writer *writer);
SR_PUBLIC void sr_writer_on_room(sr_writer *writer, void (*on_room)(void *context), void *context);

/* Called with every acknowledgement: the new durable length. */
SR_PUBLIC void sr_writer_on_durable(sr_writer *writer, void (*on_durable)(void *context, uint64_t durable),
				    void *context);

/* Called once if the stream ends by itself: the result says why; what is durable is. */
SR_PUBLIC void sr_writer_on_ended(sr_writer *writer, sr_done *ended, void *context);

#define SR_NO_TIME UINT64_MAX

/*
 * Append `size` bytes, copied; at most sr_writer_room. `media_ms`: the media time of the first, or SR_NO_TIME.
 * SR_BUSY, SR_INTERNAL: no room for all of it, or memory is used up; nothing was taken. SR_UNAVAILABLE: the stream has
 * ended.
 */
SR_PUBLIC enum sr_code sr_write(sr_writer *writer, const void *data, size_t size, uint64_t media_ms);

/* Make all that was written durable; `done` runs when it is. Also when the age limit would do so later by itself. */
SR_PUBLIC enum sr_code sr_writer_sync(sr_writer *writer, sr_done *done, void *context, sr_call **call);

/*
 * Sync, end the stream, free the writer, which may not be used again whatever is returned. With `done` NULL the writer
 * is dropped at once, unsynced. SR_UNAVAILABLE: the stream has ended; what is durable is.
 */
SR_PUBLIC enum sr_code sr_writer_close(sr_writer *writer, sr_done *done, void *context);

/* Finish a recording: it never opens again. Repeats give the same answer. SR_BUSY: a track is still being written. */
SR_PUBLIC enum sr_code sr_record_finish(sr_client *client, const uint8_t recording[SR_ID], sr_done *done, void *context,
					sr_call **call);

/* ---- what is there ---- */

struct sr_track_info {
	uint16_t track;
	bool finished;
	uint64_t start_ms;
	uint64_t length;
	uint32_t segments;
	char media_type[128];
	char label[256];
};

struct sr_recording_info {
	uint8_t recording[SR_ID];
	bool finished;
	uint64_t opened_ms, finished_ms, retain_until_ms;
	char label[256];
	size_t track_count;
	struct sr_track_info *tracks;
	uint32_t epoch, root_version; /* sr_info only */
	bool held;                    /* sr_info only */
};

struct sr_listing_info {
	size_t count;
	struct sr_recording_info *recordings;
	uint32_t withheld; /* rows that are not this patient's, or damaged, and were left out of this page */
	bool more;         /* ask again with `after` = next */
	uint8_t next[SR_ID];
};

struct sr_list_options {
	uint64_t from_ms, to_ms; /* opened in [from, to); to 0: no end */
	uint8_t after[SR_ID];
	uint16_t limit; /* 1 to 100; 0: 100 */
};
typedef void sr_listed(void *context, const struct sr_result *result, const struct sr_listing_info *listing);
SR_PUBLIC enum sr_code sr_list_recordings(sr_client *client, const struct sr_list_options *options, sr_listed *done,
					  void *context, sr_call **call);

typedef void sr_informed(void *context, const struct sr_result *result, const struct sr_recording_info *info);
SR_PUBLIC enum sr_code sr_info(sr_client *client, const uint8_t recording[SR_ID], sr_informed *done, void *context,
			       sr_call **call);

/* Which of `count` ids (1 to 200, SR_ID bytes each) are this patient's: `theirs` has one byte each, 1 or 0. */
typedef void sr_checked(void *context, const struct sr_result *result, const uint8_t *theirs, size_t count);
SR_PUBLIC enum sr_code sr_check(sr_client *client, const uint8_t *ids, size_t count, sr_checked *done, void *context,
				sr_call **call);

/* ---- what was shown ---- */

/*
 * State, for the store's account, that a viewer's session showed this part of a track: what the store cannot see
 * itself. It stands there under this service's name. Needs a grant with the scope `play`. SR_USAGE: no track, no time,
 * or a name of more than 255 bytes.
 */
struct sr_shown_part {
	uint8_t recording[SR_ID];
	uint16_t track;
	uint64_t from_ms, to_ms; /* media times, milliseconds */
	const char *who;         /* who looked; NULL or "": the grant's actor */
};
SR_PUBLIC enum sr_code sr_state_shown(sr_client *client, const struct sr_shown_part *part, sr_done *done, void *context,
				      sr_call **call);

/* ---- deleting ---- */

/*
 * Delete a recording: it is not listed nor played any more, and whoever plays or writes it is ended. Until
 * `undo_until_ms` (milliseconds since 1970) sr_undelete brings it back; then it is gone for good. Needs a grant with
 * the scope `delete`. Both may be repeated. SR_CONFLICT: it is on hold or must be kept; or it is too late to undo.
 */
typedef void sr_deleted(void *context, const struct sr_result *result, uint64_t undo_until_ms);
SR_PUBLIC enum sr_code sr_delete(sr_client *client, const uint8_t recording[SR_ID], sr_deleted *done, void *context,
				 sr_call **call);
SR_PUBLIC enum sr_code sr_undelete(sr_client *client, const uint8_t recording[SR_ID], sr_done *done, void *context,
				   sr_call **call);

/* ---- playing ---- */

/* An open recording. */
typedef struct sr_player sr_player;
typedef void sr_player_ready(void *context, const struct sr_result *result, sr_player *player);
SR_PUBLIC enum sr_code sr_play_open(sr_client *client, const uint8_t recording[SR_ID], sr_player_ready *ready,
				    void *context, sr_call **call);

/* What it is: lives as long as the player; lengths grow as tables are fetched. */
SR_PUBLIC const struct sr_recording_info *sr_player_info(const sr_player *player);

/*
 * Read plaintext bytes [from, from + length) of a track. `data` is called in order with opened, checked bytes; `done`
 * once at the end with how many there were: fewer than asked at the end of the track. With `follow` a read past the end
 * of an unfinished track waits for more until the track is finished or the read is full. SR_CORRUPT: what came does
 * not open or does not fit the recording's chain; nothing of the doubtful part was handed out, and the connection is
 * closed. One read at a time per player: SR_BUSY.
 */
typedef void sr_play_data(void *context, const uint8_t *data, size_t size);
typedef void sr_play_done(void *context, const struct sr_result *result, uint64_t bytes, bool finished);
struct sr_read_options {
	uint16_t track;
	uint64_t from;
	uint64_t length; /* UINT64_MAX: to the end */
	bool follow;
	sr_play_data *data;
};
SR_PUBLIC enum sr_code sr_play_read(sr_player *player, const struct sr_read_options *options, sr_play_done *done,
				    void *context, sr_call **call);

/*
 * Open a recording and read it at once: sr_play_open and then sr_play_read in one way to the store, where they take
 * three, for a player that knows what it will show first. `ready` is called as sr_play_open's; if it has a player, that
 * one's first read is under way, and `done` is called once as sr_play_read's, with SR_NOT_FOUND if there is no such
 * track. Otherwise `done` is not called. `context` is for all three callbacks. The call is the opening's: cancelled
 * before `ready`, nothing is called any more; the read ends with its player. A store of before this ends the connection
 * with SR_USAGE. SR_USAGE at once: track or length is 0, or `from` above 2^62.
 */
SR_PUBLIC enum sr_code sr_play_start(sr_client *client, const uint8_t recording[SR_ID],
				     const struct sr_read_options *options, sr_player_ready *ready, sr_play_done *done,
				     void *context, sr_call **call);

/*
 * Stop and resume the flow of `data` calls of a read under way: for a consumer slower than the store. What has been
 * received in one piece (512 KiB at most) may still be handed out; nothing else of the connection moves meanwhile.
 */
SR_PUBLIC void sr_play_pause(sr_player *player, bool paused);

/* End the stream and free the player. */
SR_PUBLIC void sr_player_close(sr_player *player);

/* ---- the blocking face: one loop of its own, one thing at a time ---- */

typedef struct sr_blocking sr_blocking;

/* Make a client on a loop of its own and connect. Released with sr_blocking_close. */
SR_PUBLIC enum sr_code sr_blocking_open(const struct sr_client_options *options, sr_blocking **out,
					struct sr_result *result);
SR_PUBLIC void sr_blocking_close(sr_blocking *blocking);

/* The client and loop underneath, for mixing both faces between calls. */
SR_PUBLIC sr_client *sr_blocking_client(sr_blocking *blocking);
SR_PUBLIC uv_loop_t *sr_blocking_loop(sr_blocking *blocking);

/* As their asynchronous namesakes. A listing or info is owned by the caller and released with its free function. */
SR_PUBLIC enum sr_code sr_blocking_record_open(sr_blocking *blocking, const struct sr_recording_options *options,
					       struct sr_result *result);
SR_PUBLIC enum sr_code sr_blocking_track_open(sr_blocking *blocking, const struct sr_track_options *options,
					      sr_writer **writer, struct sr_result *result);
SR_PUBLIC enum sr_code sr_blocking_track_resume(sr_blocking *blocking, const uint8_t recording[SR_ID], uint16_t track,
						sr_writer **writer, struct sr_result *result);
/* Takes any size: waits for room as often as it needs. */
SR_PUBLIC enum sr_code sr_blocking_write(sr_blocking *blocking, sr_writer *writer, const void *data, size_t size,
					 uint64_t media_ms, struct sr_result *result);
SR_PUBLIC enum sr_code sr_blocking_sync(sr_blocking *blocking, sr_writer *writer, struct sr_result *result);
SR_PUBLIC enum sr_code sr_blocking_writer_close(sr_blocking *blocking, sr_writer *writer, struct sr_result *result);
SR_PUBLIC enum sr_code sr_blocking_finish(sr_blocking *blocking, const uint8_t recording[SR_ID],
					  struct sr_result *result);
SR_PUBLIC enum sr_code sr_blocking_list(sr_blocking *blocking, const struct sr_list_options *options,
					struct sr_listing_info **listing, struct sr_result *result);
SR_PUBLIC void sr_listing_free(struct sr_listing_info *listing);
SR_PUBLIC enum sr_code sr_blocking_info(sr_blocking *blocking, const uint8_t recording[SR_ID],
					struct sr_recording_info **info, struct sr_result *result);
SR_PUBLIC void sr_recording_info_free(struct sr_recording_info *info);
SR_PUBLIC enum sr_code sr_blocking_check(sr_blocking *blocking, const uint8_t *ids, size_t count, uint8_t *theirs,
					 struct sr_result *result);
SR_PUBLIC enum sr_code sr_blocking_play_open(sr_blocking *blocking, const uint8_t recording[SR_ID], sr_player **player,
					     struct sr_result *result);
SR_PUBLIC enum sr_code sr_blocking_state_shown(sr_blocking *blocking, const struct sr_shown_part *part,
					       struct sr_result *result);
/* *undo_until_ms (out) may be NULL. */
SR_PUBLIC enum sr_code sr_blocking_delete(sr_blocking *blocking, const uint8_t recording[SR_ID],
					  uint64_t *undo_until_ms, struct sr_result *result);
SR_PUBLIC enum sr_code sr_blocking_undelete(sr_blocking *blocking, const uint8_t recording[SR_ID],
					    struct sr_result *result);
/*
 * As sr_play_start: up to `size` bytes, 1 at least, of the track into `out`. *player (out) is the caller's to close
 * unless it is NULL, also where the read failed; *got (out) as of sr_blocking_read.
 */
struct sr_blocking_range {
	uint16_t track;
	uint64_t from;
	void *out;
	size_t size;
};
SR_PUBLIC enum sr_code sr_blocking_play_start(sr_blocking *blocking, const uint8_t recording[SR_ID],
					      const struct sr_blocking_range *range, sr_player **player, size_t *got,
					      struct sr_result *result);
/* Read up to `size` bytes at `from` into `out`; *got (out) says how many: fewer only at the track's end. */
SR_PUBLIC enum sr_code sr_blocking_read(sr_blocking *blocking, sr_player *player, uint16_t track, uint64_t from,
					void *out, size_t size, size_t *got, struct sr_result *result);

#ifdef __cplusplus
}
#endif

#endif
