/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables for people, and the lines below them. */
#ifndef VFPOOL_TABLE_H
#define VFPOOL_TABLE_H

#include "vfpool.h"

/* PFs with their VFs as a tree; `pool` (NULL: all) limits it to its VFs; `nodedev`: addresses are
 * libvirt's names. */
int print_inventory(const struct vfpool_inventory *inventory, const char *pool, bool nodedev);

/* A line for each PF that can't be looked at. */
void print_unread(const struct vfpool_inventory *inventory);

/* A lease that the table has no line for: its VF, or the card, isn't there. */
void print_lost(const struct vfpool_lease *lease, const struct vfpool_inventory *inventory);

/* The pools, with how many of their VFs are free, leased and busy. */
int print_pools(struct vfpool_pool *const *pools, const struct vfpool_inventory *inventory,
		struct vfpool_lease *const *leases);

/* IOMMU groups with their devices as a tree. */
int print_groups(const struct vfpool_groups *groups);

int print_history(const struct vfpool_event *events, size_t n);

#endif
