/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PFs that definitions name and this host doesn't have. */
#include "verbs/missing.h"
#include "verbs/verb.h"

static void note_missing_of(const struct vfpool_inventory *inventory,
			    const struct vfpool_pool *pool)
{
	for (size_t i = 0; i < pool->n_pfs; i++) {
		char text[160];

		if (vfpool_find_pf(inventory, &pool->pfs[i]) ||
		    vfpool_may_be_unread(inventory, &pool->pfs[i])) /* which is told elsewhere */
			continue;
		vfpool_pool_pf_format(&pool->pfs[i], text, sizeof(text));
		warn_user("note: %s:%d: this host has no PF %s now; 'vfpool list' shows its PFs",
			  pool->file, pool->pfs[i].line, text);
	}
}

void missing_note(const struct vfpool_inventory *inventory, struct vfpool_pool *const *pools)
{
	for (; *pools; pools++)
		note_missing_of(inventory, *pools);
}

void missing_look(struct vfpool *vp, struct vfpool_pool *const *pools)
{
	CLEANUP(cleanup_inventory) struct vfpool_inventory *inventory = NULL;

	if (vfpool_inventory(vp, &inventory) == 0)
		missing_note(inventory, pools);
}
