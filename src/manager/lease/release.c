/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends leases: releasing (ledger) → scrub the VF (host) → gone (ledger). The
 * owner's MAC stays reserved. */
#include "manager/lease/release.h"
#include "manager/definitions.h"
#include "manager/inventory.h"
#include "manager/open_ledger.h"
#include "manager/vf.h"

#include "util/name.h"

#include <string.h>
#include <time.h>

/* ---- one lease ---- */

static int move_to_releasing(const struct ending *ending, const struct vfpool_lease *lease)
{
	int r = ledger_begin(ending->ledger);

	if (r < 0)
		return r;
	r = ledger_move_lease(ending->ledger, (int64_t)lease->id, lease->state,
			      VFPOOL_LEASE_RELEASING);
	return r < 0 ? r : ledger_commit(ending->ledger);
}

/* Removes the lease, as the last step; its VF is free then, or in quarantine. */
static int remove_lease(const struct ending *ending, struct vfpool_lease *lease, bool quarantine,
			enum vfpool_lease_state from)
{
	CLEANUP(cleanup_lease)
	struct vfpool_lease *now = NULL; /* its owner may have been renamed */
	int r = ledger_begin(ending->ledger);

	if (r < 0)
		return r;
	r = ledger_get_lease(ending->ledger, (int64_t)lease->id, &now);
	if (r < 0)
		return r;
	if (!now)
		return -E_CHANGED;
	r = quarantine ? ledger_quarantine(ending->ledger, (int64_t)lease->id, from) :
			 ledger_end_lease(ending->ledger, (int64_t)lease->id, from);
	if (r < 0)
		return r;
	if (ending->forget)
		r = ledger_forget(ending->ledger, now->pool, now->owner, now->nic);
	if (r < 0)
		return r;
	r = ledger_commit(ending->ledger);
	if (r < 0)
		return r;
	lease->state = VFPOOL_LEASE_RELEASED;
	lease->quarantined = quarantine;
	return 0;
}

/* Scrubs the lease's VF and removes the lease. From its first step on no alloc can make a pending lease active. */
static int scrub_and_remove(const struct ending *ending, struct vfpool_lease *lease,
			    const struct vfpool_pf *pf)
{
	int r = lease->state == VFPOOL_LEASE_RELEASING ? 0 : move_to_releasing(ending, lease);

	if (r == 0 && pf->n_vfs > 0) {
		lease->address = pf->vfs[0].address;
		r = vf_scrub(ending->host, ending->ledger, ending->pool, pf, lease);
		if (r < 0)
			return fail_while(
				&ending->vp->err, r,
				"the lease is ending, but its VF isn't scrubbed; release it again");
	}
	return r < 0 ? r : remove_lease(ending, lease, false, VFPOOL_LEASE_RELEASING);
}

static int fail_busy(const struct ending *ending, struct vfpool_pf *pf)
{
	host_name_holders(ending->host, pf);
	return fail(&ending->vp->err, -VFPOOL_EINUSE, "VF %u of %s is in use: %s", pf->vfs[0].index,
		    pf_name(pf, "its PF"), pf->vfs[0].busy);
}

/* Ends the lease on its VF, which is locked unless this is a dry run. */
static int end_on_vf(const struct ending *ending, struct vfpool_lease *lease, struct vfpool_pf *pf,
		     int *lock)
{
	bool busy = pf->n_vfs > 0 && pf->vfs[0].busy;

	/* A VF that is busy and doesn't have the MAC was never this lease's: an alloc was
	 * interrupted before it found that out. */
	if (busy && lease->state == VFPOOL_LEASE_PENDING &&
	    !vf_has_lease_mac(pf, &pf->vfs[0], lease))
		return ending->dry_run ? 0 : remove_lease(ending, lease, false, lease->state);
	if (busy && !ending->force) {
		cleanup_close(lock); /* naming the holder may take its time */
		*lock = -1;
		return fail_busy(ending, pf);
	}
	if (ending->dry_run) {
		lease->quarantined = busy;
		return 0;
	}
	if (busy) {
		lease->address = pf->vfs[0].address;
		return remove_lease(ending, lease, true, lease->state);
	}
	return scrub_and_remove(ending, lease, pf);
}

/* Fails when something else takes the VF away and waits for who has it: the MAC is live on it as long. */
static int check_not_removed(const struct ending *ending, const struct vfpool_lease *lease,
			     const struct vfpool_pf *pf)
{
	AUTO_FREE char *text = NULL;
	int r = pf->n_vfs > 0 || ending->force ? 0 : host_find_remover(ending->host, pf, &text);

	return r < 0 || !text ? r :
				fail(&ending->vp->err, -VFPOOL_EINUSE,
				     "VF %u of %s may be in use still: %s; "
				     "release it when it is gone, or by --force",
				     lease->place.vf, pf_name(pf, "its PF"), text);
}

/* Gives the VF up, which can't be looked at: it waits in quarantine until it can be and is idle. */
static int give_up(const struct ending *ending, struct vfpool_lease *lease)
{
	lease->quarantined = true;
	return ending->dry_run ? 0 : remove_lease(ending, lease, true, lease->state);
}

static int end_with_vf(const struct ending *ending, struct vfpool_lease *lease)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	CLEANUP(cleanup_lease) struct vfpool_lease *now = NULL;
	AUTO_CLOSE int lock = -1;
	int r = vf_open_pf(ending->host, &lease->place, &pf, ending->dry_run ? NULL : &lock);

	const bool is_there = r == 0, is_given_up = r == -E_UNREAD && ending->force;

	if (r == -E_UNREAD && !ending->force)
		return vf_fail_unread(ending->vp, lease);
	if (r < 0 && r != -VFPOOL_ENOTFOUND &&
	    !is_given_up) /* a PF that is gone needs no scrubbing */
		return r;
	/* Under the lock: a late release can't touch the next owner's VF. */
	r = ledger_get_lease(ending->ledger, (int64_t)lease->id, &now);
	if (r < 0)
		return r;
	if (ending->only_pending && (!now || now->state != VFPOOL_LEASE_PENDING))
		return -E_CHANGED;
	if (!now)
		return fail(&ending->vp->err, -VFPOOL_ENOTFOUND, "it is released already");
	if (strcmp(now->owner, lease->owner) != 0)
		return -E_CHANGED;
	lease->state = now->state;
	if (is_given_up)
		return give_up(ending, lease);
	r = is_there ? check_not_removed(ending, lease, &pf) : 0;
	return r < 0 ? r : end_on_vf(ending, lease, &pf, &lock);
}

/* Fails when a PF of the pool can't be looked at, since it may have the VF. */
static int check_pfs_are_read(const struct ending *ending, const struct vfpool_lease *lease,
			      const struct vfpool_inventory *inventory)
{
	for (size_t i = 0; i < ending->pool->n_pfs; i++)
		if (!vfpool_find_pf(inventory, &ending->pool->pfs[i]) &&
		    vfpool_may_be_unread(inventory, &ending->pool->pfs[i])) {
			host_explain_missing(ending->host, &ending->pool->pfs[i]);
			return vf_fail_unread(ending->vp, lease);
		}
	return 0;
}

/* Fails when a VF with the lease's MAC is in use; by that the VF is known that libvirt has picked. */
static int check_mac_is_idle(const struct ending *ending, const struct vfpool_lease *lease)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	int r = inventory_read_host(ending->vp, ending->host, HOST_ALL_VFS, &inventory);

	if (r < 0)
		return r;
	r = check_pfs_are_read(ending, lease, inventory);
	for (size_t i = 0; r == 0 && i < inventory->n_pfs; i++)
		for (size_t j = 0; j < inventory->pfs[i].n_vfs; j++) {
			const struct vfpool_vf *vf = &inventory->pfs[i].vfs[j];

			if (vf->busy && vfpool_mac_equal(&vf->programmed.mac, &lease->mac))
				return fail(&ending->vp->err, -VFPOOL_EINUSE,
					    "VF %u of %s has its MAC and is in use: %s", vf->index,
					    pf_name(&inventory->pfs[i], "a PF"), vf->busy);
		}
	return r;
}

static int end_without_vf(const struct ending *ending, struct vfpool_lease *lease)
{
	/* Nobody else is to get a MAC that is live. */
	int r = ending->force && !ending->forget ? 0 : check_mac_is_idle(ending, lease);

	return r < 0 || ending->dry_run ? r : remove_lease(ending, lease, false, lease->state);
}

int lease_end(const struct ending *ending, struct vfpool_lease *lease)
{
	int r = lease->has_vf ? end_with_vf(ending, lease) : end_without_vf(ending, lease);

	ledger_rollback(ending->ledger);
	if (r == 0)
		lease->forgotten = ending->forget;
	if (r == -E_CHANGED && !ending->only_pending)
		r = fail(&ending->vp->err, r, "another vfpool has changed this lease meanwhile");
	return r;
}

/* ---- which leases ---- */

static int filter_of(struct vfpool *vp, struct host *host, struct ledger *ledger,
		     const struct vfpool_release_request *request,
		     struct ledger_lease_filter *ret_filter)
{
	struct vfpool_pf pf = { .n_vfs = 0 };
	struct ledger_vf row = { 0 };
	int64_t pf_id = 0;
	unsigned index;
	int r;

	*ret_filter = (struct ledger_lease_filter){
		.pool = request->pool,
		.owner = request->owner,
		.nic = request->nic,
		.id = (int64_t)request->lease,
	};
	if (!request->vf)
		return 0;
	r = host_find_vf(host, request->vf, &pf.address, &index);
	if (r < 0)
		return r;
	r = host_read_pf(host, &pf.address, HOST_NO_VFS, &pf);
	if (r < 0)
		return r;
	r = ledger_pf(ledger, &pf, false, &pf_id);
	pf_end(&pf);
	if (r < 0)
		return r;
	r = ledger_vf(ledger, pf_id, index, &row);
	if (r < 0)
		return r;
	if (!row.lease || (request->lease && (int64_t)request->lease != row.lease))
		return fail(&vp->err, -VFPOOL_ENOTFOUND,
			    "that VF has %s lease now, and nothing was changed",
			    row.lease ? "another" : "no");
	ret_filter->id = row.lease;
	return 0;
}

/* Says that there is no such lease, and when and how it ended. Late releases do no harm, and say so. */
static int fail_no_lease(struct vfpool *vp, struct ledger *ledger,
			 const struct ledger_lease_filter *filter)
{
	struct vfpool_event event;
	char at[32] = "";
	struct tm tm;
	bool found = false;
	int r = ledger ? ledger_last_end(ledger, filter, &event, &found) : 0;

	if (r < 0)
		return r;
	if (!found)
		return fail(
			&vp->err, -VFPOOL_ENOTFOUND,
			"there is no such lease, and nothing was changed; 'vfpool list' names the "
			"owners and their nics");
	if (localtime_r(&(time_t){ event.at }, &tm))
		strftime(at, sizeof(at), "%F %T", &tm);
	r = fail(
		&vp->err, -VFPOOL_ENOTFOUND,
		"there is no such lease now, and nothing was changed: lease %llu, of %s nic %u in pool "
		"%s, ended on %s by '%s'",
		(unsigned long long)event.lease, event.owner, event.nic, event.pool, at,
		event.command);
	ledger_event_end(&event);
	return r;
}

static int fail_several(struct vfpool *vp, struct vfpool_lease *const *leases)
{
	char text[600] = "";
	size_t n = 0;

	for (; *leases && n < sizeof(text) - 1; leases++) {
		int more = snprintf(text + n, sizeof(text) - n,
				    "%s%s nic %u in pool %s (lease %llu)", n ? ", " : "",
				    (*leases)->owner, (*leases)->nic, (*leases)->pool,
				    (unsigned long long)(*leases)->id);

		n += more > 0 ? (size_t)more : 0;
	}
	return fail(
		&vp->err, -EINVAL,
		"that could be several leases: %s; say which with POOL, --nic or --lease, or --all",
		text);
}

/* ---- reservations without a lease ---- */

/* Forgets the owner's MACs, in the transaction in which it was seen to have no lease. */
static int forget_idle(struct ledger *ledger, const struct vfpool_release_request *request,
		       bool *ret_any)
{
	const struct ledger_reservation_filter idle = { .pool = request->pool, .idle = true };
	struct vfpool_reservation *list = NULL;
	size_t n = 0;
	int r = ledger_reservations(ledger, &idle, &list, &n);

	*ret_any = false;
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (strcmp(list[i].owner, request->owner) != 0 ||
		    (request->nic >= 0 && list[i].nic != (unsigned)request->nic))
			continue;
		r = ledger_forget(ledger, list[i].pool, list[i].owner, list[i].nic);
		*ret_any = true;
	}
	vfpool_reservations_free(list, n);
	return r < 0 || !*ret_any || request->dry_run ? r : ledger_commit(ledger);
}

/* ---- all of it ---- */

static int check_request(struct vfpool *vp, const struct vfpool_release_request *request)
{
	int r = check_root(vp, "releasing a VF");

	if (r < 0)
		return r;
	if (request->owner)
		r = check_owner(vp, request->owner);
	if (r < 0)
		return r;
	if (!request->owner && !request->vf && !request->lease)
		return fail(&vp->err, -EINVAL, "whose lease? Say the owner, the VF or the lease");
	return request->pool ? definition_check_name(vp, request->pool) : 0;
}

static int release_one(struct vfpool *vp, struct host *host, struct ledger *ledger,
		       const struct vfpool_release_request *request, struct vfpool_lease *lease)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	struct ending ending = {
		.vp = vp,
		.ledger = ledger,
		.host = host,
		.forget = request->forget,
		.force = request->force,
		.dry_run = request->dry_run,
	};
	int r = definition_load_or_default(vp, lease->pool, &pool);

	ending.pool = pool;
	r = r < 0 ? r : lease_end(&ending, lease);
	return r < 0 ? fail_while(&vp->err, r, "releasing %s nic %u in pool %s", lease->owner,
				  lease->nic, lease->pool) :
		       0;
}

/* Tries every one of the leases; the array keeps those that ended, the first failure is told. */
static int release_all(struct vfpool *vp, struct host *host, struct ledger *ledger,
		       const struct vfpool_release_request *request, struct vfpool_lease **leases)
{
	struct error first = { 0 };
	size_t kept = 0, n = 0;
	int result = 0;

	for (; leases[n]; n++) {
		int r = release_one(vp, host, ledger, request, leases[n]);

		if (r == 0) {
			leases[kept++] = leases[n];
			continue;
		}
		if (result == 0)
			first = vp->err;
		result = result ? result : r;
		vfpool_lease_free(leases[n]);
	}
	leases[kept] = NULL;
	if (result == 0)
		return 0;
	vp->err = first;
	return kept == 0 ? result :
			   fail(&vp->err, -VFPOOL_EPARTIAL, "%s; %zu of %zu leases ended",
				first.text, kept, n);
}

/* Finds the leases that are meant. When there is none, and it is asked for, the owner's MACs are forgotten in the
 * same transaction, so that no alloc of that owner comes between. */
static int find_or_forget(struct ledger *ledger, const struct vfpool_release_request *request,
			  const struct ledger_lease_filter *filter,
			  struct vfpool_lease ***ret_leases, bool *ret_forgotten)
{
	CLEANUP(rollback) struct ledger *change = ledger;
	/* Not when the one lease that was meant has ended meanwhile. */
	const bool forget = request->forget && request->owner && !request->lease && !request->vf;
	int r = forget ? ledger_begin(change) : ledger_begin_read(change);

	*ret_forgotten = false;
	if (r < 0)
		return r;
	r = ledger_leases(ledger, filter, ret_leases);
	if (r < 0 || (*ret_leases)[0] || !forget)
		return r;
	return forget_idle(ledger, request, ret_forgotten);
}

static int find_leases(struct vfpool *vp, struct host *host, struct ledger *ledger,
		       const struct vfpool_release_request *request,
		       struct vfpool_lease ***ret_leases)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	struct ledger_lease_filter filter;
	bool forgotten = false;
	int r = filter_of(vp, host, ledger, request, &filter);

	if (r < 0)
		return r;
	r = find_or_forget(ledger, request, &filter, &leases, &forgotten);
	if (r < 0)
		return r;
	if (!leases[0] && !forgotten)
		return fail_no_lease(vp, ledger, &filter);
	if (leases[0] && leases[1] && !request->all)
		return fail_several(vp, leases);
	*ret_leases = TAKE_PTR(leases);
	return 0;
}

int vfpool_release(struct vfpool *vp, const struct vfpool_release_request *request,
		   struct vfpool_lease ***ret_leases)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	AUTO_HOST struct host host = NO_HOST;
	struct ledger *ledger;
	int r;

	r = check_request(vp, request);
	if (r < 0)
		return r;
	r = open_ledger(vp, request->dry_run ? LEDGER_READ : LEDGER_CHANGE, &ledger);
	if (r < 0)
		return r;
	if (!ledger)
		return fail_no_lease(vp, NULL, NULL);
	r = open_host(vp, &host);
	if (r < 0)
		return r;
	r = find_leases(vp, &host, ledger, request, &leases);
	if (r < 0)
		return r;
	r = release_all(vp, &host, ledger, request, leases);
	if (r == 0 || r == -VFPOOL_EPARTIAL)
		*ret_leases = TAKE_PTR(leases);
	return r;
}
