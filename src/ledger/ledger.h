/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The durable record of VFs, leases and reservations on this host. What must
 * always hold (one VF one holder, no MAC twice) are constraints of its schema.
 *
 * Functions fill `err` and return a negative errno, but for those outcomes
 * that are named with each.
 */
#ifndef VFPOOL_LEDGER_H
#define VFPOOL_LEDGER_H

#include "vfpool.h"

struct error;
struct ledger;

enum ledger_mode {
	LEDGER_READ,  /* *ret_ledger is NULL when there is none yet */
	LEDGER_WRITE, /* made when there is none */
};

int ledger_open(const char *state_dir, enum ledger_mode mode, struct ledger **ret_ledger,
		struct error *err);
void ledger_close(struct ledger *ledger);

/* Several changes that hold together or not at all. Others wait meanwhile:
 * nothing slow in between. */
int ledger_begin(struct ledger *ledger);
/* Many questions to one state of the ledger; ends with ledger_rollback() or with
 * the ledger. Without it each question takes and drops SQLite's locks. */
int ledger_begin_read(struct ledger *ledger);
int ledger_commit(struct ledger *ledger);
void ledger_rollback(struct ledger *ledger);

/* This host's random seed, made with the ledger. */
int ledger_seed(struct ledger *ledger, char **ret_seed);

/* The PF's row, by permanent MAC, else by address. *ret_id is 0 when there is
 * none, unless `add`. */
int ledger_pf(struct ledger *ledger, const struct vfpool_pf *pf, bool add, int64_t *ret_id);

/* The pool's PFs (their rows' ids) in its definition's order; free() it. */
int ledger_set_pool_pfs(struct ledger *ledger, const char *pool, const int64_t *pfs, size_t n);
int ledger_pool_pfs(struct ledger *ledger, const char *pool, int64_t **ret_pfs, size_t *ret_n);

struct ledger_vf {
	int64_t id; /* 0: no such row */
	struct vfpool_pci pf;
	bool has_pf_mac;
	struct vfpool_mac pf_mac;
	unsigned index;
	struct vfpool_mac parking;
	int64_t lease; /* 0: none */
	bool avoid;    /* it was found busy */
	char pool[64];
};

int ledger_vf(struct ledger *ledger, int64_t pf, unsigned index, struct ledger_vf *ret_vf);

/* -EEXIST, without a message: the MAC is somebody's. */
int ledger_add_vf(struct ledger *ledger, int64_t pf, unsigned index, const char *pool,
		  const struct vfpool_mac *parking);
int ledger_remove_vf(struct ledger *ledger, const struct ledger_vf *vf);

/* Every VF of the pool; free() it. */
int ledger_vfs(struct ledger *ledger, const char *pool, struct ledger_vf **ret_vfs, size_t *ret_n);

/* The first VF of the PF in that pool that is free and not to be avoided, and
 * how many are leased there. ret_vf->id is 0: none. */
int ledger_free_vf(struct ledger *ledger, const char *pool, int64_t pf, struct ledger_vf *ret_vf,
		   unsigned *ret_leased);

/* The lease's VF was found busy: nobody gets it until it is seen free again. */
int ledger_avoid_leased(struct ledger *ledger, int64_t id);
int ledger_forgive_vf(struct ledger *ledger, int64_t vf);

/* *ret_lease is NULL when there is none. Its VF's own address isn't known here. */
int ledger_find_lease(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		      struct vfpool_lease **ret_lease);
int ledger_get_lease(struct ledger *ledger, int64_t id, struct vfpool_lease **ret_lease);
int ledger_leases(struct ledger *ledger, const char *pool, struct vfpool_lease ***ret_leases);
int ledger_count_leases(struct ledger *ledger, const char *pool, unsigned *ret_n);

/* The MAC that belongs to (owner, nic) in the pool; *ret_found false: none yet. */
int ledger_reservation(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		       struct vfpool_mac *ret_mac, bool *ret_found);

/* -EEXIST, without a message: the MAC is somebody's. */
int ledger_reserve(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		   const struct vfpool_mac *mac);

/* A pending lease on the VF, or on none (0) in a pool that libvirt allocates;
 * the reservation exists. */
int ledger_add_lease(struct ledger *ledger, const char *pool, const char *owner, unsigned nic,
		     int64_t vf, int64_t *ret_id);

/* -ESTALE, without a message: the lease isn't in the state `from`. */
int ledger_move_lease(struct ledger *ledger, int64_t id, enum vfpool_lease_state from,
		      enum vfpool_lease_state to);
int ledger_end_lease(struct ledger *ledger, int64_t id, enum vfpool_lease_state from);

/* A MAC that would be new: is it somebody's? */
int ledger_mac_taken(struct ledger *ledger, const struct vfpool_mac *mac, bool *ret_taken);

#endif
