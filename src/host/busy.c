/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has a VF, found without touching it. */
#include "host/device.h"
#include "host/host.h"
#include "host/rtnl.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/file.h"
#include "util/name.h"

#include <linux/if.h>
#include <string.h>

/* libvirt keeps a file for each VF that it has set up for a guest. */
static bool libvirt_has_it(const struct host *host, const struct vfpool_pf *pf, unsigned vf)
{
	AUTO_FREE char *path = NULL;

	if (!pf->netdev)
		return false;
	path = format_text("%s/hostdevmgr/%s_vf%u", host->libvirt_run, pf->netdev, vf);
	return path && access(path, F_OK) == 0;
}

/* The kernel counts who has enabled the device: with vfio-pci 0 while nobody
 * has it open, 1 while a guest has, even a paused one. */
static enum vfpool_holder vfio_holder(int folder, const char **ret_why)
{
	long long enabled;

	if (sysfs_read_number(folder, "enable", &enabled) < 0) {
		*ret_why = "whether vfio holds it can't be read";
		return VFPOOL_HELD_BY_UNKNOWN;
	}
	if (!enabled)
		return VFPOOL_HELD_BY_NOBODY;
	*ret_why = "held through vfio, not by libvirt";
	return VFPOOL_HELD_BY_VFIO;
}

/* A master, a macvtap or a VLAN above shows as a link. */
static bool has_upper(int netdev)
{
	AUTO_CLOSEDIR DIR *dir = NULL;
	struct dirent *entry;

	if (sysfs_list(netdev, ".", &dir) < 0)
		return true;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, "master") == 0 ||
		    strncmp(entry->d_name, "upper_", 6) == 0)
			return true;
	return false;
}

static enum vfpool_holder netdev_holder(const struct host *host, const char *name, const char **ret_why)
{
	AUTO_CLOSE int netdev = -1;
	long long flags, ifindex;
	bool addressed;

	if (!name) {
		*ret_why = "its driver shows no netdev here: in another network namespace?";
		return VFPOOL_HELD_BY_UNKNOWN;
	}
	netdev = sysfs_open_netdev(host->sysfs, name);
	if (netdev < 0 || sysfs_read_number(netdev, "flags", &flags) < 0 ||
	    sysfs_read_number(netdev, "ifindex", &ifindex) < 0) {
		*ret_why = "its netdev can't be looked at";
		return VFPOOL_HELD_BY_UNKNOWN;
	}
	if (flags & IFF_UP) {
		*ret_why = "its netdev is up";
	} else if (has_upper(netdev)) {
		*ret_why = "its netdev is enslaved or has a device above it";
	} else if (rtnl_has_address(host->nl, (int)ifindex, &addressed) < 0 || addressed) {
		*ret_why = "its netdev has an address";
	} else {
		return VFPOOL_HELD_BY_NOBODY;
	}
	return VFPOOL_HELD_BY_NETDEV;
}

static char *with_netdev(const char *why, const char *netdev)
{
	return netdev ? format_text("%s (%s)", why, netdev) : strdup(why);
}

int host_vf_busy(struct host *host, const struct vfpool_pf *pf, int folder, struct vfpool_vf *vf)
{
	const char *why = "a guest of libvirt has it";

	if (libvirt_has_it(host, pf, vf->index)) {
		vf->holder = VFPOOL_HELD_BY_LIBVIRT;
		/* It may start just now; or libvirt has refused to start one, and left its file behind. */
		if (vf->driver && !driver_is_vfio(vf->driver))
			why = "by libvirt's file in hostdevmgr a guest has it, or was to have it";
	} else if (vf->driver && driver_is_vfio(vf->driver))
		vf->holder = vfio_holder(folder, &why);
	else if (vf->driver && !driver_is_stub(vf->driver))
		vf->holder = netdev_holder(host, vf->netdev, &why);
	if (vf->holder == VFPOOL_HELD_BY_NOBODY)
		return 0;
	vf->busy = with_netdev(why, vf->netdev);
	return vf->busy ? 0 : -ENOMEM;
}

/* By the PCI code and ID assignment specification. */
#define PCI_BASE_CLASS_NETWORK 0x02

/* Its driver has it, and there may be a netdev that isn't seen from here. */
static bool is_network_device_in_use(const struct vfpool_device *device)
{
	return device->class >> 16 == PCI_BASE_CLASS_NETWORK && device->driver &&
	       !driver_is_stub(device->driver);
}

int host_device_use(struct host *host, int folder, struct vfpool_device *device)
{
	const char *why = NULL;

	if (device->kind != VFPOOL_ENDPOINT)
		return 0;
	if (device_count_vfs(folder) > 0)
		why = "it has VFs, which go with its driver";
	else if (device->driver && driver_is_vfio(device->driver))
		vfio_holder(folder, &why);
	else if (device->netdev || is_network_device_in_use(device))
		netdev_holder(host, device->netdev, &why);
	else if (device->driver && sysfs_has_block_device(host->sysfs, &device->address))
		why = "it has a block device";
	device->used = why ? with_netdev(why, device->netdev) : NULL;
	return why && !device->used ? -ENOMEM : 0;
}
