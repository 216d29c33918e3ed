/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked of alloc, and which VF and MAC the ledger has for it. */
#include "manager/lease/choose.h"
#include "manager/definition_files.h"
#include "manager/definitions.h"
#include "manager/inventory.h"
#include "manager/lease/lease.h"
#include "manager/vf.h"

#include <string.h>

#define NICS_MAX 4096

/* ---- what is asked for ---- */

static int check_request(struct alloc *alloc)
{
	const struct vfpool_alloc_request *request = alloc->request;
	struct error *err = &alloc->vp->err;
	bool picks = request->pf || request->vf >= 0 || request->numa >= 0;

	if (request->count < 1 || request->count > NICS_MAX || request->nic > NICS_MAX)
		return fail(err, -EINVAL, "an owner has nics 0 to %d", NICS_MAX);
	if (request->vlan > 4094)
		return fail(err, -EINVAL, "a VLAN is 1 to 4094, or 0 for none, not %d",
			    request->vlan);
	if (request->vlan >= 0 && alloc->pool->virtualport.type)
		return fail(err, -EINVAL, "the pool's <virtualport> says which VLAN it is");
	if (request->count > 1 && (request->vf >= 0 || request->has_mac))
		return fail(err, -EINVAL, "one VF or one MAC can't be that of %u nics",
			    request->count);
	if (picks && alloc->pool->allocate == VFPOOL_BY_LIBVIRT)
		return fail(err, -EINVAL,
			    "libvirt picks the VFs of this pool, so none can be asked for");
	if (request->vf >= 0 && !request->pf && alloc->pool->n_pfs > 1)
		return fail(err, -EINVAL, "the pool has %zu PFs; VF %d of which? Say --pf",
			    alloc->pool->n_pfs, request->vf);
	if (request->vlan == 0 && alloc->pool->policy.vlan &&
	    alloc->pool->allocate == VFPOOL_BY_LIBVIRT)
		return fail(err, -EINVAL,
			    "libvirt gives every interface of this pool VLAN %u; another one "
			    "can be had, but not none",
			    alloc->pool->policy.vlan);
	return 0;
}

int choose_load_definition(struct alloc *alloc)
{
	struct vfpool_pool *pool;
	AUTO_FREE char *path = NULL;
	int r = definition_find(alloc->vp, alloc->pool_name, &path);

	if (r < 0)
		return r;
	if (stat(path, &alloc->definition) < 0)
		return fail_errno(&alloc->vp->err, -errno, "reading %s", path);
	r = definition_load(alloc->vp, alloc->pool_name, &pool);
	if (r < 0)
		return r;
	vfpool_pool_free(alloc->pool);
	alloc->pool = pool;
	return check_request(alloc);
}

/* Is the pool's file the one that was read? Files are only ever replaced. */
static bool definition_is_read(const struct alloc *alloc)
{
	AUTO_FREE char *path = definition_path(alloc->vp, alloc->pool_name);
	const struct stat *was = &alloc->definition;
	struct stat is;

	return path && stat(path, &is) == 0 && is.st_dev == was->st_dev &&
	       is.st_ino == was->st_ino && is.st_size == was->st_size &&
	       is.st_mtim.tv_sec == was->st_mtim.tv_sec &&
	       is.st_mtim.tv_nsec == was->st_mtim.tv_nsec;
}

/* Begins the transaction with the definition as it is now: nobody defines or undefines the pool until it ends. */
static int begin(struct alloc *alloc)
{
	for (;;) {
		int r = ledger_begin(alloc->ledger);

		if (r < 0 || definition_is_read(alloc))
			return r;
		ledger_rollback(alloc->ledger);
		r = choose_load_definition(alloc);
		if (r < 0)
			return r;
	}
}

int choose_find_want_pf(struct alloc *alloc)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	const struct vfpool_pf *pf;
	int r = host_read_inventory(&alloc->host, HOST_NO_VFS, &inventory);

	if (r < 0)
		return r;
	r = inventory_find_pf(alloc->vp, inventory, alloc->request->pf, &pf);
	if (r < 0)
		return r;
	r = ledger_pf(alloc->ledger, pf, false, &alloc->want_pf_id);
	if (r < 0)
		return r;
	if (!alloc->want_pf_id)
		return fail(&alloc->vp->err, -VFPOOL_ENOTFOUND, "PF %s isn't one of the pool's",
			    alloc->request->pf);
	alloc->want_pf = (struct vfpool_pf){
		.address = pf->address,
		.has_mac = pf->has_mac,
		.mac = pf->mac,
	};
	return 0;
}

static void describe(const struct vfpool_lease *lease, int vlan, char *text, size_t size)
{
	char mac[VFPOOL_MAC_TEXT], pf[VFPOOL_PCI_TEXT], vf[64] = "", tag[24] = "no VLAN";

	vfpool_mac_format(&lease->mac, mac);
	vfpool_pci_format(&lease->place.pf, pf);
	if (lease->has_vf)
		snprintf(vf, sizeof(vf), "VF %u of %s, ", lease->place.vf, pf);
	if (vlan)
		snprintf(tag, sizeof(tag), "VLAN %d", vlan);
	snprintf(text, size, "%sMAC %s, %s", vf, mac, tag);
}

/* Fails when something else than what is held is asked for, and names both. */
static int check_same(struct alloc *alloc, const struct vfpool_lease *lease)
{
	const struct vfpool_alloc_request *request = alloc->request;
	int vlan = lease->vlan < 0 ? alloc->pool->policy.vlan : lease->vlan;
	char is[160], mac[VFPOOL_MAC_TEXT], asked[240] = "";
	size_t n = 0;
	int numa;
	int r = ledger_lease_numa(alloc->ledger, (int64_t)lease->id, &numa);

	if (r < 0)
		return r;
	if (request->vf >= 0 && (unsigned)request->vf != lease->place.vf)
		n += (size_t)snprintf(asked + n, sizeof(asked) - n, ", VF %d", request->vf);
	if (request->pf && !vf_is_on_pf(&lease->place, &alloc->want_pf))
		n += (size_t)snprintf(asked + n, sizeof(asked) - n, ", PF %.40s", request->pf);
	vfpool_mac_format(&request->mac, mac);
	if (request->has_mac && !vfpool_mac_equal(&request->mac, &lease->mac))
		n += (size_t)snprintf(asked + n, sizeof(asked) - n, ", MAC %s", mac);
	if (request->vlan >= 0 && request->vlan != vlan)
		n += (size_t)snprintf(asked + n, sizeof(asked) - n, ", VLAN %d", request->vlan);
	if (request->numa_only && request->numa != numa)
		n += (size_t)snprintf(asked + n, sizeof(asked) - n, ", a VF of NUMA node %d",
				      request->numa);
	if (n == 0)
		return 0;
	describe(lease, vlan, is, sizeof(is));
	return fail(&alloc->vp->err, -VFPOOL_EINUSE,
		    "nic %u has %s; asked for was %s: release it first", lease->nic, is, asked + 2);
}

/* ---- in the ledger ---- */

int choose_fail_no_vf(struct alloc *alloc, size_t n_pfs)
{
	const char *name = alloc->pool_name;

	if (n_pfs == 0)
		return fail(&alloc->vp->err, -ENODATA,
			    "pool %s hasn't been applied yet; 'vfpool apply %s' comes first", name,
			    name);
	if (alloc->request->count > 1)
		return fail(
			&alloc->vp->err, -VFPOOL_ENOVF,
			"too few VFs of pool %s are free%s for %u nics, so none was taken; 'vfpool show %s' tells "
			"how it is with each",
			name,
			alloc->request->pf || alloc->request->numa_only ?
				" where they were asked for" :
				"",
			alloc->request->count, name);
	return fail(&alloc->vp->err, -VFPOOL_ENOVF,
		    "no VF of pool %s is free%s; 'vfpool show %s' tells who has them", name,
		    alloc->request->pf || alloc->request->numa_only ? " where it was asked for" :
								      "",
		    name);
}

static bool is_lost(const struct alloc *alloc, int64_t pf)
{
	for (size_t i = 0; i < alloc->n_lost; i++)
		if (alloc->lost_pfs[i] == pf)
			return true;
	return false;
}

/* Finds the row of the lease's PF. */
static int find_pf_row(const struct alloc *alloc, const struct vfpool_lease *lease,
		       int64_t *ret_row)
{
	const struct vfpool_pf pf = { .address = lease->place.pf,
				      .has_mac = lease->place.has_pf_mac,
				      .mac = lease->place.pf_mac };

	return ledger_pf(alloc->ledger, &pf, false, ret_row);
}

bool choose_is_on_lost_pf(const struct alloc *alloc, const struct vfpool_lease *lease)
{
	int64_t row;

	return alloc->n_lost > 0 && find_pf_row(alloc, lease, &row) == 0 && is_lost(alloc, row);
}

int choose_lose_pf(struct alloc *alloc, const struct vfpool_lease *lease, int result)
{
	const struct error why = alloc->vp->err;
	int64_t *grown = reallocarray(alloc->lost_pfs, alloc->n_lost + 1, sizeof(*grown));
	int r;

	if (!grown)
		return fail_oom(&alloc->vp->err);
	alloc->lost_pfs = grown;
	r = find_pf_row(alloc, lease, &grown[alloc->n_lost]);
	if (r < 0)
		return r;
	alloc->n_lost++;
	alloc->lost = why;
	alloc->lost_result = result;
	return 0;
}

static bool is_eligible(const struct alloc *alloc, const struct ledger_pool_pf *place)
{
	const struct vfpool_alloc_request *request = alloc->request;

	return !place->held && !is_lost(alloc, place->pf) &&
	       (!alloc->want_pf_id || place->pf == alloc->want_pf_id) &&
	       (!request->numa_only || place->numa == request->numa);
}

/* Returns the PF on which the VF that was asked for by its index is, NULL: none. */
static const struct ledger_pool_pf *find_place(const struct alloc *alloc,
					       const struct ledger_pool_pf *places, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!alloc->want_pf_id || places[i].pf == alloc->want_pf_id)
			return &places[i];
	return NULL;
}

static int choose_named_vf(struct alloc *alloc, const struct ledger_pool_pf *place, int64_t *ret_vf)
{
	const struct vfpool_alloc_request *request = alloc->request;
	AUTO_FREE char *reason = NULL;
	struct ledger_vf row = { 0 };
	int r = place ? ledger_vf(alloc->ledger, place->pf, (unsigned)request->vf, &row) : 0;

	if (place && is_lost(alloc, place->pf))
		return -VFPOOL_ENOVF;
	if (r < 0)
		return r;
	if (row.held || row.pf_held)
		r = ledger_held(alloc->ledger, place->pf, row.held ? (int)row.place.vf : -1,
				&reason);
	if (r < 0)
		return r;
	if (!row.id || strcmp(row.pool, alloc->pool->name) != 0)
		return fail(&alloc->vp->err, -VFPOOL_ENOTFOUND, "VF %d isn't one of the pool's",
			    request->vf);
	if (reason)
		return fail(&alloc->vp->err, -VFPOOL_ENOVF, "VF %u%s is held: %s", row.place.vf,
			    row.held ? "" : "'s PF", reason);
	if (request->numa_only && place->numa != request->numa)
		return fail(&alloc->vp->err, -VFPOOL_ENOVF, "VF %u is on NUMA node %d",
			    row.place.vf, place->numa);
	if (row.lease || row.quarantined || row.avoid)
		return fail(&alloc->vp->err, -VFPOOL_ENOVF,
			    "VF %u is %s; 'vfpool show %s' tells more", row.place.vf,
			    row.lease       ? "leased" :
			    row.quarantined ? "in quarantine" :
					      "busy",
			    alloc->pool->name);
	*ret_vf = row.id;
	return 0;
}

static int choose_vf(struct alloc *alloc, int64_t *ret_vf)
{
	AUTO_FREE struct placement_pf *candidates = NULL;
	AUTO_FREE struct ledger_pool_pf *places = NULL;
	struct ledger_vf row = { 0 };
	size_t n;
	int r = ledger_pool_pfs(alloc->ledger, alloc->pool->name, &places, &n), best;

	if (r < 0)
		return r;
	candidates = calloc(n + 1, sizeof(*candidates));
	if (!candidates)
		return fail_oom(&alloc->vp->err);
	for (size_t i = 0; i < n; i++)
		candidates[i] = (struct placement_pf){
			.n_free = is_eligible(alloc, &places[i]) ? places[i].free : 0,
			.n_leased = places[i].leased,
			.preferred = alloc->request->numa >= 0 &&
				     places[i].numa == alloc->request->numa,
		};
	if (alloc->request->vf >= 0 && n > 0)
		return choose_named_vf(alloc, find_place(alloc, places, n), ret_vf);
	best = placement_choose(alloc->pool->placement, candidates, n);
	if (best < 0)
		return choose_fail_no_vf(alloc, n);
	r = ledger_free_vf(alloc->ledger, alloc->pool->name, places[best].pf, &row);
	if (r < 0)
		return r;
	if (!row.id)
		return fail(&alloc->vp->err, -EUCLEAN, "the ledger's count of free VFs is wrong");
	*ret_vf = row.id;
	return 0;
}

/* Fails when the pool has a lease for each VF already: libvirt picks the VF, and vfpool sees to it that there are
 * enough. */
static int check_capacity(struct alloc *alloc)
{
	AUTO_FREE struct ledger_pool_pf *places = NULL;
	unsigned n_leases = 0, n_vfs = 0;
	size_t n;
	int r;

	r = ledger_pool_pfs(alloc->ledger, alloc->pool->name, &places, &n);
	if (r < 0)
		return r;
	r = ledger_count_leases(alloc->ledger, alloc->pool->name, &n_leases);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		n_vfs += places[i].held ? 0 : places[i].free;
	return n_leases < n_vfs ? 0 : choose_fail_no_vf(alloc, n);
}

static int note_untouched(struct alloc *alloc, uint64_t lease)
{
	uint64_t *grown = reallocarray(alloc->untouched, alloc->n_untouched + 1, sizeof(*grown));

	if (!grown)
		return fail_oom(&alloc->vp->err);
	alloc->untouched = grown;
	grown[alloc->n_untouched++] = lease;
	return 0;
}

static int add_lease(struct alloc *alloc, unsigned nic, struct vfpool_lease **ret_lease)
{
	const struct vfpool_alloc_request *request = alloc->request;
	struct ledger_reservation reservation;
	int64_t vf = 0, id;
	int r;

	if (!alloc->foreign.known)
		return -E_FOREIGN;
	r = alloc->pool->allocate == VFPOOL_BY_LIBVIRT ? check_capacity(alloc) :
							 choose_vf(alloc, &vf);

	alloc->foreign.own_vf = vf;
	if (r < 0)
		return r;
	r = macs_reserve(alloc->vp, alloc->ledger, alloc->pool, request->owner, nic,
			 request->has_mac ? &request->mac : NULL, &alloc->foreign, &reservation);
	if (r < 0)
		return r;
	alloc->has_reserved = true;
	r = ledger_add_lease(alloc->ledger, reservation.id, vf, request->vlan, &id);
	if (r < 0)
		return r;
	if (request->until_stop)
		r = ledger_end_at_stop(alloc->ledger, id);
	if (r < 0)
		return r;
	if (!vf) /* nothing to program: it is active at once */
		r = ledger_move_lease(alloc->ledger, id, VFPOOL_LEASE_PENDING, VFPOOL_LEASE_ACTIVE);
	if (r < 0)
		return r;
	r = ledger_get_lease(alloc->ledger, id, ret_lease);
	if (r < 0)
		return r;
	(*ret_lease)->made = true;
	return note_untouched(alloc, (uint64_t)id);
}

/* Collects what `get` has for each of the nics that are asked for, as long as it has something (-E_NONE: not). */
static int collect(struct alloc *alloc,
		   int (*get)(struct alloc *, unsigned, struct vfpool_lease **),
		   struct vfpool_lease ***ret_leases)
{
	const struct vfpool_alloc_request *request = alloc->request;
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	size_t n = 0;

	for (unsigned nic = request->nic; nic < request->nic + request->count; nic++) {
		CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
		int r = ledger_find_lease(alloc->ledger, alloc->pool->name, request->owner, nic,
					  &lease);

		if (r < 0)
			return r;
		r = get(alloc, nic, &lease);
		if (r < 0)
			return r;
		if (lease_add(&leases, &n, TAKE_PTR(lease)) < 0)
			return fail_oom(&alloc->vp->err);
	}
	*ret_leases = TAKE_PTR(leases);
	return 0;
}

static int find_or_add(struct alloc *alloc, unsigned nic, struct vfpool_lease **lease)
{
	int r = *lease ? check_same(alloc, *lease) : add_lease(alloc, nic, lease);

	if (r < 0)
		return r;
	if ((*lease)->state == VFPOOL_LEASE_PENDING && !alloc->foreign.known)
		r = -E_FOREIGN; /* an interrupted one goes on */
	return r;
}

/* Checks that the lease is active and what is asked for, by reading alone: nobody waits for a writer to be told
 * what he has. */
static int find_held(struct alloc *alloc, unsigned nic, struct vfpool_lease **lease)
{
	(void)nic;
	return !*lease || (*lease)->state != VFPOOL_LEASE_ACTIVE ? -E_NONE :
								   check_same(alloc, *lease);
}

/* Finds all of the leases as they are held already; -E_NONE: there is more to do. */
static int choose_held(struct alloc *alloc, struct vfpool_lease ***ret_leases)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	int r = ledger_begin_read(alloc->ledger);

	if (r < 0)
		return r;
	r = collect(alloc, find_held, &leases);
	ledger_rollback(alloc->ledger);
	if (r < 0)
		return r;
	if (!definition_is_read(alloc))
		return -E_NONE;
	*ret_leases = TAKE_PTR(leases);
	return 0;
}

/* Chooses in one transaction; what it adds is committed unless `dry_run`. */
static int choose_once(struct alloc *alloc, bool dry_run, struct vfpool_lease ***ret_leases)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	CLEANUP(rollback) struct ledger *begun = alloc->ledger;
	int r = begin(alloc);

	if (r < 0)
		return r;
	r = collect(alloc, find_or_add, &leases);
	if (r < 0)
		return r;
	r = dry_run ? 0 : ledger_commit(begun);
	if (r < 0)
		return r;
	*ret_leases = TAKE_PTR(leases);
	return 0;
}

static int try_choose(struct alloc *alloc, bool dry_run, struct vfpool_lease ***ret_leases)
{
	const size_t n_untouched = alloc->n_untouched;
	int r = choose_once(alloc, dry_run, ret_leases);

	if (r < 0)
		alloc->n_untouched = n_untouched;
	return r;
}

/* What is in use outside vfpool is asked only for a new lease, and not while others wait for
 * the ledger. */
int choose(struct alloc *alloc, bool dry_run, struct vfpool_lease ***ret_leases)
{
	int r = choose_held(alloc, ret_leases);

	if (r != -E_NONE)
		return r;
	if (alloc->unwritable) {
		alloc->vp->err = alloc->refusal;
		return alloc->unwritable;
	}
	for (;;) { /* each is asked once */
		r = try_choose(alloc, dry_run, ret_leases);
		if (r == -E_FOREIGN)
			r = macs_find_foreign(alloc->vp, &alloc->host, &alloc->foreign);
		else if (r == -E_VF_MACS)
			r = macs_find_vfs(alloc->vp, alloc->ledger, alloc->pool, &alloc->foreign);
		else
			return r;
		if (r < 0)
			return r;
	}
}

int choose_drop_pending(struct alloc *alloc, const struct vfpool_lease *lease, bool avoid)
{
	CLEANUP(rollback) struct ledger *begun = alloc->ledger;
	const int64_t id = (int64_t)lease->id;
	int r = ledger_begin(begun);

	if (r < 0)
		return r;
	r = avoid ? ledger_avoid_leased(alloc->ledger, id) : 0;
	if (r < 0)
		return r;
	r = ledger_end_lease(alloc->ledger, id, VFPOOL_LEASE_PENDING);
	if (r == -E_CHANGED)
		return 0;
	return r < 0 ? r : ledger_commit(begun);
}
