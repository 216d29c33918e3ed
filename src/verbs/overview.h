/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools and PFs with their VFs, as `list` and `show` print them. */
#ifndef VFPOOL_OVERVIEW_H
#define VFPOOL_OVERVIEW_H

#include "vfpool.h"

/* True when what is shown is all (`pool` is NULL), or the VF is that pool's. */
bool overview_has_vf(const char *pool, const struct vfpool_vf *vf);

/* True when what is shown is all (`pool` is NULL), or one of the PF's VFs is that pool's. */
bool overview_has_pf(const char *pool, const struct vfpool_pf *pf);

/* Prints the pools, with how many of their VFs are free and busy and how many leases they have; NULL leases aren't
 * known. Returns 0 or a negative errno. */
int overview_print_pools(struct vfpool_pool *const *pools, const struct vfpool_inventory *inventory,
			 struct vfpool_lease *const *leases);

/* Prints the PFs with their VFs as a tree, all or those of `pool`, unless it is NULL; `nodedev`: addresses are libvirt's names.
 * Returns 0 or a negative errno. */
int overview_print_pfs(const struct vfpool_inventory *inventory, const char *pool, bool nodedev);

/* Prints a line for each PF that can't be looked at. */
void overview_print_unread(const struct vfpool_inventory *inventory);

/* Prints a line for a lease that has none in the tree: its VF, or the card, isn't there. */
void overview_print_lost(const struct vfpool_lease *lease,
			 const struct vfpool_inventory *inventory);

#endif
