/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools and PFs with their VFs, as `list` and `show` print them. */
#ifndef VFPOOL_OVERVIEW_H
#define VFPOOL_OVERVIEW_H

#include "vfpool.h"

/* The options of both; each goes to a bool. */
#define OVERVIEW_OPTIONS(json, nodedev)                   \
	OPTION_FLAG("json", json, "everything, as JSON"), \
		OPTION_FLAG("nodedev", nodedev,           \
			    "libvirt's names of the devices instead of addresses")

/* True when what is shown is all (`pool` is NULL), or the VF is that pool's. */
bool overview_has_vf(const char *pool, const struct vfpool_vf *vf);

/* True when what is shown is all (`pool` is NULL), or one of the PF's VFs is that pool's. */
bool overview_has_pf(const char *pool, const struct vfpool_pf *pf);

/*
 * Prints `pools` (the array ends with NULL) with how many of their VFs are free and busy and how
 * many `leases` they have, NULL: that isn't known; then the PFs with their VFs as a tree, all of
 * them or those of `pool`, unless it is NULL, and the PFs that can't be looked at. With `nodedev`
 * addresses are libvirt's names. Returns 0 or a negative errno.
 */
int overview_print(struct vfpool_pool *const *pools, const struct vfpool_inventory *inventory,
		   struct vfpool_lease *const *leases, const char *pool, bool nodedev);

/* Prints a line for a lease that has none in the tree: its VF, or the card, isn't there. */
void overview_print_lost(const struct vfpool_lease *lease,
			 const struct vfpool_inventory *inventory);

#endif
