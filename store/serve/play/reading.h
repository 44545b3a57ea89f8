/*
 * A batch of a sealed read: which chunks of which segments cover a range, the keys that open just these segments, and
 * the file they come from.
 */
#ifndef SR_READING_H
#define SR_READING_H

#include "serve/play/ranges.h"
#include "serve/play/table.h"
#include "serve/session.h"

#define SR_BATCH_SEGMENTS 32
/*
 * Plaintext bytes of a batch, about. The first byte of a range waits until its first batch is in the page cache, and
 * other streams of the connection while one is queued: a large one is for who takes it at once.
 */
#define SR_BATCH_USUAL (4u << 20)
#define SR_BATCH_FAST (16u << 20)
#define SR_BATCH_AHEAD (256u << 10) /* before its turn: what a first look needs, so that the opening does not wait */

struct sr_batch;

/*
 * What a batch is made for. `from` to `end`: the plaintext bytes still to be sent; `most`: one of the sizes above. What
 * sr_reading_look has found goes to `look`, whose places are `places`. `ahead`: where its batch cannot be made, nobody
 * is told, because it will be asked for again, in its turn.
 */
struct sr_reading_job {
	struct sr_request *request;
	const uint8_t *recording;
	const uint8_t *dek;
	uint16_t track;
	uint64_t from, end;
	uint32_t most;
	bool ahead;
	struct sr_segment_place places[SR_BATCH_SEGMENTS + 1]; /* one more, for its time */
	struct sr_table_look look;
};

/* Find the next segments of the range. The job may not be moved or copied any more. Errors as sr_table_read. Pool. */
enum sr_code sr_reading_look(struct sr_reading_job *job) SR_MUST_USE;

/*
 * Derive the keys of the segments found, open the file and bring the bytes into the page cache. The batch goes to
 * request->work_result. Errors as sr_table_read, in request->error; of one that is made ahead none are left there.
 * Pool.
 */
enum sr_code sr_batch_make(struct sr_reading_job *job) SR_MUST_USE;

/*
 * Queue the batch's next body on the session, and before the first of a segment its key. False: it was the last, or
 * there was none. Step by step, because what is queued can be stopped no more. Loop.
 */
bool sr_batch_step(struct sr_batch *batch, struct sr_session *session, uint32_t stream, uint64_t request);

/* The plaintext bytes of the range that the whole batch covers. */
uint64_t sr_batch_covers(const struct sr_batch *batch);

/* True if nothing of the range is left after this batch. */
bool sr_batch_is_last(const struct sr_batch *batch);

/* The bytes of the range that it covers, with their media times; or of these what has been `queued`. */
struct sr_range sr_batch_range(const struct sr_batch *batch, bool queued);

/* Wipe the keys, close the file, free; NULL is allowed. */
void sr_batch_free(struct sr_batch *batch);

#endif
