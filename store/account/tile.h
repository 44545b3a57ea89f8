/*
 * The log's Merkle tree as C2SP tlog-tiles: files below the log's directory, written durably and read back.
 */
#ifndef SR_TILE_H
#define SR_TILE_H

#include "merkle.h"

#define SR_TILE_WIDTH 256 /* hashes of a full tile, entries of a full bundle */
#define SR_TILE_LEVELS 8
#define SR_TILE_ENTRIES (-1) /* in the place of a level: the bundles of entries */
#define SR_TILE_PATH_MAX 64

/* tile/LEVEL/N or tile/LEVEL/N.p/WIDTH, terminated; `width` 1 to 256. */
void sr_tile_path(char out[SR_TILE_PATH_MAX], int level, uint64_t n, unsigned width);

/* How many hashes tile `n` of `level` has in a tree of `size` leaves: 0 to 256. */
unsigned sr_tile_width(uint64_t size, int level, uint64_t n);

/*
 * Write a file of `size` bytes at `path` below directory `dir`, with the directories it needs, whole and synced before
 * it has its name. One that is there is replaced. SR_IO, SR_NO_SPACE.
 */
enum sr_code sr_tile_write(int dir, const char *path, const void *bytes, size_t size, struct sr_error *err) SR_MUST_USE;

/* Remove the partial tiles N.p of a tile that is full now. What cannot be removed stays and harms nothing. */
void sr_tile_drop_partial(int dir, int level, uint64_t n);

/*
 * A tree being built leaf by leaf: of each level, the hashes of its last tile, which is not full. 64 KiB; zeroed: no
 * leaves. `filled` is called with each tile as it becomes full; its failure ends the adding, and the builder is then
 * of no further use.
 */
typedef enum sr_code sr_tile_filled(void *context, int level, uint64_t n, const uint8_t (*hashes)[SR_HASH],
				    struct sr_error *err);
struct sr_tile_builder {
	uint64_t size;
	uint8_t hashes[SR_TILE_LEVELS][SR_TILE_WIDTH][SR_HASH];
};
enum sr_code sr_tile_add(struct sr_tile_builder *builder, const uint8_t leaf[SR_HASH], sr_tile_filled *filled,
			 void *context, struct sr_error *err) SR_MUST_USE;

/* The root of what it has. */
void sr_tile_builder_root(const struct sr_tile_builder *builder, uint8_t root[SR_HASH]);

/* Reads tiles of a tree of `size` leaves below `dir` (borrowed), and keeps the last one of each level. */
struct sr_tile_reader {
	int dir;
	uint64_t size;
	uint64_t kept[SR_TILE_LEVELS]; /* number and 1; 0: none */
	uint8_t hashes[SR_TILE_LEVELS][SR_TILE_WIDTH][SR_HASH];
};

/* All the hashes of tile `n` of `level`, from its file or that of a wider one. SR_CORRUPT: there is none; SR_IO. */
enum sr_code sr_tile_read(int dir, uint64_t size, int level, uint64_t n, uint8_t (*hashes)[SR_HASH],
			  struct sr_error *err) SR_MUST_USE;

/* The same for a reader's tree, as sr_merkle_source: `context` is a struct sr_tile_reader. */
enum sr_code sr_tile_source(void *context, unsigned height, uint64_t index, uint8_t out[SR_HASH], struct sr_error *err);

/* Fill `builder` with the last tiles of a tree of `size` leaves. SR_CORRUPT, SR_IO. */
enum sr_code sr_tile_builder_load(struct sr_tile_builder *builder, int dir, uint64_t size,
				  struct sr_error *err) SR_MUST_USE;

#endif
