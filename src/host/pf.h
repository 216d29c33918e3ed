/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How one PF is read, for who reads them all. */
#ifndef VFPOOL_PF_H
#define VFPOOL_PF_H

#include "vfpool.h"

struct host;

/* Reads a PF as host_read_pf() does, but fails with the errno and a message that doesn't name the PF; `pf` comes empty and
 * goes to pf_end() in any case. */
int pf_read(struct host *host, const struct vfpool_pci *address, int which, struct vfpool_pf *pf);

/* Is there a PF with that address? */
bool pf_is_there(struct host *host, const struct vfpool_pci *address);

#endif
