/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The devices that get another driver. */
#ifndef VFPOOL_BIND_MEMBERS_H
#define VFPOOL_BIND_MEMBERS_H

#include "manager/context.h"

/* A device that gets another driver. */
struct member {
	struct vfpool_pci address;
	struct vfpool_device is; /* as it was when this began */
	bool is_near_vf;         /* it is a VF, or in an IOMMU group with one */
	struct vfpool_pf pf;     /* a VF's, without VFs */
	char *used;              /* by what, NULL: by nothing that shows */
	char *live;    /* who keeps its group from any other driver than vfio's, NULL: nobody */
	char *pool;    /* of a pool with another driver: its name; else NULL */
	int64_t pf_id; /* the row of a VF's PF, 0: none */
	struct ledger_binding was; /* id 0: vfpool hasn't bound it */
	bool is_other;             /* the ledger has another device there, */
	struct ledger_binding other;
	struct ledger_binding record; /* what is written for this change */
	bool is_recorded;
	const char *driver;   /* it is to have, "": none */
	const char *override; /* with this one; NULL: the driver's own */
	bool is_left;         /* vfpool hasn't bound it, so unbind has nothing to do */
	bool changes;
	bool is_back; /* it failed, or another, and this one is as it was */
};

struct binding_job {
	struct vfpool *vp;
	const struct vfpool_bind_request *request;
	struct host host;
	struct ledger *ledger; /* NULL: none yet, and this is a dry run */
	char boot[HOST_BOOT_ID];
	struct member *members; /* by address */
	size_t n;
	int *locks;
	size_t n_locks;
};

void binding_job_end(struct binding_job *job);

int open_binding_job(struct vfpool *vp, const char *doing, struct binding_job *job);

/* Finds the devices that are meant, locks them and looks at them. VFPOOL_ENOTFOUND: one isn't there. */
int find_members(struct binding_job *job);

/* Who keeps the member's group from a driver of the host, in its `live`. */
int look_at_group(struct binding_job *job, struct member *member);

/* What uses the device now; free() *ret_used, NULL: nothing that shows. */
int look_at_use(struct binding_job *job, const struct member *member, char **ret_used);

const char *driver_of(const struct vfpool_device *device);
const char *override_of(const struct vfpool_device *device);
const char *text_of(const struct member *member, char text[VFPOOL_PCI_TEXT]);

#endif
