/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `rename`: an owner, or a pool, has a new name. */
#include "verbs/verb.h"

static int rename_pool(struct vfpool *vp, char **args, bool dry_run)
{
	int r = vfpool_rename_pool(vp, args[0], args[1], dry_run);

	if (r < 0)
		return r;
	say("pool %s, with its leases and MACs, %s %s\n", args[0], dry_run ? "would be" : "is now",
	    args[1]);
	return 0;
}

static int rename_owner(struct vfpool *vp, char **args, bool dry_run)
{
	unsigned n;
	int r = vfpool_rename(vp, args[0], args[1], dry_run, &n);

	if (r < 0)
		return r;
	say("%u MAC%s of %s, with %s leases, %s %s's\n", n, n == 1 ? "" : "s", args[0],
	    n == 1 ? "its" : "their",
	    dry_run ? "would be" :
	    n == 1  ? "is now" :
		      "are now",
	    args[1]);
	return 0;
}

static int run_rename(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	bool pool = false, dry_run = false;
	const struct verb_option options[] = {
		OPTION_FLAG("pool", &pool, "a pool, not an owner"),
		OPTION_DRY_RUN(&dry_run),
		OPTION_END,
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	if (pool)
		return rename_pool(vp, args, dry_run);
	/* The old name may be one that isn't taken any more. */
	if (verb_check_owner(verb, args[1]) < 0)
		return -VERB_USAGE;
	return rename_owner(vp, args, dry_run);
}

const struct verb verb_rename = {
	.name = "rename",
	.args = "[--pool] NAME NEW-NAME [--dry-run]",
	.min_args = 2,
	.max_args = 2,
	.help = "an owner, or a pool, has a new name: leases and MACs go along",
	.run = run_rename,
};
