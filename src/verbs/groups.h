/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IOMMU groups, as `iommu` and `doctor` print them. */
#ifndef VFPOOL_GROUPS_H
#define VFPOOL_GROUPS_H

#include "vfpool.h"

/* Prints the groups with their devices as a tree. Returns 0 or a negative errno. */
int groups_print(const struct vfpool_groups *groups);

#endif
