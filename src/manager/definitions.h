/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions, with nothing left of a change that was broken off. */
#ifndef VFPOOL_DEFINITIONS_H
#define VFPOOL_DEFINITIONS_H

#include "manager/context.h"

/* Says that there is no pool of that name; returns -VFPOOL_ENOTFOUND. */
int definition_fail_missing(struct vfpool *vp, const char *name);

/* Returns -VFPOOL_ENOTFOUND, with a message, when no pool can have that name. */
int definition_check_name(struct vfpool *vp, const char *name);

/* Loads the definition of that name into *ret_pool. -VFPOOL_ENOTFOUND: there is none. */
int definition_load(struct vfpool *vp, const char *name, struct vfpool_pool **ret_pool);

/* Loads the pool's definition, or makes one with nothing but its name when that is gone. */
int definition_load_or_default(struct vfpool *vp, const char *name, struct vfpool_pool **ret_pool);

/* Finds where the pool's definition is; free() *ret_path, found or not. -VFPOOL_ENOTFOUND: there is none. */
int definition_find(struct vfpool *vp, const char *name, char **ret_path);

/* Loads a definition from the file that a person names, with its text. */
int definition_load_file(struct vfpool *vp, const char *file, struct vfpool_pool **ret_pool,
			 char **ret_text, size_t *ret_size);

/* Loads all definitions but those of these names, into an array with room for these; it ends with NULL. */
int definition_load_others(struct vfpool *vp, struct vfpool_pool *const *except, size_t n_except,
			   struct vfpool_pool ***ret_pools, size_t *ret_n);

/* Loads all definitions but those that are broken. */
int definition_load_sound(struct vfpool *vp, struct vfpool_pool ***ret_pools);
/* Loads them likewise, each of the broken ones told in a note, and counted. */
int definition_load_telling(struct vfpool *vp, struct vfpool_pool ***ret_pools,
			    unsigned *ret_broken);

#endif
