/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes a lease's VF what the lease says. */
#ifndef VFPOOL_LEASE_SETTLE_H
#define VFPOOL_LEASE_SETTLE_H

#include "manager/lease/choose.h"

/* Was the lease made by this alloc, and nothing programmed for it? NULL: no, or it isn't known. */
uint64_t *settle_find_untouched(const struct alloc *alloc, const struct vfpool_lease *lease);

/* Makes the lease's VF what the lease says. -E_CHANGED: choose anew, since the VF can't be
 * had, or another process was at work on the lease. */
int settle(struct alloc *alloc, struct vfpool_lease *lease);

/* Unmarks the VFs that couldn't be set up, when none was got. */
void settle_forgive_faulty(struct alloc *alloc);

/* Frees VFs that were passed over, or in quarantine, and may be had again. *ret_any: at least one. */
int settle_free_idle_vfs(struct alloc *alloc, bool *ret_any);

#endif
