/*
 * audit.read, audit.search: pages of the audit log's entries, as they stand in it. That somebody reads is itself an
 * entry, one for each question that a connection asks; further pages of the same question are none, but for those
 * before the first that an entry says.
 */
#include <string.h>

#include <sodium.h>

#include "account/search.h"
#include "keys/derive.h"
#include "message_audit.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"

#define FRONT (8 + 8 + 2 * SR_TAG + 2)
#define WINDOW (8u * 16384u) /* entries that one request looks at: whole search runs */

/* A page being made. */
struct page {
	struct sr_builder out; /* of the reply: front, then items */
	struct sr_audit_entries front;
	uint64_t left_out; /* the first that had no room */
	bool full;
};

static bool put(struct page *page, uint64_t number, struct sr_span json)
{
	const struct sr_audit_item item = {.number = number, .json = json};
	size_t size = 8 + 2 + json.size;
	if (page->front.count == SR_ENTRIES_PAGE_MAX || page->out.used + size > page->out.capacity) {
		page->full = true;
		page->left_out = number;
		return false;
	}
	sr_audit_item_encode(&page->out, &item);
	page->front.count++;
	return true;
}

static bool put_read(void *context, uint64_t number, struct sr_span json)
{
	return put(context, number, json);
}

static bool put_found(void *context, const struct sr_audit_entry *entry, struct sr_span json)
{
	return put(context, entry->number, json);
}

/* ---- audit.read ---- */

static enum sr_code read_entries(struct sr_request *request, const struct sr_audit_view *view, struct page *page)
{
	struct sr_audit_order order;
	struct sr_cursor in = sr_request_fields(request);
	sr_audit_order_decode(&in, &order);
	if (sr_request_decoded(request, &in) != SR_OK)
		return request->error.code;
	uint64_t to = order.to == 0 || order.to > view->size ? view->size : order.to;
	if (order.from <= view->size)
		sr_account_count(request, "from", order.from);
	page->front.next = order.from < view->size ? order.from : view->size;
	if (order.from >= to)
		return SR_OK;
	page->front.next = to;
	return sr_audit_view_read(view, order.from, to, put_read, page, &request->error);
}

/* ---- audit.search ---- */

/* What a query points into. */
struct question {
	struct sr_audit_search message;
	struct sr_audit_query query;
	uint8_t tag[SR_TAG], actor[SR_TAG];
	char service[SR_SERVICE_NAME_MAX + 1];
};

static void take_tag(const struct sr_request *request, const struct sr_audit_subject *who, bool is_actor,
		     uint8_t tag[SR_TAG])
{
	if (who->tagged)
		memcpy(tag, who->subject.data, SR_TAG);
	else if (is_actor)
		sr_actor_tag(request->daemon->keyring, who->subject.data, who->subject.size, tag);
	else
		sr_patient_tag(request->daemon->keyring, who->subject.data, who->subject.size, tag, NULL);
}

static void take_question(const struct sr_request *request, struct question *question)
{
	const struct sr_audit_search *message = &question->message;
	struct sr_audit_query *query = &question->query;
	*query = (struct sr_audit_query){
		.kinds = message->kinds, .from_ms = message->from_ms, .to_ms = message->to_ms, .first = message->first};
	if (message->patient.subject.size > 0) {
		take_tag(request, &message->patient, false, question->tag);
		query->tag = question->tag;
	}
	if (message->actor.subject.size > 0) {
		take_tag(request, &message->actor, true, question->actor);
		query->actor = question->actor;
	}
	if (!sodium_is_zero(message->recording, SR_UUID))
		query->recording = message->recording;
	if (message->service.size > 0) {
		memcpy(question->service, message->service.data, message->service.size);
		question->service[message->service.size] = '\0';
		query->service = question->service;
	}
}

/* A tag that is searched need not be anybody's: it gets no person's row, or a search would bring the erased back. */
static void account_for(struct sr_request *request, const struct sr_audit_query *query)
{
	char hex[2 * SR_TAG + 1];
	if (query->tag)
		sr_account_linked(request, query->tag);
	if (query->actor)
		sr_account_fact(request, "actor", sodium_bin2hex(hex, sizeof hex, query->actor, SR_TAG));
	if (query->recording)
		sr_account_met(request, query->recording, NULL);
	if (query->service)
		sr_account_name(request, query->service);
	if (query->kinds != 0)
		sr_account_count(request, "kinds", query->kinds);
	if (query->from_ms > 0)
		sr_account_count(request, "from_ms", query->from_ms);
	if (query->to_ms > 0)
		sr_account_count(request, "to_ms", query->to_ms);
}

static enum sr_code search_entries(struct sr_request *request, struct sr_audit_view *view, struct page *page)
{
	struct question question = {.service = ""};
	struct sr_cursor in = sr_request_fields(request);
	sr_audit_search_decode(&in, &question.message);
	if (sr_request_decoded(request, &in) != SR_OK)
		return request->error.code;
	take_question(request, &question);
	account_for(request, &question.query);
	if (question.query.tag)
		memcpy(page->front.patient, question.tag, SR_TAG);
	if (question.query.actor)
		memcpy(page->front.actor, question.actor, SR_TAG);
	uint64_t first = question.query.first;
	page->front.next = first < view->size ? first : view->size;
	if (first >= view->size)
		return SR_OK;
	uint64_t window = first - first % WINDOW + WINDOW;
	if (window < view->size)
		view->size = window;
	return sr_audit_search(view, &question.query, put_found, page, &page->front.next, &request->error);
}

/* ---- both ---- */

static void run(struct sr_request *request)
{
	struct sr_audit_view view;
	struct page page = {.full = false};
	if (sr_audit_view_live(request->daemon->audit, &view, &request->error) != SR_OK)
		return;
	if (sr_request_reply(request, SR_MSG_AUDIT_ENTRIES, FRONT + SR_ENTRIES_BYTES_MAX)) {
		page.front.size = view.size;
		page.out = request->reply.fields;
		sr_audit_entries_encode(&page.out, &page.front);
		enum sr_code code = request->head.type == SR_MSG_AUDIT_READ ? read_entries(request, &view, &page)
									    : search_entries(request, &view, &page);
		if (page.full)
			page.front.next = page.left_out;
		if (code == SR_OK) {
			/* The front again, with what is known now; it has the same size. */
			struct sr_builder front = request->reply.fields;
			sr_audit_entries_encode(&front, &page.front);
			request->reply.fields = page.out;
		}
	}
	sr_audit_view_close(&view);
}

/* What is asked, whatever page of it; and, of audit.read, from where on. */
static void question_of(const struct sr_request *request, struct sr_session_asked *question)
{
	crypto_generichash_state state;
	struct sr_cursor in = sr_request_fields(request);
	uint64_t from = sr_take_u64(&in);
	struct sr_span rest = sr_take_rest(&in);
	bool searches = request->head.type == SR_MSG_AUDIT_SEARCH;
	crypto_generichash_init(&state, NULL, 0, sizeof question->hash);
	crypto_generichash_update(&state, &request->head.type, 1);
	if (searches && rest.size > 0)
		crypto_generichash_update(&state, rest.data, rest.size);
	crypto_generichash_final(&state, question->hash, sizeof question->hash);
	question->from = searches ? 0 : from;
}

/* Whether an entry of this connection's says that this is read. */
static bool is_said(struct sr_session *session, const struct sr_session_asked *question)
{
	const struct sr_session_asked *asked = sr_session_asked(session);
	return memcmp(question->hash, asked->hash, sizeof asked->hash) == 0 && question->from >= asked->from;
}

/* Its entry, if it was to have one, is durable. */
static void after(struct sr_request *request)
{
	struct sr_session_asked question;
	question_of(request, &question);
	if (request->error.code == SR_OK && !is_said(request->session, &question))
		*sr_session_asked(request->session) = question;
	sr_request_answer(request, false);
}

void sr_serve_audit_read(struct sr_request *request)
{
	struct sr_session_asked question;
	/* What nobody has waited for is to be in it, too. */
	sr_audit_hurry(request->daemon->audit);
	question_of(request, &question);
	if (is_said(request->session, &question))
		sr_account_goes_on(request);
	sr_request_start(request, run, after);
}
