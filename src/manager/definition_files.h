/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of definitions in the configuration directory, as they are now. */
#ifndef VFPOOL_DEFINITION_FILES_H
#define VFPOOL_DEFINITION_FILES_H

#include "manager/context.h"

#include <sys/stat.h>

char *definition_path(const struct vfpool *vp, const char *name);

/* A link that leads nowhere is there: reading it says so. */
bool definition_file_is_there(const char *path);

/* Is that, to the byte, the pool's definition? */
bool definition_file_is(const struct vfpool *vp, const char *name, const char *text, size_t size);

/* The journal of changes, by definition_changes.c. */
char *definition_journal_path(const struct vfpool *vp);

/* Is something begun, and not finished? */
bool definition_changes_are_pending(const struct vfpool *vp);

/* The definition of that name. `text` may be NULL: it is read then. */
int definition_parse(struct vfpool *vp, const char *name, const char *path, const char *text,
		     size_t size, struct vfpool_pool **ret_pool);

struct definition_file {
	char *name, *path;
	char *text; /* NULL: not read, or it can't be */
	size_t size;
	struct stat is; /* zeros: a link that leads nowhere */
};

struct definition_files {
	struct definition_file *list;
	size_t n;
};

void definition_files_end(struct definition_files *files);

/* Who may read only can keep nobody from changing them, and so reads them again when somebody did: each change has its
 * journal there from before the first file of it to after the last one. *ret_is_one: they are of one moment. */
int definition_files_read(struct vfpool *vp, struct definition_files *files, bool *ret_is_one);

/* What is done about definitions that are broken. */
enum broken { FAIL_BROKEN, SKIP_BROKEN, TELL_BROKEN };

/* The definitions in the files but those of `except`, in an array with room for these; it ends with NULL. */
int definition_files_parse(struct vfpool *vp, const struct definition_files *files,
			   struct vfpool_pool *const *except, size_t n_except, enum broken broken,
			   struct vfpool_pool ***ret_pools, size_t *ret_n, unsigned *ret_broken);

/* All that are sound, as the files are, whatever is begun: for who judges the ledger, as finishing it may take that. */
int definition_load_unsettled(struct vfpool *vp, struct vfpool_pool ***ret_pools);

#endif
