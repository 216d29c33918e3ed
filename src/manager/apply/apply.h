/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of apply share. */
#ifndef VFPOOL_APPLY_H
#define VFPOOL_APPLY_H

#include "manager/manager.h"

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
	struct pool_use *uses;
	size_t n_uses;
};

/* ---- scope.c ---- */

/* Loads the definitions, checked against each other and the cards. Of all, one that is broken, or that
 * contradicts another, is told in a note, left out and counted; of one pool alone that is its failure. */
int find_scope(struct apply *apply);

/* Leaves out the pool, for the reason that is in the context's error; what follows it in apply->pools has
 * its place then. */
void drop_pool(struct apply *apply, struct vfpool_pool **pool);

/* Is it the one pool, or are all meant? */
bool is_meant(const struct apply *apply, const struct pool_use *use);

bool pf_is_meant(const struct apply *apply, const struct vfpool_pf *pf);

/* ---- apply.c ---- */

/* Looks at the PF and its VFs again. */
int look_at_pf(struct apply *apply, struct vfpool_pf *pf, bool locked);

/* ---- steps.c ---- */

/* Is it about the PF itself? */
bool is_pf_step(const struct vfpool_step *step);

/* The PF's own steps, in order, up to the first that fails: false. */
bool do_pf_steps(struct apply *apply, struct vfpool_pf *pf, struct vfpool_plan *plan, int lock);

/* Programs its VFs, and gives them vectors and drivers. How each went is in its step. */
int do_vf_steps(struct apply *apply, struct vfpool_pf *pf, struct vfpool_plan *plan);

/* Only the PF's own steps that were done, or failed. The notes, which speak of its VFs, come again with the next plan. */
void keep_done(struct vfpool_plan *plan);

/* Moves the fresh plan's steps and notes behind those of what was done; a PF's own step that it has again wasn't
 * done in truth. -ENOMEM. */
int add_after_pf_steps(struct vfpool_plan *done, struct vfpool_plan *fresh);

/* Moves the steps and notes of one plan to the end of another. -ENOMEM. */
int add_plan(struct vfpool_plan *plan, struct vfpool_plan *more);

/* ---- wanted.c ---- */

/* The pools' VFs, with their parking MACs, are in the ledger before any is
 * programmed. A pool for which there are too few MACs is left out. */
int record_pools(struct apply *apply);

/* VFs of the pools that the ledger doesn't know, or as another pool's. */
int count_unknown(struct apply *apply, unsigned *ret_n);

/* What the definitions and the ledger want of the PF and its VFs. */
int make_wanted(struct apply *apply, const struct vfpool_pf *pf, struct wanted *wanted);
void wanted_end(struct wanted *wanted);

/* PFs that definitions mean and that aren't here. -ENOMEM. */
int note_missing_pfs(struct apply *apply, struct vfpool_plan *plan, bool *ret_any);

/* ---- what apply says besides ---- */

/* What apply doesn't do, and a person should know: what is missing for the next boot, and who else
 * is at the PFs. -ENOMEM. */
int note_boot(struct apply *apply, struct vfpool_plan *plan);

/* Binds what persists and isn't bound so; its steps go to the plan. The caller has no PF's lock: each device's is
 * taken. *ret_missing becomes true when one isn't there. */
int bind_persistent(struct apply *apply, struct vfpool_plan *plan, bool *ret_missing);

/* Guests whose definitions say another VLAN than their leases. -ENOMEM. */
int note_vlans(struct apply *apply, struct vfpool_plan *plan);

/* VFs that no guest can get as things are, or not without others. -ENOMEM. */
int note_obstacles(struct apply *apply, struct vfpool_plan *plan);

#endif
