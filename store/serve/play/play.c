/*
 * A player: an open recording on one stream, read in sealed pieces. Its life, its tables and its messages.
 */
#include "serve/play/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account/event.h"
#include "serve/dispatch.h"
#include "serve/freeze/freezing.h"
#include "serve/play/entry.h"
#include "serve/play/play_internal.h"
#include "serve/play/table.h"

#define TABLE_WAIT_MS 1000

struct sr_held_grant *sr_player_grant(struct sr_player *player)
{
	return &player->held;
}

struct sr_audit_entry sr_player_words(const struct sr_player *player)
{
	struct sr_audit_entry words = sr_held_words(&player->held);
	words.request = player->opening_request;
	words.service = player->service;
	return words;
}

void sr_player_free_if_over(struct sr_player *player)
{
	struct sr_daemon *daemon = player->daemon;
	struct sr_audit_entry words = sr_player_words(player);
	if (player->session || player->job_runs || player->account.ask.runs)
		return;
	sr_play_account_end(&player->account, &words, player->reason);
	if (player->previous)
		player->previous->next = player->next;
	else
		daemon->players = player->next;
	if (player->next)
		player->next->previous = player->previous;
	sr_batch_free(player->batch);
	sr_batch_free(player->ready);
	sr_held_grant_drop(&player->held);
	sr_count(SR_COUNT_PLAYERS_NOW, -1);
	sodium_memzero(player, sizeof *player);
	free(player);
	sr_daemon_drained(daemon);
}

void sr_player_end(struct sr_player *player)
{
	player->session = NULL;
	player->stream = NULL;
	sr_player_free_if_over(player);
}

/* Part from the stream after it has ended. */
static void leave(struct sr_player *player)
{
	player->stream->player = NULL;
	sr_session_note_data(player->session);
	sr_player_end(player);
}

static void fail_stream(struct sr_player *player, const struct sr_error *err)
{
	player->reason = sr_code_name(err->code);
	sr_session_send_error(player->session, player->stream->number, player->opening_request, err, true, 0);
	leave(player);
}

/* ---- what table and read share ---- */

struct sr_request *sr_player_request(struct sr_player *player, const struct sr_message_head *head)
{
	struct sr_cursor none = {0};
	struct sr_request *request = sr_request_new(player->session, head, &none);
	if (!request)
		return NULL;
	request->owner = player;
	sr_request_stand_in(request, &player->held);
	player->job_runs = true;
	return request;
}

bool sr_player_still_wanted(struct sr_player *player, struct sr_request *request)
{
	player->job_runs = false;
	if (player->session && sr_session_stands(player->session))
		return true;
	sr_request_free(request);
	sr_player_free_if_over(player);
	return false;
}

static bool grant_over(const struct sr_player *player)
{
	uint64_t end = (uint64_t)player->held.expires + player->held.settings->config->skew_s;
	return sr_now_ms() / 1000 >= end;
}

bool sr_player_ended_by_time(struct sr_player *player)
{
	struct sr_error err;
	if (!grant_over(player))
		return false;
	(void)SR_FAIL(&err, SR_EXPIRED, "the grant has expired; renew it or open again with a new one");
	fail_stream(player, &err);
	return true;
}

/* ---- play.table ---- */

bool sr_player_stands(struct sr_request *request, const struct sr_player *player)
{
	struct sr_view *view;
	if (sr_request_view(request, &view) != SR_OK)
		return false;
	enum sr_code code = sr_recording_stands(request, view, player->recording);
	sr_request_view_end(request, view);
	return code == SR_OK;
}

static void table_on_pool(struct sr_request *request)
{
	struct sr_player *player = request->owner;
	if (!sr_player_stands(request, player))
		return;
	struct sr_table_look look = {.request = request,
				     .recording = player->recording,
				     .dek = player->dek,
				     .track = player->table.track,
				     .from = player->table.from};
	if (sr_table_page(&look, player->table.want == SR_TABLE_ALL, &request->reply, &player->part) == SR_OK)
		player->nothing_new = look.count == 0 && look.head.state == SR_UNFINISHED;
}

/* A table is wanted still, for itself or for the range behind it. */
static bool is_tabling(const struct sr_player *player)
{
	enum sr_stream_state state = player->stream->state;
	return state == SR_STREAM_PLAYER_TABLING || state == SR_STREAM_PLAYER_STARTED;
}

void sr_player_page_left(struct sr_player *player)
{
	player->reading = player->starts && player->part == 0;
	player->starts = player->starts && player->part > 0;
}

static void table_start(struct sr_player *player);

static void table_done(struct sr_request *request)
{
	struct sr_player *player = request->owner;
	if (!sr_player_still_wanted(player, request))
		return;
	if (!is_tabling(player)) {
		sr_request_free(request); /* closed meanwhile */
		return;
	}
	if (player->nothing_new && player->table.want == SR_TABLE_WAIT && sr_monotonic_ms() < player->wait_until) {
		sr_request_free(request);
		player->waiting = true;
		if (player->woken)
			table_start(player);
		return;
	}
	/* The answer may be the end of the session, and so of the player: nothing is asked of it afterwards. */
	struct sr_session *session = sr_session_hold(player->session);
	player->table.from += player->part;
	player->starts = player->starts && request->error.code == SR_OK;
	sr_player_page_left(player);
	sr_request_answer(request, false);
	if (sr_session_stands(session))
		sr_players_feed(session);
	sr_session_release(session);
}

static void table_start(struct sr_player *player)
{
	player->waiting = player->woken = player->nothing_new = false;
	player->part = 0;
	struct sr_request *request = sr_player_request(player, &player->table_head);
	if (request)
		sr_request_start(request, table_on_pool, table_done);
}

/* A part has left, and the rest not yet; after a refusal in the place of one the stream is no longer tabling. */
static bool has_parts_left(const struct sr_player *player)
{
	return !player->job_runs && player->part > 0 && is_tabling(player);
}

void sr_players_tables(struct sr_session *session)
{
	struct sr_player *player = sr_session_daemon(session)->players;
	if (!sr_session_stands(session) || !sr_session_wants_replies(session))
		return;
	while (player && (player->session != session || !has_parts_left(player)))
		player = player->next;
	if (player && !sr_player_ended_by_time(player))
		table_start(player);
}

void sr_players_wake(struct sr_daemon *daemon, const uint8_t recording[SR_UUID], uint16_t track)
{
	for (struct sr_player *player = daemon->players; player; player = player->next) {
		if (player->table.track != track || memcmp(player->recording, recording, SR_UUID) != 0)
			continue;
		player->woken = true;
		if (player->waiting && player->session)
			table_start(player);
	}
}

void sr_players_stop(struct sr_daemon *daemon, const uint8_t tag[SR_TAG], const uint8_t *recording,
		     const struct sr_error *err)
{
	struct sr_player *next;
	for (struct sr_player *player = daemon->players; player; player = next) {
		next = player->next;
		if (player->session && memcmp(player->held.tag, tag, SR_TAG) == 0 &&
		    (!recording || memcmp(player->recording, recording, SR_UUID) == 0))
			fail_stream(player, err);
	}
}

/* ---- messages ---- */

static void start_table(struct sr_player *player, const struct sr_message_head *head, const struct sr_cursor *fields)
{
	struct sr_cursor in = *fields;
	sr_play_account_confirm(&player->account);
	sr_play_table_decode(&in, &player->table);
	player->table_head = *head;
	player->wait_until = sr_monotonic_ms() + TABLE_WAIT_MS;
	if (!sr_take_done(&in))
		sr_session_end(player->session, SR_USAGE, "malformed play.table");
	else if (!sr_player_ended_by_time(player))
		table_start(player);
}

static void start_read(struct sr_player *player, const struct sr_message_head *head, const struct sr_cursor *fields)
{
	struct sr_cursor in = *fields;
	sr_play_account_confirm(&player->account);
	sr_play_range_decode(&in, &player->range);
	player->read_head = *head;
	player->sent = 0;
	player->fast = false;
	sr_play_account_read(&player->account, &player->range);
	if (!sr_take_done(&in)) {
		sr_session_end(player->session, SR_USAGE, "malformed play.read");
		return;
	}
	player->reading = true;
	sr_players_feed(player->session);
}

static void close_stream(struct sr_player *player, uint64_t request)
{
	struct sr_reply reply = {0};
	if (!sr_reply_begin(&reply, SR_MSG_CLOSED, 8)) {
		sr_session_drop(player->session, "memory is used up");
		return;
	}
	sr_durable_encode(&reply.fields, 0);
	player->reason = "closed";
	if (!player->reading)
		sr_play_account_confirm(&player->account);
	sr_session_send(player->session, player->stream->number, request, &reply, false);
	leave(player);
}

void sr_serve_player(struct sr_session *session, struct sr_stream *stream, const struct sr_message_head *head,
		     const struct sr_cursor *fields)
{
	struct sr_player *player = stream->player;
	switch (head->type) {
	case SR_MSG_PLAY_TABLE:
		start_table(player, head, fields);
		break;
	case SR_MSG_PLAY_READ:
		start_read(player, head, fields);
		break;
	case SR_MSG_GRANT_RENEW:
		sr_renew_start(session, head, fields, player->recording);
		break;
	default:
		if (fields->left)
			sr_session_end(session, SR_USAGE, "trailing bytes");
		else
			close_stream(player, head->request);
		break;
	}
}

/* Bodies are queued from the loop alone, so that this comes between two of them, and the next is never queued. */
void sr_players_freeze(struct sr_daemon *daemon)
{
	struct sr_player *next;
	for (struct sr_player *player = daemon->players; player; player = next) {
		struct sr_session *session = player->session;
		struct sr_error err;
		next = player->next;
		if (!session || !sr_stream_frozen(daemon, &player->held, player->recording,
						  sr_session_caller(session)->name, false))
			continue;
		(void)SR_FAIL(&err, SR_FROZEN, "it is frozen");
		sr_count(SR_COUNT_REFUSED_FROZEN, 1);
		if (sr_session_stands(session))
			fail_stream(player, &err);
		sr_session_drain(session);
	}
}

void sr_players_tick(struct sr_daemon *daemon, uint64_t now)
{
	struct sr_player *next;
	for (struct sr_player *player = daemon->players; player; player = next) {
		next = player->next;
		if (!player->session || !sr_session_stands(player->session))
			continue;
		if (!player->job_runs && sr_player_ended_by_time(player))
			continue;
		if (player->waiting && now >= player->wait_until)
			table_start(player);
	}
}
