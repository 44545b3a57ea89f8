/*
 * Views: opened, and read from any entry.
 */
#include "account/view.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "account/audit_internal.h"
#include "checkpoint.h"

static enum sr_code unreadable(const char *what, struct sr_error *err)
{
	return SR_FAIL(err, errno == ENOENT ? SR_CORRUPT : SR_IO, "%s of the audit log cannot be read: %s", what,
		       strerrordesc_np(errno));
}

enum sr_code sr_audit_checkpoint_load(int dir, char text[SR_CHECKPOINT_MAX], struct sr_error *err)
{
	int fd = openat(dir, "checkpoint", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t got = fd >= 0 ? TEMP_FAILURE_RETRY(pread(fd, text, SR_CHECKPOINT_MAX - 1, 0)) : -1;
	enum sr_code code = got < 0 ? unreadable("the checkpoint", err) : SR_OK;
	text[got < 0 ? 0 : got] = '\0';
	if (fd >= 0)
		(void)close(fd);
	return code;
}

enum sr_code sr_audit_view_open(const char *directory, struct sr_audit_view *view, struct sr_error *err)
{
	struct sr_checkpoint claims;
	memset(view, 0, sizeof *view);
	sr_positions_init(&view->own);
	view->positions = &view->own;
	view->records = -1;
	view->dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (view->dir < 0) {
		enum sr_code why = errno == ENOENT ? SR_NOT_FOUND : SR_IO;
		(void)SR_FAIL(err, why, "no audit log in %s: %s", directory, strerrordesc_np(errno));
		sr_audit_view_close(view);
		return why;
	}
	enum sr_code code = sr_audit_checkpoint_load(view->dir, view->checkpoint, err);
	struct sr_span text = {(const uint8_t *)view->checkpoint, strlen(view->checkpoint)};
	if (code == SR_OK)
		code = sr_checkpoint_claims(text, &claims, err);
	view->size = code == SR_OK ? claims.size : 0;
	if (code == SR_OK) {
		view->records = openat(view->dir, SR_RECORDS_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (view->records < 0)
			code = unreadable("the record file", err);
	}
	if (code == SR_OK &&
	    (!sr_positions_load(&view->own, view->dir, SIZE_MAX) || !sr_positions_add(&view->own, 0, SR_RECORDS_FRONT)))
		code = SR_FAIL_MEMORY(err);
	if (code != SR_OK)
		sr_audit_view_close(view);
	return code;
}

enum sr_code sr_audit_view_live(struct sr_audit *audit, struct sr_audit_view *view, struct sr_error *err)
{
	memset(view, 0, sizeof *view);
	view->positions = &audit->positions;
	view->live = audit;
	view->dir = dup(audit->dir);
	view->records = view->dir < 0 ? -1 : dup(audit->fd);
	pthread_mutex_lock(&audit->lock);
	view->size = audit->size;
	memcpy(view->checkpoint, audit->checkpoint, sizeof view->checkpoint);
	pthread_mutex_unlock(&audit->lock);
	if (view->dir >= 0 && view->records >= 0)
		return SR_OK;
	enum sr_code code = SR_FAIL(err, SR_IO, "no descriptor to read the audit log with: %s", strerrordesc_np(errno));
	sr_audit_view_close(view);
	return code;
}

void sr_audit_view_close(struct sr_audit_view *view)
{
	if (!view->positions)
		return;
	if (view->records >= 0)
		(void)close(view->records);
	if (view->dir >= 0)
		(void)close(view->dir);
	if (view->positions == &view->own)
		sr_positions_clear(&view->own);
	memset(view, 0, sizeof *view);
}

/* From the nearest position that leads to its record; one that does not is no hint, and an earlier one is tried. */
enum sr_code sr_audit_view_seek(const struct sr_audit_view *view, uint64_t number, struct sr_record_reader *reader,
				struct sr_error *err)
{
	struct sr_span json;
	uint64_t index = number / SR_POSITION_STEP, at = SR_RECORDS_FRONT, begin = 0;
	enum sr_code code;
	if (!sr_record_reader_begin(reader, view->records, 0, SR_RECORDS_FRONT))
		return SR_FAIL_MEMORY(err);
	for (;;) {
		if (index == 0 || !sr_positions_find(view->positions, index, &begin, &at)) {
			begin = 0;
			at = SR_RECORDS_FRONT;
		}
		sr_record_reader_move(reader, begin, at);
		code = number > begin ? sr_record_next(reader, &json, err) : sr_record_peek(reader, err);
		if (code == SR_OK || code == SR_IO || begin == 0)
			break;
		index = begin / SR_POSITION_STEP - 1;
	}
	while (code == SR_OK && reader->number < number)
		code = sr_record_next(reader, &json, err);
	return code == SR_NOT_FOUND ? SR_FAIL(err, SR_CORRUPT, "the audit log has no record %llu",
					      (unsigned long long)reader->number)
				    : code;
}

enum sr_code sr_audit_view_read(const struct sr_audit_view *view, uint64_t from, uint64_t to, sr_audit_visit *visit,
				void *context, struct sr_error *err)
{
	struct sr_record_reader reader = {.buffer = NULL};
	struct sr_span json;
	enum sr_code code = SR_OK;
	bool go_on = true;
	if (to > view->size)
		to = view->size;
	if (from >= to)
		return SR_OK;
	code = sr_audit_view_seek(view, from, &reader, err);
	while (code == SR_OK && go_on && reader.number < to) {
		code = sr_record_next(&reader, &json, err);
		if (code == SR_NOT_FOUND)
			code = SR_FAIL(err, SR_CORRUPT, "the audit log has no record %llu",
				       (unsigned long long)reader.number);
		if (code == SR_OK)
			go_on = visit(context, reader.number - 1, json);
	}
	sr_record_reader_end(&reader);
	return code;
}

enum sr_code sr_audit_read(struct sr_audit *audit, uint64_t from, sr_audit_visit *visit, void *context,
			   struct sr_error *err)
{
	struct sr_audit_view view;
	enum sr_code code = sr_audit_view_live(audit, &view, err);
	if (code == SR_OK)
		code = sr_audit_view_read(&view, from, view.size, visit, context, err);
	sr_audit_view_close(&view);
	return code;
}
