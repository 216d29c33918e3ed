/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of apply share. */
#ifndef VFPOOL_APPLY_H
#define VFPOOL_APPLY_H

#include "manager/manager.h"

/* What one apply works on. */
struct apply {
	struct vfpool *vp;
	const char *name; /* of the one pool, NULL: all */
	unsigned flags;
	struct host host;
	struct ledger *ledger; /* NULL: none yet, and this is a dry run */
	struct vfpool_inventory *inventory;
	struct vfpool_pool **pools;
	unsigned n_broken; /* definitions that aren't among those */
	struct pool_use *uses;
	size_t n_uses;
	int *locks; /* of the inventory's PFs, -1: not locked */
	bool *failed; /* of the inventory's PFs, those whose own steps failed; NULL: not
		       * yet at work */
};

/* Is it the one pool, or are all meant? */
bool is_meant(const struct apply *apply, const struct pool_use *use);

bool pf_is_meant(const struct apply *apply, const struct vfpool_pf *pf);

/* Did the PF's own steps fail? */
bool has_failed(const struct apply *apply, const struct vfpool_pf *pf);

/* The pools' VFs, with their parking MACs, are in the ledger before any is
 * programmed. */
int record_pools(struct apply *apply);

/* What the definitions and the ledger want of the VFs. */
int make_wanted(struct apply *apply, struct wanted *wanted);
void wanted_end(struct wanted *wanted);

/* What apply doesn't do, and a person should know: what is missing for the next boot, and who else
 * is at the PFs. -ENOMEM. */
int note_boot(struct apply *apply, struct vfpool_plan *plan);

/* Binds what persists and isn't bound so; its steps go to the plan. The caller has no PF's lock: each device's is
 * taken. *ret_missing becomes true when one isn't there. */
int bind_persistent(struct apply *apply, struct vfpool_plan *plan, bool *ret_missing);

/* Guests whose definitions say another VLAN than their leases. -ENOMEM. */
int note_vlans(struct apply *apply, struct vfpool_plan *plan);

/* VFs that no guest can get as things are, or not without others. -ENOMEM. */
int note_obstacles(struct apply *apply, struct vfpool_plan *plan);

#endif
