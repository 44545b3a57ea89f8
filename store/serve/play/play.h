/*
 * A player: an open recording on one stream, read in sealed pieces.
 */
#ifndef SR_PLAY_H
#define SR_PLAY_H

#include "serve/session.h"

struct sr_player;
struct sr_held_grant;

/* The grant it holds. */
struct sr_held_grant *sr_player_grant(struct sr_player *player);

/* Its stream is gone: it ends as soon as the pool has let go of it. */
void sr_player_end(struct sr_player *player);

/* The session's socket has taken what was queued: players that read go on. */
void sr_players_feed(struct sr_session *session);

/* A track has grown, or its recording has finished: players that wait for it look again. */
void sr_players_wake(struct sr_daemon *daemon, const uint8_t recording[SR_UUID], uint16_t track);

/* A freeze is in force: players that it stops end with `frozen`, and what they left is drained. */
void sr_players_freeze(struct sr_daemon *daemon);
/* End the streams of all players of this patient, or with `recording` (not NULL) of that recording, with `err`. */
void sr_players_stop(struct sr_daemon *daemon, const uint8_t tag[SR_TAG], const uint8_t *recording,
		     const struct sr_error *err);

/* Time has passed: waits end, and players whose grant is over. */
void sr_players_tick(struct sr_daemon *daemon, uint64_t now);

#endif
