/*
 * One copy of the epochs' control row, replaced under a lock when a change of it is durable.
 */
#include "serve/epochs/epochs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct sr_epoch_book {
	struct sr_keyring *keyring;
	struct sr_index *index;
	pthread_mutex_t change; /* of whoever changes the row: one at a time; and of the next */
	bool in_doubt;          /* a key may have left the keyring's file, and not its memory */
	pthread_mutex_t lock;   /* of the two below */
	struct sr_epochs epochs;
	uint8_t mac[SR_ROW_MAC];
};

/* The row in the index, or zeros when there is none. */
static enum sr_code read_row(struct sr_epoch_book *book, struct sr_error *err)
{
	struct sr_index_key key = sr_key_control(SR_EPOCHS_ROW_NAME);
	struct sr_view *view;
	struct sr_span value;
	enum sr_code code = sr_view_begin(book->index, &view, err);

	if (code != SR_OK)
		return code;
	code = sr_view_get(view, &key, &value);
	if (code == SR_OK) {
		code = sr_epochs_row_open(book->keyring, value, &book->epochs);
		if (code == SR_OK)
			memcpy(book->mac, value.data + value.size - SR_ROW_MAC, SR_ROW_MAC);
		else
			SR_FAIL(err, code, "the control row of the epochs does not verify, or is of a later version");
	} else if (code == SR_NOT_FOUND) {
		code = SR_OK;
	} else {
		SR_FAIL(err, code, "the epochs cannot be read from the index");
	}
	sr_view_end(view);
	return code;
}

/* Put the row in the place of the one that is known, and know it. The caller holds `change`. */
static enum sr_code write_row(struct sr_epoch_book *book, const struct sr_epochs *epochs,
			      const struct sr_epoch_also *also, struct sr_error *err)
{
	struct sr_index_key key = sr_key_control(SR_EPOCHS_ROW_NAME);
	bool is_new = book->epochs.revision == 0;
	uint8_t row[SR_ROW_MAX];
	size_t size = sr_epochs_row_seal(book->keyring, epochs, row);
	struct sr_op *op = sr_op_new();
	enum sr_code code;

	if (op == NULL ||
	    !sr_op_check(op, is_new ? SR_CHECK_ABSENT : SR_CHECK_SUFFIX, &key, book->mac, is_new ? 0 : SR_ROW_MAC) ||
	    !sr_op_put(op, &key, row, size) || (also != NULL && !also->add(also->context, op))) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(err);
	}
	code = sr_index_run(book->index, op, NULL);
	if (code != SR_OK)
		return SR_FAIL(err, code, "the control row of the epochs cannot be written");
	pthread_mutex_lock(&book->lock);
	book->epochs = *epochs;
	memcpy(book->mac, row + size - SR_ROW_MAC, SR_ROW_MAC);
	pthread_mutex_unlock(&book->lock);
	return SR_OK;
}

/* Bring the row up to the keyring. The caller holds `change`, or is alone. */
static enum sr_code settle(struct sr_epoch_book *book, uint64_t now_ms, const struct sr_epoch_also *also,
			   struct sr_error *err)
{
	struct sr_epochs *epochs = malloc(sizeof *epochs);
	bool changed;
	enum sr_code code;

	if (epochs == NULL)
		return SR_FAIL_MEMORY(err);
	*epochs = book->epochs;
	code = sr_epochs_settle(epochs, book->keyring, now_ms, &changed, err);
	if (code == SR_OK && changed)
		code = write_row(book, epochs, also, err);
	free(epochs);
	return code;
}

enum sr_code sr_epoch_book_open(struct sr_keyring *keyring, struct sr_index *index, uint64_t now_ms,
				struct sr_epoch_book **out, struct sr_error *err)
{
	struct sr_epoch_book *book = calloc(1, sizeof *book);
	enum sr_code code;

	*out = NULL;
	if (book == NULL)
		return SR_FAIL_MEMORY(err);
	book->keyring = keyring;
	book->index = index;
	if (pthread_mutex_init(&book->change, NULL) != 0 || pthread_mutex_init(&book->lock, NULL) != 0) {
		free(book);
		return SR_FAIL(err, SR_INTERNAL, "no lock can be made");
	}
	code = read_row(book, err);
	if (code == SR_OK)
		code = settle(book, now_ms, NULL, err);
	if (code == SR_OK)
		*out = book;
	else
		sr_epoch_book_free(book);
	return code;
}

void sr_epoch_book_free(struct sr_epoch_book *book)
{
	if (book == NULL)
		return;
	pthread_mutex_destroy(&book->lock);
	pthread_mutex_destroy(&book->change);
	free(book);
}

void sr_epoch_book_copy(struct sr_epoch_book *book, struct sr_epochs *out)
{
	pthread_mutex_lock(&book->lock);
	*out = book->epochs;
	pthread_mutex_unlock(&book->lock);
}

void sr_epoch_book_hold(struct sr_epoch_book *book, struct sr_epoch_hold *out)
{
	pthread_mutex_lock(&book->lock);
	out->current = sr_epochs_current(&book->epochs);
	memcpy(out->mac, book->mac, SR_ROW_MAC);
	pthread_mutex_unlock(&book->lock);
}

bool sr_epoch_guard(struct sr_op *op, const struct sr_epoch_hold *hold)
{
	struct sr_index_key key = sr_key_control(SR_EPOCHS_ROW_NAME);

	return sr_op_check(op, SR_CHECK_SUFFIX, &key, hold->mac, SR_ROW_MAC);
}

/* ---- changes ---- */

enum sr_code sr_epoch_book_step(struct sr_epoch_book *book, uint32_t number, enum sr_epoch_event event, uint64_t now_ms,
				struct sr_error *err)
{
	struct sr_epochs *epochs = malloc(sizeof *epochs);
	enum sr_code code;

	if (epochs == NULL)
		return SR_FAIL_MEMORY(err);
	pthread_mutex_lock(&book->change);
	*epochs = book->epochs;
	code = sr_epochs_step(epochs, number, event, now_ms, err);
	if (code == SR_OK && event == SR_EPOCH_REOPEN && book->in_doubt)
		code = SR_FAIL(err, SR_CONFLICT, "epoch %u: its key may be gone from the keyring's file", number);
	if (code == SR_OK)
		code = write_row(book, epochs, NULL, err);
	pthread_mutex_unlock(&book->change);
	free(epochs);
	return code;
}

enum sr_code sr_epoch_book_back(struct sr_epoch_book *book, uint32_t number, uint64_t now_ms, struct sr_error *err)
{
	struct sr_epochs *epochs = malloc(sizeof *epochs);
	enum sr_code code = SR_OK;

	if (epochs == NULL)
		return SR_FAIL_MEMORY(err);
	pthread_mutex_lock(&book->change);
	*epochs = book->epochs;
	if (!sr_epochs_takes_wraps(epochs, number))
		code = SR_FAIL(err, SR_CONFLICT, "epoch %u takes no new wraps", number);
	for (size_t at = 0; code == SR_OK && at < epochs->count; at++)
		if (epochs->list[at].number == number)
			epochs->list[at].back_ms = now_ms;
	epochs->revision++;
	if (code == SR_OK)
		code = write_row(book, epochs, NULL, err);
	pthread_mutex_unlock(&book->change);
	free(epochs);
	return code;
}

enum sr_code sr_epoch_book_new(struct sr_epoch_book *book, uint64_t now_ms, const struct sr_epoch_also *also,
			       uint32_t *number, struct sr_error *err)
{
	enum sr_code code;

	pthread_mutex_lock(&book->change);
	/* The row follows an epoch that an earlier attempt has left in the keyring; the one made here is yet another.
	 */
	code = settle(book, now_ms, NULL, err);
	if (code == SR_OK)
		code = sr_keyring_epoch_add(book->keyring, number, err);
	if (code == SR_OK)
		code = settle(book, now_ms, also, err);
	pthread_mutex_unlock(&book->change);
	return code;
}

enum sr_code sr_epoch_book_retire(struct sr_epoch_book *book, uint32_t number, uint64_t keep_until_ms, uint64_t now_ms,
				  const struct sr_epoch_also *also, struct sr_error *err)
{
	const struct sr_epoch_row *epoch;
	enum sr_code code = SR_OK;

	pthread_mutex_lock(&book->change);
	epoch = sr_epochs_find(&book->epochs, number);
	if (epoch == NULL || epoch->state != SR_EPOCH_CLOSING)
		code = SR_FAIL(err, SR_CONFLICT, "epoch %u is not closing", number);
	if (code == SR_OK)
		code = sr_keyring_epoch_retire(book->keyring, number, keep_until_ms, err);
	book->in_doubt = book->in_doubt || code == SR_IO || code == SR_NO_SPACE;
	if (code == SR_OK)
		code = settle(book, now_ms, also, err);
	pthread_mutex_unlock(&book->change);
	return code;
}
