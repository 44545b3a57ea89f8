/*
 * Least and greatest of the messages of epochs and rotation: a part of message_codecs.h, which includes it.
 */
#ifndef SR_TEST_MESSAGE_CODECS_EPOCH_H
#define SR_TEST_MESSAGE_CODECS_EPOCH_H

static void fill_epochs_reply(struct sr_epochs_reply *m, bool greatest)
{
	m->keyring_revision = greatest ? UINT64_MAX : 0;
	m->current = greatest ? UINT32_MAX : 1;
	m->count = greatest ? SR_EPOCHS_LISTED_MAX : 0;
}
PAIR(epochs_reply, sr_epochs_reply_decode)

static void fill_epoch_item(struct sr_epoch_item *m, bool greatest)
{
	m->number = greatest ? UINT32_MAX : 1;
	m->state = greatest ? 3 : 1;
	m->made_ms = greatest ? UINT64_MAX : 0;
	m->changed_ms = greatest ? UINT64_MAX - 1 : 0;
	m->kept_until_ms = greatest ? UINT64_MAX - 2 : 0;
}
PAIR(epoch_item, sr_epoch_item_decode)

static void fill_epoch_made(struct sr_epoch_made *m, bool greatest)
{
	m->number = greatest ? UINT32_MAX : 1;
	m->keyring_revision = greatest ? UINT64_MAX : 0;
}
PAIR(epoch_made, sr_epoch_made_decode)

static void fill_epoch_retire(struct sr_epoch_retire *m, bool greatest)
{
	m->number = greatest ? UINT32_MAX : 1;
	m->no_backup = greatest;
}
PAIR(epoch_retire, sr_epoch_retire_decode)

static void fill_epoch_retired(struct sr_epoch_retired *m, bool greatest)
{
	m->number = greatest ? UINT32_MAX : 1;
	m->recordings = greatest ? UINT64_MAX : 0;
	m->people = greatest ? UINT64_MAX - 1 : 0;
	m->keyring_revision = greatest ? UINT64_MAX - 2 : 0;
	m->kept_until_ms = greatest ? UINT64_MAX - 3 : 0;
	m->checkpoint = span(greatest ? SR_PROOF_NOTE_MAX : 0);
	m->lost = greatest ? SR_LOST_BACKUPS_MAX : 0;
}
PAIR(epoch_retired, sr_epoch_retired_decode)

static void make_lost_backup(struct sr_builder *out, bool greatest)
{
	sr_lost_backup_encode(out, span(greatest ? SR_BACKUP_LABEL_MAX : 1));
}

static void again_lost_backup(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_span name;

	sr_lost_backup_decode(in, &name);
	sr_lost_backup_encode(out, name);
}

static void make_rotate_status(struct sr_builder *out, bool greatest)
{
	sr_rotate_status_encode(out, span(greatest ? SR_ROTATE_PLACE_MAX : 0));
}

static void again_rotate_status(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_span place;

	sr_rotate_status_decode(in, &place);
	sr_rotate_status_encode(out, place);
}

static void fill_rotate_census(struct sr_rotate_census *m, bool greatest)
{
	m->current = greatest ? UINT32_MAX : 1;
	m->place = span(greatest ? SR_ROTATE_PLACE_MAX : 0);
	m->progress = greatest ? SR_ROTATE_PROGRESS : 0;
	m->damaged = greatest ? UINT64_MAX : 0;
	m->count = greatest ? SR_EPOCHS_LISTED_MAX : 0;
}
PAIR(rotate_census, sr_rotate_census_decode)

static void fill_census_item(struct sr_census_item *m, bool greatest)
{
	m->number = greatest ? UINT32_MAX : 1;
	m->state = greatest ? 3 : 1;
	m->made_ms = greatest ? UINT64_MAX : 0;
	m->recordings = greatest ? UINT64_MAX - 1 : 0;
	m->people = greatest ? UINT64_MAX - 2 : 0;
}
PAIR(census_item, sr_census_item_decode)

static void fill_rotate_step(struct sr_rotate_step *m, bool greatest)
{
	m->to = greatest ? UINT32_MAX : 0;
	m->first = greatest ? UINT32_MAX - 1 : 1;
	m->last = greatest ? UINT32_MAX : 1;
	m->limit = greatest ? SR_ROTATE_STEP_MAX : 1;
	m->place = span(greatest ? SR_ROTATE_PLACE_MAX : 0);
}
PAIR(rotate_step, sr_rotate_step_decode)

static void fill_rotate_stepped(struct sr_rotate_stepped *m, bool greatest)
{
	m->to = greatest ? UINT32_MAX : 1;
	m->place = span(greatest ? SR_ROTATE_PLACE_MAX : 0);
	m->progress = greatest ? SR_ROTATE_PROGRESS : 0;
	m->passed = greatest ? UINT32_MAX : 0;
	m->moved = greatest ? UINT32_MAX - 1 : 0;
	m->left = greatest ? UINT32_MAX - 2 : 0;
	fill(m->recording, SR_UUID, 0x11);
}
PAIR(rotate_stepped, sr_rotate_stepped_decode)

#endif
