/*
 * How a player begins: play.open, and play.start, which has the range behind it authorised, and its first bytes found,
 * in the same step.
 */
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

struct opening {
	struct sr_play_start message; /* its range is play.start's alone, as `page` and `part` are: */
	struct sr_reply page;         /* the first of its track's table, which waits for the opening's entry as well */
	uint16_t part;                /* of so many records, if more follow */
	struct sr_found found;
	struct sr_play_head heads[SR_TRACKS_MAX];
	uint16_t count;
	struct sr_play_account account; /* becomes the player's */
	struct sr_start_entry entry;
	bool stands; /* seen again since its entry is durable */
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

/* What a play.start wants behind its table: no further than its track went when it was opened. */
static struct sr_play_range wanted_range(const struct opening *opening)
{
	const struct sr_play_head *head = wanted_head(opening);
	struct sr_play_range range = opening->message.range;
	if (range.from >= head->length)
		range.length = 0;
	else if (range.length > head->length - range.from)
		range.length = head->length - range.from;
	return range;
}

static enum sr_code make_first_page(struct sr_request *request, struct opening *opening)
{
	struct sr_table_look look = {.request = request,
				     .recording = opening->message.named.recording,
				     .dek = opening->found.dek,
				     .track = opening->message.range.track};
	return sr_table_page(&look, true, &opening->page, &opening->part);
}

/*
 * While the entry became durable the recording may have been deleted, or moved, and that been answered. What is ready
 * leaves only if it has been seen since to stand; else its turn comes with a look of its own.
 */
static void look_again(struct sr_request *request)
{
	struct opening *opening = request->owner;
	struct sr_view *view;
	if (sr_request_view(request, &view) == SR_OK) {
		opening->stands = sr_recording_stands(request, view, opening->message.named.recording) == SR_OK;
		sr_request_view_end(request, view);
	}
	request->error = (struct sr_error){.code = SR_OK};
}

/*
 * Have the range authorised with the opening. If nothing of the table will be left behind its first page, the range's
 * first bytes are made ready as well.
 */
static void prepare_range(struct sr_request *request, struct opening *opening)
{
	struct sr_play_range range = wanted_range(opening);
	struct sr_reading_job job = {.request = request,
				     .recording = opening->message.named.recording,
				     .dek = opening->found.dek,
				     .track = range.track,
				     .from = range.from,
				     .end = range.from + range.length,
				     .most = SR_BATCH_AHEAD,
				     .ahead = true};
	sr_play_account_read(&opening->account, &opening->message.range);
	if (range.length > 0 && sr_reading_look(&job) == SR_OK &&
	    sr_play_account_start(&opening->account, &range, &job.look, &opening->entry) == SR_OK && opening->part == 0)
		(void)!sr_batch_make(&job);
	request->last_look = request->work_result ? look_again : NULL;
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
	sr_play_account_begin(&opening->account, request->daemon, named->recording);
	if (starts(request) && request->error.code == SR_OK && wanted_head(opening) &&
	    make_first_page(request, opening) == SR_OK)
		prepare_range(request, opening);
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
	player->account = opening->account;
	player->account.asked_back = sr_player_asked;
	sr_count(SR_COUNT_PLAYERS_NOW, 1);
}

static void plan_start(struct sr_player *player, const struct opening *opening)
{
	if (!wanted_head(opening))
		return;
	struct sr_play_range range = wanted_range(opening);
	player->starts = true;
	player->table = (struct sr_play_table){.track = range.track, .from = opening->part, .want = SR_TABLE_ALL};
	player->table_head =
		(struct sr_message_head){SR_MSG_PLAY_TABLE, player->stream->number, player->opening_request};
	player->read_head = (struct sr_message_head){SR_MSG_PLAY_READ, player->stream->number, player->opening_request};
	player->range = range;
}

/* Nobody plays what was opened: nothing of what was authorised with it was sent. */
static void nobody_plays(struct sr_request *request, struct opening *opening, bool is_written)
{
	struct sr_audit_entry words = sr_account_words(request);
	if (is_written)
		sr_play_account_end(&opening->account, &words, "gone");
	else
		sr_account_release(request->daemon->accounting, opening->account.open);
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
	sr_player_page_left(player);
	sr_session_cork(session);
	sr_session_send(session, player->stream->number, player->opening_request, page, false);
	if (sr_session_stands(session))
		sr_players_feed(session);
	sr_session_uncork(session);
}

/* What was made ready is for now: while others of the connection have their turn it would keep keys and a file. */
static void no_longer_ready(struct sr_player *player)
{
	sr_batch_free(player->ready);
	player->ready = NULL;
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
	bool is_written = request->error.code == SR_OK;
	struct sr_player *player = NULL;
	if (is_written)
		sr_play_account_opened(&opening->account, request->account.number);
	if (!sr_request_overtaken(request) && request->error.code == SR_OK && wanted) {
		player = calloc(1, sizeof *player);
		if (player)
			attach(request, stream, player, opening);
		else
			(void)SR_FAIL_MEMORY(&request->error);
	}
	if (player && goes_on)
		plan_start(player, opening);
	if (player && opening->stands)
		player->ready = request->work_result;
	else
		sr_batch_free(request->work_result);
	if (!player)
		nobody_plays(request, opening, is_written);
	sodium_memzero(opening, sizeof *opening);
	free(opening);
	request->owner = NULL;
	/* Not corked: a refusal has to leave before its late events are written. */
	sr_request_answer(request, true);
	/* The answer may be the end of the session, and so of the player. */
	if (goes_on && sr_session_stands(session) && stream && stream->player)
		start(stream->player, &page, part);
	if (sr_session_stands(session) && stream && stream->player)
		no_longer_ready(stream->player);
	sr_session_release(session);
	sr_reply_free(&page);
}

void sr_serve_play_open(struct sr_request *request)
{
	/* The account says what was done, an opening and a read, and not in how many questions. */
	request->operation = sr_message_name(SR_MSG_PLAY_OPEN);
	sr_request_begin(request, sizeof(struct opening), open_on_pool, opened);
}
