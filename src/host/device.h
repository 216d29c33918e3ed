/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is read of any PCI device; `folder` is its own in sysfs. */
#ifndef VFPOOL_DEVICE_H
#define VFPOOL_DEVICE_H

#include "vfpool.h"

/* Reads the name that a link ends in; *ret_name stays as it is without the link. */
int device_link_name(int folder, const char *link, char **ret_name);

/* Finds the device's netdev, of several the first in the alphabet; *ret_name, which comes as NULL, stays so when it has none. */
int device_netdev(int folder, char **ret_name);

/* Reads its driver override; *ret_driver stays as it is when it has none. */
int device_override(int folder, char **ret_driver);

/* Returns its IOMMU group, -1: none. */
int device_group(int folder);

/* Is it a network card? */
bool device_is_network(int folder);

/* Returns how many VFs a PF has now; 0 of what is no PF. */
unsigned device_count_vfs(int folder);

#endif
