/*
 * set_dir.h - the directory of a backup set as found on a disk, which is not to be trusted
 */
#ifndef COMMON_SET_DIR_H
#define COMMON_SET_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/sums.h"
#include "common/tree.h"

/* Who looks on while a set is verified: at the file RELATIVE, all of its bytes, and whether
 * it was GOOD. */
struct set_viewer {
	void (*begin)(void *context, const char *relative);
	bool (*data)(void *context, const void *data, size_t size); /* true */
	void (*end)(void *context, bool good);
	void *context;
};

struct set_dir {
	char *dir; /* as given, for messages */
	int fd;
	struct tree tree;
	struct sums sums;
	const struct set_viewer *viewer; /* the caller's, after set_dir_open; or NULL */
};

/* Opens DIR and reads its SHA256SUMS. False: reported; set_dir_close is needed either
 * way. */
bool set_dir_open(struct set_dir *set, const char *dir);
void set_dir_close(struct set_dir *set);

/* The whole file NAME with a NUL behind it; NULL: reported. */
char *set_dir_load(struct set_dir *set, const char *name, uint64_t limit, size_t *size);

/* The same for a file that must be text. */
char *set_dir_load_text(
	struct set_dir *set, const char *name, uint64_t limit, size_t *size);

/* Every byte against SHA256SUMS, noting sizes there. All that is wrong is reported; false
 * where something was, or a signal was caught. */
bool set_dir_verify(struct set_dir *set, struct digest *digest);

/* What a set consists of, besides backup.ini, MANIFEST and SHA256SUMS. */
struct set_shape {
	const char *const *places; /* its directories, "logs/"; NULL at the end */
	bool (*described)(const void *context, const char *relative); /* in MANIFEST? */
	const void *context;
};

/* That each file in SHA256SUMS is described, and that there is nothing else. */
bool set_dir_verify_shape(struct set_dir *set, const struct set_shape *shape);

/* After set_dir_verify: RELATIVE is there with SIZE bytes. False: reported. */
bool set_dir_verify_size(const struct set_dir *set, const char *relative, uint64_t size);

/* Reads FD to its end through DIGEST, and each chunk to SINK (NULL: nowhere). False:
 * reported, or a signal was caught. */
typedef bool (*set_sink)(void *context, const void *data, size_t size);
bool set_read_file(int fd, const char *label, struct digest *digest, set_sink sink,
	void *context, uint64_t *size, char hex[DIGEST_SIZE]);

#endif
