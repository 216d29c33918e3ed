/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `udev`: the rules that make a pool's VFs at boot. */
#include "verbs/verb.h"
#include "verbs/diff.h"

static int change_rules(struct vfpool *vp, const char *pool, bool install)
{
	AUTO_FREE char *path = NULL;
	bool changed;
	int r = install ? vfpool_udev_install(vp, pool, &path, &changed) :
			  vfpool_udev_remove(vp, pool, &path, &changed);

	if (r < 0)
		return r;
	say("%s %s\n", path,
	    install ? (changed ? "written" : "is up to date") :
		      (changed ? "removed" : "isn't there"));
	return 0;
}

static int compare_rules(struct vfpool *vp, const char *pool)
{
	AUTO_FREE char *is = NULL, *wanted = NULL;
	int r = vfpool_udev_rules(vp, pool, &wanted);

	if (r < 0)
		return r;
	r = vfpool_udev_installed(vp, pool, &is);
	if (r < 0)
		return r;
	return diff_print("installed", is ? is : "", pool, wanted);
}

static int print_properties(struct vfpool *vp, const char *netdev)
{
	AUTO_FREE char *text = NULL;
	int r = vfpool_udev_properties(vp, netdev, &text);

	if (r < 0)
		return r;
	say("%s", text);
	return 0;
}

static int run_udev(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	bool install = false, remove = false, diff = false, dry_run = false;
	const char *netdev = NULL;
	const struct verb_option options[] = {
		OPTION_FLAG("install", &install, "write them where udev reads them"),
		OPTION_FLAG("remove", &remove, "take them away again"),
		OPTION_FLAG("diff", &diff, "what --install would change; exit code 1: something"),
		OPTION_FLAG("dry-run", &dry_run, "only print them"),
		OPTION_TEXT("properties", &netdev,
			    "instead: the properties of this VF's network device"),
		OPTION_END,
	};
	AUTO_FREE char *text = NULL;
	char **args;
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	if (install + remove + diff + !!netdev > 1 || (r == 0) != !!netdev) {
		warn_user(
			"udev: a POOL with one of --install, --remove and --diff, or none; or --properties");
		return -VERB_USAGE;
	}
	if (netdev)
		return print_properties(vp, netdev);
	if (diff)
		return compare_rules(vp, args[0]);
	if ((install || remove) && !dry_run)
		return change_rules(vp, args[0], install);
	if (remove) {
		say("the udev rules of pool %s would be removed\n", args[0]);
		return 0;
	}
	r = vfpool_udev_rules(vp, args[0], &text);
	if (r < 0)
		return r;
	say("%s", text);
	return 0;
}

const struct verb verb_udev = {
	.name = "udev",
	.args = "POOL [--install | --remove | --diff] [--dry-run] | --properties NETDEV",
	.max_args = 1,
	.help = "the udev rules that make the pool's VFs at boot",
	.run = run_udev,
};
