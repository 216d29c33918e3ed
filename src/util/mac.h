/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ethernet addresses as numbers, to walk through a range of them. */
#ifndef VFPOOL_MAC_H
#define VFPOOL_MAC_H

#include "vfpool.h"

static inline uint64_t mac_number(const struct vfpool_mac *mac)
{
	uint64_t number = 0;

	for (int i = 0; i < 6; i++)
		number = number << 8 | mac->byte[i];
	return number;
}

static inline struct vfpool_mac mac_of_number(uint64_t number)
{
	struct vfpool_mac mac;

	for (int i = 5; i >= 0; i--, number >>= 8)
		mac.byte[i] = (uint8_t)number;
	return mac;
}

#endif
