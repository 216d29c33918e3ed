/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is read of any PCI device; `folder` is its own in sysfs. */
#ifndef VFPOOL_DEVICE_H
#define VFPOOL_DEVICE_H

#include "vfpool.h"

/* The name that a link ends in, *ret_name NULL without the link. */
int device_link_name(int folder, const char *link, char **ret_name);

/* Its netdev; of several the first in the alphabet. */
int device_netdev(int folder, char **ret_name);

int device_override(int folder, char **ret_driver);

/* Its IOMMU group, -1: none. */
int device_group(int folder);

bool device_is_network(int folder);

/* How many VFs a PF has now; 0 of what is no PF. */
unsigned device_count_vfs(int folder);

#endif
