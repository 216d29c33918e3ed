/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI devices of any kind, as sysfs shows them. */
#include "host/device.h"
#include "host/host.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/name.h"

#include <string.h>

int device_link_name(int folder, const char *link, char **ret_name)
{
	char name[128];
	int r = sysfs_read_link(folder, link, name, sizeof(name));

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	*ret_name = strdup(name);
	return *ret_name ? 0 : -ENOMEM;
}

int device_netdev(int folder, char **ret_name)
{
	AUTO_CLOSEDIR DIR *dir = NULL;
	AUTO_FREE char *name = NULL;
	int r = sysfs_list(folder, "net", &dir);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		if (!netdev_name_is_valid(entry->d_name) ||
		    (name && strcmp(entry->d_name, name) > 0))
			continue;
		free(name);
		name = strdup(entry->d_name);
		if (!name)
			return -ENOMEM;
	}
	*ret_name = TAKE_PTR(name);
	return 0;
}

int device_override(int folder, char **ret_driver)
{
	char text[4096 + 1]; /* the kernel takes less than a page */
	int r = sysfs_read(folder, "driver_override", text, sizeof(text));

	if (r == -ENOENT || (r == 0 && (!*text || strcmp(text, "(null)") == 0)))
		return 0;
	if (r < 0)
		return r;
	*ret_driver = strdup(text);
	return *ret_driver ? 0 : -ENOMEM;
}

int device_group(int folder)
{
	char group[16], *end;
	long number;

	if (sysfs_read_link(folder, "iommu_group", group, sizeof(group)) < 0)
		return -1;
	number = strtol(group, &end, 10);
	return *end || number < 0 || number > INT32_MAX ? -1 : (int)number;
}

#define PCI_BASE_CLASS_NETWORK 0x02

bool is_network_class(unsigned class)
{
	return class >> 16 == PCI_BASE_CLASS_NETWORK;
}

bool device_is_network(int folder)
{
	long long class;

	return sysfs_read_number(folder, "class", &class) == 0 && is_network_class((unsigned)class);
}

unsigned device_count_vfs(int folder)
{
	AUTO_CLOSEDIR DIR *dir = NULL;
	unsigned n = 0;

	if (sysfs_list(folder, ".", &dir) < 0)
		return 0;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		n += strncmp(entry->d_name, "virtfn", 6) == 0;
	return n;
}

int host_vf_index(struct host *host, const struct vfpool_pci *pf, const struct vfpool_pci *vf,
		  unsigned *ret_index)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, pf);
	char address[VFPOOL_PCI_TEXT];
	AUTO_CLOSEDIR DIR *dir = NULL;
	int r = folder < 0 ? folder : sysfs_list(folder, ".", &dir);

	if (r < 0)
		return r;
	vfpool_pci_format(vf, address);
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		char target[VFPOOL_PCI_TEXT], *end;

		if (strncmp(entry->d_name, "virtfn", 6) != 0 ||
		    sysfs_read_link(folder, entry->d_name, target, sizeof(target)) < 0 ||
		    strcmp(target, address) != 0)
			continue;
		*ret_index = (unsigned)strtoul(entry->d_name + 6, &end, 10);
		return *end ? -ENOENT : 0;
	}
	return -ENOENT;
}

int host_find_vf(struct host *host, const struct vfpool_pci *vf, struct vfpool_pci *ret_pf,
		 unsigned *ret_index)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, vf);
	char text[VFPOOL_PCI_TEXT], physfn[VFPOOL_PCI_TEXT];

	vfpool_pci_format(vf, text);
	if (folder < 0)
		return fail(host->err, -VFPOOL_ENOTFOUND, "this host has no PCI device %s", text);
	if (sysfs_read_link(folder, "physfn", physfn, sizeof(physfn)) < 0 ||
	    vfpool_pci_parse(physfn, ret_pf) < 0 || host_vf_index(host, ret_pf, vf, ret_index) < 0)
		return fail(host->err, -VFPOOL_ENOTFOUND, "the PCI device %s is no VF", text);
	return 0;
}

int host_netdev_address(struct host *host, const char *netdev, struct vfpool_pci *ret_address)
{
	AUTO_CLOSE int folder = sysfs_open_netdev(host->sysfs, netdev);
	char text[VFPOOL_PCI_TEXT];

	if (folder < 0 || sysfs_read_link(folder, "device", text, sizeof(text)) < 0 ||
	    vfpool_pci_parse(text, ret_address) < 0)
		return fail(host->err, -VFPOOL_ENOTFOUND, "this host has no PCI network device %s",
			    netdev);
	return 0;
}
