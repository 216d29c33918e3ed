/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `undefine`: a definition is forgotten. */
#include "verbs/verb.h"

static int run_undefine(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	bool dry_run = false;
	const struct verb_option options[] = {
		OPTION_FLAG("dry-run", &dry_run, "only say whether it could be"),
		OPTION_END,
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	r = vfpool_undefine(vp, args[0], dry_run);
	if (r < 0)
		return r;
	say("pool %s %s; its VFs, its udev rule and its network stay as they are\n", args[0],
	    dry_run ? "would be undefined" : "undefined");
	return 0;
}

const struct verb verb_undefine = {
	.name = "undefine",
	.args = "POOL [--dry-run]",
	.min_args = 1,
	.max_args = 1,
	.help = "forget a pool that has no leases",
	.run = run_undefine,
};
