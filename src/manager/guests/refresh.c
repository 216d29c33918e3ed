/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests whose definitions name their VF by an address that it had once, or say a VLAN that their lease hasn't. */
#include "manager/context.h"
#include "manager/definitions.h"
#include "manager/findings.h"
#include "manager/lease/lease.h"
#include "manager/open_ledger.h"
#include "manager/vf.h"

#include "util/file.h"
#include "util/name.h"

#include <string.h>

struct refresh {
	struct vfpool *vp;
	struct ledger *ledger;
	struct host host;
	struct guests guests;
	bool dry_run;
	struct vfpool_findings *found;
};

static void refresh_end(struct refresh *refresh)
{
	guests_end(&refresh->guests);
	host_end(&refresh->host);
}

/* What a definition says of a lease that isn't so. */
struct stale {
	struct vfpool_lease *lease; /* NULL: all is right */
	bool has_moved;
	char vlans[VLANS_TEXT]; /* "": as the lease says */
	int vlan;               /* the lease's, -1: not its own matter */
};

static void stale_end(struct stale *stale)
{
	vfpool_lease_free(stale->lease);
}

/* Fills in the lease's VLAN, and how the definition's differs. Without the pool's definition nobody knows. */
static void compare_vlan(struct refresh *refresh, const struct guest_nic *nic,
			 struct vfpool_lease *lease, struct stale *stale)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;

	stale->vlan = -1;
	if (definition_load(refresh->vp, lease->pool, &pool) < 0)
		return;
	stale->vlan = guest_vlan(pool, lease);
	vf_vlan_is_stale(pool, lease, nic->next_vlan, stale->vlans);
}

/* Finds what the definition says of the lease of its MAC that isn't so. A lease that ends is of no use. */
static int find_stale(struct refresh *refresh, const struct guest_nic *nic, struct stale *stale)
{
	static const struct vfpool_pci unknown = { 0 }; /* its VF, or its PF, isn't there */
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	int r = ledger_find_mac(refresh->ledger, &nic->mac, &lease);

	if (r < 0 || !lease || !lease->has_vf || lease->state != VFPOOL_LEASE_ACTIVE)
		return r;
	r = vf_look_up_address(&refresh->host, lease);
	if (r < 0)
		return r == -VFPOOL_ENOTFOUND ? 0 : r;
	if (vfpool_pci_equal(&lease->address, &unknown))
		return 0;
	stale->has_moved = !vfpool_pci_equal(&lease->address, &nic->address);
	compare_vlan(refresh, nic, lease, stale);
	if (stale->has_moved || *stale->vlans)
		stale->lease = TAKE_PTR(lease);
	return 0;
}

/* Tells that the guest's definition has the MAC of another guest's lease, as a copy of that one has; takes the lease. */
static int add_stranger(struct refresh *refresh, const struct guest *guest,
			struct vfpool_lease *lease)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *own = lease;
	int r = findings_add(
		refresh->found, VFPOOL_FOUND_MOVED, VFPOOL_FINDING_LEFT, &own,
		"the definition of guest %s has this MAC, and the lease is another guest's",
		guest->name);

	return r < 0 ? fail_oom(&refresh->vp->err) : 0;
}

/* Tells of the guest's leases whose VFs none of its plain <hostdev>s is; these have no MAC to know them by. */
static int find_unnamed(struct refresh *refresh, const struct guest *guest)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	const struct ledger_lease_filter filter = { .owner = guest->name, .nic = -1 };
	int r = ledger_leases(refresh->ledger, &filter, &leases);

	if (r < 0)
		return r;
	for (size_t i = 0; leases[i]; i++) {
		char is[VFPOOL_PCI_TEXT];

		if (!leases[i]->has_vf || guest_has_mac(guest, &leases[i]->mac) ||
		    vf_look_up_address(&refresh->host, leases[i]) < 0 ||
		    guest_has_device(guest, &leases[i]->address))
			continue;
		vfpool_pci_format(&leases[i]->address, is);
		if (findings_add(
			    refresh->found, VFPOOL_FOUND_MOVED, VFPOOL_FINDING_LEFT, NULL,
			    "the definition of guest %s has plain <hostdev>s, none of which is its VF %s of pool %s: "
			    "see to it by 'virsh edit'",
			    guest->name, is, leases[i]->pool) < 0)
			return fail_oom(&refresh->vp->err);
	}
	return 0;
}

/* Returns whose the VF is, and what to do about it, as a sentence's end. */
static char *tell_owner(struct refresh *refresh, const struct guest *guest,
			const struct ledger_vf *row, const struct vfpool_lease *lease)
{
	CLEANUP(cleanup_pool) struct vfpool_pool *pool = NULL;
	char name[SHELL_WORD_MAX];

	if (lease)
		return format_text("is leased to %s nic %u: see to it by 'virsh edit'",
				   lease->owner, lease->nic);
	if (definition_load_or_default(refresh->vp, row->pool, &pool) == 0 &&
	    pool->allocate == VFPOOL_BY_LIBVIRT)
		return format_text(
			"libvirt gives to guests on its network %s: see to it by 'virsh edit'",
			pool->network);
	return format_text("is leased to nobody: 'vfpool adopt %s' records it, if that is its VF",
			   name_for_shell(guest->name, name));
}

/* Tells of a plain <hostdev> on a VF of a pool that isn't this guest's: after a bus shift it may be anybody's. */
static int find_taken(struct refresh *refresh, const struct guest *guest,
		      const struct vfpool_pci *address)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	AUTO_FREE char *owner = NULL;
	char vf[VFPOOL_PCI_TEXT];
	struct ledger_vf row;
	int r = lease_find_row(&refresh->host, refresh->ledger, address, &row);

	if (r == -VFPOOL_ENOTFOUND)
		return 0;
	if (r < 0 || !row.id)
		return r;
	r = row.lease ? ledger_get_lease(refresh->ledger, row.lease, &lease) : 0;
	if (r < 0 || (lease && lease_is_guests(lease, guest)))
		return r;
	owner = tell_owner(refresh, guest, &row, lease);
	vfpool_pci_format(address, vf);
	if (!owner ||
	    findings_add(
		    refresh->found, VFPOOL_FOUND_MOVED, VFPOOL_FINDING_LEFT, NULL,
		    "the definition of guest %s has VF %s of pool %s in a plain <hostdev>, which %s",
		    guest->name, vf, row.pool, owner) < 0)
		return fail_oom(&refresh->vp->err);
	return 0;
}

static int refresh_plain(struct refresh *refresh, const struct guest *guest)
{
	bool has_plain = false;

	for (size_t i = 0; i < guest->n_nics; i++) {
		int r;

		if (guest->nics[i].has_mac || !guest->nics[i].has_address)
			continue;
		has_plain = true;
		r = find_taken(refresh, guest, &guest->nics[i].address);
		if (r < 0)
			return r;
	}
	return has_plain ? find_unnamed(refresh, guest) : 0;
}

/* Tells of the stale definition, whose lease it takes; `failure` says why it couldn't be mended, NULL: it is. */
static int add_stale(struct refresh *refresh, const struct guest *guest,
		     const struct guest_nic *nic, struct stale *stale, const char *failure)
{
	const enum vfpool_finding_kind kind = stale->has_moved ? VFPOOL_FOUND_MOVED :
								 VFPOOL_FOUND_VLAN;
	const enum vfpool_finding_result result = failure ? VFPOOL_FINDING_FAILED :
							    VFPOOL_FINDING_DONE;
	char was[VFPOOL_PCI_TEXT], is[VFPOOL_PCI_TEXT], moved[100] = "";

	vfpool_pci_format(&nic->address, was);
	vfpool_pci_format(&stale->lease->address, is);
	if (stale->has_moved)
		snprintf(moved, sizeof(moved), "names its VF as %s, which is %s now%s", was, is,
			 *stale->vlans ? "; it " : "");
	return findings_add(refresh->found, kind, result, &stale->lease,
			    "the definition of guest %s %s%s%s%s%s", guest->name, moved,
			    *stale->vlans ? "says " : "", stale->vlans, failure ? ": " : "",
			    failure ? failure : "");
}

static int refresh_nic(struct refresh *refresh, const struct guest *guest,
		       const struct guest_nic *nic)
{
	CLEANUP(stale_end) struct stale stale = { .lease = NULL };
	struct error *err = &refresh->vp->err;
	int r = find_stale(refresh, nic, &stale);

	if (r < 0 || !stale.lease)
		return r;
	if (!lease_is_guests(stale.lease, guest))
		return add_stranger(refresh, guest, TAKE_PTR(stale.lease));
	if (!refresh->dry_run)
		r = guest_move(refresh->vp->uri, guest->uuid, &stale.lease->mac,
			       &stale.lease->address, stale.vlan, err);
	r = add_stale(refresh, guest, nic, &stale, r < 0 ? err->text : NULL);
	return r < 0 ? fail_oom(err) : 0;
}

static int refresh_guest(struct refresh *refresh, const struct guest *guest)
{
	for (size_t i = 0; i < guest->n_nics; i++) {
		int r;

		if (!guest->nics[i].has_mac || !guest->nics[i].has_address)
			continue;
		r = refresh_nic(refresh, guest, &guest->nics[i]);
		if (r < 0)
			return r;
	}
	return refresh_plain(refresh, guest);
}

static int refresh_all(struct refresh *refresh, const char *name)
{
	bool is_there = !name;

	for (size_t i = 0; i < refresh->guests.n; i++) {
		const struct guest *guest = &refresh->guests.list[i];
		int r;

		if (name && strcmp(guest->name, name) != 0 && strcmp(guest->uuid, name) != 0)
			continue;
		is_there = true;
		r = refresh_guest(refresh, guest);
		if (r < 0)
			return r;
	}
	if (!is_there)
		return fail(&refresh->vp->err, -VFPOOL_ENOTFOUND,
			    "libvirt has no guest %s; 'virsh list --all' names them", name);
	return 0;
}

int vfpool_refresh(struct vfpool *vp, const char *guest, bool dry_run, unsigned wait,
		   struct vfpool_findings **ret_findings)
{
	CLEANUP(refresh_end)
	struct refresh refresh = { .vp = vp, .host = NO_HOST, .dry_run = dry_run };
	CLEANUP(cleanup_findings) struct vfpool_findings *found = calloc(1, sizeof(*found));
	int r;

	if (!found)
		return fail_oom(&vp->err);
	refresh.found = found;
	found->guests_known = true;
	r = check_root(vp, "mending guests");
	if (r < 0)
		return r;
	r = open_host(vp, &refresh.host);
	if (r < 0)
		return r;
	r = open_ledger(vp, LEDGER_READ, &refresh.ledger);
	if (r < 0)
		return r;
	r = wait ? guest_list_within(vp->uri, vp->dirs[VFPOOL_DIR_LIBVIRT_RUN], wait,
				     &refresh.guests, &vp->err) :
		   guest_list(vp->uri, vp->dirs[VFPOOL_DIR_LIBVIRT_RUN], &refresh.guests, &vp->err);
	if (r < 0)
		return r;
	r = refresh.ledger ? refresh_all(&refresh, guest) : 0;
	if (r < 0)
		return r;
	r = findings_sum_up(vp, found, "mended");
	if (r == 0 || r == -VFPOOL_EPARTIAL)
		*ret_findings = TAKE_PTR(found);
	return r;
}
