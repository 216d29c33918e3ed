/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which driver a VF has. */
#include "host/host.h"
#include "host/sysfs.h"

#include "util/cleanup.h"
#include "util/error.h"
#include "util/process.h"

#include <string.h>

int host_autoprobe_off(struct host *host, const struct vfpool_pf *pf)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, &pf->address);
	int r = folder < 0 ? folder : sysfs_write(folder, "sriov_drivers_autoprobe", "0");

	return r < 0 ? fail_errno(host->err, r, "switching sriov_drivers_autoprobe off") : 0;
}

static bool is_bound_as_wanted(int folder, const char *driver)
{
	char is[128];
	int r = sysfs_read_link(folder, "driver", is, sizeof(is));

	if (r < 0)
		return r == -ENOENT && !*driver;
	if (strcmp(driver, "host") == 0)
		return strncmp(is, "vfio", 4) != 0;
	return strcmp(is, driver) == 0;
}

static int unbind(int folder, const char *address)
{
	int r = sysfs_write(folder, "driver/unbind", address);

	return r == -ENOENT ? 0 : r; /* no driver: nothing to do */
}

/* udev loads the card's own VF driver; vfio-pci is nobody's own. */
static int load_driver(struct host *host, const char *driver)
{
	const char *const argv[] = { "modprobe", "--", driver, NULL };

	if (!*driver || strcmp(driver, "host") == 0 || sysfs_has_driver(host->sysfs, driver))
		return 0;
	return run_program(argv, host->err);
}

int host_bind(struct host *host, const struct vfpool_pci *vf, const char *driver)
{
	AUTO_CLOSE int folder = sysfs_open_pci(host->sysfs, vf);
	const char *override = strcmp(driver, "host") == 0 ? "\n" : driver;
	char address[VFPOOL_PCI_TEXT];
	int r;

	vfpool_pci_format(vf, address);
	if (folder < 0)
		return fail_errno(host->err, folder, "binding %s", address);
	if (is_bound_as_wanted(folder, driver))
		return 0;
	r = load_driver(host, driver);
	if (r < 0)
		return fail_while(host->err, r, "loading the driver %s", driver);
	r = unbind(folder, address);
	if (r < 0)
		return fail_errno(host->err, r, "unbinding %s from its driver", address);
	/* A newline clears the override: that is the kernel's word for none. */
	r = sysfs_write(folder, "driver_override", *override ? override : "\n");
	if (r < 0)
		return fail_errno(host->err, r, "setting the driver override of %s", address);
	if (!*driver)
		return 0;
	r = sysfs_probe_driver(host->sysfs, vf);
	if (r < 0)
		return fail_errno(host->err, r, "probing a driver for %s", address);
	if (!is_bound_as_wanted(folder, driver))
		return fail(host->err, -ENODEV,
			    "%s didn't take %s; the kernel log may say why",
			    strcmp(driver, "host") == 0 ? "the card's own VF driver" : driver,
			    address);
	return 0;
}
