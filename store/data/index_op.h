/*
 * What an operation is made of, for the file that builds it and the one that runs it.
 */
#ifndef SR_INDEX_OP_H
#define SR_INDEX_OP_H

#include "data/index.h"

/* A check or a write. Its key and then its value lie at `at` in the operation's bytes, which may move as they grow. */
struct sr_op_item {
	enum sr_table_name table;
	enum sr_check_kind kind; /* of a check */
	bool erase;              /* of a write */
	bool settled;            /* of a check that found its value already there: its key is not written */
	size_t at;
	size_t key_size;
	size_t value_size;
};

struct sr_op_items {
	struct sr_op_item *list;
	size_t count;
	size_t capacity;
};

struct sr_op {
	struct sr_op_items checks;
	struct sr_op_items writes;
	uint8_t *bytes;
	size_t used;
	size_t capacity;

	/* From its submission on. */
	struct sr_op *next;
	sr_op_done *done;
	void *context;
	enum sr_code result;
	size_t failed_check;
};

#endif
