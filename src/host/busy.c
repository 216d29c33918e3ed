/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has a VF, found without touching it. */
#include "host/device.h"
#include "host/host.h"
#include "host/rtnl.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/name.h"

#include <linux/if.h>
#include <string.h>

/* Has libvirt set up the VF for a guest? It keeps a file for each. */
static bool libvirt_has_it(const struct host *host, const struct vfpool_pf *pf, unsigned vf)
{
	AUTO_FREE char *path = NULL;

	if (!pf->netdev)
		return false;
	path = format_text("%s/hostdevmgr/%s_vf%u", host->libvirt_run, pf->netdev, vf);
	return path && access(path, F_OK) == 0;
}

/* Returns who has a device of vfio's; *ret_why says so. The kernel counts who has enabled the device: with vfio-pci 0 while nobody
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

/* Is the netdev below another? A master, a macvtap or a VLAN above shows as a link. */
static bool has_upper(int netdev)
{
	AUTO_CLOSEDIR DIR *dir = NULL;

	if (sysfs_list(netdev, ".", &dir) < 0)
		return true;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		if (strcmp(entry->d_name, "master") == 0 ||
		    strncmp(entry->d_name, "upper_", 6) == 0)
			return true;
	return false;
}

static enum vfpool_holder netdev_holder(const struct host *host, const char *name,
					const char **ret_why)
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

struct use {
	struct host *host;
	const char *why; /* NULL: nothing, as yet */
	char *netdev;    /* which has it */
	bool any;
	bool is_gone; /* one that was there a moment ago can't be looked at */
};

static void look_at_netdev(void *arg, const char *name)
{
	struct use *use = arg;
	enum vfpool_holder holder;
	const char *why;

	use->any = true;
	holder = use->why ? VFPOOL_HELD_BY_NOBODY : netdev_holder(use->host, name, &why);
	if (holder == VFPOOL_HELD_BY_NOBODY)
		return;
	use->is_gone = holder == VFPOOL_HELD_BY_UNKNOWN;
	use->why = why;
	use->netdev = strdup(name);
}

/* Looks at the device's netdevs, which may be several, and deeper down, as below a USB controller or virtio's device. */
static void look_at_netdevs(struct use *use, int folder, const struct vfpool_device *device)
{
	AUTO_CLOSEDIR DIR *dir = NULL;

	if (sysfs_list(folder, "net", &dir) == 0) {
		for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
			if (entry->d_name[0] != '.')
				look_at_netdev(use, entry->d_name);
	} else {
		sysfs_each_netdev(use->host->sysfs, &device->address, look_at_netdev, use);
	}
	/* Its driver has it, and there may be a netdev that isn't seen from here. */
	if (!use->any && is_network_class(device->class))
		netdev_holder(use->host, NULL, &use->why);
}

/* Looks at the netdevs, and again where one has gone: udev gives a new netdev another name. */
static void look_patiently(struct use *use, int folder, const struct vfpool_device *device)
{
	look_at_netdevs(use, folder, device);
	while (use->is_gone && use->host->glances > 0) {
		use->host->glances--;
		rest_ms(GLANCE_MS);
		free(use->netdev);
		*use = (struct use){ .host = use->host };
		look_at_netdevs(use, folder, device);
	}
}

/* Is it a VF that libvirt has set up for a guest? */
static bool is_vf_of_libvirt(struct host *host, const struct vfpool_device *device)
{
	AUTO_CLOSE int folder = device->is_vf ? sysfs_open_pci(host->sysfs, &device->pf) : -1;
	AUTO_FREE char *netdev = NULL;
	const struct vfpool_pf *pf;

	if (folder < 0 || device_netdev(folder, &netdev) < 0)
		return false;
	pf = &(const struct vfpool_pf){ .netdev = netdev };
	return libvirt_has_it(host, pf, device->vf);
}

int host_device_use(struct host *host, int folder, struct vfpool_device *device)
{
	struct use use = { .host = host };
	AUTO_FREE char *netdev = NULL;

	if (device->kind != VFPOOL_ENDPOINT)
		return 0;
	if (device_count_vfs(folder) > 0)
		use.why = "it has VFs, which go with its driver";
	else if (is_vf_of_libvirt(host, device))
		use.why = "a guest of libvirt has it";
	else if (device->driver && driver_is_vfio(device->driver)) {
		/* Of other devices than VFs libvirt keeps no file. */
		if (vfio_holder(folder, &use.why) == VFPOOL_HELD_BY_VFIO && !device->is_vf)
			use.why = "held through vfio";
	} else if (device->driver && !driver_is_stub(device->driver))
		look_patiently(&use, folder, device);
	netdev = use.netdev;
	if (!use.why && device->driver && sysfs_has_block_device(host->sysfs, &device->address))
		use.why = "it has a block device";
	device->used = use.why ? with_netdev(use.why, netdev ? netdev : device->netdev) : NULL;
	return use.why && !device->used ? -ENOMEM : 0;
}
