/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leases, and who has them. */
#ifndef VFPOOL_LEASE_LEASE_H
#define VFPOOL_LEASE_LEASE_H

#include "manager/context.h"

/* Appends to an array that ends with NULL. -ENOMEM. */
int add_to_leases(struct vfpool_lease ***leases, size_t *n, struct vfpool_lease *lease);

/* Notes in the lease which guest of the context's libvirt has it. */
int lease_see_guest(struct vfpool *vp, struct ledger *ledger, const struct vfpool_lease *lease,
		    const char *uuid);

#endif
