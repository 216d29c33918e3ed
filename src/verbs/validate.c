/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs.h"

#include "util/cleanup.h"

#include <stdio.h>

DEFINE_CLEANUP(struct vfpool_pool *, cleanup_pool, vfpool_pool_free);

static int run(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	const struct verb_option options[] = { { 0 } };
	char **args;
	int r = verb_parse(verb, argc, argv, options, 1, 1, &args);

	if (r < 0 || (r = vfpool_validate(vp, args[0], &pool)) < 0)
		return r;
	printf("%s is a valid definition of pool %s\n", args[0], pool->name);
	warn_missing_pfs(vp, pool);
	return 0;
}

const struct verb verb_validate = {
	"validate", "FILE.xml", "check a pool definition, change nothing", run,
};
