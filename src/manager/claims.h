/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions claim VFs: each <pf> with the PF of the host that it means. */
#ifndef VFPOOL_CLAIMS_H
#define VFPOOL_CLAIMS_H

#include "manager/context.h"

/* Finds the PFs that the pools' <pf>s mean; free() *ret_claims. */
int claims_resolve(struct vfpool *vp, struct vfpool_pool *const *pools,
		   const struct vfpool_inventory *inventory, struct pool_claim **ret_claims,
		   size_t *ret_n);

/* Returns the pool of which that VF of the PF at `pf` is; NULL: none. */
const struct vfpool_pool *claims_pool_of_vf(const struct pool_claim *claims, size_t n,
					    const struct vfpool_pci *pf, unsigned vf);

/* host_read_vectors() where a definition is about them: a PF whose driver hangs would let this process
 * hang too, and most have no need to ask. */
void claims_read_vectors(struct host *host, const struct pool_claim *claims, size_t n, bool locked,
			 struct vfpool_pf *pf);

/* pool_check_claims(), once the PFs of definitions with <vectors> were asked how many there are. */
int claims_check(struct vfpool *vp, struct host *host, struct vfpool_inventory *inventory,
		 const struct pool_claim *claims, size_t n);

/* Says why that <pf> means nothing here, with its file and line. */
int claims_fail_missing_pf(struct vfpool *vp, struct host *host, const struct pool_claim *claim);

#endif
