/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leases and reservations listed, renamed and forgotten. */
#include "manager/lease/lease.h"
#include "manager/definitions.h"
#include "manager/open_ledger.h"
#include "manager/vf.h"

#include <string.h>

int lease_add(struct vfpool_lease ***leases, size_t *n, struct vfpool_lease *lease)
{
	struct vfpool_lease **grown = reallocarray(*leases, *n + 2, sizeof(*grown));

	if (!grown) {
		vfpool_lease_free(lease);
		return -ENOMEM;
	}
	*leases = grown;
	grown[(*n)++] = lease;
	grown[*n] = NULL;
	return 0;
}

/* Fills the address of the VF that libvirt has picked for the lease, known by the MAC that it gave it. */
static void look_up_picked(struct vfpool_lease *lease, const struct vfpool_inventory *inventory)
{
	for (size_t i = 0; i < inventory->n_pfs; i++)
		for (size_t j = 0; j < inventory->pfs[i].n_vfs; j++) {
			const struct vfpool_vf *vf = &inventory->pfs[i].vfs[j];

			if (vf->busy && vf_has_lease_mac(&inventory->pfs[i], vf, lease))
				lease->address = vf->address;
		}
}

static void look_up_addresses(struct vfpool_lease **leases,
			      const struct vfpool_inventory *inventory)
{
	for (struct vfpool_lease **lease = leases; *lease; lease++)
		if (!(*lease)->has_vf)
			look_up_picked(*lease, inventory);
	for (struct vfpool_lease **lease = leases; *lease; lease++)
		for (size_t i = 0; i < inventory->n_pfs; i++) {
			const struct vfpool_pf *pf = &inventory->pfs[i];
			const struct vfpool_vf *vf;

			if (!(*lease)->has_vf || !vf_is_on_pf(&(*lease)->place, pf))
				continue;
			vf = vfpool_find_vf(pf, (*lease)->place.vf);
			if (vf)
				(*lease)->address = vf->address;
		}
}

int vfpool_leases(struct vfpool *vp, const char *pool, const struct vfpool_inventory *inventory,
		  struct vfpool_lease ***ret_leases)
{
	const struct ledger_lease_filter filter = { .pool = pool, .nic = -1 };
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	struct ledger *ledger;
	int r = open_ledger(vp, LEDGER_READ, &ledger);

	if (open_ledger_is_out_of_reach(r)) {
		*ret_leases = NULL;
		return 0;
	}
	if (r == 0 && ledger) {
		r = ledger_leases(ledger, &filter, &leases);
	} else if (r == 0) {
		leases = calloc(1, sizeof(*leases));
		r = leases ? 0 : fail_oom(&vp->err);
	}
	if (r < 0)
		return r;
	look_up_addresses(leases, inventory);
	*ret_leases = TAKE_PTR(leases);
	return 0;
}

int vfpool_find_leases(struct vfpool *vp, const char *pool, const char *owner, int nic,
		       uint64_t lease, struct vfpool_lease ***ret_leases)
{
	const struct ledger_lease_filter filter = {
		.pool = pool,
		.owner = owner,
		.nic = nic,
		.id = (int64_t)lease,
	};
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	AUTO_HOST struct host host = NO_HOST;
	struct ledger *ledger;
	int r = open_ledger(vp, LEDGER_READ, &ledger);

	if (r < 0)
		return r;
	if (ledger)
		r = ledger_leases(ledger, &filter, &leases);
	if (r < 0)
		return r;
	if (!leases || !leases[0])
		return fail(&vp->err, -VFPOOL_ENOTFOUND,
			    "there is no such lease; 'vfpool list' names the "
			    "owners and their nics");
	r = open_host(vp, &host);
	for (size_t i = 0; r == 0 && leases[i]; i++) {
		r = vf_look_up_address(&host, leases[i]);
		if (r == -VFPOOL_ENOTFOUND) /* its PF isn't there: no address */
			r = 0;
	}
	if (r < 0)
		return r;
	*ret_leases = TAKE_PTR(leases);
	return 0;
}

int vfpool_reservations(struct vfpool *vp, const char *pool,
			struct vfpool_reservation **ret_reservations, size_t *ret_n)
{
	const struct ledger_reservation_filter filter = { .pool = pool };
	struct ledger *ledger;
	int r = open_ledger(vp, LEDGER_READ, &ledger);

	if (r < 0)
		return r;
	*ret_reservations = NULL;
	*ret_n = 0;
	return ledger ? ledger_reservations(ledger, &filter, ret_reservations, ret_n) : 0;
}

/* Forgets those of the list, in a transaction of the ledger's. */
static int forget_listed(struct ledger *ledger, const struct vfpool_reservation *list, size_t n,
			 bool dry_run)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = ledger_forget(ledger, list[i].pool, list[i].owner, list[i].nic);
	return r < 0 || n == 0 || dry_run ? r : ledger_commit(ledger);
}

int vfpool_forget_idle(struct vfpool *vp, const char *pool, int64_t before, bool dry_run,
		       struct vfpool_reservation **ret_reservations, size_t *ret_n)
{
	const struct ledger_reservation_filter idle = { .pool = pool,
							.idle = true,
							.before = before };
	CLEANUP(rollback) struct ledger *ledger = NULL;
	struct vfpool_reservation *list = NULL;
	size_t n = 0;
	int r = check_root(vp, "forgetting MACs");

	if (r < 0)
		return r;
	r = pool ? definition_check_name(vp, pool) : 0;
	if (r < 0)
		return r;
	r = open_ledger(vp, dry_run ? LEDGER_READ : LEDGER_CHANGE, &ledger);
	if (r < 0)
		return r;
	r = ledger ? ledger_begin(ledger) : 0;
	if (r < 0)
		return r;
	r = ledger ? ledger_reservations(ledger, &idle, &list, &n) : 0;
	if (r < 0)
		return r;
	r = forget_listed(ledger, list, n, dry_run);
	if (r < 0) {
		vfpool_reservations_free(list, n);
		return r;
	}
	*ret_reservations = list;
	*ret_n = n;
	return 0;
}

int vfpool_rename(struct vfpool *vp, const char *owner, const char *new_owner, bool dry_run,
		  unsigned *ret_n)
{
	CLEANUP(rollback) struct ledger *ledger = NULL;
	unsigned n = 0;
	int r;

	/* An old name may be one that isn't taken any more. */
	r = check_root(vp, "renaming an owner");
	if (r < 0)
		return r;
	r = check_owner(vp, new_owner);
	if (r < 0)
		return r;
	r = open_ledger(vp, dry_run ? LEDGER_READ : LEDGER_CHANGE, &ledger);
	if (r < 0)
		return r;
	r = ledger ? ledger_begin(ledger) : 0;
	if (r < 0)
		return r;
	if (ledger)
		r = ledger_rename(ledger, owner, new_owner, &n);
	if (r == -E_TAKEN)
		return fail(&vp->err, -VFPOOL_EINUSE,
			    "%s has a MAC for the same nic of a pool as %s; nothing was changed",
			    new_owner, owner);
	if (r < 0)
		return r;
	if (n == 0)
		return fail(&vp->err, -VFPOOL_ENOTFOUND, "%s has no lease and no MAC in any pool",
			    owner);
	if (!dry_run)
		r = ledger_commit(ledger);
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

int lease_see_guest(struct vfpool *vp, struct ledger *ledger, const struct vfpool_lease *lease,
		    const char *uuid)
{
	CLEANUP(rollback) struct ledger *begun = NULL;
	int r;

	if (lease->guest && lease->uri && strcmp(lease->guest, uuid) == 0 &&
	    strcmp(lease->uri, vp->uri) == 0)
		return 0;
	begun = ledger;
	r = ledger_begin(begun);
	if (r < 0)
		return r;
	r = ledger_see_guest(ledger, (int64_t)lease->id, uuid, vp->uri);
	return r < 0 ? r : ledger_commit(ledger);
}

bool lease_is_guests(const struct vfpool_lease *lease, const struct guest *guest)
{
	return strcmp(lease->owner, guest->name) == 0 ||
	       (lease->guest && strcmp(lease->guest, guest->uuid) == 0);
}

int lease_find_row(struct host *host, struct ledger *ledger, const struct vfpool_pci *address,
		   struct ledger_vf *ret_row)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	struct vfpool_pci pf_address;
	unsigned index;
	int64_t pf_id = 0;
	int r = host_find_vf(host, address, &pf_address, &index);

	*ret_row = (struct ledger_vf){ 0 };
	if (r < 0)
		return r == -VFPOOL_ENOTFOUND ? 0 : r;
	r = host_read_pf(host, &pf_address, HOST_NO_VFS, &pf);
	if (r < 0)
		return r;
	r = ledger_pf(ledger, &pf, false, &pf_id);
	return r < 0 || !pf_id ? r : ledger_vf(ledger, pf_id, index, ret_row);
}
