/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What other files of guest/ read of a network. */
#ifndef VFPOOL_NETWORK_H
#define VFPOOL_NETWORK_H

#include "guest/guest.h"

/* Has the running network, by its XML, an address that is none of these? */
bool guest_network_has_other(const char *xml, const struct vfpool_pci *vfs, size_t n);

#endif
