/*
 * shown: what a playback service states of its viewer's session. The account has it under the service's name; the store
 * has proved nothing of it but whose recording it is.
 */
#include <string.h>

#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/play/lookup.h"

/* Who looked, if it is another than the grant's actor: by the same tag that they have where they act themselves. */
static enum sr_code note_viewer(struct sr_request *request, struct sr_span who)
{
	uint8_t viewer[SR_TAG];
	if (who.size == 0)
		return SR_OK;
	sr_actor_tag(request->daemon->keyring, who.data, who.size, viewer);
	enum sr_code code =
		sr_people_know(request->daemon->accounting, viewer, who.data, who.size, false, &request->error);
	if (code == SR_OK)
		sr_account_linked(request, viewer);
	return code;
}

static void note_shown(struct sr_request *request, const struct sr_shown *shown)
{
	struct sr_audit_recording range = {
		.has_track = true,
		.track = shown->track,
		.has_media = true,
		.media_from = shown->from_ms,
		.media_to = shown->to_ms,
	};
	memcpy(range.id, shown->recording, SR_UUID);
	sr_account_recording(request, &range);
}

static void run(struct sr_request *request)
{
	struct sr_shown shown;
	struct sr_found found = {0};
	struct sr_track_row row;
	struct sr_view *view;
	uint8_t mac[SR_ROW_MAC];
	struct sr_cursor in = sr_request_fields(request);
	sr_shown_decode(&in, &shown);
	if (sr_request_decoded(request, &in) != SR_OK ||
	    sr_request_text(request, shown.who, "a viewer's name") != SR_OK)
		return;
	enum sr_code code = sr_request_grant(request, shown.grant, shown.recording);
	if (code == SR_OK)
		code = sr_lookup(request, shown.recording, &found, &view);
	sr_found_wipe(&found);
	if (code != SR_OK)
		return;
	code = sr_track_find(request, view, shown.recording, shown.track, &row, mac);
	sr_request_view_end(request, view);
	note_shown(request, &shown);
	if (code == SR_OK && note_viewer(request, shown.who) == SR_OK)
		(void)!sr_request_reply(request, SR_MSG_DONE, 0);
}

void sr_serve_shown(struct sr_request *request)
{
	sr_request_start(request, run, NULL);
}
