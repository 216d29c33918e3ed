/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pool's udev rules. */
#ifndef VFPOOL_UDEV_H
#define VFPOOL_UDEV_H

#include "manager/context.h"

/* Is the file something else than the pool's udev rules as they should be? */
bool udev_rules_differ(struct vfpool *vp, struct vfpool_pool *pool,
		       const struct vfpool_inventory *inventory, const char *path);

#endif
