/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `restore`: a backup in the ledger's place. */
#include "verbs/verb.h"
#include "verbs/findings.h"

static int run_restore(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_findings) struct vfpool_findings *found = NULL;
	bool dry_run = false;
	const struct verb_option options[] = {
		OPTION_FLAG("dry-run", &dry_run, "say whether the backup is sound, change nothing"),
		OPTION_END,
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	r = vfpool_restore(vp, args[0], dry_run, &found);
	if (r < 0)
		return r;
	if (found->n > 0)
		findings_print(found, false, dry_run);
	say("%s %s\n", args[0],
	    dry_run ?
		    "is whole and checked" :
		    "is the ledger now; 'vfpool adopt' records what libvirt's guests have besides, then 'vfpool apply'");
	return 0;
}

const struct verb verb_restore = {
	.name = "restore",
	.args = "FILE [--dry-run]",
	.min_args = 1,
	.max_args = 1,
	.help = "put a backup in the ledger's place, and record what the VFs have",
	.run = run_restore,
};
