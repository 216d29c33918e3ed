/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is free (ledger) → which VF and MAC (pool) → pending (ledger) → look at
 * that VF, program it (host) → active (ledger). No transaction spans a look
 * at the host; killed anywhere, the same alloc goes on where it stopped.
 */
#include "manager/manager.h"

#include "util/name.h"

#include <string.h>

#define MAC_ATTEMPTS 1000

/* A VF that turns out busy or another process's sends alloc to the next one;
 * there are at most so many VFs on a PF. */
#define VF_ATTEMPTS 65536

struct alloc {
	struct vfpool *vp;
	const struct vfpool_pool *pool;
	const char *owner;
	unsigned nic;
	struct ledger *ledger;
	struct host host;
	struct error passed_over; /* why the last VF couldn't be had */
};

static void alloc_end(struct alloc *alloc)
{
	ledger_close(alloc->ledger);
	host_end(&alloc->host);
}

/* ---- in the ledger ---- */

/* The owner's MAC: the one reserved long ago, or a new one. */
static int reserve_mac(struct alloc *alloc)
{
	AUTO_FREE char *seed = NULL;
	struct vfpool_mac mac;
	char key[300];
	bool found;
	int r = ledger_reservation(alloc->ledger, alloc->pool->name, alloc->owner, alloc->nic, &mac,
				   &found);

	if (r < 0 || found)
		return r;
	r = pool_seed(alloc->vp, alloc->ledger, alloc->pool, &seed);
	snprintf(key, sizeof(key), "%s\n%u", alloc->owner, alloc->nic);
	for (unsigned attempt = 0; r == 0 && attempt < MAC_ATTEMPTS; attempt++) {
		mac_make(alloc->pool, seed, MAC_LEASE, key, attempt, &mac);
		r = ledger_reserve(alloc->ledger, alloc->pool->name, alloc->owner, alloc->nic, &mac);
		if (r != -EEXIST)
			return r;
		r = 0;
	}
	return r < 0 ? r : fail(&alloc->vp->err, -ENOSPC,
				"pool %s: its MAC prefix has no address left for %s; take a shorter prefix",
				alloc->pool->name, alloc->owner);
}

static int fail_no_vf(struct alloc *alloc, size_t n_pfs)
{
	if (n_pfs == 0)
		return fail(&alloc->vp->err, -ENODATA,
			    "pool %s hasn't been applied yet; 'vfpool apply %s' comes first",
			    alloc->pool->name, alloc->pool->name);
	return fail(&alloc->vp->err, -VFPOOL_ENOVF,
		    "no VF of pool %s is free; 'vfpool show %s' tells who has them", alloc->pool->name,
		    alloc->pool->name);
}

static int choose_vf(struct alloc *alloc, int64_t *ret_vf)
{
	AUTO_FREE struct placement_pf *candidates = NULL;
	AUTO_FREE struct ledger_vf *rows = NULL;
	AUTO_FREE int64_t *pfs = NULL;
	size_t n;
	int r = ledger_pool_pfs(alloc->ledger, alloc->pool->name, &pfs, &n);

	if (r < 0)
		return r;
	rows = calloc(n + 1, sizeof(*rows));
	candidates = calloc(n + 1, sizeof(*candidates));
	if (!rows || !candidates)
		return fail_oom(&alloc->vp->err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = ledger_free_vf(alloc->ledger, alloc->pool->name, pfs[i], &rows[i],
				   &candidates[i].n_leased);
		candidates[i].n_free = rows[i].id != 0;
	}
	if (r < 0)
		return r;
	r = placement_choose(alloc->pool->placement, candidates, n);
	if (r < 0)
		return fail_no_vf(alloc, n);
	*ret_vf = rows[r].id;
	return 0;
}

/* libvirt picks the VF; vfpool sees to it that there are enough. */
static int check_capacity(struct alloc *alloc)
{
	AUTO_FREE struct ledger_vf *vfs = NULL;
	AUTO_FREE int64_t *pfs = NULL;
	size_t n_vfs, n_pfs;
	unsigned n_leases;
	int r;

	if ((r = ledger_vfs(alloc->ledger, alloc->pool->name, &vfs, &n_vfs)) < 0 ||
	    (r = ledger_pool_pfs(alloc->ledger, alloc->pool->name, &pfs, &n_pfs)) < 0 ||
	    (r = ledger_count_leases(alloc->ledger, alloc->pool->name, &n_leases)) < 0)
		return r;
	return n_leases < n_vfs ? 0 : fail_no_vf(alloc, n_pfs);
}

static int find_or_add(struct alloc *alloc, struct vfpool_lease **ret_lease)
{
	int64_t vf = 0, id;
	int r = ledger_find_lease(alloc->ledger, alloc->pool->name, alloc->owner, alloc->nic,
				  ret_lease);

	if (r < 0 || *ret_lease)
		return r;
	r = alloc->pool->allocate == VFPOOL_BY_LIBVIRT ? check_capacity(alloc) :
							 choose_vf(alloc, &vf);
	if (r < 0 || (r = reserve_mac(alloc)) < 0 ||
	    (r = ledger_add_lease(alloc->ledger, alloc->pool->name, alloc->owner, alloc->nic, vf,
				  &id)) < 0)
		return r;
	if (!vf) /* nothing to program: it is active at once */
		r = ledger_move_lease(alloc->ledger, id, VFPOOL_LEASE_PENDING, VFPOOL_LEASE_ACTIVE);
	return r < 0 ? r : ledger_get_lease(alloc->ledger, id, ret_lease);
}

/* The owner's lease as it is, or a new one, pending. */
static int choose(struct alloc *alloc, bool dry_run, struct vfpool_lease **ret_lease)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	int r = ledger_begin(alloc->ledger);

	if (r == 0)
		r = find_or_add(alloc, &lease);
	if (r == 0 && !dry_run)
		r = ledger_commit(alloc->ledger);
	if (r < 0 || dry_run)
		ledger_rollback(alloc->ledger);
	if (r == 0)
		*ret_lease = TAKE_PTR(lease);
	return r;
}

static int drop_pending(struct alloc *alloc, const struct vfpool_lease *lease, bool avoid)
{
	const int64_t id = (int64_t)lease->id;
	int r = ledger_begin(alloc->ledger);

	if (r == 0 && avoid)
		r = ledger_avoid_leased(alloc->ledger, id);
	if (r == 0)
		r = ledger_end_lease(alloc->ledger, id, VFPOOL_LEASE_PENDING);
	if (r == 0)
		return ledger_commit(alloc->ledger);
	ledger_rollback(alloc->ledger);
	return r == -ESTALE ? 0 : r;
}

/* ---- on the host ---- */

/* Under the PF's lock: is the lease still what it was? */
static int check_generation(struct alloc *alloc, const struct vfpool_lease *lease)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *now = NULL;
	int r = ledger_get_lease(alloc->ledger, (int64_t)lease->id, &now);

	if (r < 0)
		return r;
	return now && now->state == lease->state ? 0 : -ESTALE;
}

/* Programs the VF and binds its driver. When that fails the VF gets its old
 * settings back, so that the owner's MAC isn't on two VFs after the next try;
 * *ret_clean says whether that went well. */
static int set_up_vf(struct alloc *alloc, const struct vfpool_pf *pf, struct vfpool_lease *lease,
		     bool *ret_clean)
{
	const struct vfpool_settings to = settings_with_mac(alloc->pool, pf, &lease->mac);
	const struct vfpool_vf *vf = &pf->vfs[0];
	unsigned deferred, sent;
	struct error why;
	int r = program_vf(&alloc->host, pf, vf, &to, &deferred, &sent);

	if (r == 0)
		r = host_bind(&alloc->host, &vf->address, driver_name(alloc->pool->driver));
	if (r == 0) {
		lease->deferred = deferred;
		return 0;
	}
	why = alloc->vp->err;
	*ret_clean = restore_vf(&alloc->host, pf, vf, sent) == 0;
	if (!*ret_clean)
		fail(&why, r, "%s (giving the VF its old settings back failed too: %s; the lease stays "
		     "pending, ask again or release it)", why.text, alloc->vp->err.text);
	alloc->vp->err = why;
	return r;
}

static int commit_active(struct alloc *alloc, struct vfpool_lease *lease)
{
	int r = ledger_begin(alloc->ledger);

	if (r == 0)
		r = ledger_move_lease(alloc->ledger, (int64_t)lease->id, VFPOOL_LEASE_PENDING,
				      VFPOOL_LEASE_ACTIVE);
	if (r == 0)
		r = ledger_commit(alloc->ledger);
	if (r == 0)
		lease->state = VFPOOL_LEASE_ACTIVE;
	else
		ledger_rollback(alloc->ledger);
	return r;
}

/* The definition may have changed since the last apply. */
static bool is_in_pool(const struct alloc *alloc, const struct vfpool_pf *pf, unsigned vf)
{
	for (size_t i = 0; i < alloc->pool->n_pfs; i++)
		if (pool_pf_matches(&alloc->pool->pfs[i], pf))
			return vfpool_pool_has_vf(&alloc->pool->pfs[i], vf);
	return false;
}

static int fail_vf(struct alloc *alloc, int r, const struct vfpool_pf *pf, unsigned vf,
		   const char *what)
{
	return fail(&alloc->vp->err, r, "VF %u of %s %s", vf, pf->netdev ? pf->netdev : "its PF", what);
}

/* The pending lease's VF, locked, is set up. *ret_drop: after a failure nothing
 * of the lease is left on the VF, so that the lease can be dropped. */
static int activate_locked(struct alloc *alloc, struct vfpool_lease *lease,
			   const struct vfpool_pf *pf, bool *ret_drop)
{
	const struct vfpool_vf *vf = pf->vfs;
	int r = check_generation(alloc, lease);

	*ret_drop = false;
	if (r < 0)
		return r;
	*ret_drop = true;
	if (pf->n_vfs == 0)
		return fail_vf(alloc, -VFPOOL_ENOTFOUND, pf, lease->vf,
			       "isn't there; 'vfpool apply' makes it");
	if (!is_in_pool(alloc, pf, lease->vf))
		return fail_vf(alloc, -VFPOOL_EINUSE, pf, lease->vf, "is no longer the pool's");
	if (vf->busy) {
		/* Not when an interrupted alloc has programmed it: then the MAC is there. */
		*ret_drop = !vfpool_mac_equal(&vf->programmed.mac, &lease->mac);
		return fail(&alloc->vp->err, -VFPOOL_EINUSE, "VF %u of %s is in use: %s", lease->vf,
			    pf->netdev ? pf->netdev : "its PF", vf->busy);
	}
	r = set_up_vf(alloc, pf, lease, ret_drop);
	if (r < 0)
		return r;
	*ret_drop = false; /* it is programmed: should the commit fail, ask again */
	return commit_active(alloc, lease);
}

/* Makes the pending lease active. -ESTALE: choose anew, since its VF can't be
 * had, or another process has finished or dropped the lease. */
static int activate(struct alloc *alloc, struct vfpool_lease *lease)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	AUTO_CLOSE int lock = -1;
	struct error why;
	bool drop;
	int r = open_lease_pf(&alloc->host, lease, &pf, &lock), r2;

	drop = r == -VFPOOL_ENOTFOUND;
	if (r == 0)
		r = activate_locked(alloc, lease, &pf, &drop);
	if (r == 0) {
		lease->address = pf.vfs[0].address;
		return 0;
	}
	if (!drop)
		return r;
	why = alloc->vp->err;
	r2 = drop_pending(alloc, lease, r == -VFPOOL_EINUSE || r == -VFPOOL_ENOTFOUND);
	if (r2 < 0)
		return fail_while(&alloc->vp->err, r2, "%s; and dropping the lease", why.text);
	alloc->vp->err = why;
	if (r != -VFPOOL_EINUSE && r != -VFPOOL_ENOTFOUND)
		return r;
	alloc->passed_over = why;
	return -ESTALE;
}

/* The lease is held already: what was lost since, as by a reboot, is put back,
 * unless the VF is in use. */
static int refresh_active(struct alloc *alloc, struct vfpool_lease *lease)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	AUTO_CLOSE int lock = -1;
	bool clean;
	int r = open_lease_pf(&alloc->host, lease, &pf, &lock);

	if (r < 0 || (r = check_generation(alloc, lease)) < 0)
		return r;
	if (pf.n_vfs == 0)
		return fail_vf(alloc, -VFPOOL_ENOTFOUND, &pf, lease->vf,
			       "is leased and isn't there now; 'vfpool apply' makes it");
	lease->address = pf.vfs[0].address;
	return pf.vfs[0].busy ? 0 : set_up_vf(alloc, &pf, lease, &clean);
}

/* VFs that were passed over may be had again. *ret_any: at least one. */
static int forgive_idle(struct alloc *alloc, bool *ret_any)
{
	AUTO_FREE struct ledger_vf *rows = NULL;
	size_t n = 0;
	int r = ledger_vfs(alloc->ledger, alloc->pool->name, &rows, &n);

	*ret_any = false;
	for (size_t i = 0; r == 0 && i < n; i++) {
		CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
		const struct vfpool_lease place = {
			.pf = rows[i].pf, .has_pf_mac = rows[i].has_pf_mac,
			.pf_mac = rows[i].pf_mac, .vf = rows[i].index,
		};

		if (!rows[i].avoid || rows[i].lease ||
		    open_lease_pf(&alloc->host, &place, &pf, NULL) < 0 || pf.n_vfs == 0 ||
		    pf.vfs[0].busy || !is_in_pool(alloc, &pf, rows[i].index))
			continue;
		r = ledger_forgive_vf(alloc->ledger, rows[i].id);
		*ret_any = true;
	}
	return r;
}

static int settle(struct alloc *alloc, struct vfpool_lease *lease)
{
	if (!lease->has_vf)
		return 0;
	switch (lease->state) {
	case VFPOOL_LEASE_PENDING:
		return activate(alloc, lease);
	case VFPOOL_LEASE_ACTIVE:
		return refresh_active(alloc, lease);
	case VFPOOL_LEASE_RELEASING:
	case VFPOOL_LEASE_RELEASED:
		break;
	}
	return fail(&alloc->vp->err, -VFPOOL_EINUSE,
		    "its VF was being released when vfpool was interrupted; 'vfpool release' finishes that");
}

static int alloc_lease(struct alloc *alloc, struct vfpool_lease **ret_lease)
{
	bool forgiven = false, any;

	for (int attempt = 0; attempt < VF_ATTEMPTS; attempt++) {
		CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
		int r = choose(alloc, false, &lease);

		if (r == -VFPOOL_ENOVF && !forgiven) {
			const struct error none_free = alloc->vp->err;

			forgiven = true;
			r = forgive_idle(alloc, &any);
			if (r == 0 && any)
				continue;
			if (r < 0)
				return r;
			alloc->vp->err = none_free;
			r = -VFPOOL_ENOVF;
		}
		if (r == -VFPOOL_ENOVF && alloc->passed_over.text[0])
			return fail(&alloc->vp->err, r, "no VF of pool %s can be had; the last one: %s",
				    alloc->pool->name, alloc->passed_over.text);
		if (r == 0)
			r = settle(alloc, lease);
		if (r == -ESTALE)
			continue;
		if (r == 0)
			*ret_lease = TAKE_PTR(lease);
		return r;
	}
	return fail(&alloc->vp->err, -VFPOOL_ENOVF, "no VF of pool %s could be had",
		    alloc->pool->name);
}

/* For a dry run: where the VF is, as far as it can be told. */
static void look_up_address(struct alloc *alloc, struct vfpool_lease *lease)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };

	if (lease->has_vf && open_lease_pf(&alloc->host, lease, &pf, NULL) == 0 && pf.n_vfs > 0)
		lease->address = pf.vfs[0].address;
}

static int alloc_open(struct alloc *alloc, bool dry_run)
{
	int r = ledger_open(alloc->vp->dirs[VFPOOL_DIR_STATE], dry_run ? LEDGER_READ : LEDGER_WRITE,
			    &alloc->ledger, &alloc->vp->err);

	if (r == 0 && !alloc->ledger)
		r = fail_no_vf(alloc, 0);
	return r < 0 ? r : open_host(alloc->vp, &alloc->host);
}

int vfpool_alloc(struct vfpool *vp, const char *pool_name, const char *owner, unsigned nic,
		 bool dry_run, struct vfpool_lease **ret_lease)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	CLEANUP(alloc_end) struct alloc alloc = {
		.vp = vp, .owner = owner, .nic = nic, .host = NO_HOST,
	};
	int r = check_root(vp, "allocating a VF");

	if (r < 0)
		return r;
	if (!owner_name_is_valid(owner))
		return fail(&vp->err, -EINVAL, "'%s' can't be an owner's name: 1 to 255 "
			    "bytes of UTF-8 without control characters, '/' or a space at either end", owner);
	r = load_pool(vp, pool_name, &pool);
	if (r < 0)
		return r;
	alloc.pool = pool;
	r = alloc_open(&alloc, dry_run);
	if (r == 0)
		r = dry_run ? choose(&alloc, true, ret_lease) : alloc_lease(&alloc, ret_lease);
	if (r == 0 && dry_run)
		look_up_address(&alloc, *ret_lease);
	return r < 0 ? fail_while(&vp->err, r, "allocating a VF of %s for %s nic %u", pool_name, owner,
				  nic) : 0;
}
