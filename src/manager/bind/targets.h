/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The devices that get another driver. */
#ifndef VFPOOL_BIND_TARGETS_H
#define VFPOOL_BIND_TARGETS_H

#include "manager/context.h"

enum target_state {
	TARGET_STAYS, /* it has its driver already */
	TARGET_LEFT,  /* vfpool hasn't bound it, so unbind has nothing to do */
	TARGET_CHANGES, /* it gets another driver; or it was to, and is as it was, since something failed */
	TARGET_LOST, /* something failed, and it couldn't be put back */
};

/* A device that is to get a driver. */
struct target {
	struct vfpool_pci address;
	struct vfpool_device before; /* as it was when this began */
	bool is_near_vf;             /* it is a VF, or in an IOMMU group with one */
	struct vfpool_pf pf;         /* a VF's, without VFs */
	char *holder;                /* what uses it, NULL: nothing that shows */
	char *group_holder; /* who keeps its group from any other driver than vfio's, NULL: nobody */
	char *pool;         /* of a pool with another driver: its name; else NULL */
	int64_t pf_id;      /* the row of a VF's PF, 0: none */
	struct ledger_binding bound;  /* as the ledger has it; id 0: vfpool hasn't bound it */
	struct ledger_binding other;  /* another device that the ledger has there, id 0: none */
	struct ledger_binding record; /* what is written for this change, */
	bool is_recorded;             /* if anything is */
	const char *driver;           /* it is to have, "": none */
	const char *override;         /* with this one; NULL: the driver's own */
	enum target_state state;
};

struct binding_job {
	struct vfpool *vp;
	const struct vfpool_bind_request *request;
	struct host host;
	struct ledger *ledger; /* NULL: none yet, and this is a dry run */
	char boot[HOST_BOOT_ID];
	struct target *targets; /* by address */
	size_t n;
	int *locks;
	size_t n_locks;
};

void binding_job_end(struct binding_job *job);

int binding_job_open(struct vfpool *vp, const char *doing, struct binding_job *job);

/* Finds the devices that are meant, locks them and looks at them. VFPOOL_ENOTFOUND: one isn't there. */
int targets_find(struct binding_job *job);

/* Who keeps the target's group from a driver of the host, in its `live`. */
int target_look_at_group(struct binding_job *job, struct target *target);

/* What uses the device now; free() *ret_used, NULL: nothing that shows. */
int target_look_at_use(struct binding_job *job, const struct target *target, char **ret_used);

const char *driver_of(const struct vfpool_device *device);
const char *override_of(const struct vfpool_device *device);
const char *target_text(const struct target *target, char text[VFPOOL_PCI_TEXT]);

#endif
