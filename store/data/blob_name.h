/*
 * Where a blob lies: the names of fan-out directories and files. Inside this room only.
 */
#ifndef SR_BLOB_NAME_H
#define SR_BLOB_NAME_H

#include <dirent.h>

#include "data/blob.h"

#define SR_BLOB_FAN 4   /* three hex digits and a NUL */
#define SR_BLOB_FILE 49 /* the id's 36 characters, two numbers of up to 5 digits with dots, a NUL */
#define SR_BLOB_LABEL (SR_BLOB_FAN + SR_BLOB_FILE)

/* A blob's name in text: its directory, its file in there, and "directory/file" for messages. */
struct sr_blob_label {
	char fan[SR_BLOB_FAN];
	char file[SR_BLOB_FILE];
	char text[SR_BLOB_LABEL];
};

struct sr_blob_label sr_blob_label(const struct sr_blob_name *name);

/*
 * Read a name back from its directory and file. False unless sr_blob_label gives these very texts again; *name is then
 * undefined.
 */
bool sr_blob_name_parse(const char *fan, const char *file, struct sr_blob_name *name) SR_MUST_USE;

/*
 * Open the directory `fan` below the root ("." is the root) to be read; closed by the caller. SR_CORRUPT if it is
 * missing or no directory; SR_IO; SR_INTERNAL. *directory (out) is NULL on failure.
 */
enum sr_code sr_blobs_list_fan(const struct sr_blobs *blobs, const char *fan, DIR **directory,
			       struct sr_error *err) SR_MUST_USE;

/* Fan-out directory `number`, below SR_BLOB_FANOUT. */
void sr_blob_fan(unsigned number, char out[SR_BLOB_FAN]);

#endif
