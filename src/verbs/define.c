/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `define` stores definitions, `validate` only checks them. */
#include "verbs/verb.h"
#include "verbs/missing.h"

#include "util/cleanup.h"

#include <stdio.h>

DEFINE_CLEANUP(struct vfpool_pool **, cleanup_pools, vfpool_pools_free);

#define MAX_FILES 64

/* They may come later: no more than a word. */
static void warn_missing(struct vfpool *vp, struct vfpool_pool *const *pools)
{
	struct vfpool_inventory *inventory;

	if (vfpool_inventory(vp, &inventory) < 0)
		return;
	missing_note(inventory, pools);
	vfpool_inventory_free(inventory);
}

static int run_define(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	bool dry_run = false, changed[MAX_FILES];
	const struct verb_option options[] = {
		OPTION_FLAG("dry-run", &dry_run, "check everything, store nothing"),
		OPTION_END,
	};
	char **files;
	int n = verb_parse(verb, argc, argv, options, 1, MAX_FILES, &files), r;

	if (n < 0)
		return n;
	r = vfpool_define(vp, (const char *const *)files, (size_t)n, dry_run, &pools, changed);
	if (r < 0)
		return r;
	for (int i = 0; i < n; i++)
		say("pool %s %s %s\n", pools[i]->name,
		    !changed[i] ? "is unchanged: it is defined already as in" :
		    dry_run     ? "would be defined from" :
				  "defined from",
		    files[i]);
	warn_missing(vp, pools);
	return 0;
}

static int run_validate(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	const struct verb_option options[] = { OPTION_END };
	char **files;
	int n = verb_parse(verb, argc, argv, options, 1, MAX_FILES, &files), r;

	if (n < 0)
		return n;
	r = vfpool_validate(vp, (const char *const *)files, (size_t)n, &pools);
	if (r < 0)
		return r;
	for (int i = 0; i < n; i++)
		say("%s is a valid definition of pool %s\n", files[i], pools[i]->name);
	warn_missing(vp, pools);
	return 0;
}

const struct verb verb_define = {
	"define",
	"FILE.xml… [--dry-run]",
	"check pool definitions and store them",
	run_define,
};

const struct verb verb_validate = {
	"validate",
	"FILE.xml…",
	"check pool definitions, change nothing",
	run_validate,
};
