/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's IOMMU groups, and what they mean for the pools' VFs. */
#include "manager/iommu.h"

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

	r = parse_addresses(vp, addresses, n, &devices);
	if (r < 0)
		return r;
	r = open_host(vp, &host);
	if (r < 0)
		return r;
	r = host_read_groups(&host, devices, n, ret_groups);
	if (r < 0)
		return r;
	host_name_group_devices(*ret_groups);
	return 0;
}

/* ---- may a lease have the VF? ---- */

/* Finds the lease of a VF, a device of a group. *ret_lease is NULL when there is none. */
static int find_lease_of(struct host *host, struct ledger *ledger,
			 const struct vfpool_device *device, struct vfpool_lease **ret_lease)
{
	CLEANUP(pf_end) struct vfpool_pf pf = { 0 };
	struct ledger_vf row = { 0 };
	int64_t pf_id = 0;
	int r = host_read_pf(host, &device->pf, HOST_NO_VFS, &pf);

	*ret_lease = NULL;
	if (r < 0)
		return r;
	r = ledger_pf(ledger, &pf, false, &pf_id);
	if (r < 0)
		return r;
	if (pf_id)
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

/* Comes the device before the VF in their group? Of its VFs one counts, the first: libvirt gives them to a guest
 * each. */
static bool is_before(const struct vfpool_device *device, const struct vfpool_vf *vf)
{
	return device->is_vf && vfpool_pci_compare(&device->address, &vf->address) < 0;
}

static int copy_obstacle(struct host *host, const struct vfpool_vf *vf, char **ret_obstacle)
{
	*ret_obstacle = strdup(vf->obstacle);
	return *ret_obstacle ? 0 : fail_oom(host->err);
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
		else if (is_before(device, vf))
			r = copy_obstacle(host, vf, ret_obstacle);
	}
	return r;
}

int iommu_find_obstacle(struct host *host, struct ledger *ledger, const struct vfpool_pool *pool,
			struct vfpool_pf *pf, const char *owner, uint64_t lease,
			char **ret_obstacle)
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
