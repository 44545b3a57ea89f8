/*
 * A player: an open recording on one stream, read in sealed pieces.
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

/* ---- play.open, play.start ---- */

struct opening {
	struct sr_play_start message; /* its range is play.start's alone, as `page` and `part` are: */
	struct sr_reply page;         /* the first of its track's table, which waits for the opening's entry as well */
	uint16_t part;                /* of so many records, if more follow */
	struct sr_found found;
	struct sr_play_head heads[SR_TRACKS_MAX];
	uint16_t count;
};

static void keep_head(void *context, const struct sr_track_row *row, const struct sr_head *head)
{
	struct opening *opening = context;
	struct sr_play_head *kept = &opening->heads[opening->count];
	if (opening->count == SR_TRACKS_MAX)
		return;
	*kept = (struct sr_play_head){
		.track = row->track, .state = head->state, .segments = head->segments, .length = head->length};
	memcpy(kept->chain, head->chain, SR_CHAIN);
	opening->count++;
}

static void make_opened(struct sr_request *request, struct sr_view *view, struct opening *opening)
{
	struct sr_entry_job job = {.request = request,
				   .view = view,
				   .recording = opening->message.named.recording,
				   .found = &opening->found,
				   .visit = keep_head,
				   .context = opening};
	size_t room = sr_entry_room(opening->found.row.tracks) + SR_TRACKS_MAX * sizeof *opening->heads;
	if (room > SR_MESSAGE_MAX - SR_MESSAGE_HEAD)
		room = SR_MESSAGE_MAX - SR_MESSAGE_HEAD;
	if (!sr_request_reply(request, SR_MSG_PLAY_OPENED, room))
		return;
	struct sr_builder *out = &request->reply.fields;
	enum sr_code code = sr_entry_make(&job, out);
	if (code != SR_CORRUPT)
		sr_account_met(request, opening->message.named.recording, NULL);
	for (uint16_t at = 0; code == SR_OK && at < opening->count; at++)
		sr_play_head_encode(out, &opening->heads[at]);
	if (code == SR_NO_SPACE || (code == SR_OK && out->failed))
		(void)SR_FAIL(&request->error, SR_INTERNAL, "the recording's entry is too long");
}

static bool starts(const struct sr_request *request)
{
	return request->head.type == SR_MSG_PLAY_START;
}

/* Of the track that a play.start names; NULL: the recording has no such track. */
static const struct sr_play_head *wanted_head(const struct opening *opening)
{
	for (uint16_t at = 0; at < opening->count; at++)
		if (opening->heads[at].track == opening->message.range.track)
			return &opening->heads[at];
	return NULL;
}

static void make_first_page(struct sr_request *request, struct opening *opening)
{
	struct sr_table_look look = {.request = request,
				     .recording = opening->message.named.recording,
				     .dek = opening->found.dek,
				     .track = opening->message.range.track};
	if (wanted_head(opening))
		(void)!sr_table_page(&look, true, &opening->page, &opening->part);
}

static void open_on_pool(struct sr_request *request)
{
	struct opening *opening = request->owner;
	const struct sr_named *named = &opening->message.named;
	struct sr_cursor in = sr_request_fields(request);
	struct sr_view *view;
	if (starts(request))
		sr_play_start_decode(&in, &opening->message);
	else
		sr_named_decode(&in, &opening->message.named);
	if (sr_request_decoded(request, &in) != SR_OK)
		return;
	if (sr_request_grant(request, named->grant, named->recording) != SR_OK ||
	    sr_lookup(request, named->recording, &opening->found, &view) != SR_OK)
		return;
	make_opened(request, view, opening);
	sr_request_view_end(request, view);
	if (starts(request) && request->error.code == SR_OK)
		make_first_page(request, opening);
}

static void attach(struct sr_request *request, struct sr_stream *stream, struct sr_player *player,
		   const struct opening *opening)
{
	struct sr_daemon *daemon = request->daemon;
	player->daemon = daemon;
	player->session = request->session;
	player->stream = stream;
	player->opening_request = request->head.request;
	memcpy(player->recording, opening->message.named.recording, SR_UUID);
	memcpy(player->dek, opening->found.dek, SR_KEY);
	sr_held_grant_take(&player->held, request);
	player->next = daemon->players;
	if (player->next)
		player->next->previous = player;
	daemon->players = player;
	stream->player = player;
	player->reason = "gone";
	snprintf(player->service, sizeof player->service, "%s", request->caller.name);
	sr_play_account_begin(&player->account, daemon, player->recording, request->account.number);
	player->account.asked_back = sr_player_asked;
	sr_count(SR_COUNT_PLAYERS_NOW, 1);
}

/* What a play.start wants behind its table: no further than its track went when it was opened. */
static void plan_start(struct sr_player *player, const struct opening *opening)
{
	struct sr_play_range range = opening->message.range;
	const struct sr_play_head *head = wanted_head(opening);
	if (!head)
		return;
	player->starts = true;
	player->table = (struct sr_play_table){.track = range.track, .from = opening->part, .want = SR_TABLE_ALL};
	player->table_head =
		(struct sr_message_head){SR_MSG_PLAY_TABLE, player->stream->number, player->opening_request};
	player->read_head = (struct sr_message_head){SR_MSG_PLAY_READ, player->stream->number, player->opening_request};
	sr_play_account_read(&player->account, &range);
	if (range.from >= head->length)
		range.length = 0;
	else if (range.length > head->length - range.from)
		range.length = head->length - range.from;
	player->range = range;
}

/* A page of what was started has left: behind the last one the range is read. */
static void page_left(struct sr_player *player)
{
	player->reading = player->starts && player->part == 0;
	player->starts = player->starts && player->part > 0;
}

/* Behind play.opened: what was asked for with it, or why not. */
static void start(struct sr_player *player, struct sr_reply *page, uint16_t part)
{
	struct sr_session *session = player->session;
	struct sr_error err;
	if (sr_player_ended_by_time(player))
		return;
	if (!player->starts) {
		(void)SR_FAIL(&err, SR_NOT_FOUND, "the recording has no such track");
		sr_session_send_error(session, player->stream->number, player->opening_request, &err, false, 0);
		return;
	}
	player->part = part; /* no sooner, or the next page would be made before this one leaves */
	page_left(player);
	sr_session_cork(session);
	sr_session_send(session, player->stream->number, player->opening_request, page, false);
	if (sr_session_stands(session))
		sr_players_feed(session);
	sr_session_uncork(session);
}

static void opened(struct sr_request *request)
{
	struct opening *opening = request->owner;
	struct sr_session *session = sr_session_hold(request->session);
	struct sr_stream *stream = sr_session_stream(session, request->head.stream);
	struct sr_reply page = opening->page;
	const uint16_t part = opening->part;
	const bool goes_on = starts(request);
	bool wanted = stream && sr_session_stands(session) && sr_stream_is_opening(stream->state);
	if (!sr_request_overtaken(request) && request->error.code == SR_OK && wanted) {
		struct sr_player *player = calloc(1, sizeof *player);
		if (player)
			attach(request, stream, player, opening);
		else
			(void)SR_FAIL_MEMORY(&request->error);
		if (player && goes_on)
			plan_start(player, opening);
	}
	sodium_memzero(opening, sizeof *opening);
	free(opening);
	request->owner = NULL;
	/* Not corked: a refusal has to leave before its late events are written. */
	sr_request_answer(request, true);
	/* The answer may be the end of the session, and so of the player. */
	if (goes_on && sr_session_stands(session) && stream && stream->player)
		start(stream->player, &page, part);
	sr_session_release(session);
	sr_reply_free(&page);
}

void sr_serve_play_open(struct sr_request *request)
{
	/* The account says what was done, an opening and a read, and not in how many questions. */
	request->operation = sr_message_name(SR_MSG_PLAY_OPEN);
	sr_request_begin(request, sizeof(struct opening), open_on_pool, opened);
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
	page_left(player);
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
