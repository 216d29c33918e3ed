/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions claim VFs: each <pf> with the PF of the host that it means. */
#include "manager/claims.h"

int claims_resolve(struct vfpool *vp, struct vfpool_pool *const *pools,
		   const struct vfpool_inventory *inventory, struct pool_claim **ret_claims,
		   size_t *ret_n)
{
	struct pool_claim *claims;
	size_t n = 0;

	for (struct vfpool_pool *const *pool = pools; *pool; pool++)
		n += (*pool)->n_pfs;
	claims = calloc(n + 1, sizeof(*claims));
	if (!claims)
		return fail_oom(&vp->err);
	n = 0;
	for (struct vfpool_pool *const *pool = pools; *pool; pool++)
		for (size_t i = 0; i < (*pool)->n_pfs; i++)
			claims[n++] = (struct pool_claim){
				.pool = *pool,
				.want = &(*pool)->pfs[i],
				.pf = vfpool_find_pf(inventory, &(*pool)->pfs[i]),
			};
	*ret_claims = claims;
	*ret_n = n;
	return 0;
}

void claims_read_vectors(struct host *host, const struct pool_claim *claims, size_t n, bool locked,
			 struct vfpool_pf *pf)
{
	bool is_asked = false;

	for (size_t i = 0; i < n; i++)
		is_asked = is_asked || (claims[i].pf == pf && claims[i].pool->vectors);
	if (is_asked)
		host_read_vectors(host, pf, locked);
}

int claims_check(struct vfpool *vp, struct host *host, struct vfpool_inventory *inventory,
		 const struct pool_claim *claims, size_t n)
{
	for (size_t i = 0; i < inventory->n_pfs; i++)
		claims_read_vectors(host, claims, n, false, &inventory->pfs[i]);
	return pool_check_claims(claims, n, &vp->err);
}

int claims_fail_missing_pf(struct vfpool *vp, struct host *host, const struct pool_claim *claim)
{
	int r = host_explain_missing(host, claim->want);

	return fail_while(&vp->err, r, "%s:%d", claim->pool->file, claim->want->line);
}

const struct vfpool_pool *claims_pool_of_vf(const struct pool_claim *claims, size_t n,
					    const struct vfpool_pci *pf, unsigned vf)
{
	for (size_t i = 0; i < n; i++)
		if (claims[i].pf && vfpool_pci_equal(&claims[i].pf->address, pf) &&
		    vfpool_pool_has_vf(claims[i].want, vf))
			return claims[i].pool;
	return NULL;
}
