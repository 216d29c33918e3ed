/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leases listed, and as a guest's <interface>. */
#include "manager/manager.h"

static void look_up_addresses(struct vfpool_lease **leases, const struct vfpool_inventory *inventory)
{
	for (struct vfpool_lease **lease = leases; *lease; lease++)
		for (size_t i = 0; i < inventory->n_pfs; i++) {
			const struct vfpool_pf *pf = &inventory->pfs[i];
			const struct vfpool_vf *vf;

			if (!(*lease)->has_vf || !is_lease_pf(*lease, pf))
				continue;
			vf = vfpool_find_vf(pf, (*lease)->vf);
			if (vf)
				(*lease)->address = vf->address;
		}
}

int vfpool_leases(struct vfpool *vp, const char *pool, const struct vfpool_inventory *inventory,
		  struct vfpool_lease ***ret_leases)
{
	CLEANUP(cleanup_ledger) struct ledger *ledger = NULL;
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	int r = ledger_open(vp->dirs[VFPOOL_DIR_STATE], LEDGER_READ, &ledger, &vp->err);

	if (r == 0 && ledger) {
		r = ledger_leases(ledger, pool, &leases);
	} else if (r == 0) {
		leases = calloc(1, sizeof(*leases));
		r = leases ? 0 : fail_oom(&vp->err);
	}
	if (r < 0)
		return r;
	look_up_addresses(leases, inventory);
	*ret_leases = TAKE_PTR(leases);
	return 0;
}

int vfpool_interface_xml(struct vfpool *vp, const struct vfpool_lease *lease, char **ret_xml)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	int r = load_pool(vp, lease->pool, &pool);

	if (r < 0)
		return r;
	r = guest_interface_xml(pool, lease, ret_xml);
	return r < 0 ? fail_oom(&vp->err) : 0;
}
