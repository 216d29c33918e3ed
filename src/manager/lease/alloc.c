/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How vfpool_alloc() works:
 *
 * 1. What is asked. The definition is read, the request checked, the ledger opened, the PF that is asked for looked up.
 *    Nothing is locked. A kill leaves nothing, or a ledger without leases where there was none.
 * 2. What is held. The owner's leases are read, in a transaction that keeps nobody from writing. When all of them are
 *    active they are the answer, and 4 only puts back what their VFs have lost. Where the ledger takes no change this is
 *    all there is.
 * 3. The choice, in one transaction of the ledger, in which nobody else allocates, defines or undefines: the definition
 *    is the one that was read, or is read anew. Each nic gets its lease as it is, or a MAC and a VF (placement) and a
 *    pending lease. All are committed or none. What is in use outside vfpool (links, guests, VFs' MACs) is asked before,
 *    while nothing is locked. A kill leaves nothing, or pending leases: nobody else gets their VFs, the same alloc goes
 *    on with them, and gc undoes them. Where libvirt picks the VFs a lease has none, and is active at once.
 * 4. Each lease by itself, with its PF's lock held. The lease has to be what it was, the VF to be there, idle, the
 *    pool's, named by no guest, and not in a group with what another has. Then it is programmed, compared, and gets its
 *    driver. When that fails the VF gets back what it had, the lease is dropped, still under the lock, and 3 chooses
 *    again; a VF that was busy, and each of some that couldn't be set up, is marked, so that it isn't chosen again. When
 *    even the VF's old settings can't be had back, the lease stays. A release that was interrupted is finished first.
 *    A kill leaves the pending lease, its VF programmed in part, perhaps with the owner's MAC: it stays this lease's, as
 *    after 3.
 * 5. All pending leases become active in one transaction; no PF is locked. A kill before it leaves what 4 leaves, one
 *    after it leases that the same alloc answers with.
 *
 * When 3 finds no VF, those that are marked as busy or in quarantine are looked at again, once, each under its PF's
 * lock; then PFs that other processes had locked, which were passed over, are waited for. When there is none at all,
 * the pending leases of several nics are undone, MACs that nobody was told of dropped, and VFs that couldn't be set up
 * unmarked. A kill there leaves pending or releasing leases and marks to gc; a MAC stays the owner's.
 *
 * No transaction spans a look at the host. A dry run ends with 3, and commits nothing.
 */
#include "manager/context.h"
#include "manager/lease/choose.h"
#include "manager/lease/macs.h"
#include "manager/lease/release.h"
#include "manager/lease/settle.h"
#include "manager/open_ledger.h"
#include "manager/vf.h"

/* A VF that can't be had sends alloc to the next one. More attempts than the pool has VFs are other
 * processes' doing, which change the same leases: those end some time. */
#define ATTEMPTS_BESIDE 64

static void alloc_end(struct alloc *alloc)
{
	ledger_rollback(alloc->ledger);
	vfpool_pool_free(alloc->pool);
	foreign_macs_end(&alloc->foreign);
	free(alloc->lost_pfs);
	free(alloc->untouched);
	host_end(&alloc->host);
}

/* Makes all pending leases active at once, so that nobody sees some. */
static int commit_active(struct alloc *alloc, struct vfpool_lease **leases)
{
	CLEANUP(rollback) struct ledger *begun = alloc->ledger;
	int r = ledger_begin(begun);

	for (size_t i = 0; r == 0 && leases[i]; i++)
		if (leases[i]->state == VFPOOL_LEASE_PENDING)
			r = ledger_move_lease(alloc->ledger, (int64_t)leases[i]->id,
					      VFPOOL_LEASE_PENDING, VFPOOL_LEASE_ACTIVE);
	if (r < 0)
		return r;
	r = ledger_commit(alloc->ledger);
	if (r < 0)
		return r;
	for (size_t i = 0; leases[i]; i++)
		leases[i]->state = VFPOOL_LEASE_ACTIVE;
	return 0;
}

static bool has_pending(struct vfpool_lease *const *leases)
{
	while (*leases && (*leases)->state != VFPOOL_LEASE_PENDING)
		leases++;
	return *leases;
}

/* Undoes a pending lease. For one whose VF can't be looked at, and on which nothing was done, the ledger is enough.
 * */
static void undo(struct alloc *alloc, struct vfpool_lease *lease)
{
	const struct ending ending = {
		.vp = alloc->vp,
		.ledger = alloc->ledger,
		.host = &alloc->host,
		.pool = alloc->pool,
		.only_pending = true,
	};
	const bool untouched = settle_find_untouched(alloc, lease);

	if (lease_end(&ending, lease) < 0 && untouched)
		choose_drop_pending(alloc, lease, false); /* else gc does it */
}

/* Undoes what is pending when of several that were asked for not all can be had: none is to be left. */
static void undo_rest(struct alloc *alloc)
{
	const struct vfpool_alloc_request *request = alloc->request;
	const struct ledger_lease_filter filter = {
		.pool = alloc->pool->name,
		.owner = request->owner,
		.nic = -1,
	};
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	const struct error why = alloc->vp->err;

	ledger_rollback(alloc->ledger);
	if (request->count > 1 && !alloc->unwritable &&
	    ledger_leases(alloc->ledger, &filter, &leases) == 0)
		for (size_t i = 0; leases[i]; i++)
			if (leases[i]->state == VFPOOL_LEASE_PENDING &&
			    leases[i]->nic >= request->nic &&
			    leases[i]->nic - request->nic < request->count)
				undo(alloc, leases[i]);
	alloc->vp->err = why;
}

static int settle_all(struct alloc *alloc, struct vfpool_lease **leases)
{
	int r = 0;

	for (size_t i = 0; r == 0 && leases[i]; i++)
		r = settle(alloc, leases[i]);
	return r == 0 && has_pending(leases) ? commit_active(alloc, leases) : r;
}

/* May the VFs of other PFs be asked for? */
static bool has_sound_pf(const struct alloc *alloc)
{
	return !alloc->want_pf_id && alloc->n_lost < alloc->pool->n_pfs;
}

/* Says why no VF can be had, or too few. */
static int fail_none(struct alloc *alloc)
{
	if (alloc->n_lost > 0 && alloc->request->count > 1 && has_sound_pf(alloc))
		return fail(&alloc->vp->err, -VFPOOL_ENOVF, "%s. None can be had of one PF: %s",
			    alloc->vp->err.text, alloc->lost.text);
	if (alloc->n_lost > 0) {
		alloc->vp->err = alloc->lost;
		return alloc->lost_result;
	}
	if (alloc->n_faulty > 0) {
		alloc->vp->err = alloc->fault;
		return alloc->fault_result;
	}
	if (!alloc->passed_over.text[0])
		return -VFPOOL_ENOVF; /* as the choice has said */
	if (alloc->request->vf >= 0)
		return fail(&alloc->vp->err, -VFPOOL_ENOVF, "%s", alloc->passed_over.text);
	return fail(&alloc->vp->err, -VFPOOL_ENOVF, "no VF of pool %s can be had; the last one: %s",
		    alloc->pool->name, alloc->passed_over.text);
}

/* Looks again, once, at the VFs that were passed over. *ret_any: one can be had. */
static int choose_again(struct alloc *alloc, bool *looked, bool *ret_any)
{
	const struct error none_free = alloc->vp->err;
	int r = *looked ? 0 : settle_free_idle_vfs(alloc, ret_any);

	*looked = true;
	alloc->vp->err = r < 0 ? alloc->vp->err : none_free;
	return r;
}

/* Decides to wait for PFs which others had locked, and in whose place other PFs were tried first. False: there is
 * none, or they were waited for. */
static bool become_patient(struct alloc *alloc)
{
	if (alloc->is_patient || !alloc->has_locked)
		return false;
	alloc->is_patient = true;
	alloc->n_lost = 0;
	return true;
}

static unsigned attempts_of(const struct alloc *alloc)
{
	unsigned n = ATTEMPTS_BESIDE;

	for (size_t i = 0; i < alloc->pool->n_pfs; i++)
		n += alloc->pool->pfs[i].numvfs;
	return n;
}

static int alloc_leases(struct alloc *alloc, struct vfpool_lease ***ret_leases)
{
	bool looked = false;

	for (unsigned attempt = 0; attempt < attempts_of(alloc); attempt++) {
		CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
		int r = choose(alloc, false, &leases);
		bool any = false;

		if (r == -VFPOOL_ENOVF) {
			r = choose_again(alloc, &looked, &any);
			if (r == 0 && any)
				continue;
			if (r == 0 && become_patient(alloc)) {
				looked = false;
				attempt = 0;
				continue;
			}
			return r < 0 ? r : fail_none(alloc);
		}
		r = r < 0 ? r : settle_all(alloc, leases);
		if (r == -E_CHANGED)
			continue;
		if (r < 0)
			return r;
		*ret_leases = TAKE_PTR(leases);
		return 0;
	}
	return fail(&alloc->vp->err, -EBUSY,
		    "other processes change the leases of pool %s all the time; the last "
		    "VF: %s",
		    alloc->pool->name, alloc->passed_over.text);
}

/* Opens the ledger. Where it takes no more, who asks for what he holds is answered all the same. */
static int alloc_open_ledger(struct alloc *alloc)
{
	int r = open_ledger(alloc->vp, alloc->request->dry_run ? LEDGER_READ : LEDGER_WRITE,
			    &alloc->ledger);

	if (!ledger_takes_no_more(r))
		return r;
	alloc->unwritable = r;
	alloc->refusal = alloc->vp->err;
	if (open_ledger(alloc->vp, LEDGER_READ, &alloc->ledger) == 0 && alloc->ledger)
		return 0;
	alloc->vp->err = alloc->refusal;
	return r;
}

static int alloc_open(struct alloc *alloc)
{
	struct vfpool *vp = alloc->vp;
	int r = alloc_open_ledger(alloc);

	if (r < 0)
		return r;
	if (!alloc->ledger)
		return choose_fail_no_vf(alloc, 0);
	r = open_host(vp, &alloc->host);
	return r == 0 && alloc->request->pf ? choose_find_want_pf(alloc) : r;
}

/* Drops the MACs that nobody was told of: they aren't kept for one who got no VF with them. */
static void drop_untold(struct alloc *alloc)
{
	const struct vfpool_alloc_request *request = alloc->request;
	const struct error why = alloc->vp->err;

	if (!alloc->has_reserved || request->dry_run)
		return;
	ledger_rollback(alloc->ledger);
	if (ledger_begin(alloc->ledger) == 0 &&
	    ledger_drop_untold(alloc->ledger, alloc->pool_name, request->owner, request->nic,
			       request->count) == 0)
		ledger_commit(alloc->ledger);
	ledger_rollback(alloc->ledger);
	alloc->vp->err = why;
}

static int run(struct alloc *alloc, struct vfpool_lease ***ret_leases)
{
	int r = choose_load_definition(alloc);

	if (r < 0)
		return r;
	r = alloc_open(alloc);
	if (r < 0)
		return r;
	alloc->is_patient = alloc->pool->n_pfs < 2 || alloc->request->pf;
	if (!alloc->request->dry_run) {
		r = alloc_leases(alloc, ret_leases);
		if (r < 0)
			undo_rest(alloc);
		return r;
	}
	r = choose(alloc, true, ret_leases);
	for (size_t i = 0; r == 0 && (*ret_leases)[i]; i++)
		vf_look_up_address(&alloc->host, (*ret_leases)[i]); /* as far as it can be told */
	return r;
}

int vfpool_alloc(struct vfpool *vp, const char *pool_name,
		 const struct vfpool_alloc_request *request, struct vfpool_lease ***ret_leases)
{
	CLEANUP(alloc_end)
	struct alloc alloc = {
		.vp = vp,
		.pool_name = pool_name,
		.request = request,
		.host = NO_HOST,
		.foreign = { .compares_vfs = true },
	};
	int r;

	r = check_root(vp, "allocating a VF");
	if (r < 0)
		return r;
	r = check_owner(vp, request->owner);
	if (r < 0)
		return r;
	r = run(&alloc, ret_leases);
	if (r < 0) {
		drop_untold(&alloc);
		settle_forgive_faulty(&alloc);
	} else if (alloc.n_faulty > 0) {
		note(vp, "passed over: %s", alloc.fault.text);
	}
	return r < 0 ? fail_while(&vp->err, r, "allocating a VF of %s for %s nic %u", pool_name,
				  request->owner, request->nic) :
		       0;
}
