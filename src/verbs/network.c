/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs.h"

#include "util/cleanup.h"

#include <stdio.h>

static int run(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	bool define = false, start = false, dry_run = false, changed;
	const struct verb_option options[] = {
		{ "define", OPTION_FLAG, &define, "give the network to libvirt" },
		{ "start", OPTION_FLAG, &start, "with --define: start it too" },
		{ "dry-run", OPTION_FLAG, &dry_run, "only print what libvirt would be given" },
		{ 0 },
	};
	AUTO_FREE char *xml = NULL, *notes = NULL;
	char **args;
	int r = verb_parse(verb, argc, argv, options, 1, 1, &args);

	if (r < 0)
		return r;
	if (start && !define) {
		warn_user("network: --start goes with --define");
		return -VERB_USAGE;
	}
	if (define && !dry_run) {
		r = vfpool_network_define(vp, args[0], start, &changed, &notes);
		if (r == 0)
			printf("the network of pool %s %s\n", args[0],
			       !changed ? "is in libvirt as it should be" :
			       start	? "is defined and started" :
					  "is defined");
		if (notes)
			warn_user("note: %s", notes);
		return r;
	}
	r = vfpool_network_xml(vp, args[0], &xml, &notes);
	if (r == 0)
		fputs(xml, stdout);
	if (notes)
		warn_user("note: %s", notes);
	return r;
}

const struct verb verb_network = {
	"network", "POOL [--define [--start]] [--dry-run]", "the libvirt network of a pool that libvirt allocates",
	run,
};
