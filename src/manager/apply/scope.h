/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which definitions and PFs an apply is about. */
#ifndef VFPOOL_APPLY_SCOPE_H
#define VFPOOL_APPLY_SCOPE_H

#include "manager/context.h"

/* What one apply works on. */
struct apply {
	struct vfpool *vp;
	const char *name; /* of the one pool, NULL: all */
	unsigned flags;
	struct host host;
	struct ledger *ledger; /* NULL: none yet, and this is a dry run, or it can't be made */
	char *unrecorded; /* why it can't be changed, and is a copy of it: what has no row there is left
			   * alone; NULL: it can */
	struct vfpool_inventory *inventory;
	struct vfpool_pool **pools;
	unsigned n_broken; /* definitions that were left out of those */
	struct pool_claim *claims;
	size_t n_claims;
};

/* Loads the definitions, checked against each other and the cards. Of all, one that is broken, or that
 * contradicts another, is told in a note, left out and counted; of one pool alone that is its failure. */
int scope_find(struct apply *apply);

/* Leaves out the pool, for the reason that is in the context's error; what follows it in apply->pools has
 * its place then. */
void scope_drop_pool(struct apply *apply, struct vfpool_pool **pool);

/* Is it the one pool, or are all meant? */
bool scope_has_claim(const struct apply *apply, const struct pool_claim *claim);

bool scope_has_pf(const struct apply *apply, const struct vfpool_pf *pf);

/* Looks at the PF and its VFs again. */
int scope_look_at_pf(struct apply *apply, struct vfpool_pf *pf, bool locked);

#endif
