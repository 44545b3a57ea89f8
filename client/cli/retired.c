/* The proof that an epoch is retired, as commands show it. */
#include "cli/retired.h"

#include <stdio.h>

#include "cli/parse.h"

json_t *cli_time_json(uint64_t milliseconds)
{
	char text[TIME_TEXT];
	format_time(milliseconds, text);
	return milliseconds ? json_string(text) : json_null();
}

json_t *cli_retired_json(const struct sr_retired_info *info)
{
	json_t *lost = json_array();
	for (size_t at = 0; at < info->lost_count; at++)
		(void)json_array_append_new(lost, json_string(info->lost[at]));
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "epoch", (json_int_t)info->number, "recordings",
			 (json_int_t)info->recordings, "people", (json_int_t)info->people, "keyring_revision",
			 (json_int_t)info->keyring_revision, "kept_until", cli_time_json(info->kept_until_ms),
			 "checkpoint", info->checkpoint[0] ? json_string(info->checkpoint) : json_null(),
			 "unreadable_backups", lost);
}

void cli_retired_say(const struct sr_retired_info *info)
{
	char kept[TIME_TEXT];
	format_time(info->kept_until_ms, kept);
	printf("epoch %u is retired: the outer seals of %llu recordings and %llu people were opened, none under it\n",
	       info->number, (unsigned long long)info->recordings, (unsigned long long)info->people);
	if (kept[0])
		printf("its key is in the keyring until %s, for the recovery key alone (revision %llu)\n", kept,
		       (unsigned long long)info->keyring_revision);
	else
		printf("its key is no longer in the keyring (revision %llu)\n",
		       (unsigned long long)info->keyring_revision);
	for (size_t at = 0; at < info->lost_count; at++)
		printf("the backup %s needs it: it cannot be read without a keyring of its time\n", info->lost[at]);
	if (info->checkpoint[0])
		printf("%s\n", info->checkpoint);
}
