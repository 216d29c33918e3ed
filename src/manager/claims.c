/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions claim VFs: each <pf> with the PF of the host that it means. */
#include "manager/claims.h"

int claims_resolve(struct vfpool *vp, struct vfpool_pool *const *pools,
		   const struct vfpool_inventory *inventory, struct pool_use **ret_uses,
		   size_t *ret_n)
{
	struct pool_use *uses;
	size_t n = 0;

	for (struct vfpool_pool *const *pool = pools; *pool; pool++)
		n += (*pool)->n_pfs;
	uses = calloc(n + 1, sizeof(*uses));
	if (!uses)
		return fail_oom(&vp->err);
	n = 0;
	for (struct vfpool_pool *const *pool = pools; *pool; pool++)
		for (size_t i = 0; i < (*pool)->n_pfs; i++)
			uses[n++] = (struct pool_use){
				.pool = *pool,
				.want = &(*pool)->pfs[i],
				.pf = vfpool_find_pf(inventory, &(*pool)->pfs[i]),
			};
	*ret_uses = uses;
	*ret_n = n;
	return 0;
}

void claims_read_vectors(struct host *host, const struct pool_use *uses, size_t n, bool locked,
			 struct vfpool_pf *pf)
{
	bool is_asked = false;

	for (size_t i = 0; i < n; i++)
		is_asked = is_asked || (uses[i].pf == pf && uses[i].pool->vectors);
	if (is_asked)
		host_read_vectors(host, pf, locked);
}

int check_uses(struct vfpool *vp, struct host *host, struct vfpool_inventory *inventory,
	       const struct pool_use *uses, size_t n)
{
	for (size_t i = 0; i < inventory->n_pfs; i++)
		claims_read_vectors(host, uses, n, false, &inventory->pfs[i]);
	return pool_check_uses(uses, n, &vp->err);
}

int fail_missing_pf(struct vfpool *vp, struct host *host, const struct pool_use *use)
{
	int r = host_explain_missing(host, use->want);

	return fail_while(&vp->err, r, "%s:%d", use->pool->file, use->want->line);
}

const struct vfpool_pool *pool_of_vf(const struct pool_use *uses, size_t n,
				     const struct vfpool_pci *pf, unsigned vf)
{
	for (size_t i = 0; i < n; i++)
		if (uses[i].pf && vfpool_pci_equal(&uses[i].pf->address, pf) &&
		    vfpool_pool_has_vf(uses[i].want, vf))
			return uses[i].pool;
	return NULL;
}
