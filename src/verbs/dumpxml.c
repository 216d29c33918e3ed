/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `dumpxml`: a definition as it was given. */
#include "verbs/verb.h"

static int run_dumpxml(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	const struct verb_option options[] = { OPTION_END };
	AUTO_FREE char *text = NULL;
	char **args;
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	r = vfpool_dumpxml(vp, args[0], &text);
	if (r < 0)
		return r;
	say("%s", text);
	return 0;
}

const struct verb verb_dumpxml = {
	.name = "dumpxml",
	.args = "POOL",
	.min_args = 1,
	.max_args = 1,
	.help = "print a pool's definition",
	.run = run_dumpxml,
};
