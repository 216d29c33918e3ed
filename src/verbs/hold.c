/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `hold` and `unhold`. */
#include "verbs/verb.h"

#include <stdio.h>

static int hold(struct vfpool *vp, const struct verb *verb, int argc, char **argv, bool on)
{
	const char *reason = "";
	bool dry_run = false, changed;
	int vf = -1;
	const struct verb_option options[] = {
		OPTION_NUMBER("vf", &vf, "this VF of the PF, not all of it"),
		OPTION_DRY_RUN(&dry_run),
		OPTION_PROSE(on ? "reason" : NULL, &reason, "what 'vfpool list' says of it"),
		OPTION_END,
	};
	char **args, index[24] = "";
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	r = vfpool_hold(vp, args[0], vf, on ? reason : NULL, dry_run, &changed);
	if (r < 0)
		return r;
	if (vf >= 0)
		snprintf(index, sizeof(index), "VF %d of ", vf);
	if (!changed)
		say("%s%s: nothing to do\n", index, args[0]);
	else
		say("%s%s %s\n", index, args[0],
		    on ? (dry_run ? "would be held" : "is held: nobody gets it") :
			 (dry_run ? "would be free to get" : "is free to get"));
	return 0;
}

static int run_hold(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	return hold(vp, verb, argc, argv, true);
}

static int run_unhold(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	return hold(vp, verb, argc, argv, false);
}

const struct verb verb_hold = {
	.name = "hold",
	.args = "PF|ADDRESS [--vf N] [--reason TEXT] [--dry-run]",
	.min_args = 1,
	.max_args = 1,
	.help = "nobody gets that VF, or any of that PF",
	.run = run_hold,
};

const struct verb verb_unhold = {
	.name = "unhold",
	.args = "PF|ADDRESS [--vf N] [--dry-run]",
	.min_args = 1,
	.max_args = 1,
	.help = "the end of a hold",
	.run = run_unhold,
};
