/*
 * What a report has gathered. Internal to this room.
 */
#ifndef SR_REPORT_STATE_H
#define SR_REPORT_STATE_H

#include "report.h"
#include "spans.h"
#include "table.h"

#define SR_WHO (1 + SR_TAG) /* bytes of a recipient's key: 'a' and an actor's tag, or 'p' and a patient's */

/* What left of one track, or may have. */
struct sr_report_track {
	uint16_t number;
	bool has_length;
	uint64_t length;                   /* of its plaintext, the longest that was known */
	struct sr_report_spans authorised; /* keys and bytes may have left */
	struct sr_report_spans sent;       /* handed to the connection */
	struct sr_report_spans confirmed;  /* shown by a later request to have arrived */
	struct sr_report_spans unclosed;   /* authorised in a stream that was not closed: possibly delivered */
	struct sr_report_points points;
};

struct sr_report_tracks {
	struct sr_report_track *list;
	size_t count, room;
};

/* What one service stated to have been shown of one track. */
struct sr_report_shown {
	char *service;
	uint16_t track;
	struct sr_report_spans media; /* milliseconds */
};

/* One recipient and one recording. */
struct sr_report_pair {
	uint32_t recipient, recording;
	uint64_t first_ms, last_ms;
	uint64_t presented, opened, withheld, denied; /* how often */
	uint64_t unclosed;                            /* streams that were not closed */
	struct sr_report_tracks tracks;
	struct sr_report_shown *shown;
	size_t shown_count, shown_room;
};

/* A player's stream that was stated to be unintended, from play.open to its close. */
struct sr_report_stream {
	bool inside; /* it was open at some moment of the report's time */
	bool ended;
	uint64_t opened_ms, last_ms;
	uint8_t who[SR_WHO];
	uint8_t recording[SR_UUID];
	uint8_t owner[SR_TAG];
	struct sr_report_tracks tracks;
};

/* A freeze or thaw. The texts are allocated. */
struct sr_report_freeze {
	uint64_t number;  /* of its intent */
	uint64_t time_ms; /* when it was in force */
	bool thaw, applied;
	char *scope;
	char *by; /* the service; NULL: the store itself, as its configuration says */
};

/* One of the design's alarms. */
struct sr_report_alarm {
	char name[32];
	uint64_t entries, first_ms;
};
#define SR_REPORT_ALARMS_MAX 16

struct sr_report {
	struct sr_report_request request;
	struct sr_checkpoint checkpoint;
	uint64_t taken;        /* entries */
	uint64_t notes_wanted; /* of the incident, below the checkpoint */
	uint64_t notes_met;
	bool strange_note, failed;
	uint64_t intended; /* recordings given, each time, that nobody stated to be unintended */

	struct sr_report_table recipients; /* keys of SR_WHO */
	struct sr_report_table people;     /* tags */
	uint32_t *linked_to;               /* of each of them: itself, or towards whom it stands for */
	size_t linked_room;
	struct sr_report_table recordings; /* ids */
	uint32_t *owners;                  /* of each of them: a number of `people`, SR_REPORT_NONE */
	size_t owners_room;
	struct sr_report_table pair_keys; /* numbers of recipient and recording */
	struct sr_report_pair *pairs;
	size_t pairs_room;
	struct sr_report_table stream_keys; /* numbers of play.open */
	struct sr_report_stream *streams;
	size_t streams_room;
	uint32_t streams_ended;
	struct sr_report_table singles; /* intents that moved one recording alone */

	struct sr_report_freeze *freezes;
	size_t freeze_count, freeze_room;
	struct sr_report_alarm alarms[SR_REPORT_ALARMS_MAX];
	size_t alarm_count;

	/* Once counted. */
	uint64_t figures[SR_REPORT_ROWS][SR_REPORT_COLUMNS];
	uint64_t keys_released;     /* recordings, for each recipient */
	uint64_t first_ms, last_ms; /* of what counts; 0: nothing does */
	uint64_t ownerless;         /* recordings of which it is not known whose they are */
	uint32_t *recipient_numbers, *recording_numbers, *person_numbers; /* from 1; 0: not in the report */
	uint32_t recipient_count, recording_count, person_count;
};

/* Whom a tag stands for once renames and merges are followed. */
uint32_t sr_report_root(const struct sr_report *report, uint32_t person);

/* Are these two tags one person's from now on? Say so. False when memory is used up. */
bool sr_report_link(struct sr_report *report, const uint8_t one[SR_TAG], const uint8_t other[SR_TAG]) SR_MUST_USE;

/*
 * The pair of `who` and `recording` (owner: its patient's tag, NULL: not known), touched at `time_ms`. NULL when memory
 * is used up. Borrowed until the next call.
 */
struct sr_report_pair *sr_report_touch(struct sr_report *report, const uint8_t who[SR_WHO],
				       const uint8_t recording[SR_UUID], const uint8_t *owner,
				       uint64_t time_ms) SR_MUST_USE;

/* The track with this number, made if need be; NULL when memory is used up. Borrowed until the next call. */
struct sr_report_track *sr_report_track(struct sr_report_tracks *tracks, uint16_t number) SR_MUST_USE;
bool sr_report_tracks_join(struct sr_report_tracks *tracks, const struct sr_report_tracks *other) SR_MUST_USE;
void sr_report_tracks_free(struct sr_report_tracks *tracks);

/* Add what a service stated. False when memory is used up. */
bool sr_report_state_shown(struct sr_report_pair *pair, const char *service,
			   const struct sr_audit_recording *range) SR_MUST_USE;

/* ---- streams ---- */

/* Follow the stream that play.open, this entry, opens of `recording`. NULL when memory is used up. */
struct sr_report_stream *sr_report_follow(struct sr_report *report, const struct sr_audit_entry *entry,
					  const struct sr_audit_recording *recording, bool inside) SR_MUST_USE;

/* An entry of a stream: authorised, sent, confirmed, recovered. False when memory is used up. */
bool sr_report_stream_take(struct sr_report *report, const struct sr_audit_entry *entry) SR_MUST_USE;

/* Streams that are still open: what was authorised may have been delivered. False when memory is used up. */
bool sr_report_streams_end(struct sr_report *report) SR_MUST_USE;

/* Who acts, as a recipient's key. The entry has an actor. */
void sr_report_who(const struct sr_audit_entry *entry, uint8_t who[SR_WHO]);

/* What a pair's track comes to: bytes that were delivered at most. False when memory is used up. */
bool sr_report_possibly(const struct sr_report_track *track, struct sr_report_spans *spans) SR_MUST_USE;

#endif
