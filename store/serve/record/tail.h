/*
 * After a sync that failed: whether what is committed of a track's last file still stands on the disk.
 */
#ifndef SR_TAIL_H
#define SR_TAIL_H

#include "keys/rows.h"
#include "serve/request.h"

/*
 * SR_OK at once unless a sync of the row's last file has failed. Then its last committed extent is read past the page
 * cache, which may hold what the disk lost, and compared with its row in the index: SR_CORRUPT, with its event, if it
 * does not fit; SR_IO if it cannot be read; SR_INTERNAL; in request->error. Nothing is changed. Pool.
 */
enum sr_code sr_tail_check(struct sr_request *request, const uint8_t recording[SR_UUID],
			   const struct sr_track_row *row) SR_MUST_USE;

#endif
