/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The context, which every operation has: directories, the last error, what is open. The manager is the only room that
 * knows the others: it asks them, lets pool/ decide, and carries it out. */
#ifndef VFPOOL_CONTEXT_H
#define VFPOOL_CONTEXT_H

#include "guest/guest.h"
#include "host/host.h"
#include "ledger/ledger.h"
#include "pool/pool.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "vfpool.h"

struct vfpool {
	struct error err;
	char *dirs[VFPOOL_N_DIRS];
	char *uri;
	char *command; /* for the history */
	vfpool_progress_fn progress;
	void *progress_arg;
	vfpool_note_fn note;
	void *note_arg;
	struct ledger *ledger; /* NULL: not open yet */
	bool accept_ledger;    /* whichever it is */
	bool ledger_is_judged;
	bool ledger_is_proven; /* it is worth a stamp that there is none of yet */
	bool doubt_is_told;
	bool pending_is_told; /* changes of definitions that can't be finished */
	struct error doubt;   /* why it isn't the one by which the VFs are given out, "": it is */
};

DEFINE_CLEANUP(struct vfpool_pool *, cleanup_pool, vfpool_pool_free);
DEFINE_CLEANUP(struct vfpool_pool **, cleanup_pools, vfpool_pools_free);
DEFINE_CLEANUP(struct vfpool_inventory *, cleanup_inventory, vfpool_inventory_free);
DEFINE_CLEANUP(struct vfpool_plan *, cleanup_plan, vfpool_plan_free);
DEFINE_CLEANUP(struct vfpool_lease *, cleanup_lease, vfpool_lease_free);
DEFINE_CLEANUP(struct vfpool_lease **, cleanup_leases, vfpool_leases_free);
DEFINE_CLEANUP(struct vfpool_findings *, cleanup_findings, vfpool_findings_free);
/* A ledger in a variable with this loses what wasn't committed at the scope's end. */
DEFINE_CLEANUP(struct ledger *, rollback, ledger_rollback);

/* Tells the caller's function for notes, if there is one. */
void note(struct vfpool *vp, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The host behind the context; end it with host_end(). */
int open_host(struct vfpool *vp, struct host *ret_host);
void host_end(struct host *host);
#define AUTO_HOST CLEANUP(host_end)
#define NO_HOST             \
	{                   \
		.sysfs = -1 \
	}

/* Changing the host takes root; one clear line instead of ten from below. */
int check_root(struct vfpool *vp, const char *doing);

/* Can that be an owner's name? -EINVAL. */
int check_owner(struct vfpool *vp, const char *owner);

#define BOOT_UNIT "vfpool.service"
#define LATE_UNIT "vfpool-late.service"

/* Does systemd start that unit of vfpool's at boot? */
bool unit_is_enabled(const struct vfpool *vp, const char *unit);

#endif
