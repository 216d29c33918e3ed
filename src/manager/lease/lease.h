/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leases, and who has them. */
#ifndef VFPOOL_LEASE_LEASE_H
#define VFPOOL_LEASE_LEASE_H

#include "manager/context.h"

/* Tells whether it is that guest's: by its name, or by the UUID that libvirt gave it when it was seen with the VF. A
 * tool may call its guest otherwise than libvirt does, and a guest that is made anew has another UUID. */
bool lease_is_guests(const struct vfpool_lease *lease, const struct guest *guest);

/* Finds the ledger's row of the VF at that address. ret_row->id is 0 when it is no pool's, or nothing is
 * there. VFPOOL_ENOTFOUND: its PF went just now. */
int lease_find_row(struct host *host, struct ledger *ledger, const struct vfpool_pci *address,
		   struct ledger_vf *ret_row);

/* Appends to an array that ends with NULL. -ENOMEM. */
int lease_add(struct vfpool_lease ***leases, size_t *n, struct vfpool_lease *lease);

/* Notes in the lease which guest of the context's libvirt has it. */
int lease_see_guest(struct vfpool *vp, struct ledger *ledger, const struct vfpool_lease *lease,
		    const char *uuid);

#endif
