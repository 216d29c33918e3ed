/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Carries out the plan for one PF, whose lock the caller has. */
#ifndef VFPOOL_APPLY_STEPS_H
#define VFPOOL_APPLY_STEPS_H

#include "manager/apply/scope.h"

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

#endif
