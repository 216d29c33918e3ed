/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host's IOMMU groups mean for a VF. */
#ifndef VFPOOL_IOMMU_H
#define VFPOOL_IOMMU_H

#include "manager/context.h"

/*
 * Why no guest can get the VF, pf->vfs[0], by a lease with that number to `owner` (NULL, 0: not known yet) in a
 * pool whose VFs are for guests: its IOMMU group also has what the host uses, or what another owner has.
 * *ret_obstacle is NULL when nothing is in the way; free() it.
 */
int iommu_find_obstacle(struct host *host, struct ledger *ledger, const struct vfpool_pool *pool,
			struct vfpool_pf *pf, const char *owner, uint64_t lease,
			char **ret_obstacle);

#endif
