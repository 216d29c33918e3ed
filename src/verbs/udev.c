/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs.h"

#include "util/cleanup.h"

#include <stdio.h>

static int run(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	bool install = false, dry_run = false, changed;
	const struct verb_option options[] = {
		{ "install", OPTION_FLAG, &install, "write them where udev reads them" },
		{ "dry-run", OPTION_FLAG, &dry_run, "only print them" },
		{ 0 },
	};
	AUTO_FREE char *text = NULL, *path = NULL;
	char **args;
	int r = verb_parse(verb, argc, argv, options, 1, 1, &args);

	if (r < 0)
		return r;
	if (install && !dry_run) {
		r = vfpool_udev_install(vp, args[0], &path, &changed);
		if (r == 0)
			printf("%s %s\n", path, changed ? "written" : "is up to date");
		return r;
	}
	r = vfpool_udev_rules(vp, args[0], &text);
	if (r == 0)
		fputs(text, stdout);
	return r;
}

const struct verb verb_udev = {
	"udev", "POOL [--install] [--dry-run]", "the udev rules that make the pool's VFs at boot", run,
};
