/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finishes or undoes what was interrupted, and ends the leases of guests that are
 * gone. No lease is ended by guessing.
 */
#include "manager/context.h"
#include "manager/definitions.h"
#include "manager/findings.h"
#include "manager/iommu.h"
#include "manager/lease/lease.h"
#include "manager/lease/release.h"
#include "manager/open_ledger.h"
#include "manager/vf.h"

#include "util/name.h"

#include <string.h>
#include <time.h>

struct gc {
	struct vfpool *vp;
	struct ledger *ledger;
	struct host host;
	struct guests guests;
	const struct vfpool_gc_request *request;
	bool dry_run;
	struct vfpool_findings *found;
};

static void gc_end(struct gc *gc)
{
	ledger_rollback(gc->ledger);
	guests_end(&gc->guests);
	host_end(&gc->host);
}

/* Releases the lease, or would in a dry run; what stands in the way is told. */
static int end(struct gc *gc, enum vfpool_finding_kind kind, struct vfpool_lease **lease,
	       bool only_pending, const char *why)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	struct ending ending = {
		.vp = gc->vp,
		.ledger = gc->ledger,
		.host = &gc->host,
		.dry_run = gc->dry_run,
		.only_pending = only_pending,
	};
	int r = definition_load_or_default(gc->vp, (*lease)->pool, &pool);

	ending.pool = pool;
	r = r < 0 ? r : lease_end(&ending, *lease);
	if (r == 0)
		return findings_add(gc->found, kind, VFPOOL_FINDING_DONE, lease, "%s", why);
	if (r == -ENOMEM)
		return r;
	if (r == -E_CHANGED || r == -VFPOOL_ENOTFOUND) /* another vfpool was faster */
		return 0;
	return findings_add(gc->found, kind,
			    r == -VFPOOL_EINUSE || r == -E_UNREAD ? VFPOOL_FINDING_LEFT :
								    VFPOOL_FINDING_FAILED,
			    lease, "%s; but %s", why, gc->vp->err.text);
}

/* ---- guests ---- */

/* Returns the lease's guest, NULL: none. It is known by the lease's MAC, even on another VF; in a plain <hostdev>,
 * which has none, by its VF, where the owner's name or what was seen says that the definition isn't an old one. */
static const struct guest *find_guest(const struct gc *gc, const struct vfpool_lease *lease)
{
	for (size_t i = 0; i < gc->guests.n; i++) {
		const struct guest *guest = &gc->guests.list[i];

		if (guest_has_mac(guest, &lease->mac) ||
		    (guest_has_device(guest, &lease->address) &&
		     (strcmp(guest->name, lease->owner) == 0 ||
		      (lease->guest && strcmp(guest->uuid, lease->guest) == 0))))
			return guest;
	}
	return NULL;
}

static bool guest_exists(const struct gc *gc, const char *uuid)
{
	for (size_t i = 0; i < gc->guests.n; i++)
		if (strcmp(gc->guests.list[i].uuid, uuid) == 0)
			return true;
	return false;
}

static int note_guest(struct gc *gc, struct vfpool_lease **lease, const struct guest *guest)
{
	int r = gc->dry_run ? 0 : lease_see_guest(gc->vp, gc->ledger, *lease, guest->uuid);

	return r < 0 ? r :
		       findings_add(gc->found, VFPOOL_FOUND_GUEST, VFPOOL_FINDING_DONE, lease,
				    "guest %s (%s) has its %s", guest->name, guest->uuid,
				    guest_has_mac(guest, &(*lease)->mac) ? "MAC" : "VF");
}

/* Looks for the guest of an active lease, and tells whether it was seen, is gone, or was never seen. */
static int look_for_guest(struct gc *gc, struct vfpool_lease **lease, bool busy)
{
	const struct guest *guest = find_guest(gc, *lease);

	if (!guest && (*lease)->uri && strcmp((*lease)->uri, gc->vp->uri) != 0)
		return 0; /* another libvirt's to say */
	if (guest && (!(*lease)->guest || strcmp((*lease)->guest, guest->uuid) != 0))
		return note_guest(gc, lease, guest);
	if (guest && (*lease)->was_started && !guest->is_running && !guest->is_saved)
		return end(gc, VFPOOL_FOUND_ORPHAN, lease, false, "its guest has stopped");
	if (guest)
		return 0;
	if ((*lease)->guest && !guest_exists(gc, (*lease)->guest))
		return end(gc, VFPOOL_FOUND_ORPHAN, lease, false, "its guest is gone from libvirt");
	if (busy) /* something that isn't libvirt's has it */
		return 0;
	return findings_add(
		gc->found, VFPOOL_FOUND_UNSEEN, VFPOOL_FINDING_LEFT, lease,
		(*lease)->guest ?
			"its guest doesn't name its MAC any more; release it if it is done with" :
			"no guest of libvirt names its MAC; release it if it is done with");
}

/* ---- leases ---- */

/* Looks at the lease's VF. *ret_there: it is there, or the lease has none; *ret_gone: its PF isn't there. */
static int look_at_vf(struct gc *gc, struct vfpool_lease *lease, bool *ret_there, bool *ret_gone,
		      bool *ret_busy)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	int r = lease->has_vf ? vf_open_pf(&gc->host, &lease->place, &pf, NULL) : 0;

	if (r < 0 && r != -VFPOOL_ENOTFOUND)
		return r;
	*ret_there = !lease->has_vf || (r == 0 && pf.n_vfs > 0);
	*ret_gone = r == -VFPOOL_ENOTFOUND;
	*ret_busy = pf.n_vfs > 0 && pf.vfs[0].busy;
	if (pf.n_vfs > 0)
		lease->address = pf.vfs[0].address;
	return 0;
}

static int look_at_lease(struct gc *gc, struct vfpool_lease **lease)
{
	bool there, gone, busy;
	int r;

	switch ((*lease)->state) {
	case VFPOOL_LEASE_PENDING:
		return end(gc, VFPOOL_FOUND_PENDING, lease, true, "an interrupted alloc is undone");
	case VFPOOL_LEASE_RELEASING:
		return end(gc, VFPOOL_FOUND_RELEASING, lease, false,
			   "an interrupted release is finished");
	case VFPOOL_LEASE_ACTIVE:
	case VFPOOL_LEASE_RELEASED:
		break;
	}
	r = look_at_vf(gc, *lease, &there, &gone, &busy);
	if (r == -E_UNREAD) {
		vf_fail_unread(gc->vp, *lease);
		return findings_add(gc->found, VFPOOL_FOUND_VANISHED, VFPOOL_FINDING_LEFT, lease,
				    "%s", gc->vp->err.text);
	}
	if (r < 0)
		return findings_add(gc->found, VFPOOL_FOUND_VANISHED, VFPOOL_FINDING_FAILED, lease,
				    "%s", gc->vp->err.text);
	if (gone)
		return findings_add(
			gc->found, VFPOOL_FOUND_VANISHED, VFPOOL_FINDING_LEFT, lease,
			"%s; if it is gone for good, 'vfpool release --lease %llu' gives the VF up",
			gc->vp->err.text, (unsigned long long)(*lease)->id);
	if (!there)
		return findings_add(
			gc->found, VFPOOL_FOUND_VANISHED, VFPOOL_FINDING_LEFT, lease,
			"its VF isn't there; 'vfpool apply' makes it, 'vfpool release --lease %llu' gives it up",
			(unsigned long long)(*lease)->id);
	return gc->found->guests_known ? look_for_guest(gc, lease, busy) : 0;
}

static int look_at_leases(struct gc *gc)
{
	const struct ledger_lease_filter all = LEDGER_ANY_LEASE;
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	int r = ledger_leases(gc->ledger, &all, &leases);
	size_t n = 0;

	while (leases && leases[n])
		n++;
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = look_at_lease(gc, &leases[i]);
		if (leases[i]) /* else a finding has it, and the array would end here */
			continue;
		leases[i] = calloc(1, sizeof(*leases[i]));
		if (!leases[i])
			return fail_oom(&gc->vp->err);
	}
	return r;
}

/* ---- VFs without a lease ---- */

/* Frees the row's VF, pf->vfs[0]; a dry run only finds out by *ret_freed whether that can be done. */
static int free_or_foresee(struct gc *gc, const struct vfpool_pool *pool,
			   const struct ledger_vf *row, struct vfpool_pf *pf, bool *ret_freed)
{
	AUTO_FREE char *obstacle = NULL;
	int r;

	if (!gc->dry_run)
		return vf_free_idle(gc->vp, &gc->host, gc->ledger, pool, row, pf, NULL, ret_freed);
	*ret_freed = row->quarantined;
	if (row->quarantined || pf->n_vfs == 0)
		return 0;
	r = iommu_find_obstacle(&gc->host, gc->ledger, pool, pf, NULL, 0, &obstacle);
	*ret_freed = !obstacle;
	return r;
}

static int free_vf(struct gc *gc, const struct ledger_vf *row)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	enum vfpool_finding_kind kind = row->quarantined ? VFPOOL_FOUND_QUARANTINED :
							   VFPOOL_FOUND_IDLE;
	AUTO_CLOSE int lock = -1;
	bool freed = false;
	int r = definition_load_or_default(gc->vp, row->pool, &pool);

	r = r < 0 ? r : vf_open_pf(&gc->host, &row->place, &pf, gc->dry_run ? NULL : &lock);
	if (pf.n_vfs > 0 && pf.vfs[0].busy)
		return findings_add(gc->found, kind, VFPOOL_FINDING_LEFT, NULL,
				    "VF %u of %s is in use still: %s", row->place.vf,
				    pf_name(&pf, "its PF"), pf.vfs[0].busy);
	if (!row->quarantined && vf_is_named(&gc->guests, &pf))
		return 0; /* alloc passes over it for that */
	if (r == -VFPOOL_ENOTFOUND)
		r = 0; /* the PF is gone, and its VFs with it */
	r = r < 0 ? r : free_or_foresee(gc, pool, row, &pf, &freed);
	if (r == -E_UNREAD)
		return findings_add(gc->found, kind, VFPOOL_FINDING_LEFT, NULL,
				    "VF %u stays %s: %s", row->place.vf,
				    row->quarantined ? "in quarantine" : "marked as busy",
				    gc->vp->err.text);
	if (r < 0)
		return findings_add(gc->found, kind, VFPOOL_FINDING_FAILED, NULL, "%s",
				    gc->vp->err.text);
	if (freed && pf.n_vfs == 0)
		return findings_add(gc->found, kind, VFPOOL_FINDING_DONE, NULL,
				    "VF %u isn't there any more, and in quarantine no more",
				    row->place.vf);
	return !freed ? 0 :
			findings_add(gc->found, kind, VFPOOL_FINDING_DONE, NULL,
				     "VF %u of %s is free again", row->place.vf,
				     pf_name(&pf, "its PF"));
}

/* Tells of the hold of a VF, or of a whole PF, that isn't there: who doesn't know of it can't end it. */
static int note_lost_hold(struct gc *gc, const struct ledger_vf *row)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	char mac[VFPOOL_MAC_TEXT], index[24] = "";

	if (!row->place.has_pf_mac ||
	    vf_open_pf(&gc->host, &row->place, &pf, NULL) != -VFPOOL_ENOTFOUND)
		return 0;
	vfpool_mac_format(&row->place.pf_mac, mac);
	if (row->held)
		snprintf(index, sizeof(index), " --vf %u", row->place.vf);
	return findings_add(
		gc->found, VFPOOL_FOUND_VANISHED, VFPOOL_FINDING_LEFT, NULL,
		"VF %u of pool %s is held, and %s; if it is gone for good, 'vfpool unhold %s%s' ends the "
		"hold",
		row->place.vf, row->pool, gc->vp->err.text, mac, index);
}

static int look_at_vfs(struct gc *gc)
{
	AUTO_FREE struct ledger_vf *rows = NULL;
	size_t n = 0;
	int r = ledger_vfs(gc->ledger, NULL, &rows, &n);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const bool first_of_pf = i == 0 || !vfpool_mac_equal(&rows[i - 1].place.pf_mac,
								     &rows[i].place.pf_mac);

		if (rows[i].quarantined || (rows[i].avoid && !rows[i].lease))
			r = free_vf(gc, &rows[i]);
		if (r < 0)
			return r;
		if (rows[i].held || (rows[i].pf_held && first_of_pf))
			r = note_lost_hold(gc, &rows[i]);
	}
	return r;
}

/* ---- history ---- */

static int prune_history(struct gc *gc)
{
	const struct ledger_history_age age = {
		.before = time(NULL) - 86400LL * gc->request->history_days,
		.rows = gc->request->history_rows,
	};
	unsigned n = 0, more = 0;
	int r = ledger_count_old_history(gc->ledger, &age, &n);

	if (r < 0 || n == 0)
		return r;
	do
		r = gc->dry_run ? 0 : ledger_prune_history(gc->ledger, &age, &more);
	while (r == 0 && more > 0);
	if (r < 0)
		return r;
	return findings_add(
		gc->found, VFPOOL_FOUND_HISTORY, VFPOOL_FINDING_DONE, NULL,
		"%u entr%s of the history, older than %u days or beyond the newest %u, %s removed",
		n, n == 1 ? "y" : "ies", gc->request->history_days, gc->request->history_rows,
		n == 1 ? "is" : "are");
}

/* ---- all of it ---- */

static int look(struct gc *gc)
{
	struct error why;
	int r = ledger_check(gc->ledger);

	if (r < 0)
		return r;
	r = guest_list(gc->vp->uri, gc->vp->dirs[VFPOOL_DIR_LIBVIRT_RUN], &gc->guests, &why);
	if (r == -ENOMEM)
		return fail_oom(&gc->vp->err);
	gc->found->guests_known = r == 0;
	if (r < 0)
		note(gc->vp, "%s, so no lease of a guest is judged", why.text);
	r = look_at_leases(gc);
	if (r < 0)
		return r;
	r = look_at_vfs(gc);
	return r < 0 ? r : prune_history(gc);
}

int vfpool_gc(struct vfpool *vp, const struct vfpool_gc_request *request,
	      struct vfpool_findings **ret_findings)
{
	CLEANUP(cleanup_findings) struct vfpool_findings *found = calloc(1, sizeof(*found));
	CLEANUP(gc_end)
	struct gc gc = {
		.vp = vp,
		.request = request,
		.dry_run = request->dry_run,
		.found = found,
		.host = NO_HOST,
	};
	int r;

	if (!found)
		return fail_oom(&vp->err);
	r = check_root(vp, "cleaning up");
	if (r < 0)
		return r;
	r = open_ledger(vp, request->dry_run ? LEDGER_READ : LEDGER_CHANGE, &gc.ledger);
	if (r < 0)
		return r;
	if (gc.ledger)
		r = open_host(vp, &gc.host);
	if (r < 0)
		return r;
	if (gc.ledger)
		r = look(&gc);
	if (r < 0)
		return r == -ENOMEM ? fail_oom(&vp->err) : r;
	r = findings_sum_up(vp, found, "cleaned up");
	*ret_findings = TAKE_PTR(found);
	return r;
}
