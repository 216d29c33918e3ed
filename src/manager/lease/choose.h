/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which VFs the owner gets: one alloc, and the leases that it chooses. */
#ifndef VFPOOL_LEASE_CHOOSE_H
#define VFPOOL_LEASE_CHOOSE_H

#include "manager/lease/macs.h"

#include <sys/stat.h>

/* So many sick VFs an alloc passes over; where more fail it isn't the VFs. */
#define FAULTY_MAX 4

/* What one alloc works on. */
struct alloc {
	struct vfpool *vp;
	const char *pool_name;
	struct vfpool_pool *pool;
	struct stat definition; /* the pool's file, as it was before it was read */
	const struct vfpool_alloc_request *request;
	struct ledger *ledger;
	int unwritable; /* != 0: the ledger takes no change, of which `refusal` tells; what is held is told */
	struct error refusal;
	struct host host;
	struct vfpool_pf want_pf; /* the one that is asked for, n_vfs 0; has no names */
	int64_t want_pf_id;       /* its row, 0: any PF */
	struct foreign_macs foreign;
	bool has_reserved;   /* a MAC, that nobody may have been told of */
	uint64_t *untouched; /* leases that this alloc has made and not yet programmed */
	size_t n_untouched;
	struct error passed_over; /* why the last VF couldn't be had */
	int64_t faulty
		[FAULTY_MAX]; /* rows of VFs that couldn't be set up, marked so that others are chosen, */
	size_t n_faulty;
	struct error fault; /* and why the last one couldn't */
	int fault_result;
	bool is_patient;   /* PFs that other processes have locked are waited for, */
	bool has_locked;   /* of which there was one before */
	int64_t *lost_pfs; /* rows of PFs on which none can be had now, of which `lost` says why */
	size_t n_lost;
	struct error lost;
	int lost_result;
};

/* Loads the pool as it is defined now, and checks that it can be asked for so. */
int choose_load_definition(struct alloc *alloc);

/* Finds the PF by which the pool's VFs are narrowed down. */
int choose_find_want_pf(struct alloc *alloc);

/* Says that none is free in a pool of that many PFs. */
int choose_fail_no_vf(struct alloc *alloc, size_t n_pfs);

/* Finds the owner's leases as they are, or makes new ones, pending: all or none. */
int choose(struct alloc *alloc, bool dry_run, struct vfpool_lease ***ret_leases);

/* Notes that no VF of the lease's PF can be had now, for the reason that is the last error: this alloc asks for
 * none of its others. */
int choose_lose_pf(struct alloc *alloc, const struct vfpool_lease *lease, int result);

/* Was that said of the lease's PF already? */
bool choose_is_on_lost_pf(const struct alloc *alloc, const struct vfpool_lease *lease);

/* Drops the pending lease; `avoid`: its VF isn't the next one's either. */
int choose_drop_pending(struct alloc *alloc, const struct vfpool_lease *lease, bool avoid);

#endif
