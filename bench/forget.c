/*
 * bench-forget: gives the disk back what nobody will read again. The ids of recordings come on standard input, a line
 * each, and their files go by the daemon's own removal; their rows stay.
 */
#include <stdio.h>
#include <string.h>

#include "data/blob.h"

int main(int argc, char **argv)
{
	char line[SR_UUID_TEXT + 2];
	struct sr_error err = {.text = ""};
	struct sr_blobs *blobs;
	uint8_t recording[SR_UUID];
	if (argc != 2) {
		fputs("usage: bench-forget STORE/blobs\n", stderr);
		return 2;
	}
	enum sr_code code = sr_blobs_open(argv[1], 0, &blobs, &err);
	while (code == SR_OK && fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		code = sr_uuid_parse(line, strlen(line), recording) ? sr_blobs_remove_recording(blobs, recording, &err)
								    : SR_FAIL(&err, SR_NOT_FOUND, "no id: %s", line);
	}
	if (code != SR_OK)
		fprintf(stderr, "bench-forget: %s\n", err.text);
	sr_blobs_close(blobs);
	return code == SR_OK ? 0 : 1;
}
