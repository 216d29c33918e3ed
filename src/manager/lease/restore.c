/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A backup of the ledger comes back, and what was given out since is recorded as far as the VFs tell. */
#include "manager/claims.h"
#include "manager/context.h"
#include "manager/definitions.h"
#include "manager/findings.h"
#include "manager/parking.h"

#include "util/mac.h"
#include "util/name.h"

#include <string.h>

struct restore {
	struct vfpool *vp;
	struct ledger *ledger;
	struct vfpool_findings *found;
};

static const char *pf_name_of(const struct vfpool_pf *pf)
{
	return pf_name(pf, "its PF");
}

/* Gives the owner, whose MAC the VF has, a lease of it again. */
static int lease_again(struct restore *restore, const struct pool_claim *claim,
		       const struct vfpool_vf *vf, const struct ledger_vf *row, int64_t reservation)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	const int vlan = vf->programmed.have & VFPOOL_ATTR_VLAN &&
					 vf->programmed.vlan != claim->pool->policy.vlan ?
				 (int)vf->programmed.vlan :
				 -1;
	int64_t id;
	int r;

	r = ledger_add_lease(restore->ledger, reservation, row->id, vlan, &id);
	if (r < 0)
		return r;
	r = ledger_move_lease(restore->ledger, id, VFPOOL_LEASE_PENDING, VFPOOL_LEASE_ACTIVE);
	if (r < 0)
		return r;
	r = ledger_get_lease(restore->ledger, id, &lease);
	if (r < 0)
		return r;
	return findings_add(restore->found, VFPOOL_FOUND_ADOPTED, VFPOOL_FINDING_DONE, &lease,
			    "VF %u of %s has its MAC: it has a lease again", vf->index,
			    pf_name_of(claim->pf));
}

/* Holds a VF of which nobody knows whose it is: nobody gets it before a person has looked. By the backup it may be
 * another's. */
static int hold_stray(struct restore *restore, const struct pool_claim *claim,
		      const struct vfpool_vf *vf, const struct ledger_vf *row, int64_t pf_id)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	char mac[VFPOOL_MAC_TEXT], reason[160];
	AUTO_FREE char *before = NULL;
	int r = row->lease ? ledger_get_lease(restore->ledger, row->lease, &lease) : 0;

	if (r < 0)
		return r;
	vfpool_mac_format(&vf->programmed.mac, mac);
	snprintf(reason, sizeof(reason), "has %s, given out after the backup that was restored",
		 mac);
	r = ledger_hold(restore->ledger, pf_id, (int)vf->index, reason, &before);
	return r < 0 ? r :
		       findings_add(
			       restore->found, VFPOOL_FOUND_ADOPTED, VFPOOL_FINDING_LEFT, &lease,
			       "VF %u of %s is held: it %s, and the backup doesn't know whose it is; 'vfpool unhold' "
			       "when nobody has it",
			       vf->index, pf_name_of(claim->pf), reason);
}

/* Has the VF a MAC that may be an owner's? Every ledger parks VFs in one half of the pool's range, so one from there
 * is nobody's, whichever ledger it was that parked it. */
static bool has_owners_mac(const struct vfpool_pool *pool, const struct vfpool_vf *vf)
{
	const uint64_t mac = vf->programmed.have & VFPOOL_ATTR_MAC ?
				     mac_number(&vf->programmed.mac) :
				     0;
	struct vfpool_mac first, last;

	mac_range(pool, MAC_PARKING, &first, &last);
	return mac && (mac < mac_number(&first) || mac > mac_number(&last));
}

static int adopt_vf(struct restore *restore, const struct pool_claim *claim,
		    const struct vfpool_vf *vf, int64_t pf_id)
{
	const struct vfpool_mac *mac = &vf->programmed.mac;
	AUTO_FREE char *who = NULL;
	struct ledger_vf row = { 0 };
	int64_t reservation = 0;
	int r;

	if (!has_owners_mac(claim->pool, vf))
		return 0;
	r = parking_record_vf(restore->vp, restore->ledger, claim, pf_id,
			      vf->index); /* it may have come into the pool since */
	if (r < 0)
		return r;
	r = ledger_vf(restore->ledger, pf_id, vf->index, &row);
	if (r < 0 || row.quarantined || strcmp(row.pool, claim->pool->name) != 0)
		return r;
	if (!row.lease)
		r = ledger_idle_reservation(restore->ledger, claim->pool->name, mac, &reservation);
	if (r < 0 || reservation)
		return r < 0 ? r : lease_again(restore, claim, vf, &row, reservation);
	r = ledger_mac_user(restore->ledger, mac, &who);
	return r < 0 || who ? r : hold_stray(restore, claim, vf, &row, pf_id);
}

static int adopt_claim(struct restore *restore, const struct pool_claim *claim)
{
	int64_t pf_id = 0;
	int r = claim->pf ? ledger_pf(restore->ledger, claim->pf, true, &pf_id) : 0;

	for (size_t i = 0; r == 0 && claim->pf && claim->pool->allocate == VFPOOL_BY_VFPOOL &&
			   i < claim->pf->n_vfs;
	     i++)
		if (vfpool_pool_has_vf(claim->want, claim->pf->vfs[i].index))
			r = adopt_vf(restore, claim, &claim->pf->vfs[i], pf_id);
	return r;
}

static int adopt_vfs(struct restore *restore)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	CLEANUP(rollback) struct ledger *ledger = restore->ledger;
	AUTO_FREE struct pool_claim *claims = NULL;
	AUTO_HOST struct host host = NO_HOST;
	size_t n_claims = 0;
	int r = definition_load_sound(restore->vp, &pools);

	if (r < 0 || !pools[0])
		return r;
	r = open_host(restore->vp, &host);
	if (r < 0)
		return r;
	r = host_read_inventory(&host, HOST_ALL_VFS, &inventory);
	if (r < 0)
		return r;
	r = claims_resolve(restore->vp, pools, inventory, &claims, &n_claims);
	if (r < 0)
		return r;
	r = ledger_begin(ledger);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < n_claims; i++)
		r = adopt_claim(restore, &claims[i]);
	return r < 0 ? r : ledger_commit(ledger);
}

/* Records what the VFs have in the restored ledger, and then stamps it: nobody else uses it before that. */
static int use_restored(struct restore *restore)
{
	struct vfpool *vp = restore->vp;
	int r = ledger_open(vp->dirs[VFPOOL_DIR_STATE], vp->dirs[VFPOOL_DIR_RUN], LEDGER_CHANGE,
			    &vp->ledger, &vp->err);

	if (r < 0)
		return r;
	if (!vp->ledger)
		r = fail(&vp->err, -VFPOOL_ELEDGER, "it was deleted meanwhile");
	if (r < 0)
		return r;
	ledger_set_command(vp->ledger, vp->command);
	restore->ledger = vp->ledger;
	r = adopt_vfs(restore);
	return r < 0 ? r : ledger_replace_stamp(vp->ledger);
}

int vfpool_restore(struct vfpool *vp, const char *file, bool dry_run,
		   struct vfpool_findings **ret_findings)
{
	CLEANUP(cleanup_findings) struct vfpool_findings *found = calloc(1, sizeof(*found));
	struct restore restore = { .vp = vp, .found = found };
	int r = found ? check_root(vp, "restoring the ledger") : fail_oom(&vp->err);

	if (r < 0)
		return r;
	ledger_close(TAKE_PTR(vp->ledger));
	r = ledger_restore(vp->dirs[VFPOOL_DIR_STATE], vp->dirs[VFPOOL_DIR_RUN], file, dry_run,
			   &vp->err);
	if (r < 0)
		return fail_while(&vp->err, r, "restoring the ledger from %s", file);
	vp->ledger_is_judged = false;
	if (!dry_run) {
		r = use_restored(&restore);
		if (r < 0)
			return fail_while(
				&vp->err, r,
				"the ledger is restored, but what the VFs have isn't recorded, so that it "
				"isn't used before it is restored again");
	}
	*ret_findings = TAKE_PTR(found);
	return 0;
}
