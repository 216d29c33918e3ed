/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What apply doesn't do, and a person should know. */
#ifndef VFPOOL_APPLY_NOTES_H
#define VFPOOL_APPLY_NOTES_H

#include "manager/apply/scope.h"

/* PFs that definitions mean and that aren't here. -ENOMEM. */
int note_missing_pfs(struct apply *apply, struct vfpool_plan *plan, bool *ret_any);

/* What apply doesn't do, and a person should know: what is missing for the next boot, and who else
 * is at the PFs. -ENOMEM. */
int note_boot(struct apply *apply, struct vfpool_plan *plan);

/* Guests whose definitions say another VLAN than their leases. -ENOMEM. */
int note_vlans(struct apply *apply, struct vfpool_plan *plan);

/* Notes VFs that no guest can get as things are, or not without others. -ENOMEM has no message. */
int note_obstacles(struct apply *apply, struct vfpool_plan *plan);

#endif
