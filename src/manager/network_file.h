/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's network of a pool, by its file. */
#ifndef VFPOOL_NETWORK_FILE_H
#define VFPOOL_NETWORK_FILE_H

#include "manager/context.h"

/* What is libvirt's network of the pool's name, by its file? -ENOENT: libvirt has none; another error: it
 * can't be told, without a message. */
int network_file_look(const struct vfpool *vp, const struct vfpool_pool *pool,
		      enum guest_network_kind *ret_kind, char **ret_what);

/* Does libvirt itself start the pool's network? By its files. */
bool network_file_has_autostart(const struct vfpool *vp, const struct vfpool_pool *pool);

/* VFPOOL_EINUSE: libvirt has a network of that pool's network's name that isn't of VFs. */
int network_file_check_free(struct vfpool *vp, const struct vfpool_pool *pool);

#endif
