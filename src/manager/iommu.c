/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's IOMMU groups, and what they mean for the pools' VFs. */
#include "manager/apply.h"

#include <string.h>

static int parse_addresses(struct vfpool *vp, const char *const *addresses, size_t n,
			   struct vfpool_pci **ret_devices)
{
	struct vfpool_pci *devices = calloc(n + 1, sizeof(*devices));

	if (!devices)
		return fail_oom(&vp->err);
	for (size_t i = 0; i < n; i++)
		if (vfpool_pci_parse(addresses[i], &devices[i]) < 0) {
			free(devices);
			return fail(&vp->err, -EINVAL,
				    "'%s' is no PCI address, as 0000:01:10.2 or libvirt's pci_0000_01_10_2",
				    addresses[i]);
		}
	*ret_devices = devices;
	return 0;
}

int vfpool_iommu(struct vfpool *vp, const char *const *addresses, size_t n,
		 struct vfpool_groups **ret_groups)
{
	AUTO_FREE struct vfpool_pci *devices = NULL;
	AUTO_HOST struct host host = NO_HOST;
	int r;

	if ((r = parse_addresses(vp, addresses, n, &devices)) < 0 || (r = open_host(vp, &host)) < 0 ||
	    (r = host_read_groups(&host, devices, n, ret_groups)) < 0)
		return r;
	host_name_group_devices(*ret_groups);
	return 0;
}

/* ---- the pools' VFs ---- */

static bool is_first_of_group(const struct vfpool_pf *pf, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (pf->vfs[j].obstacle && pf->vfs[j].iommu_group == pf->vfs[i].iommu_group)
			return false;
	return true;
}

/* One note for all VFs of a group. */
static int note_obstacle(const struct vfpool_pf *pf, size_t i, struct vfpool_plan *plan)
{
	const struct vfpool_vf *vf = &pf->vfs[i];
	char others[40] = "";
	unsigned n = 0;

	for (size_t j = i + 1; j < pf->n_vfs; j++)
		n += pf->vfs[j].obstacle && pf->vfs[j].iommu_group == vf->iommu_group;
	if (n > 0)
		snprintf(others, sizeof(others), " and %u more", n);
	return plan_note(plan, "VF %u%s of %s may not go into guests: %s", vf->index, others,
			 pf->netdev ? pf->netdev : "a PF", vf->obstacle);
}

/* Has the VF a pool whose VFs are for guests? */
static bool is_for_guests(const struct apply *apply, const struct vfpool_pf *pf, unsigned vf)
{
	const struct vfpool_pool *pool = pool_of_vf(apply->uses, apply->n_uses, &pf->address, vf);

	return pool && pool->driver != VFPOOL_DRIVER_HOST &&
	       (!apply->name || strcmp(pool->name, apply->name) == 0);
}

int note_obstacles(struct apply *apply, struct vfpool_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < apply->inventory->n_pfs; i++) {
		struct vfpool_pf *pf = &apply->inventory->pfs[i];

		if (!pf_is_meant(apply, pf))
			continue;
		r = host_judge_vfs(&apply->host, pf);
		for (size_t j = 0; r == 0 && j < pf->n_vfs; j++)
			if (pf->vfs[j].obstacle && is_for_guests(apply, pf, pf->vfs[j].index) &&
			    is_first_of_group(pf, j))
				r = note_obstacle(pf, j, plan);
	}
	return r;
}
