/*
 * Every message that crosses an established connection: its type, its fields, one encoder and one decoder each, in
 * the order of the bytes. Pure functions; nothing here knows streams' states (stream.h) or sockets.
 *
 * A message is: type u8, stream u32, request u64, then the fields below. Stream 0 carries requests that stand alone;
 * a client opens any other stream with RECORD_TRACK, RECORD_RESUME or PLAY_OPEN. `request` is chosen at random by the
 * client, repeated in the reply and in the account; messages the daemon sends unasked repeat the one they belong to.
 *
 * Decoders borrow: spans in a decoded struct point into the message. A decoder latches its cursor on any value that
 * is out of range, so that sr_take_done() is false for every malformed message, trailing bytes included; what it has
 * filled in is meaningless then. No position or length within a track passes 2^63, so that their sums never wrap.
 * Encoders latch the builder when it is full; keeping to the ranges is the caller's part.
 */
#ifndef SR_MESSAGE_H
#define SR_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "context.h"
#include "cursor.h"
#include "error.h"
#include "track.h"
#include "uuid.h"

#define SR_MESSAGE_MAX 65519 /* plaintext bytes of one message, header included */
#define SR_MESSAGE_HEAD 13
#define SR_TOKEN_MAX 8192
#define SR_LABEL_MAX 255
#define SR_MEDIA_TYPE_MAX 127
#define SR_TRACKS_MAX 64 /* per recording, numbered 1 to 65,535 */
#define SR_APPEND_MAX 49152
#define SR_CHECK_MAX 200
#define SR_LIST_PAGE_MAX 100
#define SR_TABLE_PAGE_MAX 512
#define SR_READ_MAX (UINT64_C(64) << 20)
#define SR_BODY_MAX                                                                                                    \
	(16u * SR_CHUNK_SEALED) /* raw bytes behind one BODY: whole chunks, at most 256 KiB of plaintext               \
				 */
#define SR_SERVICE_NAME_MAX 63
#define SR_NONCE 16
#define SR_TEXT_MAX 255 /* bytes of a text for a person */

enum sr_message_type {
	/* either side */
	SR_MSG_GOODBYE = 0x01,
	SR_MSG_PING = 0x02,
	SR_MSG_PONG = 0x03,
	/* replies that many requests share */
	SR_MSG_ERROR = 0x04,
	SR_MSG_DONE = 0x05,
	/* any stream but 0 */
	SR_MSG_GRANT_RENEW = 0x06,
	SR_MSG_RENEWED = 0x07,
	SR_MSG_CLOSE = 0x08,
	SR_MSG_CLOSED = 0x09,
	/* recording */
	SR_MSG_RECORD_OPEN = 0x10,
	SR_MSG_RECORD_OPENED = 0x11,
	SR_MSG_RECORD_TRACK = 0x12,
	SR_MSG_RECORD_RESUME = 0x13,
	SR_MSG_TRACK_READY = 0x14,
	SR_MSG_APPEND = 0x15,
	SR_MSG_ACK = 0x16,
	SR_MSG_SYNC = 0x17,
	SR_MSG_SYNCED = 0x18,
	SR_MSG_RECORD_FINISH = 0x19,
	SR_MSG_RECORD_FINISHED = 0x1a,
	/* what is there */
	SR_MSG_LIST = 0x20,
	SR_MSG_LISTING = 0x21,
	SR_MSG_INFO = 0x22,
	SR_MSG_INFO_REPLY = 0x23,
	SR_MSG_CHECK = 0x24,
	SR_MSG_CHECK_REPLY = 0x25,
	SR_MSG_DELETE = 0x28,
	SR_MSG_UNDELETE = 0x29,
	SR_MSG_DELETED = 0x2a,
	/* playing */
	SR_MSG_PLAY_OPEN = 0x30,
	SR_MSG_PLAY_OPENED = 0x31,
	SR_MSG_PLAY_TABLE = 0x32,
	SR_MSG_TABLE = 0x33,
	SR_MSG_PLAY_READ = 0x34,
	SR_MSG_SEGMENT_KEY = 0x35,
	SR_MSG_BODY = 0x36,
	SR_MSG_READ_DONE = 0x37,
	SR_MSG_SHOWN = 0x38,
	SR_MSG_TABLE_PART = 0x39,
	SR_MSG_PLAY_START = 0x3a,
	/* operating */
	SR_MSG_SERVICE_ADD = 0x40,
	SR_MSG_SERVICE_ADDED = 0x41,
	SR_MSG_SERVICE_REMOVE = 0x42,
	SR_MSG_SERVICE_LIST = 0x43,
	SR_MSG_SERVICES = 0x44,
	SR_MSG_STATS = 0x48,
	SR_MSG_STATS_REPLY = 0x49,
	SR_MSG_HEALTH = 0x4a,
	SR_MSG_HEALTH_REPLY = 0x4b,
	SR_MSG_SCRUB_START = 0x50,
	SR_MSG_SCRUB_STATUS = 0x51,
	SR_MSG_SCRUB_STOP = 0x52,
	SR_MSG_SCRUB_REPORT = 0x53,
	SR_MSG_SCRUB_DISCARD = 0x54, /* message_hold.h */
	/* stopping, and being told: message_freeze.h, message_alarm.h */
	SR_MSG_FREEZE = 0x60,
	SR_MSG_THAW = 0x61,
	SR_MSG_FREEZE_LIST = 0x62,
	SR_MSG_FREEZES = 0x63,
	SR_MSG_ALARM_LIST = 0x64,
	SR_MSG_ALARMS = 0x65,
	SR_MSG_ALARM_TEST = 0x66,
	SR_MSG_FREEZE_MADE = 0x67,
	/* holds, and erasing: message_hold.h */
	SR_MSG_HOLD_PLACE = 0x68,
	SR_MSG_HOLD_RELEASE = 0x69,
	SR_MSG_HOLD_LIST = 0x6a,
	SR_MSG_HOLDS = 0x6b,
	/* epochs and rotation: message_epoch.h */
	SR_MSG_EPOCH_LIST = 0x70,
	SR_MSG_EPOCHS = 0x71,
	SR_MSG_EPOCH_NEW = 0x72,
	SR_MSG_EPOCH_MADE = 0x73,
	SR_MSG_EPOCH_RETIRE = 0x74,
	SR_MSG_EPOCH_RETIRED = 0x75,
	SR_MSG_ROTATE_STATUS = 0x78,
	SR_MSG_ROTATE_CENSUS = 0x79,
	SR_MSG_ROTATE_STEP = 0x7a,
	SR_MSG_ROTATE_STEPPED = 0x7b,
	/* what becomes of a patient: message_patient.h */
	SR_MSG_PATIENT_REKEY = 0x80,
	SR_MSG_PATIENT_RENAME = 0x81,
	SR_MSG_PATIENT_MERGE = 0x82,
	SR_MSG_PATIENT_ERASE = 0x83, /* message_hold.h */
	SR_MSG_PATIENT_ERASED = 0x84,
	SR_MSG_PATIENT_MOVED = 0x85,
	SR_MSG_ROTATE_DEEP = 0x86,
	SR_MSG_ROTATE_DEEPENED = 0x87,
	SR_MSG_PERSON_READ = 0x88,
	SR_MSG_PERSON = 0x89,
	SR_MSG_ROOT_NEW = 0x8a,
	SR_MSG_ROOT_MADE = 0x8b,
	/* backups: message_backup.h */
	SR_MSG_BACKUP_BEGIN = 0x90,
	SR_MSG_BACKUP_BEGUN = 0x91,
	SR_MSG_BACKUP_ROWS = 0x92,
	SR_MSG_BACKUP_PAGE = 0x93,
	SR_MSG_BACKUP_READ = 0x94,
	SR_MSG_BACKUP_BYTES = 0x95,
	SR_MSG_BACKUP_LOG = 0x96,
	SR_MSG_BACKUP_RECORDS = 0x97,
	SR_MSG_BACKUP_END = 0x98,
	/* the audit log: message_audit.h */
	SR_MSG_AUDIT_READ = 0xa0,
	SR_MSG_AUDIT_ENTRIES = 0xa1,
	SR_MSG_AUDIT_SEARCH = 0xa2,
	SR_MSG_AUDIT_CHECKPOINT = 0xa3,
	SR_MSG_AUDIT_SIGNED = 0xa4,
	SR_MSG_AUDIT_PROOF = 0xa5,
	SR_MSG_AUDIT_PROVED = 0xa6,
	SR_MSG_AUDIT_CONSISTENCY = 0xa7,
	SR_MSG_AUDIT_CONSISTENT = 0xa8,
	/* incidents: message_incident.h */
	SR_MSG_INCIDENT_NOTE = 0xaa,
	SR_MSG_AUDIT_TAG = 0xac,
	SR_MSG_AUDIT_TAGGED = 0xad,
	SR_MSG_AUDIT_AUDITOR = 0xae,
	SR_MSG_AUDIT_AUDITOR_KEY = 0xaf
};

/* What a service may do: bits. */
enum sr_role {
	SR_ROLE_INGEST = 1 << 0,
	SR_ROLE_PLAYBACK = 1 << 1,
	SR_ROLE_ROTATE = 1 << 2,
	SR_ROLE_OPERATE = 1 << 3,
	SR_ROLE_AUDIT = 1 << 4
};
#define SR_ROLES_ALL 0x1f

/* The name of one role bit (static), NULL if it is none; and a list of names, by commas, to bits (false: unknown). */
const char *sr_role_name(enum sr_role role);
bool sr_roles_parse(const char *text, size_t size, uint16_t *roles) SR_MUST_USE;

/* True for 1 to SR_SERVICE_NAME_MAX characters of a-z 0-9 . _ - */
bool sr_service_name_valid(const char *name, size_t size) SR_MUST_USE;

/* The name of a type ("record.open", "play.table", …; static), or NULL for a number that is no type. */
const char *sr_message_name(uint8_t type);

/* The head in front of the fields. Decoding latches on a number that is no type. */
struct sr_message_head {
	uint8_t type;
	uint32_t stream;
	uint64_t request;
};
void sr_message_head_encode(struct sr_builder *out, const struct sr_message_head *head);
void sr_message_head_decode(struct sr_cursor *in, struct sr_message_head *head);

/* GOODBYE: code u8, text field (at most 255). The last message of a connection, either way. */
struct sr_goodbye {
	enum sr_code code;
	struct sr_span text;
};
void sr_goodbye_encode(struct sr_builder *out, const struct sr_goodbye *message);
void sr_goodbye_decode(struct sr_cursor *in, struct sr_goodbye *message);

/* PING, PONG, DONE, SYNC, CLOSE, SERVICE_LIST, STATS, HEALTH, SCRUB_STOP, ROOT_NEW have no fields. */

/* ERROR: code u8 (never 0), ended u8 (1: the stream is over), retry_ms u32 (0: do not), text field (at most 255). */
struct sr_error_reply {
	enum sr_code code;
	bool ended;
	uint32_t retry_ms;
	struct sr_span text;
};
void sr_error_reply_encode(struct sr_builder *out, const struct sr_error_reply *message);
void sr_error_reply_decode(struct sr_cursor *in, struct sr_error_reply *message);

/* GRANT_RENEW: grant field. RENEWED: expires u64, seconds. */
void sr_grant_renew_encode(struct sr_builder *out, struct sr_span grant);
void sr_grant_renew_decode(struct sr_cursor *in, struct sr_span *grant);
void sr_renewed_encode(struct sr_builder *out, uint64_t expires);
void sr_renewed_decode(struct sr_cursor *in, uint64_t *expires);

/* CLOSED, ACK, SYNCED: durable u64: the track's durable plaintext length (0 for a player). */
void sr_durable_encode(struct sr_builder *out, uint64_t durable);
void sr_durable_decode(struct sr_cursor *in, uint64_t *durable);

/* RECORD_OPEN: grant, recording 16, nonce 16, started_ms u64 (0: now), retain_until_ms u64 (0: none), label. */
struct sr_record_open {
	struct sr_span grant;
	uint8_t recording[SR_UUID];
	uint8_t nonce[SR_NONCE];
	uint64_t started_ms;
	uint64_t retain_until_ms;
	struct sr_span label;
};
void sr_record_open_encode(struct sr_builder *out, const struct sr_record_open *message);
void sr_record_open_decode(struct sr_cursor *in, struct sr_record_open *message);

/* RECORD_OPENED: state u8 (enum sr_track_state), opened_ms u64, tracks u16. */
struct sr_record_opened {
	enum sr_track_state state;
	uint64_t opened_ms;
	uint16_t tracks;
};
void sr_record_opened_encode(struct sr_builder *out, const struct sr_record_opened *message);
void sr_record_opened_decode(struct sr_cursor *in, struct sr_record_opened *message);

/*
 * RECORD_TRACK: grant, recording 16, nonce 16, track u16 (0: the daemon chooses; the nonce makes a repeat find it
 * again), start_ms u64 (after the recording's start), media type (at least 1 byte), label.
 */
struct sr_record_track {
	struct sr_span grant;
	uint8_t recording[SR_UUID];
	uint8_t nonce[SR_NONCE];
	uint16_t track;
	uint64_t start_ms;
	struct sr_span media_type;
	struct sr_span label;
};
void sr_record_track_encode(struct sr_builder *out, const struct sr_record_track *message);
void sr_record_track_decode(struct sr_cursor *in, struct sr_record_track *message);

/* RECORD_RESUME: grant, recording 16, track u16 (at least 1). */
struct sr_record_resume {
	struct sr_span grant;
	uint8_t recording[SR_UUID];
	uint16_t track;
};
void sr_record_resume_encode(struct sr_builder *out, const struct sr_record_resume *message);
void sr_record_resume_decode(struct sr_cursor *in, struct sr_record_resume *message);

/* TRACK_READY: track u16, generation u32, durable u64, window u32 (bytes that may be sent beyond what is durable). */
struct sr_track_ready {
	uint16_t track;
	uint32_t generation;
	uint64_t durable;
	uint32_t window;
};
void sr_track_ready_encode(struct sr_builder *out, const struct sr_track_ready *message);
void sr_track_ready_decode(struct sr_cursor *in, struct sr_track_ready *message);

/* APPEND: offset u64, media_time u64 (of its first byte, or SR_NO_MEDIA_TIME), the rest: 1 to SR_APPEND_MAX bytes. */
struct sr_append {
	uint64_t offset;
	uint64_t media_time;
	struct sr_span data;
};
void sr_append_encode(struct sr_builder *out, const struct sr_append *message);
void sr_append_decode(struct sr_cursor *in, struct sr_append *message);

/* RECORD_FINISH, INFO, DELETE, UNDELETE, PLAY_OPEN: grant, recording 16. */
struct sr_named {
	struct sr_span grant;
	uint8_t recording[SR_UUID];
};
void sr_named_encode(struct sr_builder *out, const struct sr_named *message);
void sr_named_decode(struct sr_cursor *in, struct sr_named *message);

/* RECORD_FINISHED: finished_ms u64, tracks u16. */
struct sr_record_finished {
	uint64_t finished_ms;
	uint16_t tracks;
};
void sr_record_finished_encode(struct sr_builder *out, const struct sr_record_finished *message);
void sr_record_finished_decode(struct sr_cursor *in, struct sr_record_finished *message);

/*
 * LIST: grant, from_ms u64, to_ms u64 (recordings opened in [from, to); to 0: no end), after 16 (the last id already
 * seen, zeros to start), limit u16 (1 to SR_LIST_PAGE_MAX).
 */
struct sr_list {
	struct sr_span grant;
	uint64_t from_ms;
	uint64_t to_ms;
	uint8_t after[SR_UUID];
	uint16_t limit;
};
void sr_list_encode(struct sr_builder *out, const struct sr_list *message);
void sr_list_decode(struct sr_cursor *in, struct sr_list *message);

/* One track within an entry: track u16, state u8, start_ms u64, length u64, segments u32, media type, label. */
struct sr_entry_track {
	uint16_t track;
	enum sr_track_state state;
	uint64_t start_ms;
	uint64_t length;
	uint32_t segments;
	struct sr_span media_type;
	struct sr_span label;
};
void sr_entry_track_encode(struct sr_builder *out, const struct sr_entry_track *track);
void sr_entry_track_decode(struct sr_cursor *in, struct sr_entry_track *track);

/*
 * The front of an entry, with which a recording is shown: recording 16, state u8, opened_ms u64, finished_ms u64
 * (0: unfinished), retain_until_ms u64, label, tracks u16 (at most SR_TRACKS_MAX); then that many sr_entry_track.
 */
struct sr_entry {
	uint8_t recording[SR_UUID];
	enum sr_track_state state;
	uint64_t opened_ms;
	uint64_t finished_ms;
	uint64_t retain_until_ms;
	struct sr_span label;
	uint16_t tracks;
};
void sr_entry_encode(struct sr_builder *out, const struct sr_entry *entry);
void sr_entry_decode(struct sr_cursor *in, struct sr_entry *entry);

/*
 * LISTING: withheld u32 (rows of this page left out), next 16 (ask again after this id; zeros: the list is whole),
 * count u16 (at most SR_LIST_PAGE_MAX), then that many entries, each an sr_entry with its tracks.
 */
struct sr_listing {
	uint32_t withheld;
	uint8_t next[SR_UUID];
	uint16_t count;
};
void sr_listing_encode(struct sr_builder *out, const struct sr_listing *message);
void sr_listing_decode(struct sr_cursor *in, struct sr_listing *message);

/* INFO_REPLY: epoch u32, root_version u32, held u8, then one entry with its tracks. */
struct sr_info_reply {
	uint32_t epoch;
	uint32_t root_version;
	bool held;
};
void sr_info_reply_encode(struct sr_builder *out, const struct sr_info_reply *message);
void sr_info_reply_decode(struct sr_cursor *in, struct sr_info_reply *message);

/* CHECK: grant, count u16 (1 to SR_CHECK_MAX), that many ids. CHECK_REPLY: count u16, a byte each: 1 theirs, 0 not. */
struct sr_check {
	struct sr_span grant;
	struct sr_span ids; /* count * SR_UUID bytes */
};
void sr_check_encode(struct sr_builder *out, const struct sr_check *message);
void sr_check_decode(struct sr_cursor *in, struct sr_check *message);
void sr_check_reply_encode(struct sr_builder *out, struct sr_span theirs);
void sr_check_reply_decode(struct sr_cursor *in, struct sr_span *theirs);

/* One track as PLAY_OPENED and TABLE give it: track u16, state u8, segments u32, length u64, chain 64. */
struct sr_play_head {
	uint16_t track;
	enum sr_track_state state;
	uint32_t segments;
	uint64_t length;
	uint8_t chain[SR_CHAIN];
};
void sr_play_head_encode(struct sr_builder *out, const struct sr_play_head *head);
void sr_play_head_decode(struct sr_cursor *in, struct sr_play_head *head);

/*
 * PLAY_OPENED: one entry with its tracks, then one sr_play_head for each of them in the same order.
 * Encoded with sr_entry_encode, sr_entry_track_encode and sr_play_head_encode.
 */

/* How much of a table is asked for, and when. */
enum sr_table_want {
	SR_TABLE_PAGE = 0, /* one page */
	SR_TABLE_WAIT = 1, /* the same, but at the end of an unfinished track it waits for more */
	SR_TABLE_ALL = 2,  /* all there is, in as many pages as that takes */
};

/* PLAY_TABLE: track u16, from u32 (first segment wanted), want u8. */
struct sr_play_table {
	uint16_t track;
	uint32_t from;
	enum sr_table_want want;
};
void sr_play_table_encode(struct sr_builder *out, const struct sr_play_table *message);
void sr_play_table_decode(struct sr_cursor *in, struct sr_play_table *message);

/*
 * TABLE, and TABLE_PART, which another follows: head (sr_play_head, as of the same instant), from u32, count u16 (at
 * most SR_TABLE_PAGE_MAX), the records.
 */
struct sr_table {
	struct sr_play_head head;
	uint32_t from;
	uint16_t count;
};
void sr_table_encode(struct sr_builder *out, const struct sr_table *message);
void sr_table_decode(struct sr_cursor *in, struct sr_table *message);

/*
 * PLAY_READ, READ_DONE: track u16, from u64, length u64: a range of the track's plaintext. Asked for: 1 to SR_READ_MAX
 * bytes (sr_play_range_decode). Sent: 0 to SR_READ_MAX bytes, 0 when the range began at or past the track's end
 * (sr_read_done_decode).
 */
struct sr_play_range {
	uint16_t track;
	uint64_t from;
	uint64_t length;
};
void sr_play_range_encode(struct sr_builder *out, const struct sr_play_range *message);
void sr_play_range_decode(struct sr_cursor *in, struct sr_play_range *message);
void sr_read_done_decode(struct sr_cursor *in, struct sr_play_range *message);

/* PLAY_START: grant, recording 16, and the range that is wanted first, as PLAY_READ has it. */
struct sr_play_start {
	struct sr_named named;
	struct sr_play_range range;
};
void sr_play_start_encode(struct sr_builder *out, const struct sr_play_start *message);
void sr_play_start_decode(struct sr_cursor *in, struct sr_play_start *message);

/* SEGMENT_KEY: track u16, segment u32, key 32, base nonce 12, commitment 32: before a segment's first body. */
struct sr_segment_release {
	uint16_t track;
	uint32_t segment;
	struct sr_message_key key;
};
void sr_segment_release_encode(struct sr_builder *out, const struct sr_segment_release *message);
void sr_segment_release_decode(struct sr_cursor *in, struct sr_segment_release *message);

/*
 * BODY: track u16, segment u32, chunk u32 (number of the first), length u32: that many raw bytes of whole stored
 * chunks follow the frame on the wire, outside the channel's encryption. 17 to SR_BODY_MAX; all chunks are
 * SR_CHUNK_SEALED long but the segment's last. Only chunks that hold a wanted byte are sent, so the empty last chunk of
 * a segment that fills its chunks never is.
 */
struct sr_body {
	uint16_t track;
	uint32_t segment;
	uint32_t chunk;
	uint32_t length;
};
void sr_body_encode(struct sr_builder *out, const struct sr_body *message);
void sr_body_decode(struct sr_cursor *in, struct sr_body *message);

/*
 * SHOWN: grant, recording 16, track u16, from_ms u64, to_ms u64 (media times, after from_ms), who (at most
 * SR_VIEWER_MAX bytes of UTF-8; empty: the grant's actor). What a playback service states of its viewer's session.
 */
#define SR_VIEWER_MAX 255
struct sr_shown {
	struct sr_span grant;
	uint8_t recording[SR_UUID];
	uint16_t track;
	uint64_t from_ms;
	uint64_t to_ms;
	struct sr_span who;
};
void sr_shown_encode(struct sr_builder *out, const struct sr_shown *message);
void sr_shown_decode(struct sr_cursor *in, struct sr_shown *message);

/* DELETED: undo_until_ms u64: until when UNDELETE brings it back. */
void sr_deleted_encode(struct sr_builder *out, uint64_t undo_until_ms);
void sr_deleted_decode(struct sr_cursor *in, uint64_t *undo_until_ms);

#endif
