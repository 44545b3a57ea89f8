/*
 * What a daemon that did not end in order left open in the account, closed at start: intents by their marks, authorised
 * ranges by what is known of them.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "account/log.h"
#include "serve/accounting/accounting_internal.h"
#include "serve/play/ranges.h"

/* An intent without its outcome, or a stream that was not closed. */
struct left {
	struct left *next;
	uint64_t number; /* of the intent, or of the entry that opened the stream */
	bool is_stream;
	uint8_t *json; /* the intent, or the first that was authorised */
	size_t size;
	struct sr_ranges authorised, confirmed;
};

struct marking {
	uint8_t tag[SR_TAG];
	uint64_t number;
};

struct recovering {
	const struct sr_accounting_parts *parts;
	struct sr_audit_room *room;
	struct left *left;
	struct marking *marks;
	size_t mark_count, mark_capacity;
	enum sr_code code;
	struct sr_error *err;
	pthread_mutex_t lock; /* of the two below */
	pthread_cond_t told;
	size_t pending;
	enum sr_code written;
};

static enum sr_code fail(struct recovering *recovering, enum sr_code code, const char *text)
{
	recovering->code = SR_FAIL(recovering->err, code, "%s", text);
	return recovering->code;
}

/* ---- what the log says ---- */

static struct left **find(struct recovering *recovering, uint64_t number, bool is_stream)
{
	struct left **at = &recovering->left;
	while (*at && ((*at)->number != number || (*at)->is_stream != is_stream))
		at = &(*at)->next;
	return at;
}

static void left_free(struct left *left)
{
	free(left->json);
	free(left);
}

static void drop(struct left **place)
{
	struct left *left = *place;
	if (!left)
		return;
	*place = left->next;
	left_free(left);
}

static struct left *add(struct recovering *recovering, uint64_t number, bool is_stream, struct sr_span json)
{
	struct left *left = calloc(1, sizeof *left);
	uint8_t *copy = malloc(json.size);
	if (!left || !copy) {
		free(left);
		free(copy);
		(void)fail(recovering, SR_INTERNAL, "memory is used up");
		return NULL;
	}
	memcpy(copy, json.data, json.size);
	left->number = number;
	left->is_stream = is_stream;
	left->json = copy;
	left->size = json.size;
	left->next = recovering->left;
	recovering->left = left;
	return left;
}

/* Too many apart become one that holds them all: the bound stays true. */
static void add_widely(struct sr_ranges *ranges, const struct sr_range *range)
{
	struct sr_range wide = *range;
	if (sr_ranges_add(ranges, range))
		return;
	wide.timed = false;
	for (unsigned at = 0; at < ranges->count; at++) {
		const struct sr_range *other = &ranges->list[at];
		if (other->track != range->track)
			continue;
		wide.from = other->from < wide.from ? other->from : wide.from;
		wide.to = other->to > wide.to ? other->to : wide.to;
	}
	if (!sr_ranges_add(ranges, &wide))
		ranges->list[0] = wide; /* more tracks than places: a recording has fewer */
}

static void add_ranges(const struct sr_audit_entry *entry, struct sr_ranges *ranges, bool widely)
{
	for (size_t at = 0; at < entry->recording_count; at++) {
		const struct sr_audit_recording *recording = &entry->recordings[at];
		struct sr_range range = {
			.track = recording->track,
			.from = recording->from,
			.to = recording->to,
			.timed = recording->has_media,
			.media_from = recording->media_from,
			.media_to = recording->media_to,
		};
		if (!recording->has_range)
			continue;
		if (widely)
			add_widely(ranges, &range);
		else
			(void)!sr_ranges_add(ranges, &range);
	}
}

static void take_stream(struct recovering *recovering, const struct sr_audit_entry *entry, struct sr_span json)
{
	struct left *left = *find(recovering, entry->of, true);
	if (!left && entry->kind == SR_AUDIT_AUTHORISED)
		left = add(recovering, entry->of, true, json);
	if (!left)
		return;
	if (entry->kind == SR_AUDIT_AUTHORISED)
		add_ranges(entry, &left->authorised, true);
	else
		add_ranges(entry, &left->confirmed, false);
}

static bool visit(void *context, uint64_t number, struct sr_span json)
{
	struct recovering *recovering = context;
	struct sr_audit_entry entry;
	enum sr_code code = sr_audit_entry_parse(json.data, json.size, recovering->room, &entry, recovering->err);
	if (code != SR_OK) {
		recovering->code = code;
		return false;
	}
	switch (entry.kind) {
	case SR_AUDIT_INTENT:
		(void)!add(recovering, number, false, json);
		break;
	case SR_AUDIT_OUTCOME:
		if (entry.has_of)
			drop(find(recovering, entry.of, false));
		break;
	case SR_AUDIT_AUTHORISED:
	case SR_AUDIT_CONFIRMED:
		take_stream(recovering, &entry, json);
		break;
	case SR_AUDIT_SENT:
		if (entry.outcome)
			drop(find(recovering, entry.of, true));
		break;
	case SR_AUDIT_RECOVERED:
		drop(find(recovering, entry.of, true));
		drop(find(recovering, entry.of, false));
		break;
	default:
		break;
	}
	return recovering->code == SR_OK;
}

/* ---- what the index says ---- */

static bool take_mark(void *context, struct sr_span key, struct sr_span value)
{
	struct recovering *recovering = context;
	struct sr_cursor in = sr_cursor_over(key.data, key.size);
	(void)value;
	if (recovering->mark_count == recovering->mark_capacity) {
		size_t wanted = recovering->mark_capacity ? 2 * recovering->mark_capacity : 64;
		void *more = reallocarray(recovering->marks, wanted, sizeof *recovering->marks);
		if (!more) {
			(void)fail(recovering, SR_INTERNAL, "memory is used up");
			return false;
		}
		recovering->marks = more;
		recovering->mark_capacity = wanted;
	}
	struct marking *mark = &recovering->marks[recovering->mark_count];
	struct sr_span tag = sr_take_span(&in, SR_TAG);
	mark->number = sr_take_u64(&in);
	if (!sr_take_done(&in))
		return true; /* of no form of ours */
	memcpy(mark->tag, tag.data, SR_TAG);
	recovering->mark_count++;
	return true;
}

static enum sr_code read_index(struct recovering *recovering, uint64_t *low)
{
	struct sr_view *view;
	struct sr_index_key from = {.table = SR_TABLE_DONE};
	enum sr_code code = sr_view_begin(recovering->parts->index, &view, recovering->err);
	if (code != SR_OK)
		return code;
	code = sr_low_read(recovering->parts->keyring, view, low);
	if (code == SR_OK)
		code = sr_view_walk(view, &from, 0, take_mark, recovering);
	sr_view_end(view);
	if (code != SR_OK)
		return fail(recovering, code, "reading the index failed");
	return recovering->code;
}

static bool is_marked(const struct recovering *recovering, uint64_t number)
{
	for (size_t at = 0; at < recovering->mark_count; at++)
		if (recovering->marks[at].number == number)
			return true;
	return false;
}

/* ---- closing ---- */

static void told(void *context, enum sr_code result, uint64_t number, const struct sr_error *err)
{
	struct recovering *recovering = context;
	(void)number;
	pthread_mutex_lock(&recovering->lock);
	if (result != SR_OK && recovering->written == SR_OK) {
		recovering->written = result;
		*recovering->err = *err;
	}
	if (--recovering->pending == 0)
		pthread_cond_signal(&recovering->told);
	pthread_mutex_unlock(&recovering->lock);
}

/* Possibly delivered: what was authorised. Surely delivered: what a later request confirmed. */
static enum sr_code close_one(struct recovering *recovering, const struct left *left)
{
	struct sr_audit_entry entry;
	struct sr_audit_recording ranges[SR_RANGES_MAX];
	enum sr_code code = sr_audit_entry_parse(left->json, left->size, recovering->room, &entry, recovering->err);
	if (code != SR_OK)
		return code;
	struct sr_audit_count bounds[] = {{"authorised", sr_ranges_bytes(&left->authorised)},
					  {"confirmed", sr_ranges_bytes(&left->confirmed)}};
	entry.kind = SR_AUDIT_RECOVERED;
	entry.has_of = true;
	entry.of = left->number;
	entry.counts = NULL;
	entry.count_count = entry.fact_count = 0;
	if (left->is_stream) {
		entry.recording_count = entry.recording_count > 0
						? sr_ranges_name(&left->authorised, entry.recordings[0].id, ranges)
						: 0;
		entry.recordings = ranges;
		entry.counts = bounds;
		entry.count_count = 2;
		entry.outcome = "authorised";
	} else {
		entry.outcome = is_marked(recovering, left->number) ? SR_APPLIED : SR_NOT_APPLIED;
	}
	pthread_mutex_lock(&recovering->lock);
	recovering->pending++;
	pthread_mutex_unlock(&recovering->lock);
	code = sr_audit_submit(recovering->parts->audit, &entry, SR_AUDIT_CLOSING, told, recovering, recovering->err);
	if (code != SR_OK) {
		pthread_mutex_lock(&recovering->lock);
		recovering->pending--;
		pthread_mutex_unlock(&recovering->lock);
	}
	return code;
}

/* Oldest first, as they were written; then wait for all of them. */
static enum sr_code close_all(struct recovering *recovering)
{
	struct left *reversed = NULL;
	enum sr_code code = SR_OK;
	uint64_t count = 0;
	while (recovering->left) {
		struct left *left = recovering->left;
		recovering->left = left->next;
		left->next = reversed;
		reversed = left;
	}
	recovering->left = reversed;
	for (const struct left *at = reversed; at && code == SR_OK; at = at->next, count++)
		code = close_one(recovering, at);
	pthread_mutex_lock(&recovering->lock);
	while (recovering->pending > 0)
		pthread_cond_wait(&recovering->told, &recovering->lock);
	pthread_mutex_unlock(&recovering->lock);
	if (code == SR_OK && count > 0) {
		struct sr_log_line line;
		sr_log_begin(&line, SR_LOG_WARN, "account_recovered");
		sr_log_number(&line, "entries", count);
		sr_log_end(&line);
	}
	return code == SR_OK ? recovering->written : code;
}

/* Every intent is closed now, so that no mark is needed, and nothing below the log's end is open. */
static enum sr_code clear_index(struct recovering *recovering, uint64_t low)
{
	struct sr_op *op = sr_op_new();
	bool built = op != NULL;
	for (size_t at = 0; built && at < recovering->mark_count; at++) {
		struct sr_index_key mark = sr_key_done(recovering->marks[at].tag, recovering->marks[at].number);
		built = sr_op_erase(op, &mark);
	}
	if (!built || !sr_low_put(recovering->parts->keyring, low, op)) {
		sr_op_free(op);
		return fail(recovering, SR_INTERNAL, "memory is used up");
	}
	enum sr_code code = sr_index_run(recovering->parts->index, op, NULL);
	return code == SR_OK ? SR_OK : fail(recovering, code, "writing the index failed");
}

static enum sr_code recover(struct recovering *recovering, uint64_t *low)
{
	struct sr_audit *audit = recovering->parts->audit;
	enum sr_code code = read_index(recovering, low);
	if (code != SR_OK)
		return code;
	/* A log that is shorter is another one, begun anew. */
	if (*low > sr_audit_size(audit))
		*low = 0;
	uint64_t old = *low;
	code = sr_audit_read(audit, old, visit, recovering, recovering->err);
	if (code == SR_OK)
		code = recovering->code;
	if (code == SR_OK)
		code = close_all(recovering);
	*low = sr_audit_size(audit);
	if (code == SR_OK && (*low != old || recovering->mark_count > 0))
		code = clear_index(recovering, *low);
	return code;
}

enum sr_code sr_recover(const struct sr_accounting_parts *parts, uint64_t *low, struct sr_error *err)
{
	struct recovering recovering = {.parts = parts, .err = err, .room = malloc(sizeof *recovering.room)};
	pthread_mutex_init(&recovering.lock, NULL);
	pthread_cond_init(&recovering.told, NULL);
	enum sr_code code = recovering.room ? recover(&recovering, low) : SR_FAIL_MEMORY(err);
	while (recovering.left)
		drop(&recovering.left);
	free(recovering.room);
	free(recovering.marks);
	pthread_cond_destroy(&recovering.told);
	pthread_mutex_destroy(&recovering.lock);
	return code;
}
