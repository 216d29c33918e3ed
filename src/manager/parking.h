/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How MACs are made, and those of VFs that nobody has. */
#ifndef VFPOOL_PARKING_H
#define VFPOOL_PARKING_H

#include "manager/context.h"

/* Copies the seed of the pool's MACs to *ret_seed; free() it. */
int parking_seed(struct vfpool *vp, struct ledger *ledger, const struct vfpool_pool *pool,
		 char **ret_seed);

/* By what a free VF's own MAC is made, beside the seed. */
#define PARKING_KEY 64
void parking_key(const struct vfpool_pf *pf, unsigned vf, char ret_key[PARKING_KEY]);

/* What else keeps a MAC from being given. */
struct mac_filter {
	bool (*is_taken)(const void *arg, const struct vfpool_mac *mac);
	const void *arg;
};

/* Neither zero nor multicast? */
bool parking_can_be_an_owners(const struct vfpool_mac *mac);

/* Finds the first MAC of the pool's half from `from` on, and then from its beginning, that nobody in the ledger
 * has, nor anyone by the filter (NULL: there is none). -ENOENT, without a message: none. */
int parking_find_free_mac(struct ledger *ledger, const struct vfpool_pool *pool, enum mac_half half,
			  const struct vfpool_mac *from, const struct mac_filter *filter,
			  struct vfpool_mac *ret_mac);

/* Is the VF another pool's still, though the definitions give it to this one? */
bool parking_is_anothers(const struct pool_claim *claim, const struct ledger_vf *row);

/* Records the VF, of the PF with that row, as that pool's, with its parking MAC, unless another pool has leased it.
 * In a transaction. */
int parking_record_vf(struct vfpool *vp, struct ledger *ledger, const struct pool_claim *claim,
		      int64_t pf_id, unsigned vf);

/* Fills *ret_mac with the parking MAC that the VF has, or that parking_record_vf() would give it. `ledger` may be
 * NULL, `pf_id` 0: there is none yet. */
int parking_foresee(struct vfpool *vp, struct ledger *ledger, const struct pool_claim *claim,
		    int64_t pf_id, unsigned vf, struct vfpool_mac *ret_mac);

#endif
