/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sysfs, read and written below directory descriptors. Every function returns
 * 0 (or a descriptor) or a negative errno; the caller knows the context.
 */
#ifndef VFPOOL_SYSFS_H
#define VFPOOL_SYSFS_H

#include "vfpool.h"

#include <dirent.h>
#include <sys/types.h>

/* Opens the tree's root; `path` is /sys but for tests. */
int sysfs_open(const char *path);

/* Open the folder of a PCI device, list that of all of them, open that of a netdev. */
int sysfs_open_pci(int sysfs, const struct vfpool_pci *address);
int sysfs_list_pci(int sysfs, DIR **ret_dir);
int sysfs_open_netdev(int sysfs, const char *name);

/* Open the folder of an IOMMU group, list that of all of them. */
int sysfs_open_group(int sysfs, int number);
int sysfs_list_groups(int sysfs, DIR **ret_dir);

/* Finds the bridge above a device. -ENOENT: it is on the host's own bus, or that isn't told. */
int sysfs_upstream(int sysfs, const struct vfpool_pci *address, struct vfpool_pci *ret_above);

/* Calls `fn` for the netdevs on a device, however deep below it. */
void sysfs_each_netdev(int sysfs, const struct vfpool_pci *address,
		       void (*fn)(void *arg, const char *name), void *arg);

/* Is there a block device on it, as an NVMe disk's? True where that can't be told. */
bool sysfs_has_block_device(int sysfs, const struct vfpool_pci *address);

/* Lists a folder in the folder; closedir() it. */
int sysfs_list(int folder, const char *name, DIR **ret_dir);

/* Reads an attribute by one read(), without its newline. -EOVERFLOW: it is larger than that. */
int sysfs_read(int folder, const char *name, char *text, size_t size);
/* Reads one of several lines. */
int sysfs_read_whole(int folder, const char *name, char *text, size_t size);
/* Is there such a file in the folder? */
bool sysfs_has(int folder, const char *name);

/* Reads a number, decimal or with 0x. -EINVAL: it is none. */
int sysfs_read_number(int folder, const char *name, long long *ret_number);

/* Reads at most `size` bytes from its beginning; returns how many, or a negative errno. */
ssize_t sysfs_read_bytes(int folder, const char *name, void *bytes, size_t size);

/* Reads the last part of what a link points to. -ENOENT: there is no such link. */
int sysfs_read_link(int folder, const char *name, char *text, size_t size);

/* Writes an attribute by one write(). */
int sysfs_write(int folder, const char *name, const char *text);

/* Is this PCI driver there, as a module that is loaded or in the kernel? */
bool sysfs_has_driver(int sysfs, const char *driver);

/* Is the module there, loaded or in the kernel? */
bool sysfs_has_module(int sysfs, const char *module);

/* Finds the PCI driver that a loaded module brings. -ENOENT: it brings none. */
int sysfs_module_driver(int sysfs, const char *module, char *ret_driver, size_t size);

/* Asks the PCI bus to find a driver for the device. */
int sysfs_probe_driver(int sysfs, const struct vfpool_pci *address);

/* Return how many IOMMUs the kernel drives, and how many groups they make. */
unsigned sysfs_count_iommus(int sysfs);
unsigned sysfs_count_groups(int sysfs);

/* Has the firmware that ACPI table? */
bool sysfs_has_acpi_table(int sysfs, const char *name);

/* Reads a parameter of a module that is loaded. */
int sysfs_module_parameter(int sysfs, const char *module, const char *name, char *text,
			   size_t size);

/* Reads SELinux's file of that name: enforce, booleans/NAME. */
int sysfs_read_selinux(int sysfs, const char *name, char *text, size_t size);

#endif
