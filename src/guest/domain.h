/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What other files of guest/ read of a guest's definition. */
#ifndef VFPOOL_DOMAIN_H
#define VFPOOL_DOMAIN_H

#include "guest/guest.h"

#include "util/xml.h"

/* Adds a copy of the device to the guest's. -ENOMEM. */
int guest_add_nic(struct guest *guest, const struct guest_nic *nic);

/* Reads an <address> of a PCI device. Returns false when it is none. */
bool guest_read_pci(const xmlNode *address, struct vfpool_pci *ret_address);

#endif
