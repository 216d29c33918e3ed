/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* alloc on the host: a lease's VF is looked at, programmed and bound. */
#include "manager/lease/settle.h"
#include "manager/iommu.h"
#include "manager/lease/release.h"
#include "manager/refusals.h"
#include "manager/vf.h"

#include "util/name.h"

#include <string.h>

/* Returns -E_CHANGED unless the lease is still what it was; under the PF's lock. */
static int check_generation(struct alloc *alloc, const struct vfpool_lease *lease)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *now = NULL;
	int r = ledger_get_lease(alloc->ledger, (int64_t)lease->id, &now);

	if (r < 0)
		return r;
	return now && now->state == lease->state ? 0 : -E_CHANGED;
}

/* Programs the VF and binds its driver. When that fails the VF gets its old
 * settings back, so that the owner's MAC isn't on two VFs after the next try;
 * *ret_clean says whether that went well. */
static int set_up_vf(struct alloc *alloc, const struct vfpool_pf *pf, struct vfpool_lease *lease,
		     bool *ret_clean)
{
	const struct vfpool_settings to = vf_settings_of_lease(alloc->pool, pf, lease);
	const struct vfpool_vf *vf = &pf->vfs[0];
	unsigned deferred, sent;
	struct error why;
	int r = vf_program(&alloc->host, pf, vf, &to, &deferred, &sent);

	r = r < 0 ? r : host_bind(&alloc->host, &vf->address, vf_driver_name(alloc->pool->driver));
	if (r == 0) {
		lease->deferred = deferred;
		return 0;
	}
	why = alloc->vp->err;
	*ret_clean = vf_restore(&alloc->host, pf, vf, sent) == 0;
	if (!*ret_clean)
		fail(&why, r,
		     "%s (giving the VF its old settings back failed too: %s; the lease stays, "
		     "ask again or release it)",
		     why.text, alloc->vp->err.text);
	alloc->vp->err = why;
	return r;
}

/* Is the VF one of the pool's? The definition may have changed since the last apply. */
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
	return fail(&alloc->vp->err, r, "VF %u of %s %s", vf, pf_name(pf, "its PF"), what);
}

/* Fails when a guest names the lease's VF; one that isn't running yet may do so since before it was a pool's. */
static int check_not_named(struct alloc *alloc, struct vfpool_lease *lease,
			   const struct vfpool_pf *pf)
{
	const struct guest *guest;
	char word[SHELL_WORD_MAX];

	lease->address = pf->vfs[0].address;
	guest = guests_stranger(&alloc->foreign.guests, lease);
	if (!guest)
		return 0;
	name_for_shell(guest->name, word);
	return fail(
		&alloc->vp->err, -VFPOOL_EINUSE,
		"VF %u of %s is named by the definition of guest %s: 'vfpool adopt %s' records it, or "
		"'virsh edit %s' takes it out",
		lease->place.vf, pf_name(pf, "its PF"), guest->name, word, word);
}

/* Fails when the PF's VFs are about to go, even those that are there still. */
static int check_not_removed(struct alloc *alloc, const struct vfpool_lease *lease,
			     const struct vfpool_pf *pf)
{
	AUTO_FREE char *text = NULL;
	int r = host_find_remover(&alloc->host, pf, &text);

	return r < 0 || !text ?
		       r :
		       fail(&alloc->vp->err, -VFPOOL_ENOTFOUND, "VF %u of %s can't be given: %s",
			    lease->place.vf, pf_name(pf, "its PF"), text);
}

static int check_idle(struct alloc *alloc, const struct vfpool_pf *pf)
{
	return !pf->vfs[0].busy ? 0 :
				  fail(&alloc->vp->err, -VFPOOL_EINUSE, "VF %u of %s is in use: %s",
				       pf->vfs[0].index, pf_name(pf, "its PF"), pf->vfs[0].busy);
}

/* Fails when a guest can't get the VF: it isn't given to one then. */
static int check_obstacle(struct alloc *alloc, const struct vfpool_lease *lease,
			  struct vfpool_pf *pf)
{
	AUTO_FREE char *obstacle = NULL;
	char address[VFPOOL_PCI_TEXT];
	int r = iommu_find_obstacle(&alloc->host, alloc->ledger, alloc->pool, pf,
				    alloc->request->owner, lease->id, &obstacle);

	if (r < 0 || !obstacle)
		return r;
	vfpool_pci_format(&pf->vfs[0].address, address);
	return fail(&alloc->vp->err, -VFPOOL_EINUSE,
		    "VF %u of %s can't go into a guest: %s; 'vfpool iommu %s' shows its "
		    "group",
		    pf->vfs[0].index, pf_name(pf, "its PF"), obstacle, address);
}

/* Sets up the pending lease's VF, which is locked. *ret_drop: after a failure nothing of the lease is left on the
 * VF, so that the lease can be dropped. */
static int prepare_locked(struct alloc *alloc, struct vfpool_lease *lease, struct vfpool_pf *pf,
			  bool *ret_drop)
{
	const struct vfpool_vf *vf = pf->vfs;
	int r = check_generation(alloc, lease);

	*ret_drop = false;
	if (r < 0)
		return r;
	r = refusals_read(alloc->ledger, pf);
	if (r < 0)
		return r;
	*ret_drop = true;
	if (!pf->netdev)
		return fail_vf(
			alloc, -VFPOOL_ENOTFOUND, pf, lease->place.vf,
			"can't be programmed: that PF has no netdev in this "
			"network namespace; 'ip -n NAMESPACE link set DEV netns 1' brings it back");
	r = check_not_removed(alloc, lease, pf);
	if (r < 0)
		return r;
	if (pf->n_vfs == 0)
		return fail_vf(alloc, -VFPOOL_ENOTFOUND, pf, lease->place.vf,
			       "isn't there; 'vfpool apply' makes it");
	if (!is_in_pool(alloc, pf, lease->place.vf))
		return fail_vf(alloc, -VFPOOL_EINUSE, pf, lease->place.vf,
			       "is no longer the pool's");
	r = check_not_named(alloc, lease, pf);
	if (r < 0)
		return r;
	r = check_idle(alloc, pf);
	r = r < 0 ? r : check_obstacle(alloc, lease, pf);
	if (r < 0) {
		/* Not when an interrupted alloc has programmed it: then the MAC is there. */
		*ret_drop = !vf_has_lease_mac(pf, vf, lease);
		return r;
	}
	return set_up_vf(alloc, pf, lease, ret_drop);
}

/* Tells what is in the way of the VF. Its owner gets it all the same: what is in the way may go. */
static void warn_of_obstacle(struct alloc *alloc, struct vfpool_pf *pf)
{
	const struct error why = alloc->vp->err;

	if (alloc->pool->driver != VFPOOL_DRIVER_HOST && host_judge_vfs(&alloc->host, pf) == 0 &&
	    pf->vfs[0].obstacle)
		note(alloc->vp, "VF %u of %s may not go into a guest: %s", pf->vfs[0].index,
		     pf_name(pf, "its PF"), pf->vfs[0].obstacle);
	alloc->vp->err = why;
}

/* Ends the pending lease, for the reason that is the last error. `avoid`: nobody gets its VF until that is seen
 * free again; `lose`: this alloc asks for no other VF of its PF. -E_CHANGED: choose anew. */
static int pass_over(struct alloc *alloc, const struct vfpool_lease *lease, int result, bool avoid,
		     bool lose)
{
	const struct error why = alloc->vp->err;
	int r = choose_drop_pending(alloc, lease, avoid);

	if (r < 0)
		return fail_while(&alloc->vp->err, r, "%s; and dropping the lease", why.text);
	alloc->vp->err = alloc->passed_over = why;
	r = lose ? choose_lose_pf(alloc, lease, result) : 0;
	return r < 0 ? r : -E_CHANGED;
}

uint64_t *settle_find_untouched(const struct alloc *alloc, const struct vfpool_lease *lease)
{
	for (size_t i = 0; i < alloc->n_untouched; i++)
		if (alloc->untouched[i] == lease->id)
			return &alloc->untouched[i];
	return NULL;
}

/* Passes over the lease, whose PF can't be locked or looked at. What an interrupted alloc has left on the VF stays
 * this lease's. */
static int pass_over_pf(struct alloc *alloc, const struct vfpool_lease *lease, int result)
{
	if (result == -ENOMEM ||
	    (!settle_find_untouched(alloc, lease) && result != -VFPOOL_ENOTFOUND))
		return result;
	return pass_over(alloc, lease, result, false, true);
}

/* Returns the row of the lease's VF, 0: none. */
static int64_t find_row(struct alloc *alloc, const struct vfpool_lease *lease)
{
	const struct vfpool_pf pf = { .address = lease->place.pf,
				      .has_mac = lease->place.has_pf_mac,
				      .mac = lease->place.pf_mac };
	struct ledger_vf row = { 0 };
	int64_t pf_id;
	int r = ledger_pf(alloc->ledger, &pf, false, &pf_id);

	if (r < 0)
		return 0;
	r = ledger_vf(alloc->ledger, pf_id, lease->place.vf, &row);
	return r < 0 ? 0 : row.id;
}

/* Passes over the lease, whose VF couldn't be set up, and is as it was. One that is sick must not stop its pool,
 * and the next alloc would choose it again; what the whole card refuses, or doesn't answer, is no sick VF. */
static int pass_over_faulty(struct alloc *alloc, const struct vfpool_lease *lease, int result)
{
	const struct error why = alloc->vp->err;
	const bool is_the_vf = result != -ENOMEM && result != -EOPNOTSUPP && result != -E_SILENT;
	int64_t row = 0;
	int r;

	if (is_the_vf && alloc->request->vf < 0 && alloc->n_faulty < FAULTY_MAX)
		row = find_row(alloc, lease);
	alloc->vp->err = why;
	r = pass_over(alloc, lease, result, row != 0, false);
	if (r != -E_CHANGED || !row)
		return r == -E_CHANGED ? result : r;
	alloc->faulty[alloc->n_faulty++] = row;
	alloc->fault = why;
	alloc->fault_result = result;
	return r;
}

void settle_forgive_faulty(struct alloc *alloc)
{
	const struct error why = alloc->vp->err;

	for (size_t i = 0; i < alloc->n_faulty; i++)
		(void)ledger_forgive_vf(alloc->ledger, alloc->faulty[i]); /* else gc does it */
	alloc->vp->err = why;
}

/* Opens the lease's PF. Where another PF will do (not `waits`), one that another process has is passed over. */
static int open_pf(struct alloc *alloc, const struct vfpool_lease *lease, bool waits,
		   struct vfpool_pf *ret_pf, int *ret_lock)
{
	char address[VFPOOL_PCI_TEXT];
	int r = waits ? vf_open_pf(&alloc->host, &lease->place, ret_pf, ret_lock) :
			vf_open_pf_soon(&alloc->host, &lease->place, ret_pf, ret_lock);

	if (r != -EWOULDBLOCK)
		return r;
	alloc->has_locked = true;
	vfpool_pci_format(&lease->place.pf, address);
	return fail(&alloc->vp->err, r, "another vfpool is at work on the PF %s", address);
}

/* Programs the pending lease's VF. -E_CHANGED: choose anew, since its VF can't be
 * had, or another process has finished or dropped the lease. Until it is active
 * nobody else programs the VF without having moved the lease to releasing. */
static int prepare(struct alloc *alloc, struct vfpool_lease *lease)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	AUTO_CLOSE int lock = -1;
	uint64_t *untouched = settle_find_untouched(alloc, lease);
	bool drop, avoid;
	int r;

	if (untouched && choose_is_on_lost_pf(alloc, lease)) {
		alloc->vp->err = alloc->lost;
		return pass_over(alloc, lease, alloc->lost_result, false, false);
	}
	r = open_pf(alloc, lease, alloc->is_patient || !untouched, &pf, &lock);
	if (r < 0)
		return pass_over_pf(alloc, lease, r);
	r = prepare_locked(alloc, lease, &pf, &drop);
	if (untouched && (r == 0 || !drop))
		*untouched = 0;
	if (r == 0) {
		lease->address = pf.vfs[0].address;
		warn_of_obstacle(alloc, &pf);
		return 0;
	}
	if (!drop)
		return r;
	/* Where a VF isn't there, or can't be programmed for want of a netdev, its PF's others aren't better. */
	avoid = r == -VFPOOL_EINUSE || (r == -VFPOOL_ENOTFOUND && pf.netdev && pf.n_vfs == 0);
	if (!avoid && r != -VFPOOL_ENOTFOUND)
		return pass_over_faulty(alloc, lease, r);
	return pass_over(alloc, lease, r, avoid, r == -VFPOOL_ENOTFOUND);
}

/* Puts back what the lease, which is held already, has lost since, as by a reboot, unless the VF is in use. */
static int refresh_active(struct alloc *alloc, struct vfpool_lease *lease)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	AUTO_CLOSE int lock = -1;
	bool clean;
	int r = vf_open_pf(&alloc->host, &lease->place, &pf, &lock);

	if (r == -VFPOOL_ENOTFOUND)
		return fail(&alloc->vp->err, r,
			    "%s; if it is gone for good, 'vfpool release --lease %llu' gives its "
			    "VF up, and the next alloc gets another",
			    alloc->vp->err.text, (unsigned long long)lease->id);
	if (r == -E_UNREAD)
		return vf_fail_unread(alloc->vp, lease);
	if (r < 0)
		return r;
	r = check_generation(alloc, lease);
	if (r < 0)
		return r;
	r = refusals_read(alloc->ledger, &pf);
	if (r < 0)
		return r;
	if (pf.n_vfs == 0)
		return fail_vf(alloc, -VFPOOL_ENOTFOUND, &pf, lease->place.vf,
			       "is leased and isn't there now; 'vfpool apply' makes it");
	lease->address = pf.vfs[0].address;
	if (pf.vfs[0].busy)
		return 0;
	warn_of_obstacle(alloc, &pf);
	return set_up_vf(alloc, &pf, lease, &clean);
}

/* Finishes a release that was interrupted, or is at work, and has the choice made anew, unless that leaves the
 * lease as it is. */
static int finish_release(struct alloc *alloc, struct vfpool_lease *lease)
{
	const struct ending ending = {
		.vp = alloc->vp,
		.ledger = alloc->ledger,
		.host = &alloc->host,
		.pool = alloc->pool,
	};
	CLEANUP(cleanup_lease) struct vfpool_lease *now = NULL;
	int r = lease_end(&ending, lease), r2;

	if (r == 0)
		return -E_CHANGED;
	r2 = ledger_get_lease(alloc->ledger, (int64_t)lease->id, &now);
	if (r2 < 0)
		return r2;
	return now && now->state == VFPOOL_LEASE_RELEASING ? r : -E_CHANGED;
}

int settle(struct alloc *alloc, struct vfpool_lease *lease)
{
	if (lease->state == VFPOOL_LEASE_RELEASING)
		return finish_release(alloc, lease);
	if (!lease->has_vf)
		return 0;
	return lease->state == VFPOOL_LEASE_PENDING ? prepare(alloc, lease) :
						      refresh_active(alloc, lease);
}

/* Frees the row's VF, where it is fit for the lease `asked`, which the one who asks would get. */
static int free_place(struct alloc *alloc, const struct ledger_vf *row, struct vfpool_lease *asked,
		      bool *ret_freed)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	AUTO_CLOSE int lock = -1;
	int r = open_pf(alloc, asked, alloc->is_patient, &pf, &lock);

	if (r == -EWOULDBLOCK)
		return 0;
	if (r < 0 || !is_in_pool(alloc, &pf, row->place.vf))
		return r;
	if (pf.n_vfs > 0 &&
	    (check_not_named(alloc, asked, &pf) < 0 ||
	     (alloc->request->vf >= 0 && check_idle(alloc, &pf) < 0) ||
	     (!row->quarantined && !pf.vfs[0].busy && check_obstacle(alloc, asked, &pf) < 0))) {
		alloc->passed_over = alloc->vp->err;
		return 0;
	}
	return vf_free_idle(alloc->vp, &alloc->host, alloc->ledger, alloc->pool, row, &pf,
			    alloc->request->owner, ret_freed);
}

static bool free_row(struct alloc *alloc, const struct ledger_vf *row)
{
	struct vfpool_lease asked = { .place = row->place, .owner = (char *)alloc->request->owner };
	bool freed = false;

	if (free_place(alloc, row, &asked, &freed) < 0)
		note(alloc->vp, "%s", alloc->vp->err.text);
	return freed;
}

/* May the row's VF be what is asked for? Where one is, what the others are is of no interest. */
static bool is_asked_for(const struct alloc *alloc, const struct ledger_vf *row)
{
	return (alloc->request->vf < 0 || (unsigned)alloc->request->vf == row->place.vf) &&
	       (!alloc->want_pf_id || vf_is_on_pf(&row->place, &alloc->want_pf));
}

int settle_free_idle_vfs(struct alloc *alloc, bool *ret_any)
{
	AUTO_FREE struct ledger_vf *rows = NULL;
	size_t n = 0;
	int r = ledger_vfs(alloc->ledger, alloc->pool->name, &rows, &n);

	*ret_any = false;
	for (size_t i = 0; r == 0 && i < n; i++)
		if ((rows[i].avoid || rows[i].quarantined) && !rows[i].lease &&
		    is_asked_for(alloc, &rows[i]) && free_row(alloc, &rows[i]))
			*ret_any = true;
	return r;
}
