/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's IOMMU groups, and what they mean for the pools' VFs. */
#include "manager/apply/apply.h"

#include "util/file.h"

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
			return fail(
				&vp->err, -EINVAL,
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

	if ((r = parse_addresses(vp, addresses, n, &devices)) < 0 ||
	    (r = open_host(vp, &host)) < 0 ||
	    (r = host_read_groups(&host, devices, n, ret_groups)) < 0)
		return r;
	host_name_group_devices(*ret_groups);
	return 0;
}

/* ---- may a lease have the VF? ---- */

/* The lease of a VF by its PF's address. *ret_lease is NULL when there is none. */
static int find_lease_of(struct host *host, struct ledger *ledger,
			 const struct vfpool_device *device, struct vfpool_lease **ret_lease)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	struct ledger_vf row = { 0 };
	int64_t pf_id = 0;
	int r = host_read_pf(host, &device->pf, HOST_NO_VFS, &pf);

	*ret_lease = NULL;
	if (r == 0)
		r = ledger_pf(ledger, &pf, false, &pf_id);
	if (r == 0 && pf_id)
		r = ledger_vf(ledger, pf_id, device->vf, &row);
	return r < 0 || !row.lease ? r : ledger_get_lease(ledger, row.lease, ret_lease);
}

/* Is the other device of the group in the way of a lease to `owner`? Of two leases that begin at once the
 * one with the lower number gets the group. */
static int look_at_other(struct host *host, struct ledger *ledger,
			 const struct vfpool_device *device, const char *owner, uint64_t lease,
			 char **ret_obstacle)
{
	CLEANUP(cleanup_lease) struct vfpool_lease *other = NULL;
	char address[VFPOOL_PCI_TEXT];
	int r = device->is_vf ? find_lease_of(host, ledger, device, &other) : 0;

	if (r < 0)
		return r;
	vfpool_pci_format(&device->address, address);
	if (other && owner && strcmp(other->owner, owner) == 0)
		return 0;
	if (other && (!lease || other->state != VFPOOL_LEASE_PENDING || other->id < lease))
		*ret_obstacle = format_text(
			"its IOMMU group also has %s, leased to %s: one guest gets both", address,
			other->owner);
	else if (!other && device->used)
		*ret_obstacle = format_text("its IOMMU group also has %s: %s", address,
					    device->used);
	else
		return 0;
	return *ret_obstacle ? 0 : fail_oom(host->err);
}

/* Of the VFs of a group one counts, the first: libvirt gives them to a guest each. */
static bool is_before(const struct vfpool_device *device, const struct vfpool_vf *vf)
{
	return device->is_vf && vfpool_pci_compare(&device->address, &vf->address) < 0;
}

static int look_at_group(struct host *host, struct ledger *ledger, const struct vfpool_pool *pool,
			 const struct vfpool_vf *vf, const char *owner, uint64_t lease,
			 char **ret_obstacle)
{
	CLEANUP(group_end) struct vfpool_group group = { 0 };
	int r = host_read_group(host, vf->iommu_group, &group);

	for (size_t i = 0; r == 0 && i < group.n_devices && !*ret_obstacle; i++) {
		const struct vfpool_device *device = &group.devices[i];

		if (device->kind != VFPOOL_ENDPOINT ||
		    vfpool_pci_equal(&device->address, &vf->address))
			continue;
		if (pool->allocate == VFPOOL_BY_VFPOOL)
			r = look_at_other(host, ledger, device, owner, lease, ret_obstacle);
		else if (is_before(device, vf) && !(*ret_obstacle = strdup(vf->obstacle)))
			r = fail_oom(host->err);
	}
	return r;
}

int find_obstacle(struct host *host, struct ledger *ledger, const struct vfpool_pool *pool,
		  struct vfpool_pf *pf, const char *owner, uint64_t lease, char **ret_obstacle)
{
	const struct vfpool_vf *vf = pf->vfs;
	int r = pool->driver == VFPOOL_DRIVER_VFIO ? host_judge_vfs(host, pf) : 0;

	*ret_obstacle = NULL;
	if (r < 0 || pool->driver != VFPOOL_DRIVER_VFIO || !vf->obstacle)
		return r;
	if (vf->shares_group)
		return look_at_group(host, ledger, pool, vf, owner, lease, ret_obstacle);
	*ret_obstacle = strdup(vf->obstacle);
	return *ret_obstacle ? 0 : fail_oom(host->err);
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

/* Of a pool that libvirt allocates those don't count that no guest can get, and of a group's VFs one does. */
static int avoid_vf(struct apply *apply, const struct vfpool_pf *pf, struct vfpool_vf *vf)
{
	const struct vfpool_pool *pool = pool_of_vf(apply->uses, apply->n_uses, &pf->address,
						    vf->index);
	AUTO_FREE char *obstacle = NULL;
	struct vfpool_pf one = *pf;
	struct ledger_vf row = { 0 };
	int64_t pf_id = 0;
	int r;

	if (!pool || pool->allocate != VFPOOL_BY_LIBVIRT ||
	    (apply->name && strcmp(pool->name, apply->name) != 0))
		return 0;
	one.vfs = vf;
	one.n_vfs = 1;
	r = find_obstacle(&apply->host, apply->ledger, pool, &one, NULL, 0, &obstacle);
	if (r < 0 || !obstacle)
		return r;
	r = ledger_pf(apply->ledger, pf, false, &pf_id);
	if (r == 0 && pf_id)
		r = ledger_vf(apply->ledger, pf_id, vf->index, &row);
	return r < 0 || !row.id || row.avoid ? r : ledger_avoid_vf(apply->ledger, row.id);
}

int note_obstacles(struct apply *apply, struct vfpool_plan *plan)
{
	const bool changes = !(apply->flags & VFPOOL_APPLY_DRY_RUN);
	int r = 0;

	for (size_t i = 0; r == 0 && i < apply->inventory->n_pfs; i++) {
		struct vfpool_pf *pf = &apply->inventory->pfs[i];

		if (!pf_is_meant(apply, pf))
			continue;
		r = host_judge_vfs(&apply->host, pf);
		for (size_t j = 0; changes && r == 0 && j < pf->n_vfs; j++)
			if (pf->vfs[j].obstacle)
				r = avoid_vf(apply, pf, &pf->vfs[j]);
		for (size_t j = 0; r == 0 && j < pf->n_vfs; j++)
			if (pf->vfs[j].obstacle && is_for_guests(apply, pf, pf->vfs[j].index) &&
			    is_first_of_group(pf, j))
				r = note_obstacle(pf, j, plan);
	}
	return r;
}
