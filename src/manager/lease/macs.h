/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An owner's MAC: the same for ever, and nobody else's. */
#ifndef VFPOOL_LEASE_MACS_H
#define VFPOOL_LEASE_MACS_H

#include "manager/context.h"

/* MACs that aren't vfpool's to give. */
struct foreign_macs {
	bool known;              /* they were asked for */
	struct host_links links; /* of this host */
	struct guests guests;
	struct host *host;
	bool compares_vfs; /* also those that VFs are programmed with: */
	bool vfs_known;    /* they were asked for */
	struct host_vf_macs vfs;
	bool libvirt_picks; /* the pool's VFs */
	struct ledger *ledger;
	int64_t own_vf; /* the row of the VF that is to get the MAC, 0: none; that one may have it already */
};

/* Asks the kernel and, when it answers in time, libvirt. */
int macs_find_foreign(struct vfpool *vp, struct host *host, struct foreign_macs *macs);
/* After that: what the VFs of this host are programmed with, as far as their PFs can be read. It asks each PF for all
 * its VFs, and so is for those MACs only that may be on one by more than chance. */
int macs_find_vfs(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
		  struct foreign_macs *macs);
void foreign_macs_end(struct foreign_macs *macs);

/*
 * The reservation of (owner, nic) in the pool, made when there is none: with
 * `mac`, or one made of the seed (NULL). In a transaction. VFPOOL_EINUSE: the MAC is
 * somebody's, or the owner has another one. -E_VF_MACS, without a message: those of the VFs have to be known.
 */
int macs_reserve(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
		 const char *owner, unsigned nic, const struct vfpool_mac *mac,
		 const struct foreign_macs *foreign, struct ledger_reservation *ret_reservation);

#endif
