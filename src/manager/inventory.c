/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host as it is, with each VF's pool and lease. */
#include "manager/inventory.h"
#include "manager/claims.h"
#include "manager/definitions.h"
#include "manager/open_ledger.h"
#include "manager/refusals.h"
#include "manager/vf.h"

#include "util/file.h"
#include "util/name.h"

#include <string.h>

int inventory_read_host(struct vfpool *vp, struct host *host, int which,
			struct vfpool_inventory **ret_inventory)
{
	int r = host_read_inventory(host, which, ret_inventory);

	for (size_t i = 0; r == 0 && i < (*ret_inventory)->n_unread; i++) {
		host_fail_unread(&vp->err, &(*ret_inventory)->unread[i]);
		note(vp, "%s", vp->err.text);
	}
	return r;
}

int inventory_find_pf(struct vfpool *vp, const struct vfpool_inventory *inventory, const char *name,
		      const struct vfpool_pf **ret_pf)
{
	struct vfpool_pool_pf want = { .by = VFPOOL_PF_BY_DEV, .dev = (char *)name };

	if (vfpool_pci_parse(name, &want.address) == 0)
		want.by = VFPOOL_PF_BY_ADDRESS;
	else if (vfpool_mac_parse(name, &want.mac) == 0)
		want.by = VFPOOL_PF_BY_MAC;
	*ret_pf = vfpool_find_pf(inventory, &want);
	if (*ret_pf)
		return 0;
	for (size_t i = 0; i < inventory->n_unread; i++) {
		const struct vfpool_inventory one = { .unread = &inventory->unread[i],
						      .n_unread = 1 };

		if (vfpool_may_be_unread(&one, &want))
			return host_fail_unread(&vp->err, &inventory->unread[i]);
	}
	return fail(&vp->err, -VFPOOL_ENOTFOUND,
		    "this host has no PF %s; 'vfpool list' shows its PFs", name);
}

/* Fills vf->held with why nobody is to get the VF, when it is held or its PF is. */
static int mark_held(struct vfpool *vp, struct ledger *ledger, int64_t pf_id,
		     const struct ledger_vf *row, struct vfpool_vf *vf)
{
	AUTO_FREE char *reason = NULL;
	int r = ledger_held(ledger, pf_id, row->held ? (int)vf->index : -1, &reason);

	if (r < 0 || !reason)
		return r;
	vf->held = format_text("%s%s", reason, row->held ? "" : " (the whole PF)");
	return vf->held ? 0 : fail_oom(&vp->err);
}

/* Has the VF the pool's driver, as apply would judge it? A guest may have it by another of vfio's drivers. */
static bool has_its_driver(const struct vfpool_pool *pool, const struct vfpool_vf *vf)
{
	const char *is = vf->driver ? vf->driver : "";

	return driver_is(is, vf_driver_name(pool->driver)) ||
	       (pool->driver == VFPOOL_DRIVER_VFIO && vf->busy && driver_is_vfio(is));
}

/* Differs the VF from its pool's definition? Without a row nothing was applied yet. A VF that libvirt has given to
 * a guest has what libvirt says, and one in quarantine what it had. */
static bool is_off(const struct vfpool_pool *pool, const struct vfpool_pf *pf,
		   const struct vfpool_vf *vf, const struct ledger_vf *row,
		   const struct vfpool_lease *lease)
{
	struct vfpool_settings want;

	if ((pool->allocate == VFPOOL_BY_LIBVIRT && vf->busy) || row->quarantined ||
	    (lease && lease->state != VFPOOL_LEASE_ACTIVE))
		return false;
	if (!row->id || !has_its_driver(pool, vf) ||
	    (pool->vectors && vf->vectors && vf->vectors != pool->vectors))
		return true;
	want = lease ? vf_settings_of_lease(pool, pf, lease) :
		       vf_settings_with_mac(pool, pf, &row->parking);
	return vfpool_settings_differ(&vf->programmed, &want) ||
	       vfpool_settings_refused(&want, pf->refusals, pf->n_refusals);
}

static int mark_vf(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
		   int64_t pf_id, const struct vfpool_pf *pf, struct vfpool_vf *vf)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct ledger_vf row = { 0 };
	int r = ledger_vf(ledger, pf_id, vf->index, &row);

	if (r < 0)
		return r;
	if (row.lease)
		r = ledger_get_lease(ledger, row.lease, &lease);
	if (r < 0)
		return r;
	if (row.held || row.pf_held)
		r = mark_held(vp, ledger, pf_id, &row, vf);
	if (r < 0)
		return r;
	vf->is_off = pool && is_off(pool, pf, vf, &row, lease);
	if (lease) {
		vf->owner = TAKE_PTR(lease->owner);
		vf->nic = lease->nic;
		vf->state = VFPOOL_VF_LEASED;
	} else if (row.quarantined) {
		vf->state = VFPOOL_VF_QUARANTINED;
	} else if (vf->held && !vf->busy) {
		vf->state = VFPOOL_VF_HELD;
	}
	return 0;
}

int inventory_mark_vfs(struct vfpool *vp, struct ledger *ledger, const struct pool_claim *claims,
		       size_t n_claims, struct vfpool_pf *pf)
{
	int64_t pf_id = 0;
	int r = ledger ? ledger_pf(ledger, pf, false, &pf_id) : 0;

	if (r < 0)
		return r;
	if (pf_id)
		r = refusals_read(ledger, pf);
	for (size_t i = 0; r == 0 && i < pf->n_vfs; i++) {
		struct vfpool_vf *vf = &pf->vfs[i];
		const struct vfpool_pool *pool = claims_pool_of_vf(claims, n_claims, &pf->address,
								   vf->index);

		vf->state = vf->busy ? VFPOOL_VF_BUSY : VFPOOL_VF_FREE;
		vf->pool = pool ? strdup(pool->name) : NULL;
		if (pool && !vf->pool)
			return fail_oom(&vp->err);
		vf->is_off = pool; /* as long as nothing was applied */
		if (pf_id)
			r = mark_vf(vp, ledger, pool, pf_id, pf, vf);
	}
	return r;
}

static void mark_unknown(struct vfpool_inventory *inventory)
{
	for (size_t i = 0; i < inventory->n_pfs; i++)
		for (size_t j = 0; j < inventory->pfs[i].n_vfs; j++) {
			struct vfpool_vf *vf = &inventory->pfs[i].vfs[j];

			vf->is_off = false;
			if (!vf->busy)
				vf->state = VFPOOL_VF_UNKNOWN;
		}
}

/* Reads the host with each VF's pool and lease. `with_ledger` is false where whatever keeps that from being read is
 * told elsewhere. */
static int read_inventory(struct vfpool *vp, bool with_ledger,
			  struct vfpool_inventory **ret_inventory)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	CLEANUP(rollback) struct ledger *ledger = NULL;
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	AUTO_FREE struct pool_claim *claims = NULL;
	AUTO_HOST struct host host = NO_HOST;
	size_t n_claims;
	bool readable = with_ledger;
	int r;

	r = open_host(vp, &host);
	if (r < 0)
		return r;
	r = host_read_inventory(&host, HOST_ALL_VFS, &inventory);
	if (r < 0)
		return r;
	r = definition_load_sound(vp, &pools);
	if (r < 0)
		return r;
	r = claims_resolve(vp, pools, inventory, &claims, &n_claims);
	if (r < 0)
		return r;
	if (with_ledger) {
		r = open_ledger(vp, LEDGER_READ, &ledger);
		readable = !open_ledger_is_out_of_reach(r);
	}
	if (with_ledger && !readable)
		note(vp, "%s, so free and leased aren't told apart",
		     r == -EACCES ? "who leases what is for root" : vp->err.text);
	if (r < 0 && readable)
		return r;
	r = ledger ? ledger_begin_read(ledger) : 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < inventory->n_pfs; i++) {
		host_name_holders(&host, &inventory->pfs[i]);
		claims_read_vectors(&host, claims, n_claims, false, &inventory->pfs[i]);
		r = host_judge_vfs(&host, &inventory->pfs[i]);
		if (r < 0)
			return r;
		r = inventory_mark_vfs(vp, ledger, claims, n_claims, &inventory->pfs[i]);
		if (r < 0)
			return r;
	}
	if (!readable)
		mark_unknown(inventory);
	host_name_devices(inventory);
	host_read_eswitch(inventory);
	*ret_inventory = TAKE_PTR(inventory);
	return 0;
}

int vfpool_inventory(struct vfpool *vp, struct vfpool_inventory **ret_inventory)
{
	return read_inventory(vp, true, ret_inventory);
}

int inventory_without_ledger(struct vfpool *vp, struct vfpool_inventory **ret_inventory)
{
	return read_inventory(vp, false, ret_inventory);
}
