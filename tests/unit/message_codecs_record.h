/*
 * Least and greatest of the messages that record: a part of message_codecs.h, which includes it.
 */
#ifndef SR_TEST_MESSAGE_CODECS_RECORD_H
#define SR_TEST_MESSAGE_CODECS_RECORD_H

static void fill_record_open(struct sr_record_open *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	fill(m->recording, SR_UUID, 0x11);
	fill(m->nonce, SR_NONCE, 0x22);
	m->started_ms = greatest ? UINT64_MAX : 0;
	m->retain_until_ms = greatest ? UINT64_MAX - 1 : 0;
	m->label = span(greatest ? SR_LABEL_MAX : 0);
}
PAIR(record_open, sr_record_open_decode)

static void fill_record_opened(struct sr_record_opened *m, bool greatest)
{
	m->state = greatest ? SR_FINISHED : SR_UNFINISHED;
	m->opened_ms = greatest ? UINT64_MAX : 0;
	m->tracks = greatest ? SR_TRACKS_MAX : 0;
}
PAIR(record_opened, sr_record_opened_decode)

static void fill_record_track(struct sr_record_track *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	fill(m->recording, SR_UUID, 0x11);
	fill(m->nonce, SR_NONCE, 0x22);
	m->track = greatest ? UINT16_MAX : 0;
	m->start_ms = greatest ? UINT64_MAX : 0;
	m->media_type = span(greatest ? SR_MEDIA_TYPE_MAX : 1);
	m->label = span(greatest ? SR_LABEL_MAX : 0);
}
PAIR(record_track, sr_record_track_decode)

static void fill_record_resume(struct sr_record_resume *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	fill(m->recording, SR_UUID, 0x11);
	m->track = greatest ? UINT16_MAX : 1;
}
PAIR(record_resume, sr_record_resume_decode)

static void fill_track_ready(struct sr_track_ready *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->generation = greatest ? UINT32_MAX : 0;
	m->durable = greatest ? UINT64_C(1) << 63 : 0;
	m->window = greatest ? UINT32_MAX : 0;
}
PAIR(track_ready, sr_track_ready_decode)

static void fill_append(struct sr_append *m, bool greatest)
{
	m->data = span(greatest ? SR_APPEND_MAX : 1);
	m->offset = greatest ? (UINT64_C(1) << 63) - SR_APPEND_MAX : 0;
	m->media_time = greatest ? SR_NO_MEDIA_TIME : 0;
}
PAIR(append, sr_append_decode)

static void fill_named(struct sr_named *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	fill(m->recording, SR_UUID, 0x11);
}
PAIR(named, sr_named_decode)

static void fill_record_finished(struct sr_record_finished *m, bool greatest)
{
	m->finished_ms = greatest ? UINT64_MAX : 0;
	m->tracks = greatest ? SR_TRACKS_MAX : 0;
}
PAIR(record_finished, sr_record_finished_decode)

#endif
