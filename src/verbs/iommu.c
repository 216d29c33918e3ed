/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `iommu`: groups of devices, and whether a guest can have them. */
#include "verbs/verb.h"
#include "verbs/groups.h"
#include "verbs/json.h"

#include <limits.h>

static int run_iommu(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_groups) struct vfpool_groups *groups = NULL;
	bool json = false;
	const struct verb_option options[] = {
		OPTION_FLAG("json", &json, "everything, as JSON"),
		OPTION_END,
	};
	char **args;
	int n = verb_parse(verb, argc, argv, options, &args), r;

	if (n < 0)
		return n;
	r = vfpool_iommu(vp, (const char *const *)args, (size_t)n, &groups);
	if (r < 0)
		return r;
	if (groups->n == 0)
		warn_user(
			"note: this host has no IOMMU groups, so no device can be passed to a guest; 'vfpool doctor' "
			"says why");
	if (json)
		print_json(json_groups(groups));
	return json ? 0 : groups_print(groups);
}

const struct verb verb_iommu = {
	.name = "iommu",
	.args = "[ADDRESS…] [--json]",
	.max_args = INT_MAX,
	.help = "IOMMU groups: who is in them, and can a guest have them",
	.run = run_iommu,
};
