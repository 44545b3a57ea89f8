/*
 * The index's life, its keys and their order, and what views see.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>

#include "index_fixture.h"

TestSuite(index, .init = make_directory, .fini = remove_directory);

Test(index, is_made_once_and_private)
{
	struct sr_error err = {0};
	struct stat found;

	cr_assert_eq(sr_index_create(path, store_id, &err), SR_OK, "%s", err.text);
	cr_assert_eq(stat(path, &found), 0);
	cr_assert_eq(found.st_mode & 07777, 0700);
	cr_assert_eq(sr_index_create(path, store_id, &err), SR_CONFLICT);
	(void)snprintf(path, sizeof path, "%s/none/index", directory);
	cr_assert_eq(sr_index_create(path, store_id, &err), SR_IO);
}

Test(index, that_cannot_be_made_durable_leaves_nothing)
{
	struct sr_error err = {0};
	struct stat found;

	atomic_store(&sync_errno, EIO);
	cr_assert_eq(sr_index_create(path, store_id, &err), SR_IO);
	atomic_store(&sync_errno, ENOSPC);
	cr_assert_eq(sr_index_create(path, store_id, &err), SR_NO_SPACE);
	cr_assert_eq(stat(path, &found), -1);
	atomic_store(&sync_errno, 0);
	sr_index_close(opened());
}

Test(index, is_not_begun_where_there_is_none)
{
	struct sr_index *index;
	struct sr_error err = {0};
	char file[80];

	cr_assert_eq(try_open(store_id, &index, &err), SR_IO);
	cr_assert_null(index);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(try_open(store_id, &index, &err), SR_IO);
	(void)snprintf(file, sizeof file, "%s/data.mdb", path);
	cr_assert_eq(access(file, F_OK), -1);
	cr_assert_eq(close(open(file, O_CREAT | O_WRONLY, 0600)), 0);
	cr_assert_eq(try_open(store_id, &index, &err), SR_CORRUPT);
	/* A page of anything. */
	int fd = open(file, O_WRONLY);
	char page[8192];
	memset(page, 'x', sizeof page);
	cr_assert_eq(write(fd, page, sizeof page), (ssize_t)sizeof page);
	cr_assert_eq(close(fd), 0);
	cr_assert_eq(try_open(store_id, &index, &err), SR_CORRUPT);
	cr_assert_null(index);
}

/* Write the meta row by hand; `size` 0 removes it. */
static void set_meta(const void *bytes, size_t size)
{
	MDB_val key = {.mv_size = 5, .mv_data = (char[]){"store"}};
	MDB_val value = {.mv_size = size, .mv_data = (void *)(uintptr_t)bytes};
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi meta;

	cr_assert_eq(mdb_env_create(&env), 0);
	cr_assert_eq(mdb_env_set_maxdbs(env, 4), 0);
	cr_assert_eq(mdb_env_open(env, path, 0, 0600), 0);
	cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	cr_assert_eq(mdb_dbi_open(txn, "meta", 0, &meta), 0);
	cr_assert_eq(size == 0 ? mdb_del(txn, meta, &key, NULL) : mdb_put(txn, meta, &key, &value, 0), 0);
	cr_assert_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

Test(index, of_another_store_or_format_is_refused)
{
	uint8_t meta[4 + SR_UUID + 1] = {0, 0, 0, 1};
	uint8_t other[SR_UUID] = {0};
	struct sr_index *index;
	struct sr_error err = {0};

	sr_index_close(opened());
	for (size_t i = 0; i < SR_UUID; i++) {
		memcpy(other, store_id, sizeof other);
		other[i] ^= 0x10;
		cr_assert_eq(try_open(other, &index, &err), SR_CONFLICT);
	}
	memcpy(meta + 4, store_id, SR_UUID);
	for (size_t size = 1; size <= sizeof meta; size++) {
		set_meta(meta, size);
		cr_assert_eq(try_open(store_id, &index, &err), size == 20 ? SR_OK : SR_CORRUPT, "size %zu", size);
		if (size == 20)
			sr_index_close(index);
	}
	meta[3] = 0;
	set_meta(meta, 20);
	cr_assert_eq(try_open(store_id, &index, &err), SR_CORRUPT);
	/* A newer one may have another shape altogether. */
	for (size_t size = 4; size <= sizeof meta; size++) {
		meta[3] = 2;
		set_meta(meta, size);
		cr_assert_eq(try_open(store_id, &index, &err), SR_UNAVAILABLE, "size %zu", size);
		cr_assert_null(index);
	}
	set_meta(NULL, 0);
	cr_assert_eq(try_open(store_id, &index, &err), SR_CORRUPT);
}

Test(index, keys_have_the_bytes_of_the_format)
{
	uint8_t tag[SR_INDEX_TAG], id[SR_UUID];
	struct sr_index_key key;

	memset(tag, 0xaa, sizeof tag);
	memset(id, 0xbb, sizeof id);
	key = sr_key_segment(tag, id, 0x0102, 0x03040506);
	cr_assert_eq(key.size, 54);
	cr_assert_eq(key.table, SR_TABLE_SEGMENTS);
	cr_assert_eq(memcmp(key.bytes, tag, 32), 0);
	cr_assert_eq(memcmp(key.bytes + 32, id, 16), 0);
	cr_assert_eq(memcmp(key.bytes + 48, "\1\2\3\4\5\6", 6), 0);
	key = sr_key_extent(id, 0x0102, 0x0304, 0x05060708);
	cr_assert_eq(key.size, 24);
	cr_assert_eq(memcmp(key.bytes + 16, "\1\2\3\4\5\6\7\10", 8), 0);
	key = sr_key_recording(tag, id);
	cr_assert_eq(key.size, 50);
	cr_assert_eq(memcmp(key.bytes + 48, "\0\0", 2), 0);
	key = sr_key_track(tag, id, 0x0102);
	cr_assert_eq(key.table, SR_TABLE_RECORDINGS);
	cr_assert_eq(memcmp(key.bytes + 48, "\1\2", 2), 0);
	cr_assert_eq(sr_key_patient(tag).size, 32);
	cr_assert_eq(sr_key_person(tag).table, SR_TABLE_PEOPLE);
	cr_assert_eq(sr_key_consultation(tag).table, SR_TABLE_CONSULTATIONS);
	cr_assert_eq(sr_key_hint(id).size, 16);
	cr_assert_eq(sr_key_meta("store").size, 5);
}

Test(index, no_name_is_cut_to_fit)
{
	char name[SR_INDEX_KEY_MAX + 2];
	struct sr_index *index = opened();
	struct sr_index_key key;
	struct sr_view *view;
	struct sr_span value;
	struct sr_op *op;

	for (size_t size = 0; size <= SR_INDEX_KEY_MAX + 1; size++) {
		bool fits = size > 0 && size <= SR_INDEX_KEY_MAX;

		memset(name, 'n', size);
		name[size] = '\0';
		key = sr_key_control(name);
		cr_assert_eq(key.size, fits ? size : 0);
		op = new_op();
		cr_assert_eq(sr_op_put(op, &key, "v", 1), fits);
		cr_assert_eq(sr_op_check(op, SR_CHECK_EQUALS, &key, "v", 1), fits);
		cr_assert_eq(sr_op_erase(op, &key), fits);
		sr_op_free(op);
	}
	view = view_of(index);
	cr_assert_eq(sr_view_get(view, &key, &value), SR_NOT_FOUND);
	sr_view_end(view);
	sr_index_close(index);
}

Test(index, values_go_up_to_the_most)
{
	static uint8_t big[SR_INDEX_VALUE_MAX + 1];
	struct sr_index *index = opened();
	struct sr_index_key key = sr_key_control("big"), empty = sr_key_control("empty");
	struct sr_op *op = new_op();
	struct sr_view *view;
	struct sr_span value;

	memset(big, 0x5a, sizeof big);
	cr_assert_not(sr_op_put(op, &key, big, sizeof big));
	sr_op_free(op);
	op = new_op();
	cr_assert(sr_op_put(op, &key, big, SR_INDEX_VALUE_MAX));
	cr_assert(sr_op_put(op, &empty, NULL, 0));
	cr_assert_eq(sr_index_run(index, op, NULL), SR_OK);
	view = view_of(index);
	cr_assert_eq(sr_view_get(view, &key, &value), SR_OK);
	cr_assert_eq(value.size, SR_INDEX_VALUE_MAX);
	cr_assert_eq(memcmp(value.data, big, value.size), 0);
	cr_assert_eq(sr_view_get(view, &empty, &value), SR_OK);
	cr_assert_eq(value.size, 0);
	sr_view_end(view);
	sr_index_close(index);
}

Test(index, keeps_across_a_close)
{
	struct sr_index *index = opened();

	put_now(index, "a", "1");
	put_now(index, "b", "2");
	sr_index_close(index);
	index = reopened();
	cr_assert(has(index, "a", "1"));
	cr_assert(has(index, "b", "2"));
	cr_assert(has(index, "c", NULL));
	sr_index_close(index);
	sr_index_close(NULL);
}

/* What a walk has visited, as the last byte of each key. */
struct walked {
	uint8_t keys[64];
	size_t count;
	size_t most;
	struct sr_view *view; /* walk again inside, if not NULL */
	size_t inner;
};

static bool count_visit(void *context, struct sr_span key, struct sr_span value)
{
	size_t *count = context;

	(void)key, (void)value;
	return ++*count < 1000;
}

static bool note_visit(void *context, struct sr_span key, struct sr_span value)
{
	struct walked *walked = context;
	struct sr_index_key all = {.table = SR_TABLE_RECORDINGS};

	cr_assert_eq(value.size, 1);
	walked->keys[walked->count++] = key.data[key.size - 1];
	if (walked->view != NULL)
		cr_assert_eq(sr_view_walk(walked->view, &all, 0, count_visit, &walked->inner), SR_OK);
	return walked->count < walked->most;
}

/* Two patients with two recordings of `tracks` tracks, put in from the last to the first. */
static void fill(struct sr_index *index, uint16_t tracks)
{
	struct sr_op *op = new_op();

	for (uint8_t tag = 2; tag-- > 0;)
		for (uint8_t id = 2; id-- > 0;)
			for (uint16_t track = tracks; track-- > 0;) {
				uint8_t tags[SR_INDEX_TAG] = {tag}, ids[SR_UUID] = {id};
				struct sr_index_key key = sr_key_track(tags, ids, track);

				cr_assert(sr_op_put(op, &key, "v", 1));
			}
	cr_assert_eq(sr_index_run(index, op, NULL), SR_OK);
}

Test(index, walks_in_order_and_only_under_the_prefix)
{
	static const uint8_t tag[SR_INDEX_TAG] = {0}, id[SR_UUID] = {1};
	static const struct {
		uint16_t from;
		size_t prefix, most, count;
	} cases[] = {
		{0, 48, 99, 5}, /* one recording */
		{3, 48, 99, 2}, /* the rest of it */
		{5, 48, 99, 0}, /* past its end, though other keys follow */
		{3, 32, 99, 2}, /* the rest of the patient: it is the last recording */
		{3, 0, 99, 12}, /* the rest of the table */
		{3, 50, 99, 1}, /* one key */
		{0, 48, 3, 3},  /* stopped by the visitor */
		{0, 48, 5, 5},  /* stopped at the last */
	};
	struct sr_index *index = opened();
	struct sr_view *view;

	fill(index, 5);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sr_index_key from = sr_key_track(tag, id, cases[i].from);
		struct walked walked = {.most = cases[i].most};

		view = view_of(index);
		cr_assert_eq(sr_view_walk(view, &from, cases[i].prefix, note_visit, &walked), SR_OK);
		cr_assert_eq(walked.count, cases[i].count, "case %zu: %zu", i, walked.count);
		for (size_t j = 0; j < walked.count; j++)
			cr_assert_eq(walked.keys[j], (cases[i].from + j) % 5);
		/* A walk that was not stopped has looked once more. */
		cr_assert_eq(sr_view_reads(view), walked.count + (walked.count < cases[i].most), "case %zu", i);
		sr_view_end(view);
	}
	sr_index_close(index);
}

Test(index, walks_whole_tables_and_inside_walks)
{
	struct sr_index_key all = {.table = SR_TABLE_RECORDINGS}, none = {.table = SR_TABLE_HINTS};
	struct sr_index *index = opened();
	struct sr_view *view;
	size_t count = 0;

	fill(index, 3);
	/* Twice, because the second time it is a renewed view with cursors of an earlier life. */
	for (int i = 0; i < 2; i++) {
		struct walked walked = {.most = 99};

		view = view_of(index);
		walked.view = view;
		cr_assert_eq(sr_view_reads(view), 0);
		cr_assert_eq(sr_view_walk(view, &all, 0, note_visit, &walked), SR_OK);
		cr_assert_eq(walked.count, 12);
		cr_assert_eq(walked.inner, 12 * 12);
		cr_assert_eq(sr_view_walk(view, &none, 0, count_visit, &count), SR_OK);
		cr_assert_eq(count, 0);
		cr_assert_eq(sr_view_walk(view, &all, 1, count_visit, &count), SR_INTERNAL);
		cr_assert_eq(count, 0);
		sr_view_end(view);
	}
	sr_index_close(index);
}

/* Give a key a new last byte and a new size, as the file has them, wherever it stands. */
static void damage_key(const struct sr_index_key *key, uint8_t last, uint8_t size)
{
	static uint8_t bytes[1 << 20];
	char file[80];
	size_t found = 0;

	(void)snprintf(file, sizeof file, "%s/data.mdb", path);
	int fd = open(file, O_RDWR);
	ssize_t length = read(fd, bytes, sizeof bytes);
	cr_assert_gt(length, 0);
	for (uint8_t *at = bytes + 2; (at = memmem(at, (size_t)(bytes + length - at), key->bytes, key->size)); at++) {
		at[key->size - 1] = last;
		at[-2] = size;
		found++;
	}
	cr_assert_geq(found, 1);
	cr_assert_eq(pwrite(fd, bytes, (size_t)length, 0), length);
	cr_assert_eq(close(fd), 0);
}

Test(index, walks_no_further_than_to_a_key_out_of_order)
{
	static const uint8_t tag[SR_INDEX_TAG] = {1}, id[SR_UUID] = {1};
	static const struct {
		uint8_t last, size;
		enum sr_code code;
	} cases[] = {
		{1, 50, SR_OK},      {3, 50, SR_CORRUPT}, /* behind it comes 2 */
		{0, 50, SR_CORRUPT},                      /* the same as the one before it */
		{1, 0, SR_CORRUPT},  {1, SR_INDEX_KEY_MAX + 1, SR_CORRUPT},
	};
	struct sr_index_key all = {.table = SR_TABLE_RECORDINGS}, key = sr_key_track(tag, id, 1);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t count = 0;

		(void)snprintf(path, sizeof path, "%s/index-%zu", directory, i);
		struct sr_index *index = opened();
		fill(index, 3);
		sr_index_close(index);
		damage_key(&key, cases[i].last, cases[i].size);
		index = reopened();
		struct sr_view *view = view_of(index);
		cr_assert_eq(sr_view_walk(view, &all, 0, count_visit, &count), cases[i].code, "case %zu", i);
		cr_assert_eq(count, i == 0 ? 12 : i == 1 ? 11 : 10, "case %zu: %zu", i, count);
		sr_view_end(view);
		sr_index_close(index);
	}
}

Test(index, counts_reads)
{
	struct sr_index *index = opened();
	struct sr_view *view;

	put_now(index, "a", "1");
	view = view_of(index);
	cr_assert_eq(sr_view_reads(view), 0);
	cr_assert(sees(view, "a", "1"));
	cr_assert(sees(view, "b", NULL));
	cr_assert_eq(sr_view_reads(view), 2);
	sr_view_end(view);
	view = view_of(index);
	cr_assert_eq(sr_view_reads(view), 0);
	sr_view_end(view);
	sr_view_end(NULL);
	sr_index_close(index);
}

/* Writes the same value to two keys, over and over, until told to stop. */
struct twins {
	struct sr_index *index;
	_Atomic bool stop;
};

static void *write_twins(void *context)
{
	struct twins *twins = context;
	char value[16];

	for (unsigned i = 0; !atomic_load(&twins->stop); i++) {
		struct sr_op *op = new_op();

		(void)snprintf(value, sizeof value, "%08u", i);
		put(op, "left", value);
		put(op, "right", value);
		cr_assert_eq(sr_index_run(twins->index, op, NULL), SR_OK);
	}
	return NULL;
}

Test(index, a_view_stays_as_it_was)
{
	struct sr_index *index = opened();
	struct twins twins = {.index = index};
	struct sr_index_key left = sr_key_control("left"), right = sr_key_control("right");
	struct sr_view *old, *view;
	pthread_t thread;

	put_now(index, "left", "before");
	put_now(index, "right", "before");
	old = view_of(index);
	cr_assert_eq(pthread_create(&thread, NULL, write_twins, &twins), 0);
	for (int i = 0; i < 300; i++) {
		struct sr_span a, b;

		view = view_of(index);
		cr_assert_eq(sr_view_get(view, &left, &a), SR_OK);
		cr_assert_eq(sr_view_get(view, &right, &b), SR_OK);
		cr_assert(a.size == b.size && memcmp(a.data, b.data, a.size) == 0, "half an operation was seen");
		sr_view_end(view);
		cr_assert(sees(old, "left", "before") && sees(old, "right", "before"));
	}
	atomic_store(&twins.stop, true);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	sr_view_end(old);
	sr_index_close(index);
}

Test(index, many_views_at_once)
{
	enum { VIEWS = 1100 };
	static struct sr_view *views[VIEWS];
	struct sr_index *index = opened();
	struct sr_error err;
	size_t open = 0;
	enum sr_code code;

	put_now(index, "a", "1");
	while (open < VIEWS && (code = sr_view_begin(index, &views[open], &err)) == SR_OK)
		open++;
	cr_assert_geq(open, 1024);
	cr_assert_lt(open, VIEWS);
	cr_assert_eq(code, SR_BUSY);
	cr_assert_null(views[open]);
	cr_assert(sees(views[open - 1], "a", "1"));
	/* One ended makes room for one. */
	sr_view_end(views[0]);
	cr_assert_eq(sr_view_begin(index, &views[0], &err), SR_OK);
	for (size_t i = 0; i < open; i++)
		sr_view_end(views[i]);
	sr_index_close(index);
}
