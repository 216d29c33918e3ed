/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What alloc, release and apply do alike with one VF. */
#ifndef VFPOOL_VF_H
#define VFPOOL_VF_H

#include "manager/context.h"

/* Returns what the pool programs into a VF of that PF that has this MAC, */
struct vfpool_settings vf_settings_with_mac(const struct vfpool_pool *pool,
					    const struct vfpool_pf *pf,
					    const struct vfpool_mac *mac);
/* and into the VF of that lease. */
struct vfpool_settings vf_settings_of_lease(const struct vfpool_pool *pool,
					    const struct vfpool_pf *pf,
					    const struct vfpool_lease *lease);

/*
 * Programs one VF that the caller has locked, only where it differs, and
 * compares. *ret_deferred: what waits for the PF's link; *ret_sent: what was
 * changed, after a failure too.
 */
int vf_program(struct host *host, const struct vfpool_pf *pf, const struct vfpool_vf *vf,
	       const struct vfpool_settings *to, unsigned *ret_deferred, unsigned *ret_sent);

enum mending {
	MEND_STARTING, /* libvirt has programmed the VF, and the guest doesn't run yet */
	MEND_RUNNING,
	MEND_STOPPED, /* libvirt has put back what it had found */
};

/* Programs what the lease says where libvirt has programmed something else: the VLAN of a guest that starts, by whatever
 * its definition says; the VLAN's qos and protocol while it runs; MAC and VLAN when it has stopped, unless something has
 * the VF. 0 when there is nothing to program, or the lease isn't there any more. */
int vf_mend(struct host *host, struct ledger *ledger, const struct vfpool_pool *pool,
	    const struct vfpool_lease *lease, enum mending when);

/* Does a guest's definition with that VLAN (0: none, -1: it says nothing) say another than the lease? Then `text` is both,
 * after "says". */
#define VLANS_TEXT 60
bool vf_vlan_is_stale(const struct vfpool_pool *pool, const struct vfpool_lease *lease, int vlan,
		      char text[VLANS_TEXT]);

/* Gives a VF back what it had in those settings when it was read. */
int vf_restore(struct host *host, const struct vfpool_pf *pf, const struct vfpool_vf *vf,
	       unsigned sent);

/* Is the lease's MAC (on InfiniBand its GUID) on that VF? */
bool vf_has_lease_mac(const struct vfpool_pf *pf, const struct vfpool_vf *vf,
		      const struct vfpool_lease *lease);

/* Is it the PF that the place is on, wherever that is plugged now? */
bool vf_is_on_pf(const struct vfpool_place *place, const struct vfpool_pf *pf);

/*
 * Opens the place's PF where it is now, with the one VF of the place (ret_pf->n_vfs == 0: it
 * isn't there), locked unless ret_lock is NULL. VFPOOL_ENOTFOUND: the PF is
 * gone; -E_UNREAD: it is there, or may be, and can't be looked at.
 */
int vf_open_pf(struct host *host, const struct vfpool_place *place, struct vfpool_pf *ret_pf,
	       int *ret_lock);

/* Does the same where another PF will do: -EWOULDBLOCK, without a message, when another process has the lock and
 * keeps it. */
int vf_open_pf_soon(struct host *host, const struct vfpool_place *place, struct vfpool_pf *ret_pf,
		    int *ret_lock);

/* Says that the lease's PF can't be looked at, as the last error says, and what gives the VF up; returns -E_UNREAD.
 * */
int vf_fail_unread(struct vfpool *vp, const struct vfpool_lease *lease);

/* Fills the lease's address when its VF is there, also on a PF that can't be looked at otherwise. */
int vf_look_up_address(struct host *host, struct vfpool_lease *lease);

/* Programs the baseline, with its parking MAC, into the VF of a lease that ends, pf->vfs[0], before anyone else
 * gets it. The caller has locked the PF. */
int vf_scrub(struct host *host, struct ledger *ledger, const struct vfpool_pool *pool,
	     const struct vfpool_pf *pf, const struct vfpool_lease *lease);

/* Frees a VF that nobody gets until it is seen idle (it was found busy once, or is in quarantine), pf->vfs[0], when
 * nothing has it now, and `owner` (NULL: anyone) could have it. One that is gone (pf->n_vfs == 0) leaves
 * quarantine: its MAC went with it. The caller has locked the PF, if that is there. */
int vf_free_idle(struct vfpool *vp, struct host *host, struct ledger *ledger,
		 const struct vfpool_pool *pool, const struct ledger_vf *seen, struct vfpool_pf *pf,
		 const char *owner, bool *ret_freed);

/* Does a guest name the VF, pf->vfs[0]? */
bool vf_is_named(const struct guests *guests, const struct vfpool_pf *pf);

/* Returns the driver's name for host_bind(). */
const char *vf_driver_name(enum vfpool_driver driver);

#endif
