/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `list`: the pools and the host. */
#include "verbs/verb.h"
#include "verbs/json.h"
#include "verbs/missing.h"
#include "verbs/overview.h"

static int list_tables(struct vfpool_pool *const *pools, const struct vfpool_inventory *inventory,
		       struct vfpool_lease *const *leases, bool nodedev)
{
	int r;

	if (!*pools)
		say("no pools are defined\n");
	r = overview_print(pools, inventory, leases, NULL, nodedev);
	if (r < 0)
		return r;
	for (; leases && *leases; leases++)
		if ((*leases)->has_vf)
			overview_print_lost(*leases, inventory);
	missing_note(inventory, pools);
	return 0;
}

static int run_list(struct vfpool *vp, const struct verb *verb, int argc, char **argv)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	bool json = false, nodedev = false;
	const struct verb_option options[] = {
		OVERVIEW_OPTIONS(&json, &nodedev),
		OPTION_END,
	};
	char **args;
	int r = verb_parse(verb, argc, argv, options, &args);

	if (r < 0)
		return r;
	r = vfpool_pools(vp, &pools);
	if (r < 0)
		return r;
	r = vfpool_inventory(vp, &inventory);
	if (r < 0)
		return r;
	r = vfpool_leases(vp, NULL, inventory, &leases);
	if (r < 0)
		return r;
	if (!json)
		return list_tables(pools, inventory, leases, nodedev);
	print_json(json_list(pools, inventory, leases));
	return 0;
}

const struct verb verb_list = {
	.name = "list",
	.args = "[--json] [--nodedev]",
	.help = "the pools, and the host's PFs and VFs",
	.run = run_list,
};
