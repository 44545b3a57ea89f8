/*
 * What the client library reads beyond single messages. The first byte chooses: `e` an entry, `l` the entries of a
 * listing, `t` pages of a segment table, `a` a server's address, `g` a grant, for when it is to be renewed.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "table.h"

#define PAGE_HEAD 2 /* bytes of a page's size in front of it */

static const uint8_t recording[SR_UUID] = {1};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(sodium_init() >= 0);
	return 0;
}

/* What is shown of a recording must be terminated and within its bounds; a copy must be the same. */
static void check_info(const struct sr_recording_info *info)
{
	struct sr_recording_info copy;

	must(info->track_count <= SR_TRACKS_MAX && memchr(info->label, 0, sizeof info->label) != NULL);
	for (size_t i = 0; i < info->track_count; i++) {
		const struct sr_track_info *track = &info->tracks[i];

		must(memchr(track->media_type, 0, sizeof track->media_type) != NULL);
		must(memchr(track->label, 0, sizeof track->label) != NULL);
	}
	must(sr_recording_info_copy(info, &copy) && copy.track_count == info->track_count);
	must(memcmp(copy.tracks, info->tracks, info->track_count * sizeof *info->tracks) == 0);
	sr_recording_info_clear(&copy);
}

/* Entries one after another, as many as there are. */
static void fuzz_entries(struct sr_cursor in, size_t most)
{
	struct sr_recording_info info;

	for (size_t i = 0; i < most && sr_entry_read(&in, &info); i++) {
		check_info(&info);
		sr_recording_info_clear(&info);
	}
	must(info.tracks == NULL && info.track_count == 0);
}

/* However the pages are cut, what is verified lies without a gap below a head, and every byte of it is found. */
static void check_table(const struct sr_track_table *table)
{
	uint64_t at = 0;

	must(table->verified <= table->count && table->verified_length <= table->length);
	must(table->count <= table->head.segments && table->count <= table->capacity);
	for (uint32_t i = 0; i < table->verified; i++) {
		must(table->segments[i].offset == at && table->segments[i].length > 0);
		must(sr_table_find(table, at) == i && sr_table_find(table, at + table->segments[i].length - 1) == i);
		at += table->segments[i].length;
	}
	must(at == table->verified_length);
}

/*
 * A chain can hardly be guessed. With an odd byte after the choice the table starts empty, and each page's head is made
 * to fit its records, as if they were all there are.
 */
static void fit_chain(uint8_t *page, size_t size, const struct sr_track_table *table)
{
	uint8_t chain[SR_CHAIN];
	struct sr_cursor in = sr_cursor_over(page, size);
	struct sr_builder out = sr_builder_over(page, size);
	struct sr_segment_record record;
	struct sr_table front;

	sr_table_decode(&in, &front);
	memcpy(chain, table->chain, sizeof chain);
	for (uint16_t i = 0; i < front.count && !in.failed; i++) {
		sr_segment_record_decode(&in, &record);
		sr_chain_extend(chain, &record);
	}
	if (!in.failed) {
		memcpy(front.head.chain, chain, sizeof chain);
		sr_table_encode(&out, &front);
	}
}

/* A head, then pages, each behind its size. */
static void fuzz_table(struct sr_cursor in)
{
	bool fit = (sr_take_u8(&in) & 1) != 0;
	struct sr_track_table table;
	struct sr_play_head head;
	enum sr_code code = SR_OK;

	sr_play_head_decode(&in, &head);
	if (fit) {
		head = (struct sr_play_head){.track = head.track, .state = SR_UNFINISHED};
		sr_chain_start(recording, head.track, head.chain);
	}
	if (in.failed || !sr_table_start(&table, recording, &head))
		return;
	while (code == SR_OK && in.left > PAGE_HEAD) {
		size_t size = sr_take_u16(&in);
		struct sr_span span = sr_take_span(&in, size < in.left ? size : in.left);
		uint8_t *page = malloc(span.size > 0 ? span.size : 1);

		must(page != NULL);
		if (span.size > 0)
			memcpy(page, span.data, span.size);
		if (fit)
			fit_chain(page, span.size, &table);
		struct sr_cursor fields = sr_cursor_over(page, span.size);
		code = sr_table_take(&table, &fields);
		must(code == SR_OK || code == SR_CORRUPT);
		if (code == SR_OK)
			check_table(&table);
		free(page);
	}
	sr_table_free(&table);
}

/* What is taken for an address has a way and a place. */
static void fuzz_address(const uint8_t *data, size_t size)
{
	char *address = strndup((const char *)data, size);

	must(address != NULL);
	if (sr_address_valid(address))
		must(strlen(address) <= SR_ADDRESS_MAX &&
		     (strncmp(address, "unix:", 5) == 0 || strncmp(address, "tcp:", 4) == 0) && strlen(address) > 5);
	free(address);
}

static ssize_t no_grant(void *context, bool renewal, char *token, size_t capacity)
{
	(void)context;
	(void)renewal;
	(void)token;
	(void)capacity;
	return -1;
}

/* Whatever a grant says of its end, it is not renewed again at once. */
static void fuzz_grant(struct sr_span grant)
{
	/* Closed, so that no timer is set. */
	struct sr_client client = {.loop = uv_default_loop(), .phase = SR_PHASE_CLOSED, .grant_callback = no_grant};
	struct sr_stream stream = {.client = &client};

	must(client.loop != NULL);
	sr_grant_plan_from(&stream, grant);
	must(stream.renew_at == 0 || stream.renew_at > uv_now(client.loop));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	switch (data[0]) {
	case 'e':
		fuzz_entries(sr_cursor_over(data + 1, size - 1), 1);
		break;
	case 'l':
		fuzz_entries(sr_cursor_over(data + 1, size - 1), SR_LIST_PAGE_MAX);
		break;
	case 't':
		fuzz_table(sr_cursor_over(data + 1, size - 1));
		break;
	case 'a':
		fuzz_address(data + 1, size - 1);
		break;
	case 'g':
		fuzz_grant((struct sr_span){data + 1, size - 1});
		break;
	default:
		break;
	}
	return 0;
}
