/*
 * A recording's move, cut off after any of its operations: at every moment it is under exactly one patient, with the
 * same key beneath, and a start makes up for what is left to do.
 */
#include "keys/derive.h"
#include "keys/opening.h"
#include "serve/accounting/account_request.h"
#include "serve/patients/moving.h"
#include "serve/play/lookup.h"
#include "serve_fixture.h"

#define STEPS 5 /* begin, copy, bury, settle, forget */
#define TRACKS 2

static const char alice[] = "urn:ward|alice", bob[] = "urn:ward|bob";
static const uint8_t consultation[SR_TAG] = {0xc0, 1};
static struct sr_move move;
static struct sr_grant grants[2]; /* of alice and of bob */
static uint8_t patient_mac[SR_ROW_MAC];
static uint8_t bobs_key[SR_KEY], alices_key[SR_KEY];
static struct sr_recording_row source; /* as it is before the move */

static void run(struct sr_op *op)
{
	cr_assert_not_null(op);
	cr_assert_eq(sr_index_run(store.index, op, NULL), SR_OK);
}

static void put_bytes(struct sr_index_key key, const void *bytes, size_t size)
{
	struct sr_op *op = new_op();

	cr_assert(sr_op_put(op, &key, bytes, size));
	run(op);
}

/* A patient's row; their tag, key, and a grant that proves them. */
static void make_patient(const char *identity, int which, uint8_t patient_tag[SR_TAG], uint8_t key[SR_KEY])
{
	struct sr_patient_row row = {.life = SR_LIFE_LIVE, .root = sr_keyring_root(store.keyring), .created_ms = 1};
	const uint8_t *bytes = (const uint8_t *)identity;
	uint8_t out[SR_ROW_MAX];

	row.salt[0] = (uint8_t)(which + 1);
	sr_patient_tag(store.keyring, bytes, strlen(identity), patient_tag, NULL);
	cr_assert_eq(sr_patient_key(store.keyring, row.root, row.salt, bytes, strlen(identity), key, NULL), SR_OK);
	size_t size = sr_patient_row_encode(store.keyring, patient_tag, &row, out);
	memcpy(patient_mac, out + size - SR_ROW_MAC, SR_ROW_MAC);
	put_bytes(sr_key_patient(patient_tag), out, size);
	memcpy(grants[which].identity, bytes, strlen(identity));
	grants[which].identity_size = strlen(identity);
}

static struct sr_recording_row finished_row(void)
{
	struct sr_recording_row row = {.life = SR_LIFE_LIVE,
				       .writing = SR_WRITING_FINISHED,
				       .wrap_revision = 1,
				       .writer_revision = 4,
				       .life_revision = 1,
				       .opened_ms = 1000,
				       .finished_ms = 2000,
				       .retain_until_ms = 9000,
				       .held = true,
				       .tracks = TRACKS};
	struct sr_epoch_hold hold;

	sr_epoch_book_hold(store.epochs, &hold);
	row.epoch = hold.current;
	memcpy(row.consultation, consultation, SR_TAG);
	cr_assert_eq(sr_dek_wrap(store.keyring, alices_key, recording, dek, row.epoch, row.wrap), SR_OK);
	cr_assert_eq(sr_label_seal(dek, recording, (struct sr_span){(const uint8_t *)"words", 5}, &row), SR_OK);
	return row;
}

static void put_recording(const uint8_t under[SR_TAG], const struct sr_recording_row *row)
{
	uint8_t out[SR_ROW_MAX];
	size_t size = sr_recording_row_encode(store.keyring, recording, row, out);

	put_bytes(sr_key_recording(under, recording), out, size);
}

static void set_up(void)
{
	struct sr_track_row track;
	uint8_t out[SR_ROW_MAX];

	cr_assert_geq(sodium_init(), 0);
	store_make();
	cr_assert_eq(sr_epoch_book_open(store.keyring, store.index, 1, &store.epochs, &failure), SR_OK, "%s",
		     failure.text);
	store.decoy_size = sr_row_decoy(store.keyring, store.decoy_id, store.decoy);
	memset(&move, 0, sizeof move);
	memset(grants, 0, sizeof grants);
	memcpy(move.recording, recording, SR_UUID);
	make_patient(alice, 0, move.from, alices_key);
	make_patient(bob, 1, move.to, bobs_key);
	source = finished_row();
	put_recording(move.from, &source);
	for (uint16_t number = 1; number <= TRACKS; number++) {
		track = fresh_row();
		track.track = number;
		put_bytes(sr_key_track(move.from, recording, number), out,
			  sr_track_row_encode(store.keyring, recording, &track, out));
	}
	put_bytes(sr_key_hint(recording), move.from, SR_TAG);
	put_bytes(sr_key_consultation(consultation), move.from, SR_TAG);
}

static void tear_down(void)
{
	sr_epoch_book_free(store.epochs);
	store_remove();
}

TestSuite(move, .init = set_up, .fini = tear_down);

static enum sr_code wrap_for_bob(void *context, struct sr_view *view, const struct sr_move *moving,
				 const struct sr_move_rows *rows, struct sr_move_wrap *wrap)
{
	(void)context, (void)view, (void)moving, (void)rows;
	wrap->patient_mac = patient_mac;
	sr_epoch_book_hold(store.epochs, &wrap->hold);
	return sr_dek_wrap(store.keyring, bobs_key, recording, dek, wrap->hold.current, wrap->wrap);
}

static void read_rows(struct sr_view *view, struct sr_move_rows *rows)
{
	cr_assert_eq(sr_move_read(store.keyring, view, &move, rows), SR_OK);
}

/* The next operation, as the daemon would run it. */
static enum sr_move_step step_on(void)
{
	struct sr_move_rows rows;
	struct sr_move_wrap wrap;
	struct sr_view *view = view_of(store.index);

	read_rows(view, &rows);
	enum sr_move_step step = sr_move_next(rows.source, rows.target);
	if (step == SR_MOVE_COPY) {
		cr_assert_eq(wrap_for_bob(NULL, view, &move, &rows, &wrap), SR_OK);
		run(sr_move_copy(store.keyring, view, &move, &rows, &wrap));
	} else {
		run(sr_move_op(store.keyring, &move, step, &rows, 5000));
	}
	sr_view_end(view);
	return step;
}

/* The first `count` operations of a move. */
static void advance(int count)
{
	if (count > 0)
		run(sr_move_begin(store.keyring, &move));
	for (int done = 1; done < count; done++)
		(void)step_on();
}

/* Does the daemon's own lookup find the recording for this patient, with its key, at the usual cost? */
static bool found_by(int which)
{
	struct sr_patient patient;
	struct sr_found found;
	struct sr_view *view = view_of(store.index);

	request.error.code = SR_OK;
	request.grant = &grants[which];
	memcpy(request.tag, which ? move.to : move.from, SR_TAG);
	memset(&request.work, 0, sizeof request.work);
	cr_assert_eq(sr_patient_find(&request, view, &patient), SR_OK);
	enum sr_code code = sr_recording_find(&request, view, &patient, recording, SR_EVENT_KINDS, &found);
	cr_assert(code == SR_OK || code == SR_NOT_FOUND, "%s", request.error.text);
	cr_expect_eq(sr_view_reads(view), 4, "%llu reads", (unsigned long long)sr_view_reads(view));
	cr_expect_eq(request.work.opens, code == SR_OK || found.doomed ? 2 : 1);
	sr_view_end(view);
	sr_account_end(&request);
	if (code == SR_OK) {
		cr_expect_arr_eq(found.dek, dek, SR_KEY);
		cr_expect_eq(found.row.life, SR_LIFE_LIVE);
		cr_expect(found.row.held && found.row.retain_until_ms == 9000);
	}
	return code == SR_OK;
}

static bool has_key(struct sr_index_key key, const void *value, size_t size)
{
	struct sr_view *view = view_of(store.index);
	struct sr_span found;
	bool there = sr_view_get(view, &key, &found) == SR_OK &&
		     (!value || (found.size == size && memcmp(found.data, value, size) == 0));

	sr_view_end(view);
	return there;
}

static struct sr_index_key journal_key(void)
{
	char name[SR_MOVE_NAME];

	sr_move_name(recording, name);
	return sr_key_control(name);
}

static int told_finished, told_undone;

static void tell(void *context, const struct sr_move *of, bool moved)
{
	(void)context;
	cr_expect_arr_eq(of->recording, recording, SR_UUID);
	told_finished += moved;
	told_undone += !moved;
}

static enum sr_code start_again(void)
{
	struct sr_moving_recovery recovery = {
		.index = store.index, .keyring = store.keyring, .now_ms = 6000, .told = tell};

	told_finished = told_undone = 0;
	return sr_moving_recover(&recovery, &failure);
}

Test(move, the_table_of_steps)
{
	static const enum sr_move_step expected[SR_TARGETS][SR_SOURCES] = {
		[SR_TARGET_NONE] = {SR_MOVE_FORGET, SR_MOVE_COPY, SR_MOVE_FORGET, SR_MOVE_FORGET},
		[SR_TARGET_MOVING] = {SR_MOVE_UNDO, SR_MOVE_BURY, SR_MOVE_UNDO, SR_MOVE_SETTLE},
		[SR_TARGET_UNLED] = {SR_MOVE_FORGET, SR_MOVE_FORGET, SR_MOVE_FORGET, SR_MOVE_SETTLE},
		[SR_TARGET_HOME] = {SR_MOVE_FORGET, SR_MOVE_FORGET, SR_MOVE_FORGET, SR_MOVE_FORGET},
	};

	for (int target = 0; target < SR_TARGETS; target++) {
		for (int from = 0; from < SR_SOURCES; from++)
			cr_expect_eq(sr_move_next((enum sr_move_source)from, (enum sr_move_target)target),
				     expected[target][from], "source %d, target %d", from, target);
	}
}

Test(move, after_any_prefix_of_its_operations_it_is_found_by_exactly_one)
{
	static const int owner[STEPS + 1] = {0, 0, 0, 1, 1, 1};

	for (int count = 0; count <= STEPS; count++) {
		if (count > 0) {
			tear_down();
			memcpy(directory, "/tmp/sealreel-index-XXXXXX", sizeof directory);
			set_up();
		}
		advance(count);
		cr_expect_eq(found_by(0), owner[count] == 0, "alice after %d", count);
		cr_expect_eq(found_by(1), owner[count] == 1, "bob after %d", count);

		/* And a start takes it to one end or the other, without any identity. */
		cr_assert_eq(start_again(), SR_OK, "%s", failure.text);
		bool bobs = count >= 2;
		cr_expect_eq(told_finished, count >= 2 && count < STEPS, "after %d", count);
		cr_expect_eq(told_undone, count == 1);
		cr_expect_eq(found_by(0), !bobs, "alice after %d and a start", count);
		cr_expect_eq(found_by(1), bobs, "bob after %d and a start", count);
		cr_expect(!has_key(journal_key(), NULL, 0));
		cr_expect(has_key(sr_key_hint(recording), bobs ? move.to : move.from, SR_TAG));
		cr_expect(has_key(sr_key_consultation(consultation), bobs ? move.to : move.from, SR_TAG));
		for (uint16_t number = 1; number <= TRACKS; number++) {
			cr_expect_eq(has_key(sr_key_track(move.from, recording, number), NULL, 0), !bobs);
			cr_expect_eq(has_key(sr_key_track(move.to, recording, number), NULL, 0), bobs);
		}
		cr_assert_eq(start_again(), SR_OK);
		cr_expect_eq(told_finished + told_undone, 0);
	}
}

Test(move, a_tombstone_has_nothing_that_opens)
{
	struct sr_recording_row row;
	struct sr_index_key key = sr_key_recording(move.from, recording);
	struct sr_span value;
	struct sr_view *view;

	advance(STEPS);
	view = view_of(store.index);
	cr_assert_eq(sr_view_get(view, &key, &value), SR_OK);
	cr_assert_eq(sr_recording_row_decode(store.keyring, recording, value, &row), SR_OK);
	sr_view_end(view);
	cr_expect_eq(row.life, SR_LIFE_TOMBSTONE);
	cr_expect_arr_eq(row.other, move.to, SR_TAG);
	cr_expect(sodium_is_zero(row.wrap, SR_WRAP) && row.epoch == SR_EPOCH_NONE);
	cr_expect(row.label_size == 0 && row.tracks == 0 && sodium_is_zero(row.consultation, SR_TAG));
	cr_expect_eq(row.doomed_ms, 5000);
}

/* What may befall the source between its copy and its burial. */
Test(move, a_copy_of_what_has_changed_since_is_taken_away_again)
{
	struct sr_recording_row row = source;

	advance(2);
	row.held = false;
	put_recording(move.from, &row);
	cr_expect_eq(step_on(), SR_MOVE_UNDO);
	cr_expect(!has_key(sr_key_recording(move.to, recording), NULL, 0));
	cr_expect(!has_key(sr_key_track(move.to, recording, 1), NULL, 0));
	cr_expect(has_key(sr_key_track(move.from, recording, 1), NULL, 0));
	cr_expect(has_key(sr_key_hint(recording), move.from, SR_TAG));
	cr_assert_eq(start_again(), SR_OK);
	cr_expect(told_undone == 1 && told_finished == 0);
}

Test(move, a_copy_of_what_was_deleted_since_is_taken_away_again)
{
	struct sr_recording_row row = source;

	advance(2);
	row.life = SR_LIFE_DOOMED;
	put_recording(move.from, &row);
	cr_assert_eq(start_again(), SR_OK);
	cr_expect(told_undone == 1 && told_finished == 0);
	cr_expect(!has_key(sr_key_recording(move.to, recording), NULL, 0));
	cr_expect(!found_by(0) && !found_by(1));
}

Test(move, a_wrap_that_rotation_changed_on_the_way_stops_nothing)
{
	struct sr_recording_row row = source;

	advance(2);
	row.wrap_revision++;
	cr_assert_eq(sr_dek_wrap(store.keyring, alices_key, recording, dek, row.epoch, row.wrap), SR_OK);
	put_recording(move.from, &row);
	cr_assert_eq(start_again(), SR_OK);
	cr_expect_eq(told_finished, 1);
	cr_expect(found_by(1) && !found_by(0));
}

Test(move, there_and_back_again)
{
	advance(STEPS);
	uint8_t swap[SR_TAG];
	memcpy(swap, move.from, SR_TAG);
	memcpy(move.from, move.to, SR_TAG);
	memcpy(move.to, swap, SR_TAG);
	memcpy(swap, bobs_key, SR_KEY);
	memcpy(bobs_key, alices_key, SR_KEY);
	struct sr_grant grant = grants[0];
	grants[0] = grants[1];
	grants[1] = grant;
	struct sr_index_key key = sr_key_patient(move.to);
	struct sr_view *view = view_of(store.index);
	struct sr_span value;
	cr_assert_eq(sr_view_get(view, &key, &value), SR_OK);
	memcpy(patient_mac, value.data + value.size - SR_ROW_MAC, SR_ROW_MAC);
	sr_view_end(view);
	for (int count = 1; count <= STEPS; count++) {
		if (count == 1)
			run(sr_move_begin(store.keyring, &move));
		else
			(void)step_on();
		cr_expect_eq(found_by(0), count < 3, "after %d", count);
		cr_expect_eq(found_by(1), count >= 3, "after %d", count);
	}
}

Test(move, a_journal_row_verifies_to_every_bit_and_no_other_stops_for_a_damaged_one)
{
	uint8_t bytes[SR_ROW_MAX];
	size_t size = sr_move_row_seal(store.keyring, &move, bytes);
	struct sr_move again;

	cr_assert_eq(sr_move_row_open(store.keyring, recording, (struct sr_span){bytes, size}, &again), SR_OK);
	cr_expect_arr_eq((uint8_t *)&again, (uint8_t *)&move, sizeof move);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_eq(sr_move_row_open(store.keyring, recording, (struct sr_span){bytes, size}, &again),
			     SR_CORRUPT, "bit %zu", bit);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < size; cut++)
		cr_expect_eq(sr_move_row_open(store.keyring, recording, (struct sr_span){bytes, cut}, &again),
			     SR_CORRUPT);

	advance(3);
	put_bytes(sr_key_control("move/00000000000000000000000000000000"), bytes, size);
	put_bytes(sr_key_control("move/zz"), bytes, size);
	cr_expect_eq(start_again(), SR_CORRUPT);
	cr_expect_eq(told_finished, 1);
	cr_expect(found_by(1) && !found_by(0));
}
