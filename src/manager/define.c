/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks definitions, stores and forgets them. */
#include "manager/definition_changes.h"
#include "manager/claims.h"
#include "manager/context.h"
#include "manager/definition_files.h"
#include "manager/definitions.h"
#include "manager/inventory.h"
#include "manager/network_file.h"
#include "manager/open_ledger.h"
#include "manager/vf.h"

#include "util/file.h"

#include <string.h>
#include <sys/stat.h>

/* Definitions that are checked and stored together: pools that share a PF can change what belongs to
 * the PF only so. */
struct definition_batch {
	struct vfpool_pool **pools; /* ends with NULL */
	char **texts;
	size_t *sizes;
	bool *changed; /* not as it is stored already */
	size_t n;
};

static void batch_end(struct definition_batch *batch)
{
	vfpool_pools_free(batch->pools);
	for (size_t i = 0; batch->texts && i < batch->n; i++)
		free(batch->texts[i]);
	free(batch->texts);
	free(batch->sizes);
	free(batch->changed);
}

static int load_batch(struct vfpool *vp, const char *const *files, size_t n,
		      struct definition_batch *batch)
{
	batch->n = n;
	batch->pools = calloc(n + 1, sizeof(*batch->pools));
	batch->texts = calloc(n + 1, sizeof(*batch->texts));
	batch->sizes = calloc(n + 1, sizeof(*batch->sizes));
	batch->changed = calloc(n + 1, sizeof(*batch->changed));
	if (!batch->pools || !batch->texts || !batch->sizes || !batch->changed)
		return fail_oom(&vp->err);
	for (size_t i = 0; i < n; i++) {
		int r = definition_load_file(vp, files[i], &batch->pools[i], &batch->texts[i],
					     &batch->sizes[i]);

		for (size_t j = 0; r == 0 && j < i; j++)
			if (strcmp(batch->pools[i]->name, batch->pools[j]->name) == 0)
				r = fail(&vp->err, -EINVAL, "%s and %s both define pool %s",
					 files[j], files[i], batch->pools[i]->name);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Checks the batch's pools together with all others, which these may replace. */
static int check_beside_others(struct vfpool *vp, struct host *host,
			       const struct definition_batch *batch,
			       struct vfpool_inventory *inventory)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **pools = NULL;
	AUTO_FREE struct pool_claim *claims = NULL;
	size_t n = 0, n_claims;
	int r = definition_load_others(vp, batch->pools, batch->n, &pools, &n);

	if (r < 0)
		return r;
	/* Last, so that messages name the new files first. */
	memcpy(pools + n, batch->pools, batch->n * sizeof(*pools));
	r = claims_resolve(vp, pools, inventory, &claims, &n_claims);
	pools[n] = NULL; /* the others are the batch's */
	return r < 0 ? r : claims_check(vp, host, inventory, claims, n_claims);
}

/* Can the PF that is wanted, and can't be found, be the lease's? Not when that is there as another one. */
static bool may_be_lease_pf(const struct vfpool_pool_pf *want, const struct vfpool_lease *lease,
			    const struct vfpool_inventory *inventory)
{
	for (size_t i = 0; i < inventory->n_pfs; i++)
		if (vf_is_on_pf(&lease->place, &inventory->pfs[i]))
			return false;
	if (want->by == VFPOOL_PF_BY_MAC && lease->place.has_pf_mac)
		return vfpool_mac_equal(&want->mac, &lease->place.pf_mac);
	return want->by != VFPOOL_PF_BY_ADDRESS ||
	       vfpool_pci_equal(&want->address, &lease->place.pf);
}

static bool lease_stays(const struct vfpool_lease *lease, const struct vfpool_pool *pool,
			const struct vfpool_inventory *inventory)
{
	if (lease->has_vf != (pool->allocate == VFPOOL_BY_VFPOOL))
		return false;
	for (size_t i = 0; lease->has_vf && i < pool->n_pfs; i++) {
		const struct vfpool_pf *pf = vfpool_find_pf(inventory, &pool->pfs[i]);

		if ((pf ? vf_is_on_pf(&lease->place, pf) :
			  may_be_lease_pf(&pool->pfs[i], lease, inventory)) &&
		    vfpool_pool_has_vf(&pool->pfs[i], lease->place.vf))
			return true;
	}
	return !lease->has_vf;
}

/* Fails when the pool has leases of VFs that its definition takes away. */
static int check_leases_stay(struct vfpool *vp, struct ledger *ledger,
			     const struct vfpool_pool *pool,
			     const struct vfpool_inventory *inventory)
{
	CLEANUP(cleanup_leases) struct vfpool_lease **leases = NULL;
	const struct ledger_lease_filter filter = { .pool = pool->name, .nic = -1 };
	int r = ledger ? ledger_leases(ledger, &filter, &leases) : 0;

	for (struct vfpool_lease **lease = leases; r == 0 && lease && *lease; lease++)
		if (!lease_stays(*lease, pool, inventory))
			return fail(
				&vp->err, -VFPOOL_EINUSE,
				"%s: the definition would take VF %u from %s nic %u, who has it "
				"leased; 'vfpool release' it first",
				pool->file, (*lease)->place.vf, (*lease)->owner, (*lease)->nic);
	return r;
}

/* Fails when one of `others` has the pool's network: they would replace each other's. */
static int check_network_name(struct vfpool *vp, const struct vfpool_pool *pool,
			      struct vfpool_pool *const *others, size_t n)
{
	for (size_t i = 0; pool->network && i < n; i++)
		if (others[i]->network && strcmp(others[i]->network, pool->network) == 0)
			return fail(
				&vp->err, -EINVAL,
				"%s: libvirt's network %s is that of pool %s (%s) already; " GUEST_OTHER_NAME,
				pool->file, pool->network, others[i]->name, others[i]->file);
	return 0;
}

static int check_networks(struct vfpool *vp, const struct definition_batch *batch)
{
	CLEANUP(cleanup_pools) struct vfpool_pool **others = NULL;
	size_t n = 0;
	int r = definition_load_others(vp, batch->pools, batch->n, &others, &n);

	for (size_t i = 0; r == 0 && i < batch->n; i++) {
		r = check_network_name(vp, batch->pools[i], others, n);
		if (r < 0)
			return r;
		r = check_network_name(vp, batch->pools[i], batch->pools, i);
		if (r < 0)
			return r;
		r = network_file_check_free(vp, batch->pools[i]);
	}
	return r;
}

/* Checks the batch with the host as it is. `again`: the PFs that can't be looked at have been told. */
static int check_batch(struct vfpool *vp, struct ledger *ledger,
		       const struct definition_batch *batch, bool again)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;
	AUTO_HOST struct host host = NO_HOST;
	int r;

	r = open_host(vp, &host);
	if (r < 0)
		return r;
	r = again ? host_read_inventory(&host, HOST_NO_VFS, &inventory) :
		    inventory_read_host(vp, &host, HOST_NO_VFS, &inventory);
	if (r < 0)
		return r;
	r = check_beside_others(vp, &host, batch, inventory);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < batch->n; i++)
		r = check_leases_stay(vp, ledger, batch->pools[i], inventory);
	return r < 0 ? r : check_networks(vp, batch);
}

static int load_and_check(struct vfpool *vp, const char *const *files, size_t n,
			  struct definition_batch *batch)
{
	CLEANUP(rollback) struct ledger *ledger = NULL;
	int r = load_batch(vp, files, n, batch);

	if (r < 0)
		return r;
	r = open_ledger(vp, LEDGER_READ, &ledger);
	/* Anyone may validate; the leases, which are root's, are then left out. */
	return r < 0 && r != -EACCES ? r : check_batch(vp, ledger, batch, false);
}

int vfpool_validate(struct vfpool *vp, const char *const *files, size_t n,
		    struct vfpool_pool ***ret_pools)
{
	CLEANUP(batch_end) struct definition_batch batch = { 0 };
	int r = load_and_check(vp, files, n, &batch);

	if (r < 0)
		return r;
	*ret_pools = TAKE_PTR(batch.pools);
	return 0;
}

/* Returns the mode of the definition's file. Who knows a seed knows every MAC that is made of it, so that it is
 * root's, as the ledger's own is. */
static mode_t mode_of(const struct vfpool_pool *pool)
{
	return pool->seed ? 0600 : 0644;
}

/* Is the definition there for others to read, and not to be? */
static bool is_too_open(const char *path, const struct vfpool_pool *pool)
{
	struct stat is;

	return pool->seed && stat(path, &is) == 0 && (is.st_mode & 077);
}

static int is_changed(struct vfpool *vp, const struct definition_batch *batch, size_t i,
		      bool *ret_changed)
{
	AUTO_FREE char *path = definition_path(vp, batch->pools[i]->name);

	if (!path)
		return fail_oom(&vp->err);
	*ret_changed = !definition_file_is(vp, batch->pools[i]->name, batch->texts[i],
					   batch->sizes[i]) ||
		       is_too_open(path, batch->pools[i]);
	return 0;
}

static int find_changed(struct vfpool *vp, struct definition_batch *batch, bool *ret_any)
{
	int r = 0;

	*ret_any = false;
	for (size_t i = 0; r == 0 && i < batch->n; i++) {
		r = is_changed(vp, batch, i, &batch->changed[i]);
		*ret_any = *ret_any || batch->changed[i];
	}
	return r;
}

/* Checks once more and writes, while nobody can lease a VF or define a pool. What was as it is stored may have been
 * changed by another define meanwhile. */
static int store(struct vfpool *vp, struct definition_batch *batch)
{
	CLEANUP(rollback) struct ledger *ledger = NULL;
	AUTO_FREE struct definition_text *stored = calloc(batch->n, sizeof(*stored));
	struct definition_changes changes = { .stored = stored };
	bool any = false;
	int r = stored ? changes_hold(vp, LEDGER_WRITE, &ledger) : fail_oom(&vp->err);

	if (r < 0)
		return r;
	r = check_batch(vp, ledger, batch, true);
	if (r < 0)
		return r;
	r = find_changed(vp, batch, &any);
	if (r < 0 || !any)
		return r;
	for (size_t i = 0; i < batch->n; i++)
		if (batch->changed[i])
			stored[changes.n++] = (struct definition_text){ batch->pools[i]->name,
									batch->texts[i],
									batch->sizes[i],
									mode_of(batch->pools[i]) };
	r = changes_make(vp, ledger, &changes);
	return r < 0 ? fail_while(&vp->err, r, "defining") : 0; /* the ledger was only held */
}

/* Loads the files into *batch; *ret_any: a definition among them is another than the stored one. */
static int load_changes(struct vfpool *vp, const char *const *files, size_t n,
			struct definition_batch *batch, bool *ret_any)
{
	int r = load_and_check(vp, files, n, batch);

	return r < 0 ? r : find_changed(vp, batch, ret_any);
}

int vfpool_define(struct vfpool *vp, const char *const *files, size_t n, bool dry_run,
		  struct vfpool_pool ***ret_pools, bool *ret_changed)
{
	CLEANUP(batch_end) struct definition_batch batch = { 0 };
	const bool doubt_was_told = vp->doubt_is_told;
	bool any = false;
	int r = check_root(vp, "defining a pool");

	if (r < 0)
		return r;
	vp->doubt_is_told = true; /* what stores is refused, and says why */
	r = load_changes(vp, files, n, &batch, &any);
	vp->doubt_is_told = doubt_was_told;
	if (r < 0)
		return r;
	if (any && !dry_run)
		r = store(vp, &batch);
	else
		open_ledger_tell_doubt(vp);
	if (r < 0)
		return r;
	memcpy(ret_changed, batch.changed, n * sizeof(*ret_changed));
	*ret_pools = TAKE_PTR(batch.pools);
	return 0;
}

static int undefine_held(struct vfpool *vp, struct ledger *ledger, const char *name,
			 const char *path, bool dry_run)
{
	unsigned n = 0;
	int r = ledger ? ledger_count_leases(ledger, name, &n) : 0;

	if (r < 0)
		return r;
	if (n > 0)
		return fail(&vp->err, -VFPOOL_EINUSE,
			    "pool %s has %u lease%s; 'vfpool show %s' names the owners", name, n,
			    n == 1 ? "" : "s", name);
	if (dry_run)
		return 0;
	if (unlink(path) < 0)
		return fail_errno(&vp->err, -errno, "removing %s", path);
	r = sync_folder(path);
	return r < 0 ? fail_errno(&vp->err, r, "syncing the folder of %s", path) : 0;
}

int vfpool_undefine(struct vfpool *vp, const char *name, bool dry_run)
{
	CLEANUP(rollback) struct ledger *ledger = NULL;
	AUTO_FREE char *path = NULL;
	int r = check_root(vp, "undefining a pool");

	if (r < 0)
		return r;
	r = definition_find(vp, name, &path);
	if (r < 0)
		return r;
	r = dry_run ? open_ledger(vp, LEDGER_READ, &ledger) :
		      changes_hold(vp, LEDGER_CHANGE, &ledger);
	if (r < 0)
		return r;
	return undefine_held(vp, ledger, name, path, dry_run); /* the ledger is only held */
}
