/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFPOOL_DEVLINK_H
#define VFPOOL_DEVLINK_H

#include "vfpool.h"

struct nlsock;

/* Finds devlink's family number; 0 where the kernel has no devlink. */
int devlink_family(struct nlsock *generic, uint16_t *ret_family);

/* Returns the eswitch mode of a PCI device: "legacy" or "switchdev"; NULL when the
 * kernel doesn't tell, as for most cards without devlink. */
const char *devlink_eswitch(struct nlsock *generic, uint16_t family,
			    const struct vfpool_pci *address);

#endif
