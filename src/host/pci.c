/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A PCI device of any kind, with who uses it. */
#include "host/device.h"
#include "host/host.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/error.h"

/* PCI-to-PCI bridges, by the PCI code and ID assignment specification. */
#define PCI_CLASS_BRIDGE 0x0604

/* Returns what the device is. A bridge on the host's own bus is a root port: no other is above it. */
static enum vfpool_kind read_kind(struct host *host, const struct vfpool_device *device)
{
	struct vfpool_pci above;

	if (device->class >> 8 != PCI_CLASS_BRIDGE)
		return VFPOOL_ENDPOINT;
	return sysfs_upstream(host->sysfs, &device->address, &above) == 0 ? VFPOOL_BRIDGE :
									    VFPOOL_ROOT_PORT;
}

static int read_identity(struct host *host, int folder, struct vfpool_device *device)
{
	long long class = 0, vendor = 0, id = 0;
	int r;

	(void)sysfs_read_number(folder, "class", &class);
	(void)sysfs_read_number(folder, "vendor", &vendor);
	(void)sysfs_read_number(folder, "device", &id);
	device->class = (unsigned)class;
	device->vendor = (uint16_t)vendor;
	device->device = (uint16_t)id;
	device->kind = read_kind(host, device);
	r = device_link_name(folder, "driver", &device->driver);
	if (r < 0)
		return r;
	r = device_override(folder, &device->driver_override);
	if (r < 0)
		return r;
	return device_netdev(folder, &device->netdev);
}

void device_end(struct vfpool_device *device)
{
	free(device->vendor_name);
	free(device->device_name);
	free(device->driver);
	free(device->driver_override);
	free(device->netdev);
	free(device->used);
	*device = (struct vfpool_device){ 0 };
}

static int read_device(struct host *host, const struct vfpool_pci *address,
		       struct vfpool_device *device)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, address);
	char physfn[VFPOOL_PCI_TEXT];
	int r;

	if (folder < 0)
		return folder;
	device->address = *address;
	r = read_identity(host, folder, device);
	if (r < 0)
		return r;
	device->is_vf = sysfs_read_link(folder, "physfn", physfn, sizeof(physfn)) == 0 &&
			vfpool_pci_parse(physfn, &device->pf) == 0 &&
			host_vf_index(host, &device->pf, address, &device->vf) == 0;
	return host_device_use(host, folder, device);
}

int host_read_device(struct host *host, const struct vfpool_pci *address,
		     struct vfpool_device *ret_device)
{
	struct vfpool_device device = { 0 };
	char text[VFPOOL_PCI_TEXT];
	int r = read_device(host, address, &device);

	if (r == 0) {
		*ret_device = device;
		return 0;
	}
	device_end(&device);
	vfpool_pci_format(address, text);
	if (r == -ENOENT)
		return fail(host->err, -VFPOOL_ENOTFOUND, "this host has no PCI device %s", text);
	return fail_errno(host->err, r, "reading the PCI device %s", text);
}
