/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leases for what the guests of libvirt name already, so that a host in use can be
 * taken over. */
#include "manager/context.h"
#include "manager/findings.h"
#include "manager/lease/lease.h"
#include "manager/lease/macs.h"
#include "manager/open_ledger.h"

#include "util/name.h"

#include <string.h>

#define NICS_MAX 64

struct adopt {
	struct vfpool *vp;
	struct ledger *ledger;
	struct host host;
	struct foreign_macs foreign;
	struct vfpool_pool **pools;
	bool dry_run;
	struct vfpool_findings *found;
};

/* One device of a guest, and what it is here. */
struct adopted {
	const struct guest *guest;
	const struct guest_nic *nic;
	struct vfpool_pool *pool;
	struct vfpool_pf pf;  /* with its one VF, or without: a unit of a libvirt network */
	struct ledger_vf row; /* id 0: the same */
	bool has_mac;         /* else one is made for it */
	struct vfpool_mac mac;
	int vlan; /* of its own, -1: the pool's */
};

static void adopt_end(struct adopt *adopt)
{
	ledger_rollback(adopt->ledger);
	foreign_macs_end(&adopt->foreign);
	vfpool_pools_free(adopt->pools);
	host_end(&adopt->host);
}

static void adopted_end(struct adopted *what)
{
	pf_end(&what->pf);
}

static struct vfpool_pool *find_pool(const struct adopt *adopt, const char *name)
{
	for (struct vfpool_pool **pool = adopt->pools; *pool; pool++)
		if (strcmp((*pool)->name, name) == 0)
			return *pool;
	return NULL;
}

/* ---- what a guest's device is here ---- */

static void find_network(const struct adopt *adopt, struct adopted *what)
{
	const char *network = what->nic->network;

	for (struct vfpool_pool **pool = adopt->pools; network && *pool; pool++)
		if ((*pool)->allocate == VFPOOL_BY_LIBVIRT &&
		    strcmp((*pool)->network, network) == 0)
			what->pool = *pool;
}

/* Finds the pool's VF that the guest's device is: not some other device, or one that isn't there now. */
static int find_vf(struct adopt *adopt, struct adopted *what)
{
	unsigned index;
	int64_t pf_id;
	int r = host_find_vf(&adopt->host, &what->nic->address, &what->pf.address, &index);

	if (r < 0)
		return r == -VFPOOL_ENOTFOUND ? 0 : r;
	r = host_read_pf(&adopt->host, &what->pf.address, (int)index, &what->pf);
	if (r < 0)
		return r == -VFPOOL_ENOTFOUND ? 0 : r;
	r = ledger_pf(adopt->ledger, &what->pf, false, &pf_id);
	if (r < 0)
		return r;
	r = ledger_vf(adopt->ledger, pf_id, index, &what->row);
	if (r < 0)
		return r;
	if (what->row.id)
		what->pool = find_pool(adopt, what->row.pool);
	return 0;
}

/* A plain <hostdev> has the MAC and the VLAN that its VF was programmed with, unless that is
 * parked: then one is made for it. */
static void read_programmed(struct adopted *what)
{
	static const struct vfpool_mac zero = { 0 };
	const struct vfpool_settings *is = what->pf.n_vfs > 0 ? &what->pf.vfs[0].programmed : NULL;

	if (!is || !(is->have & VFPOOL_ATTR_MAC) || vfpool_mac_equal(&is->mac, &zero) ||
	    vfpool_mac_equal(&is->mac, &what->row.parking))
		return;
	what->has_mac = true;
	what->mac = is->mac;
	if (is->vlan != what->pool->policy.vlan)
		what->vlan = is->vlan;
}

/* Finds out what the guest's device is here; what->pool stays NULL when it is none of ours. */
static int identify(struct adopt *adopt, struct adopted *what)
{
	const struct guest_nic *nic = what->nic;

	what->mac = nic->mac;
	what->has_mac = nic->has_mac;
	what->vlan = nic->vlan ? nic->vlan : -1; /* else the network's */
	find_network(adopt, what);
	if (!what->pool && nic->has_address) {
		int r = find_vf(adopt, what);

		if (r < 0)
			return r;
	}
	if (!what->pool || !what->row.id)
		return 0;
	if (what->pool->allocate == VFPOOL_BY_LIBVIRT && !nic->has_mac)
		return fail(&adopt->vp->err, -EINVAL,
			    "libvirt allocates this pool's VFs, and a plain <hostdev> takes "
			    "one by itself: let the guest have an <interface> on network %s",
			    what->pool->network);
	if (what->pool->allocate == VFPOOL_BY_LIBVIRT) {
		what->row.id = 0; /* libvirt has picked it for a running guest */
		return 0;
	}
	what->vlan = -1;
	if (!nic->has_mac)
		read_programmed(what);
	else if ((unsigned)nic->vlan != what->pool->policy.vlan)
		what->vlan = nic->vlan;
	return 0;
}

/* ---- the lease ---- */

/* *ret_is tells whether that nic of the guest is the one for the device: it has its MAC, or the device has none and
 * the nic no lease. *ret_reserved: it has a MAC. */
static int is_nic_for(struct adopt *adopt, const struct adopted *what, unsigned nic, bool *ret_is,
		      bool *ret_reserved)
{
	const char *pool = what->pool->name, *owner = what->guest->name;
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct ledger_reservation reservation;
	int r = ledger_reservation(adopt->ledger, pool, owner, nic, &reservation);

	if (r < 0)
		return r;
	*ret_reserved = reservation.id != 0;
	if (what->has_mac || !reservation.id) {
		*ret_is = !what->has_mac ||
			  (reservation.id && vfpool_mac_equal(&reservation.mac, &what->mac));
		return 0;
	}
	r = ledger_find_lease(adopt->ledger, pool, owner, nic, &lease);
	*ret_is = !lease;
	return r;
}

/* Finds the nic for the device among the guest's; else the first that has no MAC. */
static int find_nic(struct adopt *adopt, const struct adopted *what, unsigned *ret_nic)
{
	unsigned first = NICS_MAX;

	for (unsigned nic = 0; nic < NICS_MAX; nic++) {
		bool is_it, is_reserved;
		int r = is_nic_for(adopt, what, nic, &is_it, &is_reserved);

		if (r < 0)
			return r;
		if (is_it) {
			*ret_nic = nic;
			return 0;
		}
		if (!is_reserved && first == NICS_MAX)
			first = nic;
	}
	if (first == NICS_MAX)
		return fail(&adopt->vp->err, -ENOSPC, "it has too many interfaces");
	*ret_nic = first;
	return 0;
}

/* Makes the lease, active, with what is the guest's. -E_TAKEN, without a message: its MAC has one already. */
static int add_lease(struct adopt *adopt, const struct adopted *what,
		     struct vfpool_lease **ret_lease)
{
	struct ledger *ledger = adopt->ledger;
	struct ledger_reservation reservation;
	unsigned nic = 0;
	int64_t id;
	int r = find_nic(adopt, what, &nic);

	if (r < 0)
		return r;
	r = macs_reserve(adopt->vp, ledger, what->pool, what->guest->name, nic,
			 what->has_mac ? &what->mac : NULL, &adopt->foreign, &reservation);
	if (r < 0)
		return r;
	r = ledger_add_lease(ledger, reservation.id, what->row.id, what->vlan, &id);
	if (r < 0)
		return r;
	r = what->row.id ? ledger_forgive_vf(ledger, what->row.id) : 0;
	if (r < 0)
		return r;
	r = ledger_move_lease(ledger, id, VFPOOL_LEASE_PENDING, VFPOOL_LEASE_ACTIVE);
	if (r < 0)
		return r;
	r = ledger_see_guest(ledger, id, what->guest->uuid, adopt->vp->uri);
	if (r < 0)
		return r;
	return ledger_get_lease(ledger, id, ret_lease);
}

/* Records a lease for the guest's device. A dry run is in a transaction already, which is never committed. */
static int record(struct adopt *adopt, const struct adopted *what, struct vfpool_lease **ret_lease)
{
	int r = check_owner(adopt->vp, what->guest->name);

	if (r < 0)
		return r;
	if (what->vlan > 4094)
		return fail(&adopt->vp->err, -EINVAL, "its VLAN %d isn't one", what->vlan);
	if (!adopt->dry_run) {
		r = ledger_begin(adopt->ledger);
		if (r < 0)
			return r;
	}
	r = add_lease(adopt, what, ret_lease);
	if (r == -E_TAKEN)
		return fail(&adopt->vp->err, -VFPOOL_EINUSE,
			    "its MAC has a lease on another VF "
			    "already, as when its next start is to have another");
	if (r < 0)
		return r;
	return adopt->dry_run ? 0 : ledger_commit(adopt->ledger);
}

/* Finds the lease that is there for it already; NULL: none. */
static int find_lease(struct adopt *adopt, const struct adopted *what,
		      struct vfpool_lease **ret_lease)
{
	*ret_lease = NULL;
	if (what->row.id)
		return what->row.lease ?
			       ledger_get_lease(adopt->ledger, what->row.lease, ret_lease) :
			       0;
	return ledger_find_mac(adopt->ledger, &what->mac, ret_lease);
}

/* Tells whether it is the lease that the guest has by this device. */
static bool is_its(const struct adopted *what, const struct vfpool_lease *lease)
{
	if (what->nic->has_mac)
		return vfpool_mac_equal(&lease->mac, &what->mac);
	return lease_is_guests(lease, what->guest);
}

/* Adds a finding of the device, with the lease; `why` is why it has none, NULL: it went well. */
static int report(struct adopt *adopt, const struct adopted *what, struct vfpool_lease **lease,
		  const char *why)
{
	const enum vfpool_finding_result result = why ? VFPOOL_FINDING_FAILED : VFPOOL_FINDING_DONE;
	const char *guest = what->guest->name;

	if (!what->row.id)
		return findings_add(adopt->found, VFPOOL_FOUND_ADOPTED, result, lease,
				    "guest %s on network %s: %s", guest, what->pool->network,
				    why ? why : "it is counted, and its MAC reserved");
	return findings_add(adopt->found, VFPOOL_FOUND_ADOPTED, result, lease,
			    "guest %s with VF %u of %s: %s", guest, what->row.place.vf,
			    pf_name(&what->pf, "its PF"),
			    why ? why :
			    what->has_mac ?
				  "it has a lease now" :
				  "it has a lease and a new MAC now; 'vfpool apply' programs it");
}

/* Makes the lease of a device whose pool is known; *ret_lease is NULL when it has its lease already. */
static int adopt_device(struct adopt *adopt, struct adopted *what, struct vfpool_lease **ret_lease)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	int r = find_lease(adopt, what, &lease);

	if (r < 0)
		return r;
	if (lease && is_its(what, lease))
		return adopt->dry_run ?
			       0 :
			       lease_see_guest(adopt->vp, adopt->ledger, lease, what->guest->uuid);
	if (lease)
		return fail(&adopt->vp->err, -VFPOOL_EINUSE, "it is leased to %s nic %u",
			    lease->owner, lease->nic);
	if (what->row.quarantined)
		return fail(&adopt->vp->err, -VFPOOL_EINUSE, "it is in quarantine");
	r = record(adopt, what, ret_lease);
	if (!adopt->dry_run)
		ledger_rollback(adopt->ledger);
	return r;
}

/* Adopts one device of a guest. What is wrong with one of ours is a finding, and the others go on. */
static int adopt_nic(struct adopt *adopt, struct adopted *what)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	int r = identify(adopt, what);

	if (!what->pool)
		return r;
	r = r < 0 ? r : adopt_device(adopt, what, &lease);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return report(adopt, what, NULL, adopt->vp->err.text);
	return lease ? report(adopt, what, &lease, NULL) : 0;
}

/* ---- all of it ---- */

static int adopt_guest(struct adopt *adopt, const struct guest *guest)
{
	for (size_t i = 0; i < guest->n_nics; i++) {
		CLEANUP(adopted_end)
		struct adopted what = { .guest = guest, .nic = &guest->nics[i] };
		int r = adopt_nic(adopt, &what);

		if (r < 0)
			return r;
	}
	return 0;
}

static int adopt_guests(struct adopt *adopt, const char *name)
{
	const struct guests *guests = &adopt->foreign.guests;
	bool any = !name;

	for (size_t i = 0; i < guests->n; i++) {
		const struct guest *guest = &guests->list[i];
		int r;

		if (name && strcmp(guest->name, name) != 0 && strcmp(guest->uuid, name) != 0)
			continue;
		any = true;
		r = adopt_guest(adopt, guest);
		if (r < 0)
			return r;
	}
	if (!any)
		return fail(&adopt->vp->err, -VFPOOL_ENOTFOUND,
			    "libvirt has no guest %s; 'virsh list --all' names them", name);
	return 0;
}

static int adopt_open(struct adopt *adopt)
{
	const bool dry_run = adopt->dry_run;
	struct vfpool *vp = adopt->vp;
	struct error why;
	int r = check_root(vp, "adopting guests");

	if (r < 0)
		return r;
	r = vfpool_pools(vp, &adopt->pools);
	if (r < 0)
		return r;
	r = open_ledger(vp, dry_run ? LEDGER_READ : LEDGER_CHANGE, &adopt->ledger);
	if (r < 0)
		return r;
	r = open_host(vp, &adopt->host);
	if (r < 0)
		return r;
	if (!adopt->ledger)
		return fail(&vp->err, -ENODATA,
			    "no pool has been applied yet; 'vfpool apply' comes first");
	r = guest_list(vp->uri, vp->dirs[VFPOOL_DIR_LIBVIRT_RUN], &adopt->foreign.guests, &why);
	adopt->foreign.known = true;
	if (r < 0)
		return fail(&vp->err, r, "%s", why.text);
	/* A dry run sees what it would have changed, and changes nothing. */
	return dry_run ? ledger_begin(adopt->ledger) : 0;
}

int vfpool_adopt(struct vfpool *vp, const char *guest, bool dry_run,
		 struct vfpool_findings **ret_findings)
{
	CLEANUP(cleanup_findings) struct vfpool_findings *found = calloc(1, sizeof(*found));
	CLEANUP(adopt_end)
	struct adopt adopt = {
		.vp = vp,
		.host = NO_HOST,
		.dry_run = dry_run,
		.found = found,
	};
	int r = found ? adopt_open(&adopt) : fail_oom(&vp->err);

	r = r < 0 ? r : adopt_guests(&adopt, guest);
	if (r < 0)
		return r == -ENOMEM ? fail_oom(&vp->err) :
				      fail_while(&vp->err, r, "adopting %s",
						 guest ? guest : "libvirt's guests");
	found->guests_known = true;
	r = findings_sum_up(vp, found, "adopted");
	*ret_findings = TAKE_PTR(found);
	return r;
}
