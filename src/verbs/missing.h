/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PFs that definitions name and this host doesn't have. */
#ifndef VFPOOL_MISSING_H
#define VFPOOL_MISSING_H

#include "vfpool.h"

/* Notes each PF of `pools` (which ends with NULL) that isn't in `inventory`. It may come later: no
 * more than a note. */
void missing_note(const struct vfpool_inventory *inventory, struct vfpool_pool *const *pools);

/* Notes each PF of `pools` that isn't on the host now, or nothing when the host can't be looked
 * at. */
void missing_look(struct vfpool *vp, struct vfpool_pool *const *pools);

#endif
