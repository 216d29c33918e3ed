/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host as it is, with each VF's pool and lease. */
#ifndef VFPOOL_INVENTORY_H
#define VFPOOL_INVENTORY_H

#include "manager/context.h"

/* Reads the host as host_read_inventory() does, with a note for each PF that can't be looked at. */
int inventory_read_host(struct vfpool *vp, struct host *host, int which,
			struct vfpool_inventory **ret_inventory);

/* Finds the PF that a person names: netdev, PCI address or permanent MAC. *ret_pf is the inventory's.
 * -VFPOOL_ENOTFOUND: there is none. */
int inventory_find_pf(struct vfpool *vp, const struct vfpool_inventory *inventory, const char *name,
		      const struct vfpool_pf **ret_pf);

/* Fills each VF's pool, owner and state. A NULL ledger has no leases. */
int inventory_mark_vfs(struct vfpool *vp, struct ledger *ledger, const struct pool_claim *claims,
		       size_t n_claims, struct vfpool_pf *pf);

/* vfpool_inventory() of a host whose ledger can't be read. */
int inventory_without_ledger(struct vfpool *vp, struct vfpool_inventory **ret_inventory);

#endif
