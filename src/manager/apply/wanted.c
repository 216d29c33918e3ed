/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the definitions and the ledger want of the host's VFs. */
#include "manager/apply/wanted.h"
#include "manager/parking.h"
#include "manager/vf.h"

#include "util/file.h"

#include <string.h>

static char *explain_anothers(const struct pool_claim *claim, const struct ledger_vf *row)
{
	return format_text("pool %s can't have it yet: it is still %s pool %s; %s first",
			   claim->pool->name, row->lease ? "leased from" : "in quarantine in",
			   row->pool,
			   row->lease ? "release it" : "end what has it open, and 'vfpool gc',");
}

static bool lacks_pf(const struct apply *apply, const struct vfpool_pool *pool)
{
	for (size_t i = 0; i < apply->n_claims; i++)
		if (apply->claims[i].pool == pool && !apply->claims[i].pf)
			return true;
	return false;
}

/* Tells whether the pool's definition has the VF of that row, on the same card: another one may be at its address. */
static bool has_row(const struct apply *apply, const struct vfpool_pool *pool,
		    const struct ledger_vf *row)
{
	for (size_t i = 0; i < apply->n_claims; i++) {
		const struct pool_claim *claim = &apply->claims[i];

		if (claim->pool == pool && claim->pf && vf_is_on_pf(&row->place, claim->pf) &&
		    vfpool_pool_has_vf(claim->want, row->place.vf))
			return true;
	}
	return false;
}

/* Removes the rows of VFs that the pool's definition no longer has. A PF that isn't there now, or can't be looked at,
 * may come back. */
static int forget_vfs(struct apply *apply, const struct vfpool_pool *pool)
{
	AUTO_FREE struct ledger_vf *rows = NULL;
	size_t n = 0;
	int r;

	if (lacks_pf(apply, pool))
		return 0;
	r = ledger_vfs(apply->ledger, pool->name, &rows, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].lease || rows[i].quarantined || rows[i].held ||
		    has_row(apply, pool, &rows[i]))
			continue;
		r = ledger_remove_vf(apply->ledger, &rows[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_one_of(int64_t pf, const int64_t *pfs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pfs[i] == pf)
			return true;
	return false;
}

/* Adds the PFs that the ledger has of a pool one of whose PFs isn't there now, or can't be looked at: its VFs stay,
 * for when it is back. */
static int keep_places(struct apply *apply, const struct vfpool_pool *pool, int64_t **pfs,
		       size_t *n)
{
	AUTO_FREE struct ledger_pool_pf *places = NULL;
	int64_t *grown;
	size_t n_places = 0;
	int r = ledger_pool_pfs(apply->ledger, pool->name, &places, &n_places);

	if (r < 0)
		return r;
	grown = reallocarray(*pfs, *n + n_places + 1, sizeof(*grown));
	if (!grown)
		return fail_oom(&apply->vp->err);
	*pfs = grown;
	for (size_t i = 0; i < n_places; i++)
		if (!is_one_of(places[i].pf, grown, *n))
			grown[(*n)++] = places[i].pf;
	return 0;
}

/* Records the PF of the pool, as the n-th of `pfs`, and its VFs. -EINVAL: it is among those already. */
static int record_pf(struct apply *apply, const struct pool_claim *claim, int64_t *pfs, size_t n)
{
	int r = ledger_pf(apply->ledger, claim->pf, true, &pfs[n]);

	if (r < 0)
		return r;
	if (is_one_of(pfs[n], pfs, n))
		return fail(&apply->vp->err, -EINVAL,
			    "%s:%d: this PF has the permanent MAC of another one of the pool, "
			    "by which vfpool tells them apart",
			    claim->pool->file, claim->want->line);
	for (unsigned vf = 0; vf < claim->want->numvfs; vf++) {
		if (!vfpool_pool_has_vf(claim->want, vf))
			continue;
		r = parking_record_vf(apply->vp, apply->ledger, claim, pfs[n], vf);
		if (r < 0)
			return r;
	}
	return 0;
}

static int record_pool(struct apply *apply, const struct vfpool_pool *pool)
{
	AUTO_FREE int64_t *pfs = calloc(pool->n_pfs, sizeof(*pfs));
	size_t n = 0;
	int r;

	if (!pfs)
		return fail_oom(&apply->vp->err);
	for (size_t i = 0; i < apply->n_claims; i++) {
		if (apply->claims[i].pool != pool || !apply->claims[i].pf)
			continue;
		r = record_pf(apply, &apply->claims[i], pfs, n++);
		if (r < 0)
			return r;
	}
	if (lacks_pf(apply, pool)) {
		r = keep_places(apply, pool, &pfs, &n);
		if (r < 0)
			return r;
	}
	return ledger_set_pool_pfs(apply->ledger, pool->name, pfs, n);
}

/* Calls `change` for the pool in a transaction of its own: what one pool can't have is no other's loss. */
static int change_pool(struct apply *apply, const struct vfpool_pool *pool,
		       int (*change)(struct apply *, const struct vfpool_pool *))
{
	CLEANUP(rollback) struct ledger *ledger = apply->ledger;
	int r;

	if (apply->name && strcmp(pool->name, apply->name) != 0)
		return 0;
	r = ledger_begin(ledger);
	if (r < 0)
		return r;
	r = change(apply, pool);
	return r < 0 ? r : ledger_commit(ledger);
}

int wanted_record_pools(struct apply *apply)
{
	struct vfpool_pool **pool;
	int r;

	/* First what is given up: it may be another's now. */
	for (pool = apply->pools; *pool; pool++) {
		r = change_pool(apply, *pool, forget_vfs);
		if (r < 0)
			return r;
	}
	for (pool = apply->pools; *pool;) {
		r = change_pool(apply, *pool, record_pool);
		if (r == 0) {
			pool++;
			continue;
		}
		/* Too few MACs, or two PFs that can't be told apart. */
		if (apply->name || (r != -EADDRNOTAVAIL && r != -EINVAL))
			return r;
		scope_drop_pool(apply, pool);
	}
	return 0;
}

/* ---- what is wanted ---- */

/* Tells whether the VF is this pool's, as far as the ledger knows. */
static bool is_known(const struct pool_claim *claim, const struct ledger_vf *row)
{
	return row->id && strcmp(row->pool, claim->pool->name) == 0;
}

static int count_unknown_of(struct apply *apply, const struct pool_claim *claim, unsigned *n)
{
	int64_t pf_id = 0;
	int r = apply->ledger ? ledger_pf(apply->ledger, claim->pf, false, &pf_id) : 0;

	if (r < 0)
		return r;
	for (unsigned vf = 0; vf < claim->want->numvfs; vf++) {
		struct ledger_vf row = { 0 };

		if (!vfpool_pool_has_vf(claim->want, vf))
			continue;
		r = pf_id ? ledger_vf(apply->ledger, pf_id, vf, &row) : 0;
		if (r < 0)
			return r;
		*n += !is_known(claim, &row);
	}
	return 0;
}

int wanted_count_unknown(struct apply *apply, unsigned *ret_n)
{
	unsigned n = 0;

	for (size_t i = 0; i < apply->n_claims; i++) {
		int r;

		if (!apply->claims[i].pf || !scope_has_claim(apply, &apply->claims[i]))
			continue;
		r = count_unknown_of(apply, &apply->claims[i], &n);
		if (r < 0)
			return r;
	}
	*ret_n = n;
	return 0;
}

static int want_vf(struct apply *apply, const struct pool_claim *claim, int64_t pf_id, unsigned vf,
		   struct wanted_vf *want, bool *ret_wanted)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct ledger_vf row = { 0 };
	struct vfpool_mac mac;
	bool is_active;
	int r = pf_id ? ledger_vf(apply->ledger, pf_id, vf, &row) : 0;

	if (r < 0)
		return r;
	if (apply->unrecorded && !is_known(claim, &row)) {
		*ret_wanted = false;
		return 0;
	}
	if (parking_is_anothers(claim, &row)) {
		*want = (struct wanted_vf){ .pf = claim->pf->address,
					    .index = vf,
					    .refused = explain_anothers(claim, &row) };
		*ret_wanted = true;
		return want->refused ? 0 : fail_oom(&apply->vp->err);
	}
	r = parking_foresee(apply->vp, apply->ledger, claim, pf_id, vf, &mac);
	if (r < 0)
		return r;
	r = row.lease ? ledger_get_lease(apply->ledger, row.lease, &lease) : 0;
	if (r < 0)
		return r;
	/* An alloc is at work on a pending lease's VF, or gc undoes what is left of it. */
	*ret_wanted = !lease || lease->state != VFPOOL_LEASE_PENDING;
	is_active = lease && lease->state == VFPOOL_LEASE_ACTIVE; /* else it is to be scrubbed */
	*want = (struct wanted_vf){
		.pf = claim->pf->address,
		.index = vf,
		.settings = is_active ? vf_settings_of_lease(claim->pool, claim->pf, lease) :
					vf_settings_with_mac(claim->pool, claim->pf, &mac),
		.vectors = claim->pool->vectors,
		.driver = claim->pool->driver,
		.leave_busy = claim->pool->allocate == VFPOOL_BY_LIBVIRT || row.quarantined,
	};
	return 0;
}

static int want_claim(struct apply *apply, const struct pool_claim *claim, struct wanted *wanted)
{
	int64_t pf_id = 0;
	int r = apply->ledger ? ledger_pf(apply->ledger, claim->pf, false, &pf_id) : 0;

	if (r < 0)
		return r;
	wanted->n_pfs = 1; /* the definitions agree on it */
	wanted->pfs[0] = (struct wanted_pf){
		.pf = claim->pf,
		.numvfs = claim->want->numvfs,
		.up = claim->want->up || apply->flags & VFPOOL_APPLY_UP,
	};
	for (unsigned vf = 0; vf < claim->want->numvfs; vf++) {
		bool is_wanted = false;

		if (!vfpool_pool_has_vf(claim->want, vf))
			continue;
		r = want_vf(apply, claim, pf_id, vf, &wanted->vfs[wanted->n_vfs], &is_wanted);
		if (r < 0)
			return r;
		wanted->n_vfs += is_wanted;
	}
	return 0;
}

void wanted_end(struct wanted *wanted)
{
	for (size_t i = 0; i < wanted->n_vfs; i++)
		free(wanted->vfs[i].refused);
	free(wanted->pfs);
	free(wanted->vfs);
}

/* Compares for the order that a reader expects, whatever pool a VF is in. */
static int by_index(const void *a, const void *b)
{
	const struct wanted_vf *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

int wanted_make(struct apply *apply, const struct vfpool_pf *pf, struct wanted *wanted)
{
	size_t n_vfs = 1;

	for (size_t i = 0; i < apply->n_claims; i++)
		n_vfs += apply->claims[i].pf == pf ? apply->claims[i].want->numvfs : 0;
	wanted->pfs = calloc(1, sizeof(*wanted->pfs));
	wanted->vfs = calloc(n_vfs, sizeof(*wanted->vfs));
	if (!wanted->pfs || !wanted->vfs)
		return fail_oom(&apply->vp->err);
	for (size_t i = 0; i < apply->n_claims; i++) {
		int r;

		if (apply->claims[i].pf != pf || !scope_has_claim(apply, &apply->claims[i]))
			continue;
		r = want_claim(apply, &apply->claims[i], wanted);
		if (r < 0)
			return r;
	}
	qsort(wanted->vfs, wanted->n_vfs, sizeof(*wanted->vfs), by_index);
	return 0;
}
