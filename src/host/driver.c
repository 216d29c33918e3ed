/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which driver a device has. */
#include "host/device.h"
#include "host/host.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"
#include "util/name.h"

#include <fcntl.h>
#include <libkmod.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* How long a VF's netdev may take to come. */
#define NETDEV_MS 3000

DEFINE_CLEANUP(struct kmod_ctx *, cleanup_kmod, kmod_unref);
DEFINE_CLEANUP(struct kmod_list *, cleanup_modules, kmod_module_unref_list);
DEFINE_CLEANUP(struct kmod_module *, cleanup_module, kmod_module_unref);

int host_autoprobe_off(struct host *host, const struct vfpool_pf *pf)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, &pf->address);
	int r = folder < 0 ? folder : sysfs_write(folder, "sriov_drivers_autoprobe", "0");

	return r < 0 ? fail_errno(host->err, r, "switching sriov_drivers_autoprobe off") : 0;
}

static bool is_bound_as_wanted(int folder, const char *driver)
{
	char is[128] = "";
	int r = sysfs_read_link(folder, "driver", is, sizeof(is));

	return (r == 0 || r == -ENOENT) && driver_is(is, driver);
}

static int unbind(int folder, const char *address)
{
	int r = sysfs_write(folder, "driver/unbind", address);

	return r == -ENOENT ? 0 : r; /* no driver: nothing to do */
}

/* Returns where the running kernel's modules are in another root; NULL: out of memory. */
static char *module_folder(const char *root)
{
	struct utsname kernel;

	return uname(&kernel) == 0 ? format_text("%s/lib/modules/%s", root, kernel.release) : NULL;
}

/* Loads the modules that the name or modalias stands for, with what they need.
 * *ret_name (may be NULL) is the first one's name. */
static int load_modules(struct host *host, const char *what, char **ret_name)
{
	CLEANUP(cleanup_kmod) struct kmod_ctx *kmod = kmod_new(NULL, NULL);
	CLEANUP(cleanup_modules) struct kmod_list *modules = NULL;
	struct kmod_list *entry;
	int r = kmod ? kmod_module_new_from_lookup(kmod, what, &modules) : -ENOMEM;

	if (r < 0)
		return fail_errno(host->err, r, "looking up the module for %s", what);
	if (!modules)
		return fail(host->err, -ENOENT, "this kernel has no module for %s", what);
	kmod_list_foreach (entry, modules) {
		CLEANUP(cleanup_module) struct kmod_module *module = kmod_module_get_module(entry);

		r = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, NULL, NULL,
						    NULL, NULL);
		if (r == KMOD_PROBE_APPLY_BLACKLIST)
			return fail(host->err, -EPERM, "the module %s is blacklisted",
				    kmod_module_get_name(module));
		if (r < 0)
			return fail_errno(host->err, r, "loading the module %s",
					  kmod_module_get_name(module));
		if (!ret_name || *ret_name)
			continue;
		*ret_name = strdup(kmod_module_get_name(module));
		if (!*ret_name)
			return fail_oom(host->err);
	}
	return 0;
}

int host_find_module(struct host *host, const char *root, const char *what)
{
	AUTO_FREE char *folder = *root ? module_folder(root) : NULL;
	CLEANUP(cleanup_kmod) struct kmod_ctx *kmod = kmod_new(folder, NULL);
	CLEANUP(cleanup_modules) struct kmod_list *modules = NULL, *allowed = NULL;
	int r = kmod ? kmod_module_new_from_lookup(kmod, what, &modules) : -ENOMEM;

	if (r < 0)
		return fail_errno(host->err, r, "looking up the module for %s", what);
	if (!modules)
		return fail(host->err, -ENOENT, "this kernel has no module for %s", what);
	r = kmod_module_apply_filter(kmod, KMOD_FILTER_BLACKLIST, modules, &allowed);
	if (r < 0)
		return fail_errno(host->err, r, "looking up the module for %s", what);
	return allowed ? 0 : fail(host->err, -EPERM, "the module %s is blacklisted", what);
}

int host_check_driver(struct host *host, const char *driver)
{
	if (strcmp(driver, "host") == 0 || sysfs_has_driver(host->sysfs, driver))
		return 0;
	return host_find_module(host, "", driver);
}

/*
 * Finds the card's own VF driver, by the device's modalias, and loads its module. It has to be named: with
 * autoprobe off the kernel binds a VF only by its driver override
 * (pci_device_can_probe() in drivers/pci/pci-driver.c).
 */
static int find_own_driver(struct host *host, int folder, char *ret_driver, size_t size)
{
	AUTO_FREE char *module = NULL;
	char modalias[128];
	int r = sysfs_read(folder, "modalias", modalias, sizeof(modalias));

	if (r < 0)
		return fail_errno(host->err, r, "reading the device's modalias");
	r = load_modules(host, modalias, &module);
	if (r < 0)
		return r;
	r = sysfs_module_driver(host->sysfs, module, ret_driver, size);
	return r < 0 ? fail_errno(host->err, r, "finding the PCI driver in the module %s", module) :
		       0;
}

/* Loads the driver's module. *ret_driver is its name as the kernel knows it. */
static int prepare_driver(struct host *host, int folder, const char *driver, char *ret_driver,
			  size_t size)
{
	int r;

	if (strcmp(driver, "host") == 0)
		return find_own_driver(host, folder, ret_driver, size);
	snprintf(ret_driver, size, "%s", driver);
	if (!*driver || sysfs_has_driver(host->sysfs, driver))
		return 0;
	r = load_modules(host, driver, NULL);
	if (r < 0)
		return r;
	if (!sysfs_has_driver(host->sysfs, driver))
		return fail(host->err, -ENOENT, "the module %s has no PCI driver of that name",
			    driver);
	return 0;
}

/* Waits for the device's netdev, which some drivers show some time after the bind; some have none. */
static void wait_for_netdev(int folder)
{
	for (int left = NETDEV_MS / 20; left > 0; left--) {
		if (faccessat(folder, "net", F_OK, 0) == 0)
			return;
		rest_ms(20);
	}
}

int host_bind(struct host *host, const struct vfpool_pci *vf, const char *driver)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, vf);
	char address[VFPOOL_PCI_TEXT], name[64] = "";
	int r;

	vfpool_pci_format(vf, address);
	if (folder < 0)
		return fail_errno(host->err, folder, "binding %s", address);
	if (is_bound_as_wanted(folder, driver))
		return 0;
	r = prepare_driver(host, folder, driver, name, sizeof(name));
	if (r < 0)
		return fail_while(host->err, r, "binding %s", address);
	/* First, so that no other driver takes it when it has none. A newline clears it: that is the kernel's
	 * word for none. */
	r = sysfs_write(folder, "driver_override", *name ? name : "\n");
	if (r < 0)
		return fail_errno(host->err, r, "setting the driver override of %s", address);
	r = unbind(folder, address);
	if (r < 0)
		return fail_errno(host->err, r, "unbinding %s from its driver", address);
	if (!*name)
		return 0;
	r = sysfs_probe_driver(host->sysfs, vf);
	if (r < 0)
		return fail_errno(host->err, r, "probing a driver for %s", address);
	if (!is_bound_as_wanted(folder, driver) && driver_is_vfio(name) && device_group(folder) < 0)
		return fail(
			host->err, -ENODEV,
			"%s doesn't take %s, which is in no IOMMU group; 'vfpool doctor' says why",
			name, address);
	if (!is_bound_as_wanted(folder, driver))
		return fail(host->err, -ENODEV, "%s didn't take %s; the kernel log may say why",
			    name, address);
	if (strcmp(driver, "host") == 0 && device_is_network(folder))
		wait_for_netdev(folder);
	return 0;
}

static int set_override(struct host *host, int folder, const char *address, const char *override)
{
	AUTO_FREE char *is = NULL;
	int r = device_override(folder, &is);

	if (r < 0)
		return fail_errno(host->err, r, "setting the driver override of %s", address);
	if (strcmp(is ? is : "", override) == 0)
		return 0;
	r = sysfs_write(folder, "driver_override", *override ? override : "\n");
	return r < 0 ? fail_errno(host->err, r, "setting the driver override of %s", address) : 0;
}

int host_restore_driver(struct host *host, const struct vfpool_pci *device, const char *driver,
			const char *override)
{
	char address[VFPOOL_PCI_TEXT];
	AUTO_CLOSE int folder = -1;
	int r = host_bind(host, device, driver);

	if (r < 0)
		return r;
	vfpool_pci_format(device, address);
	folder = sysfs_open_pci(host->sysfs, device);
	if (folder < 0)
		return fail_errno(host->err, folder, "setting the driver override of %s", address);
	return set_override(host, folder, address, override);
}
