/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends leases. */
#ifndef VFPOOL_LEASE_RELEASE_H
#define VFPOOL_LEASE_RELEASE_H

#include "manager/context.h"

/* What ending a lease takes. */
struct ending {
	struct vfpool *vp;
	struct ledger *ledger;
	struct host *host;
	const struct vfpool_pool *pool;
	bool forget, force, dry_run;
	bool only_pending; /* -E_CHANGED, without a message, when it isn't pending any more */
};

/* Releases one lease; the rest of it is told in *lease. */
int lease_end(const struct ending *ending, struct vfpool_lease *lease);

#endif
