/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* May a device get another driver? */
#include "manager/bind/check.h"
#include "manager/claims.h"
#include "manager/definitions.h"
#include "manager/vf.h"

#include "util/name.h"

#include <string.h>

/* It becomes part of a path in sysfs. */
int check_driver(struct vfpool *vp, const char *driver)
{
	const size_t length = strlen(driver);

	for (const char *p = driver; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '/')
			return fail(&vp->err, -EINVAL, "'%s' is no name of a driver", driver);
	if (length == 0 || length > 63 || driver[0] == '.' || driver[0] == '(')
		return fail(&vp->err, -EINVAL, "'%s' is no name of a driver", driver);
	/* DPDK's. The kernel counts nobody who has it open then, as it does with vfio. */
	if (strncmp(driver, "uio", 3) == 0 || strcmp(driver, "igb_uio") == 0)
		return fail(&vp->err, -EINVAL,
			    "with %s nobody can see whether a device is in use; take vfio-pci",
			    driver);
	return 0;
}

int check_is_ours(struct binding_job *job, const struct target *target)
{
	char text[VFPOOL_PCI_TEXT];

	/* What was bound when it was in a group with a VF stays vfpool's when there are no VFs. */
	if (target->before.is_vf || target->is_near_vf || is_network_class(target->before.class) ||
	    target->bound.id)
		return 0;
	return fail(&job->vp->err, -EINVAL,
		    "%s is no VF, no network card and in no IOMMU group with a VF, and only such "
		    "devices are vfpool's to bind; nothing was changed",
		    target_text(target, text));
}

/* Tells whether that driver itself has the device's DMA. */
static bool has_dma(const char *driver)
{
	return *driver && !driver_is_vfio(driver) && !driver_is_stub(driver);
}

static int check_use(struct binding_job *job, const struct target *target)
{
	const char *used = target->holder;
	char text[VFPOOL_PCI_TEXT];

	if (!used && has_dma(target->driver))
		used = target->group_holder;
	if (!used)
		return 0;
	return fail(&job->vp->err, -VFPOOL_EINUSE, "%s is in use: %s; nothing was changed",
		    target_text(target, text), used);
}

/* Refuses a lease's VF, which stays as it was handed out, and one in quarantine, which isn't scrubbed yet. A lease that
 * comes after this binds the VF anew, under the PF's lock. */
static int check_lease(struct binding_job *job, const struct target *target)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *lease = NULL;
	struct ledger_vf row = { 0 };
	char text[VFPOOL_PCI_TEXT];
	int r = target->pf_id ? ledger_vf(job->ledger, target->pf_id, target->before.vf, &row) : 0;

	if (r < 0)
		return r;
	r = row.lease ? ledger_get_lease(job->ledger, row.lease, &lease) : 0;
	if (r < 0)
		return r;
	target_text(target, text);
	if (row.quarantined)
		return fail(&job->vp->err, -VFPOOL_EINUSE,
			    "%s is in quarantine; 'vfpool gc' ends that when "
			    "nothing has it; nothing was changed",
			    text);
	if (lease)
		return fail(&job->vp->err, -VFPOOL_EINUSE,
			    "%s is leased to %s nic %u of pool %s; 'vfpool release' "
			    "ends that; nothing was changed",
			    text, lease->owner, lease->nic, lease->pool);
	return 0;
}

int check_change(struct binding_job *job, const struct target *target)
{
	int r = check_use(job, target);

	return r == 0 && job->ledger ? check_lease(job, target) : r;
}

/* ---- what the definitions say ---- */

struct definitions {
	struct vfpool_inventory *inventory;
	struct vfpool_pool **pools;
	struct pool_claim *claims;
	size_t n_claims;
};

static void definitions_end(struct definitions *definitions)
{
	free(definitions->claims);
	vfpool_pools_free(definitions->pools);
	vfpool_inventory_free(definitions->inventory);
}

static int load_definitions(struct binding_job *job, struct definitions *definitions)
{
	int r = host_read_inventory(&job->host, HOST_NO_VFS, &definitions->inventory);

	if (r < 0)
		return r;
	r = definition_load_sound(job->vp, &definitions->pools);
	if (r < 0)
		return r;
	return claims_resolve(job->vp, definitions->pools, definitions->inventory,
			      &definitions->claims, &definitions->n_claims);
}

/* Finds the target's pool when its definition has another driver, since apply would undo it; fails when that is to
 * persist, and for a PF whose VFs its own driver makes. */
static int check_pool(struct binding_job *job, const struct definitions *definitions,
		      struct target *target)
{
	const struct vfpool_pool *pool = NULL;
	char text[VFPOOL_PCI_TEXT];

	for (size_t i = 0; i < definitions->n_claims && target->state != TARGET_LEFT; i++)
		if (definitions->claims[i].pf &&
		    vfpool_pci_equal(&definitions->claims[i].pf->address, &target->address))
			return driver_is(target->driver, "host") ?
				       0 :
				       fail(&job->vp->err, -EINVAL,
					    "%s is a PF of pool %s, whose VFs its own driver makes; nothing was "
					    "changed",
					    target_text(target, text),
					    definitions->claims[i].pool->name);
	if (target->before.is_vf && target->state != TARGET_LEFT)
		pool = claims_pool_of_vf(definitions->claims, definitions->n_claims,
					 &target->before.pf, target->before.vf);
	if (!pool || strcmp(vf_driver_name(pool->driver), target->driver) == 0 ||
	    (strcmp(target->driver, "host") != 0 &&
	     driver_is(target->driver, vf_driver_name(pool->driver))))
		return 0;
	if (job->request->persist)
		return fail(
			&job->vp->err, -EINVAL,
			"%s is a VF of pool %s, whose definition has another driver (%s): change <driver> in the "
			"definition, or 'vfpool unbind' it; nothing was changed",
			target_text(target, text), pool->name,
			pool->driver == VFPOOL_DRIVER_NONE ? "none" : vf_driver_name(pool->driver));
	target->pool = strdup(pool->name);
	return target->pool ? 0 : fail_oom(&job->vp->err);
}

int check_pools(struct binding_job *job)
{
	CLEANUP(definitions_end) struct definitions definitions = { 0 };
	int r = load_definitions(job, &definitions);

	if (r < 0)
		return r;
	for (size_t i = 0; i < job->n; i++) {
		r = check_pool(job, &definitions, &job->targets[i]);
		if (r < 0)
			return r;
	}
	return 0;
}
