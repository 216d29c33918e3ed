/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is free (ledger) → which VFs and MACs (pool) → pending (ledger) → look at
 * each VF, program it (host) → active (ledger). No transaction spans a look
 * at the host; killed anywhere, the same alloc goes on where it stopped.
 */
#include "manager/manager.h"

#include <string.h>
#include <sys/stat.h>

/* A VF that turns out busy or another process's sends alloc to the next one;
 * there are at most so many VFs on a PF. */
#define VF_ATTEMPTS 65536

#define NICS_MAX 4096

struct alloc {
	struct vfpool *vp;
	const char *pool_name;
	struct vfpool_pool *pool;
	struct stat definition; /* the pool's file, as it was before it was read */
	const struct vfpool_alloc_request *request;
	struct ledger *ledger;
	struct host host;
	struct vfpool_pf want_pf; /* the one that is asked for, n_vfs 0; has no names */
	int64_t want_pf_id;       /* its row, 0: any PF */
	struct foreign_macs foreign;
	struct error passed_over; /* why the last VF couldn't be had */
};

static void alloc_end(struct alloc *alloc)
{
	ledger_rollback(alloc->ledger);
	vfpool_pool_free(alloc->pool);
	foreign_macs_end(&alloc->foreign);
	host_end(&alloc->host);
}

/* ---- what is asked for ---- */

static int check_request(struct alloc *alloc)
{
	const struct vfpool_alloc_request *request = alloc->request;
	struct error *err = &alloc->vp->err;
	bool picks = request->pf || request->vf >= 0 || request->numa >= 0;

	if (request->count < 1 || request->count > NICS_MAX || request->nic > NICS_MAX)
		return fail(err, -EINVAL, "an owner has nics 0 to %d", NICS_MAX);
	if (request->vlan > 4094)
		return fail(err, -EINVAL, "a VLAN is 1 to 4094, or 0 for none, not %d", request->vlan);
	if (request->vlan >= 0 && alloc->pool->virtualport.type)
		return fail(err, -EINVAL, "the pool's <virtualport> says which VLAN it is");
	if (request->count > 1 && (request->vf >= 0 || request->has_mac))
		return fail(err, -EINVAL, "one VF or one MAC can't be that of %u nics", request->count);
	if (picks && alloc->pool->allocate == VFPOOL_BY_LIBVIRT)
		return fail(err, -EINVAL, "libvirt picks the VFs of this pool, so none can be asked for");
	if (request->vf >= 0 && !request->pf && alloc->pool->n_pfs > 1)
		return fail(err, -EINVAL, "the pool has %zu PFs; VF %d of which? Say --pf",
			    alloc->pool->n_pfs, request->vf);
	if (request->vlan == 0 && alloc->pool->policy.vlan &&
	    alloc->pool->allocate == VFPOOL_BY_LIBVIRT)
		return fail(err, -EINVAL, "libvirt gives every interface of this pool VLAN %u; another one "
			    "can be had, but not none", alloc->pool->policy.vlan);
	return 0;
}

/* The pool as it is defined now. */
static int load_definition(struct alloc *alloc)
{
	struct vfpool_pool *pool;
	AUTO_FREE char *path = NULL;
	int r = find_pool_path(alloc->vp, alloc->pool_name, &path);

	if (r == 0 && stat(path, &alloc->definition) < 0)
		r = fail_errno(&alloc->vp->err, -errno, "reading %s", path);
	if (r == 0)
		r = load_pool(alloc->vp, alloc->pool_name, &pool);
	if (r < 0)
		return r;
	vfpool_pool_free(alloc->pool);
	alloc->pool = pool;
	return check_request(alloc);
}

/* Files are only ever replaced. */
static bool definition_is_read(const struct alloc *alloc)
{
	AUTO_FREE char *path = pool_path(alloc->vp, alloc->pool_name);
	const struct stat *was = &alloc->definition;
	struct stat is;

	return path && stat(path, &is) == 0 && is.st_dev == was->st_dev && is.st_ino == was->st_ino &&
	       is.st_size == was->st_size && is.st_mtim.tv_sec == was->st_mtim.tv_sec &&
	       is.st_mtim.tv_nsec == was->st_mtim.tv_nsec;
}

/* From here on nobody defines or undefines the pool until the transaction ends. */
static int begin(struct alloc *alloc)
{
	for (;;) {
		int r = ledger_begin(alloc->ledger);

		if (r < 0 || definition_is_read(alloc))
			return r;
		ledger_rollback(alloc->ledger);
		r = load_definition(alloc);
		if (r < 0)
			return r;
	}
}

/* The PF by which the pool's VFs are narrowed down. */
static int find_want_pf(struct alloc *alloc)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	const struct vfpool_pf *pf;
	int r = host_read(&alloc->host, HOST_NO_VFS, &inventory);

	if (r == 0)
		r = find_named_pf(alloc->vp, inventory, alloc->request->pf, &pf);
	if (r == 0)
		r = ledger_pf(alloc->ledger, pf, false, &alloc->want_pf_id);
	if (r < 0)
		return r;
	if (!alloc->want_pf_id)
		return fail(&alloc->vp->err, -VFPOOL_ENOTFOUND, "PF %s isn't one of the pool's",
			    alloc->request->pf);
	alloc->want_pf = (struct vfpool_pf){
		.address = pf->address, .has_mac = pf->has_mac, .mac = pf->mac,
	};
	return 0;
}

static void describe(const struct vfpool_lease *lease, int vlan, char *text, size_t size)
{
	char mac[VFPOOL_MAC_TEXT], pf[VFPOOL_PCI_TEXT], vf[64] = "", tag[24] = "no VLAN";

	vfpool_mac_format(&lease->mac, mac);
	vfpool_pci_format(&lease->pf, pf);
	if (lease->has_vf)
		snprintf(vf, sizeof(vf), "VF %u of %s, ", lease->vf, pf);
	if (vlan)
		snprintf(tag, sizeof(tag), "VLAN %d", vlan);
	snprintf(text, size, "%sMAC %s, %s", vf, mac, tag);
}

/* Something else than what is held is asked for: refused, with both. */
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

	if (request->vf >= 0 && (unsigned)request->vf != lease->vf)
		n += (size_t)snprintf(asked + n, sizeof(asked) - n, ", VF %d", request->vf);
	if (request->pf && !is_lease_pf(lease, &alloc->want_pf))
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

static int fail_no_vf(struct alloc *alloc, size_t n_pfs)
{
	const char *name = alloc->pool_name;

	if (n_pfs == 0)
		return fail(&alloc->vp->err, -ENODATA,
			    "pool %s hasn't been applied yet; 'vfpool apply %s' comes first", name, name);
	return fail(&alloc->vp->err, -VFPOOL_ENOVF,
		    "no VF of pool %s is free%s; 'vfpool show %s' tells who has them", name,
		    alloc->request->pf || alloc->request->numa_only ? " where it was asked for" : "",
		    name);
}

static bool is_eligible(const struct alloc *alloc, const struct ledger_place *place)
{
	const struct vfpool_alloc_request *request = alloc->request;

	return !place->held && (!alloc->want_pf_id || place->pf == alloc->want_pf_id) &&
	       (!request->numa_only || place->numa == request->numa);
}

/* The PF on which the VF that was asked for by its index is. */
static const struct ledger_place *find_place(const struct alloc *alloc,
					     const struct ledger_place *places, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!alloc->want_pf_id || places[i].pf == alloc->want_pf_id)
			return &places[i];
	return NULL;
}

static int choose_named_vf(struct alloc *alloc, const struct ledger_place *place, int64_t *ret_vf)
{
	const struct vfpool_alloc_request *request = alloc->request;
	AUTO_FREE char *reason = NULL;
	struct ledger_vf row = { 0 };
	int r = place ? ledger_vf(alloc->ledger, place->pf, (unsigned)request->vf, &row) : 0;

	if (r == 0 && (row.held || row.pf_held))
		r = ledger_held(alloc->ledger, place->pf, row.held ? (int)row.index : -1, &reason);
	if (r < 0)
		return r;
	if (!row.id || strcmp(row.pool, alloc->pool->name) != 0)
		return fail(&alloc->vp->err, -VFPOOL_ENOTFOUND, "VF %d isn't one of the pool's",
			    request->vf);
	if (reason)
		return fail(&alloc->vp->err, -VFPOOL_ENOVF, "VF %u%s is held: %s", row.index,
			    row.held ? "" : "'s PF", reason);
	if (request->numa_only && place->numa != request->numa)
		return fail(&alloc->vp->err, -VFPOOL_ENOVF, "VF %u is on NUMA node %d", row.index,
			    place->numa);
	if (row.lease || row.quarantined || row.avoid)
		return fail(&alloc->vp->err, -VFPOOL_ENOVF, "VF %u is %s; 'vfpool show %s' tells more",
			    row.index, row.lease ? "leased" : row.quarantined ? "in quarantine" : "busy",
			    alloc->pool->name);
	*ret_vf = row.id;
	return 0;
}

static int choose_vf(struct alloc *alloc, int64_t *ret_vf)
{
	AUTO_FREE struct placement_pf *candidates = NULL;
	AUTO_FREE struct ledger_place *places = NULL;
	struct ledger_vf row = { 0 };
	size_t n;
	int r = ledger_places(alloc->ledger, alloc->pool->name, &places, &n), best;

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
		return fail_no_vf(alloc, n);
	r = ledger_free_vf(alloc->ledger, alloc->pool->name, places[best].pf, &row);
	if (r == 0 && !row.id)
		r = fail(&alloc->vp->err, -EUCLEAN, "the ledger's count of free VFs is wrong");
	if (r == 0)
		*ret_vf = row.id;
	return r;
}

/* libvirt picks the VF; vfpool sees to it that there are enough. */
static int check_capacity(struct alloc *alloc)
{
	AUTO_FREE struct ledger_place *places = NULL;
	unsigned n_leases = 0, n_vfs = 0;
	size_t n;
	int r;

	if ((r = ledger_places(alloc->ledger, alloc->pool->name, &places, &n)) < 0 ||
	    (r = ledger_count_leases(alloc->ledger, alloc->pool->name, &n_leases)) < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		n_vfs += places[i].held ? 0 : places[i].free;
	return n_leases < n_vfs ? 0 : fail_no_vf(alloc, n);
}

static int add_lease(struct alloc *alloc, unsigned nic, struct vfpool_lease **ret_lease)
{
	const struct vfpool_alloc_request *request = alloc->request;
	struct ledger_reservation reservation;
	int64_t vf = 0, id;
	int r;

	if (!alloc->foreign.known)
		return -EAGAIN;
	r = alloc->pool->allocate == VFPOOL_BY_LIBVIRT ? check_capacity(alloc) : choose_vf(alloc, &vf);

	if (r == 0)
		r = reserve_mac(alloc->vp, alloc->ledger, alloc->pool, request->owner, nic,
				request->has_mac ? &request->mac : NULL, &alloc->foreign,
				&reservation);
	if (r == 0)
		r = ledger_add_lease(alloc->ledger, reservation.id, vf, request->vlan, &id);
	if (r == 0 && request->until_stop)
		r = ledger_end_at_stop(alloc->ledger, id);
	if (r == 0 && !vf) /* nothing to program: it is active at once */
		r = ledger_move_lease(alloc->ledger, id, VFPOOL_LEASE_PENDING, VFPOOL_LEASE_ACTIVE);
	if (r == 0)
		r = ledger_get_lease(alloc->ledger, id, ret_lease);
	if (r == 0)
		(*ret_lease)->made = true;
	return r;
}

static int find_or_add(struct alloc *alloc, struct vfpool_lease ***ret_leases)
{
	const struct vfpool_alloc_request *request = alloc->request;
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	size_t n = 0;

	for (unsigned nic = request->nic; nic < request->nic + request->count; nic++) {
		struct vfpool_lease *lease = NULL;
		int r = ledger_find_lease(alloc->ledger, alloc->pool->name, request->owner, nic, &lease);

		if (r == 0)
			r = lease ? check_same(alloc, lease) : add_lease(alloc, nic, &lease);
		if (r == 0 && lease->state == VFPOOL_LEASE_PENDING && !alloc->foreign.known)
			r = -EAGAIN; /* an interrupted one goes on */
		if (r < 0) {
			vfpool_lease_free(lease);
			return r;
		}
		if (add_to_leases(&leases, &n, lease) < 0)
			return fail_oom(&alloc->vp->err);
	}
	*ret_leases = TAKE_PTR(leases);
	return 0;
}

static int try_choose(struct alloc *alloc, bool dry_run, struct vfpool_lease ***ret_leases)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	int r = begin(alloc);

	if (r == 0)
		r = find_or_add(alloc, &leases);
	if (r == 0 && !dry_run)
		r = ledger_commit(alloc->ledger);
	if (r < 0 || dry_run)
		ledger_rollback(alloc->ledger);
	if (r == 0)
		*ret_leases = TAKE_PTR(leases);
	return r;
}

/* The owner's leases as they are, or new ones, pending: all or none. What is in use outside
 * vfpool is asked only for a new one, and not while others wait for the ledger. */
static int choose(struct alloc *alloc, bool dry_run, struct vfpool_lease ***ret_leases)
{
	int r = try_choose(alloc, dry_run, ret_leases);

	if (r != -EAGAIN)
		return r;
	r = find_foreign_macs(alloc->vp, &alloc->host, &alloc->foreign);
	return r < 0 ? r : try_choose(alloc, dry_run, ret_leases);
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
	const struct vfpool_settings to = settings_of_lease(alloc->pool, pf, lease);
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
		fail(&why, r, "%s (giving the VF its old settings back failed too: %s; the lease stays, "
		     "ask again or release it)", why.text, alloc->vp->err.text);
	alloc->vp->err = why;
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

/* A guest that isn't running yet may name the VF since before it was a pool's. */
static int check_not_named(struct alloc *alloc, struct vfpool_lease *lease,
			   const struct vfpool_pf *pf)
{
	const struct guest *guest;

	lease->address = pf->vfs[0].address;
	guest = guests_stranger(&alloc->foreign.guests, lease);
	if (!guest)
		return 0;
	return fail(&alloc->vp->err, -VFPOOL_EINUSE,
		    "VF %u of %s is named by the definition of guest %s: 'vfpool adopt %s' records it, or "
		    "'virsh edit %s' takes it out", lease->vf, pf->netdev ? pf->netdev : "its PF",
		    guest->name, guest->name, guest->name);
}

/* The pending lease's VF, locked, is set up. *ret_drop: after a failure nothing
 * of the lease is left on the VF, so that the lease can be dropped. */
static int prepare_locked(struct alloc *alloc, struct vfpool_lease *lease,
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
	r = check_not_named(alloc, lease, pf);
	if (r < 0)
		return r;
	if (vf->busy) {
		/* Not when an interrupted alloc has programmed it: then the MAC is there. */
		*ret_drop = !vf_has_lease_mac(pf, vf, lease);
		return fail(&alloc->vp->err, -VFPOOL_EINUSE, "VF %u of %s is in use: %s", lease->vf,
			    pf->netdev ? pf->netdev : "its PF", vf->busy);
	}
	return set_up_vf(alloc, pf, lease, ret_drop);
}

/* Programs the pending lease's VF. -ESTALE: choose anew, since its VF can't be
 * had, or another process has finished or dropped the lease. Until it is active
 * nobody else programs the VF without having moved the lease to releasing. */
static int prepare(struct alloc *alloc, struct vfpool_lease *lease)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	AUTO_CLOSE int lock = -1;
	struct error why;
	bool drop;
	int r = open_lease_pf(&alloc->host, lease, &pf, &lock), r2;

	drop = r == -VFPOOL_ENOTFOUND;
	if (r == 0)
		r = prepare_locked(alloc, lease, &pf, &drop);
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

/* A release was interrupted, or is at work: it is finished, and the choice made anew. */
static int finish_release(struct alloc *alloc, struct vfpool_lease *lease)
{
	const struct ending ending = {
		.vp = alloc->vp, .ledger = alloc->ledger, .host = &alloc->host, .pool = alloc->pool,
	};
	int r = end_lease(&ending, lease);

	return r == 0 || r == -VFPOOL_ENOTFOUND ? -ESTALE : r;
}

static int settle(struct alloc *alloc, struct vfpool_lease *lease)
{
	if (lease->state == VFPOOL_LEASE_RELEASING)
		return finish_release(alloc, lease);
	if (!lease->has_vf)
		return 0;
	return lease->state == VFPOOL_LEASE_PENDING ? prepare(alloc, lease) :
						       refresh_active(alloc, lease);
}

/* *place is the row's VF, for the one who asks. */
static int free_place(struct alloc *alloc, const struct ledger_vf *row, struct vfpool_lease *place,
		      bool *ret_freed)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	AUTO_CLOSE int lock = -1;
	int r = open_lease_pf(&alloc->host, place, &pf, &lock);

	if (r < 0 || !is_in_pool(alloc, &pf, row->index))
		return r;
	if (pf.n_vfs > 0 && check_not_named(alloc, place, &pf) < 0) {
		alloc->passed_over = alloc->vp->err;
		return 0;
	}
	return free_idle_vf(alloc->vp, &alloc->host, alloc->ledger, alloc->pool, row, &pf, ret_freed);
}

static bool free_row(struct alloc *alloc, const struct ledger_vf *row)
{
	struct vfpool_lease place = place_of(row);
	bool freed = false;

	place.owner = (char *)alloc->request->owner;
	if (free_place(alloc, row, &place, &freed) < 0)
		note(alloc->vp, "%s", alloc->vp->err.text);
	return freed;
}

/* VFs that were passed over, or in quarantine, may be had again. *ret_any: at
 * least one. */
static int free_idle_vfs(struct alloc *alloc, bool *ret_any)
{
	AUTO_FREE struct ledger_vf *rows = NULL;
	size_t n = 0;
	int r = ledger_vfs(alloc->ledger, alloc->pool->name, &rows, &n);

	*ret_any = false;
	for (size_t i = 0; r == 0 && i < n; i++)
		if ((rows[i].avoid || rows[i].quarantined) && !rows[i].lease && free_row(alloc, &rows[i]))
			*ret_any = true;
	return r;
}

/* ---- all of it ---- */

/* All of them at once, so that nobody sees some. */
static int commit_active(struct alloc *alloc, struct vfpool_lease **leases)
{
	int r = ledger_begin(alloc->ledger);

	for (size_t i = 0; r == 0 && leases[i]; i++)
		if (leases[i]->state == VFPOOL_LEASE_PENDING)
			r = ledger_move_lease(alloc->ledger, (int64_t)leases[i]->id,
					      VFPOOL_LEASE_PENDING, VFPOOL_LEASE_ACTIVE);
	if (r == 0)
		r = ledger_commit(alloc->ledger);
	if (r < 0)
		ledger_rollback(alloc->ledger);
	for (size_t i = 0; r == 0 && leases[i]; i++)
		leases[i]->state = VFPOOL_LEASE_ACTIVE;
	return r;
}

static bool has_pending(struct vfpool_lease *const *leases)
{
	while (*leases && (*leases)->state != VFPOOL_LEASE_PENDING)
		leases++;
	return *leases;
}

/* One that can't be had undoes the others that aren't active yet. */
static void undo(struct alloc *alloc, struct vfpool_lease **leases)
{
	const struct ending ending = {
		.vp = alloc->vp, .ledger = alloc->ledger, .host = &alloc->host, .pool = alloc->pool,
		.only_pending = true,
	};
	const struct error why = alloc->vp->err;

	for (; *leases; leases++)
		if ((*leases)->state == VFPOOL_LEASE_PENDING)
			end_lease(&ending, *leases); /* else gc does it */
	alloc->vp->err = why;
}

/* The next choice found too few: what an earlier one left pending goes too. */
static void drop_rest(struct alloc *alloc)
{
	const struct ledger_lease_filter filter = {
		.pool = alloc->pool->name, .owner = alloc->request->owner, .nic = -1,
	};
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	const struct error why = alloc->vp->err;

	if (alloc->request->count > 1 && ledger_leases(alloc->ledger, &filter, &leases) == 0)
		undo(alloc, leases);
	alloc->vp->err = why;
}

static int settle_all(struct alloc *alloc, struct vfpool_lease **leases)
{
	int r = 0;

	for (size_t i = 0; r == 0 && leases[i]; i++)
		r = settle(alloc, leases[i]);
	if (r < 0 && r != -ESTALE && alloc->request->count > 1)
		undo(alloc, leases);
	return r == 0 && has_pending(leases) ? commit_active(alloc, leases) : r;
}

static int alloc_leases(struct alloc *alloc, struct vfpool_lease ***ret_leases)
{
	bool looked = false, any;

	for (int attempt = 0; attempt < VF_ATTEMPTS; attempt++) {
		CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
		int r = choose(alloc, false, &leases);

		if (r == -VFPOOL_ENOVF && !looked) {
			const struct error none_free = alloc->vp->err;

			looked = true;
			r = free_idle_vfs(alloc, &any);
			if (r == 0 && any)
				continue;
			if (r < 0)
				return r;
			alloc->vp->err = none_free;
			r = -VFPOOL_ENOVF;
		}
		if (r == -VFPOOL_ENOVF)
			drop_rest(alloc);
		if (r == -VFPOOL_ENOVF && alloc->passed_over.text[0])
			return fail(&alloc->vp->err, r, "no VF of pool %s can be had; the last one: %s",
				    alloc->pool->name, alloc->passed_over.text);
		if (r == 0)
			r = settle_all(alloc, leases);
		if (r == -ESTALE)
			continue;
		if (r == 0)
			*ret_leases = TAKE_PTR(leases);
		return r;
	}
	return fail(&alloc->vp->err, -VFPOOL_ENOVF, "no VF of pool %s could be had",
		    alloc->pool->name);
}

static int alloc_open(struct alloc *alloc)
{
	struct vfpool *vp = alloc->vp;
	int r = open_ledger(vp, alloc->request->dry_run ? LEDGER_READ : LEDGER_WRITE, &alloc->ledger);

	if (r == 0 && !alloc->ledger)
		r = fail_no_vf(alloc, 0);
	if (r == 0)
		r = open_host(vp, &alloc->host);
	return r == 0 && alloc->request->pf ? find_want_pf(alloc) : r;
}

/* A MAC that nobody was told of isn't kept for one who got no VF with it. */
static void drop_untold(struct alloc *alloc)
{
	const struct vfpool_alloc_request *request = alloc->request;
	const struct error why = alloc->vp->err;

	if (!alloc->ledger || request->dry_run)
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
	int r = load_definition(alloc);

	if (r == 0)
		r = alloc_open(alloc);
	if (r < 0)
		return r;
	if (!alloc->request->dry_run)
		return alloc_leases(alloc, ret_leases);
	r = choose(alloc, true, ret_leases);
	for (size_t i = 0; r == 0 && (*ret_leases)[i]; i++)
		look_up_address(&alloc->host, (*ret_leases)[i]); /* as far as it can be told */
	return r;
}

int vfpool_alloc(struct vfpool *vp, const char *pool_name,
		 const struct vfpool_alloc_request *request, struct vfpool_lease ***ret_leases)
{
	CLEANUP(alloc_end) struct alloc alloc = {
		.vp = vp, .pool_name = pool_name, .request = request, .host = NO_HOST,
	};
	int r;

	if ((r = check_root(vp, "allocating a VF")) < 0 || (r = check_owner(vp, request->owner)) < 0)
		return r;
	r = run(&alloc, ret_leases);
	if (r < 0)
		drop_untold(&alloc);
	return r < 0 ? fail_while(&vp->err, r, "allocating a VF of %s for %s nic %u", pool_name,
				  request->owner, request->nic) : 0;
}
