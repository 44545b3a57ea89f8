/*
 * Connections over every split of their bytes: what comes in pieces comes out whole, and nothing is held longer than
 * it must be.
 */
#include "conn_ends.h"

#define BODY_CHUNKS 3
#define BODY_LAST 100
#define BODY_SIZE ((BODY_CHUNKS - 1) * SR_CHUNK_SEALED + BODY_LAST)

TestSuite(conn_bytes, .init = set_up);

/* --- Splits ------------------------------------------------------------------------------------------------------- */

/* What a daemon hears of one caller: hello, then two messages. */
struct heard {
	unsigned callers, readies, messages;
	uint64_t requests[4];
	uint8_t reply[SR_NOISE_MESSAGE2];
};

static void hear(struct sr_conn *server, struct heard *heard)
{
	struct sr_conn_event event;

	do {
		cr_assert_eq(sr_conn_next(server, &event, NULL), SR_OK);
		if (event.kind == SR_CONN_CALLER) {
			heard->callers++;
			cr_assert_eq(sr_conn_admit(server, psk, heard->reply), SR_OK);
		} else if (event.kind == SR_CONN_READY) {
			heard->readies++;
		} else if (event.kind == SR_CONN_MESSAGE) {
			cr_assert_eq(event.fields.left, event.head.type == SR_MSG_PING ? 0 : 300);
			heard->requests[heard->messages++] = event.head.request;
		}
	} while (event.kind != SR_CONN_NOTHING);
}

Test(conn_bytes, a_daemon_hears_the_same_over_every_split)
{
	static uint8_t first[SR_FRAME_MAX], second[SR_FRAME_MAX], fields[300], wire[SR_FRAME_MAX];
	size_t total = 2 * (SR_FRAME_HEAD + SR_MESSAGE_HEAD + SR_AEAD_TAG) + sizeof fields;

	for (size_t split = 0; split <= total; split++) {
		struct heard heard = {0};
		struct sr_message_head head = {.type = SR_MSG_LIST, .request = 8};
		struct ends ends = shake();
		size_t size = ping(ends.client, 7, first), other;

		memcpy(wire, first, size);
		other = frame_of(ends.client, &head, fields, sizeof fields, second);
		memcpy(wire + size, second, other);
		cr_assert_eq(size + other, total);
		give(ends.server, wire, split);
		hear(ends.server, &heard);
		cr_assert_eq(sr_conn_at_boundary(ends.server), split == 0 || split == size || split == total, "%zu",
			     split);
		give(ends.server, wire + split, total - split);
		hear(ends.server, &heard);
		cr_assert(heard.readies == 1 && heard.messages == 2, "split at %zu", split);
		cr_assert(heard.requests[0] == 7 && heard.requests[1] == 8);
		cr_assert(sr_conn_at_boundary(ends.server));
		end(&ends);
	}
}

Test(conn_bytes, a_hello_is_heard_over_every_split)
{
	for (size_t split = 0; split <= HELLO; split++) {
		struct heard heard = {0};
		uint8_t hello[HELLO];
		struct sr_conn *client = new_client(hello), *server = new_server();

		give(server, hello, split);
		hear(server, &heard);
		cr_assert_eq(heard.callers, split == HELLO);
		cr_assert_eq(sr_conn_at_boundary(server), split == 0 || split == HELLO);
		give(server, hello + split, HELLO - split);
		hear(server, &heard);
		cr_assert_eq(heard.callers, 1);

		give(client, heard.reply, split % SR_NOISE_MESSAGE2);
		expect(client, SR_CONN_NOTHING);
		give(client, heard.reply + split % SR_NOISE_MESSAGE2, SR_NOISE_MESSAGE2 - split % SR_NOISE_MESSAGE2);
		expect(client, SR_CONN_READY);
		sr_conn_free(client);
		sr_conn_free(server);
	}
}

Test(conn_bytes, one_byte_at_a_time_is_enough)
{
	struct ends ends = shake();
	struct heard heard = {0};
	uint8_t frame[SR_FRAME_MAX];

	for (uint64_t request = 0; request < 3; request++) {
		size_t size = ping(ends.client, request, frame);

		for (size_t i = 0; i < size; i++) {
			give(ends.server, frame + i, 1);
			hear(ends.server, &heard);
			cr_assert_eq(heard.messages, request + (i + 1 == size));
		}
	}
	end(&ends);
}

Test(conn_bytes, the_longest_message_passes)
{
	static uint8_t frame[SR_FRAME_MAX], fields[SR_MESSAGE_MAX - SR_MESSAGE_HEAD];
	struct ends ends = open_ends();
	struct sr_message_head head = {.type = SR_MSG_APPEND, .stream = 1};
	struct sr_conn_event event;

	randombytes_buf(fields, sizeof fields);
	cr_assert_eq(frame_of(ends.client, &head, fields, sizeof fields, frame), SR_FRAME_MAX);
	give(ends.server, frame, SR_FRAME_MAX);
	event = expect(ends.server, SR_CONN_MESSAGE);
	cr_assert_eq(event.fields.left, sizeof fields);
	cr_assert_arr_eq(event.fields.at, fields, sizeof fields);
	end(&ends);
}

/* --- Bodies ------------------------------------------------------------------------------------------------------- */

/* What a client got of a body and of the ping behind it. */
struct got {
	uint8_t raw[BODY_SIZE];
	size_t size;
	unsigned bodies, pings;
};

static void get(struct sr_conn *client, struct got *got)
{
	struct sr_conn_event event;

	do {
		cr_assert_eq(sr_conn_next(client, &event, NULL), SR_OK);
		if (event.kind == SR_CONN_RAW) {
			cr_assert_leq(got->size + event.raw.size, BODY_SIZE);
			memcpy(got->raw + got->size, event.raw.data, event.raw.size);
			got->size += event.raw.size;
			cr_assert(got->size % SR_CHUNK_SEALED == 0 || got->size == BODY_SIZE, "whole chunks only");
		} else if (event.kind == SR_CONN_MESSAGE && event.head.type == SR_MSG_BODY) {
			got->bodies++;
		} else if (event.kind == SR_CONN_MESSAGE) {
			cr_assert_eq(got->size, BODY_SIZE, "the body comes first");
			got->pings++;
		}
	} while (event.kind != SR_CONN_NOTHING);
}

/* Every split near a seam of chunks or of frames; between seams, where all splits are alike, every 97th. */
static size_t next_split(size_t split, size_t head, size_t total)
{
	size_t within = split < head ? 0 : (split - head) % SR_CHUNK_SEALED;
	bool between = within > 40 && within < SR_CHUNK_SEALED - 140 && total - split > 240;

	return split + (between ? 97 : 1);
}

/* A body of three chunks, the last one short, and a ping behind it; *head is the length of the body's frame. */
static size_t body_and_ping(struct sr_conn *server, const uint8_t raw[BODY_SIZE], uint8_t *wire, size_t *head)
{
	static uint8_t frame[SR_FRAME_MAX];
	size_t size;

	*head = body_of(server, BODY_SIZE, frame);
	memcpy(wire, frame, *head);
	memcpy(wire + *head, raw, BODY_SIZE);
	size = ping(server, 4, frame);
	memcpy(wire + *head + BODY_SIZE, frame, size);
	return *head + BODY_SIZE + size;
}

Test(conn_bytes, raw_bytes_come_in_whole_chunks_over_every_split)
{
	static uint8_t wire[2 * SR_FRAME_MAX], raw[BODY_SIZE];
	static struct got got;
	size_t split = 0, head, total;

	randombytes_buf(raw, sizeof raw);
	do {
		struct ends ends = open_ends();

		total = body_and_ping(ends.server, raw, wire, &head);
		memset(&got, 0, sizeof got);
		give(ends.client, wire, split);
		get(ends.client, &got);
		cr_assert_eq(sr_conn_at_boundary(ends.client),
			     split == 0 || split == head + BODY_SIZE || split == total, "%zu", split);
		give(ends.client, wire + split, total - split);
		get(ends.client, &got);
		cr_assert(got.bodies == 1 && got.pings == 1 && got.size == BODY_SIZE, "split at %zu", split);
		cr_assert_arr_eq(got.raw, raw, BODY_SIZE);
		end(&ends);
		split = next_split(split, head, total);
	} while (split <= total);
}

/* --- Memory ------------------------------------------------------------------------------------------------------- */

Test(conn_bytes, an_idle_connection_holds_no_buffer)
{
	struct ends ends = open_ends();
	uint8_t frame[SR_FRAME_MAX];
	size_t size = ping(ends.client, 1, frame), room_size;
	uint8_t *room;

	/* Given back when empty: a new buffer begins with all its room, and without the old one's bytes at hand. */
	cr_assert_eq(sr_conn_room(ends.server, &room, &room_size), SR_OK);
	cr_assert_eq(room_size, SR_FRAME_MAX);
	memcpy(room, frame, size);
	sr_conn_filled(ends.server, size);
	expect(ends.server, SR_CONN_MESSAGE);
	cr_assert(sr_conn_holds_buffer(ends.server));
	expect(ends.server, SR_CONN_NOTHING);
	cr_assert(!sr_conn_holds_buffer(ends.server));
	give(ends.server, (const uint8_t[]){0}, 1);
	expect(ends.server, SR_CONN_NOTHING);
	cr_assert(sr_conn_holds_buffer(ends.server), "half a frame is kept");
	end(&ends);
}

Test(conn_bytes, a_message_is_wiped_once_it_is_dealt_with)
{
	struct ends ends = open_ends();
	uint8_t frame[SR_FRAME_MAX], *room;
	struct sr_message_head head = {.type = SR_MSG_GRANT_RENEW, .stream = 1};
	struct sr_conn_event event;
	size_t size, room_size;

	size = frame_of(ends.client, &head, "\0\5token", 7, frame);
	cr_assert_eq(sr_conn_room(ends.server, &room, &room_size), SR_OK);
	memcpy(room, frame, size);
	/* Half a frame behind it keeps the buffer. */
	room[size] = 0;
	sr_conn_filled(ends.server, size + 1);
	event = expect(ends.server, SR_CONN_MESSAGE);
	cr_assert_arr_eq(event.fields.at, "\0\5token", 7);
	expect(ends.server, SR_CONN_NOTHING);
	for (size_t i = 0; i < event.fields.left; i++)
		cr_assert_eq(event.fields.at[i], 0);
	end(&ends);
}

Test(conn_bytes, freeing_none_is_allowed)
{
	sr_conn_free(NULL);
}
