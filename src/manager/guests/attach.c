/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lease into and out of a guest of libvirt. */
#include "manager/context.h"
#include "manager/definitions.h"
#include "manager/lease/lease.h"
#include "manager/open_ledger.h"
#include "manager/vf.h"

#include "util/clock.h"
#include "util/name.h"

#include <string.h>

/* How long libvirt may take to let go of a VF that the guest has given back. */
#define RELEASE_S 15
#define REST_MS 300

struct attach {
	struct vfpool *vp;
	const struct vfpool_attach_request *request;
	struct guest_state guest;
	unsigned where;
	struct vfpool_lease *lease;
	struct vfpool_pool *pool; /* the lease's, for its network */
	bool old_too;             /* what has the lease's MAC on another VF has it too */
};

static void attach_end(struct attach *attach)
{
	guest_state_end(&attach->guest);
	vfpool_lease_free(attach->lease);
	vfpool_pool_free(attach->pool);
}

static int look_at_guest(struct attach *attach)
{
	struct guest_state state;
	int r = guest_look(attach->vp->uri, attach->request->guest, &state, &attach->vp->err);

	if (r < 0)
		return r;
	guest_state_end(&attach->guest);
	attach->guest = state;
	return check_owner(attach->vp, state.name);
}

static const struct guest_nic *find_nic(const struct attach *attach, const struct guest *guest)
{
	const struct guest_nic *nic = guest_find_nic(guest, attach->lease, attach->pool->network);

	return !nic && attach->old_too ? guest_find_old_nic(guest, attach->lease) : nic;
}

/* Which of the guest's definitions have the lease. */
static unsigned named(const struct attach *attach)
{
	return (find_nic(attach, &attach->guest.now) ? GUEST_NOW : 0) |
	       (find_nic(attach, &attach->guest.next) ? GUEST_NEXT : 0);
}

static unsigned resolve_where(const struct attach *attach, unsigned usual)
{
	const unsigned where = attach->request->where ? attach->request->where : usual;

	if (where & VFPOOL_GUEST_CURRENT)
		return attach->guest.is_running ? GUEST_NOW : GUEST_NEXT;
	return where;
}

static int check_where(struct attach *attach)
{
	struct error *err = &attach->vp->err;
	const char *name = attach->guest.name;

	if (attach->where & GUEST_NOW && !attach->guest.is_running)
		return fail(err, -EINVAL, "guest %s isn't running, so there is no --live", name);
	if (attach->where & GUEST_NEXT && !attach->guest.is_persistent)
		return fail(err, -EINVAL,
			    "guest %s is transient: it has no next start, so no --config", name);
	return 0;
}

/* Ends the lease, and asks again for some seconds: libvirt gives a VF back a moment after the guest has. */
static int release(struct attach *attach, struct vfpool_lease ***ret_leases)
{
	struct vfpool_release_request request = VFPOOL_RELEASE_REQUEST;
	const long long deadline = clock_ms() + RELEASE_S * 1000LL;

	request.lease = attach->lease->id;
	for (;;) {
		int r = vfpool_release(attach->vp, &request, ret_leases);

		if (r != -VFPOOL_EINUSE || clock_ms() >= deadline)
			return r;
		rest_ms(REST_MS);
	}
}

/* ---- attach ---- */

static int alloc(struct attach *attach)
{
	struct vfpool_alloc_request request = VFPOOL_ALLOC_REQUEST;
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	int r;

	request.owner = attach->guest.name;
	request.nic = attach->request->nic < 0 ? 0 : (unsigned)attach->request->nic;
	request.dry_run = attach->request->dry_run;
	r = vfpool_alloc(attach->vp, attach->request->pool, &request, &leases);
	if (r < 0)
		return r;
	attach->lease = leases[0];
	leases[0] = NULL;
	return definition_load(attach->vp, attach->lease->pool, &attach->pool);
}

/* Ends the new lease of an attach that has failed with `r`, unless the guest has the VF all the same, as when libvirt
 * died before it answered. */
static int undo(struct attach *attach, int r)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	const struct error why = attach->vp->err;
	int r2 = look_at_guest(attach);

	if (r2 == 0 && named(attach))
		return fail(&attach->vp->err, r, "%s; but the guest has it, so the lease stays",
			    why.text);
	if (r2 == 0)
		r2 = release(attach, &leases);
	if (r2 < 0)
		return fail(&attach->vp->err, r,
			    "%s; and its new lease stays, since: %.300s; 'vfpool detach' or "
			    "'vfpool release' ends it",
			    why.text, attach->vp->err.text);
	attach->vp->err = why;
	return r;
}

/* Refuses a definition that has the lease's MAC at an address of old: the guest would start without its VF. */
static int check_old(struct attach *attach)
{
	const struct guest_nic *old =
		attach->where & GUEST_NOW ? guest_find_old_nic(&attach->guest.now, attach->lease) :
					    NULL;
	char is[VFPOOL_PCI_TEXT], was[VFPOOL_PCI_TEXT], name[SHELL_WORD_MAX];

	if (!old && attach->where & GUEST_NEXT)
		old = guest_find_old_nic(&attach->guest.next, attach->lease);
	if (!old)
		return 0;
	vfpool_pci_format(&old->address, was);
	vfpool_pci_format(&attach->lease->address, is);
	return fail(&attach->vp->err, -VFPOOL_EINUSE,
		    "the guest's definition has its MAC on %s, and its lease "
		    "is on %s: 'vfpool attach --refresh %s' mends that",
		    was, is, name_for_shell(attach->guest.name, name));
}

/* Puts back what libvirt has changed of the VF, and notes whose it is. */
static int settle(struct attach *attach)
{
	AUTO_HOST struct host host = NO_HOST;
	struct vfpool *vp = attach->vp;
	struct ledger *ledger;
	int r;

	r = open_host(vp, &host);
	if (r < 0)
		return r;
	r = open_ledger(vp, LEDGER_WRITE, &ledger);
	if (r < 0)
		return r;
	r = vf_mend(&host, ledger, attach->pool, attach->lease, MEND_RUNNING);
	if (r < 0)
		return r;
	return lease_see_guest(vp, ledger, attach->lease, attach->guest.uuid);
}

/* Mends a definition that had the lease before, and may say the VLAN of then. */
static int mend_definition(struct attach *attach)
{
	const struct vfpool_lease *lease = attach->lease;
	const struct guest_nic *nic = guest_find_nic(&attach->guest.next, lease,
						     attach->pool->network);
	char vlans[VLANS_TEXT];
	int r;

	if (!nic || !nic->has_mac || !vf_vlan_is_stale(attach->pool, lease, nic->vlan, vlans))
		return 0;
	r = guest_move(attach->vp->uri, attach->guest.uuid, &lease->mac, &lease->address,
		       guest_vlan(attach->pool, lease), &attach->vp->err);
	if (r == 0)
		note(attach->vp, "the guest's definition said %s: that is mended", vlans);
	return r;
}

/* Gives the VF to those of the guest's definitions that are meant and haven't got it. */
static int plug_in(struct attach *attach)
{
	AUTO_FREE char *xml = NULL;
	const unsigned missing = attach->where & ~named(attach);
	int r = check_old(attach);

	if (r < 0 || !missing)
		return r;
	r = vfpool_interface(attach->vp, attach->lease, VFPOOL_FORMAT_LIBVIRT, NULL, &xml);
	if (r < 0)
		return r;
	return guest_attach(attach->vp->uri, attach->guest.uuid, xml, missing, &attach->vp->err);
}

static int give(struct attach *attach)
{
	int r = plug_in(attach);

	if (r < 0)
		return attach->lease->made ? undo(attach, r) : r;
	r = mend_definition(attach);
	r = r < 0 ? r : settle(attach);
	return r < 0 ? fail_while(&attach->vp->err, r, "it is attached, but") : 0;
}

static int run_attach(struct attach *attach)
{
	int r = check_root(attach->vp, "attaching a VF");

	if (r < 0)
		return r;
	r = look_at_guest(attach);
	if (r < 0)
		return r;
	attach->where = resolve_where(attach, VFPOOL_GUEST_CURRENT);
	r = check_where(attach);
	if (r < 0)
		return r;
	r = alloc(attach);
	if (r < 0)
		return r;
	return attach->request->dry_run ? 0 : give(attach);
}

int vfpool_attach(struct vfpool *vp, const struct vfpool_attach_request *request,
		  struct vfpool_lease **ret_lease)
{
	CLEANUP(attach_end) struct attach attach = { .vp = vp, .request = request };
	int r = run_attach(&attach);

	if (r < 0)
		return fail_while(&vp->err, r, "attaching a VF of %s to guest %s", request->pool,
				  request->guest);
	*ret_lease = TAKE_PTR(attach.lease);
	return 0;
}

/* ---- detach ---- */

static int find_lease(struct attach *attach)
{
	const struct vfpool_attach_request *request = attach->request;
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	char name[SHELL_WORD_MAX];
	int r = vfpool_find_leases(attach->vp, request->pool, attach->guest.name, request->nic, 0,
				   &leases);

	if (r < 0)
		return r;
	if (leases[1])
		return fail(
			&attach->vp->err, -EINVAL,
			"it has several leases: say which with POOL and --nic; 'vfpool interface %s' shows "
			"them",
			name_for_shell(attach->guest.name, name));
	attach->lease = leases[0];
	leases[0] = NULL;
	return definition_load_or_default(attach->vp, attach->lease->pool, &attach->pool);
}

/* Takes the VF out of one definition, as that has it. */
static int take_out(struct attach *attach, unsigned where)
{
	const struct guest *guest = where == GUEST_NOW ? &attach->guest.now : &attach->guest.next;
	const struct guest_nic *nic = find_nic(attach, guest);
	AUTO_FREE char *xml = NULL;
	int r;

	if (!nic)
		return 0;
	if (guest_nic_xml(nic, &xml) < 0)
		return fail_oom(&attach->vp->err);
	r = guest_detach(attach->vp->uri, attach->guest.uuid, xml, where, &attach->vp->err);
	return r == -ENODEV ? 0 : r; /* it is gone already */
}

/* Looks at the guest again. A transient one is gone when it has ended. */
static int look_again(struct attach *attach)
{
	const bool may_end = !attach->guest.is_persistent;
	int r = look_at_guest(attach);

	if (r != -VFPOOL_ENOTFOUND || !may_end)
		return r;
	guest_end(&attach->guest.now);
	return 0;
}

/* Waits for a running guest, which was asked for the VF and gives it back when it likes. */
static int wait_until_gone(struct attach *attach)
{
	const unsigned timeout = attach->request->timeout_s;
	const long long deadline = clock_ms() + timeout * 1000LL;

	while (named(attach) & GUEST_NOW) {
		int r;
		if (clock_ms() >= deadline)
			return fail(
				&attach->vp->err, -VFPOOL_EINUSE,
				"the guest hasn't let go of it within %u s (is it paused, or booting, or "
				"without PCI hot plug?); the lease stays, and the same detach goes on",
				timeout);
		rest_ms(REST_MS);
		r = look_again(attach);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take(struct attach *attach)
{
	const unsigned is_named = named(attach);
	const unsigned where = attach->where ? attach->where & is_named : is_named;
	int r = where & GUEST_NEXT ? take_out(attach, GUEST_NEXT) : 0;

	if (r < 0)
		return r;
	r = where & GUEST_NOW ? take_out(attach, GUEST_NOW) : 0;
	if (r < 0)
		return r;
	r = look_again(attach);
	if (r < 0)
		return r;
	return where & GUEST_NOW ? wait_until_gone(attach) : 0;
}

static int end_or_keep(struct attach *attach)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	const unsigned left = named(attach);
	int r;

	if (left) {
		note(attach->vp, "the lease stays: the guest's definition %s still names it",
		     left & GUEST_NOW ? "of now" : "of its next start");
		return settle(attach);
	}
	r = release(attach, &leases);
	if (r < 0)
		return r;
	vfpool_lease_free(attach->lease);
	attach->lease = leases[0];
	leases[0] = NULL;
	return 0;
}

static int run_detach(struct attach *attach)
{
	int r = check_root(attach->vp, "detaching a VF");

	if (r < 0)
		return r;
	r = look_at_guest(attach);
	if (r < 0)
		return r;
	r = find_lease(attach);
	if (r < 0)
		return r;
	attach->where = resolve_where(attach, 0);
	r = check_where(attach);
	if (r < 0 || attach->request->dry_run)
		return r;
	r = take(attach);
	return r < 0 ? r : end_or_keep(attach);
}

int vfpool_detach(struct vfpool *vp, const struct vfpool_attach_request *request,
		  struct vfpool_lease **ret_lease)
{
	CLEANUP(attach_end)
	struct attach attach = { .vp = vp, .request = request, .old_too = true };
	int r = run_detach(&attach);

	if (r < 0)
		return fail_while(&vp->err, r, "detaching the VF of guest %s", request->guest);
	*ret_lease = TAKE_PTR(attach.lease);
	return 0;
}
