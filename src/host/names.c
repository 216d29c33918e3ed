/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Vendors' and devices' names, from udev's hardware database. */
#include "host/host.h"

#include "util/cleanup.h"

#include <libudev.h>
#include <string.h>

DEFINE_CLEANUP(struct udev *, cleanup_udev, udev_unref);
DEFINE_CLEANUP(struct udev_hwdb *, cleanup_hwdb, udev_hwdb_unref);

static char *look_up(struct udev_hwdb *hwdb, const char *modalias, const char *property)
{
	struct udev_list_entry *entry;

	udev_list_entry_foreach (entry, udev_hwdb_get_properties_list_entry(hwdb, modalias, 0))
		if (strcmp(udev_list_entry_get_name(entry), property) == 0)
			return strdup(udev_list_entry_get_value(entry));
	return NULL;
}

static void name_device(struct udev_hwdb *hwdb, uint16_t vendor, uint16_t device,
			char **vendor_name, char **device_name)
{
	char modalias[32];

	snprintf(modalias, sizeof(modalias), "pci:v%08Xd%08X", vendor, device);
	*vendor_name = look_up(hwdb, modalias, "ID_VENDOR_FROM_DATABASE");
	*device_name = look_up(hwdb, modalias, "ID_MODEL_FROM_DATABASE");
}

void host_name_devices(struct vfpool_inventory *inventory)
{
	CLEANUP(cleanup_udev) struct udev *udev = udev_new();
	CLEANUP(cleanup_hwdb) struct udev_hwdb *hwdb = udev ? udev_hwdb_new(udev) : NULL;

	for (size_t i = 0; hwdb && i < inventory->n_pfs; i++) {
		struct vfpool_pf *pf = &inventory->pfs[i];

		name_device(hwdb, pf->vendor, pf->device, &pf->vendor_name, &pf->device_name);
	}
}

void host_name_group_devices(struct vfpool_groups *groups)
{
	CLEANUP(cleanup_udev) struct udev *udev = udev_new();
	CLEANUP(cleanup_hwdb) struct udev_hwdb *hwdb = udev ? udev_hwdb_new(udev) : NULL;

	for (size_t i = 0; hwdb && i < groups->n; i++)
		for (size_t j = 0; j < groups->list[i].n_devices; j++) {
			struct vfpool_device *device = &groups->list[i].devices[j];

			name_device(hwdb, device->vendor, device->device, &device->vendor_name,
				    &device->device_name);
		}
}
