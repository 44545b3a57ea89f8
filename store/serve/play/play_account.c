/*
 * What a player accounts for: each range authorised before its first key leaves, ahead of a reader who goes on and on;
 * what was sent, merged, at the close; what the client's next request confirmed.
 */
#include "serve/play/play_account.h"

#include <stddef.h>
#include <string.h>

#include "account/log.h"

void sr_play_account_begin(struct sr_play_account *account, struct sr_daemon *daemon, const uint8_t recording[SR_UUID])
{
	account->daemon = daemon;
	memcpy(account->recording, recording, SR_UUID);
}

static void durable_to(struct sr_play_account *account)
{
	account->durable = account->asked = account->ask.covers;
}

void sr_play_account_opened(struct sr_play_account *account, uint64_t number)
{
	account->opened = number;
	if (account->open)
		durable_to(account);
}

void sr_play_account_read(struct sr_play_account *account, const struct sr_play_range *range)
{
	bool goes_on = account->track == range->track && account->next == range->from && range->from > 0;
	account->ahead = goes_on || range->length == SR_AUTHORISE_MAX;
	account->at_end = false;
	account->last = (struct sr_range){.track = range->track};
}

void sr_play_account_confirm(struct sr_play_account *account)
{
	/* Without a place it is merely not known to have arrived. */
	(void)!sr_ranges_add(&account->confirmed, &account->last);
	account->last.to = account->last.from;
}

/* ---- authorised ---- */

static bool in_window(const struct sr_play_account *account, uint16_t track, uint64_t at)
{
	return account->track == track && account->from <= at && at <= account->asked;
}

static void want(struct sr_play_account *account, uint64_t to, uint64_t least)
{
	account->ask.wanted = true;
	account->ask.ahead = least <= account->asked;
	account->ask.from = account->asked;
	account->ask.to = to;
	account->ask.least = least;
}

bool sr_play_account_plan(struct sr_play_account *account, const struct sr_play_range *range, uint64_t at)
{
	uint64_t end = range->from + range->length;
	bool covered = in_window(account, range->track, at);
	account->ask.wanted = false;
	if (account->ask.runs)
		return covered && end <= account->asked;
	if (!covered) {
		account->track = range->track;
		account->from = account->durable = account->asked = at;
	}
	if (end > account->asked)
		want(account, account->ahead ? account->asked + SR_AUTHORISE_MAX : end, end);
	else if (account->ahead && !account->at_end && account->asked - at <= SR_AUTHORISE_AHEAD)
		want(account, account->asked + SR_AUTHORISE_MAX, account->asked);
	return true;
}

static void told_on_loop(struct sr_post *post)
{
	struct sr_play_account *account =
		(struct sr_play_account *)((char *)post - offsetof(struct sr_play_account, ask.post));
	account->ask.runs = false;
	if (account->ask.result == SR_OK)
		durable_to(account);
	else
		account->asked = account->durable;
	account->asked_back(account);
}

static void told(void *context, enum sr_code result, uint64_t number, const struct sr_error *err)
{
	struct sr_play_account *account = context;
	(void)number;
	account->ask.result = result;
	if (result != SR_OK)
		sr_log_error(SR_LOG_ERROR, "entry_failed", err);
	sr_post(account->daemon->postbox, &account->ask.post);
}

/*
 * The media time of the segment that holds byte `at`: one of those found, or else it is looked for. SR_NO_MEDIA_TIME:
 * none is known.
 */
static enum sr_code media_at(const struct sr_table_look *found, uint64_t at, uint64_t *media)
{
	struct sr_segment_place place;
	struct sr_table_look look = {.request = found->request,
				     .recording = found->recording,
				     .dek = found->dek,
				     .track = found->track,
				     .by_offset = true,
				     .offset = at,
				     .places = &place,
				     .most = 1};
	for (uint32_t each = 0; each < found->count; each++) {
		const struct sr_segment_record *record = &found->places[each].record;
		if (at >= record->offset && at - record->offset < record->length) {
			*media = record->media_time;
			return SR_OK;
		}
	}
	enum sr_code code = sr_table_read(&look);
	*media = code == SR_OK && look.count > 0 ? place.record.media_time : SR_NO_MEDIA_TIME;
	return code;
}

/* No further than the track goes, or where it still grows than is asked for. */
static void clip(struct sr_ask *ask, const struct sr_head *head)
{
	bool finished = head->state == SR_FINISHED;
	uint64_t most = !finished && ask->least > head->length ? ask->least : head->length;
	ask->covers = finished && ask->to >= head->length ? UINT64_MAX : ask->to < most ? ask->to : most;
	if (ask->to > most)
		ask->to = most;
	ask->nothing = ask->to <= ask->from;
}

/* The byte whose segment says when the range ends: the first behind it, or its last where nothing is. */
static uint64_t last_of(const struct sr_ask *ask, uint64_t length)
{
	if (ask->to < length)
		return ask->to;
	return length > 0 ? length - 1 : 0;
}

/* The range as it is, with its media times. */
static enum sr_code describe(struct sr_play_account *account, const struct sr_table_look *found,
			     struct sr_audit_recording *range)
{
	struct sr_ask *ask = &account->ask;
	*range = (struct sr_audit_recording){.has_track = true, .track = account->track, .has_range = true};
	memcpy(range->id, account->recording, SR_UUID);
	clip(ask, &found->head);
	if (ask->nothing)
		return SR_OK;
	enum sr_code code = media_at(found, ask->from, &range->media_from);
	if (code == SR_OK)
		code = media_at(found, last_of(ask, found->head.length), &range->media_to);
	range->from = ask->from;
	range->to = ask->to;
	range->has_length = true;
	range->length = found->head.length;
	range->has_media = range->media_from != SR_NO_MEDIA_TIME && range->media_to != SR_NO_MEDIA_TIME;
	return code;
}

/*
 * Make of what was planned an entry, which borrows `range`, both out; from then on the account is open. *made (out) is
 * false if there is nothing to be authorised.
 */
static enum sr_code make_entry(struct sr_play_account *account, const struct sr_table_look *found,
			       struct sr_audit_recording *range, struct sr_audit_entry *entry, bool *made)
{
	struct sr_ask *ask = &account->ask;
	*made = false;
	if (!ask->wanted)
		return SR_OK;
	enum sr_code code = describe(account, found, range);
	if (code != SR_OK)
		return code;
	ask->wanted = false;
	if (ask->nothing)
		return SR_OK;
	if (!account->open)
		account->open = sr_account_open(account->daemon->accounting);
	if (!account->open)
		return SR_FAIL_MEMORY(&found->request->error);
	*entry = sr_account_words(found->request);
	entry->kind = SR_AUDIT_AUTHORISED;
	entry->operation = sr_message_name(SR_MSG_PLAY_READ);
	entry->recordings = range;
	entry->recording_count = 1;
	*made = true;
	return SR_OK;
}

enum sr_code sr_play_account_start(struct sr_play_account *account, const struct sr_play_range *range,
				   const struct sr_table_look *found, struct sr_start_entry *entry)
{
	bool made = false;
	enum sr_code code = SR_OK;
	if (sr_play_account_plan(account, range, range->from))
		code = make_entry(account, found, &entry->range, &entry->entry, &made);
	account->ask.nothing = false;
	if (made)
		sr_account_behind(found->request, &entry->entry);
	return code;
}

enum sr_code sr_play_account_ask(struct sr_play_account *account, const struct sr_table_look *found)
{
	struct sr_request *request = found->request;
	struct sr_accounting *accounting = account->daemon->accounting;
	struct sr_audit_recording range;
	struct sr_audit_entry entry;
	struct sr_ask *ask = &account->ask;
	bool made;
	enum sr_code code = make_entry(account, found, &range, &entry, &made);
	if (!made)
		return code;
	entry.has_of = true;
	entry.of = account->opened;
	ask->post.run = told_on_loop;
	ask->runs = true;
	code = (ask->ahead ? sr_account_submit : sr_account_submit_here)(accounting, &entry, SR_AUDIT_ORDINARY, told,
									 account, &request->error);
	if (code != SR_OK)
		ask->runs = false; /* otherwise it is the loop's to say */
	return code;
}

/* ---- confirmed and sent ---- */

/* Say `ranges`; with a `reason` it closes what is open. They are empty afterwards. */
static void say(struct sr_play_account *account, const struct sr_audit_entry *words, enum sr_audit_kind kind,
		struct sr_ranges *ranges, const char *reason)
{
	struct sr_audit_recording recordings[SR_RANGES_MAX];
	struct sr_audit_count bytes = {"bytes", sr_ranges_bytes(ranges)};
	struct sr_audit_entry entry = *words;
	entry.kind = kind;
	entry.operation = sr_message_name(SR_MSG_PLAY_READ);
	entry.has_of = true;
	entry.of = account->opened;
	entry.outcome = reason;
	entry.recordings = recordings;
	entry.recording_count = sr_ranges_name(ranges, account->recording, recordings);
	entry.counts = &bytes;
	entry.count_count = 1;
	if (reason)
		sr_account_close(account->daemon->accounting, &entry, account->open);
	else
		sr_account_say(account->daemon->accounting, &entry, SR_AUDIT_CLOSING);
	ranges->count = 0;
}

bool sr_play_account_may_send(struct sr_play_account *account, const struct sr_audit_entry *words, uint64_t to)
{
	/* Behind the entry that authorises more, so that nothing waits for it. */
	if (account->confirmed.count > 0 && account->ask.runs)
		say(account, words, SR_AUDIT_CONFIRMED, &account->confirmed, NULL);
	if (account->ask.runs && account->asked < account->ask.covers)
		account->asked = account->ask.covers;
	if (account->ask.nothing) {
		account->ask.nothing = false;
		account->at_end = true;
		if (!account->ask.runs && account->ask.covers == UINT64_MAX)
			account->durable = account->asked = UINT64_MAX;
	}
	return to <= account->durable;
}

void sr_play_account_sent(struct sr_play_account *account, const struct sr_audit_entry *words,
			  const struct sr_range *range)
{
	struct sr_ranges whole = {.count = 0};
	if (range->from >= range->to)
		return;
	account->next = range->to;
	if (account->last.from >= account->last.to) {
		account->last = *range;
	} else {
		(void)!sr_ranges_add(&whole, &account->last);
		(void)!sr_ranges_add(&whole, range);
		account->last = whole.list[0]; /* one follows the other */
	}
	if (sr_ranges_add(&account->sent, range))
		return;
	say(account, words, SR_AUDIT_SENT, &account->sent, NULL);
	(void)!sr_ranges_add(&account->sent, range);
}

void sr_play_account_end(struct sr_play_account *account, const struct sr_audit_entry *words, const char *reason)
{
	if (!account->open)
		return; /* nothing was ever authorised */
	if (account->confirmed.count > 0)
		say(account, words, SR_AUDIT_CONFIRMED, &account->confirmed, NULL);
	say(account, words, SR_AUDIT_SENT, &account->sent, reason);
	account->open = NULL;
}
