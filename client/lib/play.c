/* Playing: opening a recording, asking for tables and ranges until a read is full; and again after a loss. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "player.h"

static void release_player(struct sr_stream *stream)
{
	struct sr_player *player = (struct sr_player *)stream;
	for (size_t i = 0; player->tables && i < player->info.track_count; i++)
		sr_table_free(&player->tables[i]);
	free(player->tables);
	sr_recording_info_clear(&player->info);
	sr_aead_free(player->aead);
	if (player->first)
		sr_call_free(player->first);
	sodium_free(player->plain);
	sodium_free(player->key);
	free(player);
}

static void deliver_read(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_player *player = (struct sr_player *)call->stream;
	struct sr_reading *reading = &player->reading;
	bool finished =
		reading->table && sr_table_final(reading->table) && reading->at >= reading->table->verified_length;
	(void)fields;
	reading->active = false;
	reading->call = NULL;
	if (!call->cancelled)
		call->callback.play_done(call->context, result, reading->given, finished);
}

/* Send the next request of a read; its number becomes the call's, so that a refusal finds it. */
static void ask(struct sr_player *player, struct sr_outgoing *out, uint64_t request)
{
	player->reading.request = request;
	player->reading.call->request = request;
	if (!out || sr_outgoing_send(player->stream.client, &player->stream, out) != SR_OK)
		sr_client_fail(player->stream.client, SR_INTERNAL, NULL);
}

/* All that is missing at once, however many pages it takes: what a read waits for then is one answer, not one each. */
static enum sr_table_want want_of(const struct sr_reading *reading)
{
	if (reading->table->count < reading->table->head.segments)
		return SR_TABLE_ALL;
	return reading->follow && reading->asked ? SR_TABLE_WAIT : SR_TABLE_PAGE;
}

static void ask_table(struct sr_player *player)
{
	struct sr_reading *reading = &player->reading;
	const struct sr_play_table message = {
		.track = reading->table->head.track,
		.from = reading->table->count,
		.want = want_of(reading),
	};
	uint64_t request = sr_request_new();
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_PLAY_TABLE, player->stream.id, request, 7);
	if (out)
		sr_play_table_encode(&out->fields, &message);
	ask(player, out, request);
}

static void ask_range(struct sr_player *player)
{
	struct sr_reading *reading = &player->reading;
	uint64_t end = reading->end;
	if (end > reading->table->verified_length)
		end = reading->table->verified_length;
	if (end - reading->at > SR_READ_MAX)
		end = reading->at + SR_READ_MAX;
	const struct sr_play_range message = {
		.track = reading->table->head.track, .from = reading->at, .length = end - reading->at};
	uint64_t request = sr_request_new();
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_PLAY_READ, player->stream.id, request, 18);
	if (out)
		sr_play_range_encode(&out->fields, &message);
	sr_reading_range(reading, reading->at, end);
	ask(player, out, request);
}

/* What comes behind the table of a player that was started: as much as its track had when it was opened. */
static bool expect_first(struct sr_player *player)
{
	struct sr_reading *reading = &player->reading;
	uint64_t known = player->first_known;
	uint64_t end = reading->at + player->first_length;
	if (!sr_table_caught_up(reading->table))
		return false;
	if (known < reading->at)
		known = reading->at;
	sr_reading_range(reading, reading->at, end < known ? end : known);
	return true;
}

enum step { STEP_FINISH, STEP_RANGE, STEP_TABLE };

/* What a read needs next. */
static enum step next_step(const struct sr_reading *reading)
{
	const struct sr_track_table *table = reading->table;
	if (reading->call->cancelled || reading->at >= reading->end)
		return STEP_FINISH;
	if (reading->at < table->verified_length)
		return STEP_RANGE;
	if (!sr_table_caught_up(table) || (!sr_table_final(table) && (!reading->asked || reading->follow)))
		return STEP_TABLE;
	return STEP_FINISH;
}

static void go_on(struct sr_player *player)
{
	const struct sr_result ok = {.request = player->reading.request};
	/* One that waits for a connection, or for the store's answer on it, goes on after that. */
	if (player->stream.dropped || player->stream.state != SR_STREAM_PLAYER || !player->reading.active)
		return;
	if (!player->reading.table) {
		const struct sr_result none = {.code = SR_NOT_FOUND, .request = player->reading.request};
		sr_call_finish(player->reading.call, &none, NULL);
		return;
	}
	switch (next_step(&player->reading)) {
	case STEP_RANGE:
		ask_range(player);
		break;
	case STEP_TABLE:
		ask_table(player);
		break;
	case STEP_FINISH:
		sr_call_finish(player->reading.call, &ok, NULL);
		break;
	}
}

static void player_due(struct sr_stream *stream)
{
	go_on((struct sr_player *)stream);
}

/*
 * A table's page: the track's shown length grows with what is verified. A part, which another page follows, leaves some
 * out: parts without end would never be refused otherwise.
 */
static bool take_table(struct sr_player *player, struct sr_cursor *fields, bool part)
{
	struct sr_reading *reading = &player->reading;
	struct sr_track_table *table = reading->table;
	struct sr_track_info *info = &player->info.tracks[table - player->tables];
	if (sr_table_take(table, fields) != SR_OK || (part && table->count == table->head.segments))
		return false;
	sr_reconnect_progress(player->stream.client, &player->stream);
	reading->asked = sr_table_caught_up(table);
	info->length = table->verified_length;
	info->segments = table->verified;
	info->finished = sr_table_final(table);
	return true;
}

static struct sr_track_table *find_table(struct sr_player *player, uint16_t track)
{
	for (size_t i = 0; i < player->info.track_count; i++) {
		if (player->info.tracks[i].track == track)
			return &player->tables[i];
	}
	return NULL;
}

/* Have the connection wait for the application, or no longer. */
static void hold(struct sr_player *player, bool on)
{
	struct sr_client *client = player->stream.client;
	if (player->holding == on)
		return;
	player->holding = on;
	if (on)
		client->pauses++;
	else
		client->pauses--;
	if (client->pauses <= 1)
		sr_socket_pause(client, client->pauses == 1);
	sr_client_arm(client);
}

/* The recording on another connection: what was told of it before must still be so. Later tracks are left out. */
static bool fits_still(struct sr_player *player, struct sr_cursor *fields)
{
	struct sr_recording_info info = {0};
	size_t known = 0;
	bool fits = sr_entry_read(fields, &info) && memcmp(info.recording, player->recording, SR_ID) == 0;
	for (size_t i = 0; fits && i < info.track_count; i++) {
		struct sr_play_head head;
		sr_play_head_decode(fields, &head);
		const struct sr_track_table *table = find_table(player, head.track);
		fits = !fields->failed && head.track == info.tracks[i].track &&
		       (!table || sr_table_follows(table, &head));
		known += table != NULL;
	}
	fits = fits && known == player->info.track_count && sr_take_done(fields);
	sr_recording_info_clear(&info);
	return fits;
}

static bool take_reopened(struct sr_player *player, struct sr_cursor *fields)
{
	if (!fits_still(player, fields))
		return false;
	if (!player->reading.active)
		sr_reconnect_progress(player->stream.client, &player->stream);
	hold(player, player->paused);
	return true;
}

static void player_message(struct sr_stream *stream, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct sr_player *player = (struct sr_player *)stream;
	bool fits = false;
	bool step = head->type == SR_MSG_TABLE || head->type == SR_MSG_READ_DONE || head->type == SR_MSG_PLAY_OPENED;
	if (stream->dropped) {
		if (head->type == SR_MSG_BODY)
			stream->client->body_of = player;
		else if (head->type == SR_MSG_PLAY_OPENED)
			sr_stream_say_close(stream);
		return;
	}
	if (head->type == SR_MSG_PLAY_OPENED)
		fits = head->request == stream->request && take_reopened(player, fields);
	else if (player->reading.active && head->request == player->reading.request) {
		if (head->type == SR_MSG_TABLE || head->type == SR_MSG_TABLE_PART)
			fits = player->reading.table && take_table(player, fields, head->type == SR_MSG_TABLE_PART);
		else if (head->type == SR_MSG_SEGMENT_KEY)
			fits = sr_reading_key(player, fields);
		else if (head->type == SR_MSG_BODY)
			fits = sr_reading_body(player, fields);
		else if (head->type == SR_MSG_READ_DONE)
			fits = sr_reading_done(player, fields);
		/* Only behind the table of one that was started is it a range's turn. */
		if (fits && head->type == SR_MSG_TABLE && stream->state == SR_STREAM_PLAYER_READING)
			fits = expect_first(player);
	}
	if (head->type == SR_MSG_BODY)
		stream->client->body_of = player;
	if (!fits)
		sr_client_broken(stream->client, "what the store sent does not fit the recording");
	else if (step)
		go_on(player);
}

void sr_player_raw(struct sr_player *player, struct sr_span raw)
{
	if (!player->stream.dropped && !sr_reading_raw(player, raw))
		sr_client_broken(player->stream.client, "what the store sent does not open");
}

static void player_ended(struct sr_stream *stream, const struct sr_result *result)
{
	(void)stream;
	(void)result;
}

/* What was under way of a range is asked for again, from the first byte that was not handed out. */
static void player_lost(struct sr_stream *stream)
{
	struct sr_player *player = (struct sr_player *)stream;
	player->holding = false;
	player->reading.request = 0;
	player->reading.keyed = false;
	player->reading.body_left = 0;
}

/* Ask for the recording under the stream's present request; with what is to be read first, until that has begun. */
static enum sr_code player_ask(struct sr_stream *stream)
{
	struct sr_player *player = (struct sr_player *)stream;
	struct sr_client *client = stream->client;
	struct sr_play_start start = {
		.range = {.track = player->first_track, .from = player->reading.at, .length = player->first_length}};
	uint8_t type = player->first ? SR_MSG_PLAY_START : SR_MSG_PLAY_OPEN;
	if (player->opening)
		player->opening->request = stream->request;
	memcpy(start.named.recording, player->recording, SR_ID);
	enum sr_code code = sr_grant_take(client, false, &start.named.grant);
	if (code == SR_OK) {
		struct sr_outgoing *out = sr_outgoing_new(type, stream->id, stream->request,
							  start.named.grant.size + 2 + SR_ID + 2 + 8 + 8);
		code = SR_INTERNAL;
		if (out) {
			if (player->first)
				sr_play_start_encode(&out->fields, &start);
			else
				sr_named_encode(&out->fields, &start.named);
			code = sr_outgoing_send(client, stream, out);
		}
	}
	if (code == SR_OK)
		sr_grant_plan_from(stream, start.named.grant);
	sr_grant_done(client);
	return code;
}

static const struct sr_stream_kind player_kind = {.message = player_message,
						  .ended = player_ended,
						  .due = player_due,
						  .lost = player_lost,
						  .again = player_ask,
						  .release = release_player};

/* The heads of PLAY_OPENED, one for each track of the entry and in its order. */
static bool read_heads(struct sr_player *player, struct sr_cursor *fields)
{
	struct sr_recording_info *info = &player->info;
	player->tables = calloc(info->track_count ? info->track_count : 1, sizeof *player->tables);
	if (!player->tables)
		return false;
	for (size_t i = 0; i < info->track_count; i++) {
		struct sr_play_head head;
		sr_play_head_decode(fields, &head);
		if (fields->failed || head.track != info->tracks[i].track ||
		    !sr_table_start(&player->tables[i], info->recording, &head))
			return false;
		info->tracks[i].length = head.length;
		info->tracks[i].segments = head.segments;
		info->tracks[i].finished = head.state == SR_FINISHED;
	}
	return true;
}

/*
 * What a player needs to open chunks with; without an AEAD afterwards, memory is used up. To lock memory takes as long
 * as the store does to answer: it is done meanwhile.
 */
static void make_opener(struct sr_player *player)
{
	const uint8_t no_key[SR_AEAD_KEY] = {0};
	player->key = sodium_malloc(sizeof *player->key);
	player->plain = sodium_malloc((size_t)SR_BATCH_CHUNKS * SR_CHUNK);
	if (player->key && player->plain)
		player->aead = sr_aead_new(no_key);
}

/* The store has answered, and goes on to send what was to be read first. */
static void begin_first(struct sr_player *player)
{
	struct sr_reading *reading = &player->reading;
	struct sr_call *call = player->first;
	player->first = NULL;
	reading->table = find_table(player, player->first_track);
	player->first_known = reading->table ? reading->table->head.length : 0;
	reading->active = true;
	reading->request = call->request = player->stream.request;
	LIST_INSERT_HEAD(&call->client->calls, call, link);
}

static void deliver_opened(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_player *player = (struct sr_player *)call->stream;
	player->opening = NULL;
	if (fields) {
		if (!sr_entry_read(fields, &player->info) ||
		    memcmp(player->info.recording, player->recording, SR_ID) != 0 || !read_heads(player, fields))
			sr_take_fail(fields);
		if (sr_decoded(call, fields, &own))
			sr_reconnect_progress(call->client, &player->stream);
	}
	bool opened = own.code == SR_OK;
	if (opened && player->first)
		begin_first(player);
	if (opened && !player->aead)
		sr_result_set(&own, SR_INTERNAL, own.request, NULL);
	if (!opened)
		player->stream.dropped = true;
	else if (call->cancelled || own.code != SR_OK)
		sr_stream_drop(&player->stream);
	if (!call->cancelled)
		call->callback.player_ready(call->context, &own, own.code == SR_OK ? player : NULL);
}

/* Open a recording with a player that may have `first` already; taken over in any case. */
static enum sr_code open_player(struct sr_player *player, const uint8_t recording[SR_ID], struct sr_call *call,
				sr_call **handle)
{
	struct sr_client *client = call->client;
	enum sr_code code = SR_OK;
	memcpy(player->recording, recording, SR_ID);
	player->opening = call;
	call->stream = &player->stream;
	call->sees_all = true;
	sr_stream_begin(client, &player->stream, &player_kind);
	if (sr_reconnect_under_way(client))
		sr_reconnect_sets_aside(&player->stream);
	else
		code = player_ask(&player->stream);
	if (code != SR_OK) {
		LIST_REMOVE(&player->stream, link);
		release_player(&player->stream);
	} else {
		make_opener(player);
	}
	return sr_call_start(call, code, handle);
}

enum sr_code sr_play_open(sr_client *client, const uint8_t recording[SR_ID], sr_player_ready *ready, void *context,
			  sr_call **handle)
{
	struct sr_player *player = calloc(1, sizeof *player);
	struct sr_call *call = sr_call_new(client, SR_MSG_PLAY_OPENED, deliver_opened, context);
	if (!player || !call) {
		free(player);
		free(call);
		return SR_INTERNAL;
	}
	call->callback.player_ready = ready;
	return open_player(player, recording, call, handle);
}

/* A read as it begins; what of it is under way comes later. */
static struct sr_reading reading_of(const struct sr_read_options *options, struct sr_call *call,
				    struct sr_track_table *table)
{
	uint64_t most = UINT64_MAX - options->from;
	return (struct sr_reading){
		.call = call,
		.data = options->data,
		.table = table,
		.at = options->from,
		.end = options->from + (options->length < most ? options->length : most),
		.follow = options->follow,
	};
}

static struct sr_call *read_call(sr_client *client, struct sr_player *player, sr_play_done *done, void *context)
{
	struct sr_call *call = sr_call_new(client, 0, deliver_read, context);
	if (call) {
		call->callback.play_done = done;
		call->stream = &player->stream;
		call->sees_all = true;
	}
	return call;
}

enum sr_code sr_play_start(sr_client *client, const uint8_t recording[SR_ID], const struct sr_read_options *options,
			   sr_player_ready *ready, sr_play_done *done, void *context, sr_call **handle)
{
	if (options->track == 0 || options->length == 0 || options->from > SR_POSITION_MAX / 2)
		return SR_USAGE;
	struct sr_player *player = calloc(1, sizeof *player);
	struct sr_call *call = sr_call_new(client, SR_MSG_PLAY_OPENED, deliver_opened, context);
	struct sr_call *first = player ? read_call(client, player, done, context) : NULL;
	if (!call || !first) {
		free(player);
		free(call);
		free(first);
		return SR_INTERNAL;
	}
	call->callback.player_ready = ready;
	player->first = first;
	player->first_track = options->track;
	player->first_length = options->length < SR_READ_MAX ? options->length : SR_READ_MAX;
	player->reading = reading_of(options, first, NULL);
	return open_player(player, recording, call, handle);
}

const struct sr_recording_info *sr_player_info(const sr_player *player)
{
	return &player->info;
}

enum sr_code sr_play_read(sr_player *player, const struct sr_read_options *options, sr_play_done *done, void *context,
			  sr_call **handle)
{
	struct sr_client *client = player->stream.client;
	struct sr_track_table *table = find_table(player, options->track);
	if (player->stream.over || (client->phase != SR_PHASE_OPEN && !sr_reconnect_under_way(client)))
		return SR_UNAVAILABLE;
	if (!table)
		return SR_NOT_FOUND;
	if (player->reading.active)
		return SR_BUSY;
	struct sr_call *call = read_call(client, player, done, context);
	if (!call)
		return SR_INTERNAL;
	player->reading = reading_of(options, call, table);
	player->reading.active = true;
	enum sr_code code = sr_call_start(call, SR_OK, handle);
	/* What can be asked is asked at once; an end that is known already is told on the loop's next turn. */
	if (next_step(&player->reading) == STEP_FINISH) {
		player->stream.due = true;
		sr_client_arm(client);
	} else {
		go_on(player);
	}
	return code;
}

void sr_play_pause(sr_player *player, bool paused)
{
	const struct sr_client *client = player->stream.client;
	if (player->paused == paused || player->stream.over || client->phase == SR_PHASE_CLOSED)
		return;
	player->paused = paused;
	/* Between two connections there is nothing to hold; the next one is held when the player is open there. */
	if (client->phase == SR_PHASE_OPEN && (!paused || player->stream.state != SR_STREAM_FREE))
		hold(player, paused);
}

void sr_player_close(sr_player *player)
{
	if (player->paused)
		sr_play_pause(player, false);
	sr_stream_drop(&player->stream);
}
