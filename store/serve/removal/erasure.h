/*
 * Erasing a patient: the row becomes doomed, a line goes to the ledger, salt and name go, then recording by recording
 * the rest. Blocking: for the pool and threads of one's own.
 */
#ifndef SR_ERASURE_H
#define SR_ERASURE_H

#include "serve/removal/removal.h"

/*
 * Let the patient of `tag` be doomed at `now_ms`: from here on nothing of theirs is served or recorded, and it is
 * finished whatever happens. SR_NOT_FOUND: there is none; SR_CONFLICT: on hold, or being renamed; being erased already
 * is SR_OK; SR_CORRUPT, SR_UNAVAILABLE, SR_IO, SR_INTERNAL. `mark` (NULL: nothing) may add to the operation that does
 * it.
 */
typedef bool sr_erasure_mark(void *context, struct sr_op *op);
enum sr_code sr_erasure_begin(struct sr_remover *remover, const uint8_t tag[SR_TAG], uint64_t now_ms,
			      sr_erasure_mark *mark, void *context, struct sr_error *err) SR_MUST_USE;

/*
 * The part that makes it true, from wherever it stands: the line in the ledger; then at once the salt of the patient's
 * key and the `people` row go, and what is known of the erasure is put, with `epoch` as the current one. SR_CONFLICT: a
 * recording is on hold, is to be kept, or is being moved: the patient is as before. Nothing happens for a patient who
 * is not doomed, or had this already.
 */
enum sr_code sr_erasure_strip(struct sr_remover *remover, const uint8_t tag[SR_TAG], uint32_t epoch,
			      struct sr_error *err) SR_MUST_USE;

/*
 * The rest: every recording of theirs with its files, one by one while `goes_on` (NULL: always) allows, and at last the
 * patient's row. Recordings that are another patient's by their hint are left. SR_BUSY: told to stop.
 */
enum sr_code sr_erasure_finish(struct sr_remover *remover, const uint8_t tag[SR_TAG], bool (*goes_on)(void *context),
			       void *context, struct sr_error *err) SR_MUST_USE;

/* How the last erasure of a tag stands. */
struct sr_erasure_state {
	bool there;   /* there was one, or one has begun */
	bool pending; /* rows or files of it are still to go */
	struct sr_erased erased;
	uint32_t waiting; /* recordings, and one for the patient's own row, which goes last */
	bool returned;    /* a patient of this tag is there again */
};
enum sr_code sr_erasure_look(struct sr_remover *remover, const uint8_t tag[SR_TAG], struct sr_erasure_state *state,
			     struct sr_error *err) SR_MUST_USE;

#endif
