/* The proof that an epoch is retired, as commands show it. */
#ifndef SR_CLI_RETIRED_H
#define SR_CLI_RETIRED_H

#include <jansson.h>

#include "sealreel/operate.h"

/* On standard output. As JSON: a new object, as the help of `sealreel epoch` describes it. */
void cli_retired_say(const struct sr_retired_info *info);
json_t *cli_retired_json(const struct sr_retired_info *info);

/* A time in milliseconds since 1970 as RFC 3339, null for 0: a new value. */
json_t *cli_time_json(uint64_t milliseconds);

#endif
