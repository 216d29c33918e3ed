/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends a lease: releasing (ledger) → scrub the VF (host) → gone (ledger). The
 * owner's MAC stays reserved. */
#include "manager/manager.h"

#include "util/name.h"

struct release {
	struct vfpool *vp;
	const struct vfpool_pool *pool;
	struct ledger *ledger;
	struct host host;
};

static void release_end(struct release *release)
{
	ledger_close(release->ledger);
	host_end(&release->host);
}

/* A step of the ledger in a transaction of its own. */
static int commit_state(struct release *release, const struct vfpool_lease *lease, bool end)
{
	const int64_t id = (int64_t)lease->id;
	int r = ledger_begin(release->ledger);

	if (r == 0)
		r = end ? ledger_end_lease(release->ledger, id, VFPOOL_LEASE_RELEASING) :
			  ledger_move_lease(release->ledger, id, lease->state,
					    VFPOOL_LEASE_RELEASING);
	if (r == 0)
		return ledger_commit(release->ledger);
	ledger_rollback(release->ledger);
	if (r == -ESTALE)
		r = fail(&release->vp->err, r, "another vfpool has ended this lease meanwhile");
	return r;
}

static int fail_busy(struct release *release, struct vfpool_pf *pf)
{
	host_name_holders(&release->host, pf);
	return fail(&release->vp->err, -VFPOOL_EINUSE, "VF %u of %s is in use: %s", pf->vfs[0].index,
		    pf->netdev ? pf->netdev : "its PF", pf->vfs[0].busy);
}

static int release_vf(struct release *release, struct vfpool_lease *lease)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	CLEANUP(cleanup_lease) struct vfpool_lease *now = NULL;
	AUTO_CLOSE int lock = -1;
	int r = open_lease_pf(&release->host, lease, &pf, &lock);

	if (r < 0 && r != -VFPOOL_ENOTFOUND) /* a PF that is gone needs no scrubbing */
		return r;
	/* Under the lock: a late release can't touch the next owner's VF. */
	r = ledger_get_lease(release->ledger, (int64_t)lease->id, &now);
	if (r < 0)
		return r;
	if (!now)
		return fail(&release->vp->err, -VFPOOL_ENOTFOUND, "it is released already");
	lease->state = now->state;
	if (pf.n_vfs > 0 && pf.vfs[0].busy) {
		cleanup_close(&lock); /* naming the holder may take its time */
		lock = -1;
		return fail_busy(release, &pf);
	}
	if (lease->state != VFPOOL_LEASE_RELEASING && (r = commit_state(release, lease, false)) < 0)
		return r;
	if (pf.n_vfs > 0 && (r = scrub_vf(&release->host, release->ledger, release->pool, &pf,
					   lease)) < 0)
		return fail_while(&release->vp->err, r,
				  "the lease is ending, but its VF isn't scrubbed; release it again");
	if (pf.n_vfs > 0)
		lease->address = pf.vfs[0].address;
	return commit_state(release, lease, true);
}

static int release_lease(struct release *release, struct vfpool_lease *lease)
{
	int r;

	if (lease->has_vf)
		return release_vf(release, lease);
	if (lease->state != VFPOOL_LEASE_RELEASING && (r = commit_state(release, lease, false)) < 0)
		return r;
	return commit_state(release, lease, true);
}

/* Would it be refused? */
static int foresee(struct release *release, const struct vfpool_lease *lease)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	int r = lease->has_vf ? open_lease_pf(&release->host, lease, &pf, NULL) : 0;

	if (r < 0)
		return r == -VFPOOL_ENOTFOUND ? 0 : r;
	return pf.n_vfs > 0 && pf.vfs[0].busy ? fail_busy(release, &pf) : 0;
}

static int find_lease(struct release *release, const char *owner, unsigned nic,
		      struct vfpool_lease **ret_lease)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	int r = ledger_open(release->vp->dirs[VFPOOL_DIR_STATE], LEDGER_READ, &release->ledger,
			    &release->vp->err);

	if (r == 0 && release->ledger)
		r = ledger_find_lease(release->ledger, release->pool->name, owner, nic, &lease);
	if (r < 0)
		return r;
	if (!lease)
		return fail(&release->vp->err, -VFPOOL_ENOTFOUND,
			    "there is no such lease, and nothing was changed; 'vfpool show %s' names the "
			    "owners and their nics", release->pool->name);
	*ret_lease = TAKE_PTR(lease);
	return 0;
}

int vfpool_release(struct vfpool *vp, const char *pool_name, const char *owner, unsigned nic,
		   bool dry_run, struct vfpool_lease **ret_lease)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	CLEANUP(release_end) struct release release = { .vp = vp, .host = NO_HOST };
	int r = check_root(vp, "releasing a VF");

	if (r < 0)
		return r;
	if (!owner_name_is_valid(owner))
		return fail(&vp->err, -EINVAL, "'%s' can't be an owner's name: 1 to 255 "
			    "bytes of UTF-8 without control characters, '/' or a space at either end", owner);
	r = load_pool(vp, pool_name, &pool);
	if (r == -VFPOOL_ENOTFOUND && pool_name_is_valid(pool_name))
		/* Its file was removed by hand; its leases can be given back all the same. */
		r = pool_new_default(pool_name, &pool, &vp->err);
	if (r < 0)
		return r;
	release.pool = pool;
	r = find_lease(&release, owner, nic, &lease);
	if (r == 0 && (r = open_host(vp, &release.host)) == 0)
		r = dry_run ? foresee(&release, lease) : release_lease(&release, lease);
	if (r == 0 && !dry_run)
		lease->state = VFPOOL_LEASE_RELEASED;
	if (r < 0)
		return fail_while(&vp->err, r, "releasing %s nic %u in pool %s", owner, nic, pool_name);
	*ret_lease = TAKE_PTR(lease);
	return 0;
}
