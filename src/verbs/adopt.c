/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `adopt`: leases for what libvirt's guests name already. */
#include "verbs/verb.h"
#include "verbs/findings.h"

static int run_adopt(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_findings) struct vfpool_findings *found = NULL;
	bool dry_run = false, json = false;
	const struct verb_option options[] = {
		OPTION_FLAG("json", &json, "what was found, as JSON"),
		OPTION_DRY_RUN(&dry_run),
		OPTION_END,
	};
	char **args;
	int n = verb_parse(verb, argc, argv, options, &args), r;

	if (n < 0)
		return n;
	r = n > 0 ? verb_check_owner(verb, args[0]) : 0;
	if (r < 0)
		return r;
	r = vfpool_adopt(vp, n > 0 ? args[0] : NULL, dry_run, &found);
	findings_print(found, json, dry_run);
	return r;
}

const struct verb verb_adopt = {
	.name = "adopt",
	.args = "[GUEST] [--json] [--dry-run]",
	.max_args = 1,
	.help = "record leases for what libvirt's guests name already",
	.run = run_adopt,
};
