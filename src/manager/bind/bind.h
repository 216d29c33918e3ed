/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices get a driver by hand. */
#ifndef VFPOOL_BIND_BIND_H
#define VFPOOL_BIND_BIND_H

#include "manager/context.h"

/* Binds one device as vfpool_bind() does, which persists. */
int bind_again(struct vfpool *vp, const struct vfpool_pci *device, const char *driver, bool dry_run,
	       struct vfpool_binding **ret_binding);

#endif
