/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which definitions and PFs an apply is about. */
#include "manager/apply/scope.h"
#include "manager/claims.h"
#include "manager/definitions.h"
#include "manager/inventory.h"

#include <string.h>

bool scope_has_claim(const struct apply *apply, const struct pool_claim *claim)
{
	return !apply->name || strcmp(claim->pool->name, apply->name) == 0;
}

bool scope_has_pf(const struct apply *apply, const struct vfpool_pf *pf)
{
	for (size_t i = 0; i < apply->n_claims; i++)
		if (apply->claims[i].pf == pf && scope_has_claim(apply, &apply->claims[i]))
			return true;
	return false;
}

void scope_drop_pool(struct apply *apply, struct vfpool_pool **pool)
{
	struct vfpool_pool *dropped = *pool;
	size_t n = 0;

	note(apply->vp, "pool %s is left out: %s", dropped->name, apply->vp->err.text);
	apply->n_broken++;
	for (size_t i = 0; i < apply->n_claims; i++)
		if (apply->claims[i].pool != dropped)
			apply->claims[n++] = apply->claims[i];
	apply->n_claims = n;
	do
		pool[0] = pool[1];
	while (*pool++);
	vfpool_pool_free(dropped);
}

static bool is_there(const struct apply *apply)
{
	for (struct vfpool_pool **pool = apply->pools; *pool; pool++)
		if (strcmp((*pool)->name, apply->name) == 0)
			return true;
	return false;
}

/* Loads all definitions that are sound; of one pool alone the others' faults aren't told. */
static int load_definitions(struct apply *apply)
{
	struct vfpool_pool *broken;
	int r = apply->name ? definition_load_sound(apply->vp, &apply->pools) :
			      definition_load_telling(apply->vp, &apply->pools, &apply->n_broken);

	if (r < 0 || !apply->name || is_there(apply))
		return r;
	r = definition_load(apply->vp, apply->name, &broken); /* which says what is wrong with it */
	if (r < 0)
		return r;
	vfpool_pool_free(broken);
	return fail(&apply->vp->err, -EAGAIN,
		    "the definition of pool %s is just being changed; ask again", apply->name);
}

/* Fails when the pool contradicts another, or the cards. */
static int check_agrees(struct apply *apply, const struct vfpool_pool *pool)
{
	for (size_t i = 0; i < apply->n_claims; i++) {
		int r = 0;

		if (apply->claims[i].pool == pool)
			r = pool_check_claim(apply->claims, apply->n_claims, i, &apply->vp->err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Leaves out the pools that contradict each other, since nobody knows which is right. */
static int drop_quarrelling(struct apply *apply)
{
	AUTO_FREE struct error *faults = NULL;
	size_t n = 0;

	while (apply->pools[n])
		n++;
	faults = calloc(n + 1, sizeof(*faults));
	if (!faults)
		return fail_oom(&apply->vp->err);
	for (size_t i = 0; i < n; i++)
		if (check_agrees(apply, apply->pools[i]) < 0)
			faults[i] = apply->vp->err;
	for (size_t i = n; i-- > 0;) {
		if (!faults[i].text[0])
			continue;
		apply->vp->err = faults[i];
		scope_drop_pool(apply, &apply->pools[i]);
	}
	return 0;
}

int scope_find(struct apply *apply)
{
	int r = load_definitions(apply);

	if (r < 0)
		return r;
	r = claims_resolve(apply->vp, apply->pools, apply->inventory, &apply->claims,
			   &apply->n_claims);
	if (r < 0)
		return r;
	for (size_t i = 0; i < apply->inventory->n_pfs; i++)
		claims_read_vectors(&apply->host, apply->claims, apply->n_claims, false,
				    &apply->inventory->pfs[i]);
	if (!apply->name)
		return drop_quarrelling(apply);
	for (struct vfpool_pool **pool = apply->pools; *pool; pool++)
		if (strcmp((*pool)->name, apply->name) == 0)
			return check_agrees(apply, *pool);
	return 0;
}

/* ---- one PF, looked at again ---- */

/* Fails when the PF, as it is now (`fresh`), isn't what the definitions mean any more: a netdev's name may have gone
 * to another. */
static int check_is_meant(struct apply *apply, const struct vfpool_pf *pf,
			  const struct vfpool_pf *fresh)
{
	for (size_t i = 0; i < apply->n_claims; i++)
		if (apply->claims[i].pf == pf && !pool_pf_matches(apply->claims[i].want, fresh))
			return fail(
				&apply->vp->err, -VFPOOL_ENOTFOUND,
				"it is another PF now than a moment ago, when %s:%d meant it; apply again",
				apply->claims[i].pool->file, apply->claims[i].want->line);
	return 0;
}

int scope_look_at_pf(struct apply *apply, struct vfpool_pf *pf, bool locked)
{
	CLEANUP(rollback) struct ledger *reading = NULL;
	CLEANUP(pf_end) struct vfpool_pf fresh = { 0 };
	int r = host_read_pf(&apply->host, &pf->address, HOST_ALL_VFS, &fresh);

	if (r < 0)
		return r;
	r = check_is_meant(apply, pf, &fresh);
	if (r < 0)
		return r;
	fresh.eswitch = TAKE_PTR(pf->eswitch);
	pf_end(pf);
	*pf = fresh;
	fresh = (struct vfpool_pf){ 0 };
	claims_read_vectors(&apply->host, apply->claims, apply->n_claims, locked, pf);
	reading = apply->ledger;
	r = reading ? ledger_begin_read(reading) : 0;
	if (r < 0)
		return r;
	return inventory_mark_vfs(apply->vp, apply->ledger, apply->claims, apply->n_claims, pf);
}
