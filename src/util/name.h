/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that come from outside, checked at the door. */
#ifndef VFPOOL_NAME_H
#define VFPOOL_NAME_H

#include <stdbool.h>

/* A pool's: letters, digits, '_', '.', '-', at most 50, the first one a letter
 * or digit. It becomes part of file names. */
bool pool_name_is_valid(const char *name);

/* A guest's, as libvirt takes it: at most 255 bytes of UTF-8 without control characters and '/', no
 * space at either end. */
bool guest_name_is_valid(const char *name);

/* An owner's: the same, but none that begins with '-': that is the option after an empty variable. */
bool owner_name_is_valid(const char *name);

/* A netdev's: at most 127 bytes (an alternative name may be as long), no '/',
 * no space, no ':'. */
bool netdev_name_is_valid(const char *name);

/* Is it one of vfio's PCI drivers? vfio-pci, or a card's own: mlx5_vfio_pci, … */
bool driver_is_vfio(const char *driver);

/* Is a device with the driver `is`, "" for none, bound as wanted? "host" is any that is its own. */
bool driver_is(const char *is, const char *wanted);

/* Is it the one that takes devices to do nothing with them? */
bool driver_is_stub(const char *driver);

#endif
