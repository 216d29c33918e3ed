/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Carries out the plan for one PF, whose lock the caller has. */
#ifndef VFPOOL_APPLY_STEPS_H
#define VFPOOL_APPLY_STEPS_H

#include "manager/apply/scope.h"

/* Is it about the PF itself? */
bool steps_is_pf(const struct vfpool_step *step);

/* The PF's own steps, in order, up to the first that fails: false. */
bool steps_do_pf(struct apply *apply, struct vfpool_pf *pf, struct vfpool_plan *plan, int lock);

/* Programs its VFs, and gives them vectors and drivers. How each went is in its step. */
int steps_do_vfs(struct apply *apply, struct vfpool_pf *pf, struct vfpool_plan *plan);

/* Only the PF's own steps that were done, or failed. The notes, which speak of its VFs, come again with the next plan. */
void steps_keep_done(struct vfpool_plan *plan);

/* Moves the fresh plan's steps and notes behind those of what was done; a PF's own step that it has again wasn't
 * done in truth. -ENOMEM. */
int steps_add_after_pf(struct vfpool_plan *done, struct vfpool_plan *fresh);

/* Moves the steps and notes of one plan to the end of another. -ENOMEM. */
int steps_add_plan(struct vfpool_plan *plan, struct vfpool_plan *more);

#endif
