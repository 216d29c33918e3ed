/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `backup`: a whole copy of the ledger. */
#include "verbs/verb.h"

static int run_backup(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	bool force = false;
	const struct verb_option options[] = {
		OPTION_FLAG("force", &force, "replace a file that is there"),
		OPTION_END,
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	r = vfpool_backup(vp, args[0], force);
	if (r < 0)
		return r;
	say("the ledger is in %s, whole and checked\n", args[0]);
	return 0;
}

const struct verb verb_backup = {
	.name = "backup",
	.args = "FILE [--force]",
	.min_args = 1,
	.max_args = 1,
	.help = "a whole copy of the ledger, while it is in use",
	.run = run_backup,
};
