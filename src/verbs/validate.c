/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `validate`: definitions are checked, and that is all. */
#include "verbs/verb.h"
#include "verbs/missing.h"

static int run_validate(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	const struct verb_option options[] = { OPTION_END };
	char **files;
	int n = verb_parse(verb, argc, argv, options, &files), r;

	if (n < 0)
		return n;
	r = vfpool_validate(vp, (const char *const *)files, (size_t)n, &pools);
	if (r < 0)
		return r;
	for (int i = 0; i < n; i++)
		say("%s is a valid definition of pool %s\n", files[i], pools[i]->name);
	missing_look(vp, pools);
	return 0;
}

const struct verb verb_validate = {
	.name = "validate",
	.args = "FILE.xml…",
	.min_args = 1,
	.max_args = VERB_FILES_MAX,
	.help = "check pool definitions, change nothing",
	.run = run_validate,
};
