/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `define`: definitions are checked and stored. */
#include "verbs/verb.h"
#include "verbs/missing.h"

static int run_define(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	bool dry_run = false, changed[VERB_FILES_MAX];
	const struct verb_option options[] = {
		OPTION_FLAG("dry-run", &dry_run, "check everything, store nothing"),
		OPTION_END,
	};
	char **files;
	int n = verb_parse(verb, argc, argv, options, &files), r;

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
	missing_look(vp, pools);
	return 0;
}

const struct verb verb_define = {
	.name = "define",
	.args = "FILE.xml… [--dry-run]",
	.min_args = 1,
	.max_args = VERB_FILES_MAX,
	.help = "check pool definitions and store them",
	.run = run_define,
};
