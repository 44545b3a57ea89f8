/*
 * The index: the only door to LMDB. Tables of opaque values; read views that never last; and batches of operations,
 * each atomic by itself, checked before its first write, run in order on one thread. Nothing here knows a key.
 */
#ifndef SR_INDEX_H
#define SR_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cursor.h"
#include "error.h"
#include "uuid.h"

#define SR_INDEX_KEY_MAX 128
#define SR_INDEX_VALUE_MAX 65536
#define SR_INDEX_FORMAT 1
#define SR_INDEX_TAG 32

/* The tables, with their keys. FORMAT.md says what their values are. */
enum sr_table_name {
	SR_TABLE_META,          /* name */
	SR_TABLE_PATIENTS,      /* tag */
	SR_TABLE_RECORDINGS,    /* tag, recording, u16: 0 is the recording's row, others a track's */
	SR_TABLE_SEGMENTS,      /* tag, recording, track u16, segment u32 */
	SR_TABLE_EXTENTS,       /* recording, track u16, file u16, extent u32 */
	SR_TABLE_HINTS,         /* recording -> tag */
	SR_TABLE_CONSULTATIONS, /* consultation hash -> tag */
	SR_TABLE_PEOPLE,        /* tag */
	SR_TABLE_CONTROL,       /* name */
	SR_TABLE_DONE,          /* tag, intent entry number u64: marks of finished intents */
	SR_TABLES
};

/* The name that a table has in the index, for texts too; static. */
const char *sr_table_word(enum sr_table_name table);

/*
 * A key: a table and bytes, made by the functions below. A name of no bytes, or of more than SR_INDEX_KEY_MAX, gives a
 * key of size 0: no table holds it, and no operation takes it.
 */
struct sr_index_key {
	enum sr_table_name table;
	uint8_t bytes[SR_INDEX_KEY_MAX];
	size_t size;
};

struct sr_index_key sr_key_meta(const char *name);
struct sr_index_key sr_key_patient(const uint8_t tag[SR_INDEX_TAG]);
struct sr_index_key sr_key_recording(const uint8_t tag[SR_INDEX_TAG], const uint8_t recording[SR_UUID]);
struct sr_index_key sr_key_track(const uint8_t tag[SR_INDEX_TAG], const uint8_t recording[SR_UUID], uint16_t track);
struct sr_index_key sr_key_segment(const uint8_t tag[SR_INDEX_TAG], const uint8_t recording[SR_UUID], uint16_t track,
				   uint32_t segment);
struct sr_index_key sr_key_extent(const uint8_t recording[SR_UUID], uint16_t track, uint16_t file, uint32_t extent);
struct sr_index_key sr_key_hint(const uint8_t recording[SR_UUID]);
struct sr_index_key sr_key_consultation(const uint8_t hash[SR_INDEX_TAG]);
struct sr_index_key sr_key_person(const uint8_t tag[SR_INDEX_TAG]);
struct sr_index_key sr_key_control(const char *name);
struct sr_index_key sr_key_done(const uint8_t tag[SR_INDEX_TAG], uint64_t intent);

/* The number at the end of a key that sr_key_recording (then it is 0) or sr_key_track made. */
uint16_t sr_key_track_of(struct sr_span key);

struct sr_index;

/*
 * A new, empty index in directory `path` (made, 0700), bound to `store`, durable with its name. SR_CONFLICT if there is
 * anything at `path`; SR_NO_SPACE; SR_IO. A failure leaves nothing behind.
 */
enum sr_code sr_index_create(const char *path, const uint8_t store[SR_UUID], struct sr_error *err) SR_MUST_USE;

/*
 * Called once, on the index thread, when a commit fails or LMDB reports damage: the daemon must end with this text. The
 * operations of the batch, and all after it, are never answered, because nobody knows what of them is durable; only
 * sr_index_run lets its caller go.
 */
typedef void sr_index_fatal(void *context, const struct sr_error *err);

/*
 * Open the index and start its thread. `store` must be the one it was made for. SR_UNAVAILABLE: a newer format;
 * SR_CONFLICT: another store's; SR_CORRUPT: no index; SR_IO: also when nothing is there; SR_INTERNAL: memory or threads
 * are used up. *out (out) is NULL on failure. Map size is set very large; MDB_NOTLS; always synced. The caller holds
 * the store's lock: LMDB may not be opened twice in one process.
 */
struct sr_index_options {
	const char *path;
	const uint8_t *store;  /* SR_UUID bytes */
	sr_index_fatal *fatal; /* never NULL */
	void *fatal_context;
};
enum sr_code sr_index_open(const struct sr_index_options *options, struct sr_index **out,
			   struct sr_error *err) SR_MUST_USE;

/* Finish every submitted operation, also those submitted by `done`; stop the thread, release. No view may be open. NULL
 * is allowed. */
void sr_index_close(struct sr_index *index);

/*
 * A consistent view for reading: what was committed when it began, whatever is committed after. On any thread, by one
 * thread at a time. Must end within 1,000 rows or 20 ms, because it keeps the pages it sees from being used again.
 * SR_BUSY: more views are open than the index has places for; SR_INTERNAL when memory is used up; SR_CORRUPT, SR_IO
 * from LMDB; *out (out) is then NULL. Ended views
 * are kept and renewed, so that beginning one rarely allocates. Ending NULL is allowed.
 */
struct sr_view;
enum sr_code sr_view_begin(struct sr_index *index, struct sr_view **out, struct sr_error *err) SR_MUST_USE;
void sr_view_end(struct sr_view *view);

/* How many point reads and cursor steps a view has made since it began, those that found nothing counted as well. */
uint64_t sr_view_reads(const struct sr_view *view);

/*
 * The value of a key: SR_OK and a span into the map, valid until the view ends; SR_NOT_FOUND; SR_IO or SR_CORRUPT
 * from LMDB. *value (out) is empty unless SR_OK.
 */
enum sr_code sr_view_get(struct sr_view *view, const struct sr_index_key *key, struct sr_span *value) SR_MUST_USE;

/*
 * Walk a table in key order from the first key at or after `from`, over keys that begin with the first
 * `prefix_size` bytes of `from`; a `from` of size 0 begins at the table's first key. `visit` returns true to go on, and
 * may read from the same view and walk it. Spans are valid until the view ends. SR_OK also when nothing is there;
 * SR_INTERNAL, with nothing visited, if the prefix is longer than `from`; SR_IO or SR_CORRUPT from LMDB, the latter
 * also at a key that is empty, longer than SR_INDEX_KEY_MAX or not behind the one before it, as in damaged pages.
 */
typedef bool sr_visit(void *context, struct sr_span key, struct sr_span value);
enum sr_code sr_view_walk(struct sr_view *view, const struct sr_index_key *from, size_t prefix_size, sr_visit *visit,
			  void *context) SR_MUST_USE;

/* What an operation demands before it writes. A check never writes anything itself. */
enum sr_check_kind {
	SR_CHECK_ABSENT,          /* no such key */
	SR_CHECK_EQUALS,          /* the value is exactly `value` */
	SR_CHECK_SUFFIX,          /* the value ends in `value`: a row's HMAC names one exact row */
	SR_CHECK_ABSENT_OR_EQUALS /* put if absent: if the same value is there, the operation's put of this key is left
				     out */
};

/*
 * One operation: all its checks, then all its writes, of one patient. Keys and values are copied by sr_op_*; the
 * operation belongs to the index from sr_index_submit on, which frees it after `done`. `done` is called once, on the
 * index thread, after the batch is durable (or the check failed): `result` SR_OK, or SR_CONFLICT with `failed_check`
 * its number, counted from 0. `done` may submit others; it must not wait for them.
 */
struct sr_op;
typedef void sr_op_done(void *context, enum sr_code result, size_t failed_check);

/* NULL when memory is used up. Released with sr_op_free by the caller, but only if it is never submitted. */
struct sr_op *sr_op_new(void) SR_MUST_USE;
void sr_op_free(struct sr_op *op);

/*
 * Add a check, a put, or the removal of a key that may be absent; keys and values (in) are copied. `value` may be NULL
 * if `size` is 0. False when memory is used up, the key has size 0, or the value is above SR_INDEX_VALUE_MAX bytes: the
 * operation can then only be freed.
 */
bool sr_op_check(struct sr_op *op, enum sr_check_kind kind, const struct sr_index_key *key, const void *value,
		 size_t size) SR_MUST_USE;
bool sr_op_put(struct sr_op *op, const struct sr_index_key *key, const void *value, size_t size) SR_MUST_USE;
bool sr_op_erase(struct sr_op *op, const struct sr_index_key *key) SR_MUST_USE;

/*
 * Hand an operation over; the index frees it after `done`. Never blocks on I/O, never fails. Operations run in the
 * order submitted, see earlier ones, and share commits; `done` calls come in the same order. Any thread.
 */
void sr_index_submit(struct sr_index *index, struct sr_op *op, sr_op_done *done, void *context);

/*
 * The same for an operation that can wait a little, so that those of many are one commit: its batch begins 20 ms after
 * the one before at the earliest, unless another, which cannot, is submitted meanwhile.
 */
void sr_index_submit_soon(struct sr_index *index, struct sr_op *op, sr_op_done *done, void *context);

/*
 * Hand `count` operations over at once, in their order: they share one commit, unless the index thread is at another
 * and then more. `done` is called for each with its own context. NULL operations are left out. Else as sr_index_submit.
 */
struct sr_submission {
	struct sr_op *op;
	void *context;
};
void sr_index_submit_all(struct sr_index *index, const struct sr_submission *list, size_t count, sr_op_done *done);

/*
 * Submit and wait: for start-up, tools and jobs of a pool, never on the event loop nor the index thread. SR_OK,
 * SR_CONFLICT, or SR_IO after `fatal` was called. `failed_check` (out) may be NULL.
 */
enum sr_code sr_index_run(struct sr_index *index, struct sr_op *op, size_t *failed_check) SR_MUST_USE;

/* Counters since open. Those of a batch are there when its first `done` is called. Any thread. */
struct sr_index_stats {
	uint64_t commits;    /* of batches that wrote something */
	uint64_t operations; /* answered, conflicts among them */
	uint64_t conflicts;
};
void sr_index_stats(struct sr_index *index, struct sr_index_stats *out);

#endif
