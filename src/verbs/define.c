/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs.h"

#include "util/cleanup.h"

#include <stdio.h>

DEFINE_CLEANUP(struct vfpool_pool *, cleanup_pool, vfpool_pool_free);

static int run(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	bool dry_run = false, changed;
	const struct verb_option options[] = {
		{ "dry-run", OPTION_FLAG, &dry_run, "check everything, store nothing" },
		{ 0 },
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, 1, 1, &args);

	if (r < 0 || (r = vfpool_define(vp, args[0], dry_run, &pool, &changed)) < 0)
		return r;
	printf("pool %s %s %s\n", pool->name,
	       !changed ? "is unchanged: it is defined already as in" :
	       dry_run	? "would be defined from" :
			  "defined from",
	       args[0]);
	warn_missing_pfs(vp, pool);
	return 0;
}

const struct verb verb_define = {
	"define", "FILE.xml [--dry-run]", "check a pool definition and store it", run,
};
