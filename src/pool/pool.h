/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What should be: definitions, placement, MACs, the plan. Pure: no system
 * call, no I/O, so that every rule here is tested without a host.
 */
#ifndef VFPOOL_POOL_H
#define VFPOOL_POOL_H

#include "vfpool.h"

struct error;

/* The largest definition that is read, in bytes. */
#define POOL_TEXT_MAX (256 * 1024)

/* Parses and checks a definition; `file` is for messages, which have the line. */
int pool_parse(const char *text, size_t size, const char *file, struct vfpool_pool **ret_pool,
	       struct error *err);

/* Makes a pool of that name as a definition with nothing but the name would make it,
 * for what is left of a pool whose definition is gone. */
int pool_new_default(const char *name, struct vfpool_pool **ret_pool, struct error *err);

/* What a pool's <pf> claims: VFs of the PF of the host that it means (NULL: not here). */
struct pool_claim {
	const struct vfpool_pool *pool;
	const struct vfpool_pool_pf *want;
	const struct vfpool_pf *pf;
};

/*
 * Checks that all definitions agree. Overlapping VFs, unequal numvfs or up on one PF,
 * a PF twice in a pool, more VFs or message vectors than the card has: -EINVAL
 * with both places.
 */
int pool_check_claims(const struct pool_claim *claims, size_t n, struct error *err);
/* Checks that the one at i agrees with all others. */
int pool_check_claim(const struct pool_claim *claims, size_t n, size_t i, struct error *err);

/* Does the definition's selector mean this PF? */
bool pool_pf_matches(const struct vfpool_pool_pf *want, const struct vfpool_pf *pf);

/* A PF's part of a pool, as placement sees it. */
struct placement_pf {
	unsigned n_free, n_leased;
	bool preferred; /* before all that aren't: on the NUMA node that is asked for */
};

/* Returns the PF to take the next VF from, as its index, -VFPOOL_ENOVF when none has one. pack: the
 * first in the definition's order; spread: the one with the fewest leases. */
int placement_choose(enum vfpool_placement policy, const struct placement_pf *pfs, size_t n);

/* Lease MACs and parking MACs come from separate halves of a pool's range. */
enum mac_half { MAC_LEASE, MAC_PARKING };

/*
 * Makes the MAC that `key` has in the pool, always the same for one seed. When it is
 * taken, the next attempt (1, 2, …) gives another.
 */
void mac_make(const struct vfpool_pool *pool, const char *seed, enum mac_half half, const char *key,
	      unsigned attempt, struct vfpool_mac *ret_mac);

/* Finds the closed range that mac_make() takes from. */
void mac_range(const struct vfpool_pool *pool, enum mac_half half, struct vfpool_mac *ret_first,
	       struct vfpool_mac *ret_last);

/* What is wanted of a VF of the pool. */
struct wanted_vf {
	struct vfpool_pci pf;
	unsigned index;
	struct vfpool_settings settings;
	unsigned vectors; /* 0: left as they are */
	enum vfpool_driver driver;
	char *refused;   /* why it can't be worked on, NULL: it can; the caller's to free */
	bool leave_busy; /* in use, it is left alone without a word: libvirt hands it out, or
			  * it is in quarantine */
};

struct wanted_pf {
	const struct vfpool_pf *pf;
	unsigned numvfs;
	bool up;
};

struct wanted {
	struct wanted_pf *pfs;
	size_t n_pfs;
	struct wanted_vf *vfs; /* by index, PFs mixed */
	size_t n_vfs;
};

/* Plans the ordered steps from the inventory (behind wanted->pfs) to what is wanted.
 * -ENOMEM is the one way to fail. */
int plan_make(const struct wanted *wanted, bool live, struct vfpool_plan *plan);

void step_end(struct vfpool_step *step);
/* Adds a step, or returns NULL when out of memory. */
struct vfpool_step *plan_add(struct vfpool_plan *plan, enum vfpool_step_kind kind,
			     const struct vfpool_pf *pf);
/* Adds to the plan, once for each value, what the PF's driver doesn't have: `attrs` of `to`. -ENOMEM. */
int plan_lacks(struct vfpool_plan *plan, const struct vfpool_pf *pf, unsigned attrs,
	       const struct vfpool_settings *to);
/* Says why a VF gets no driver whose settings `attrs` weren't set to what `to` says; NULL: out of memory. */
char *plan_why_not_bound(const struct vfpool_settings *to, unsigned attrs);
/* Adds a note to the plan. -ENOMEM. */
int plan_note(struct vfpool_plan *plan, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
