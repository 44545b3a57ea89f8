/*
 * A player's reads: batch after batch, each held back until the account has its range, and queued as far as the socket
 * has room.
 */
#include <stddef.h>

#include "serve/play/play_internal.h"

/* A batch gone so soon may be followed by a larger one: others of its connection still wait less than half a second. */
#define FAST_MS 100

static void batch_on_pool(struct sr_request *request)
{
	struct sr_player *player = request->owner;
	if (!sr_player_stands(request, player))
		return;
	struct sr_reading_job job = {
		.request = request,
		.recording = player->recording,
		.dek = player->dek,
		.track = player->range.track,
		.from = player->range.from + player->sent,
		.end = player->range.from + player->range.length,
		.most = player->fast ? SR_BATCH_FAST : SR_BATCH_USUAL,
	};
	/* Last what waits for the disk: this thread makes the entry durable itself, if no other does just then. */
	if (sr_reading_look(&job) == SR_OK && sr_batch_make(&job) == SR_OK)
		(void)!sr_play_account_ask(&player->account, &job.look);
}

static void read_done(struct sr_player *player)
{
	struct sr_reply reply = {0};
	struct sr_play_range done = {player->range.track, player->range.from, player->sent};
	player->reading = false;
	if (!sr_reply_begin(&reply, SR_MSG_READ_DONE, 2 + 8 + 8)) {
		sr_session_drop(player->session, "memory is used up");
		return;
	}
	sr_play_range_encode(&reply.fields, &done);
	sr_session_send(player->session, player->stream->number, player->read_head.request, &reply, false);
}

/* The batch's bytes could not be authorised. */
static void refuse_read(struct sr_player *player, struct sr_request *request)
{
	(void)SR_FAIL(&request->error, player->account.ask.result, SR_ACCOUNT_FAILED);
	request->retry_ms = 1000;
	player->reading = false;
	sr_request_answer(request, false);
}

/* The job is back, or its account is: send, refuse, or hold it back until its range is authorised. */
static void settle(struct sr_player *player, struct sr_request *request)
{
	struct sr_audit_entry words = sr_player_words(player);
	struct sr_batch *batch = request->work_result;
	uint64_t to = batch ? sr_batch_range(batch, false).to : 0;
	bool may_send = sr_play_account_may_send(&player->account, &words, to);
	if (player->session && batch && !may_send && player->account.ask.runs) {
		player->held_back = request;
		return;
	}
	request->work_result = NULL;
	player->batch_runs = false;
	struct sr_session *session = sr_session_hold(request->session);
	if (!sr_player_still_wanted(player, request)) {
		sr_batch_free(batch);
		sr_session_release(session);
		return;
	}
	if (player->stream->state != SR_STREAM_PLAYER_READING) {
		sr_request_free(request); /* closed meanwhile */
		player->reading = false;
	} else if (request->error.code != SR_OK) {
		player->reading = false;
		sr_request_answer(request, false);
	} else if (!may_send) {
		refuse_read(player, request);
	} else {
		player->batch_since = sr_monotonic_ms();
		player->batch = batch;
		batch = NULL;
		sr_request_free(request);
	}
	sr_batch_free(batch);
	if (sr_session_stands(session)) {
		sr_session_cork(session);
		sr_players_feed(session);
		sr_session_uncork(session);
	}
	sr_session_release(session);
}

static void batch_done(struct sr_request *request)
{
	settle(request->owner, request);
}

void sr_player_asked(struct sr_play_account *account)
{
	struct sr_player *player = (struct sr_player *)((char *)account - offsetof(struct sr_player, account));
	struct sr_request *request = player->held_back;
	player->held_back = NULL;
	if (request)
		settle(player, request);
	else if (!player->session)
		sr_player_free_if_over(player);
	else if (sr_session_stands(player->session))
		sr_players_feed(player->session);
}

/* Queue what there is of a batch, as far as the socket has room for it. */
static void pump(struct sr_player *player)
{
	struct sr_session *session = player->session;
	struct sr_batch *batch = player->batch;
	bool more = true;
	while (more && sr_session_wants_more(session))
		more = sr_batch_step(batch, session, player->stream->number, player->read_head.request);
	struct sr_audit_entry words = sr_player_words(player);
	struct sr_range range = sr_batch_range(batch, true);
	sr_play_account_sent(&player->account, &words, &range);
	if (more)
		return;
	player->batch = NULL;
	player->sent += sr_batch_covers(batch);
	player->fast = sr_batch_covers(batch) >= SR_BATCH_USUAL && sr_monotonic_ms() - player->batch_since < FAST_MS;
	if (sr_batch_is_last(batch) && sr_session_stands(session))
		read_done(player);
	sr_batch_free(batch);
}

/* It has been made ready: it goes out at once. */
static void feed_ready(struct sr_player *player)
{
	struct sr_audit_entry words = sr_player_words(player);
	struct sr_batch *batch = player->ready;
	player->ready = NULL;
	if (!sr_play_account_may_send(&player->account, &words, sr_batch_range(batch, false).to)) {
		sr_batch_free(batch);
		batch = NULL;
	}
	player->batch = batch;
	player->batch_since = sr_monotonic_ms();
	sr_players_feed(player->session);
}

static void feed(struct sr_player *player)
{
	static uint64_t turn;
	if (player->range.length == 0) {
		read_done(player); /* a play.start's, which begins where its track ends */
		return;
	}
	if (sr_player_ended_by_time(player))
		return;
	if (!sr_play_account_plan(&player->account, &player->range, player->range.from + player->sent))
		return; /* asked_back comes */
	player->fed = ++turn;
	if (player->ready) {
		feed_ready(player);
		return;
	}
	struct sr_request *request = sr_player_request(player, &player->read_head);
	if (!request)
		return;
	player->batch_runs = true;
	sr_request_start(request, batch_on_pool, batch_done);
}

/* The one player of a session that has a batch under way. */
static struct sr_player *holder(const struct sr_session *session)
{
	struct sr_player *player = sr_session_daemon(session)->players;
	while (player && (player->session != session || !player->batch))
		player = player->next;
	return player;
}

/* One batch at a time for a session, and by turns: what waits for a slow peer is bounded however many players it has.
 */
void sr_players_feed(struct sr_session *session)
{
	struct sr_player *chosen;
	sr_players_tables(session);
	chosen = holder(session);
	if (chosen)
		pump(chosen);
	if (!sr_session_stands(session) || !sr_session_wants_more(session))
		return;
	chosen = NULL;
	for (struct sr_player *player = sr_session_daemon(session)->players; player; player = player->next) {
		if (player->session != session)
			continue;
		if (player->batch_runs || player->batch)
			return;
		if (player->reading && !player->job_runs && (!chosen || player->fed < chosen->fed))
			chosen = player;
	}
	if (chosen)
		feed(chosen);
}
