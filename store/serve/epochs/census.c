/*
 * rotate.status: how many rows there are under each epoch, a part of the store at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "keys/rewrap.h"
#include "message_epoch.h"
#include "serve/dispatch.h"
#include "serve/epochs/epoch_walk.h"
#include "serve/epochs/epochs.h"

#define VIEWS 8 /* of one request */
#define ROOM (4 + 2 + SR_ROTATE_PLACE_MAX + 2 + 8 + 2)
#define ITEM 29

struct census {
	struct sr_request *request;
	struct sr_epochs epochs;
	uint64_t recordings[SR_EPOCHS_KNOWN_MAX];
	uint64_t people[SR_EPOCHS_KNOWN_MAX];
	uint64_t damaged;
	struct sr_epoch_place place;
};

/* A row whose seals verify counts for its epoch, any other as damaged; one without a wrap for none. */
static bool count(void *context, const struct sr_epoch_met *met, bool *before)
{
	struct census *census = context;
	const struct sr_keyring *keyring = census->request->daemon->keyring;
	bool is_person = met->part == SR_PART_PEOPLE;
	struct sr_recording_row row = {.epoch = SR_EPOCH_NONE};
	enum sr_code code = SR_CORRUPT;
	(void)before;
	if (met->tag && is_person)
		code = sr_person_epoch(met->value, &row.epoch) ? sr_person_check(keyring, met->tag, met->value)
							       : SR_CORRUPT;
	else if (met->tag)
		code = sr_recording_row_decode(keyring, met->recording, met->value, &row);
	const struct sr_epoch_row *epoch = sr_epochs_find(&census->epochs, row.epoch);
	if (code != SR_OK || (!epoch && row.epoch != SR_EPOCH_NONE))
		census->damaged++;
	else if (epoch)
		(is_person ? census->people : census->recordings)[epoch - census->epochs.list]++;
	return true;
}

static void answer(struct census *census)
{
	struct sr_request *request = census->request;
	uint8_t place[SR_ROTATE_PLACE_MAX];
	struct sr_rotate_census reply = {
		.current = sr_epochs_current(&census->epochs),
		.place = {place, sr_epoch_place_encode(&census->place, place)},
		.progress = sr_epoch_place_progress(&census->place),
		.damaged = census->damaged,
		.count = census->epochs.count,
	};
	if (!sr_request_reply(request, SR_MSG_ROTATE_CENSUS, ROOM + (size_t)reply.count * ITEM))
		return;
	sr_rotate_census_encode(&request->reply.fields, &reply);
	for (size_t at = 0; at < reply.count; at++) {
		const struct sr_epoch_row *epoch = &census->epochs.list[at];
		struct sr_census_item item = {.number = epoch->number,
					      .state = (uint8_t)epoch->state,
					      .made_ms = epoch->made_ms,
					      .recordings = census->recordings[at],
					      .people = census->people[at]};
		sr_census_item_encode(&request->reply.fields, &item);
	}
}

static void run(struct sr_request *request)
{
	struct census *census = calloc(1, sizeof *census);
	struct sr_cursor in = sr_request_fields(request);
	struct sr_span place;
	uint32_t passed = 0;
	if (!census) {
		(void)SR_FAIL_MEMORY(&request->error);
		return;
	}
	census->request = request;
	sr_rotate_status_decode(&in, &place);
	enum sr_code code = sr_request_decoded(request, &in);
	if (code == SR_OK && !sr_epoch_place_parse(place, &census->place))
		code = SR_FAIL(&request->error, SR_USAGE, "this is no place that a census gave");
	sr_epoch_book_copy(request->daemon->epochs, &census->epochs);
	for (int views = 0; code == SR_OK && views < VIEWS && census->place.part != SR_PART_END; views++)
		code = sr_epoch_walk(request->daemon->index, &census->place, count, census, &passed, &request->error);
	if (code == SR_OK)
		answer(census);
	free(census);
}

void sr_serve_rotate_status(struct sr_request *request)
{
	sr_request_start(request, run, NULL);
}
