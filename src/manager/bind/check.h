/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* May a device get another driver? */
#ifndef VFPOOL_BIND_CHECK_H
#define VFPOOL_BIND_CHECK_H

#include "manager/bind/targets.h"

/* Can it be a driver's name? -EINVAL. */
int check_driver(struct vfpool *vp, const char *driver);

/* Is the device one that vfpool binds? -EINVAL. */
int check_is_ours(struct binding_job *job, const struct target *target);

/* Is anyone in the way of another driver for it? */
int check_change(struct binding_job *job, const struct target *target);

/* Finds which are VFs of pools that have another driver than these are to get. -EINVAL: that is to persist. */
int check_pools(struct binding_job *job);

#endif
